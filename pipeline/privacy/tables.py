"""Suppression in counted tables: primary by persons, complementary by lines, one marker for both.

What belongs here: which cells are withheld. What does not: counting (`pipeline.characterization`), sealing
(`pipeline.privacy.gate`), and the joint audit by linear programming (`pipeline.privacy.joint`), which comes after.

A cell is who it counts, not where it is printed: the margin «tema = predial» of a two-way table and the cell of the
one-way table are one cell, with one threshold (the strictest of its tables) and one fate. A line is a sum that anybody
can write: the cells of a row, a column or a one-way table and their margin, or the children of a hierarchy's value.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from pipeline.privacy.grids import TOTAL, Grid, Key, TableError, key_of, may_hide
from pipeline.privacy.quantiles import QUANTILES, persons_behind
from pipeline.profile import TableSpec
from schemas.published import SUPPRESSED

PUBLISHED = "publicada"
COUNTED = ("solicitudes", "personas")


@dataclass
class Cell:
    """A cell: its persons, its requests where counted, and the strictest threshold of the tables that show it."""

    persons: int
    amount: int
    threshold: int


@dataclass
class Lines:
    """Cells and lines of every table that counts the same petitions, to be suppressed together."""

    cells: dict[Key, Cell] = field(default_factory=dict)
    lines: dict[tuple[Key, ...], int] = field(default_factory=dict)
    primary: set[Key] = field(default_factory=set)
    withheld: set[Key] = field(default_factory=set)

    def add_table(self, spec: TableSpec, counts: pd.DataFrame, threshold: int, *, sensitive: bool) -> None:
        """Adds one table's cells and lines; raises `TableError` where its margins are missing or do not add up."""
        grid = Grid.of(spec, counts)
        for position, key in np.ndenumerate(grid.keys):
            persons = int(grid.persons[position])
            cell = self.cells.setdefault(key, Cell(persons, int(grid.amount[position]), threshold))
            if cell.persons != persons:
                raise TableError(f"La tabla «{spec.id}» cuenta de otra manera una celda que otra tabla también cuenta.")
            cell.threshold = max(cell.threshold, threshold)
        for line in grid.lines():
            self.lines[line] = max(self.lines.get(line, 0), threshold)
        if sensitive:
            self.primary |= grid.telling()

    def add_hierarchy(self, leaves: Mapping[tuple[str, str], tuple[str, str]], threshold: int) -> None:
        """Adds the sums that a hierarchy makes between one-way tables: (variable, leaf) → (variable, value above)."""
        families: dict[Key, list[Key]] = {}
        for universe in sorted({key[0] for key in self.cells}):
            for leaf, above in leaves.items():
                families.setdefault((universe, above), []).append((universe, leaf))
        for above, parts in families.items():
            if above in self.cells and all(part in self.cells for part in parts):
                self.lines[(*sorted(parts), above)] = threshold

    def suppress(self) -> None:
        """Withholds the primary cells and then companions, until no sum of lines gives a withheld cell away.

        In every line with withheld cells there are at least two, with at least the threshold of persons among them, and
        no combination of lines fixes a primary one. The companion is the smallest cell that has anybody, ties by key,
        so that the pattern is always the same one. It ends: with all withheld there is nothing to subtract from.
        """
        self.primary |= {key for key, cell in self.cells.items() if 0 < cell.persons < cell.threshold}
        self.withheld = set(self.primary)
        self._protect_lines()
        while fixed := self.primary & deduced(self.lines, self._published()).keys():
            self._widen(min(fixed, key=repr))
            self._protect_lines()

    def withhold(self, keys: Iterable[Key]) -> None:
        """Withholds these cells too, and whatever its lines then need."""
        self.withheld |= set(keys)
        self._protect_lines()

    def _published(self) -> dict[Key, int | None]:
        return {key: None if key in self.withheld else cell.amount for key, cell in self.cells.items()}

    def _widen(self, fixed: Key) -> None:
        """Withholds one companion more, in a line of the cell that several lines together fix where one is left."""
        for line in sorted(self.lines, key=lambda line: (fixed not in line, repr(line))):
            companion = self._companion(line) if self.withheld.intersection(line) else None
            if companion is not None:
                self.withheld.add(companion)
                return

    def _protect_lines(self) -> None:
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
        if not hidden:
            return False
        # who is alone in one of two takes herself away and reads the other
        alone = len(hidden) == 2 and any(cell.persons == 1 for cell in hidden)
        return len(hidden) < 2 or sum(cell.persons for cell in hidden) - alone < self._needed(line, hidden)

    def _needed(self, line: tuple[Key, ...], hidden: Iterable[Cell]) -> int:
        return max(self.lines[line], *(cell.threshold for cell in hidden))

    def _companion(self, line: tuple[Key, ...]) -> Key | None:
        """The cheapest cell to withhold beside: one with somebody, then a zero that is enough, the margin, any zero."""
        hidden = [self.cells[key] for key in line if key in self.withheld]
        enough = sum(cell.persons for cell in hidden) >= self._needed(line, hidden)

        def cost(key: Key) -> tuple[int, int, int, str]:
            cell = self.cells[key]
            margin, empty = key == line[-1], cell.persons == 0
            rank = 2 if margin else (1 if enough else 3) if empty else 0
            return rank, cell.persons, cell.amount, repr(key)

        return min((key for key in line if key not in self.withheld and may_hide(key)), key=cost, default=None)


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
    hierarchy: Mapping[tuple[str, str], tuple[str, str]],
    audit: Callable[[pd.DataFrame], Collection[Key]] | None = None,
) -> Protected:
    """The candidates with `estado_celda`, withheld values empty; `audit` is asked which more to withhold, until none.

    Tables whose persons are unknown come from the microdata and are public already; tables of base «legal» are exempt
    by their recorded basis; the rest are suppressed jointly. A median needs the persons of `quantiles`.
    Raises `TableError` naming the table that breaks a rule of form.
    """
    treatments, lines = {}, Lines()
    thresholds = {name: sensitive_threshold if name in sensitive else threshold for name in specs}
    for table_id, rows in candidates.groupby("tabla", sort=True):
        spec = specs[str(table_id)]
        treatments[spec.id] = _treatment(spec, rows)
        counts = rows[rows["medida"].isin(COUNTED)]
        if treatments[spec.id] == "supresion" and len(counts):
            # requests where there are, since only they add up; persons judge the threshold in either case
            requests = counts[counts["medida"] == "solicitudes"]
            used = requests if len(requests) else counts
            lines.add_table(spec, used, thresholds[spec.id], sensitive=spec.id in sensitive)
    lines.add_hierarchy(hierarchy, threshold)
    lines.suppress()
    judge = partial(_fates, candidates, specs, treatments, thresholds, lines)
    fates = judge()
    while audit is not None and (more := set(audit(_marked(candidates, fates))) - lines.withheld):
        lines.withhold(more)
        fates = judge()
    cells = _marked(candidates, fates)
    summary = {
        spec_id: _summary(specs[spec_id], treatment, cells, fates, thresholds)
        for spec_id, treatment in treatments.items()
    }
    return Protected(cells, summary)


