"""Evaluating one transformation: a level for each quasi-identifier, and what it does to every class.

What belongs here: classes of a transformation, which of them keep the models, and what is suppressed. What does not:
which transformations are worth evaluating (`pipeline.privacy.search`).

Axes are packed three to a part; a part's combinations are few, so a transformation is three small look-up tables, and
the classes of all groups are two multiplications and three gathers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.privacy.grouped import Grouped
from pipeline.privacy.models import Model
from pipeline.privacy.objectives import Evaluation, Hidden, Levels

_DENSE = 4
"""Class numbers may be sparse up to this many times the groups before they are renumbered."""
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


class Evaluator:
    """Evaluates transformations of one grouped table against its targets."""

    def __init__(self, data: Grouped, targets: Targets) -> None:
        self.data = data
        self.targets = targets
        self.parts = _parts(data)
        self.weights = data.rows.astype(np.float64)
        self.evaluated = 0

    def __call__(self, levels: Levels) -> Evaluation:
        """Measures one transformation."""
        self.evaluated += 1
        found = self.classes(levels)
        squares = found.rows**2
        hidden = self._hidden(levels, found.member, found.safe)
        firm = hidden if found.firm is found.safe else self._hidden(levels, found.member, found.firm)
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
        member, size = self._member(levels)
        rows = np.bincount(member, weights=self.weights, minlength=size).astype(np.int64)
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

    def _member(self, levels: Levels) -> tuple[np.ndarray, int]:
        member, size = np.zeros(1, dtype=np.int64), 1
        for part in self.parts:
            table, width = _renumbered(self._part_table(part, levels))
            if size > 1 and size * width >= 2**62:
                member, size = _renumbered(member)
            member = member * width + table[part.code]
            size *= width
        if size > _DENSE * len(self.weights) + 1024:
            member, size = _renumbered(member)
        return member, size

    def _part_table(self, part: _Part, levels: Levels) -> np.ndarray:
        table = np.zeros(part.size, dtype=np.int64)
        for axis, leaf in zip(part.axes, part.leaf, strict=True):
            code = self.data.axes[axis].codes[levels[axis]]
            table = table * (int(code.max()) + 1) + code[leaf]
        return table

    def _hidden(self, levels: Levels, member: np.ndarray, safe: np.ndarray) -> Hidden:
        groups = np.flatnonzero(~safe[member])
        weights = self.weights[groups]
        counts: list[np.ndarray] = [np.zeros(0)] * len(levels)
        for part in self.parts:
            seen = np.bincount(part.code[groups], weights=weights, minlength=part.size)
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


def _renumbered(values: np.ndarray) -> tuple[np.ndarray, int]:
    """The same partition with numbers from 0 on, and how many there are."""
    found, inverse = np.unique(values, return_inverse=True)
    return inverse, len(found)
