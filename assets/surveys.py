"""Perception surveys → answers and their counts: a mechanism of collection of its own.

What belongs here: the assets that load a semester's survey files. What does not: how an answer is read
(`pipeline.reading.survey`), and publishing: nothing of a survey passes the door yet.
"""

from collections.abc import Iterator

import dagster as dg

from pipeline.orchestration.guard import values_stay_inside
from pipeline.orchestration.partitions import SEMESTERS, semester_of
from pipeline.orchestration.resources import RestrictedWing
from pipeline.orchestration.table_schema import written
from pipeline.reading import survey
from schemas.survey import ANSWER_COUNTS, ANSWERS


def _spec(name: str, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=["restringido", name],
        group_name="restringido_lectura",
        owners=["team:atencion-ciudadano"],
        kinds={"duckdb", "excel"},
        description=description,
        partitions_def=SEMESTERS,
    )


@dg.multi_asset(
    name="encuestas",
    specs=[
        _spec("respuestas_encuesta", "Respuestas de las encuestas de percepción, con su archivo y fila; cifradas."),
        _spec("conteo_encuesta", "Respuestas por pregunta y opción, con las que faltan y las no válidas."),
    ],
    pool="restringido",
)
def encuestas(context: dg.AssetExecutionContext, restricted: RestrictedWing) -> Iterator[dg.MaterializeResult]:
    """Loads every survey file of the semester's landing folder, or none; a semester without surveys has no answers."""
    label = semester_of(context.partition_key).label
    with values_stay_inside(), restricted.tables() as tables:
        town = restricted.municipality
        read = survey.load(town.profile, town.landing_folder / label, label, tables)
        counted = int(tables.table(ANSWER_COUNTS, periodo=label).count().execute())
    extra = {"archivos": read.files, "personas": read.rows - read.defects, "filas_con_defecto": read.defects}
    for contract, rows in ((ANSWERS, read.answers), (ANSWER_COUNTS, counted)):
        yield dg.MaterializeResult(
            asset_key=["restringido", contract.name], metadata=written(contract, rows, label, **extra)
        )
