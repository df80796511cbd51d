"""Complementary suppression of a linear system: which published cells go, so that every withheld one is hidden.

What belongs here: choosing companions at least cost until the audit finds nothing exposed. What does not: the audit
(`pipeline.privacy.intervals`), primary cells, and where the system comes from.

Method (after Fischetti and Salazar-González, 2001): for an exposed cell, the cheapest way to let it be threshold − 1
larger, or smaller and larger by as much in all, while every relation still holds. That is a linear programme in which a
published cell may only move at its cost; the cells that move are withheld. Withholding only widens intervals, so cells
once hidden stay hidden and each round audits what was exposed and what is new.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from pipeline.errors import PqrsdError
from pipeline.privacy.hull import Hull
from pipeline.privacy.intervals import Interval, exposed
from pipeline.privacy.linear import INFINITE, System, relations_matrix

_MOVED = 1e-6
_TIE = 1e-6
"""Of a cost: by place, so that of two equally dear patterns the same one is always taken."""


class UnprotectableError(PqrsdError):
    """Some withheld cell stays exposed whatever else is withheld; says how many, not which."""

    def __init__(self, cells: int) -> None:
        self.cells = cells
        super().__init__(f"{cells} celdas quedarían al descubierto aunque se retuviera todo lo que se puede retener.")


@dataclass(frozen=True)
class Protection:
    """What was withheld besides, and what the audit found before and at the end (nothing, by then)."""

    companions: tuple[Hashable, ...]
    exposed_before: Mapping[Hashable, Interval]
    audited: int
    rounds: int


def protect(
    system: System,
    thresholds: Mapping[int, int],
    costs: Mapping[int, float],
    together: Mapping[int, Sequence[int]] | None = None,
) -> Protection:
    """Withholds companions in `system` until none of the withheld cells in `thresholds` is exposed.

    `thresholds` (by number) holds every cell that is or may be withheld and has to be hidden; `costs` the published
    cells that may be withheld, by what that loses; `together` names for such a cell all that go when it goes. Needs
    every true value. Raises `UnprotectableError`.
    """
    before: Mapping[Hashable, Interval] | None = None
    companions: list[Hashable] = []
    mover = _Mover(system, costs)
    pending = [n for n in system.withheld if n in thresholds]
    rounds = 0
    while True:
        rounds += 1
        found = exposed(system, {n: thresholds[n] for n in pending})
        before = found if before is None else before
        if not found:
            return Protection(tuple(companions), before, len(set(system.withheld) & thresholds.keys()), rounds)
        open_cells = [system.place[name] for name in found]
        added: list[int] = []
        for n in sorted(open_cells, key=lambda n: (-thresholds[n], found[system.ids[n]].width, n)):
            added += mover.withhold_for(n, max(thresholds[n] - 1, 1), together or {})
        if not added:
            raise UnprotectableError(len(found))
        for n in added:
            system.published[n] = False
            companions.append(system.ids[n])
        pending = [*open_cells, *(n for n in added if n in thresholds)]


class _Mover:
    """The programme that moves one cell at least cost; it is kept, so that each cell starts from the last answer."""

    def __init__(self, system: System, costs: Mapping[int, float]) -> None:
        count = len(system.ids)
        self.values = np.array(system.values, dtype=float)
        self.least = np.array(system.least, dtype=float)
        movable = np.array([not shown or n in costs for n, shown in enumerate(system.published)])
        price = np.zeros(count)
        for place, (n, cost) in enumerate(sorted(costs.items())):
            price[n] = cost * (1 + _TIE * (place % 9973)) if system.published[n] else 0.0
        rows = relations_matrix(system)
        reached = rows.matrix @ self.values
        self.up = np.where(movable, INFINITE, 0.0)
        self.down = np.where(movable, np.maximum(self.values - self.least, 0.0), 0.0)
        both = sparse.csr_array(sparse.hstack([rows.matrix, -rows.matrix], format="csr"))
        self.hull = Hull(both, (rows.low - reached, rows.high - reached), (np.zeros(2 * count), self._most()))
        self.hull.price(np.concatenate([price, price]))
        self.priced = price > 0

    def _most(self) -> np.ndarray:
        return np.concatenate([self.up, self.down])

    def withhold_for(self, n: int, width: float, together: Mapping[int, Sequence[int]]) -> list[int]:
        """The published cells that must go for cell `n` to have `width`; they are free from now on. Empty: none can."""
        moved = self._move(n, width, 0.0)
        if moved is None and self.down[n] > 0:
            below = min(self.down[n], width)
            first = self._move(n, 0.0, below)
            second = self._move(n, width - below, 0.0) if width > below else np.zeros_like(self.values, dtype=bool)
            moved = None if first is None or second is None else first | second
        if moved is None:
            return []
        moving = np.flatnonzero(moved & self.priced)
        chosen = np.unique([other for cell in moving for other in together.get(int(cell), (int(cell),))]).astype(int)
        self.priced[chosen] = False
        self.hull.price_at(np.concatenate([chosen, chosen + len(self.values)]), 0.0)
        return [int(c) for c in chosen]

    def _move(self, n: int, up: float, down: float) -> np.ndarray | None:
        other = n + len(self.values)
        self.hull.bound(n, up, up)
        self.hull.bound(other, down, down)
        moves = self.hull.cheapest()
        self.hull.bound(n, 0.0, self.up[n])
        self.hull.bound(other, 0.0, self.down[n])
        return None if moves is None else moves.reshape(2, -1).sum(axis=0) > _MOVED
