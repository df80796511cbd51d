"""The engine on any table: `anonymize` changes it until it keeps its targets, `measure` says what it discloses.

What belongs here: the two commands' work and their report. What does not: reading the specification
(`pipeline.privacy.spec`), the search, and printing.

The report's figures are measured on the table that is written, by the same engine that measures any table.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from pipeline.errors import PqrsdError
from pipeline.privacy import cells, figures, grouped, objectives, recoded, search, special_uniques
from pipeline.privacy.grouped import Grouped
from pipeline.privacy.objectives import Levels
from pipeline.privacy.spec import SpecError, Task
from pipeline.privacy.transform import Evaluator, Targets
from schemas.published import SUPPRESSED

_PERSON = "_persona"


@dataclass(frozen=True)
class Anonymised:
    """The table to publish and its report, in the shape that `--report` writes."""

    table: pa.Table
    report: dict[str, Any]


def anonymise(task: Task) -> Anonymised:
    """Finds the best levels and hidden cells for the task; raises `SearchError` or `SpecError` where there are none."""
    data = grouped.group(task.table, task.hierarchies, task.spec.person, task.order)
    _possible(data, task)
    began = time.perf_counter()
    levels, hidden, extra = (_cells if task.spec.suppression.unit == "cells" else _rows)(data, task)
    seconds = time.perf_counter() - began
    made = recoded.recode(data, task.table, levels, hidden, task.spec.k)
    judged = made.table
    if task.spec.person:
        judged = judged.append_column(_PERSON, task.table[task.spec.person].take(pa.array(made.row)))
    report = {
        "levels": dict(zip(task.columns, levels, strict=True)),
        **_figures(judged, task, _PERSON if task.spec.person else None, data.total),
        "suppressed_rows": made.suppressed_rows,
        "suppressed_cells": made.suppressed_cells,
        "ncp": made.ncp,
        **extra,
        "seconds": round(seconds, 4),
    }
    problems = shortfalls(report, task)
    if problems:
        raise PqrsdError(f"El resultado no cumple sus metas: {'; '.join(problems)}.")
    return Anonymised(made.table, report)


def measure(task: Task) -> dict[str, Any]:
    """The report of the task's table as it stands; its values may be of any level, and the marker hides a cell."""
    began = time.perf_counter()
    hidden = np.zeros(task.table.num_rows)
    lost = np.zeros(task.table.num_rows)
    levels: dict[str, int | None] = {}
    for name, rows in task.hierarchies.items():
        levels[name], share = _standing(task.table[name], name, rows)
        hidden += pc.fill_null(pc.equal(task.table[name], SUPPRESSED), False).to_numpy(zero_copy_only=False)
        lost += share
    width = len(levels)
    special = special_uniques.find(task.table, task.columns)
    gone = hidden == width
    return {
        "levels": levels,
        **_figures(task.table, task, task.spec.person, task.table.num_rows),
        "suppressed_rows": int(gone.sum()),
        "suppressed_cells": int(hidden[~gone].sum()),
        "ncp": float(lost.sum() / (width * len(lost))),
        "special_uniques": {"rows": special.rows, "by_columns": special.by_size()},
        "journalist": _journalist(task),
        "optimal": False,
        "seconds": round(time.perf_counter() - began, 4),
    }


def _journalist(task: Task) -> dict[str, float] | None:
    """Risks against the population that the specification names; None where it names none."""
    if task.population is None:
        return None
    found = figures.journalist(task.table, task.population, task.columns)
    return {"highest": found.highest, "average": found.average}


def shortfalls(report: dict[str, Any], task: Task) -> list[str]:
    """The targets that a report misses, in Spanish; empty where it keeps them all."""
    problems = []
    if report["k"] is not None and report["k"] < task.spec.k:
        problems.append(f"k es {report['k']} y no {task.spec.k}")
    for name, wanted in task.spec.sensitive.items():
        found = report["sensitive"][name]
        for key, target in wanted.targets.items():
            has = found[key]
            if key == "t" and wanted.hierarchy:
                continue  # measured along the hierarchy by the search alone
            low = key in figures.LOW
            if has is not None and (has < target - 1e-6 if low else has > target + 1e-6):
                problems.append(f"«{name}»: {key} es {has:.4g} y no {target:g}")
    return problems


