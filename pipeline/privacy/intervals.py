"""What an attacker can compute: the feasible interval of every withheld cell of a linear system.

What belongs here: minima and maxima by HiGHS, whole numbers included. What does not: building systems, and choosing
what to withhold.

Method: exact rules first (`linear.propagate`); then each connected part is one model that HiGHS keeps, so that the next
cell starts from the vertex of the last. Every whole solution found widens the inner interval of all cells at once, and
a cell is solved only while its inner and outer intervals differ. A vertex that is not whole (relations need not be
totally unimodular) gives the outer bound only; then a mixed-integer model decides, so that both ends are attained by
whole numbers.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from pipeline.errors import PqrsdError
from pipeline.privacy.hull import Hull
from pipeline.privacy.linear import INFINITE, ContradictionError, Part, Propagated, System, propagate

_WHOLE = 1e-6
_FEW = 8
"""Open cells below which asking each of them takes less than pulling them together."""
_TURNS, _SPREAD = 24, 0x9E3779B1
"""Patterns of pulls, and a multiplier that mixes a cell's number into the bits that make them."""


class UnsolvedError(PqrsdError):
    """The solver gave no answer for a cell, so that nothing may be said about it."""

    def __init__(self) -> None:
        super().__init__("El resolvedor no pudo acotar una celda retenida: la auditoría no concluye.")


