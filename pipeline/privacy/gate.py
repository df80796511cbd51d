"""The gate of the door: every test that earns a `Disclosed`, run on the bytes that would leave.

What belongs here: the order of the tests, what a failure means, and the evidence. What does not: how rows are made
anonymous (`microdata`, `tables`), what is measured (`measure`), and where the sealed bytes go.

Two kinds of failure. Targets of usefulness or risk that the data cannot meet: that partition has no microdata and says
why. A row, cell or column that may never leave: `GateRefused`, and nothing leaves.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from pipeline.contract import Contract
from pipeline.errors import ContractError, PqrsdError
from pipeline.privacy import detectors, floors, measure, tables
from pipeline.privacy.classification import check_contract, check_variables, eligible, universe
from pipeline.privacy.disclosed import Disclosed, seal
from pipeline.privacy.microdata import Anonymised, suppressor
from pipeline.profile import Privacy, Profile
from schemas.published import MICRODATA, ROW_SUMMARY, SUPPRESSED, TABLES

_PERSON = "_persona"
SMALL = 5
"""Counts of left-out petitions below this are reserved in the evidence."""


class GateRefused(PqrsdError):
    """Something that may never leave was about to; names the table and the rule, never a value."""


@dataclass(frozen=True)
class Outcome:
    """What the gate decided on a period's microdata: sealed rows, or sealed emptiness with a reason in Spanish."""

    disclosed: Disclosed
    reason: str | None

    @property
    def evidence(self) -> dict[str, Any]:
        """What was measured."""
        return self.disclosed.evidence

    def rows(self) -> pa.Table | None:
        """The published rows, or None where the period publishes none."""
        return None if self.reason else self.disclosed.table()


def disclose_microdata(petitions: ir.Table, profile: Profile, period: str) -> Outcome:
    """The period's anonymised rows, if they meet every target of the profile.

    Raises `FloorError` for a profile below the floors, `ClassificationError` for a column that may not leave,
    `HierarchyError` for a value that no hierarchy covers, `GateRefused` for rows that are not what they should be.
    """
    targets = profile.privacidad
    floors.check(targets)
    check_contract(MICRODATA)
    found = universe(petitions)
    evidence: dict[str, Any] = {
        "periodo": period,
        "k_objetivo": targets.k,
        "filas_entrada": found.received,
        "excluidas": _reserved({"menores": found.minors, "sin_autorizacion": found.unauthorised}),
        "niveles": {name: column.nivel for name, column in targets.columnas.items()},
        "jerarquias_sha256": _digest({name: profile.jerarquias[name] for name in targets.columnas}),
        "firma_juridica": targets.firma_juridica,
    }
    if found.eligible == 0:
        return _withheld(evidence, period, "Ninguna petición del periodo puede caracterizarse: falta la autorización.")
    with suppressor(eligible(petitions), profile, period) as search:
        made = search.suppress(targets.k)
    measured, diverse = _measured(made, targets)
    evidence |= {
        "filas_publicadas": made.rows.num_rows,
        "filas_perdidas": made.lost,
        "celdas_suprimidas": made.suppressed,
        "celdas_total": made.cells,
        "k_minimo": measured.k_persons or 0,
        "k_filas": measured.k_rows,
        "clases": measured.classes,
        "riesgo_promedio": round(measured.average_risk, 6),
        "l_tema": diverse.distinct,
        "confianza_max": round(diverse.confidence, 4),
    }
    reason = _shortfall(made, measured, targets)
    if reason:
        return _withheld(evidence, period, reason)
    _require(
        (measured.k_persons or 0) >= max(targets.k, floors.K_PERSONS), MICRODATA, "k personas sobre todas las columnas"
    )
    _require(diverse.distinct is None or diverse.distinct >= targets.l_tema, MICRODATA, "diversidad del tema")
    _require(diverse.confidence <= targets.confianza_max, MICRODATA, "confianza sobre el tema")
    evidence |= {"publicado": True, "motivo": None}
    disclosed = seal(MICRODATA, {"periodo": period}, made.rows, evidence)
    _judge(disclosed, lambda rows: problems_of_microdata(rows, profile), profile)
    return Outcome(disclosed, None)


