"""Suppression in counted tables: primary by persons, complementary by lines, one marker for both.

What belongs here: which cells are withheld. What does not: counting (`pipeline.characterization`), sealing
(`pipeline.privacy.gate`), and the joint audit by linear programming over releases, which comes after this one.

A cell is who it counts, not where it is printed: the margin «tema = predial» of a two-way table and the cell of the
one-way table are one cell, with one threshold (the strictest of its tables) and one fate. A line is a sum that anybody
can write: the cells of a row, a column or a one-way table, and their margin.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import PqrsdError
from pipeline.privacy.floors import MEDIAN_PERSONS
from pipeline.profile import TableSpec
from schemas.published import SUPPRESSED

TOTAL = "total"
PUBLISHED = "publicada"
MEDIAN = "mediana_dias_habiles"
COUNTED = ("solicitudes", "personas")

Key = tuple[Any, ...]
"""(universe, (variable, value), …): who a cell counts."""


class TableError(PqrsdError):
    """A candidate table is not one that can be protected; names the table and the rule."""


@dataclass
class Cell:
    """A cell: its persons, its requests where counted, and the strictest threshold of the tables that show it."""

    persons: int
    amount: int
    threshold: int
    sensitive: bool


@dataclass
class Lines:
    """Cells and lines of every table that counts the same petitions, to be suppressed together."""

    cells: dict[Key, Cell] = field(default_factory=dict)
    lines: dict[tuple[Key, ...], int] = field(default_factory=dict)
    primary: set[Key] = field(default_factory=set)
    withheld: set[Key] = field(default_factory=set)

    def add_table(self, spec: TableSpec, counts: pd.DataFrame, threshold: int, *, sensitive: bool) -> None:
        """Adds one table's cells and lines; raises `TableError` where its margins are missing or do not add up."""
        grid = _Grid.of(spec, counts)
        for position, key in np.ndenumerate(grid.keys):
            cell = self.cells.setdefault(
                key, Cell(int(grid.persons[position]), int(grid.amount[position]), threshold, sensitive)
            )
            if (cell.persons, cell.amount) != (int(grid.persons[position]), int(grid.amount[position])):
                raise TableError(f"La tabla «{spec.id}» cuenta de otra manera una celda que otra tabla también cuenta.")
            cell.threshold = max(cell.threshold, threshold)
            cell.sensitive = cell.sensitive or sensitive
        for line in grid.lines():
            self.lines[line] = max(self.lines.get(line, 0), threshold)
        self.primary |= grid.structural(threshold, sensitive=sensitive)

    def suppress(self) -> None:
        """Withholds the primary cells and then companions, until no line gives a withheld cell away.

        In every line with withheld cells there are at least two, with at least the threshold of persons among them.
        The companion is the smallest cell that has anybody, ties by key, so that the pattern is always the same one.
        """
        self.primary |= {key for key, cell in self.cells.items() if 0 < cell.persons < cell.threshold}
        self.withheld = set(self.primary)
        changed = True
        while changed:
            changed = False
            for line in sorted(self.lines, key=repr):
                while self.gives_away(line):
                    companion = self._companion(line)
                    if companion is None:
                        break  # everything in the line is withheld, its total too: nothing to subtract from
                    self.withheld.add(companion)
                    changed = True

    def gives_away(self, line: tuple[Key, ...]) -> bool:
        """Whether subtracting what the line publishes from its total isolates a cell, or too few persons."""
        hidden = [self.cells[key] for key in line if key in self.withheld]
        threshold = max(self.lines[line], *(self.cells[key].threshold for key in line))
        return bool(hidden) and (len(hidden) < 2 or sum(cell.persons for cell in hidden) < threshold)

    def _companion(self, line: tuple[Key, ...]) -> Key | None:
        free = [key for key in line if key not in self.withheld]
        return min(
            free,
            key=lambda k: (self.cells[k].persons == 0, self.cells[k].persons, self.cells[k].amount, repr(k)),
            default=None,
        )


