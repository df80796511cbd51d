"""A delimited text file → chunks of cells, streamed; records of the wrong width become defects.

What belongs here: headers, records and row numbers of delimited text. What does not: what a column means.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from pipeline.reading.errors import BrokenFileError, HeaderError
from pipeline.reading.landing import Extract
from pipeline.reading.mapping import Chunk, heading
from pipeline.reading.text import Decoder, Utf8Source

_BLOCK = 8 << 20
# Read back at the end of every file: a quote that nobody closed would have swallowed it.
_SENTINEL = "\x1dfin\x1d"
_DISGUISED = {
    "<": "parece una página web, no un extracto",
    "version https://git-lfs": "es un puntero de Git LFS, no el extracto",
    "PK\x03\x04": "es un archivo comprimido u hoja de cálculo, no texto delimitado",
}


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


class CsvFile:
    """One delimited file: its header, then its chunks, read once and in order."""

    def __init__(self, extract: Extract, content: IO[bytes]) -> None:
        self._extract = extract
        self._source = extract.source
        self._decoder = Decoder(content, self._source.codificacion, extract.name)
        self.header, self._head = self._read_header()

    def chunks(self) -> Iterator[Chunk]:
        """Every record after the header; records empty in every cell are not rows, but they count in `fila`."""
        width = len(self.header)
        sentinel = _SENTINEL + self._source.delimitador * width
        misfits = _Misfits(sentinel)
        text = Utf8Source(self._head, self._decoder, sentinel + "\n")
        number = 1
        for batch in self._batches(text, misfits, width):
            numbers = _fitting_numbers(number, batch.num_rows, misfits.defects)
            number = int(numbers[-1]) + 1 if len(numbers) else number
            chunk = self._chunk(batch, numbers)
            if len(chunk.fila):
                yield chunk
        if not misfits.closed:
            raise BrokenFileError(f"{self._extract.name}: hay unas comillas que no se cierran; el resto no se separa.")
        yield self._defects(misfits.defects, width)

    def _read_header(self) -> tuple[list[str], str]:
        name, delimiter = self._extract.name, self._source.delimitador
        if len(delimiter) != 1 or not delimiter.isascii():
            raise HeaderError(f"fuentes.yaml: el delimitador de «{self._source.id}» debe ser un solo carácter.")
        head = self._decoder.next()
        if head is None:
            raise BrokenFileError(f"{name}: el archivo está vacío.")
        for start, what in _DISGUISED.items():
            if head.lstrip().startswith(start):
                raise BrokenFileError(f"{name}: {what}.")
        lines = io.StringIO(head, newline="")
        records = csv.reader(lines, delimiter=delimiter)
        header: list[str] = []
        try:
            for _ in range(self._source.fila_encabezado):
                header = next(records)
        except (StopIteration, csv.Error):
            raise HeaderError(f"{name}: no hay encabezado en la fila {self._source.fila_encabezado}.") from None
        return [heading(cell) for cell in header], head[lines.tell() :]

    def _batches(self, text: Utf8Source, misfits: _Misfits, width: int) -> Iterator[pa.RecordBatch]:
        names = [f"c{i}" for i in range(width)]
        broken = False
        try:
            with arrow_csv.open_csv(
                pa.PythonFile(text, mode="r"),
                # one thread: the parser then numbers the records that do not fit
                read_options=arrow_csv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=names),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self._source.delimitador,
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
        if broken:
            raise BrokenFileError(
                f"{self._extract.name}: hay unas comillas que no se cierran o un registro de más de 8 MB."
            )

    def _chunk(self, batch: pa.RecordBatch, numbers: np.ndarray) -> Chunk:
        fila = pa.array(numbers + self._source.fila_encabezado, pa.int64())
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

    def _defects(self, defects: dict[int, str], width: int) -> Chunk:
        rows = [(number + self._source.fila_encabezado, defect) for number, defect in defects.items() if defect]
        return Chunk(
            pa.array([fila for fila, _ in rows], pa.int64()),
            pa.array([defect for _, defect in rows], pa.string()),
            [pa.nulls(len(rows), pa.string())] * width,
        )


def _fitting_numbers(first: int, count: int, misfits: dict[int, str]) -> np.ndarray:
    """The first `count` record numbers from `first` on that are no misfits."""
    inside = np.array([n for n in misfits if n >= first], dtype=np.int64)
    candidates = np.arange(first, first + count + len(inside), dtype=np.int64)
    return candidates[~np.isin(candidates, inside)][:count]
