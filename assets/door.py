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
from pipeline.privacy.ledger import Ledger
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
    """Judges the semester and writes what passed, with its evidence, in one transaction between two ledger entries."""
    semester = semester_of(context.partition_key)
    label = semester.label
    with values_stay_inside():
        profile = restricted.municipality.profile
        ledger = Ledger(restricted.municipality.layout.ledger)
        with restricted.tables() as tables:
            counts = tables.table(ROW_COUNTS, periodo=label)
            require_sound(account(tables.table(EXTRACTS, periodo=label), counts), profile.calidad, label)
            petitions = tables.table(PETITIONS, periodo=label)
            microdata = gate.disclose_microdata(petitions, profile, label)
            counted = characterization.candidates(petitions, microdata.rows(), profile, label)
            passed = (
                microdata.disclosed,
                gate.disclose_tables(counted, profile, label, sensitive=characterization.sensitive_tables(profile)),
                gate.disclose_row_counts(counts, profile, label),
            )
        ledger.intend(profile, label, passed, known=_waiting(restricted.municipality, label))
        with open_wing.tables() as opened:
            rows = opened.accept(*passed)
        ledger.complete(label, passed)
    for disclosed, count in zip(passed, rows, strict=True):
        extra: dict[str, str | bool] = {"sha256": disclosed.sha256}
        if disclosed.contract is MICRODATA:
            extra |= {"publica_microdatos": not microdata.reason, "motivo": microdata.reason or "cumple los objetivos"}
        yield dg.MaterializeResult(
            asset_key=["abierto", disclosed.contract.name],
            metadata=written(disclosed.contract, count, label, **extra),
        )
