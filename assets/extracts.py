"""Landing files → extracts: the first table of the restricted wing.

What belongs here: the asset that loads a semester's files. What does not: how a file is read (`pipeline.reading`).
"""

import dagster as dg

from pipeline import reading
from pipeline.orchestration.guard import values_stay_inside
from pipeline.orchestration.partitions import SEMESTERS, semester_of
from pipeline.orchestration.resources import RestrictedWing
from pipeline.orchestration.table_schema import written
from pipeline.reading import drift
from schemas.extracts import DRIFT, EXTRACTS


@dg.asset(
    key_prefix="restringido",
    group_name="restringido_lectura",
    partitions_def=SEMESTERS,
    owners=["team:tic"],
    kinds={"duckdb", "csv", "excel"},
    pool="restringido",
    description="Filas de los extractos del semestre, como texto, con su archivo y número de fila. Cifradas en reposo.",
)
def extractos(context: dg.AssetExecutionContext, restricted: RestrictedWing) -> dg.MaterializeResult:
    """Loads every file of the semester's landing folder, or none."""
    label = semester_of(context.partition_key).label
    with values_stay_inside(), restricted.tables() as tables:
        town = restricted.municipality
        summary = reading.load(town.profile, town.landing_folder / label, label, tables)
        rows = sum(file.filas for file in summary.files)
    counts = {
        "archivos": len(summary.files),
        "columnas_descartadas_por_ley": summary.discarded,
        "celdas_reparadas": summary.repaired,
        "archivos_retirados_del_aterrizaje": summary.removed,
        "tablas_conservadas_de_archivos_purgados": summary.kept,
    }
    return dg.MaterializeResult(metadata=written(EXTRACTS, rows, label, **counts))


@dg.asset(
    key_prefix="restringido",
    group_name="restringido_lectura",
    partitions_def=SEMESTERS,
    deps=[extractos],
    owners=["team:tic"],
    kinds={"duckdb"},
    pool="restringido",
    description="Columnas, códigos, llenado y volúmenes que cambiaron frente al semestre anterior; los ve pqrsd diff.",
)
def contraste_extractos(context: dg.AssetExecutionContext, restricted: RestrictedWing) -> dg.MaterializeResult:
    """Compares the semester's extracts with the earlier semester's; shows counts only."""
    semester = semester_of(context.partition_key)
    with values_stay_inside(), restricted.tables() as tables:
        changes = drift.against_previous(tables, restricted.municipality.profile, semester)
        rows = tables.replace(DRIFT, changes, periodo=semester.label)
        found = drift.by_aspect(tables, semester)
    return dg.MaterializeResult(metadata=written(DRIFT, rows, semester.label, **found))
