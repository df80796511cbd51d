"""The release folder → the portal, in steps that a person can follow; and what is done to what is already public.

What belongs here: difference, staging, switching, the weekly look at what is public, withdrawal. What does not: the
protocol (`pipeline.portal`) and the release's content (`assets.release`, `assets.annual`).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg

from assets.annual import entrega_anual
from assets.release import entrega_semestral, release_folder
from pipeline import portal
from pipeline.orchestration.guard import values_stay_inside
from pipeline.orchestration.partitions import SEMESTERS, YEARS, semester_of, year_of
from pipeline.orchestration.portals import portal_of, recheck, register_of, withdraw_from
from pipeline.orchestration.resources import Municipality, OpenWing
from pipeline.portal.ckan.client import Progress

Place = tuple[str, str, str]
"""Dataset, version, and the period's label."""

AGAIN = dg.RetryPolicy(max_retries=2, delay=30, backoff=dg.Backoff.EXPONENTIAL)
"""For a portal that does not answer; anything that it refuses is final."""

_SHOWN = 40


def semester_place(town: Municipality, partition_key: str) -> Place:
    """Which release a semester's partition publishes."""
    period = semester_of(partition_key)
    return town.profile.entidad.conjunto_solicitudes, f"{period.data_version}.0", period.label


def annual_place(town: Municipality, partition_key: str) -> Place:
    """Which release a year's partition publishes."""
    year = year_of(partition_key)
    return town.profile.entidad.conjunto_anual, f"{year}.0.0", str(year)


def page(text: str) -> dg.MetadataValue:
    """A link to a dataset's page, or the path of a folder."""
    return dg.MetadataValue.url(text) if text.startswith("http") else dg.MetadataValue.path(text)


def _progress(context: dg.AssetExecutionContext) -> Progress:
    told: set[tuple[str, int]] = set()

    def tell(what: str, done: int, total: int) -> None:
        quarter = 4 * done // max(total, 1)
        if quarter and (what, quarter) not in told:
            told.add((what, quarter))
            context.log.info(f"{what}: {25 * quarter} %")

    return tell


def _markdown(changes: tuple[str, ...]) -> dg.MetadataValue:
    lines = [f"- {line}" for line in changes[:_SHOWN]]
    more = [f"- y {len(changes) - _SHOWN} más"] if len(changes) > _SHOWN else []
    return dg.MetadataValue.md("\n".join(lines + more) or "Nada cambiaría.")


def _steps(
    kind: str,
    *,
    source: dg.AssetsDefinition,
    partitions: dg.PartitionsDefinition,
    group: str,
    place_of: Callable[[Municipality, str], Place],
) -> tuple[dg.AssetsDefinition, dg.AssetsDefinition, dg.AssetsDefinition]:
    """Difference, staging and switch of one kind of release."""
    shared: dict[str, Any] = {
        "key_prefix": "abierto",
        "group_name": group,
        "partitions_def": partitions,
        "owners": ["team:tic"],
        "kinds": {"portal"},
        "pool": "abierto",
        "retry_policy": AGAIN,
    }

    def folder_of(town: Municipality, partition_key: str) -> tuple[Path, str]:
        dataset, version, label = place_of(town, partition_key)
        return release_folder(town, dataset, version), label

    @dg.asset(
        name=f"diferencia_{kind}",
        deps=[source],
        **shared,
        description="Qué cambiaría en el portal si se publicara esta entrega. No escribe nada.",
    )
    def difference(context: dg.AssetExecutionContext, open_wing: OpenWing) -> dg.MaterializeResult:
        """The dry run."""
        town = open_wing.municipality
        with values_stay_inside():
            folder, label = folder_of(town, context.partition_key)
            plan = portal.plan(portal_of(town), folder)
        return dg.MaterializeResult(
            metadata={
                "periodo": label,
                "resultado": plan.state,
                "cambios": _markdown(plan.changes),
                "motivo": plan.reason or "ninguno",
            }
        )

    @dg.asset(
        name=f"preparacion_{kind}",
        deps=[difference],
        **shared,
        description="La entrega en el portal, donde nadie la ve: archivos y tablas subidos, releídos y verificados.",
    )
    def staging(context: dg.AssetExecutionContext, open_wing: OpenWing) -> dg.MaterializeResult:
        """Stages and verifies; the switch verifies again by itself."""
        town = open_wing.municipality
        with values_stay_inside():
            folder, label = folder_of(town, context.partition_key)
            place = portal_of(town, _progress(context))
            staged = portal.prepare(place, folder, withdrawn=register_of(town).withdrawn())
        return dg.MaterializeResult(
            metadata={"periodo": label, "estado": staged.state, "archivos": staged.files, "huella": staged.digest}
        )

    @dg.asset(
        name=f"publicacion_{kind}",
        deps=[staging],
        **shared,
        description="El cambio en el portal: quien consulta pasa de la versión anterior a esta; se relee como anónimo.",
    )
    def switch(context: dg.AssetExecutionContext, open_wing: OpenWing) -> dg.MaterializeResult:
        """Switches to what verifies; the same release twice writes nothing."""
        town = open_wing.municipality
        with values_stay_inside():
            folder, label = folder_of(town, context.partition_key)
            place = portal_of(town, _progress(context))
            result = portal.publish(place, folder, withdrawn=register_of(town).withdrawn())
        return dg.MaterializeResult(
            metadata={
                "periodo": label,
                "estado": result.state,
                "huella": result.digest,
                "lugar": page(result.location),
            }
        )

    return difference, staging, switch


