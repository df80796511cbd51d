"""A linear system of counts: cells, some published, and the sums that anybody may write between them.

What belongs here: the system, what exact rules alone say of its withheld cells (bounds carried through every relation),
and its connected parts. What does not: solving (`pipeline.privacy.intervals`), where a system comes from, and which
cells are to be withheld.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from pipeline.errors import PqrsdError

INFINITE = float("inf")
_EPSILON = 1e-7
_ROUNDS = 200


class ContradictionError(PqrsdError):
    """No values satisfy the relations and what is published; `relations` are the names of those that clash."""

    def __init__(self, relations: Sequence[str]) -> None:
        self.relations = tuple(relations)
        named = ", ".join(f"«{name}»" for name in self.relations)
        super().__init__(f"El sistema no tiene solución: lo publicado se contradice en {named}.")


@dataclass(frozen=True)
class Relation:
    """`low` ≤ sum of coefficient × cell ≤ `high`; `name` is how an error calls it."""

    name: str
    terms: Mapping[int, int]
    low: float = 0
    high: float = 0


@dataclass
class System:
    """Cells by number, with what is known of each, and relations between them.

    `values` holds the published value, or the true one of a withheld cell where the caller knows it (None where not):
    it only saves work, no interval depends on it. `least` is the smallest value that a cell may have.
    """

    ids: list[Hashable] = field(default_factory=list)
    values: list[int | None] = field(default_factory=list)
    published: list[bool] = field(default_factory=list)
    least: list[float] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    place: dict[Hashable, int] = field(default_factory=dict)

    def add(self, name: Hashable, value: int | None, *, published: bool, least: float = 0) -> int:
        """Adds a cell and tells its number; a name that is there already raises `KeyError`."""
        if name in self.place:
            raise KeyError("a cell of this name exists")
        self.place[name] = len(self.ids)
        self.ids.append(name)
        self.values.append(value)
        self.published.append(published)
        self.least.append(least)
        return self.place[name]

    def total(self, name: str, total: int, parts: Iterable[int]) -> None:
        """The sum of the parts is the total."""
        self.relations.append(Relation(name, {total: -1, **dict.fromkeys(parts, 1)}))

    def at_most(self, name: str, low: Iterable[int], high: Iterable[int]) -> None:
        """The sum of `low` is at most the sum of `high`; a cell in both cancels out."""
        terms = dict.fromkeys(low, 1)
        for cell in high:
            terms[cell] = terms.get(cell, 0) - 1
        self.relations.append(Relation(name, terms, -INFINITE, 0))

    @property
    def withheld(self) -> list[int]:
        """The numbers of the withheld cells."""
        return [n for n, shown in enumerate(self.published) if not shown]


@dataclass(frozen=True)
class Rows:
    """Relations as a sparse matrix with the least and most of each row, and the row's name."""

    matrix: csr_array
    low: np.ndarray
    high: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A connected part: the numbers of its cells, all left open by exact rules, and rows over them alone."""

    cells: np.ndarray
    rows: Rows


@dataclass(frozen=True)
class Propagated:
    """Bounds of every cell by exact rules, published cells included, and the parts still to be solved."""

    low: np.ndarray
    high: np.ndarray
    parts: list[Part]


def propagate(system: System) -> Propagated:
    """Carries bounds through every relation until nothing moves; counts are whole numbers, so bounds are rounded.

    Raises `ContradictionError` where already these rules leave no value to a cell or to a relation.
    """
    known = np.array([v if v is not None else 0 for v in system.values], dtype=float)
    shown = np.array(system.published, dtype=bool)
    low = np.where(shown, known, np.array(system.least, dtype=float))
    high = np.where(shown, known, INFINITE)
    rows = relations_matrix(system)
    if rows.matrix.nnz:
        _carry(rows, low, high)
    return Propagated(low, high, _parts(rows, low, high))


def relations_matrix(system: System) -> Rows:
    """Every relation of the system, over all its cells."""
    relations = system.relations
    row = np.repeat(np.arange(len(relations)), [len(r.terms) for r in relations])
    column = np.fromiter((c for r in relations for c in r.terms), dtype=np.int64, count=len(row))
    entry = np.fromiter((v for r in relations for v in r.terms.values()), dtype=float, count=len(row))
    matrix = csr_array((entry, (row, column)), shape=(len(relations), len(system.ids)))
    matrix.eliminate_zeros()
    matrix.sort_indices()
    low = np.array([r.low for r in relations], dtype=float)
    high = np.array([r.high for r in relations], dtype=float)
    return Rows(matrix, low, high, tuple(r.name for r in relations))


def _carry(rows: Rows, low: np.ndarray, high: np.ndarray) -> None:
    """Tightens `low` and `high` in place: a cell is at most what its relation leaves when the others are smallest."""
    entry, column = rows.matrix.data, rows.matrix.indices
    row = np.repeat(np.arange(rows.matrix.shape[0]), np.diff(rows.matrix.indptr))
    positive = entry > 0
    for _ in range(_ROUNDS):
        smallest = np.where(positive, entry * low[column], entry * high[column])
        largest = np.where(positive, entry * high[column], entry * low[column])
        least, open_below = _activity(row, smallest, len(rows.low))
        most, open_above = _activity(row, largest, len(rows.high))
        above, below = least > rows.high + _EPSILON, most < rows.low - _EPSILON
        _refuse(rows, ((open_below == 0) & above) | ((open_above == 0) & below))
        upper = (rows.high[row] - _without(least, open_below, smallest, row, -INFINITE)) / entry
        lower = (rows.low[row] - _without(most, open_above, largest, row, INFINITE)) / entry
        upper, lower = np.where(positive, upper, lower), np.where(positive, lower, upper)
        new_low, new_high = low.copy(), high.copy()
        np.maximum.at(new_low, column, np.ceil(lower - _EPSILON))
        np.minimum.at(new_high, column, np.floor(upper + _EPSILON))
        _refuse(rows, np.bincount(row, (new_low > new_high)[column], len(rows.low)) > 0)
        if (new_low == low).all() and (new_high == high).all():
            return
        low[:], high[:] = new_low, new_high


def _refuse(rows: Rows, clash: np.ndarray) -> None:
    if clash.any():
        raise ContradictionError([rows.names[n] for n in np.flatnonzero(clash)])


def _activity(row: np.ndarray, terms: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Per row the sum of its finite terms, and how many terms are infinite."""
    infinite = np.isinf(terms)
    return np.bincount(row, np.where(infinite, 0, terms), rows), np.bincount(row, infinite, rows)


