"""What the restricted location's gates found, shown with its partition.

What belongs here: checks on extracts, records and the door's output. What does not: the gates themselves; each check
calls the same function that the writing asset obeyed.
"""

import dagster as dg

from assets.door import puerta  # noqa: F401 - its keys are checked below
from checks.results import partition_check, result
from pipeline import characterization
from pipeline.errors import ContractError
from pipeline.orchestration.guard import values_stay_inside
from pipeline.orchestration.partitions import SEMESTERS, semester_of
from pipeline.orchestration.resources import OpenWing, RestrictedWing
from pipeline.privacy import joint, judges
from pipeline.records.soundness import account
from pipeline.spanish import percent, thousands
from schemas.extracts import EXTRACTS
from schemas.published import MICRODATA, TABLES
from schemas.records import PETITIONS, ROW_COUNTS


@partition_check(
    asset=["restringido", PETITIONS.name],
    blocking=True,
    partitions=SEMESTERS,
    description="Tipos, códigos, rangos y llave de las peticiones, según su contrato.",
)
def peticiones_cumplen_contrato(
    context: dg.AssetCheckExecutionContext, restricted: RestrictedWing
) -> dg.AssetCheckResult:
    """Validates the stored partition against the bound contract."""
    label = semester_of(context.partition_key).label
    with values_stay_inside(), restricted.tables() as tables:
        petitions = tables.table(PETITIONS, periodo=label)
        rows = int(petitions.count().execute())
        try:
            PETITIONS.bind(restricted.municipality.profile.codes).gate(petitions)
        except ContractError as broken:
            return result(
                passed=False,
                says=f"{label}: {broken}",
                next_step="vuelva a materializar «peticiones»; si persiste, el perfil y el contrato no coinciden.",
                section="contrato",
                filas=rows,
            )
    return result(
        passed=True,
        says=f"{label}: {rows} peticiones cumplen su contrato.",
        next_step="",
        section="contrato",
        filas=rows,
    )


@partition_check(
    asset=["restringido", ROW_COUNTS.name],
    blocking=True,
    partitions=SEMESTERS,
    description="Leídas = aceptadas + fusionadas + duplicadas + rechazadas, y los rechazos bajo el límite del perfil.",
)
def filas_cuadran(context: dg.AssetCheckExecutionContext, restricted: RestrictedWing) -> dg.AssetCheckResult:
    """Recounts the partition's rows and compares them with the limits that the door obeys."""
    label = semester_of(context.partition_key).label
    with values_stay_inside(), restricted.tables() as tables:
        limits = restricted.municipality.profile.calidad
        found = account(tables.table(EXTRACTS, periodo=label), tables.table(ROW_COUNTS, periodo=label))
    sound = found.adds_up and found.accepted > 0 and found.rejected_share <= limits.rechazo_maximo
    warns = sound and found.rejected_share > limits.rechazo_advertencia
    return result(
        passed=sound and not warns,
        severity=dg.AssetCheckSeverity.WARN if warns else dg.AssetCheckSeverity.ERROR,
        says=(
            f"{label}: {thousands(found.read)} leídas = {thousands(found.accepted)} aceptadas"
            f" + {thousands(found.merged)} fusionadas + {thousands(found.duplicated)} duplicadas"
            f" + {thousands(found.rejected)} rechazadas ({percent(found.rejected_share)})."
        ),
        next_step=(
            "mire en «filas_rechazadas» qué regla y qué archivo concentran los rechazos, corrija el extracto o el"
            " perfil y vuelva a ejecutar el semestre. Mientras tanto la puerta no abre si se pasa el máximo."
        ),
        section="filas-rechazadas",
        leidas=found.read,
        aceptadas=found.accepted,
        fusionadas=found.merged,
        duplicadas=found.duplicated,
        rechazadas=found.rejected,
    )


