"""Levels and hidden cells together: the levels at which hiding single cells loses least.

What belongs here: searching levels for cell suppression. What does not: choosing the masks at given levels
(`pipeline.privacy.masks`) and row suppression, whose best levels are proven (`pipeline.privacy.search`).

Levels are tried from the lowest bound: what generalisation loses, plus the cheapest cell of every row whose class is
too small. The masks are a heuristic, so the outcome is good, not proven.
"""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Hidden:
    """Levels, and for each axis and row whether its cell is hidden; `loss` is the NCP."""

    levels: Levels
    hidden: np.ndarray
    loss: float
    tried: int


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
    if len(data.axes) > MAX_COLUMNS:
        raise PqrsdError(f"La supresión por celdas admite {MAX_COLUMNS} columnas; la tabla tiene {len(data.axes)}.")
    floor = Separable(data).floor()
    if floor.size > MAX_NODES:
        raise SearchError(f"Las jerarquías dan {floor.size} combinaciones de niveles; el máximo es {MAX_NODES}.")
    evaluate = Evaluator(data, targets)
    cells = data.total * len(data.axes)
    allowed = int(limit * cells + 1e-9)
    bound, known = floor.copy(), np.zeros(floor.shape, dtype=bool)
    tried: list[tuple[float, Levels]] = []
    while bound.min() < min((loss for loss, _ in tried), default=np.inf):
        at = int(bound.argmin())
        levels = tuple(int(level) for level in np.unravel_index(at, floor.shape))
        if not known[levels]:
            known[levels] = True
            few = evaluate(levels).firm.rows
            if few > allowed:
                bound[tuple(slice(0, level + 1) for level in levels)] = np.inf
            else:
                bound[levels] += few * _cheapest(data, levels) / cells
            continue
        bound[levels] = np.inf
        loss, _, hidden, _, _ = _tried(data, targets, levels, floor[levels], refined=False)
        if hidden > allowed and _splits(data, targets):
            loss, _, hidden, _, _ = _tried(data, targets, levels, floor[levels], refined=True)
        if hidden <= allowed:
            tried.append((loss, levels))
    ways = (False, True) if _splits(data, targets) else (False,)
    found = [
        _tried(data, targets, levels, floor[levels], refined=way)
        for _, levels in sorted(tried)[:_REFINED]
        for way in ways
    ]
    kept = [one for one in found if one[2] <= allowed]
    if not kept:
        raise SearchError("Ningún nivel de las jerarquías cumple las metas con ese límite de celdas suprimidas.")
    loss, levels, _, placed, view = min(kept, key=lambda one: one[:2])
    return Hidden(levels, _of_rows(view, placed, data), loss, len(tried))


def _tried(
    data: Grouped, targets: Targets, levels: Levels, floor: float, *, refined: bool
) -> tuple[float, Levels, int, Placed, _View]:
    view = _view(data, levels)
    placed = _placed(view, data, targets, refined=refined)
    loss, hidden = _loss(view, placed, floor, data.total * len(data.axes))
    return loss, levels, hidden, placed, view


def _splits(data: Grouped, targets: Targets) -> bool:
    """Whether rows of one item may part: not where persons or sensitive values hang on them."""
    return data.persons is None and not targets.models


def _cheapest(data: Grouped, levels: Levels) -> float:
    return min(float(1 - axis.share[level].max()) for axis, level in zip(data.axes, levels, strict=True))


def _view(data: Grouped, levels: Levels) -> _View:
    code = [axis.codes[n][leaf] for axis, n, leaf in zip(data.axes, levels, data.leaf, strict=True)]
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
    shares = [axis.share[n][leaf[first]] for axis, n, leaf in zip(data.axes, levels, data.leaf, strict=True)]
    return _View(levels, Items(keys, rows, persons), member, tuple(fields), 1 - np.array(shares))


def _persons(persons: Persons, member: np.ndarray, size: int) -> Persons:
    """Persons of the items that groups are joined into; someone in two of an item's groups is one person of it."""
    solo = np.bincount(member, weights=persons.solo, minlength=size).astype(np.int64)
    pairs = np.unique(np.stack([member[persons.group], persons.person]), axis=1)
    return Persons(solo, pairs[0], pairs[1])


def _patterns(view: _View) -> list[Pattern]:
    """Every set of columns that may be hidden together, cheapest first; never all of them."""
    mean = (view.cost * view.items.rows).sum(axis=1) / view.items.rows.sum()
    whole = sum(view.fields)
    sets = [s for size in range(len(mean)) for s in combinations(range(len(mean)), size)]
    made = [Pattern(s, whole & ~sum(view.fields[c] for c in s), float(mean[list(s)].sum())) for s in sets]
    return sorted(made, key=lambda p: (p.cost, len(p.hidden), p.hidden))


def _placed(view: _View, data: Grouped, targets: Targets, *, refined: bool) -> Placed:
    if not _splits(data, targets):
        return place(view.items, _patterns(view), targets.k, _enough(view, data, targets))
    if refined:
        return place_borrowing(view.items, _patterns(view), targets.k)
    return place(view.items, _patterns(view), targets.k)


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


def _loss(view: _View, placed: Placed, floor: float, cells: int) -> tuple[float, int]:
    """The NCP and how many cells are hidden; a row that is placed nowhere hides them all."""
    lost = placed.lost(view.items.rows)
    extra = float((view.cost.sum(axis=0) * lost).sum())
    hidden = int(lost.sum()) * len(view.fields)
    for column, field in enumerate(view.fields):
        gone = (placed.key & field) == 0
        extra += float((view.cost[column][placed.item[gone]] * placed.rows[gone]).sum())
        hidden += int(placed.rows[gone].sum())
    return floor + extra / cells, hidden


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
    return np.array([(of_row & field) == 0 for field in view.fields])
