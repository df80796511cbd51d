"""Rows → the bytes of delimited files and workbooks, the same for the same rows.

What belongs here: quoting, encodings, ragged records, workbooks without a clock. What does not: what a cell says.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.profile import Source
from pipeline.sampling.dirt import Planted
from pipeline.sampling.draws import Columns, take
from pipeline.sampling.petitions import Draw
from pipeline.sampling.rows import Defect, Rows
from pipeline.sampling.texts import Texts, other_cell

EXTRA_COLUMN = "columna_de_mas"
_CHUNK = 50_000
_BOM = "\ufeff"
_LAST_KEPT = "direccion"
"""A record with too few columns ends here."""
_ZIP_EPOCH = (2020, 1, 1, 0, 0, 0)
_CLOCK = re.compile(rb"<dcterms:(created|modified)([^>]*)>[^<]*<")
_LONGEST_NUMBER = 15
_TITLES = ("ALCALDÍA DISTRITAL DE SANTA MARTA", "Oficina de Gestión para la Atención al Ciudadano")


def write_file(draw: Draw, planted: Planted, number: int, texts: Texts, out: Path) -> None:
    """Writes the file of that number, with its rows in their order, into a folder."""
    file, rows = planted.files[number], planted.rows
    where = np.flatnonzero(rows.columns["archivo"] == number)
    path = out / file.name
    source = draw.profile.fuentes[file.source]
    if source.formato == "xlsx":
        path.write_bytes(_workbook(draw, source, rows, texts, take(rows.columns, where)))
        return
    with path.open("wb") as content:
        content.write(_head(source))
        for start in range(0, len(where), _CHUNK):
            content.write(_records(source, rows, texts, take(rows.columns, where[start : start + _CHUNK])))


def headings(source: Source) -> list[str]:
    """The columns of a source's files, in order."""
    return [name for name, _ in source.headers]


def _cells(source: Source, rows: Rows, texts: Texts, part: Columns) -> Iterator[pa.Array]:
    keys = part["clave"]
    for field in source.columnas:
        yield rows.overwrite(field, keys, texts.column(source, field, part))
    for field in (*source.descartadas, *source.ignoradas):
        yield rows.overwrite(field, keys, other_cell(field, part))


def _line_end(source: Source) -> str:
    return "\r\n" if source.codificacion == "cp1252" else "\n"


def _head(source: Source) -> bytes:
    text = source.delimitador.join(_quote_one(name, source.delimitador) for name in headings(source))
    # Excel marks its UTF-8 with a byte-order mark.
    mark = _BOM if source.codificacion == "utf-8" else ""
    return (mark + text + _line_end(source)).encode(source.codificacion)


def _quote_one(text: str, delimiter: str) -> str:
    return f'"{text}"' if delimiter in text else text


def _records(source: Source, rows: Rows, texts: Texts, part: Columns) -> bytes:
    """The records of a slice: the text column's own buffer is the file's content."""
    cells = [_quoted(column, source.delimitador) for column in _cells(source, rows, texts, part)]
    lines = pc.binary_join_element_wise(*cells, source.delimitador)
    defect = part["defecto"]
    if defect.any():
        kept = list(source.columnas).index(_LAST_KEPT) + 1
        short = pc.binary_join_element_wise(*cells[:kept], source.delimitador)
        extra = rows.overwrite(EXTRA_COLUMN, part["clave"], pa.repeat(pa.scalar("dato adicional"), len(defect)))
        long = pc.binary_join_element_wise(lines, extra, source.delimitador)
        lines = pc.if_else(pa.array(defect == Defect.COLUMNAS_DE_MENOS), short, lines)
        lines = pc.if_else(pa.array(defect == Defect.COLUMNAS_DE_MAS), long, lines)
    lines = pc.binary_join_element_wise(lines, _line_end(source), "")
    offsets = np.frombuffer(lines.buffers()[1], dtype=np.int32)[lines.offset : lines.offset + len(lines) + 1]
    content = lines.buffers()[2].to_pybytes()[offsets[0] : offsets[-1]]
    return content if source.codificacion == "utf-8" else content.decode().encode(source.codificacion)


def _quoted(cells: pa.Array, delimiter: str) -> pa.Array:
    """RFC 4180: quotes where a cell holds the delimiter, quotes or a line break."""
    special = pc.match_substring_regex(cells, f'[{re.escape(delimiter)}"\r\n]')
    if not pc.any(special).as_py():
        return cells
    doubled = pc.replace_substring(cells, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), cells)


def _workbook(draw: Draw, source: Source, rows: Rows, texts: Texts, part: Columns) -> bytes:
    """A workbook as offices keep them: a sheet of instructions first, title rows, native dates and numbers."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    instructions = book.create_sheet("Instrucciones")
    instructions.append(["Diligencie una fila por cada solicitud recibida."])
    sheet = book.create_sheet(source.hoja or "Hoja1")
    for row in range(1, source.header_end):
        title = (*_TITLES, f"Radicación {draw.semester.label}")[(row - 1) % 3]
        sheet.append([title])
    sheet.append(headings(source))
    columns = [column.to_pylist() for column in _cells(source, rows, texts, part)]
    for record in zip(*columns, strict=True):
        sheet.append([_cell(text) for text in record])
    raw = io.BytesIO()
    book.save(raw)
    return _without_clock(raw)


def _cell(text: str) -> object:
    """Numbers and ISO dates become native cells; everything else stays text."""
    if not text:
        return None
    if text.isdigit() and len(text) <= _LONGEST_NUMBER and (text[0] != "0" or text == "0"):
        return int(text)
    if len(text) >= 10 and text[4] == "-" and text[:4].isdigit():
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return text
    return text


def _without_clock(raw: io.BytesIO) -> bytes:
    """The same archive with fixed times, inside and outside."""
    fixed = io.BytesIO()
    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist()):
            content = old.read(name)
            if name == "docProps/core.xml":
                content = _CLOCK.sub(rb"<dcterms:\1\2>2020-01-01T00:00:00Z<", content)
            new.writestr(zipfile.ZipInfo(name, _ZIP_EPOCH), content, zipfile.ZIP_DEFLATED)
    return fixed.getvalue()
