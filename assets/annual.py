"""The year: sums of what both semesters published, its indicators, report and release.

What belongs here: the annual assets. What does not: any restricted table; the year adds nothing to what is known.
"""

from datetime import date

import dagster as dg

from assets.release import entrega_semestral, evidence, figure_files, frame
from assets.reports import draw, drawn, report_file
from pipeline import characterization, release
from pipeline.orchestration.guard import values_stay_inside
from pipeline.orchestration.partitions import YEARS, year_of
from pipeline.orchestration.portals import release_folder
from pipeline.orchestration.resources import OpenWing
from pipeline.orchestration.table_schema import written
from pipeline.periods import semesters_of
from pipeline.privacy.ledger import Ledger
from pipeline.reporting import annual as annual_report
from schemas.characterized import INDICATORS, SEGMENTS
from schemas.published import MICRODATA, TABLES

_GROUP = "abierto_anual"
_OFFICE = ["team:atencion-ciudadano"]


@dg.asset(
    key_prefix="abierto",
    group_name=_GROUP,
    deps=[["abierto", TABLES.name], ["abierto", MICRODATA.name], entrega_semestral],
    partitions_def=YEARS,
    owners=_OFFICE,
    kinds={"duckdb"},
    pool="abierto",
    description="Tablas, indicadores y segmentos del año: suma de lo publicado; lo suprimido en un semestre lo sigue.",
)
def caracterizacion_anual(context: dg.AssetExecutionContext, open_wing: OpenWing) -> dg.MaterializeResult:
    """Derives the year's three tables from published ones alone; both semesters must have been disclosed."""
    year = year_of(context.partition_key)
    label = str(year)
    with values_stay_inside(), open_wing.tables() as tables:
        profile = open_wing.municipality.profile
        present = characterization.semesters_in(tables.table(TABLES), year)
        rows = tables.derive(TABLES, characterization.annual(tables.table(TABLES), year), periodo=label)
        measured = characterization.indicators(tables.table(TABLES), profile)
        indicators = tables.derive(INDICATORS, measured.filter(measured.periodo == label), periodo=label)
        grouped = characterization.segments(tables.table(MICRODATA), profile, year)
        segments = tables.derive(SEGMENTS, grouped, periodo=label)
    return dg.MaterializeResult(
        metadata=written(TABLES, rows, label, semestres=", ".join(present), indicadores=indicators, segmentos=segments)
    )


@dg.asset(
    key_prefix="abierto",
    group_name=_GROUP,
    deps=[caracterizacion_anual],
    partitions_def=YEARS,
    owners=_OFFICE,
    kinds={"html", "matplotlib"},
    pool="abierto",
    description="Informe anual de caracterización: sectores, segmentos, totales y recomendaciones.",
)
def informe_anual(context: dg.AssetExecutionContext, open_wing: OpenWing) -> dg.MaterializeResult:
    """Draws the year's charts and writes its report."""
    year = year_of(context.partition_key)
    label, town = str(year), open_wing.municipality
    with values_stay_inside():
        profile = town.profile
        with open_wing.tables() as tables:
            frames = {
                contract.name: tables.table(contract).order_by(contract.names).to_pyarrow().to_pandas()
                for contract in (TABLES, INDICATORS, SEGMENTS)
            }
            present = characterization.semesters_in(tables.table(TABLES), year)
        draw(frames[TABLES.name], profile, town.layout, label)
        html = annual_report.render(
            frames[TABLES.name],
            frames[INDICATORS.name],
            frames[SEGMENTS.name],
            characterization.recommendations(frames[INDICATORS.name], profile, label),
            charts=drawn(town.layout, label),
            profile=profile,
            year=year,
            semesters=present,
        )
        path = report_file(town.layout, label)
        path.write_text(html, encoding="utf-8", newline="\n")
    return dg.MaterializeResult(
        metadata={"periodo": label, "informe": dg.MetadataValue.path(str(path)), "bytes": path.stat().st_size}
    )


@dg.asset(
    key_prefix="abierto",
    group_name=_GROUP,
    deps=[informe_anual],
    partitions_def=YEARS,
    owners=["team:tic", *_OFFICE],
    kinds={"csv", "parquet"},
    pool="abierto",
    description="Carpeta anual que descarga un consumidor.",
)
def entrega_anual(context: dg.AssetExecutionContext, open_wing: OpenWing) -> dg.MaterializeResult:
    """Builds the annual release."""
    year = year_of(context.partition_key)
    label, town = str(year), open_wing.municipality
    version = f"{year}.0.0"
    with values_stay_inside():
        profile = town.profile
        with open_wing.tables() as tables:
            frames = tuple(frame(tables, contract, (label,)) for contract in (TABLES, INDICATORS, SEGMENTS))
            privacy = {label: {"semestres": {s.label: evidence(tables, s.label) for s in semesters_of(year)}}}
            present = characterization.semesters_in(tables.table(TABLES), year)
        inputs = release.ReleaseInputs(
            profile=profile,
            product=release.Product.YEAR,
            version=version,
            periods=(label,),
            cut_off=max((profile.cutoff(s) for s in semesters_of(year)), default=date(year, 12, 31)),
            frames=frames,
            report_html=report_file(town.layout, label).read_text(encoding="utf-8"),
            charts=figure_files(town, label),
            privacy=privacy,
            changes=(release.Change(version, f"Primera publicación de la caracterización de {year}."),),
        )
        folder = release_folder(town, inputs.dataset, version)
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = release.build(inputs, folder)
        Ledger(town.layout.ledger).announce(present, version)
    return dg.MaterializeResult(metadata={"periodo": label, "archivos": len(made.entries), "huella": made.digest})