@dataclass(frozen=True)
class Interval:
    """The smallest and largest whole value that a cell may have; `high` is infinite where nothing bounds it."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """How many values beyond the first an attacker must leave open."""
        return self.high - self.low

    def hides(self, threshold: int) -> bool:
        """Whether it is at least threshold − 1 wide and never a single value."""
        return self.width >= max(threshold - 1, 1)


def intervals(system: System) -> dict[Hashable, Interval]:
    """The exact interval, over whole numbers, of every withheld cell.

    Raises `ContradictionError` where nothing satisfies the system, `UnsolvedError` where the solver gives up.
    """
    return _Search(system).run(dict.fromkeys(system.withheld, INFINITE))


def exposed(system: System, thresholds: Mapping[int, int]) -> dict[Hashable, Interval]:
    """Of the cells (by number) in `thresholds`, those whose interval does not hide them; intervals are exact.

    Faster than `intervals`: a cell that is shown to be wide enough is left alone. Raises as `intervals` does.
    """
    needed = {n: max(t - 1, 1) for n, t in thresholds.items() if not system.published[n]}
    found = _Search(system).run(needed)
    return {name: interval for name, interval in found.items() if interval.width < needed[system.place[name]]}


class _Search:
    """Outer and inner bounds of every cell of one system, brought together."""

    def __init__(self, system: System) -> None:
        self.system = system
        found: Propagated = propagate(system)
        self.parts = found.parts
        self.low, self.high = found.low, found.high
        self.inner_low, self.inner_high = np.full(len(system.ids), INFINITE), np.full(len(system.ids), -INFINITE)
        closed = found.low == found.high
        self.inner_low[closed], self.inner_high[closed] = found.low[closed], found.high[closed]
        in_parts = np.zeros(len(system.ids), dtype=bool)
        for part in found.parts:
            in_parts[part.cells] = True
        alone = ~in_parts & ~closed  # in no relation that is left: its bounds are attained
        self.inner_low[alone], self.inner_high[alone] = found.low[alone], found.high[alone]

    def run(self, needed: Mapping[int, float]) -> dict[Hashable, Interval]:
        for part in self.parts:
            wanted = {n: needed[n] for n in part.cells if n in needed}
            _Solved(self, part).settle(wanted)
        return {self.system.ids[n]: self._found(n) for n in needed}

    def _found(self, n: int) -> Interval:
        attained = self.inner_low[n] <= self.inner_high[n]
        low, high = (self.inner_low, self.inner_high) if attained else (self.low, self.high)
        return Interval(float(low[n]) + 0.0, float(high[n]) + 0.0)


class _Solved:
    """One connected part in HiGHS."""

    def __init__(self, search: _Search, part: Part) -> None:
        self.search, self.part = search, part
        self.low, self.high = search.low[part.cells], search.high[part.cells]
        self.inner_low, self.inner_high = np.full(len(part.cells), INFINITE), np.full(len(part.cells), -INFINITE)
        self.place = {int(n): i for i, n in enumerate(part.cells)}
        self.model: Hull | None = None
        self.whole: Hull | None = None
        self._true_values()

    def settle(self, needed: Mapping[int, float]) -> None:
        """Brings inner and outer bounds together for every cell in `needed`, or far enough apart to hide it."""
        self._widen_together(needed)
        for n, width in sorted(needed.items(), key=lambda item: (self.high[self.place[item[0]]], item[0])):
            i = self.place[n]
            for sense in (1, -1):
                if self._open(i, width):
                    self._push(i, sense, width)
        self.search.low[self.part.cells], self.search.high[self.part.cells] = self.low, self.high
        self.search.inner_low[self.part.cells] = self.inner_low
        self.search.inner_high[self.part.cells] = self.inner_high

    def _widen_together(self, needed: Mapping[int, float]) -> None:
        """Pulls all open cells up or down at once, in patterns that separate any two of them, and in the opposite."""
        wanted = np.array([self.place[n] for n, width in needed.items() if np.isfinite(width)], dtype=np.int64)
        width = np.array([needed[n] for n in self.part.cells[wanted]])
        for turn in range(_TURNS):
            hot = wanted[self.inner_high[wanted] - self.inner_low[wanted] < width]
            if len(hot) < _FEW:
                return
            model = self.model = self.model or _hull(self.part, self.low, self.high)
            costs = np.zeros(len(self.low))
            costs[hot] = np.where((hot * _SPREAD >> turn) & 1, 1.0, -1.0)
            for direction in (costs, -costs):
                corner = model.corner(direction)
                if corner is not None:
                    self._widen(corner)

    def _open(self, i: int, width: float) -> bool:
        if self.inner_high[i] - self.inner_low[i] >= width and np.isfinite(width):
            return False
        return bool(self.inner_low[i] > self.low[i] or self.inner_high[i] < self.high[i])

    def _push(self, i: int, sense: int, width: float) -> None:
        """Finds the cell's largest (1) or smallest (−1) whole value."""
        outer, inner = (self.high, self.inner_high) if sense > 0 else (self.low, self.inner_low)
        if inner[i] == outer[i]:
            return
        if self.model is None:
            self.model = _hull(self.part, self.low, self.high)
        reached, values = self._solve(self.model, i, sense)
        if reached is None:
            raise UnsolvedError
        if not np.isfinite(reached):
            outer[i] = inner[i] = reached
            return
        bound = np.floor(reached + _WHOLE) if sense > 0 else np.ceil(reached - _WHOLE)
        outer[i] = min(outer[i], bound) if sense > 0 else max(outer[i], bound)
        self._widen(values)
        if inner[i] != outer[i] and self._open(i, width):
            if self.whole is None:
                self.whole = _hull(self.part, self.low, self.high, whole=True)
            reached, values = self._solve(self.whole, i, sense)
            self._widen(values)
            if reached is None and not np.isfinite(inner[i]):
                raise UnsolvedError
            outer[i] = inner[i] = inner[i] if reached is None else round(reached)

    def _solve(self, model: Hull, i: int, sense: int) -> tuple[float | None, np.ndarray]:
        try:
            return model.optimum(i, sense)
        except ContradictionError:
            raise ContradictionError(_clashing(self.part, self.low, self.high)) from None

    def _widen(self, values: np.ndarray) -> None:
        """A whole solution shows a value of every cell of the part."""
        rounded = np.rint(values)
        if np.abs(values - rounded).max(initial=0) > _WHOLE or not self._holds(rounded):
            return
        np.minimum(self.inner_low, rounded, out=self.inner_low)
        np.maximum(self.inner_high, rounded, out=self.inner_high)

    def _holds(self, values: np.ndarray) -> bool:
        sums = self.part.rows.matrix @ values
        inside = (values >= self.low).all() and (values <= self.high).all()
        return bool(inside and (sums >= self.part.rows.low).all() and (sums <= self.part.rows.high).all())

    def _true_values(self) -> None:
        known = [self.search.system.values[n] for n in self.part.cells]
        if all(value is not None for value in known):
            self._widen(np.array(known, dtype=float))


def _hull(part: Part, low: np.ndarray, high: np.ndarray, *, whole: bool = False) -> Hull:
    return Hull(part.rows.matrix, (part.rows.low, part.rows.high), (low, high), whole=whole)


def _clashing(part: Part, low: np.ndarray, high: np.ndarray) -> list[str]:
    """The relations that would have to give way, by as little as possible, for the part to have a solution."""
    rows, count = part.rows, len(part.rows.low)
    give = sparse.identity(count)
    matrix = sparse.csr_array(sparse.hstack([rows.matrix, give, -give], format="csr"))
    nothing, endless = np.zeros(2 * count), np.full(2 * count, INFINITE)
    bounds = np.concatenate([low, nothing]), np.concatenate([high, endless])
    elastic = Hull(matrix, (rows.low, rows.high), bounds)
    elastic.price(np.concatenate([np.zeros(len(low)), nothing + 1]))
    values = elastic.cheapest()
    given = np.zeros(count) if values is None else values[len(low) :].reshape(2, count).sum(axis=0)
    return sorted({rows.names[n] for n in np.flatnonzero(given > _WHOLE)} or set(rows.names))
