"""A spreadsheet → chunks of cells as text, row by row.

What belongs here: sheets, native cells and row numbers of XLSX. What does not: what a column means.
Native dates become ISO text (`2026-01-31 08:15:00`), whole numbers lose their decimals, logical values are si and no.
"""

import warnings
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import IO

import openpyxl
import pyarrow as pa

from pipeline.reading.errors import BrokenFileError, HeaderError
from pipeline.reading.landing import Extract
from pipeline.reading.mapping import Chunk, heading

_ROWS = 20_000


class XlsxFile:
    """One sheet of a workbook: its header, then its chunks, read once and in order."""

    def __init__(self, extract: Extract, content: IO[bytes]) -> None:
        self._extract = extract
        self._source = extract.source
        self._content = content
        self._rows = self._sheet_rows()
        head = self._take(self._source.fila_encabezado)
        if len(head) < self._source.fila_encabezado:
            raise HeaderError(f"{extract.name}: no hay encabezado en la fila {self._source.fila_encabezado}.")
        names = [heading(cell) for cell in head[-1]]
        while names and not names[-1]:
            names.pop()
        self.header = names

    def chunks(self) -> Iterator[Chunk]:
        """Every row after the header; rows without any cell are not rows, but they count in `fila`."""
        fila = self._source.fila_encabezado
        while rows := self._take(_ROWS):
            numbered = [(fila + i, row) for i, row in enumerate(rows, start=1) if any(c is not None for c in row)]
            fila += len(rows)
            yield self._chunk(numbered)

    def _take(self, count: int) -> list[tuple[object, ...]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl's warnings can quote a cell
            return list(islice(self._rows, count))

    def _sheet_rows(self) -> Iterator[tuple[object, ...]]:
        try:
            book = openpyxl.load_workbook(self._content, read_only=True, data_only=True)
            sheet = self._source.hoja or book.sheetnames[0]
            if sheet not in book.sheetnames:
                raise HeaderError(f"{self._extract.name}: no tiene la hoja «{sheet}».")
            rows = book[sheet]
            rows.reset_dimensions()  # some programs declare a size that is not the sheet's
            yield from rows.iter_rows(values_only=True)
            return
        except HeaderError:
            raise
        except Exception as caught:
            # a damaged workbook fails in many ways, some of which quote it
            failure = type(caught).__name__
        raise BrokenFileError(f"{self._extract.name}: no es un libro XLSX legible ({failure}).")

    def _chunk(self, rows: list[tuple[int, tuple[object, ...]]]) -> Chunk:
        width = len(self.header)
        wide = [any(c is not None for c in row[width:]) for _, row in rows]
        cells = [
            pa.array(
                [None if over or i >= len(row) else as_text(row[i]) for over, (_, row) in zip(wide, rows, strict=True)],
                pa.string(),
            )
            for i in range(width)
        ]
        return Chunk(
            pa.array([fila for fila, _ in rows], pa.int64()),
            pa.array(["columnas_de_mas" if over else None for over in wide], pa.string()),
            cells,
        )


def as_text(cell: object) -> str | None:
    """What a spreadsheet cell says, as text."""
    match cell:
        case None:
            return None
        case bool():
            return "si" if cell else "no"
        case float() if cell.is_integer():
            return str(int(cell))
        case datetime():
            # a native date is a binary fraction of a day: 10:30 may arrive as 10:29:59.999997
            return (cell + timedelta(microseconds=500_000)).replace(microsecond=0, tzinfo=None).isoformat(sep=" ")
        case date() | time():
            return cell.isoformat()
    return str(cell)
