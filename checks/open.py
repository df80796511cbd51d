"""What the open location's gates found, shown with its partition.

What belongs here: checks on releases and publications. What does not: the gates themselves (`pipeline.release`,
`pipeline.portal`), which the writing assets obey before anything is public.
"""

from pathlib import Path

import dagster as dg

from assets.annual import entrega_anual, publicacion_anual
from assets.release import entrega_semestral, publicacion_semestral, release_folder
from checks.results import partition_check, result
from pipeline.orchestration.guard import values_stay_inside
from pipeline.orchestration.partitions import SEMESTERS, YEARS, semester_of, year_of
from pipeline.orchestration.resources import Municipality, OpenWing
from pipeline.release.verify import verify

_AGAIN = "no publique a mano; vuelva a materializar la entrega. Si se repite, avise a quien mantiene el sistema."


def _verified(folder: Path, label: str, what: str) -> dg.AssetCheckResult:
    verdict = verify(folder)
    rules = "; ".join(sorted({finding.rule for finding in verdict.findings}))
    return result(
        passed=verdict.ok,
        says=f"{label}: {what} pasa todas las reglas públicas." if verdict.ok else f"{label}: {what} falla en {rules}.",
        next_step=_AGAIN,
        section="publicacion",
        hallazgos=len(verdict.findings),
    )


def _semester(town: Municipality, partition_key: str) -> tuple[str, str, str]:
    period = semester_of(partition_key)
    return town.profile.entidad.conjunto_solicitudes, f"{period.data_version}.0", period.label


def _year(town: Municipality, partition_key: str) -> tuple[str, str, str]:
    year = year_of(partition_key)
    return town.profile.entidad.conjunto_anual, f"{year}.0.0", str(year)


@partition_check(
    asset=entrega_semestral,
    blocking=True,
    partitions=SEMESTERS,
    description="La entrega se verifica solo con sus bytes: huellas, esquema, k sobre todas las columnas, sin datos.",
)
def entrega_verificada(context: dg.AssetCheckExecutionContext, open_wing: OpenWing) -> dg.AssetCheckResult:
    """Runs the public verification on the built folder."""
    town = open_wing.municipality
    with values_stay_inside():
        dataset, version, label = _semester(town, context.partition_key)
        return _verified(release_folder(town, dataset, version), label, "la entrega")


@partition_check(
    asset=publicacion_semestral,
    partitions=SEMESTERS,
    description="Lo publicado, leído otra vez desde el portal, pasa la misma verificación.",
)
def publicacion_verificada(context: dg.AssetCheckExecutionContext, open_wing: OpenWing) -> dg.AssetCheckResult:
    """Runs the public verification on what the portal serves."""
    town = open_wing.municipality
    with values_stay_inside():
        dataset, version, label = _semester(town, context.partition_key)
        return _verified(town.portal_folder / dataset / version, label, "lo publicado")


@partition_check(
    asset=entrega_anual,
    blocking=True,
    partitions=YEARS,
    description="La entrega anual se verifica solo con sus bytes.",
)
def entrega_anual_verificada(context: dg.AssetCheckExecutionContext, open_wing: OpenWing) -> dg.AssetCheckResult:
    """Runs the public verification on the built annual folder."""
    town = open_wing.municipality
    with values_stay_inside():
        dataset, version, label = _year(town, context.partition_key)
        return _verified(release_folder(town, dataset, version), label, "la entrega anual")


@partition_check(
    asset=publicacion_anual,
    partitions=YEARS,
    description="Lo publicado del año, leído otra vez desde el portal, pasa la misma verificación.",
)
def publicacion_anual_verificada(context: dg.AssetCheckExecutionContext, open_wing: OpenWing) -> dg.AssetCheckResult:
    """Runs the public verification on what the portal serves."""
    town = open_wing.municipality
    with values_stay_inside():
        dataset, version, label = _year(town, context.partition_key)
        return _verified(town.portal_folder / dataset / version, label, "lo publicado")