def _fates(
    candidates: pd.DataFrame,
    specs: Mapping[str, TableSpec],
    treatments: Mapping[str, str],
    thresholds: Mapping[str, int],
    lines: Lines,
) -> list[str]:
    tables = zip(candidates.to_dict("records"), candidates["tabla"].astype(str), strict=True)
    return [
        _fate(row, specs[table], treatments[table], lines) or _thin(row, thresholds[table]) for row, table in tables
    ]


def _thin(row: Mapping[Any, Any], threshold: int) -> str:
    """Whether too few persons stand behind a quantile."""
    share = QUANTILES.get(row["medida"])
    thin = share is not None and (pd.isna(row["personas"]) or row["personas"] < persons_behind(share, threshold))
    return "mediana" if thin else ""


def _marked(candidates: pd.DataFrame, fates: Sequence[str]) -> pd.DataFrame:
    """The cells as they would be published."""
    hidden = np.array([bool(fate) for fate in fates])
    values = candidates["valor"].astype("Int64").mask(hidden)
    return candidates.assign(estado_celda=np.where(hidden, SUPPRESSED, PUBLISHED), valor=values)


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
    """Why a count is withheld, `primaria` or `secundaria`, and what is told of the same cell; empty when it is not."""
    if treatment == "supresion":
        key = key_of(spec, (row["valor_1"], row["valor_2"]) if len(spec.dimensiones) > 1 else (row["valor_1"],))
        if key in lines.primary:
            return "primaria"
        if key in lines.withheld:
            return "secundaria"
    return ""


