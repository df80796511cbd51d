"""A delimited text file → chunks of cells, streamed; records of the wrong width become defects.

What belongs here: headers, records and row numbers of delimited text. What does not: what a column means.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from pipeline.reading import header
from pipeline.reading.chunks import MAX_RECORD, Chunk
from pipeline.reading.errors import BrokenFileError, HeaderError
from pipeline.reading.text import Decoder, Utf8Source
from pipeline.sources import Source

_BLOCK = MAX_RECORD
_LONGEST_HEAD = 1 << 19  # letters; a file that is shorter was read whole
_DEFECTS_AT_ONCE = 50_000
_DELIMITERS = (",", ";", "\t", "|")
# Read back at the end of every file: a quote that nobody closed would have swallowed it.
_SENTINEL = "\x1dfin\x1d"


@dataclass
class _Misfits:
    """Records whose width is not the header's, as the parser reports them: number → defect."""

    sentinel: str
    defects: dict[int, str] = field(default_factory=dict)
    closed: bool = False

    def __call__(self, row: arrow_csv.InvalidRow) -> str:
        if row.text == self.sentinel:
            self.closed = True
            self.defects[row.number] = ""
        else:
            wide = row.actual_columns > row.expected_columns
            self.defects[row.number] = "columnas_de_mas" if wide else "columnas_de_menos"
        return "skip"

    def taken(self, before: int | None = None) -> dict[int, str]:
        """The defects of the records before that number, or of all, handed over for good."""
        return {n: self.defects.pop(n) for n in list(self.defects) if before is None or n < before}


class CsvFile:
    """One delimited file: its header, then its chunks, read once and in order."""

    def __init__(self, source: Source, name: str, content: IO[bytes]) -> None:
        self.name = name
        self._source = source
        self._decoder = Decoder(content, source.codificacion, name)
        head = self._decoder.next()
        if head is None:
            raise BrokenFileError(f"{name}: el archivo está vacío.")
        self._delimiter = source.delimitador if source.delimitador != "auto" else self._detected(head)
        rows, ends = _first_rows(head, self._delimiter)
        if not rows and len(head) >= _LONGEST_HEAD:
            raise BrokenFileError(f"{name}: la primera línea no termina en el primer megabyte; no es texto delimitado.")
        found = header.found(source, name, rows)
        self.header, self.header_row = found.names, found.row
        self._head = head[ends[found.row - 1] :]

    def chunks(self) -> Iterator[Chunk]:
        """Every record after the header; records empty in every cell are not rows, but they count in `fila`."""
        width = len(self.header)
        sentinel = _SENTINEL + self._delimiter * width
        misfits = _Misfits(sentinel)
        text = Utf8Source(self._head, self._decoder, sentinel + "\n")
        number = 1
        for batch in self._batches(text, misfits, width):
            numbers = _fitting_numbers(number, batch.num_rows, misfits.defects)
            number = int(numbers[-1]) + 1 if len(numbers) else number
            chunk = self._chunk(batch, numbers)
            if len(chunk.fila):
                yield chunk
            # a file of nothing but misfits must not gather them all
            yield from self._defects(misfits.taken(number), width)
        if not misfits.closed:
            raise BrokenFileError(f"{self.name}: hay unas comillas que no se cierran; el resto no se separa.")
        yield from self._defects(misfits.taken(), width)

    def _detected(self, head: str) -> str:
        """The delimiter under which the header is the one that the profile declares; no other evidence counts."""
        fitting = []
        for delimiter in _DELIMITERS:
            try:
                found = header.found(self._source, self.name, _first_rows(head, delimiter)[0])
                header.check(self._source, self.name, found.names, found.row)
            except HeaderError:
                continue
            fitting.append(delimiter)
        if len(fitting) != 1:
            raise HeaderError(
                f"{self.name}: con ningún delimitador aparecen las columnas que declara la fuente «{self._source.id}»."
                if not fitting
                else f"{self.name}: el delimitador es ambiguo; declárelo en «delimitador»."
            )
        return fitting[0]

    def _batches(self, text: Utf8Source, misfits: _Misfits, width: int) -> Iterator[pa.RecordBatch]:
        names = [f"c{i}" for i in range(width)]
        broken = False
        try:
            with arrow_csv.open_csv(
                pa.PythonFile(text, mode="r"),
                # one thread: the parser then numbers the records that do not fit
                read_options=arrow_csv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=names),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self._delimiter,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=misfits,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
                ),
            ) as reader:
                yield from reader
        except pa.ArrowException:
            broken = True
            text.stop()
        if broken:
            raise BrokenFileError(f"{self.name}: hay unas comillas que no se cierran o un registro de más de 8 MB.")

    def _chunk(self, batch: pa.RecordBatch, numbers: np.ndarray) -> Chunk:
        fila = pa.array(numbers + self.header_row, pa.int64())
        empty = None
        for cells in batch.columns:
            column_empty = pc.equal(cells, "")
            empty = column_empty if empty is None else pc.and_(empty, column_empty)
            if not pc.any(empty).as_py():
                break
        else:
            kept = pc.invert(empty)
            batch, fila = batch.filter(kept), fila.filter(kept)
        return Chunk(fila, pa.nulls(len(fila), pa.string()), batch.columns)

    def _defects(self, defects: dict[int, str], width: int) -> Iterator[Chunk]:
        rows = [(number + self.header_row, defect) for number, defect in defects.items() if defect]
        for start in range(0, len(rows), _DEFECTS_AT_ONCE):
            part = rows[start : start + _DEFECTS_AT_ONCE]
            yield Chunk(
                pa.array([fila for fila, _ in part], pa.int64()),
                pa.array([defect for _, defect in part], pa.string()),
                [pa.nulls(len(part), pa.string())] * width,
            )


def _first_rows(head: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """The first records of a text and where each ends; none that may go on beyond it."""
    lines = io.StringIO(head, newline="")
    rows: list[list[str]] = []
    ends: list[int] = []
    try:
        for row in islice(csv.reader(lines, delimiter=delimiter), header.SEARCHED_ROWS):
            rows.append(row)
            ends.append(lines.tell())
    except csv.Error:
        pass
    if len(head) >= _LONGEST_HEAD and ends and ends[-1] == len(head):
        del rows[-1], ends[-1]
    return rows, ends


def _fitting_numbers(first: int, count: int, misfits: dict[int, str]) -> np.ndarray:
    """The first `count` record numbers from `first` on that are no misfits."""
    inside = np.array([n for n in list(misfits) if n >= first], dtype=np.int64)
    candidates = np.arange(first, first + count + len(inside), dtype=np.int64)
    return candidates[~np.isin(candidates, inside)][:count]
