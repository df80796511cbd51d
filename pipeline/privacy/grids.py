"""One table as a grid of cells, and who each cell counts.

What belongs here: keys, axes, the sums inside one table, and the rules of form. What does not: withholding
(`pipeline.privacy.tables`) and sums between tables (`pipeline.privacy.joint`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import PqrsdError
from pipeline.profile import TableSpec
from schemas.published import SUPPRESSED

TOTAL = "total"
DETAIL = "_detalle"
"""Ending of a variable that is the petition's own field, finer than the published column of the same name."""

UNINFORMATIVE = frozenset({"no_informa", "no_aplica", "sin_dato", SUPPRESSED})
"""Codes that tell nothing about anybody, so a margin that lies wholly in one of them discloses nothing."""

Key = tuple[Any, ...]
"""(filter, (variable, value), …): who a cell counts."""


class TableError(PqrsdError):
    """A candidate table is not one that can be protected; names the table and the rule."""


@dataclass(frozen=True)
class Grid:
    """One table as arrays whose last row and column are the margins; a one-way table has a single column."""

    keys: np.ndarray
    persons: np.ndarray
    amount: np.ndarray

    @classmethod
    def of(cls, spec: TableSpec, counts: pd.DataFrame) -> "Grid":
        """The grid of one measure's rows; raises `TableError` where cells or margins are missing or do not add up."""
        rows, columns = _axis(spec, counts["valor_1"]), _axis(spec, counts["valor_2"])
        shape = (len(rows), len(columns))
        keys = np.empty(shape, dtype=object)
        for i, first in enumerate(rows):
            for j, second in enumerate(columns):
                keys[i, j] = key_of(spec, (first, second))
        if len(counts) != len(rows) * len(columns) or counts.duplicated(["valor_1", "valor_2"]).any():
            raise TableError(f"La tabla «{spec.id}» no trae cada celda una sola vez, las de cero incluidas.")
        place = (
            np.array([rows.index(v) for v in counts["valor_1"]], dtype=np.int64),
            np.array([columns.index(None if pd.isna(v) else v) for v in counts["valor_2"]], dtype=np.int64),
        )
        persons, amount = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        persons[place] = counts["personas"]
        amount[place] = counts["valor"]
        grid = cls(keys, persons, amount)
        if bool((counts["medida"] == "solicitudes").all()) and not grid._adds_up():
            raise TableError(f"La tabla «{spec.id}» no cuadra: sus celdas no suman su margen.")
        return grid

    def _adds_up(self) -> bool:
        across = self.amount.shape[1] == 1 or bool((self.amount[:, :-1].sum(axis=1) == self.amount[:, -1]).all())
        return across and bool((self.amount[:-1].sum(axis=0) == self.amount[-1]).all())

    def lines(self) -> list[tuple[Key, ...]]:
        """Every sum inside the table: its parts and, last, their margin."""
        columns = [tuple(column) for column in self.keys.T]
        return columns if self.keys.shape[1] == 1 else columns + [tuple(row) for row in self.keys]

    def telling(self) -> set[Key]:
        """What a sensitive table would tell of a whole category: that nobody in it, or that everybody, is so.

        Zeros where row and column have somebody, and cells that hold all of their margin (the 100 % rule).
        """
        at = {key: position for position, key in np.ndenumerate(self.keys)}
        found: set[Key] = set()
        for line in self.lines():
            *parts, margin = line
            if self.persons[at[margin]] == 0 or len(parts) < 2:
                continue
            whole = [key for key in parts if self.amount[at[key]] == self.amount[at[margin]]]
            found |= {key for key in whole if not {value for _, value in key[1:]} <= UNINFORMATIVE}
            if self.keys.shape[1] > 1:
                found |= {key for key in parts if self.persons[at[key]] == 0 and not self._empty_category(at[key])}
        return found

    def _empty_category(self, position: tuple[int, ...]) -> bool:
        i, j = position
        return bool(self.persons[i, -1] == 0 or self.persons[-1, j] == 0)


def key_of(spec: TableSpec, values: Sequence[object]) -> Key:
    """Who a cell of a table counts, whatever the order of its variables.

    Tables that need suppression count the characterisable petitions, whatever their base; a filter narrows them.
    """
    named = sorted((d, str(v)) for d, v in zip(spec.dimensiones, values, strict=False) if v != TOTAL)
    return (spec.filtro or "", *named)


def may_hide(key: Key) -> bool:
    """Whether withholding a cell hides anything: «Suprimido» is no value of a petition, everybody knows its zero."""
    return SUPPRESSED not in dict(key[1:]).values()


def _axis(spec: TableSpec, values: pd.Series) -> list[object]:
    """The codes of one variable in order, the margin last; a missing second variable is one column without margin."""
    found = sorted({str(v) for v in values.dropna()})
    if not found:
        return [None]
    if TOTAL not in found or values.isna().any():
        raise TableError(f"La tabla «{spec.id}» no trae el margen «{TOTAL}» de cada variable.")
    return [*(v for v in found if v != TOTAL), TOTAL]
