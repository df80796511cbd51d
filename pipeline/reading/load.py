"""The landing folder of a period → the table `extractos`, whole or not at all.

What belongs here: the one transaction that replaces a period's extracts. What does not: formats and mappings.
Rows stream from the files into the encrypted database; nothing is staged in a file of ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

from pipeline.errors import PqrsdError
from pipeline.periods import Semester
from pipeline.profile import Profile
from pipeline.reading.csv_rows import CsvFile
from pipeline.reading.errors import ReadingError
from pipeline.reading.landing import Extract, extracts
from pipeline.reading.mapping import SCHEMA, Mapping
from pipeline.reading.xlsx_rows import XlsxFile
from pipeline.stores.tables import Tables
from schemas.extracts import EXTRACTS

_STREAM = "_lectura"


class FileRead(NamedTuple):
    """How many rows one file gave, with defects and all."""

    fuente: str
    archivo: str
    filas: int


@dataclass(frozen=True)
class ReadSummary:
    """What a load read, file by file, in the order of their names."""

    files: list[FileRead]


def load(profile: Profile, folder: Path, period: str, tables: Tables) -> ReadSummary:
    """Replaces the period's partition of `extractos` by every row of every file in `folder`, in one transaction.

    Raises `NothingToRead` for an empty folder and another `ReadingError` for a file that cannot be read as the
    profile says; the former partition then stays.
    """
    Semester.parse(period)
    reading = _Reading(period, extracts(profile, folder, period))
    stream = pa.RecordBatchReader.from_batches(SCHEMA, reading.batches())
    failure: PqrsdError | None = None
    tables.con.register(_STREAM, stream)
    try:
        tables.replace(EXTRACTS, tables.ibis.table(_STREAM), periodo=period)
    except (duckdb.Error, pa.ArrowException) as caught:
        failure = reading.failure or ReadingError(f"{period}: la carga se interrumpió ({type(caught).__name__}).")
    finally:
        tables.con.unregister(_STREAM)
    if failure is not None:
        raise failure
    return ReadSummary(reading.read)


class _Reading:
    """The rows of all files as one stream; remembers what stopped it, which the engine only quotes."""

    def __init__(self, period: str, files: list[Extract]) -> None:
        self._period = period
        self._files = files
        self.read: list[FileRead] = []
        self.failure: PqrsdError | None = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Extract rows of every file in order."""
        for extract in self._files:
            rows = 0
            try:
                for batch in _rows(extract, self._period):
                    rows += batch.num_rows
                    yield batch
            except PqrsdError as caught:
                self.failure = caught
                raise
            self.read.append(FileRead(extract.source.id, extract.name, rows))


def _rows(extract: Extract, period: str) -> Iterator[pa.RecordBatch]:
    with extract.open() as content:
        form = CsvFile if extract.source.formato == "csv" else XlsxFile
        opened = form(extract, content)
        mapping = Mapping.of(extract, period, opened.header)
        for chunk in opened.chunks():
            yield mapping.rows(chunk)
