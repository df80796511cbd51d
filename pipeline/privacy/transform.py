"""Evaluating one transformation: a level for each quasi-identifier, and what it does to every class.

What belongs here: classes of a transformation, which of them keep the models, and what is suppressed. What does not:
which transformations are worth evaluating (`pipeline.privacy.search`).

Axes are packed three to a part; a part's combinations are few, so a transformation is three small look-up tables, and
the classes of all groups are two multiplications and three gathers.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.privacy.grouped import Grouped
from pipeline.privacy.models import Model
from pipeline.privacy.objectives import Evaluation, Hidden, Levels

_DENSE = 4
"""Class numbers may be sparse up to this many times the groups before they are renumbered."""
_JOINED = 2
"""Axes along which groups are joined on the way; with more, too few transformations share a station."""
_SMALL = 4096
"""Fewer groups than this are not joined further: looking the station up would cost as much."""
_STATION_GROUPS = 10_000_000
"""Groups that all stations together may keep."""
_ODD = np.uint64(0x9E3779B97F4A7C15)
"""A multiplier that spreads consecutive numbers over 64 bits (Fibonacci hashing)."""
_PART_VALUES = 4096
"""Most combinations of the axes of one part."""


@dataclass(frozen=True)
class Targets:
    """What every class must keep: `k` persons (rows where the data knows none) and `models` by sensitive column."""

    k: int
    models: Mapping[str, Sequence[Model]]

    @property
    def monotone(self) -> bool:
        """Whether a class that keeps them all keeps them with any other rows added."""
        return all(model.monotone for models in self.models.values() for model in models)


@dataclass(frozen=True)
class _Part:
    """Some axes together: `code[g]` numbers their combination in group g, `leaf[i]` holds axis i's leaf in each."""

    axes: tuple[int, ...]
    code: np.ndarray
    leaf: tuple[np.ndarray, ...]

    @property
    def size(self) -> int:
        return len(self.leaf[0])


@dataclass(frozen=True)
class Classes:
    """Classes of a transformation: `member[g]` is group g's class; numbers without groups are empty classes."""

    member: np.ndarray
    size: int
    rows: np.ndarray
    safe: np.ndarray
    firm: np.ndarray

    @property
    def hidden(self) -> np.ndarray:
        """For each group whether its rows are suppressed."""
        return ~self.safe[self.member]


@dataclass(frozen=True)
class _Station:
    """Groups joined at low levels, from which all coarser transformations can be evaluated: codes per part, rows."""

    codes: tuple[np.ndarray, ...]
    weights: np.ndarray