def _summary(
    spec: TableSpec, treatment: str, cells: pd.DataFrame, fates: Iterable[str], thresholds: Mapping[str, int]
) -> dict[str, Any]:
    mine = [fate for fate, table in zip(fates, cells["tabla"], strict=True) if table == spec.id]
    found: dict[str, Any] = {
        "tratamiento": treatment,
        "umbral": thresholds[spec.id] if treatment == "supresion" else None,
        "celdas": len(mine),
        "suprimidas": sum(bool(fate) for fate in mine),
        "primarias": mine.count("primaria") + mine.count("mediana"),
        "secundarias": mine.count("secundaria"),
    }
    return found | ({"base_legal": spec.base_legal} if treatment == "base_legal" else {})


def deduced(lines: Iterable[Sequence[Hashable]], values: Mapping[Any, int | None]) -> dict[Any, int]:
    """The value of each withheld cell (None in `values`) that sums and differences of lines fix.

    A line is its parts and, last, their total. A cell is fixed where its unit vector lies in the row space of the lines
    over the withheld cells; in a two-way table those are the bridges of its graph, which no single line shows.
    """
    place = {key: n for n, key in enumerate(sorted((k for k, v in values.items() if v is None), key=repr))}
    unknown = [line for line in lines if any(key in place for key in line)]
    matrix, shown = np.zeros((len(unknown), len(place))), np.zeros(len(unknown))
    for row, line in enumerate(unknown):
        for key in line:
            sign = -1 if key == line[-1] else 1
            if key in place:
                matrix[row, place[key]] += sign
            else:
                shown[row] -= sign * (values[key] or 0)
    if not matrix.size:
        return {}
    left, sizes, axes = np.linalg.svd(matrix, full_matrices=False)
    kept = sizes > 1e-9
    found = axes[kept].T @ ((left.T @ shown)[kept] / sizes[kept])
    reached = (axes[kept] ** 2).sum(axis=0)
    return {key: round(float(found[n])) for key, n in place.items() if reached[n] > 1 - 1e-7}


def recoverable(rows: pd.DataFrame, threshold: Mapping[str, int]) -> dict[str, int]:
    """Per table, how many lines of published requests give a withheld cell away by subtraction; from public rows alone.

    Where no line does, how many cells below the threshold several lines fix together. `rows` are one period's of the
    contract TABLES. What only the persons show is not seen here: the gate saw it.
    """
    found: dict[str, int] = {}
    requests = rows[rows["medida"] == "solicitudes"]
    for table_id, cells in requests.groupby("tabla", sort=True):
        lines = [
            line.assign(margin=line[other] == TOTAL).sort_values("margin", kind="stable")
            for axis, other in (("valor_1", "valor_2"), ("valor_2", "valor_1"))
            for _, line in cells.groupby(axis, dropna=False, sort=True)
            if line[other].notna().all()
        ]
        count = sum(_gives_away(line, threshold[str(table_id)]) for line in lines)
        if not count:
            values = {n: None if pd.isna(v) else int(v) for n, v in cells["valor"].items()}
            fixed = deduced([list(line.index) for line in lines if line["margin"].any()], values)
            count = sum(0 < value < threshold[str(table_id)] for value in fixed.values())
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