diferencia_semestral, preparacion_semestral, publicacion_semestral = _steps(
    "semestral",
    source=entrega_semestral,
    partitions=SEMESTERS,
    group="abierto_publicacion",
    place_of=semester_place,
)
diferencia_anual, preparacion_anual, publicacion_anual = _steps(
    "anual", source=entrega_anual, partitions=YEARS, group="abierto_anual", place_of=annual_place
)


class Retiro(dg.Config):
    """What to withdraw and why; without a version, the whole dataset."""

    conjunto: str
    motivo: str
    version: str = ""


@dg.asset(
    key_prefix="abierto",
    group_name="abierto_vigilancia",
    owners=["team:tic"],
    kinds={"portal"},
    pool="abierto",
    retry_policy=AGAIN,
    description="Revisión semanal de lo público: se descarga y verifica otra vez; lo que no es lo publicado se retira.",
)
def revision_de_lo_publico(context: dg.AssetExecutionContext, open_wing: OpenWing) -> dg.MaterializeResult:
    """Verifies every public dataset as anybody; withdraws what was altered and then fails, which is the alarm."""
    town = open_wing.municipality
    with values_stay_inside():
        found = recheck(town)
    altered = [seen for seen in found if seen.problems]
    if altered:
        lines = "; ".join(f"{seen.dataset}: {', '.join(seen.problems)} → {seen.outcome}" for seen in altered)
        raise dg.Failure(
            description=f"Lo público no es lo que se publicó. {lines}. Siguiente paso: docs/operacion.md#retiro.",
            allow_retries=False,
        )
    return dg.MaterializeResult(metadata={seen.dataset: seen.outcome for seen in found})


@dg.asset(
    key_prefix="abierto",
    group_name="abierto_vigilancia",
    owners=["team:tic"],
    kinds={"portal"},
    pool="abierto",
    retry_policy=AGAIN,
    description="Retiro de una versión o de un conjunto entero. Pide conjunto, versión (vacía: todo) y motivo.",
)
def retiro(context: dg.AssetExecutionContext, config: Retiro, open_wing: OpenWing) -> dg.MaterializeResult:
    """Takes out of public sight what should not be there; it does not come back by itself."""
    town = open_wing.municipality
    with values_stay_inside():
        now = withdraw_from(town, portal_of(town), config.conjunto, config.version or None, config.motivo)
    return dg.MaterializeResult(metadata={"conjunto": config.conjunto, "ahora": now})
