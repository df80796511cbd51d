"""What the open location's gates found, shown with its partition.

What belongs here: checks on releases and publications. What does not: the gates themselves (`pipeline.release`,
`pipeline.portal`), which the writing assets obey before anything is public.
"""

import dagster as dg

from assets.annual import entrega_anual
from assets.publication import (
    Place,
    annual_place,
    publicacion_anual,
    publicacion_semestral,
    semester_place,
)
from assets.release import entrega_semestral
from checks.results import partition_check, result
from pipeline.orchestration.guard import values_stay_inside
from pipeline.orchestration.partitions import SEMESTERS, YEARS
from pipeline.orchestration.portals import release_folder, verify_public
from pipeline.orchestration.resources import OpenWing
from pipeline.release.verify import Verdict, verify

_AGAIN = "no publique a mano; vuelva a materializar la entrega. Si se repite, avise a quien mantiene el sistema."


def _verified(verdict: Verdict, label: str, what: str) -> dg.AssetCheckResult:
    rules = "; ".join(sorted({finding.rule for finding in verdict.findings}))
    return result(
        passed=verdict.ok,
        says=f"{label}: {what} pasa todas las reglas públicas." if verdict.ok else f"{label}: {what} falla en {rules}.",
        next_step=_AGAIN,
        section="publicacion",
        hallazgos=len(verdict.findings),
    )


def _built(open_wing: OpenWing, place: Place, what: str) -> dg.AssetCheckResult:
    dataset, version, label = place
    return _verified(verify(release_folder(open_wing.municipality, dataset, version)), label, what)


def _public(open_wing: OpenWing, place: Place, what: str) -> dg.AssetCheckResult:
    dataset, version, label = place
    return _verified(verify_public(open_wing.municipality, dataset, version), label, what)


@partition_check(
    asset=entrega_semestral,
    blocking=True,
    partitions=SEMESTERS,
    description="La entrega se verifica solo con sus bytes: huellas, esquema, k sobre todas las columnas, sin datos.",
)
def entrega_verificada(context: dg.AssetCheckExecutionContext, open_wing: OpenWing) -> dg.AssetCheckResult:
    """Runs the public verification on the built folder."""
    with values_stay_inside():
        return _built(open_wing, semester_place(open_wing.municipality, context.partition_key), "la entrega")


@partition_check(
    asset=publicacion_semestral,
    partitions=SEMESTERS,
    description="Lo publicado, leído como anónimo desde el portal, pasa la misma verificación.",
)
def publicacion_verificada(context: dg.AssetCheckExecutionContext, open_wing: OpenWing) -> dg.AssetCheckResult:
    """Runs the public verification on what the portal serves to anybody."""
    with values_stay_inside():
        return _public(open_wing, semester_place(open_wing.municipality, context.partition_key), "lo publicado")


@partition_check(
    asset=entrega_anual,
    blocking=True,
    partitions=YEARS,
    description="La entrega anual se verifica solo con sus bytes.",
)
def entrega_anual_verificada(context: dg.AssetCheckExecutionContext, open_wing: OpenWing) -> dg.AssetCheckResult:
    """Runs the public verification on the built annual folder."""
    with values_stay_inside():
        return _built(open_wing, annual_place(open_wing.municipality, context.partition_key), "la entrega anual")


@partition_check(
    asset=publicacion_anual,
    partitions=YEARS,
    description="Lo publicado del año, leído como anónimo desde el portal, pasa la misma verificación.",
)
def publicacion_anual_verificada(context: dg.AssetCheckExecutionContext, open_wing: OpenWing) -> dg.AssetCheckResult:
    """Runs the public verification on what the portal serves to anybody."""
    with values_stay_inside():
        return _public(open_wing, annual_place(open_wing.municipality, context.partition_key), "lo publicado del año")