@dataclass(frozen=True)
class _Grid:
    """One table as arrays whose last row and column are the margins; a one-way table has a single column."""

    keys: np.ndarray
    persons: np.ndarray
    amount: np.ndarray

    @classmethod
    def of(cls, spec: TableSpec, counts: pd.DataFrame) -> "_Grid":
        rows, columns = _axis(spec, counts["valor_1"]), _axis(spec, counts["valor_2"])
        shape = (len(rows), len(columns))
        keys = np.empty(shape, dtype=object)
        for i, first in enumerate(rows):
            for j, second in enumerate(columns):
                keys[i, j] = key_of(spec, (first, second))
        place = (counts["valor_1"].map(rows.index), counts["valor_2"].map(columns.index))
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
        columns = [tuple(column) for column in self.keys.T]
        return columns if self.keys.shape[1] == 1 else columns + [tuple(row) for row in self.keys]

    def structural(self, threshold: int, *, sensitive: bool) -> set[Key]:
        """In a sensitive table: zeros of a category that has somebody, and cells that hold all of their margin.

        A zero says that nobody of the category has the attribute, a whole margin that everybody has it (100 % rule).
        """
        if not sensitive:
            return set()
        found: set[Key] = set()
        for line in self.lines():
            at = {key: position for position, key in np.ndenumerate(self.keys)}
            parts, margin = line[:-1], int(self.persons[at[line[-1]]])
            if margin == 0:
                continue
            held = [key for key in parts if self.amount[at[key]] == self.amount[at[line[-1]]]]
            found |= {key for key in held if len(parts) > 1}
            if self.keys.shape[1] > 1:
                found |= {key for key in parts if self.persons[at[key]] == 0 and not self._empty_category(at[key])}
        return found

    def _empty_category(self, position: tuple[int, ...]) -> bool:
        i, j = position
        return bool(self.persons[i, -1] == 0 or self.persons[-1, j] == 0)


def key_of(spec: TableSpec, values: Sequence[object]) -> Key:
    """Who a cell of a table counts, whatever the order of its variables."""
    named = sorted((d, str(v)) for d, v in zip(spec.dimensiones, values, strict=False) if v != TOTAL)
    return ((spec.base, spec.filtro or ""), *named)


def _axis(spec: TableSpec, values: pd.Series) -> list[object]:
    """The codes of one variable in order, the margin last; a missing second variable is one column without margin."""
    found = sorted({str(v) for v in values.dropna()})
    if not found:
        return [None]
    if TOTAL not in found or values.isna().any():
        raise TableError(f"La tabla «{spec.id}» no trae el margen «{TOTAL}» de cada variable.")
    return [*(v for v in found if v != TOTAL), TOTAL]


@dataclass(frozen=True)
class Protected:
    """Every cell with its fate, and per table how it was treated and how many cells were withheld."""

    cells: pd.DataFrame
    treatment: dict[str, dict[str, Any]]


def protect(
    candidates: pd.DataFrame,
    specs: Mapping[str, TableSpec],
    *,
    threshold: int,
    sensitive_threshold: int,
    sensitive: set[str],
) -> Protected:
    """The candidates with `estado_celda`, withheld values empty.

    Tables whose persons are unknown come from the microdata and are public already; tables of base «legal» are exempt
    by their recorded basis; the rest are suppressed jointly. A median needs `MEDIAN_PERSONS` whatever its table.
    Raises `TableError` naming the table that breaks a rule of form.
    """
    treatments = {}
    lines = Lines()
    for table_id, rows in candidates.groupby("tabla", sort=True):
        spec = specs[str(table_id)]
        treatments[spec.id] = _treatment(spec, rows)
        counts = rows[rows["medida"].isin(COUNTED)]
        if treatments[spec.id] == "supresion" and len(counts):
            is_sensitive = spec.id in sensitive
            # requests where there are, since only they add up; persons judge the threshold in either case
            first = counts[counts["medida"] == counts["medida"].max()]
            lines.add_table(spec, first, sensitive_threshold if is_sensitive else threshold, sensitive=is_sensitive)
    lines.suppress()
    cells = candidates.copy()
    rows_of = candidates.to_dict("records")
    by_row = [_fate(row, specs[str(row["tabla"])], treatments[str(row["tabla"])], lines) for row in rows_of]
    cells["estado_celda"] = [SUPPRESSED if fate else PUBLISHED for fate in by_row]
    cells["valor"] = cells["valor"].astype("Int64").mask(cells["estado_celda"] == SUPPRESSED)
    summary = {
        spec_id: _summary(spec_id, specs[spec_id], treatment, cells, by_row, sensitive)
        for spec_id, treatment in treatments.items()
    }
    return Protected(cells, summary)


