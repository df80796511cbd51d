"""What becomes of each row: rejected, duplicated, merged into another, or the petition itself.

What belongs here: the order of the destinies and the merge of rows that are one petition. What does not: the row rules
(`pipeline.records.rules`) and what a petition then is (`persons`, `timeliness`).
"""

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from pipeline.contract import Rule
from pipeline.records.engine import Scratch
from pipeline.records.rules import first_broken, rule_names
from pipeline.records.timeliness import as_of

CONTRADICTION = ("radicado_contradictorio", "radicado")
_WHOLE_ROW = "fila"
_JUDGED_ONLY = ("huella", "correo", "telefono", "oportunidad_fuente")
_PLACE = ("periodo", "fuente", "mecanismo", "archivo", "fila", "orden")


@dataclass(frozen=True)
class Destinies:
    """`rows`: every row with `destino`, `regla` and `columna`; `petitions`: the accepted ones, merged."""

    rows: ir.Table
    petitions: ir.Table


def decide(scratch: Scratch, typed: ir.Table, rules: list[Rule], cutoff: date) -> Destinies:
    """The destiny of every typed row: reading defect, exact copy, broken rule, contradiction, merge, acceptance.

    Rows are judged by what they say and merged by what of it had happened at the cut-off.
    """
    copies = ibis.row_number().over(group_by=[typed.huella, typed.defecto_lectura.isnull()], order_by=typed.orden)
    judged = typed.mutate(posicion=first_broken(typed, rules), copia=typed.defecto_lectura.isnull() & (copies > 0))
    used_up = [name for name in judged.columns if name.endswith("_texto") or name in _JUDGED_ONLY]
    rows = scratch.keep("filas", as_of(judged.drop(*used_up), cutoff))
    scratch.drop("tipadas")

    alive = rows.filter(rows.defecto_lectura.isnull(), ~rows.copia, rows.posicion.isnull())
    groups = _groups(scratch, alive)
    joined = rows.left_join(groups, rows.orden == groups.orden)
    names = scratch.lookup("reglas", rule_names(rules))
    joined = joined.left_join(names, rows.posicion == names.posicion)
    contradicts = groups.contradice.fill_null(False)
    cases = [
        (rows.defecto_lectura.notnull(), "rechazada", rows.defecto_lectura, ibis.literal(_WHOLE_ROW)),
        (rows.copia, "duplicada", ibis.literal(""), ibis.literal("")),
        (rows.posicion.notnull(), "rechazada", names.regla, names.columna),
        (contradicts, "rechazada", ibis.literal(CONTRADICTION[0]), ibis.literal(CONTRADICTION[1])),
        (rows.orden != groups.primera, "fusionada", ibis.literal(""), ibis.literal("")),
    ]
    destinies = joined.select(
        **{name: rows[name] for name in ("periodo", "fuente", "archivo", "fila", "orden")},
        destino=ibis.cases(*[(when, destiny) for when, destiny, _, _ in cases], else_="aceptada"),
        regla=ibis.cases(*[(when, rule) for when, _, rule, _ in cases], else_=""),
        columna=ibis.cases(*[(when, column) for when, _, _, column in cases], else_=""),
    )
    return Destinies(scratch.keep("destinos", destinies), _merged(scratch, alive, groups))


def _groups(scratch: Scratch, alive: ir.Table) -> ir.Table:
    """The rows that share a radicado: `primera` of their group, how many, whether they contradict each other."""
    day = alive.fecha_recepcion.date()
    several = (
        alive.group_by("radicado")
        .aggregate(
            filas=alive.count(),
            primera=alive.orden.min(),
            contradice=(day.min() != day.max()) | (alive.documento.min() != alive.documento.max()).fill_null(False),
        )
        .filter(lambda t: t.filas > 1)
    )
    return scratch.keep(
        "grupos",
        alive.join(several, "radicado").select(alive.orden, several.primera, several.filas, several.contradice),
    )


def _merged(scratch: Scratch, alive: ir.Table, groups: ir.Table) -> ir.Table:
    """One row per petition, with `filas_fusionadas`.

    A merged petition takes the first value that is there, by file and row, but the latest answer and the state that
    came with it.
    """
    alone = alive.anti_join(groups, "orden").mutate(filas_fusionadas=ibis.literal(0, "int64"))
    shared = alive.join(groups.filter(~groups.contradice), "orden")
    fields = [name for name in alone.columns if name not in (*_PLACE, "radicado", "filas_fusionadas")]
    first = {name: shared[name].first(order_by=shared.orden) for name in (*_PLACE, *fields)}
    latest = shared.estado.first(
        where=shared.fecha_respuesta.notnull(), order_by=[shared.fecha_respuesta.desc(), shared.orden]
    )
    together = shared.group_by("radicado").aggregate(
        **first
        | {
            "fecha_respuesta": shared.fecha_respuesta.max(),
            "estado": ibis.coalesce(latest, first["estado"]),
            "filas_fusionadas": shared.count() - 1,
        }
    )
    return scratch.keep("unidas", ibis.union(alone, together.select(*alone.columns), distinct=False))
