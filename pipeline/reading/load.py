"""The landing folder of a period → the tables of extracts, whole or not at all.

What belongs here: the one transaction that replaces a period's extracts, with the record of files and columns. What
does not: formats and mappings. Rows stream from the files into the encrypted database; nothing is staged in a file of
ours.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from pipeline.contract import Contract
from pipeline.errors import PqrsdError
from pipeline.periods import Semester
from pipeline.profile import Profile
from pipeline.reading import custody, database_rows, formats, landing
from pipeline.reading.chunks import heading
from pipeline.reading.errors import NothingToRead, ReadingError
from pipeline.reading.landing import Extract
from pipeline.reading.mapping import SCHEMA, Mapping, Origin
from pipeline.stores.tables import Tables
from schemas.extracts import COLUMNS_READ, CUSTODY, EXTRACTS, FILES_READ

_KEPT = "_conservadas_"
_PURGEABLE = (EXTRACTS, FILES_READ, COLUMNS_READ)


class FileRead(NamedTuple):
    """How many rows one table of a file gave, with defects and all."""

    fuente: str
    archivo: str
    filas: int


@dataclass(frozen=True)
class ReadSummary:
    """What a load read, table by table, in the order of their names; `discarded`: columns left out by law."""

    files: list[FileRead]
    discarded: int = 0
    repaired: int = 0
    removed: int = 0
    kept: int = 0


def load(profile: Profile, folder: Path, period: str, tables: Tables) -> ReadSummary:
    """Replaces the period's partition of `extractos` by every row of every file in `folder`, in one transaction.

    Files in custody are read again; rows of purged files stay as they were. A file whose source does not leave it in
    the folder is removed from it after the commit. Raises `NothingToRead` where there is nothing, and another
    `ReadingError` for a file that cannot be read as the profile says; the former partition then stays.
    """
    semester = Semester.parse(period)
    found = landing.files(profile, folder)
    names = {extract.name for extract in found}
    held = [extract for extract in custody.held(profile, tables, period) if extract.name not in names]
    kept = _keep_purged(tables, period, names)
    queried = database_rows.snapshots(profile, semester, tables.con)
    reading = _Reading(period, sorted([*found, *held], key=lambda e: e.name), queried)
    try:
        if not (found or held or queried or kept):
            raise NothingToRead(period)
        _replace(tables, period, reading, kept=bool(kept))
    finally:
        for contract in _PURGEABLE:
            tables.con.execute(f'DROP TABLE IF EXISTS temp.main."{_KEPT}{contract.name}"')
        for snapshot in queried:
            snapshot.close()
    return ReadSummary(reading.read, reading.discarded, reading.repaired, custody.remove_clear_copies(found), len(kept))


def _replace(tables: Tables, period: str, reading: "_Reading", *, kept: bool) -> None:
    to_hold = [e for e in reading.files if e.source.tras_cargar == "custodiar"]
    streams: list[tuple[Contract, pa.Schema, Callable[[], Iterator[pa.RecordBatch]]]] = [
        (EXTRACTS, SCHEMA, reading.batches),
        (FILES_READ, _arrow(FILES_READ), lambda: _as_batches(FILES_READ, reading.files_read)),
        (COLUMNS_READ, _arrow(COLUMNS_READ), lambda: _as_batches(COLUMNS_READ, reading.columns_read)),
        (CUSTODY, custody.SCHEMA, lambda: custody.blocks(period, to_hold)),
    ]
    failure: PqrsdError | None = None
    try:
        writes: list[tuple[Contract, ir.Table, dict[str, str]]] = []
        for contract, schema, batches in streams:
            name = f"_lectura_{contract.name}"
            # a reader is drawn only while its own INSERT runs, so what is counted while reading is there by then
            tables.con.register(name, pa.RecordBatchReader.from_batches(schema, _lazily(batches)))
            rows = tables.ibis.table(name).select(*contract.names)
            if kept and contract in _PURGEABLE:
                rows = ibis.union(tables.ibis.table(_KEPT + contract.name, database="temp.main"), rows, distinct=False)
            writes.append((contract, rows, {"periodo": period}))
        tables.replace_all(writes)
    except (duckdb.Error, pa.ArrowException) as caught:
        failure = reading.failure or ReadingError(f"{period}: la carga se interrumpió ({type(caught).__name__}).")
    finally:
        for contract, _, _ in streams:
            tables.con.unregister(f"_lectura_{contract.name}")
    if failure is not None:
        raise failure


def _lazily(batches: Callable[[], Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
    yield from batches()


def _arrow(contract: Contract) -> pa.Schema:
    return contract.ibis_schema().to_pyarrow()


def _as_batches(contract: Contract, rows: list[dict[str, Any]]) -> Iterator[pa.RecordBatch]:
    yield pa.RecordBatch.from_pylist(rows, schema=_arrow(contract))


def _keep_purged(tables: Tables, period: str, present: set[str]) -> list[str]:
    """Sets aside what purged files gave, since nobody can read them again; returns which tables of files they were."""
    select = f"SELECT archivo FROM {tables.ensure(FILES_READ)} WHERE periodo = ? AND tras_cargar = 'purgar'"
    purged = [name for (name,) in tables.con.execute(select, [period]).fetchall()]
    kept = [name for name in purged if name.split("#")[0] not in present]
    for contract in _PURGEABLE if kept else ():
        columns = ", ".join(f'"{name}"' for name in contract.names)
        tables.con.execute(
            f'CREATE OR REPLACE TEMP TABLE "{_KEPT}{contract.name}" AS SELECT {columns}'
            f" FROM {tables.ensure(contract)} WHERE periodo = ? AND list_contains(?, archivo)",
            [period, kept],
        )
    return kept


class _Reading:
    """The rows of all files as one stream; remembers what stopped it, which the engine only quotes."""

    def __init__(self, period: str, files: list[Extract], queried: list[database_rows.Snapshot]) -> None:
        self._period = period
        self.files = files
        self._queried = queried
        self.read: list[FileRead] = []
        self.files_read: list[dict[str, Any]] = []
        self.columns_read: list[dict[str, Any]] = []
        self.discarded = 0
        self.repaired = 0
        self.failure: PqrsdError | None = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Extract rows of every table in order."""
        try:
            for extract in self.files:
                for table in formats.tables(extract):
                    yield from self._rows(extract, table)
            for snapshot in self._queried:
                yield from self._rows(snapshot.extract, snapshot)
        except PqrsdError as caught:
            self.failure = caught
            raise
        except Exception as caught:
            # the engine would quote it
            self.failure = ReadingError(f"{self._period}: la lectura se interrumpió ({type(caught).__name__}).")
            raise self.failure from None

    def _rows(self, extract: Extract, table: formats.Sheet) -> Iterator[pa.RecordBatch]:
        origin = Origin(self._period, table.name, extract.sha256)
        mapping = Mapping.of(extract.source, origin, table.header, table.header_row)
        for chunk in table.chunks():
            if len(chunk.fila):
                yield mapping.rows(chunk)
        self.read.append(FileRead(extract.source.id, table.name, mapping.rows_read))
        self._record(extract, table, mapping)

    def _record(self, extract: Extract, table: formats.Sheet, mapping: Mapping) -> None:
        source = extract.source
        place = {"periodo": self._period, "fuente": source.id, "archivo": table.name}
        self.files_read.append(
            place | {
                "mecanismo": source.mecanismo, "archivo_sha256": extract.sha256, "bytes": extract.size,
                "extraido_en": extract.extracted, "extraido_segun": extract.extracted_by,
                "filas": mapping.rows_read, "tras_cargar": source.tras_cargar,
            }
        )  # fmt: skip
        for field, column in source.columnas.items():
            for name, _ in column.headers:
                written = table.header[mapping.positions[name]]
                self._column(place, mapping, written, field, "cargada" if written == heading(name) else "alias")
        for use, names in (("descartada", source.descartadas), ("ignorada", source.ignoradas)):
            for name in names:
                self._column(place, mapping, heading(name), "", use)
        self.discarded += len(source.descartadas)
        self.repaired += sum(mapping.repaired.values())

    def _column(self, place: dict[str, str], mapping: Mapping, name: str, field: str, use: str) -> None:
        self.columns_read.append(
            place | {
                "columna": name, "campo": field, "uso": use, "filas": mapping.rows_read,
                "llenas": mapping.filled[field] if field else None, "reparadas": mapping.repaired[field],
            }
        )  # fmt: skip
