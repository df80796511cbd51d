"""The rows of synthetic extracts: coded columns, the few cells written otherwise, and each row's planted destiny.

What belongs here: the shape that `dirt` fills and `writing` and `truth` read. What does not: what is planted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sampling.draws import Array, Columns


class Fate(IntEnum):
    """What becomes of a row."""

    ACEPTADA = 0
    FUSIONADA = 1
    DUPLICADA = 2
    RECHAZADA = 3


class Defect(IntEnum):
    """A row that does not split into the header's columns."""

    NONE = 0
    COLUMNAS_DE_MAS = 1
    COLUMNAS_DE_MENOS = 2


@dataclass
class Rows:
    """All rows of a semester's extracts.

    A cell is written from its code unless `written` has a text for it, by column and row key (`clave`): copies of a
    row keep its key, so they keep its text.
    """

    columns: Columns
    rules: list[str] = field(default_factory=list)
    written: dict[str, dict[int, str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns["clave"])

    def write(self, column: str, keys: Iterable[int], texts: Iterable[str]) -> None:
        """Fixes the text of some cells."""
        self.written.setdefault(column, {}).update(zip(map(int, keys), texts, strict=True))

    def reject(self, rows: Array, rule: str, column: str) -> None:
        """Rows that must be rejected by a rule on a column."""
        name = f"{rule}/{column}"
        if name not in self.rules:
            self.rules.append(name)
        self.columns["destino"][rows] = Fate.RECHAZADA
        self.columns["regla"][rows] = self.rules.index(name)

    def overwrite(self, column: str, keys: Array, cells: pa.Array) -> pa.Array:
        """The cells, with the fixed texts in place."""
        fixed = self.written.get(column)
        if not fixed:
            return cells
        known = np.fromiter(fixed, dtype=np.int64, count=len(fixed))
        here = np.isin(keys, known)
        if not here.any():
            return cells
        return pc.replace_with_mask(cells, pa.array(here), pa.array([fixed[int(k)] for k in keys[here]], pa.string()))
