"""What is strange about rows and petitions without being reason enough to reject them: flagged, never repaired.

What belongs here: evidence that day and month were exchanged, impossible orders, disagreement with the source's own
due date and state, reiteration, one person under two documents. What does not: rejection (`rules`, `destinies`).
An alert names row, column and evidence; it carries no value.
"""

from datetime import date
from functools import reduce

import ibis
import ibis.expr.types as ir

from pipeline.periods import Semester
from pipeline.profile import Profile
from pipeline.records.engine import Scratch
from pipeline.records.timeliness import CLOSED
from pipeline.records.typed import by_form, forms
from pipeline.sources import Source
from pipeline.spelling import folded

EXCHANGED = "dia_y_mes_posiblemente_intercambiados"
_DATES = ("fecha_recepcion", "fecha_respuesta", "fecha_traslado")
_PLACE = ("periodo", "fuente", "archivo", "fila")
_LAST_MONTH = 12
_ENOUGH = 30
"""Dates of one file from which their distribution says something."""

_MONTHS_OF_A_SEMESTER = 6
_SHARE_READ_BACKWARDS = 0.02
_REITERATED_WITHIN = 90
"""Days in which a petition of the same person about the same subject counts as reiterating the earlier one."""


def of_rows(scratch: Scratch, typed: ir.Table, files: ir.Table, profile: Profile, semester: Semester) -> ir.Table:
    """The alerts of typed rows: `orden`, place, `alerta`, `columna`, `evidencia`; computed now.

    `files` are the period's `archivos_leidos`: only a date of extraction in a file's name counts as evidence.
    """
    dated = files.filter(files.extraido_segun == "nombre").select("archivo", extraccion=files.extraido_en.date())
    texts = [f"{name}_texto" for name in _DATES]
    more = ("fecha_requerimiento", "fecha_completada")
    rows = typed.filter(typed.defecto_lectura.isnull())
    rows = rows.select(
        *("orden", *_PLACE, "radicado", *_DATES, *more, *texts),
        **{f"{name}_al_reves": exchanged(rows[name]) for name in _DATES},
    )
    rows = rows.left_join(dated, "archivo").drop("archivo_right")
    rows = scratch.keep("fechas", rows)
    found = [
        *_orders(rows.filter(rows.fecha_recepcion.date().between(semester.start, semester.end))),
        *_exchanges_in_a_row(rows, semester.start, semester.end),
        _exchanges_between_sources(rows),
        *[_exchanges_in_a_file(rows, name, profile) for name in _DATES],
    ]
    return scratch.keep("alertas_filas", ibis.union(*found, distinct=True))


def exchanged(moment: ir.TimestampValue) -> ir.TimestampValue:
    """The moment with day and month exchanged; null where that is no other date."""
    other = ibis.timestamp(moment.year(), moment.day(), moment.month(), moment.hour(), moment.minute(), moment.second())
    return ibis.ifelse((moment.day() <= _LAST_MONTH) & (moment.day() != moment.month()), other, ibis.null("timestamp"))


def _alert(rows: ir.Table, when: ir.BooleanValue, alert: str, column: str, evidence: str = "") -> ir.Table:
    named = {"alerta": alert, "columna": column, "evidencia": evidence}
    literals = {name: ibis.literal(text) for name, text in named.items()}
    return rows.filter(when.fill_null(False)).select("orden", *_PLACE, **literals)


def _orders(rows: ir.Table) -> list[ir.Table]:
    received, answered = rows.fecha_recepcion, rows.fecha_respuesta
    by_hour = (answered < received) & ((answered.date() < received.date()) | _has_hour(answered))
    return [
        _alert(rows, by_hour, "respuesta_antes_de_recepcion", "fecha_respuesta"),
        _alert(rows, (answered == received) & _has_hour(answered), "respuesta_en_el_mismo_segundo", "fecha_respuesta"),
        _alert(rows, rows.fecha_traslado.date() < received.date(), "traslado_antes_de_recepcion", "fecha_traslado"),
        _alert(
            rows,
            rows.fecha_completada.date() < rows.fecha_requerimiento.date(),
            "completada_antes_de_requerida",
            "fecha_completada",
        ),
    ]


