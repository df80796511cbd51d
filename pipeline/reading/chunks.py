"""What every reader gives: a header, then chunks of cells with their row numbers and reading defects.

What belongs here: the shape that readers share and the bounds they keep. What does not: any one format, and what a
column means (`pipeline.reading.mapping`).
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

MAX_COLUMNS = 2_000
"""More columns than any extract has: a header with more is a damaged or hostile file."""

MAX_RECORD = 8 << 20
"""Bytes of the longest record that is read; a longer one stops the load."""

CELLS_AT_ONCE = 400_000
"""How many cells a reader that works row by row holds before it gives them on."""


@dataclass(frozen=True)
class Chunk:
    """Some records of a file: their row numbers, their reading defects, and the cells of every column in file order.

    Rows with a defect carry nulls in `cells`: nothing is guessed about them.
    """

    fila: pa.Array
    defecto: pa.Array
    cells: list[pa.Array]


class Sheet(Protocol):
    """One table of an extract, read once and in order."""

    name: str
    """What messages and rows call it: the file, and after `#` its sheet or member where it has several."""

    header: list[str]
    header_row: int

    def chunks(self) -> Iterator[Chunk]:
        """Every record below the header; empty ones are no rows, but they count in `fila`."""


def heading(cell: object) -> str:
    """A column's name as written in a header cell: NFC, without surplus spaces."""
    return " ".join(unicodedata.normalize("NFC", "" if cell is None else str(cell)).split())


def rows_at_once(width: int) -> int:
    """How many rows of that width make a chunk."""
    return max(1, min(20_000, CELLS_AT_ONCE // max(width, 1)))


def texts(rows: list[list[str | None]], width: int) -> tuple[list[pa.Array], list[bool]]:
    """Rows of cells as columns, and which rows hold what is no text: a lone surrogate or a NUL."""
    broken = [any(cell is not None and not _is_text(cell) for cell in row) for row in rows]
    kept = [[None] * width if bad else row for bad, row in zip(broken, rows, strict=True)]
    return [pa.array([row[i] for row in kept], pa.string()) for i in range(width)], broken


def _is_text(cell: str) -> bool:
    if cell.isascii():
        return "\0" not in cell
    return "\0" not in cell and not any("\ud800" <= letter <= "\udfff" for letter in cell)
