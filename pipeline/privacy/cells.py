"""Levels and hidden cells together: the levels at which hiding single cells loses least.

What belongs here: searching levels for cell suppression. What does not: choosing the masks at given levels
(`pipeline.privacy.masks`) and row suppression, whose best levels are proven (`pipeline.privacy.search`).

Levels are tried from the lowest expected loss: what generalisation loses, plus what masks are expected to add for the
rows whose class is too small. Masks and expectation are heuristics, so the outcome is good, not proven.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from pipeline.errors import PqrsdError
from pipeline.privacy.grouped import Grouped, Persons
from pipeline.privacy.masks import Enough, Items, Pattern, Placed, place, place_borrowing
from pipeline.privacy.objectives import Levels, Separable
from pipeline.privacy.search import MAX_NODES, SearchError
from pipeline.privacy.transform import Evaluator, Targets

MAX_COLUMNS = 12
_REFINED = 3
"""How many of the best levels get the slower masks."""
_TRIALS = 60
"""How many levels get masks at most."""
_TRUST = 0.9
"""Masks lose some times the cheapest cell of every row whose class is too small; that ratio hardly differs from levels
to levels. Those that would be too dear even at this part of the smallest ratio seen are not tried."""


@dataclass(frozen=True)
class Terms:
    """What the search may do: `limit`, a share of the cells that may be hidden; `weights`, what each axis counts for.

    `kept` axes are never hidden. `weights` None: all count alike, and the loss is the NCP. `first` levels are tried
    first.
    """

    limit: float
    weights: tuple[float, ...] | None = None
    kept: frozenset[int] = frozenset()
    first: Levels | None = None


@dataclass(frozen=True)
class Hidden:
    """Levels, and for each axis and row whether its cell is hidden; `loss` is the NCP."""

    levels: Levels
    hidden: np.ndarray
    loss: float
    tried: int


@dataclass(frozen=True)
class Candidate:
    """Levels with the loss of their masks and how many cells those hide."""

    loss: float
    levels: Levels
    hidden: int


@dataclass(frozen=True)
class _View:
    """The table at some levels: its items, the item of each group, and what hiding each column of an item loses."""

    levels: Levels
    items: Items
    member: np.ndarray
    fields: tuple[int, ...]
    cost: np.ndarray


def best(data: Grouped, targets: Targets, limit: float) -> Hidden:
    """The levels and masks with the least NCP found that hide at most `limit` of the cells.

    Raises `SearchError` where none keeps the limit, and `PqrsdError` where there are too many columns.
    """
    search = _Search(data, targets, Terms(limit))
    tried = search.candidates(1)
    ways = (False, True) if search.splits else (False,)
    made = [search.masked(one.levels, refined=way) for one in tried[:_REFINED] for way in ways]
    kept = [one for one in made if one[0].hidden <= search.allowed]
    if not kept:
        raise SearchError("Ningún nivel de las jerarquías cumple las metas con ese límite de celdas suprimidas.")
    found, placed, view = min(kept, key=lambda one: (one[0].loss, one[0].levels))
    return Hidden(found.levels, _of_rows(view, placed, data), found.loss, len(tried))


def candidates(data: Grouped, targets: Targets, terms: Terms, count: int) -> list[Candidate]:
    """The `count` best levels found within the limit, best first; fewer where there are no more."""
    return _Search(data, targets, terms).candidates(count)[:count]


def loss_at(data: Grouped, targets: Targets, terms: Terms, levels: Levels) -> float:
    """What the masks at given levels lose, whatever they hide."""
    return _Search(data, targets, terms).masked(levels, refined=False)[0].loss


@dataclass
class _Ratio:
    """Ratios seen so far: their mean, and the smallest at a part that leaves room for smaller ones; never below 1."""

    mean: float = 1.0
    least: float = 1.0
    _seen: list[float] = field(default_factory=list)

    def see(self, what: float, to: float) -> None:
        """Takes note of one ratio."""
        if to:
            self._seen.append(what / to)
            self.mean = max(1.0, sum(self._seen) / len(self._seen))
            self.least = max(1.0, _TRUST * min(self._seen))


@dataclass(frozen=True)
class _Few:
    """How many rows are in classes that are too small at some levels."""

    levels: Levels
    rows: int


class _Search:
    """Levels in the order of their bounds, each with its masks."""

    def __init__(self, data: Grouped, targets: Targets, terms: Terms) -> None:
        if len(data.axes) > MAX_COLUMNS:
            raise PqrsdError(f"La supresión por celdas admite {MAX_COLUMNS} columnas; la tabla tiene {len(data.axes)}.")
        nodes = math.prod(data.shape)
        if nodes > MAX_NODES:
            raise SearchError(f"Las jerarquías dan {nodes} combinaciones de niveles; el máximo es {MAX_NODES}.")
        self.data, self.targets, self.terms = data, targets, terms
        weights = np.array(terms.weights or [1.0] * len(data.axes))
        self.weight = weights * len(weights) / weights.sum()
        self.cells = data.total * len(data.axes)
        self.allowed = int(terms.limit * self.cells + 1e-9)
        self.splits = data.persons is None and not targets.models
        """Whether rows of one item may part: not where persons or sensitive values hang on them."""
        base = Separable(data).base
        self.floor = np.zeros(())
        for axis, weight in zip(base, self.weight, strict=True):
            self.floor = np.add.outer(self.floor, weight * axis / len(base))

    def candidates(self, count: int) -> list[Candidate]:
        """All levels tried, best first, until none left is expected among the `count` best."""
        evaluate = Evaluator(self.data, self.targets)
        least = self._cheapest() / self.cells
        few = np.zeros(self.floor.shape)  # rows whose class is too small: at least as many as in anything coarser
        done, known = np.zeros((2, *self.floor.shape), dtype=bool)
        tried: list[Candidate] = []
        dearer, wider = _Ratio(), _Ratio()  # of loss to its cheapest form, of hidden cells to rows
        trials, reach = 0, np.inf
        while True:
            hope = ~done & (self.floor + dearer.least * few * least < reach)
            if not hope.any() or trials == _TRIALS:
                return tried
            expected = np.where(hope, self.floor + dearer.mean * few * least, np.inf)
            levels = tuple(int(level) for level in np.unravel_index(int(expected.argmin()), expected.shape))
            if not trials and self.terms.first:
                levels = self.terms.first
            if not known[levels]:
                known[levels] = True
                for seen in self._upwards(levels, lambda now: evaluate(now).firm.rows, self.allowed / wider.least):
                    finer = tuple(slice(0, level + 1) for level in seen.levels)
                    np.maximum(few[finer], seen.rows, out=few[finer])
                    if seen.rows * wider.least > self.allowed:
                        done[finer] = True
                continue
            done[levels] = True
            trials += 1
            found, _, _ = self.masked(levels, refined=False)
            dearer.see(found.loss - float(self.floor[levels]), float(few[levels] * least[levels]))
            wider.see(found.hidden, float(few[levels]))
            if found.hidden > self.allowed and self.splits:
                found, _, _ = self.masked(levels, refined=True)
            if found.hidden <= self.allowed:
                tried.append(found)
                tried.sort(key=lambda one: (one.loss, one.levels))
                reach = tried[count - 1].loss if len(tried) >= count else np.inf

    def _upwards(self, levels: Levels, rows: Callable[[Levels], int], most: float) -> list["_Few"]:
        """How many rows are in classes too small at these levels and, while more than `most`, at coarser ones.

        Whatever is too much at some levels is too much at all finer ones, so the coarsest such levels are sought on a
        path that raises the cheapest axis each time.
        """
        found = [_Few(levels, rows(levels))]
        if found[0].rows <= most:
            return found
        path = [levels]
        while up := [
            (*path[-1][:axis], level + 1, *path[-1][axis + 1 :])
            for axis, level in enumerate(path[-1])
            if level + 1 < self.floor.shape[axis]
        ]:
            path.append(min(up, key=lambda one: (float(self.floor[one]), one)))
        low, high = 0, len(path)
        while high - low > 1:
            middle = (low + high) // 2
            found.append(_Few(path[middle], rows(path[middle])))
            low, high = (middle, high) if found[-1].rows > most else (low, middle)
        return found

    def masked(self, levels: Levels, *, refined: bool) -> tuple[Candidate, Placed, _View]:
        """The masks at some levels and what they lose, generalisation included."""
        view = self._view(levels)
        patterns = self._patterns(view)
        if refined:
            placed = place_borrowing(view.items, patterns, self.targets.k)
        else:
            enough = _enough(view, self.data, self.targets) if self.targets.models else None
            placed = place(view.items, patterns, self.targets.k, enough)
        extra, hidden = _extra(view, placed)
        return Candidate(float(self.floor[levels] + extra / self.cells), levels, hidden), placed, view

    def _cheapest(self) -> np.ndarray:
        """The cheapest cell to hide at each transformation."""
        found = np.full((), np.inf)
        for number, (axis, weight) in enumerate(zip(self.data.axes, self.weight, strict=True)):
            value = [np.inf if number in self.terms.kept else weight * float(1 - share.max()) for share in axis.share]
            found = np.minimum.outer(found, np.array(value))
        return np.where(np.isinf(found), 0.0, found)

    def _view(self, levels: Levels) -> _View:
        data = self.data
        at = list(zip(data.axes, levels, data.leaf, strict=True))
        code = [axis.codes[level][leaf] for axis, level, leaf in at]
        key = np.zeros(len(data.rows), dtype=np.int64)
        fields, used = [], 0
        for values in code:
            bits = int(values.max() + 1).bit_length()
            key |= (values + 1) << used
            fields.append(((1 << bits) - 1) << used)
            used += bits
        if used > 62:
            raise PqrsdError("Las columnas tienen demasiados valores distintos para suprimir por celdas.")
        keys, first, member = np.unique(key, return_index=True, return_inverse=True)
        rows = np.bincount(member, weights=data.rows).astype(np.int64)
        persons = None if data.persons is None else _persons(data.persons, member, len(keys))
        kept = np.array([1 - axis.share[level][leaf[first]] for axis, level, leaf in at])
        return _View(levels, Items(keys, rows, persons), member, tuple(fields), kept * self.weight[:, None])

    def _patterns(self, view: _View) -> list[Pattern]:
        """Every set of columns that may be hidden together, cheapest first; never all of them."""
        mean = (view.cost * view.items.rows).sum(axis=1) / view.items.rows.sum()
        whole = sum(view.fields)
        free = [column for column in range(len(mean)) if column not in self.terms.kept]
        sets = [s for size in range(len(free) + bool(self.terms.kept)) for s in combinations(free, size)]
        made = [Pattern(s, whole & ~sum(view.fields[c] for c in s), float(mean[list(s)].sum())) for s in sets]
        return sorted(made, key=lambda p: (p.cost, len(p.hidden), p.hidden))


def _persons(persons: Persons, member: np.ndarray, size: int) -> Persons:
    """Persons of the items that groups are joined into; someone in two of an item's groups is one person of it."""
    solo = np.bincount(member, weights=persons.solo, minlength=size).astype(np.int64)
    pairs = np.unique(np.stack([member[persons.group], persons.person]), axis=1)
    return Persons(solo, pairs[0], pairs[1])