def write(made: Anonymised, task: Task, out: Path, report: Path) -> None:
    """Writes the table (Parquet where the name says so, otherwise CSV) and the report."""
    try:
        if out.suffix == ".parquet":
            pq.write_table(made.table, out)
        else:
            options = pa_csv.WriteOptions(delimiter=task.spec.delimiter, quoting_style="needed")
            pa_csv.write_csv(made.table, out, options)
        report.write_text(json.dumps(made.report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as caught:
        raise SpecError(f"No se puede escribir el resultado ({type(caught).__name__}).") from None


def _possible(data: Grouped, task: Task) -> None:
    heads, what = data.total, "filas"
    if data.person_of_row is not None:
        heads, what = len(np.unique(data.person_of_row)), "personas"
    if task.spec.k > heads:
        raise SpecError(f"k = {task.spec.k} es imposible: la tabla tiene {heads} {what}.")


def objective_of(data: Grouped, task: Task) -> objectives.Objective:
    """The objective that the task asks for."""
    if task.spec.objective == "discernibility":
        return objectives.Discernibility(data)
    return objectives.Separable(data, task.spec.objective)


def _rows(data: Grouped, task: Task) -> tuple[Levels, np.ndarray, dict[str, Any]]:
    targets = Targets(task.spec.k, task.models)
    found = search.best(data, targets, objective_of(data, task), task.spec.suppression.limit)
    gone = Evaluator(data, targets).classes(found.levels).hidden[data.group_of_row]
    hidden = np.broadcast_to(gone, (len(data.axes), data.total))
    return found.levels, hidden, {"optimal": found.proven, "evaluated": found.evaluated}


def _cells(data: Grouped, task: Task) -> tuple[Levels, np.ndarray, dict[str, Any]]:
    if task.spec.objective != "ncp":
        raise SpecError("La supresión por celdas solo busca la menor NCP: quite «objective».")
    found = cells.best(data, Targets(task.spec.k, task.models), task.spec.suppression.limit)
    return found.levels, found.hidden, {"optimal": False, "evaluated": found.tried}


def _figures(table: pa.Table, task: Task, person: str | None, total: int) -> dict[str, Any]:
    shown = recoded.without_hidden_rows(table, task.columns)
    found = figures.measure(shown, task.columns, person, task.order)
    spread = {name: dict(of.__dict__) for name, of in found.spread.items()}
    return {
        "k": found.k if found.rows else None,
        "l": {name: of["l"] for name, of in spread.items()},
        "t": {name: of["t"] for name, of in spread.items()},
        "rows": total,
        "classes": found.classes,
        "discernibility": found.discernibility + (total - found.rows) * total,
        "average_risk": found.average_risk,
        "highest_risk": found.highest_risk,
        "uniques": found.uniques,
        "sensitive": spread,
    }


def _standing(
    column: pa.ChunkedArray, name: str, rows: Sequence[Sequence[str]] | None
) -> tuple[int | None, np.ndarray]:
    """The lowest level that has all the column's values (None: they are of several), and each cell's share lost."""
    encoded = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
    seen = ["" if value is None else value for value in encoded.dictionary.to_pylist()]
    index = encoded.indices.to_numpy()
    shown = {value for value in seen if value != SUPPRESSED}
    if rows is None:
        return 0, np.array([float(value == SUPPRESSED) for value in seen])[index]
    at = [{row[level] for row in rows} for level in range(len(rows[0]))]
    unknown = [value not in set().union(*at) and value != SUPPRESSED for value in seen]
    if any(unknown):
        count = int(np.array(unknown)[index].sum())
        raise grouped.HierarchyError(
            f"La columna «{name}» tiene {count} filas con valores que no están en ningún nivel de su jerarquía."
        )
    level = next((number for number, values in enumerate(at) if shown <= values), None)
    leaves: dict[str, int] = {}
    for number in reversed(range(len(at))) if level is None else [level]:
        counts = {value: sum(row[number] == value for row in rows) for value in at[number]}
        leaves |= counts
    share = [1.0 if v == SUPPRESSED else (leaves[v] - 1) / max(len(rows) - 1, 1) for v in seen]
    return level, np.array(share)[index]
