"""The gate: the only place that seals. It re-reads what would leave and judges those bytes, not the plan for them.

What belongs here: the order of the tests, what stops a table, and the evidence. What does not: how rows and cells are
made safe (`microdata`, `tables`), and where sealed bytes go.

A target that the data cannot meet is an outcome (no microdata, with its reason); a test that fails is a defect and
raises `GateRefused`, naming rule and counts, never a value.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PqrsdError
from pipeline.privacy import classification, floors, hidden, hierarchies, joint, judges, measure, microdata, tables
from pipeline.privacy.disclosed import Disclosed, decode, encode, seal
from pipeline.privacy.floors import TOPIC
from pipeline.privacy.grids import Key, TableError
from pipeline.privacy.judges import problems_of_microdata, problems_of_tables
from pipeline.privacy.quantiles import QUANTILES, persons_behind
from pipeline.profile import Profile, TableSpec
from schemas.published import MICRODATA, ROW_SUMMARY, SUPPRESSED, TABLES

__all__ = [
    "GateRefused",
    "Outcome",
    "disclose_microdata",
    "disclose_row_counts",
    "disclose_tables",
    "problems_of_microdata",
    "problems_of_tables",
]

_PERSON = "_persona"
_RISK = "riesgo promedio"


class GateRefused(PqrsdError):
    """A test of the gate failed: nothing leaves. Names the table, the rules and how many rows or cells."""

    def __init__(self, table: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"La puerta no deja salir «{table}»: {'; '.join(problems)}.")


@dataclass(frozen=True)
class Outcome:
    """What became of a period's microdata: the sealed rows, or sealed emptiness and the reason in Spanish.

    Emptiness is sealed too, with its evidence, so that nothing of an earlier run stays in the open store.
    """

    disclosed: Disclosed
    reason: str | None
    few_hidden: frozenset[Key] = frozenset()
    """Values of whose rows so few are hidden that no table may show it; never published."""

    @property
    def evidence(self) -> dict[str, Any]:
        """What was measured."""
        return self.disclosed.evidence

    def rows(self) -> pa.Table | None:
        """The published rows; None where the period publishes none."""
        return None if self.reason else self.disclosed.table()


def disclose_microdata(petitions: ir.Table, profile: Profile, period: str) -> Outcome:
    """Anonymises one period's petitions and seals them if they meet every target of the profile.

    Raises `GateRefused` where a test fails on what would leave, `FloorError`, `ClassificationError` or
    `HierarchyError` where the profile or the data may not be judged at all.
    """
    floors.check(profile.privacidad)
    classification.check_contract(MICRODATA)
    classification.check_fields(profile.privacidad)
    hierarchies.check(profile)
    if {"periodo", *profile.privacidad.columnas} != set(MICRODATA.names):
        raise floors.FloorError(
            "privacidad.yaml: «columnas» debe describir exactamente las columnas de los microdatos."
        )
    received = petitions.filter(petitions.periodo == period)
    universe = classification.universe(received)
    evidence = _frame_of_evidence(profile, period, universe)
    reasons = ["no hay peticiones que se puedan publicar"]
    with microdata.suppressor(classification.eligible(received), profile, period) as suppressor:
        for k in _targets(profile.privacidad.k) if universe.eligible else ():
            found = suppressor.suppress(k)
            figures = _judge_rows(found, profile)
            reasons = _misses(found, figures, profile)
            evidence |= _figures(found, figures)
            if not reasons or not _only_risk(reasons):
                break
    if reasons:
        reason = f"No se publican microdatos de {period}: {'; '.join(reasons)}."
        evidence |= {"publicado": False, "motivo": reason, "filas_publicadas": 0}
        rows = MICRODATA.ibis_schema().to_pyarrow().empty_table()
        return Outcome(seal(MICRODATA, {"periodo": period}, rows, evidence), reason)
    evidence |= {"publicado": True, "motivo": None}
    few = hidden.few_hidden(classification.characterisable(received), found.rows, found.person, profile)
    return Outcome(seal(MICRODATA, {"periodo": period}, found.rows, evidence), None, few)


def disclose_tables(
    candidates: pd.DataFrame,
    profile: Profile,
    period: str,
    *,
    sensitive: set[str],
    microdata: Outcome | None = None,
) -> Disclosed:
    """Suppresses and seals one period's tables.

    `candidates`: one row a cell and measure, with `personas` (empty where counted from the microdata). `sensitive`
    names tables that need the higher threshold, besides those that the classification already knows; `microdata` is
    what became of the period's. Raises `GateRefused`, `TableError` or `ClassificationError`.
    """
    privacy = profile.privacidad
    floors.check(privacy)
    classification.check_contract(TABLES)
    specs = {spec.id: spec for spec in profile.caracterizacion.tablas}
    _check_form(candidates, specs)
    for spec in specs.values():
        classification.check_variables(spec)
    rows = microdata.rows() if microdata else None
    rules = joint.Rules.of(profile, sensitive)
    around = joint.Surroundings(rows, microdata.few_hidden if microdata else frozenset())
    auditor = joint.Auditor(candidates, rules, around)
    protected = tables.protect(
        candidates,
        specs,
        threshold=privacy.umbral_tabla,
        sensitive_threshold=privacy.umbral_tabla_sensible,
        sensitive=judges.sensitive_tables(profile) | sensitive,
        hierarchy=rules.hierarchy,
        audit=auditor,
    )
    cells = protected.cells.assign(periodo=period).sort_values(
        ["tabla", "valor_1", "valor_2", "medida"], na_position="first", kind="stable", ignore_index=True
    )
    schema = TABLES.ibis_schema().to_pyarrow()
    data = encode(pa.Table.from_pandas(cells[TABLES.names], schema=schema, preserve_index=False))
    reread = decode(data)
    audited, exposed = auditor.judge(joint.cells_of(reread))
    problems = problems_of_tables(reread, profile, sensitive)
    problems += _small_cells(reread, protected)
    if exposed > auditor.by_law:
        problems.append(f"regla «auditoria_conjunta», {exposed} celdas")
    if problems:
        raise GateRefused(TABLES.name, problems)
    evidence = {
        "periodo": period,
        "umbral_tabla": privacy.umbral_tabla,
        "umbral_tabla_sensible": privacy.umbral_tabla_sensible,
        "celdas": reread.num_rows,
        "suprimidas": reread["estado_celda"].to_pylist().count(SUPPRESSED),
        "auditoria_conjunta": {
            "celdas_ocultas_comprobadas": audited,
            "al_descubierto": exposed - auditor.by_law,
            "limitadas_por_base_legal": auditor.by_law,
            "metodo": "programación lineal y entera sobre márgenes, jerarquías, tablas y microdatos del periodo",
        },
        "tablas": {name: _discreet(found) for name, found in sorted(protected.treatment.items())},
        "perfil_sha256": profile.digest,
    }
    return seal(TABLES, {"periodo": period}, reread, evidence)


def disclose_row_counts(counts: ir.Table, profile: Profile, period: str) -> Disclosed:
    """Sums the row accounting by source, destination and rule, and seals it: how many rows, nothing about anybody."""
    floors.check(profile.privacidad)
    classification.check_contract(ROW_SUMMARY)
    mine = counts.filter(counts.periodo == period)
    keys = ["periodo", "fuente", "destino", "regla"]
    summed = mine.group_by(keys).aggregate(filas=mine.filas.sum()).order_by(keys)
    rows = summed.to_pyarrow().select(ROW_SUMMARY.names).cast(ROW_SUMMARY.ibis_schema().to_pyarrow())
    data = encode(rows)
    reread = decode(data)
    problems = judges.contract_problems(ROW_SUMMARY, reread, profile) + judges.detector_problems(reread)
    if problems:
        raise GateRefused(ROW_SUMMARY.name, problems)
    sources = sorted(set(reread["fuente"].to_pylist()))
    by_destination = reread.group_by("destino").aggregate([("filas", "sum")]).sort_by("destino")
    evidence = {
        "periodo": period,
        "fuentes": len(sources),
        "filas": dict(zip(by_destination["destino"].to_pylist(), by_destination["filas_sum"].to_pylist(), strict=True)),
        "perfil_sha256": profile.digest,
    }
    return seal(ROW_SUMMARY, {"periodo": period}, reread, evidence)


@dataclass(frozen=True)
class _RowFigures:
    persons: measure.Measures
    diversity: measure.Diversity


def _judge_rows(found: microdata.Anonymised, profile: Profile) -> _RowFigures:
    """Every test on the rows as re-read from their bytes; the persons stay beside them, in this process alone."""
    reread = decode(encode(found.rows))
    if reread.num_rows == 0:
        return _RowFigures(measure.recount_in_numpy(reread, MICRODATA.names, None), measure.Diversity(None, 0.0))
    problems = problems_of_microdata(reread, profile)
    if not measure.is_sorted(reread, MICRODATA.names):
        problems.append("regla «orden», las filas no están ordenadas por lo que publican")
    unidentified = pc.equal(found.person, microdata.UNIDENTIFIED)
    judged = reread.append_column(_PERSON, pc.if_else(unidentified, None, found.person))
    persons = measure.recount(judged, MICRODATA.names, _PERSON)
    if persons != measure.recount_in_numpy(judged, MICRODATA.names, _PERSON):
        problems.append("regla «dos_recuentos», DuckDB y NumPy no cuentan las mismas personas")
    if (persons.k_persons or 0) < profile.privacidad.k:
        problems.append(f"regla «k», clase de {persons.k_persons} personas y no de {profile.privacidad.k}")
    diversity = measure.diversity(judged, ["periodo", *profile.privacidad.columnas_demograficas], TOPIC, _PERSON)
    problems += judges.diversity_problems(diversity, profile)
    if problems:
        raise GateRefused(MICRODATA.name, sorted(set(problems)))
    return _RowFigures(persons, diversity)


def _targets(k: int) -> Iterable[int]:
    """k, and stricter ones up to 2k, at which the average risk is at most 1/2k whatever the data."""
    return dict.fromkeys((k, -(-5 * k // 4), -(-3 * k // 2), 2 * k))


def _only_risk(reasons: Sequence[str]) -> bool:
    return len(reasons) == 1 and reasons[0].startswith(_RISK)


def _misses(found: microdata.Anonymised, figures: _RowFigures, profile: Profile) -> list[str]:
    privacy = profile.privacidad
    lost = found.lost / found.eligible
    cells = sum(found.suppressed.values()) / found.cells if found.cells else 1.0
    risk = figures.persons.average_risk
    wanted = (
        (_RISK, risk, privacy.riesgo_promedio_max),
        ("filas perdidas", lost, privacy.filas_perdidas_max),
        ("celdas suprimidas", cells, privacy.celdas_suprimidas_max),
    )
    return [
        f"{name} {judges.percent(is_)}, meta {judges.percent(most)} como máximo"
        for name, is_, most in wanted
        if is_ > most
    ]


def _frame_of_evidence(profile: Profile, period: str, universe: classification.Universe) -> dict[str, Any]:
    return {
        "periodo": period,
        "publicado": False,
        "motivo": None,
        "k_objetivo": profile.privacidad.k,
        "k_minimo": None,
        "filas_entrada": universe.received,
        "excluidas": _pair({"menores": universe.minors, "sin_autorizacion": universe.unauthorised}),
        "filas_publicadas": 0,
        "filas_perdidas": 0,
        "celdas_suprimidas": {},
        "celdas_total": 0,
        "riesgo_promedio": None,
        "clases": 0,
        "l_tema": None,
        "confianza_max": None,
        "niveles": {name: column.nivel for name, column in profile.privacidad.columnas.items()},
        "jerarquias_sha256": hierarchies.digest(profile),
        "perfil_sha256": profile.digest,
        "firma_juridica": profile.privacidad.firma_juridica,
    }


def _figures(found: microdata.Anonymised, figures: _RowFigures) -> dict[str, Any]:
    return {
        "k_aplicado": found.k,
        "k_minimo": figures.persons.k_persons,
        "k_filas": figures.persons.k_rows,
        "filas_publicadas": found.rows.num_rows,
        "filas_perdidas": found.lost,
        "celdas_suprimidas": found.suppressed,
        "celdas_total": found.cells,
        "riesgo_promedio": round(figures.persons.average_risk, 6),
        "clases": figures.persons.classes,
        "l_tema": figures.diversity.distinct,
        "confianza_max": round(figures.diversity.confidence, 6),
    }


def _pair(counts: dict[str, int]) -> dict[str, int | str]:
    """Two counts whose sum is known: where one is 1 to 4 it reads «<5» and the other is withheld with it."""
    if not any(0 < n < floors.TABLE_PERSONS for n in counts.values()):
        return dict(counts)
    return {
        name: f"<{floors.TABLE_PERSONS}" if 0 < n < floors.TABLE_PERSONS else SUPPRESSED for name, n in counts.items()
    }


def _discreet(found: dict[str, Any]) -> dict[str, Any]:
    """How many of the withheld cells are primary would narrow what they hold where there are few."""
    split = {name: found[name] for name in ("primarias", "secundarias")}
    return found | _pair(split)


def _check_form(candidates: pd.DataFrame, specs: dict[str, TableSpec]) -> None:
    unknown = sorted(set(candidates["tabla"]) - set(specs))
    if unknown:
        raise TableError("Se contó una tabla que el perfil no declara.")
    forms = candidates[["tabla", "dimension_1", "dimension_2", "medida"]].drop_duplicates()
    for form in forms.astype(object).where(forms.notna(), None).to_dict("records"):
        spec = specs[form["tabla"]]
        named = [d for d in (form["dimension_1"], form["dimension_2"]) if d is not None]
        if named != spec.dimensiones or form["medida"] not in spec.medidas:
            raise TableError(f"La tabla «{spec.id}» no tiene las variables o las medidas que declara el perfil.")


def _small_cells(reread: pa.Table, protected: tables.Protected) -> list[str]:
    """Published cells with fewer persons than their table needs: a recheck that shares nothing with `Lines`."""
    keys = ["tabla", "valor_1", "valor_2", "medida"]
    persons = protected.cells[[*keys, "personas"]]
    public = reread.select([*keys, "estado_celda"]).to_pandas().merge(persons, on=keys, how="left", validate="1:1")
    counted = public["tabla"].map(lambda t: protected.treatment[t]["umbral"] or 0)
    behind = public["medida"].map(
        {name: persons_behind(share, floors.TABLE_PERSONS) for name, share in QUANTILES.items()}
    )
    least = np.maximum(counted, behind.fillna(0))
    shown = public["estado_celda"] == tables.PUBLISHED
    small = shown & (public["personas"] > 0) & (public["personas"] < least)
    return [f"regla «umbral_tabla», {int(small.sum())} celdas"] if small.any() else []
