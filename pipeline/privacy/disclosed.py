"""`Disclosed`: materialised bytes with the evidence that they passed the door.

What belongs here: the sealed value and its seal. What does not: the tests that earn it (`pipeline.privacy.gate`).
A lazy expression could change after it was judged; bytes cannot.
"""

import hashlib
import io
from dataclasses import InitVar, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.contract import Contract
from pipeline.errors import PqrsdError

_SEAL = object()


@dataclass(frozen=True)
class Disclosed:
    """Rows of one partition that may be published, as Parquet bytes, with what was measured on them.

    Only `seal` makes one; `evidence` holds figures and digests, never values.
    """

    contract: Contract
    partition: dict[str, str]
    data: bytes = field(repr=False)
    sha256: str
    rows: int
    evidence: dict[str, Any]
    # not kept, so that neither a copy with other fields nor whoever holds one can make another
    token: InitVar[object] = None

    def __post_init__(self, token: object) -> None:
        if token is not _SEAL:
            raise PqrsdError("Solo la puerta de privacidad (pipeline.privacy) produce datos divulgables.")

    def table(self) -> pa.Table:
        """The rows; raises `PqrsdError` when the bytes are not the judged ones."""
        if hashlib.sha256(self.data).hexdigest() != self.sha256:
            raise PqrsdError("Los bytes divulgados no son los que pasaron la puerta.")
        return decode(self.data)


def encode(rows: pa.Table) -> bytes:
    """Rows as the Parquet bytes that would be sealed; the same rows always give the same bytes."""
    buffer = io.BytesIO()
    pq.write_table(rows.replace_schema_metadata(None), buffer, compression="zstd", store_schema=False)
    return buffer.getvalue()


def decode(data: bytes) -> pa.Table:
    """The rows in such bytes."""
    return pq.read_table(io.BytesIO(data))


def seal(contract: Contract, partition: dict[str, str], rows: pa.Table, evidence: dict[str, Any]) -> Disclosed:
    """Seals rows that passed; called by `pipeline.privacy.gate` alone (kept so by the import rules)."""
    data = encode(rows)
    return Disclosed(contract, partition, data, hashlib.sha256(data).hexdigest(), rows.num_rows, evidence, _SEAL)
