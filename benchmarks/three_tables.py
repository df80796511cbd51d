"""Three tables of the same people: two semesters and the year, comuna × subject, each with its margins.

What belongs here: the synthetic case and the attacks on it, for benchmark and tests alike. What does not: protection.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.privacy import companions
from pipeline.privacy.companions import Protection
from pipeline.privacy.intervals import Interval, exposed
from pipeline.privacy.linear import System

THRESHOLD = 5
SEMESTERS = ("S1", "S2")
YEAR = "año"


@dataclass(frozen=True)
class Case:
    """Counts by table, row and column; the last row and column are margins."""

    tables: dict[str, np.ndarray]

    @classmethod
    def drawn(cls, comunas: int, subjects: int, petitions: int, seed: int) -> "Case":
        """Half of the petitions in each semester; subjects fall off as 1/rank, as they do in practice."""
        rng = np.random.default_rng(seed)
        places = rng.dirichlet(np.full(comunas, 2.0))
        topics = 1 / np.arange(1, subjects + 1)
        halves = {}
        for name in SEMESTERS:
            inner = np.zeros((comunas, subjects), dtype=int)
            who = (
                rng.choice(comunas, petitions // 2, p=places),
                rng.choice(subjects, petitions // 2, p=topics / topics.sum()),
            )
            np.add.at(inner, who, 1)
            halves[name] = with_margins(inner)
        return cls(halves | {YEAR: halves["S1"] + halves["S2"]})

    def system(self, *names: str) -> System:
        """The tables named, with their margins and, where all are there, the year as the sum of its semesters."""
        made = System()
        for name in names:
            table = self.tables[name]
            for (i, j), count in np.ndenumerate(table):
                made.add((name, i, j), int(count), published=not 0 < count < THRESHOLD)
            rows, columns = table.shape
            for i in range(rows):
                parts = [made.place[name, i, j] for j in range(columns - 1)]
                made.total(f"{name}, fila {i}", made.place[name, i, columns - 1], parts)
            for j in range(columns):
                parts = [made.place[name, i, j] for i in range(rows - 1)]
                made.total(f"{name}, columna {j}", made.place[name, rows - 1, j], parts)
        if {YEAR, *SEMESTERS} <= {*names}:
            for i, j in np.ndindex(self.tables[YEAR].shape):
                made.total(f"{i}, {j}", made.place[YEAR, i, j], [made.place[name, i, j] for name in SEMESTERS])
        return made


def with_margins(inner: np.ndarray) -> np.ndarray:
    """A table with its sums as last row and column."""
    rows = np.vstack([inner, inner.sum(axis=0)])
    return np.hstack([rows, rows.sum(axis=1, keepdims=True)])


def protect(system: System) -> Protection:
    """Companions for every withheld cell; a published cell costs what it counts."""
    costs = {n: 1.0 + (system.values[n] or 0) for n, shown in enumerate(system.published) if shown and system.values[n]}
    return companions.protect(system, dict.fromkeys(range(len(system.ids)), THRESHOLD), costs)


def separately(case: Case) -> System:
    """Each table protected and audited by itself, then all published together."""
    whole = case.system(*case.tables)
    for name in case.tables:
        alone = case.system(name)
        protect(alone)
        for n, cell in enumerate(alone.ids):
            whole.published[whole.place[cell]] = alone.published[n]
    return whole


def leaks(system: System) -> tuple[list[Interval], list[Interval]]:
    """The withheld cells that all tables together give exactly, and those that they narrow below the threshold."""
    found = list(exposed(system, dict.fromkeys(system.withheld, THRESHOLD)).values())
    return [i for i in found if i.width == 0], [i for i in found if i.width > 0]


def value_lost(system: System) -> float:
    """The share of what the inner cells count that is withheld."""
    inner = [n for n, cell in enumerate(system.ids) if isinstance(cell, tuple) and _inner(cell, system)]
    lost = sum(system.values[n] or 0 for n in inner if not system.published[n])
    return lost / sum(system.values[n] or 0 for n in inner)


def _inner(cell: tuple[str, int, int], system: System) -> bool:
    name, i, j = cell
    return (name, i + 1, 0) in system.place and (name, 0, j + 1) in system.place