def _has_hour(moment: ir.TimestampValue) -> ir.BooleanValue:
    """A date that says no hour stands at midnight, and its order within the day is not known."""
    return moment != moment.truncate("D")


def _exchanges_in_a_row(rows: ir.Table, start: date, end: date) -> list[ir.Table]:
    received, answered = rows.fecha_recepcion, rows.fecha_respuesta
    received_back, answered_back = rows.fecha_recepcion_al_reves, rows.fecha_respuesta_al_reves
    outside = ~received.date().between(start, end) & received_back.date().between(start, end)
    early = answered.date() < received.date()
    found = [_alert(rows, outside, EXCHANGED, "fecha_recepcion", "fuera_de_periodo")]
    for column, mended in (
        ("fecha_respuesta", answered_back.date() >= received.date()),
        ("fecha_recepcion", received_back.date() <= answered.date()),
    ):
        found.append(_alert(rows, early & mended, EXCHANGED, column, "respuesta_antes_de_recepcion"))
    for name in _DATES:
        after = (rows[name].date() > rows.extraccion) & (rows[f"{name}_al_reves"].date() <= rows.extraccion)
        found.append(_alert(rows, after, EXCHANGED, name, "posterior_a_la_extraccion"))
    return found


def _exchanges_between_sources(rows: ir.Table) -> ir.Table:
    """Two rows of one radicado whose days of reception are each other's with day and month exchanged."""
    known = rows.filter(rows.radicado.notnull(), rows.fecha_recepcion_al_reves.notnull())
    other = known.select(el_mismo=known.radicado, otro_dia=known.fecha_recepcion.date()).distinct()
    both = known.semi_join(
        other, [known.radicado == other.el_mismo, known.fecha_recepcion_al_reves.date() == other.otro_dia]
    )
    return _alert(both, ibis.literal(True), EXCHANGED, "fecha_recepcion", "segunda_fuente")


def _exchanges_in_a_file(rows: ir.Table, name: str, profile: Profile) -> ir.Table:
    """The ambiguous dates of a file whose dates, as a whole, cannot be in the declared order.

    Either a part of its texts is a date only when read backwards, or no day passes the 12th while the months pass
    what a semester has.
    """
    backwards = ibis.cases(
        *[(rows.fuente == s.id, _only_backwards(rows, name, s)) for s in profile.fuentes], else_=False
    )
    moment = rows[name]
    several = rows.mutate(al_reves=backwards).group_by("archivo").aggregate(
        fechas=moment.count(),
        al_reves=ibis._.al_reves.sum().fill_null(0),
        mayor_dia=moment.day().max(),
        meses=moment.month().nunique(),
    )  # fmt: skip
    mixed = (several.al_reves >= _SHARE_READ_BACKWARDS * (several.fechas + several.al_reves)) & (several.al_reves > 0)
    folded_up = (several.mayor_dia <= _LAST_MONTH) & (several.meses > _MONTHS_OF_A_SEMESTER)
    doubtful = several.filter((several.fechas >= _ENOUGH) & (mixed | folded_up))
    ambiguous = rows.filter(rows[f"{name}_al_reves"].notnull()).semi_join(doubtful, "archivo")
    return _alert(ambiguous, ibis.literal(True), EXCHANGED, name, "distribucion_del_archivo")


def _only_backwards(rows: ir.Table, name: str, source: Source) -> ir.BooleanValue:
    """Whether a text is no date in any declared form but is one with day and month exchanged in it."""
    turned = [
        form.replace("%d", "%%").replace("%m", "%d").replace("%%", "%m")
        for form in forms(source)
        if "%d" in form and "%m" in form
    ]
    if not turned:
        return ibis.literal(False)
    read = ibis.coalesce(*[by_form(rows[f"{name}_texto"], form) for form in turned])
    return rows[name].isnull() & read.notnull()


