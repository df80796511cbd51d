"""The bytes that became public, by digest: what anybody may have kept, and the next audit must reckon with.

What belongs here: keeping and finding disclosed bytes. What does not: judging them, and the ledger that says which they
are. A withdrawn release stays here: withdrawing a file takes it from nobody.
"""

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import PqrsdError

if TYPE_CHECKING:
    from pipeline.privacy.disclosed import Disclosed


class ArchiveError(PqrsdError):
    """Bytes that the ledger says were published are missing or altered."""


@dataclass(frozen=True)
class Archive:
    """A folder with one file a digest."""

    folder: Path

    def keep(self, disclosed: "Disclosed") -> None:
        """Keeps the bytes, once, before anybody is told that they are public."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self._place(disclosed.sha256)
        if place.exists():
            return
        temporary = place.with_name(f".{place.name}.{os.getpid()}")
        temporary.write_bytes(disclosed.data)
        temporary.replace(place)

    def find(self, sha256: str) -> bytes:
        """The bytes of a digest; raises `ArchiveError` where they are not there or are others."""
        place = self._place(sha256)
        if not place.exists():
            raise ArchiveError(
                f"Falta {sha256[:12]}… entre lo divulgado: restáurelo de un respaldo, sin ello nada se audita."
            )
        data = place.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ArchiveError(f"El archivo de lo divulgado {sha256[:12]}… fue alterado: restáurelo de un respaldo.")
        return data

    def table(self, sha256: str) -> pa.Table:
        """The rows of a digest; raises as `find` does."""
        return pq.read_table(io.BytesIO(self.find(sha256)))

    def _place(self, sha256: str) -> Path:
        return self.folder / f"{sha256}.parquet"
