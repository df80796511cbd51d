"""Whether each petition was answered in time, as of the semester's cut-off.

What belongs here: due date, working days to the answer, oportunidad. What does not: the terms and the calendar
(`pipeline.records.terms`, `pipeline.records.calendar`), and anything after the cut-off: it is not known yet.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from pipeline.periods import Semester
from pipeline.profile import Profile
from pipeline.records import calendar, terms
from pipeline.records.engine import Scratch

_CLOSED = ("respondida", "cerrada", "archivada", "desistida", "trasladada")
_UNDER_WAY = "en_tramite"
_MIDNIGHT = 24


def as_of(rows: ir.Table, cutoff: date) -> ir.Table:
    """The rows as they stood at the cut-off: later answers and transfers, and the states they led to, are undone."""
    later_answer = (rows.fecha_respuesta.date() > cutoff).fill_null(False)
    later_transfer = (rows.fecha_traslado.date() > cutoff).fill_null(False)
    undone = (later_answer | later_transfer) & rows.estado.isin(_CLOSED)
    return rows.mutate(
        fecha_respuesta=ibis.ifelse(later_answer, ibis.null("timestamp"), rows.fecha_respuesta),
        fecha_traslado=ibis.ifelse(later_transfer, ibis.null("timestamp"), rows.fecha_traslado),
        estado=ibis.ifelse(undone.fill_null(False), ibis.literal(_UNDER_WAY), rows.estado),
    )


def timed(scratch: Scratch, petitions: ir.Table, profile: Profile, semester: Semester) -> ir.Table:
    """The petitions with rule, term, due date, working days to the answer and oportunidad."""
    cutoff = calendar.cutoff(profile, semester)
    days = calendar.around(profile, semester)
    frozen = scratch.lookup("calendario", days.table())
    due = scratch.lookup("vencimientos", terms.due_dates(profile, semester, days))
    transfers = scratch.lookup("traslados", terms.transfer_due_dates(profile, semester, days))

    p = petitions.mutate(
        dia=_day_received(petitions.fecha_recepcion, profile.calendario.hora_cierre),
        dia_respuesta=petitions.fecha_respuesta.date(),
        dia_traslado=petitions.fecha_traslado.date(),
    )
    received = frozen.select(recibida=frozen.fecha, habiles_recibida=frozen.habiles_recibida)
    answered = frozen.select(respondida=frozen.fecha, habiles_respuesta=frozen.habiles)
    due = due.rename(tipo_con_termino="tipo", dia_termino="dia")
    transfers = transfers.rename(dia_para_traslado="dia")
    p = (
        p.left_join(due, [p.tipo == due.tipo_con_termino, p.dia == due.dia_termino])
        .left_join(transfers, p.dia == transfers.dia_para_traslado)
        .left_join(received, p.dia == received.recibida)
        .left_join(answered, p.dia_respuesta == answered.respondida)
        .select(p, due, transfers, received, answered)
    )
    p = _with_term(p)
    return p.mutate(
        dias_respuesta=ibis.ifelse(
            p.dia_respuesta >= p.fecha_recepcion.date(),
            ibis.greatest(p.habiles_respuesta - p.habiles_recibida, 0),
            ibis.null("int64"),
        ),
        oportunidad=_timeliness(p, profile, cutoff),
    )


def _day_received(moment: ir.TimestampValue, closing_hour: int) -> ir.DateValue:
    """The day of reception; from the closing hour on, the next."""
    if closing_hour >= _MIDNIGHT:
        return moment.date()
    return ibis.ifelse(moment.hour() >= closing_hour, moment + ibis.interval(days=1), moment).date()


def _with_term(p: ir.Table) -> ir.Table:
    """Rule, length and due date: of the transfer where there was one, else of the type, extended up to its double."""
    transferred = p.dia_traslado.notnull()
    reached = p.en_curso_desde.notnull() & (p.dia_respuesta.isnull() | (p.dia_respuesta >= p.en_curso_desde))
    due = ibis.ifelse(reached, p.en_curso_vence, p.vence)
    limit = ibis.ifelse(reached, p.en_curso_vence_doble, p.vence_doble)
    extension = p.prorroga_hasta.date()
    extended = ibis.ifelse(extension.isnull(), due, ibis.greatest(due, ibis.least(extension, limit)))

    def chosen(of_transfer: str, under_way: str, ordinary: str) -> ir.Value:
        return ibis.ifelse(transferred, p[of_transfer], ibis.ifelse(reached, p[under_way], p[ordinary]))

    return p.mutate(
        regla_termino=chosen("traslado_regla", "en_curso_regla", "regla"),
        termino_dias=chosen("traslado_dias", "en_curso_dias", "dias"),
        fecha_vencimiento=ibis.ifelse(transferred, p.traslado_vence, extended),
        cierre=ibis.ifelse(transferred, p.dia_traslado, p.dia_respuesta),
    )


def _timeliness(p: ir.Table, profile: Profile, cutoff: date) -> ir.StringValue:
    """Oportunidad: `no_evaluable` wherever the source does not say what it would take to know."""
    tells_answers = [s.id for s in profile.fuentes if "fecha_respuesta" in s.columnas]
    untold = p.dia_traslado.isnull() & p.fuente.notin(tells_answers)
    return ibis.cases(
        (p.tipo_con_termino.isnull() & p.dia_traslado.isnull(), "no_aplica"),
        (untold | p.fecha_vencimiento.isnull(), "no_evaluable"),
        (p.cierre < p.fecha_recepcion.date(), "no_evaluable"),
        (p.cierre <= p.fecha_vencimiento, "en_termino"),
        (p.cierre.notnull(), "fuera_termino"),
        (p.estado.isin(_CLOSED), "no_evaluable"),
        (p.fecha_vencimiento >= cutoff, "pendiente_en_termino"),
        else_="pendiente_vencida",
    )