def disclose_tables(candidates: pd.DataFrame, profile: Profile, period: str, *, sensitive: set[str]) -> Disclosed:
    """The period's tables after suppression; `sensitive` names those with a sensitive attribute.

    Raises `TableError` for a table that cannot be protected and `GateRefused` for one that gives a withheld cell away.
    """
    targets = profile.privacidad
    floors.check(targets)
    check_contract(TABLES)
    specs = {spec.id: spec for spec in profile.caracterizacion.tablas}
    for spec in specs.values():
        check_variables(spec)
    protected = tables.protect(
        candidates,
        specs,
        threshold=targets.umbral_tabla,
        sensitive_threshold=targets.umbral_tabla_sensible,
        sensitive=sensitive,
    )
    cells = protected.cells.assign(periodo=period)[TABLES.names]
    cells = cells.sort_values(["tabla", "medida", "valor_1", "valor_2"], na_position="first")
    rows = pa.Table.from_pandas(cells, schema=TABLES.ibis_schema().to_pyarrow(), preserve_index=False)
    evidence = {
        "periodo": period,
        "umbral_tabla": targets.umbral_tabla,
        "umbral_tabla_sensible": targets.umbral_tabla_sensible,
        "celdas": rows.num_rows,
        "suprimidas": int((cells["estado_celda"] == SUPPRESSED).sum()),
        "tablas": protected.treatment,
        "auditoria_conjunta": "pendiente: cada universo se protege en conjunto; la auditoría con microdatos y entregas"
        " anteriores por programación lineal no se ha hecho",
    }
    disclosed = seal(TABLES, {"periodo": period}, rows, evidence)
    _judge(disclosed, lambda stored: problems_of_tables(stored, profile, sensitive), profile)
    return disclosed


def disclose_row_counts(counts: ir.Table, profile: Profile, period: str) -> Disclosed:
    """Rows read and where they went, without file names; counts of rows say nothing of a person's attributes."""
    check_contract(ROW_SUMMARY)
    grouped = counts.group_by(["periodo", "fuente", "destino", "regla"]).aggregate(filas=counts.filas.sum())
    rows = grouped.select(ROW_SUMMARY.names).order_by(ROW_SUMMARY.names).to_pyarrow()
    disclosed = seal(ROW_SUMMARY, {"periodo": period}, rows, {"periodo": period, "filas": rows.num_rows})
    _judge(disclosed, lambda _: [], profile)
    return disclosed


def problems_of_microdata(rows: pa.Table | ir.Table, profile: Profile) -> list[str]:
    """What the rows themselves show to be wrong, as rules in Spanish; empty where nothing is.

    Persons cannot be seen in published rows: fewer than k rows in a class prove fewer than k persons, not the reverse.
    """
    targets = profile.privacidad
    with measure.in_engine(rows) as table:
        if int(table.count().execute()) == 0:
            return []
        found = _of_contract(MICRODATA, table, profile)
        measured = measure.recount(table, MICRODATA.names)
        diverse = measure.diversity(table, targets.columnas_demograficas, floors.TOPIC)
    if measured.k_rows < max(targets.k, floors.K_PERSONS):
        found.append(f"hay clases de menos de {targets.k} filas")
    if diverse.distinct is not None and diverse.distinct < targets.l_tema:
        found.append(f"hay clases demográficas con menos de {targets.l_tema} temas")
    if diverse.confidence > targets.confianza_max:
        found.append("el tema se deduce de la demografía")
    return found


def problems_of_tables(rows: pa.Table | ir.Table, profile: Profile, sensitive: set[str]) -> list[str]:
    """What the cells themselves show to be wrong, as rules in Spanish; empty where nothing is."""
    targets = profile.privacidad
    with measure.in_engine(rows) as table:
        found = _of_contract(TABLES, table, profile)
        cells = table.to_pyarrow().to_pandas()
    named = {spec.id for spec in profile.caracterizacion.tablas}
    thresholds = {t: targets.umbral_tabla_sensible if t in sensitive else targets.umbral_tabla for t in named}
    if set(cells["tabla"]) - named:
        return [*found, "hay una tabla que el perfil no declara"]
    given = tables.recoverable(cells, thresholds)
    found += [f"la tabla «{name}» deja recuperar celdas suprimidas en {n} líneas" for name, n in sorted(given.items())]
    if bool((cells["valor"].isna() != (cells["estado_celda"] == SUPPRESSED)).any()):
        found.append("una celda suprimida trae valor, o una publicada no lo trae")
    exempt = {spec.id for spec in profile.caracterizacion.tablas if spec.base == "legal"}
    judged = cells[(cells["medida"] == "personas") & ~cells["tabla"].isin(exempt)]
    small = (judged["valor"] > 0) & (judged["valor"] < judged["tabla"].map(thresholds).astype("int64"))
    if bool(small.fillna(False).any()):
        found.append("hay celdas publicadas con menos personas que el umbral")
    return found


