"""Open tables → charts and the semester's report.

What belongs here: the two assets and the folder between them. What does not: drawing and wording
(`pipeline.reporting`).
"""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import dagster as dg
import pandas as pd

from pipeline import characterization
from pipeline.contract import Contract
from pipeline.layout import Layout
from pipeline.orchestration.guard import values_stay_inside
from pipeline.orchestration.partitions import SEMESTERS, semester_of
from pipeline.orchestration.resources import OpenWing
from pipeline.profile import Profile
from pipeline.reporting import charts, semester
from pipeline.reporting.charts import Chart
from pipeline.stores.open import OpenTables
from schemas.characterized import INDICATORS, SEGMENTS
from schemas.published import MICRODATA, ROW_SUMMARY, TABLES

_INDEX = "graficos.json"


def figures(layout: Layout, label: str) -> Path:
    """The folder of a period's charts."""
    return layout.work / label / "figuras"


def report_file(layout: Layout, label: str) -> Path:
    """The period's report."""
    return layout.work / label / "informe.html"


def draw(tables: pd.DataFrame, profile: Profile, layout: Layout, label: str) -> list[Chart]:
    """Draws the period's charts into their folder, with an index that `drawn` reads back."""
    folder = figures(layout, label)
    shutil.rmtree(folder, ignore_errors=True)
    made = charts.draw(tables, profile, label, folder)
    index = [asdict(chart) | {"svg": chart.svg.name, "csv": chart.csv.name} for chart in made]
    (folder / _INDEX).write_text(json.dumps(index, ensure_ascii=False, indent=1), encoding="utf-8")
    return made


def drawn(layout: Layout, label: str) -> list[Chart]:
    """The charts that `draw` left for a period."""
    folder = figures(layout, label)
    index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    return [Chart(**entry | {"svg": folder / entry["svg"], "csv": folder / entry["csv"]}) for entry in index]


def up_to(tables: OpenTables, contract: Contract, label: str) -> pd.DataFrame:
    """The open table's rows of every period up to `label`, the only ones that a report of that period may know."""
    rows = tables.table(contract)
    return rows.filter(rows.periodo <= label).order_by(contract.names).to_pyarrow().to_pandas()


@dg.asset(
    key_prefix="abierto",
    group_name="abierto_informes",
    deps=[["abierto", TABLES.name]],
    partitions_def=SEMESTERS,
    owners=["team:atencion-ciudadano"],
    kinds={"matplotlib"},
    pool="abierto",
    description="Gráficos del semestre: histograma, circular o barras según la variable, con texto alternativo.",
)
def graficos(context: dg.AssetExecutionContext, open_wing: OpenWing) -> dg.MaterializeResult:
    """One SVG and one CSV of the same numbers per table that deserves a chart."""
    label = semester_of(context.partition_key).label
    town = open_wing.municipality
    with values_stay_inside():
        with open_wing.tables() as tables:
            cells = up_to(tables, TABLES, label)
        made = draw(cells, town.profile, town.layout, label)
    return dg.MaterializeResult(metadata={"periodo": label, "figuras": len(made)})


@dg.asset(
    key_prefix="abierto",
    group_name="abierto_informes",
    deps=[graficos, ["abierto", INDICATORS.name], ["abierto", SEGMENTS.name], ["abierto", ROW_SUMMARY.name]],
    partitions_def=SEMESTERS,
    owners=["team:atencion-ciudadano"],
    kinds={"html"},
    pool="abierto",
    description="Informe semestral PQRSDF en una página autocontenida, con recomendaciones.",
)
def informe_semestral(context: dg.AssetExecutionContext, open_wing: OpenWing) -> dg.MaterializeResult:
    """Writes the report from open tables alone; fails if it would recommend nothing and check nothing."""
    period = semester_of(context.partition_key)
    label, town = period.label, open_wing.municipality
    with values_stay_inside():
        profile = town.profile
        with open_wing.tables() as tables:
            evidence = tables.evidence(MICRODATA, label)
            frames = {c.name: up_to(tables, c, label) for c in (TABLES, INDICATORS, SEGMENTS, ROW_SUMMARY)}
        cells = frames[TABLES.name]
        html = semester.render(
            cells,
            frames[INDICATORS.name],
            frames[SEGMENTS.name],
            characterization.recommendations(frames[INDICATORS.name], profile, label),
            accounting=frames[ROW_SUMMARY.name],
            evidence=evidence,
            charts=drawn(town.layout, label),
            profile=profile,
            period=label,
            previous=cells[cells.periodo < label],
        )
        path = report_file(town.layout, label)
        path.write_text(html, encoding="utf-8", newline="\n")
    return dg.MaterializeResult(
        metadata={"periodo": label, "informe": dg.MetadataValue.path(str(path)), "bytes": path.stat().st_size}
    )
