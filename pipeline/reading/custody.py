"""Landing files that were taken in: kept inside the encrypted store, or destroyed, and the clear copy removed.

What belongs here: moving a file's bytes into the store, reading them back, deleting the clear copy. What does not:
which source wants what (`tras_cargar` in `fuentes.yaml`) and the record of it (`archivos_leidos`).
"""

import base64
import io
from collections.abc import Callable, Iterator
from typing import IO, cast

import duckdb
import pyarrow as pa

from pipeline.profile import Profile
from pipeline.reading.landing import Extract, extracted, source_of
from pipeline.stores.tables import Tables
from schemas.extracts import CUSTODY

_BLOCK = 3 << 20  # a multiple of 3, so that the blocks' base64 has no padding inside
SCHEMA = CUSTODY.ibis_schema().to_pyarrow()


def blocks(period: str, wanted: list[Extract]) -> Iterator[pa.RecordBatch]:
    """The bytes of the files whose source keeps them in custody, as rows of `archivos_custodiados`."""
    for extract in wanted:
        with extract.open() as content:
            number = 0
            while (block := content.read(_BLOCK)) or not number:
                row = {
                    "periodo": period, "archivo": extract.name, "archivo_sha256": extract.sha256, "trozo": number,
                    "bytes": extract.size, "extraido_en": extract.extracted,
                    "contenido": base64.b64encode(block).decode(),
                }  # fmt: skip
                yield pa.RecordBatch.from_pylist([row], schema=SCHEMA)
                number += 1


def held(profile: Profile, tables: Tables, period: str) -> list[Extract]:
    """The files of a period that are in custody, to be read as if they still lay in the folder."""
    select = f"SELECT archivo, archivo_sha256, bytes, extraido_en FROM {tables.ensure(CUSTODY)}"
    rows = tables.con.execute(f"{select} WHERE periodo = ? AND trozo = 0 ORDER BY archivo", [period]).fetchall()
    found = []
    for name, sha256, size, at in rows:
        source = source_of(profile, name)
        moment, by = extracted(source, name, at)
        found.append(
            Extract(
                name,
                source,
                sha256,
                size,
                moment,
                by,
                _opener(tables, period, name),
            )
        )
    return found


def _opener(tables: Tables, period: str, name: str) -> Callable[[], IO[bytes]]:
    place = f'"{tables.database}"."main"."{CUSTODY.name}"'
    return lambda: cast(IO[bytes], io.BufferedReader(_Held(tables.con, place, period, name)))


class _Held(io.RawIOBase):
    """A file in custody as a stream that holds one block; a cursor of its own, since the connection may be loading."""

    def __init__(self, con: duckdb.DuckDBPyConnection, place: str, period: str, name: str) -> None:
        self._cursor = con.cursor()
        self._select = f"SELECT contenido FROM {place} WHERE periodo = ? AND archivo = ? AND trozo = ?"
        self._named = [period, name]
        self._size = int(
            self._cursor.execute(
                f"SELECT max(bytes) FROM {place} WHERE periodo = ? AND archivo = ?", self._named
            ).fetchone()[0]  # type: ignore[index]
        )
        self._at = 0
        self._number = -1
        self._block = b""

    def readable(self) -> bool:
        """True: this is for reading."""
        return True

    def seekable(self) -> bool:
        """True: a workbook is read in no order."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves within the file; returns where it is then."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, target: object) -> int:
        """Fills `target` from the block that holds the position; 0 at the end."""
        view = memoryview(target)  # type: ignore[arg-type]
        number, inside = divmod(self._at, _BLOCK)
        if self._at >= self._size:
            return 0
        if number != self._number:
            found = self._cursor.execute(self._select, [*self._named, number]).fetchone()
            self._block, self._number = base64.b64decode(found[0]) if found else b"", number
        taken = self._block[inside : inside + len(view)]
        view[: len(taken)] = taken
        self._at += len(taken)
        return len(taken)

    def close(self) -> None:
        """Closes the cursor too."""
        if not self.closed:
            self._cursor.close()
        super().close()


def remove_clear_copies(loaded: list[Extract]) -> int:
    """Deletes the landing files whose source does not leave them there; returns how many. Only after the commit."""
    removed = 0
    for extract in loaded:
        if extract.path is not None and extract.source.tras_cargar != "conservar":
            extract.path.unlink(missing_ok=True)
            removed += 1
    return removed
