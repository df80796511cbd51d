"""Rules on figures: tables add up, those of published requests are recounted, nothing withheld is deducible.

What belongs here: arithmetic that any reader can repeat. What does not: the joint audit over releases by linear
programming, which needs more than one table at a time.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from pipeline.characterization.variables import TOTAL
from pipeline.privacy.floors import TABLE_PERSONS
from pipeline.release.folder import Check, Finding, Folder
from schemas.published import SUPPRESSED, TABLES

_FILE = f"datos/{TABLES.name}.csv"
_REQUESTS = "solicitudes"

Key = tuple[str, str]
"""The codes of a cell; the second is empty in a table of one variable."""


@dataclass(frozen=True)
class Line:
    """A sum that anybody can write: parts and their margin."""

    parts: tuple[Key, ...]
    margin: Key


def _cells(folder: Folder) -> pd.DataFrame:
    table = folder.tables.get(TABLES.name)
    if table is None:
        return pd.DataFrame(columns=TABLES.names)
    frame = table.typed.to_pandas()
    frame["valor"] = frame["valor"].astype("Int64")
    return frame


def _grids(cells: pd.DataFrame) -> Iterator[tuple[str, str, dict[Key, int | None]]]:
    """(period, table, value of each cell; None where withheld) for the measure that adds up."""
    counted = cells[cells["medida"] == _REQUESTS]
    for (period, table), rows in counted.groupby(["periodo", "tabla"], sort=True):
        second = rows["valor_2"].fillna("")
        yield (
            str(period),
            str(table),
            {
                (a, b): None if pd.isna(v) else int(v)
                for a, b, v in zip(rows["valor_1"], second, rows["valor"], strict=True)
            },
        )


def _lines(grid: Iterable[Key]) -> list[Line]:
    """Every sum inside one table."""
    keys = set(grid)
    first, second = sorted({k[0] for k in keys} - {TOTAL}), sorted({k[1] for k in keys} - {TOTAL})
    flat = second == [""]
    rows = [] if flat else [(tuple((a, b) for b in second), (a, TOTAL)) for a in (*first, TOTAL)]
    columns = [(tuple((a, b) for a in first), (TOTAL, b)) for b in (second if flat else (*second, TOTAL))]
    lines = [Line(tuple(k for k in parts if k in keys), margin) for parts, margin in (*rows, *columns)]
    return [line for line in lines if line.margin in keys and line.parts]


def add_up(folder: Folder) -> Iterator[Finding]:
    """Where every cell of a line is published, its parts sum to its margin; no part exceeds it."""
    for period, table, grid in _grids(_cells(folder)):
        wrong = 0
        for line in _lines(grid):
            margin, parts = grid[line.margin], [grid[k] for k in line.parts]
            if margin is None:
                continue
            shown = sum(v for v in parts if v is not None)
            wrong += shown > margin or (None not in parts and shown != margin)
        if wrong:
            yield Finding("totales", _FILE, f"{period}, tabla «{table}»: {wrong} líneas no suman su total.")


def not_deducible(folder: Folder) -> Iterator[Finding]:
    """No withheld cell follows from the published ones of its table by subtracting, however often it is repeated."""
    threshold = max(TABLE_PERSONS, int(folder.privacy["metas"]["umbral_tabla"]))
    for period, table, grid in _grids(_cells(folder)):
        found, small = _deduced(grid, threshold)
        if found:
            yield Finding("deduccion", _FILE, f"{period}, tabla «{table}»: restando se deducen {found} celdas.")
        elif small:
            why = "restando se sabe que las celdas suprimidas juntas no llegan al umbral"
            yield Finding("deduccion", _FILE, f"{period}, tabla «{table}»: {why}.")


def _deduced(grid: dict[Key, int | None], threshold: int) -> tuple[int, int]:
    """How many withheld cells are determined, and how many lines leave too small a remainder for theirs."""
    known = dict(grid)
    lines, small, changed = _lines(grid), 0, True
    while changed:
        changed, small = False, 0
        for line in lines:
            unknown = [k for k in (*line.parts, line.margin) if known[k] is None]
            if not unknown:
                continue
            shown = sum(known[k] or 0 for k in line.parts)
            rest = None if known[line.margin] is None else (known[line.margin] or 0) - shown
            if len(unknown) == 1:
                known[unknown[0]] = shown if rest is None else rest
                changed = True
            elif rest == 0:
                known |= dict.fromkeys(unknown, 0)
                changed = True
            elif rest is not None and rest < threshold:
                small += 1
    determined = sum(v is not None for v in known.values()) - sum(v is not None for v in grid.values())
    return determined, small


def from_the_requests(folder: Folder) -> Iterator[Finding]:
    """Tables of base «solicitudes» are recounted from solicitudes.csv, in every period that has rows."""
    rows = folder.microdata
    if rows is None:
        return
    counted = _cells(folder)
    counted = counted[counted["medida"] == _REQUESTS]
    present = set(pc.unique(rows.text["periodo"]).to_pylist())
    for spec in folder.listed("esquema/listas/tablas.csv"):
        dimensions = [d for d in (spec["dimension_1"], spec["dimension_2"]) if d]
        if spec["base"] != "solicitudes" or spec["filtro"] or not set(dimensions) <= set(rows.text.column_names):
            continue
        counts = rows.text.group_by(["periodo", *dimensions]).aggregate([([], "count_all")]).to_pandas()
        mine = counted[counted["tabla"] == spec["tabla"]]
        for period in sorted(present):
            due = _with_margins(counts[counts["periodo"] == period], dimensions)
            wrong = _differences(mine[mine["periodo"] == period], due)
            if wrong:
                where = f"{period}, tabla «{spec['tabla']}»"
                yield Finding("recalculo", _FILE, f"{where}: {wrong} celdas no son lo que dicen las solicitudes.")


def _with_margins(counts: pd.DataFrame, dimensions: list[str]) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for row in counts.to_dict("records"):
        codes = [str(row[d]) for d in dimensions]
        first = (codes[0], TOTAL)
        second = (codes[1], TOTAL) if len(codes) > 1 else ("",)
        for key in ((a, b) for a in first for b in second):
            found[key] = found.get(key, 0) + int(row["count_all"])
    return found


def _differences(cells: pd.DataFrame, due: dict[Key, int]) -> int:
    published: dict[Key, Any] = {
        (a, b): v for a, b, v in zip(cells["valor_1"], cells["valor_2"].fillna(""), cells["valor"], strict=True)
    }
    wrong = sum(not pd.isna(v) and int(v) != due.get(key, 0) for key, v in published.items())
    return wrong + sum(key not in published for key in due)


def one_state(folder: Folder) -> Iterator[Finding]:
    """A cell is empty if and only if it says that it is withheld."""
    for name, value in ((TABLES.name, "valor"), ("segmentos", "solicitudes")):
        table = folder.tables.get(name)
        if table is None:
            continue
        frame = table.typed.select([value, "estado_celda"]).to_pandas()
        wrong = int((frame[value].isna() != (frame["estado_celda"] == SUPPRESSED)).sum())
        if wrong:
            yield Finding("estado_celda", table.file, f"{wrong} celdas no coinciden con su estado.")


def described(folder: Folder) -> Iterator[Finding]:
    """Every table says what it counts, and every code has a name."""
    cells = _cells(folder)
    known = {row["tabla"]: row for row in folder.listed("esquema/listas/tablas.csv")}
    if set(cells["tabla"]) - set(known):
        yield Finding("listas", _FILE, "Trae una tabla que esquema/listas/tablas.csv no describe.")
    pairs = pd.concat(
        [cells[[f"dimension_{i}", f"valor_{i}"]].set_axis(["dimension", "valor"], axis=1) for i in (1, 2)]
    ).dropna()
    for dimension, rows in pairs.groupby("dimension", sort=True):
        path = f"esquema/listas/{dimension}.csv"
        codes = {row["codigo"] for row in folder.listed(path)} if path in folder.files else set()
        missing = len(set(rows["valor"]) - codes)
        if missing:
            yield Finding("listas", _FILE, f"Variable «{dimension}»: {missing} códigos sin nombre en su lista.")


CHECKS: tuple[Check, ...] = (add_up, not_deducible, from_the_requests, one_state, described)
