"""Disclosed tables → indicators, sectors and segments, inside the open store.

What belongs here: the asset that derives them. What does not: the formulas (`pipeline.characterization`).
"""

from collections.abc import Iterator

import dagster as dg

from pipeline import characterization
from pipeline.orchestration.guard import values_stay_inside
from pipeline.orchestration.partitions import SEMESTERS, semester_of
from pipeline.orchestration.resources import OpenWing
from pipeline.orchestration.table_schema import written
from schemas.characterized import INDICATORS, SEGMENTS
from schemas.published import MICRODATA, TABLES


def _spec(name: str, source: str, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=["abierto", name],
        deps=[["abierto", source]],
        group_name="abierto_caracterizacion",
        owners=["team:atencion-ciudadano"],
        kinds={"duckdb"},
        description=description,
        partitions_def=SEMESTERS,
    )


@dg.multi_asset(
    name="caracterizacion",
    specs=[
        _spec(INDICATORS.name, TABLES.name, "Indicadores del semestre con numerador, denominador, meta y semáforo."),
        _spec(
            SEGMENTS.name, MICRODATA.name, "Sectores y segmentos: regla, tamaño, temas y canales que los distinguen."
        ),
    ],
    pool="abierto",
)
def caracterizacion(context: dg.AssetExecutionContext, open_wing: OpenWing) -> Iterator[dg.MaterializeResult]:
    """Derives both tables of the semester from disclosed ones alone."""
    label = semester_of(context.partition_key).label
    with values_stay_inside(), open_wing.tables() as tables:
        profile = open_wing.municipality.profile
        measured = characterization.indicators(tables.table(TABLES), profile)
        grouped = characterization.segments(tables.table(MICRODATA), profile)
        rows = [
            tables.derive(INDICATORS, measured.filter(measured.periodo == label), periodo=label),
            tables.derive(SEGMENTS, grouped.filter(grouped.periodo == label), periodo=label),
        ]
    for contract, count in zip((INDICATORS, SEGMENTS), rows, strict=True):
        yield dg.MaterializeResult(asset_key=["abierto", contract.name], metadata=written(contract, count, label))
