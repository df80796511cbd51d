"""Two-way tables of all petitions beside microdata that drop small classes: what subtracting shows, and its remedy.

What belongs here: the synthetic case, its attack and its protection, for benchmark and tests alike.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from benchmarks.three_tables import THRESHOLD
from pipeline.privacy import companions
from pipeline.privacy.companions import Protection
from pipeline.privacy.intervals import Interval, exposed
from pipeline.privacy.linear import Relation, System
from tests.privacy_cases import santa_marta
from tests.privacy_frames import petitions

LEVELS = {"tema": 0, "dependencia": 0, "territorio": 2, "canal": 1, "sexo": 0}
"""Columns of the microdata and their levels: subjects and offices as they are, so that some pairs are rare."""

COLUMNS = tuple(LEVELS)


@dataclass(frozen=True)
class Case:
    """All rows at a publishable level, and which of them the microdata show (classes of fewer than k rows are gone)."""

    rows: pd.DataFrame
    shown: pd.Series

    @classmethod
    def drawn(cls, size: int, k: int, seed: int) -> "Case":
        """Synthetic petitions; every row is a person."""
        profile, drawn = santa_marta(), petitions(size, seed=seed)
        rows = pd.DataFrame({
            name: pd.Series(drawn[profile.privacidad.columnas[name].campo].to_pylist()).map(
                {row[0]: row[LEVELS[name]] for row in profile.jerarquias[name]}
            )
            for name in COLUMNS
        })  # fmt: skip
        return cls(rows, rows.groupby(list(COLUMNS))[COLUMNS[0]].transform("size") >= k)

    def system(self) -> System:
        """Every one- and two-way cell of all rows, and what the microdata hide of each; few are withheld cells."""
        made = System()
        for names in [(), *((name,) for name in COLUMNS), *combinations(COLUMNS, 2)]:
            for values, part in self.rows.groupby(list(names)) if names else [((), self.rows)]:
                key = tuple(zip(names, values, strict=True))
                count, public = len(part), int(self.shown[part.index].sum())
                cell = made.add(key, count, published=count >= THRESHOLD)
                hidden = made.add(("ocultas", key), count - public, published=False)
                made.relations.append(Relation("microdatos", {cell: 1, hidden: -1}, public, public))
        for key in [k for k in made.place if isinstance(k, tuple) and k[:1] != ("ocultas",)]:
            self._add_sums(made, key)
        return made

    def _add_sums(self, made: System, key: tuple[tuple[str, str], ...]) -> None:
        """A cell is the sum over each variable that it leaves out; empty cells are nobody's and known to be."""
        named = dict(key)
        for other in COLUMNS if len(named) < 2 else ():
            if other not in named:
                finer = (tuple(sorted((*key, (other, v)), key=_place)) for v in self.rows[other].unique())
                parts = [made.place[k] for k in finer if k in made.place]
                made.total("margen", made.place[key], parts)


def _place(pair: tuple[str, str]) -> int:
    return COLUMNS.index(pair[0])


def targets(system: System) -> dict[int, int]:
    """Cells to be hidden: all that may be withheld, and the hidden rows where they are few."""
    return {
        n: THRESHOLD
        for n, cell in enumerate(system.ids)
        if not _of_hidden(cell) or 0 < (system.values[n] or 0) < THRESHOLD
    }


def _of_hidden(cell: Hashable) -> bool:
    return isinstance(cell, tuple) and cell[:1] == ("ocultas",)


def shown_by_subtraction(system: System) -> int:
    """Published cells that, less the microdata's count, show 1 to threshold − 1 hidden rows."""
    hidden = [n for n in targets(system) if _of_hidden(system.ids[n])]
    return sum(system.published[system.place[system.ids[n][1]]] for n in hidden)  # type: ignore[index]


def leaks(system: System) -> list[Interval]:
    """What the whole system exposes, of withheld cells and of few hidden rows."""
    return list(exposed(system, targets(system)).values())


def protect(system: System) -> Protection:
    """Companions until nothing is exposed; the count of all stays."""
    costs = {n: 1.0 + (system.values[n] or 0) for n, cell in enumerate(system.ids) if system.published[n] and cell}
    return companions.protect(system, targets(system), costs)


def value_lost(system: System) -> float:
    """The share of the value of two-way cells that is withheld."""
    inner = [n for n, cell in enumerate(system.ids) if not _of_hidden(cell) and len(tuple(cell)) == 2]  # type: ignore[call-overload]
    lost = sum(system.values[n] or 0 for n in inner if not system.published[n])
    return lost / sum(system.values[n] or 0 for n in inner)
