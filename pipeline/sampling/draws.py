"""Seeded draws and the arrays that they fill: categorical draws by group, numbers without repetition, NIT check digits.

What belongs here: arithmetic of drawing. What does not: odds (`odds`), people and petitions.
Columns are numpy arrays of one length; codes are positions in the profile's list, `BLANK` where nothing is written.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

BLANK = -1
NO_DAY = np.int32(-(2**31) + 1)
"""A day that was not written (days are counted from 1970-01-01)."""

Array = npt.NDArray[Any]
Columns = dict[str, Array]

_STREAMS = ("personas", "seleccion", "peticiones", "tiempos", "visibles", "suciedad", "canarios")
_NIT_WEIGHTS = (3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71)


def stream(name: str, *key: int) -> np.random.Generator:
    """The generator of one part of the work: adding draws to a part never moves another part's."""
    return np.random.default_rng([*key, _STREAMS.index(name)])


def by_group(rng: np.random.Generator, weights: Array, group: Array) -> Array:
    """One category per row, drawn with the weights of the row's group (a row of `weights`)."""
    table = np.asarray(weights, dtype=np.float64)
    cumulative = np.cumsum(table, axis=1)
    cumulative = cumulative / cumulative[:, -1:]
    # Each group's cumulative odds lie in (g, g + 1]: one search serves every group.
    flat = (cumulative + np.arange(len(table))[:, None]).ravel()
    # float64 keeps g + u < g + 1 only if u stays away from 1.
    u = np.minimum(rng.random(len(group)), 1 - 1e-9)
    found = np.searchsorted(flat, np.asarray(group) + u, side="right")
    return np.asarray(found - np.asarray(group, dtype=np.int64) * table.shape[1], dtype=np.int16)


def one_of(rng: np.random.Generator, weights: Sequence[float], size: int) -> Array:
    """One category per row, the same odds for all."""
    return by_group(rng, np.asarray([weights]), np.zeros(size, dtype=np.int64))


def chance(rng: np.random.Generator, odds: float | Array, size: int) -> npt.NDArray[np.bool_]:
    """True with the given odds, row by row."""
    return np.asarray(rng.random(size) < odds)


def weights_over(codes: Sequence[str], weights: Mapping[str, float]) -> npt.NDArray[np.float64]:
    """Weights in the order of a code list; codes without weight get none."""
    return np.asarray([weights.get(code, 0.0) for code in codes], dtype=np.float64)


def distinct_numbers(rng: np.random.Generator, size: int, first: int, prime: int) -> npt.NDArray[np.int64]:
    """`size` different numbers from `first` on, spread as if at random; needs size < prime."""
    step, shift = int(rng.integers(prime // 3, prime // 2)), int(rng.integers(0, prime))
    return np.asarray(first + (np.arange(size, dtype=np.int64) * step + shift) % prime)


def nit_check_digit(number: Array) -> npt.NDArray[np.int64]:
    """The DIAN check digit of a NIT written without it (weights 3, 7, 13, … modulo 11)."""
    rest = np.asarray(number, dtype=np.int64)
    total = np.zeros_like(rest)
    for weight in _NIT_WEIGHTS:
        total += weight * (rest % 10)
        rest = rest // 10
    remainder = total % 11
    return np.asarray(np.where(remainder > 1, 11 - remainder, remainder))


def style(column: str, seed: Array, sides: int) -> npt.NDArray[np.int64]:
    """A row's way of writing a column, 0 … sides-1, from the row's seed: a copied row looks the same."""
    x = np.asarray(seed, dtype=np.uint64) ^ np.uint64(crc32(column.encode()) * 0x9E3779B97F4A7C15 % 2**64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((x >> np.uint64(33)) % np.uint64(sides), dtype=np.int64)


def take(columns: Columns, rows: Array) -> Columns:
    """The given rows of every column."""
    return {name: values[rows] for name, values in columns.items()}


def stack(parts: Sequence[Columns]) -> Columns:
    """The parts one after another."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