def _without(total: np.ndarray, infinite: np.ndarray, term: np.ndarray, row: np.ndarray, endless: float) -> np.ndarray:
    """Per term, the sum of the other terms of its row."""
    mine = np.isinf(term)
    return np.where(infinite[row] - mine > 0, endless, total[row] - np.where(mine, 0, term))


def _parts(rows: Rows, low: np.ndarray, high: np.ndarray) -> list[Part]:
    unknown = np.flatnonzero(low < high)
    inner = rows.matrix[:, unknown]
    left = np.flatnonzero(np.diff(inner.indptr))
    if not len(left):
        return []
    inner = inner[left]
    moved = (rows.matrix @ np.where(low < high, 0, low))[left]
    row_low, row_high = rows.low[left] - moved, rows.high[left] - moved
    names = [rows.names[n] for n in left]
    _, label = connected_components(csr_array(abs(inner).T @ abs(inner)), directed=False)
    row_label = label[inner.indices[inner.indptr[:-1]]]
    parts = []
    for cells, mine in zip(_grouped(label, row_label), _grouped(row_label, row_label), strict=True):
        matrix = csr_array(inner[mine][:, cells])
        parts.append(Part(unknown[cells], Rows(matrix, row_low[mine], row_high[mine], tuple(names[n] for n in mine))))
    return parts


def _grouped(label: np.ndarray, wanted: np.ndarray) -> list[np.ndarray]:
    """Per wanted label, in order, the positions that bear it."""
    order = np.argsort(label, kind="stable")
    ordered = label[order]
    return [
        order[np.searchsorted(ordered, which) : np.searchsorted(ordered, which, "right")] for which in np.unique(wanted)
    ]