def _measured(made: Anonymised, targets: Privacy) -> tuple[measure.Measures, measure.Diversity]:
    """Figures over rows and persons; two implementations that share nothing must agree on them."""
    judged = made.rows.append_column(_PERSON, made.person)
    measured = measure.recount(judged, MICRODATA.names, person=_PERSON)
    again = measure.recount_in_numpy(judged, MICRODATA.names, person=_PERSON)
    _require(
        (measured.k_persons, measured.k_rows, measured.classes) == (again.k_persons, again.k_rows, again.classes),
        MICRODATA,
        "las dos mediciones de k no coinciden",
    )
    return measured, measure.diversity(judged, targets.columnas_demograficas, floors.TOPIC, person=_PERSON)


def _shortfall(made: Anonymised, measured: measure.Measures, targets: Privacy) -> str | None:
    """Why the period publishes no microdata: the first target that its data cannot meet."""
    if made.rows.num_rows == 0:
        return f"Ningún grupo del periodo reúne {targets.k} personas."
    lost = made.lost / made.eligible
    if lost > targets.filas_perdidas_max:
        return f"Se perdería el {_percent(lost)} de las filas; el máximo es {_percent(targets.filas_perdidas_max)}."
    hidden = sum(made.suppressed.values()) / made.cells
    if hidden > targets.celdas_suprimidas_max:
        return (
            f"Habría que suprimir el {_percent(hidden)} de las celdas; el máximo es"
            f" {_percent(targets.celdas_suprimidas_max)}."
        )
    if measured.average_risk > targets.riesgo_promedio_max:
        return f"El riesgo promedio sería {measured.average_risk:.3f}; el máximo es {targets.riesgo_promedio_max}."
    return None


def _withheld(evidence: dict[str, Any], period: str, reason: str) -> Outcome:
    nothing = MICRODATA.ibis_schema().to_pyarrow().empty_table()
    said = evidence | {"publicado": False, "motivo": reason}
    return Outcome(seal(MICRODATA, {"periodo": period}, nothing, said), reason)


def _judge(disclosed: Disclosed, problems: Callable[[pa.Table], list[str]], profile: Profile) -> None:
    """Judges the sealed bytes as they will be read; raises `GateRefused` with every rule that fails."""
    rows = disclosed.table()
    with measure.in_engine(rows) as table:
        found = _of_contract(disclosed.contract, table, profile)
    found += [rule for rule in problems(rows) if rule not in found]
    for finding in detectors.scan_table(rows):
        found.append(f"la columna «{finding.column}» trae {finding.rule} en {finding.rows} filas")
    if found:
        raise GateRefused(f"«{disclosed.contract.name}» no pasa la puerta: {'; '.join(found)}.")


def _of_contract(contract: Contract, table: ir.Table, profile: Profile) -> list[str]:
    try:
        contract.bind(profile.codes).gate(table.select(*table.columns))
    except ContractError as broken:
        return [str(broken)]
    return []


def _require(condition: bool, contract: Contract, rule: str) -> None:
    if not condition:
        raise GateRefused(f"«{contract.name}» no pasa la puerta: {rule}.")


def _reserved(counts: dict[str, int]) -> dict[str, int | str]:
    """The counts, or none of them where one is small: the others would give it away by subtraction."""
    if any(0 < count < SMALL for count in counts.values()):
        return dict.fromkeys(counts, "reservado")
    return dict(counts)


def _percent(share: float) -> str:
    return f"{share:.1%}".replace(".", ",").replace("%", " %")


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
