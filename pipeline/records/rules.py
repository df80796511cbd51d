"""The row rules, in the order in which the first one that a row breaks is reported.

What belongs here: the order, and the rules about text that did not become a type. What does not: types, codes and
ranges, which the petition's contract states and which are taken from it.
"""

from datetime import date

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from pipeline.contract import Contract, Rule
from pipeline.periods import Semester
from pipeline.profile import Profile
from pipeline.records.typed import DATES, WHOLE_NUMBERS

_ORDER = (
    "radicado",
    *DATES,
    *("canal", "dependencia", "tema", "estado", "comuna", "persona_tipo", "calidad_peticionario", "documento_tipo"),
    *("sexo", "escolaridad", "estrato", "grupo_etnico", "discapacidad", "victima"),
    *WHOLE_NUMBERS,
)
_RANGE = ("menor_que_el_minimo", "mayor_que_el_maximo")


def row_rules(petitions: Contract, profile: Profile, semester: Semester, cutoff: date) -> list[Rule]:
    """Every rule a typed row must keep, first things first; `petitions` is bound to the profile's lists."""
    by_column: dict[str, list[Rule]] = {name: [] for name in _ORDER}
    for rule in petitions.rules():
        # a blank code has a code of its own, so it breaks nothing
        if rule.column in by_column and not (rule.name == "obligatorio" and petitions[rule.column].codes):
            by_column[rule.column].append(_reported(rule))
    documents = profile.codes["documento_tipo"]
    by_column["documento_tipo"].append(
        Rule("codigo_desconocido", "documento_tipo", lambda t: t.documento_tipo.notin(documents))
    )
    for name in DATES:
        by_column[name].insert(0, _untyped("fecha_no_valida", name))
    for name in WHOLE_NUMBERS:
        by_column[name].insert(0, _untyped("forma_no_valida", name))
    by_column["fecha_recepcion"] += [
        Rule("fecha_futura", "fecha_recepcion", lambda t: t.fecha_recepcion.date() > cutoff),
        Rule(
            "fuera_de_periodo",
            "fecha_recepcion",
            lambda t: (t.fecha_recepcion.date() < semester.start) | (t.fecha_recepcion.date() > semester.end),
        ),
    ]
    return [rule for name in _ORDER for rule in by_column[name]]


def first_broken(rows: ir.Table, rules: list[Rule]) -> ir.IntegerValue:
    """The position of the first rule that each row breaks; null where it keeps them all."""
    broken = [(rule.breaks(rows).fill_null(False), ibis.literal(i, "int64")) for i, rule in enumerate(rules)]
    return ibis.cases(*broken, else_=ibis.null("int64"))


def rule_names(rules: list[Rule]) -> pa.Table:
    """Position, name and column of each rule, to join what `first_broken` found."""
    return pa.table(
        {
            "posicion": pa.array(range(len(rules)), pa.int64()),
            "regla": pa.array([rule.name for rule in rules], pa.string()),
            "columna": pa.array([rule.column for rule in rules], pa.string()),
        }
    )


def _reported(rule: Rule) -> Rule:
    return Rule("fuera_de_rango", rule.column, rule.breaks) if rule.name in _RANGE else rule


def _untyped(name: str, column: str) -> Rule:
    return Rule(name, column, lambda t: t[f"{column}_texto"].notnull() & t[column].isnull())