@partition_check(
    asset=["restringido", PETITIONS.name],
    partitions=SEMESTERS,
    description="Cuántas peticiones llegaron con un tipo que el perfil no conoce.",
)
def tipos_conocidos(context: dg.AssetCheckExecutionContext, restricted: RestrictedWing) -> dg.AssetCheckResult:
    """Warns where unclassified petitions pass the profile's limit; they are never counted as general ones."""
    label = semester_of(context.partition_key).label
    with values_stay_inside(), restricted.tables() as tables:
        petitions = tables.table(PETITIONS, periodo=label)
        rows = int(petitions.count().execute())
        unknown = int((petitions.tipo == "sin_clasificar").sum().execute() or 0)
        limit = restricted.municipality.profile.calidad.sin_clasificar_advertencia
    return result(
        passed=unknown <= rows * limit,
        severity=dg.AssetCheckSeverity.WARN,
        says=f"{label}: {unknown} de {rows} peticiones sin tipo conocido.",
        next_step="añada las grafías que falten a listas/tipo.csv del perfil y vuelva a ejecutar el semestre.",
        section="codigos-desconocidos",
        sin_clasificar=unknown,
        peticiones=rows,
    )


@partition_check(
    asset=["abierto", MICRODATA.name],
    blocking=True,
    partitions=SEMESTERS,
    description="Lo divulgado vuelve a pasar la puerta: contrato, k sobre todas las columnas, sin identificadores.",
)
def solicitudes_anonimas(context: dg.AssetCheckExecutionContext, open_wing: OpenWing) -> dg.AssetCheckResult:
    """Judges the stored microdata again, as rows; persons were judged by the gate and are in its evidence."""
    label = semester_of(context.partition_key).label
    with values_stay_inside(), open_wing.tables() as tables:
        profile = open_wing.municipality.profile
        evidence = tables.evidence(MICRODATA, label)
        problems = judges.problems_of_microdata(tables.table(MICRODATA, periodo=label), profile)
    published = bool(evidence.get("publicado"))
    says = (
        f"{label}: k mínimo de {evidence.get('k_minimo')} personas sobre todas las columnas publicadas."
        if published
        else f"{label}: sin microdatos. {evidence.get('motivo', '')}"
    )
    return result(
        passed=not problems,
        says=says if not problems else f"{label}: no pasa la puerta ({'; '.join(problems)}).",
        next_step="no publique; vuelva a materializar la puerta y avise al oficial de protección de datos.",
        section="puerta",
        filas_publicadas=int(evidence.get("filas_publicadas", 0) or 0),
    )


@partition_check(
    asset=["abierto", TABLES.name],
    blocking=True,
    partitions=SEMESTERS,
    description="Ninguna celda suprimida se recupera con todo lo publicado del periodo; ninguna trae identificadores.",
)
def celdas_protegidas(context: dg.AssetCheckExecutionContext, open_wing: OpenWing) -> dg.AssetCheckResult:
    """Judges the stored tables again."""
    label = semester_of(context.partition_key).label
    with values_stay_inside(), open_wing.tables() as tables:
        profile = open_wing.municipality.profile
        stored = tables.table(TABLES, periodo=label)
        sensitive = characterization.sensitive_tables(profile)
        problems = judges.problems_of_tables(stored, profile, sensitive)
        shown, microdata = stored.to_pyarrow(), tables.table(MICRODATA, periodo=label).to_pyarrow()
        audited, exposed = joint.judge_public(joint.cells_of(shown), microdata, profile, sensitive)
        by_law = tables.evidence(TABLES, label)["auditoria_conjunta"]["limitadas_por_base_legal"]
        if exposed > by_law:
            problems.append(f"regla «auditoria_conjunta», {exposed} celdas")
        cells = int(stored.count().execute())
        withheld = int((stored.estado_celda == "Suprimido").sum().execute() or 0)
    return result(
        passed=not problems,
        says=(
            f"{label}: {cells} celdas, {withheld} suprimidas, ninguna recuperable: {audited} acotadas en conjunto con"
            " las demás tablas y los microdatos."
            if not problems
            else f"{label}: {'; '.join(problems)}."
        ),
        next_step="no publique; vuelva a materializar la puerta y avise al oficial de protección de datos.",
        section="puerta",
        celdas=cells,
        suprimidas=withheld,
    )