class Evaluator:
    """Evaluates transformations of one grouped table against its targets.

    Where rows alone count, groups are joined on the way, first along the axis with most values, then along the next.
    What was joined for one transformation is the start of others with the same first levels.
    """

    def __init__(self, data: Grouped, targets: Targets) -> None:
        self.data = data
        self.targets = targets
        self.parts = _parts(data)
        self.base = _Station(tuple(part.code for part in self.parts), data.rows.astype(np.float64))
        self.joins = data.persons is None and not targets.models
        self.order = sorted(range(len(data.axes)), key=lambda axis: (-data.axes[axis].leaves, axis))
        self.stations: OrderedDict[Levels, _Station] = OrderedDict()
        self.evaluated = 0

    def __call__(self, levels: Levels) -> Evaluation:
        """Measures one transformation."""
        self.evaluated += 1
        station = self._station(levels) if self.joins else self.base
        found = self._classes(levels, station)
        squares = found.rows**2
        hidden = self._hidden(levels, station, ~found.safe[found.member])
        firm = hidden if found.firm is found.safe else self._hidden(levels, station, ~found.firm[found.member])
        return Evaluation(
            levels,
            hidden,
            firm,
            classes=int(np.count_nonzero(found.rows[found.safe])),
            squares=int(squares.sum()),
            hidden_squares=int(squares[~found.safe].sum()),
            firm_squares=int(squares[~found.firm].sum()),
        )

    def classes(self, levels: Levels) -> Classes:
        """The classes of a transformation and which keep the targets.

        `firm` ones are those of which no finer class could be suppressed for sure.
        """
        return self._classes(levels, self.base)

    def _classes(self, levels: Levels, station: _Station) -> Classes:
        member, size = self._member(levels, station)
        rows = np.bincount(member, weights=station.weights, minlength=size).astype(np.int64)
        enough = self._heads(member, size, rows) >= self.targets.k
        firm = safe = enough
        for column in self.data.sensitive:
            models = self.targets.models.get(column.name, ())
            if not models:
                continue
            # only classes that are still candidates get a row in the matrix
            live = np.flatnonzero(safe)
            place = np.full(size, -1)
            place[live] = np.arange(len(live))
            where = place[member[column.group]]
            kept = where >= 0
            width = len(column.values)
            counts = np.bincount(
                where[kept] * width + column.value[kept], weights=column.rows[kept], minlength=len(live) * width
            ).reshape(-1, width)
            for model in models:
                keeps = np.zeros(size, dtype=bool)
                keeps[live] = model.keeps(counts, column.overall)
                safe = safe & keeps
                if model.monotone:
                    # candidates fell out by the models before, monotone or not: those say nothing here
                    firm = firm & (keeps | ~enough | ~np.isin(np.arange(size), live))
        return Classes(member, size, rows, safe, firm if self.targets.models else safe)

    def _heads(self, member: np.ndarray, size: int, rows: np.ndarray) -> np.ndarray:
        """Persons of each class where the data knows them, otherwise rows."""
        persons = self.data.persons
        if persons is None:
            return rows
        heads = np.bincount(member, weights=persons.solo, minlength=size).astype(np.int64)
        if len(persons.person):
            span = int(persons.person.max()) + 1
            pairs = np.unique(member[persons.group] * span + persons.person)
            heads += np.bincount(pairs // span, minlength=size)
        return heads

    def _station(self, levels: Levels) -> _Station:
        """The groups joined along the first axes of the order, as far as these levels allow and it pays."""
        station, reached = self.base, [0] * len(levels)
        for axis in self.order[:_JOINED]:
            if len(station.weights) < _SMALL:
                break
            if not levels[axis]:
                continue
            reached[axis] = levels[axis]
            key = tuple(reached)
            known = self.stations.get(key)
            if known is None:
                known = self.stations[key] = self._joined(key, station)
                while sum(len(kept.weights) for kept in self.stations.values()) > _STATION_GROUPS:
                    self.stations.popitem(last=False)
            else:
                self.stations.move_to_end(key)
            station = known
        return station

    def _joined(self, levels: Levels, station: _Station) -> _Station:
        member, size = self._member(levels, station)
        rows = np.bincount(member, weights=station.weights, minlength=size)
        one = np.zeros(size, dtype=np.int64)
        one[member] = np.arange(len(member))  # any group of a class: what differs is never looked at again
        live = np.flatnonzero(rows)
        return _Station(tuple(code[one[live]] for code in station.codes), rows[live])

    def _member(self, levels: Levels, station: _Station) -> tuple[np.ndarray, int]:
        member, size = np.zeros(1, dtype=np.int64), 1
        for part, code in zip(self.parts, station.codes, strict=True):
            table, width = _renumbered(self._part_table(part, levels))
            if size > 1 and size * width >= 2**62:
                member, size = _renumbered(member)
            member = member * width + table[code]
            size *= width
        if size > _DENSE * len(station.weights) + 1024:
            member, size = _scattered(member)
        return member, size

    def _part_table(self, part: _Part, levels: Levels) -> np.ndarray:
        table = np.zeros(part.size, dtype=np.int64)
        for axis, leaf in zip(part.axes, part.leaf, strict=True):
            code = self.data.axes[axis].codes[levels[axis]]
            table = table * (int(code.max()) + 1) + code[leaf]
        return table

    def _hidden(self, levels: Levels, station: _Station, gone: np.ndarray) -> Hidden:
        groups = np.flatnonzero(gone)
        weights = station.weights[groups]
        counts: list[np.ndarray] = [np.zeros(0)] * len(levels)
        for part, code_ in zip(self.parts, station.codes, strict=True):
            seen = np.bincount(code_[groups], weights=weights, minlength=part.size)
            for axis, leaf in zip(part.axes, part.leaf, strict=True):
                code = self.data.axes[axis].codes[levels[axis]]
                counts[axis] = np.bincount(code[leaf], weights=seen, minlength=int(code.max()) + 1)
        return Hidden(int(weights.sum()), tuple(counts))


def _parts(data: Grouped) -> list[_Part]:
    parts: list[_Part] = []
    axes: list[int] = []
    code, size = np.zeros(len(data.rows), dtype=np.int64), 1
    for axis, leaf in enumerate(data.leaf):
        joined, width = _renumbered(code * data.axes[axis].leaves + leaf)
        if axes and (width > _PART_VALUES or len(axes) == 3):
            parts.append(_part(tuple(axes), code, size, data))
            axes, (joined, width) = [], _renumbered(leaf)
        axes.append(axis)
        code, size = joined, width
    parts.append(_part(tuple(axes), code, size, data))
    return parts


def _part(axes: tuple[int, ...], code: np.ndarray, size: int, data: Grouped) -> _Part:
    leaves = []
    for axis in axes:
        leaf = np.zeros(size, dtype=np.int64)
        leaf[code] = data.leaf[axis]
        leaves.append(leaf)
    return _Part(axes, code, tuple(leaves))


def _scattered(values: np.ndarray) -> tuple[np.ndarray, int]:
    """The same partition with numbers below a bound, which is returned; not all of them are used.

    Values are hashed into a table; those that find another value in their place are numbered by sorting.
    """
    bits = (2 * len(values)).bit_length()
    place = ((values.astype(np.uint64) * _ODD) >> np.uint64(64 - bits)).astype(np.int64)
    table = np.empty(1 << bits, dtype=np.int64)
    table[place] = values
    beaten = np.flatnonzero(table[place] != values)
    numbers, more = _renumbered(values[beaten])
    place[beaten] = (1 << bits) + numbers
    return place, (1 << bits) + more


def _renumbered(values: np.ndarray) -> tuple[np.ndarray, int]:
    """The same partition with numbers from 0 on, and how many there are."""
    found, inverse = np.unique(values, return_inverse=True)
    return inverse, len(found)