def _enough(view: _View, data: Grouped, targets: Targets) -> Enough:
    """Whether classes keep the models of the sensitive columns, given the items in each."""

    def enough(chosen: np.ndarray, member: np.ndarray, classes: int) -> np.ndarray:
        at = np.full(len(view.items.key), -1)
        at[chosen] = member
        kept = np.ones(classes, dtype=bool)
        for column in data.sensitive:
            where = at[view.member[column.group]]
            seen = where >= 0
            width = len(column.values)
            place_ = where[seen] * width + column.value[seen]
            counts = np.bincount(place_, weights=column.rows[seen], minlength=classes * width).reshape(-1, width)
            for model in targets.models.get(column.name, ()):
                kept &= model.keeps(counts, column.overall)
        return kept

    return enough


def _extra(view: _View, placed: Placed) -> tuple[float, int]:
    """What the masks lose and how many cells they hide; a row that is placed nowhere hides them all."""
    lost = placed.lost(view.items.rows)
    extra = float((view.cost.sum(axis=0) * lost).sum())
    hidden = int(lost.sum()) * len(view.fields)
    for column, bits in enumerate(view.fields):
        gone = (placed.key & bits) == 0
        extra += float((view.cost[column][placed.item[gone]] * placed.rows[gone]).sum())
        hidden += int(placed.rows[gone].sum())
    return extra, hidden


def _of_rows(view: _View, placed: Placed, data: Grouped) -> np.ndarray:
    """The hidden cells of each row: the rows of an item take its pieces in their order."""
    item = view.member[data.group_of_row]
    pieces = np.lexsort((placed.key, placed.item))
    lost = placed.lost(view.items.rows)
    gone = np.flatnonzero(lost)
    owner = np.concatenate([placed.item[pieces], gone])
    key = np.concatenate([placed.key[pieces], np.zeros(len(gone), dtype=np.int64)])
    size = np.concatenate([placed.rows[pieces], lost[gone]])
    order = np.argsort(owner, kind="stable")
    of_row = np.empty(data.total, dtype=np.int64)
    of_row[np.argsort(item, kind="stable")] = np.repeat(key[order], size[order])
    return np.array([(of_row & bits) == 0 for bits in view.fields])
