"""Special uniques: rows that few columns already single out (SUDA, Elliot, Manning and Ford 2002).

What belongs here: minimal sample uniques and their score. What does not: k and the risks of whole classes
(`pipeline.privacy.figures`). A null is a value of its own.
"""

from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.privacy.grouped import packed

MOST_COLUMNS = 3
"""Largest sets of columns that are looked at unless more are asked for: whoever needs more knows a lot already."""


@dataclass(frozen=True)
class SpecialUniques:
    """`minimal[r, s]`: how many sets of s + 1 columns single out row r while none of their subsets does.

    `score` weighs them: a set of s of m columns counts (m - s) · (m - s - 1) · … down to the largest size looked at, so
    that fewer columns weigh more; 0 where no set does.
    """

    minimal: np.ndarray
    score: np.ndarray

    @property
    def rows(self) -> int:
        """How many rows are singled out by some set."""
        return int(self.minimal.any(axis=1).sum())

    def by_size(self) -> list[int]:
        """For each size, how many rows it takes at least that many columns to single out."""
        least = np.where(self.minimal.any(axis=1), self.minimal.astype(bool).argmax(axis=1), -1)
        return [int((least == size).sum()) for size in range(self.minimal.shape[1])]


def find(table: pa.Table, columns: list[str], most: int = MOST_COLUMNS) -> SpecialUniques:
    """The special uniques of `table` over all sets of at most `most` of the columns."""
    most = min(most, len(columns))
    codes, sizes = zip(*(_coded(table[name]) for name in columns), strict=True)
    rows = table.num_rows
    minimal = np.zeros((rows, most), dtype=np.int64)
    singled: dict[tuple[int, ...], np.ndarray] = {}
    for size in range(1, most + 1):
        found = {}
        for chosen in combinations(range(len(columns)), size):
            unique = _unique([codes[c] for c in chosen], [sizes[c] for c in chosen])
            already = np.zeros(rows, dtype=bool)
            for left_out in chosen if size > 1 else ():
                already |= singled[tuple(c for c in chosen if c != left_out)]
            minimal[:, size - 1] += unique & ~already
            found[chosen] = unique
        singled = found
    weight = [prod(len(columns) - i for i in range(size, most + 1)) or 1 for size in range(1, most + 1)]
    return SpecialUniques(minimal, minimal @ np.array(weight))


def _coded(column: pa.ChunkedArray) -> tuple[np.ndarray, int]:
    encoded = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
    return encoded.indices.to_numpy().astype(np.int64), max(len(encoded.dictionary), 1)


def _unique(codes: list[np.ndarray], sizes: list[int]) -> np.ndarray:
    """Which rows have a combination that no other has."""
    _, member, count = np.unique(packed(codes, sizes), return_inverse=True, return_counts=True)
    return np.asarray(count[member] == 1)
