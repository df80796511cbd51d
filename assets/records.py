"""Extracts → canonical petitions, rejected rows and the accounting of every row.

What belongs here: the asset that splits a semester's rows. What does not: the rules (`schemas.records`,
`pipeline.records`).
"""

from collections.abc import Iterator

import dagster as dg

from assets.extracts import extractos
from pipeline import records
from pipeline.orchestration.guard import values_stay_inside
from pipeline.orchestration.partitions import SEMESTERS, semester_of
from pipeline.orchestration.resources import RestrictedWing
from pipeline.orchestration.table_schema import written
from schemas.records import ALERTS, CALENDAR, PETITIONS, REJECTED_ROWS, ROW_COUNTS


def _spec(name: str, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=["restringido", name],
        deps=[extractos],
        group_name="restringido_registros",
        owners=["team:tic", "team:atencion-ciudadano"],
        kinds={"duckdb"},
        description=description,
        partitions_def=SEMESTERS,
    )


@dg.multi_asset(
    name="registros",
    specs=[
        _spec("peticiones", "Peticiones canónicas del semestre, con término legal y oportunidad a la fecha de corte."),
        _spec("filas_rechazadas", "Filas que no entraron, con archivo, fila y regla; sin valores."),
        _spec("alertas", "Lo extraño que no basta para rechazar, como fechas o desacuerdos; se marca, no se corrige."),
        _spec("calendario", "Los días con que se contaron los términos, con el acto de cada día no hábil; congelado."),
        _spec("conteo_filas", "Contabilidad: leídas = aceptadas + fusionadas + duplicadas + rechazadas, por archivo."),
    ],
    pool="restringido",
)
def registros(context: dg.AssetExecutionContext, restricted: RestrictedWing) -> Iterator[dg.MaterializeResult]:
    """Splits the semester's rows and writes the tables in one transaction; the contract gates the good side."""
    semester = semester_of(context.partition_key)
    partition = {"periodo": semester.label}
    with values_stay_inside(), restricted.tables() as tables:
        profile = restricted.municipality.profile
        built = records.build(profile, semester, tables, restricted.person_key())
        PETITIONS.bind(profile.codes).gate(built.petitions)
        contracts = (PETITIONS, REJECTED_ROWS, ALERTS, CALENDAR, ROW_COUNTS)
        built_tables = (built.petitions, built.rejected, built.alerts, built.calendar, built.counts)
        rows = tables.replace_all(
            [(contract, expression, partition) for contract, expression in zip(contracts, built_tables, strict=True)]
        )
    for contract, count in zip(contracts, rows, strict=True):
        extra: dict[str, int] = {}
        if contract is PETITIONS:
            extra = {"sin_clasificar": built.unclassified, "sin_autorizacion": built.unauthorized}
        elif contract is ALERTS:
            extra = built.alerts_by_kind
        yield dg.MaterializeResult(
            asset_key=["restringido", contract.name], metadata=written(contract, count, semester.label, **extra)
        )
