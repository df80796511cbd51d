"""A workbook → the chunks of its sheets as text, row by row.

What belongs here: sheets, native cells, merged headers and row numbers of XLSX. What does not: what a column means.
Native dates become ISO text (`2026-01-31 08:15:00`), whole numbers lose their decimals, logical values are si and no.
"""

import re
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from fnmatch import fnmatchcase
from itertools import islice
from typing import IO
from xml.etree import ElementTree

import openpyxl
import pyarrow as pa

from pipeline.reading import header
from pipeline.reading.chunks import Chunk, rows_at_once, texts
from pipeline.reading.errors import BrokenFileError, HeaderError, ReadingError
from pipeline.sources import Source

_MAX_EXPANDED = 4 << 30
_MAX_EXPANSION = 250
_ALWAYS_ALLOWED = 64 << 20
_MAX_SHARED = 256 << 20
_SHARED = "xl/sharedStrings.xml"
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_BLOCK = 1 << 20
_LONGEST_TAG = 200
Row = tuple[object, ...]


def sheets(source: Source, name: str, content: IO[bytes]) -> Iterator["XlsxSheet"]:
    """The declared sheets of a workbook in its order; the first one where none is declared.

    Several are read one after the other, so each must be read to its end before the next is asked for.
    """
    _refuse_bombs(name, content)
    book = _guarded(name, lambda: openpyxl.load_workbook(content, read_only=True, data_only=True))
    wanted = source.hojas or ((source.hoja,) if source.hoja else ())
    chosen = [title for title in book.sheetnames if any(fnmatchcase(title, pattern) for pattern in wanted)]
    if wanted and not chosen:
        raise HeaderError(f"{name}: no tiene la hoja {header.listed(wanted)}.")
    for title in chosen or book.sheetnames[:1]:
        merged = _merged(name, content, title) if source.filas_de_encabezado > 1 else []
        called = f"{name}#{title}" if source.hojas else name
        yield XlsxSheet(source, called, _guarded(name, lambda t=title: book[t]), merged)


class XlsxSheet:
    """One sheet of a workbook: its header, then its chunks, read once and in order."""

    def __init__(self, source: Source, name: str, sheet: object, merged: list[header.Span]) -> None:
        self.name = name
        self._rows = _rows(name, sheet)
        first = list(islice(self._rows, max(header.SEARCHED_ROWS, source.header_end)))
        found = header.found(source, name, first, merged)
        self.header, self.header_row = found.names, found.row
        while self.header and not self.header[-1]:
            self.header.pop()
        self._first = first[found.row :]

    def chunks(self) -> Iterator[Chunk]:
        """Every row after the header; rows without any cell are not rows, but they count in `fila`."""
        fila = self.header_row
        rows = self._first
        size = rows_at_once(len(self.header))
        while rows := rows or list(islice(self._rows, size)):
            numbered = [(fila + i, row) for i, row in enumerate(rows, start=1) if any(c is not None for c in row)]
            fila += len(rows)
            rows = []
            yield self._chunk(numbered)

    def _chunk(self, rows: list[tuple[int, Row]]) -> Chunk:
        width = len(self.header)
        read: list[list[str | None]] = []
        defects: list[str | None] = []
        for _, row in rows:
            over = any(c is not None for c in row[width:])
            read.append([None] * width if over else [as_text(c) for c in row[:width]] + [None] * (width - len(row)))
            defects.append("columnas_de_mas" if over else None)
        cells, broken = texts(read, width)
        defects = ["texto_no_valido" if bad else defect for bad, defect in zip(broken, defects, strict=True)]
        return Chunk(pa.array([fila for fila, _ in rows], pa.int64()), pa.array(defects, pa.string()), cells)


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


def _rows(name: str, sheet: object) -> Iterator[Row]:
    sheet.reset_dimensions()  # type: ignore[attr-defined]  # some programs declare a size that is not the sheet's
    rows = sheet.iter_rows(values_only=True)  # type: ignore[attr-defined]
    while (row := _guarded(name, lambda: next(rows, None))) is not None:
        yield row


def _guarded(name: str, step):  # type: ignore[no-untyped-def]
    """A step of openpyxl, whose many failures, some of which quote a cell, become one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl's warnings can quote a cell
            return step()
    except ReadingError:
        raise
    except Exception as caught:
        failure = type(caught).__name__
    raise BrokenFileError(f"{name}: no es un libro XLSX legible ({failure}).")


def _refuse_bombs(name: str, content: IO[bytes]) -> None:
    """Refuses a workbook by its table of contents alone, before anything of it is unpacked."""
    members = _guarded(name, lambda: zipfile.ZipFile(content).infolist())
    whole = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if any(member.flag_bits & 1 for member in members):
        raise BrokenFileError(f"{name}: está protegido con contraseña: pida el libro sin contraseña.")
    if whole > min(_MAX_EXPANDED, max(_ALWAYS_ALLOWED, _MAX_EXPANSION * packed)):
        raise BrokenFileError(
            f"{name}: el libro se expande más de {_MAX_EXPANSION} veces su tamaño; parece una bomba de compresión."
        )
    # the one part that is held in memory as a whole
    if any(m.filename == _SHARED and m.file_size > _MAX_SHARED for m in members):
        raise BrokenFileError(f"{name}: el libro tiene más texto del que cabe en memoria; expórtelo como CSV.")


def _merged(name: str, content: IO[bytes], title: str) -> list[header.Span]:
    """The merged ranges of a sheet, from its XML: a reader that streams does not know them."""
    return list(_guarded(name, lambda: _merged_ranges(content, title)))


def _merged_ranges(content: IO[bytes], title: str) -> list[header.Span]:
    with zipfile.ZipFile(content) as archive:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 - expat limits its entities
        relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
        key = next(s.get(_RELATION) for s in book.iter(f"{_MAIN}sheet") if s.get("name") == title)
        target = next(str(r.get("Target")) for r in relations if r.get("Id") == key)
        path = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        found: set[header.Span] = set()
        with archive.open(path) as sheet:
            tail = b""
            while block := sheet.read(_BLOCK):
                text = tail + block
                for first, top, last, bottom in _MERGED.findall(text):
                    if int(bottom) <= header.SEARCHED_ROWS:
                        found.update((r - 1, _column(first), _column(last)) for r in range(int(top), int(bottom) + 1))
                tail = text[-_LONGEST_TAG:]
    return sorted(found)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number - 1