def of_petitions(scratch: Scratch, petitions: ir.Table, rows: ir.Table) -> ir.Table:
    """The alerts of accepted petitions; `rows` carries what was typed of them before the cut-off was applied."""
    said = rows.select(
        *("orden", "archivo", "fila", "nombre", "correo", "telefono"),
        contada=rows.estado,
        dicha=rows.oportunidad_fuente,
        contestada=rows.fecha_respuesta,
    )
    compared = petitions.select(
        *(*_PLACE, "tema", "persona_clave", "fecha_recepcion", "trasladada", "oportunidad"),
        *("fecha_vencimiento", "fecha_vencimiento_fuente"),
    )
    told = scratch.keep("contadas", compared.join(said, ["archivo", "fila"]))
    source_due = told.fecha_vencimiento_fuente
    late = told.dicha.lower()
    on_time = told.oportunidad.isin(("en_termino", "pendiente_en_termino"))
    overdue = told.oportunidad.isin(("fuera_termino", "pendiente_vencida"))
    closed = told.contada.isin(CLOSED)
    found = [
        _alert(
            told,
            source_due.notnull() & (source_due != told.fecha_vencimiento),
            "vencimiento_distinto_al_de_la_fuente",
            "fecha_vencimiento",
        ),
        _alert(
            told,
            (closed & told.contestada.isnull() & ~told.trasladada) | (~closed & told.contestada.notnull()),
            "estado_contradice_las_fechas",
            "estado",
        ),
        _alert(
            told,
            (on_time & (late == "vencida")) | (overdue & (late == "a_tiempo")),
            "oportunidad_distinta_a_la_de_la_fuente",
            "oportunidad",
        ),
        _reiterated(told),
        _two_documents(scratch, told),
    ]
    return reduce(lambda one, other: one.union(other), found)


def _reiterated(petitions: ir.Table) -> ir.Table:
    """A new petition of the same person about the same subject, within `_REITERATED_WITHIN` days of the earlier one."""
    known = petitions.filter(petitions.persona_clave.notnull(), petitions.tema.notin(("sin_dato", "otro")))
    before = known.fecha_recepcion.lag().over(
        group_by=[known.persona_clave, known.tema], order_by=[known.fecha_recepcion, known.orden]
    )
    known = known.mutate(anterior=before)
    soon = known.fecha_recepcion.date().delta(known.anterior.date(), unit="day") <= _REITERATED_WITHIN
    return _alert(known, known.anterior.notnull() & soon, "reiteracion", "tema")


def _two_documents(scratch: Scratch, petitions: ir.Table) -> ir.Table:
    """Petitions of one name with one mail or telephone but several documents: one person may be counted twice."""
    doubled = []
    for contact in ("correo", "telefono"):
        named = petitions.filter(petitions.persona_clave.notnull(), petitions.nombre.notnull())
        named = named.mutate(contacto=named[contact].lower()).filter(lambda t: t.contacto.notnull())
        # few contacts are shared, and only their names are worth folding
        shared = named.group_by("contacto").aggregate(claves=named.persona_clave.nunique())
        who = named.semi_join(shared.filter(shared.claves > 1), "contacto")
        who = who.select("orden", "contacto", "persona_clave", plano=folded(who.nombre))
        who = scratch.keep(f"contactos_{contact}", who)
        several = who.group_by("contacto", "plano").aggregate(claves=who.persona_clave.nunique())
        doubled.append(who.semi_join(several.filter(several.claves > 1), ["contacto", "plano"]).select("orden"))
    both = doubled[0].union(doubled[1], distinct=True)
    found = petitions.semi_join(both, "orden")
    return _alert(found, ibis.literal(True), "una_persona_con_varios_documentos", "documento")
