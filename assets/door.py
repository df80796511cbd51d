"""THE DOOR as an asset: petitions in, `Disclosed` out into the open store.

What belongs here: the one step that reads the restricted store and writes the open one. What does not: deciding what
may pass (`pipeline.privacy`). It runs in the restricted location; everything after it runs in the open one.
"""

from collections.abc import Iterator

import dagster as dg

from pipeline import characterization
from pipeline.orchestration.guard import values_stay_inside
from pipeline.orchestration.partitions import SEMESTERS, semester_of
from pipeline.orchestration.resources import Municipality, OpenWing, RestrictedWing
from pipeline.orchestration.table_schema import written
from pipeline.privacy import gate
from pipeline.privacy.archive import Archive
from pipeline.privacy.ledger import Ledger
from pipeline.privacy.passage import Passage
from pipeline.records.soundness import account, require_sound
from schemas.extracts import EXTRACTS
from schemas.published import MICRODATA, ROW_SUMMARY, TABLES
from schemas.records import PETITIONS, ROW_COUNTS

DISCLOSED = (MICRODATA, TABLES, ROW_SUMMARY)


def _spec(name: str, source: str, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=["abierto", name],
        deps=[["restringido", source]],
        group_name="puerta",
        owners=["team:tic", "team:proteccion-datos"],
        kinds={"duckdb"},
        description=description,
        partitions_def=SEMESTERS,
    )


def _waiting(town: Municipality, label: str) -> list[str]:
    """Earlier semesters whose extracts have arrived: they are published first."""
    folders = [f for f in town.landing_folder.glob("[0-9]*-S[12]") if f.is_dir() and any(f.iterdir())]
    return sorted(f.name for f in folders if f.name < label)


@dg.multi_asset(
    name="puerta",
    specs=[
        _spec(
            MICRODATA.name,
            "peticiones",
            "Solicitudes anonimizadas: k ≥ 10 personas sobre todas las columnas publicadas.",
        ),
        _spec(TABLES.name, "peticiones", "Tablas con supresión primaria y complementaria y un solo marcador."),
        _spec(ROW_SUMMARY.name, "conteo_filas", "Contabilidad publicable de filas por fuente, destino y regla."),
    ],
    pool="restringido",
)
def puerta(
    context: dg.AssetExecutionContext, restricted: RestrictedWing, open_wing: OpenWing
) -> Iterator[dg.MaterializeResult]:
    """Judges the semester and writes what passed, with its evidence, in one transaction between two ledger entries.

    A semester that is public already and differs is written only where the audit with everything public allows it.
    """
    semester = semester_of(context.partition_key)
    label = semester.label
    with values_stay_inside():
        profile, layout = restricted.municipality.profile, restricted.municipality.layout
        passage = Passage(label, Ledger(layout.ledger), Archive(layout.disclosed))
        sensitive = characterization.sensitive_tables(profile)
        with restricted.tables() as tables:
            extracts, counts = tables.table(EXTRACTS, periodo=label), tables.table(ROW_COUNTS, periodo=label)
            require_sound(account(extracts, counts), profile.calidad, label)
            inputs = extracts.archivo_sha256.as_table().distinct().to_pyarrow()["archivo_sha256"].to_pylist()
            petitions = tables.table(PETITIONS, periodo=label)
            microdata = gate.disclose_microdata(petitions, profile, label)
            counted = characterization.candidates(petitions, microdata.rows(), profile, label)
            passed = (
                microdata.disclosed,
                gate.disclose_tables(counted, profile, label, sensitive=sensitive, microdata=microdata),
                gate.disclose_row_counts(counts, profile, label),
            )
        decision = passage.decide(microdata, passed[1], passed[2], profile, sensitive)
        if decision.publishes:
            passage.intend(profile, passed, _waiting(restricted.municipality, label), inputs, restricted.key_id())
            with open_wing.tables() as opened:
                rows = opened.accept(*passed)
            passage.ledger.complete(label, passed)
        else:
            passage.hold(decision, passed)
            with open_wing.tables() as opened:
                rows = [int(opened.table(d.contract, periodo=label).count().execute()) for d in passed]
    for disclosed, count in zip(passed, rows, strict=True):
        extra: dict[str, str | bool | int] = {"decision": decision.kind, "por_que": decision.reason} | decision.figures
        extra |= {"sha256": disclosed.sha256} if decision.publishes else {}
        if disclosed.contract is MICRODATA and decision.publishes:
            extra |= {"publica_microdatos": not microdata.reason, "motivo": microdata.reason or "cumple los objetivos"}
        yield dg.MaterializeResult(
            asset_key=["abierto", disclosed.contract.name],
            metadata=written(disclosed.contract, count, label, **extra),
        )