def _treatment(spec: TableSpec, rows: pd.DataFrame) -> str:
    unknown = rows["personas"].isna()
    if spec.base == "legal":
        if len(spec.dimensiones) != 1 or not spec.base_legal:
            raise TableError(f"La tabla «{spec.id}» de base legal debe ir sin cruces y citar la norma que la ordena.")
        return "base_legal"
    if not unknown.any():
        return "supresion"
    if spec.base != "solicitudes" or not unknown.all() or set(rows["medida"]) != {"solicitudes"}:
        raise TableError(f"La tabla «{spec.id}» no dice cuántas personas hay en cada celda.")
    return "derivada_de_microdatos"


def _fate(row: Mapping[Any, Any], spec: TableSpec, treatment: str, lines: Lines) -> str:
    """Why a row is withheld: `primaria`, `secundaria` or `mediana`; empty when it is published."""
    if treatment == "supresion":
        key = key_of(spec, (row["valor_1"], row["valor_2"]) if len(spec.dimensiones) > 1 else (row["valor_1"],))
        if key in lines.primary:
            return "primaria"
        if key in lines.withheld:
            return "secundaria"
    if row["medida"] == MEDIAN and (pd.isna(row["personas"]) or row["personas"] < MEDIAN_PERSONS):
        return "mediana"
    return ""


def _summary(  # noqa: PLR0917
    spec_id: str, spec: TableSpec, treatment: str, cells: pd.DataFrame, fates: Iterable[str], sensitive: set[str]
) -> dict[str, Any]:
    mine = [fate for fate, table in zip(fates, cells["tabla"], strict=True) if table == spec_id]
    found: dict[str, Any] = {
        "tratamiento": treatment,
        "sensible": spec_id in sensitive,
        "celdas": len(mine),
        "suprimidas": sum(bool(f) for f in mine),
        "primarias": mine.count("primaria") + mine.count("mediana"),
        "secundarias": mine.count("secundaria"),
    }
    return found | ({"base_legal": spec.base_legal} if treatment == "base_legal" else {})


def recoverable(rows: pd.DataFrame, threshold: Mapping[str, int]) -> dict[str, int]:
    """Per table, how many lines of published requests give a withheld cell away by subtraction; from public rows alone.

    `rows` are one period's of the contract TABLES. What only the persons show is not seen here: the gate saw it.
    """
    found: dict[str, int] = {}
    requests = rows[rows["medida"] == "solicitudes"]
    for table_id, cells in requests.groupby("tabla", sort=True):
        count = sum(
            _gives_away(line, threshold[str(table_id)])
            for axis, other in (("valor_1", "valor_2"), ("valor_2", "valor_1"))
            for _, line in cells.groupby(axis, dropna=False, sort=True)
            if line[other].notna().all()
            for line in [line.assign(margin=line[other] == TOTAL)]
        )
        if cells["valor_2"].isna().all():
            count = int(_gives_away(cells.assign(margin=cells["valor_1"] == TOTAL), threshold[str(table_id)]))
        if count:
            found[str(table_id)] = count
    return found


def _gives_away(line: pd.DataFrame, threshold: int) -> bool:
    hidden = line["estado_celda"] == SUPPRESSED
    if not hidden.any():
        return False
    if hidden.sum() == 1:
        return True
    margin = line["margin"] & ~hidden
    if not margin.any():
        return False
    shown = int(line.loc[~hidden & ~line["margin"], "valor"].sum())
    return int(line.loc[margin, "valor"].iloc[0]) - shown < threshold
