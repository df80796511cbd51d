"""Open tables and report → the release folder.

What belongs here: the asset that builds a semester's release. What does not: the folder's content (`pipeline.release`)
and publishing it (`assets.publication`).
"""

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from assets.reports import drawn, informe_semestral, report_file
from pipeline import release
from pipeline.contract import Contract
from pipeline.orchestration.guard import values_stay_inside
from pipeline.orchestration.partitions import SEMESTERS, semester_of
from pipeline.orchestration.portals import previous_release, release_folder
from pipeline.orchestration.resources import Municipality, OpenWing
from pipeline.periods import Semester
from pipeline.privacy.ledger import Ledger, corrected
from pipeline.stores.open import OpenTables
from schemas.characterized import INDICATORS, SEGMENTS
from schemas.published import MICRODATA, ROW_SUMMARY, TABLES

PUBLISHED = (MICRODATA, TABLES, INDICATORS, SEGMENTS, ROW_SUMMARY)


def frame(tables: OpenTables, contract: Contract, periods: tuple[str, ...]) -> release.Frame:
    """The rows of the periods that a release covers."""
    rows = tables.table(contract)
    chosen: pa.Table = rows.filter(rows.periodo.isin(periods)).to_pyarrow()
    return release.Frame(contract, chosen)


def evidence(tables: OpenTables, label: str) -> dict[str, Any]:
    """What the door measured on a semester: its microdata, and under `tablas` its tables."""
    return tables.evidence(MICRODATA, label) | {"tablas": tables.evidence(TABLES, label)}


def changes_of(town: Municipality, periods: tuple[str, ...]) -> tuple[release.Change, ...]:
    """What each version brought, latest first: its own semester, and the earlier ones that it carries corrected."""
    acts = Ledger(town.layout.ledger).entries()
    found = []
    for number, label in reversed([*enumerate(periods)]):
        version = f"{Semester.parse(label).data_version}.0"
        corrections = corrected(acts, periods[:number], version)
        also = f" Corrige {', '.join(corrections)}." if corrections else ""
        found.append(release.Change(version, f"Primera publicación de {label}.{also}"))
    return tuple(found)


def periods_up_to(tables: OpenTables, label: str) -> tuple[str, ...]:
    """Every disclosed semester up to `label`, in order."""
    cells = tables.table(TABLES)
    found = cells.filter((cells.periodo <= label) & cells.periodo.contains("-S")).select("periodo").distinct()
    return tuple(sorted(found.to_pyarrow()["periodo"].to_pylist()))


def figure_files(town: Municipality, label: str) -> tuple[Path, ...]:
    """The SVG and CSV files of a period's charts."""
    return tuple(path for chart in drawn(town.layout, label) for path in (chart.svg, chart.csv))


@dg.asset(
    key_prefix="abierto",
    group_name="abierto_publicacion",
    deps=[informe_semestral],
    partitions_def=SEMESTERS,
    owners=["team:tic", "team:atencion-ciudadano"],
    kinds={"csv", "parquet"},
    pool="abierto",
    description="Carpeta que descarga un consumidor, con todos los periodos divulgados hasta este semestre.",
)
def entrega_semestral(context: dg.AssetExecutionContext, open_wing: OpenWing) -> dg.MaterializeResult:
    """Builds the release; its quality is judged on the written bytes before the folder takes its name."""
    period = semester_of(context.partition_key)
    town = open_wing.municipality
    with values_stay_inside():
        profile = town.profile
        version = f"{period.data_version}.0"
        with open_wing.tables() as tables:
            periods = periods_up_to(tables, period.label)
            frames = tuple(frame(tables, contract, periods) for contract in PUBLISHED)
            privacy = {label: evidence(tables, label) for label in periods}
        inputs = release.ReleaseInputs(
            profile=profile,
            product=release.Product.SEMESTER,
            version=version,
            periods=periods,
            cut_off=profile.cutoff(period),
            frames=frames,
            report_html=report_file(town.layout, period.label).read_text(encoding="utf-8"),
            charts=figure_files(town, period.label),
            privacy=privacy,
            changes=changes_of(town, periods),
            previous=previous_release(town, profile.entidad.conjunto_solicitudes, version),
        )
        folder = release_folder(town, inputs.dataset, version)
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = release.build(inputs, folder)
        Ledger(town.layout.ledger).announce(periods, version)
    return dg.MaterializeResult(
        metadata={
            "periodo": period.label,
            "periodos": ", ".join(periods),
            "archivos": len(made.entries),
            "huella": made.digest,
            "carpeta": dg.MetadataValue.path(str(folder)),
        }
    )
