"""Whether each petition was answered in time, as of the semester's cut-off.

What belongs here: due date, working days to the answer, oportunidad and why it cannot be told. What does not: the terms
and the calendar (`pipeline.records.terms`, `pipeline.records.calendar`), and anything after the cut-off: it is not
known yet.
"""

from datetime import date

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from pipeline.periods import Semester
from pipeline.profile import Profile
from pipeline.records import calendar, terms
from pipeline.records.engine import Scratch

CLOSED = ("respondida", "cerrada", "archivada", "desistida", "trasladada")
_UNDER_WAY = "en_tramite"
_MIDNIGHT = 24
_TO_ASK = 10
"""Working days to ask for what a petition lacks (Ley 1755/2015 art. 14, which gives the new art. 17 of the CPACA)."""


def as_of(rows: ir.Table, cutoff: date) -> ir.Table:
    """The rows as they stood at the cut-off: later answers and transfers, and the states they led to, are undone."""
    later = {
        name: (rows[name].date() > cutoff).fill_null(False)
        for name in ("fecha_respuesta", "fecha_traslado", "fecha_requerimiento", "fecha_completada")
    }
    undone = (later["fecha_respuesta"] | later["fecha_traslado"]) & rows.estado.isin(CLOSED)
    return rows.mutate(
        **{name: ibis.ifelse(when, ibis.null("timestamp"), rows[name]) for name, when in later.items()},
        estado=ibis.ifelse(undone.fill_null(False), ibis.literal(_UNDER_WAY), rows.estado),
        estado_fuente=rows.estado,
    )


def timed(scratch: Scratch, petitions: ir.Table, profile: Profile, semester: Semester) -> ir.Table:
    """The petitions with rule, term, due date, working days to the answer, oportunidad and why there is none."""
    cutoff = calendar.cutoff(profile, semester)
    days = calendar.around(profile, semester)
    frozen = scratch.lookup("dias", days.table())
    due = scratch.lookup("vencimientos", terms.due_dates(profile, semester, days))
    transfers = scratch.lookup("traslados", terms.transfer_due_dates(profile, semester, days))

    p = petitions.mutate(
        dia=_day_received(petitions.fecha_recepcion, profile.calendario.hora_cierre),
        dia_respuesta=petitions.fecha_respuesta.date(),
        dia_traslado=petitions.fecha_traslado.date(),
        dia_requerimiento=petitions.fecha_requerimiento.date(),
        dia_completada=petitions.fecha_completada.date(),
        calidad_con_termino=_quality(petitions, profile),
    )
    received = frozen.select(recibida=frozen.fecha, habiles_recibida=frozen.habiles_recibida)
    answered = frozen.select(respondida=frozen.fecha, habiles_respuesta=frozen.habiles)
    asked = frozen.select(requerida=frozen.fecha, habiles_requerimiento=frozen.habiles)
    completed = frozen.select(completa=frozen.fecha, habiles_completada=frozen.habiles_recibida)
    due = due.rename(tipo_con_termino="tipo", dia_termino="dia", calidad_termino="calidad")
    transfers = transfers.rename(dia_para_traslado="dia")
    of_type = [p.tipo == due.tipo_con_termino, p.dia == due.dia_termino, p.calidad_con_termino == due.calidad_termino]
    p = (
        p.left_join(due, of_type)
        .left_join(transfers, p.dia == transfers.dia_para_traslado)
        .left_join(received, p.dia == received.recibida)
        .left_join(answered, p.dia_respuesta == answered.respondida)
        .left_join(asked, p.dia_requerimiento == asked.requerida)
        .left_join(completed, p.dia_completada == completed.completa)
        .select(p, due, transfers, received, answered, asked, completed)
    )
    p = _with_term(_reactivated(_under_way(p), scratch, days))
    motive = _untold(p, profile, cutoff)
    p = p.mutate(
        dias_respuesta=ibis.ifelse(
            p.dia_respuesta >= p.fecha_recepcion.date(),
            ibis.greatest(p.habiles_respuesta - p.habiles_recibida, 0),
            ibis.null("int64"),
        ),
        oportunidad=_timeliness(p, motive, cutoff),
    )
    evaluable = p.oportunidad != "no_evaluable"
    return p.mutate(motivo_no_evaluable=ibis.ifelse(evaluable, ibis.null("string"), motive))


def _quality(petitions: ir.Table, profile: Profile) -> ir.StringValue:
    """The petitioner's quality where the type has a term of its own for it."""
    own = [
        ((petitions.tipo == kind) & (petitions.calidad_peticionario == quality), ibis.literal(quality))
        for kind, quality in terms.by_quality(profile)
    ]
    return ibis.cases(*own, else_=terms.ANYBODY) if own else ibis.literal(terms.ANYBODY)


def _day_received(moment: ir.TimestampValue, closing_hour: int) -> ir.DateValue:
    """The day of reception; from the closing hour on, the next."""
    if closing_hour >= _MIDNIGHT:
        return moment.date()
    return ibis.ifelse(moment.hour() >= closing_hour, moment + ibis.interval(days=1), moment).date()


def _under_way(p: ir.Table) -> ir.Table:
    """The term that counts: the one that reached the petition while under way, or the one of its day of reception."""
    reached = p.en_curso_desde.notnull() & (p.dia_respuesta.isnull() | (p.dia_respuesta >= p.en_curso_desde))
    return p.mutate(
        regla_propia=ibis.ifelse(reached, p.en_curso_regla, p.regla),
        dias_propios=ibis.ifelse(reached, p.en_curso_dias, p.dias),
        vence_propio=ibis.ifelse(reached, p.en_curso_vence, p.vence),
        vence_propio_doble=ibis.ifelse(reached, p.en_curso_vence_doble, p.vence_doble),
    )


def _reactivated(p: ir.Table, scratch: Scratch, days: calendar.WorkingDays) -> ir.Table:
    """Incomplete petitions: their term stops on the day they were asked to complete it and goes on when they did.

    CPACA art. 17: asked within ten working days, completed within a month; days already consumed are not given back.
    A later request stops nothing.
    """
    consumed = ibis.greatest(p.habiles_requerimiento - p.habiles_recibida, 0)
    asked = (p.dia_requerimiento >= p.dia) & (p.habiles_requerimiento - p.habiles_recibida <= _TO_ASK)
    limit = (p.fecha_requerimiento.truncate("D") + ibis.interval(months=1)).date()
    completed = asked & (p.dia_completada >= p.dia_requerimiento) & (p.dia_completada <= limit)
    p = p.mutate(requerida_a_tiempo=asked.fill_null(False), completada_a_tiempo=completed.fill_null(False), plazo=limit)
    working = p.completada_a_tiempo & (p.unidad == "habiles")
    first = p.habiles_completada - consumed
    p = p.mutate(
        numero=ibis.ifelse(working, first + p.dias_propios, ibis.null("int64")),
        numero_doble=ibis.ifelse(working, first + 2 * p.dias_propios, ibis.null("int64")),
        parada=ibis.ifelse(
            p.completada_a_tiempo & (p.unidad == "calendario"),
            p.dia_completada.delta(p.dia_requerimiento, unit="day"),
            ibis.null("int64"),
        ),
    )
    by_number = scratch.lookup("numerados", pa.table({"n": list(range(1, days.count + 1)), "dia_n": days.working}))
    once = by_number.select(n_vence=by_number.n, dia_vence=by_number.dia_n)
    twice = by_number.select(n_doble=by_number.n, dia_doble=by_number.dia_n)
    p = (
        p.left_join(once, p.numero == once.n_vence)
        .left_join(twice, p.numero_doble == twice.n_doble)
        .select(p, once, twice)
    )
    return p.mutate(
        vence_propio=ibis.coalesce(p.dia_vence, _later(p.vence_propio, p.parada), p.vence_propio),
        vence_propio_doble=ibis.coalesce(p.dia_doble, _later(p.vence_propio_doble, p.parada), p.vence_propio_doble),
    )


def _later(day: ir.DateValue, by: ir.IntegerValue) -> ir.DateValue:
    return (day.cast("timestamp") + by.as_interval("D")).date()


def _with_term(p: ir.Table) -> ir.Table:
    """Rule, length and due date: of the transfer where there was one, else of the type, extended up to its double."""
    transferred = p.dia_traslado.notnull()
    extension = p.prorroga_hasta.date()
    due, limit = p.vence_propio, p.vence_propio_doble
    extended = ibis.ifelse(extension.isnull(), due, ibis.greatest(due, ibis.least(extension, limit)))
    hours = (p.unidad == "horas").fill_null(False)
    by_hour = p.fecha_recepcion + p.dias_propios.as_interval("h")
    own = ibis.ifelse(hours, by_hour.date(), extended)
    return p.mutate(
        regla_termino=ibis.ifelse(transferred, p.traslado_regla, p.regla_propia),
        termino_dias=ibis.ifelse(transferred, p.traslado_dias, ibis.ifelse(hours, ibis.null("int64"), p.dias_propios)),
        fecha_vencimiento=ibis.ifelse(transferred, p.traslado_vence, own),
        cierre=ibis.ifelse(transferred, p.dia_traslado, p.dia_respuesta),
        a_la_hora=ibis.ifelse(hours & ~transferred, p.fecha_respuesta <= by_hour, ibis.null("boolean")),
    )


def _untold(p: ir.Table, profile: Profile, cutoff: date) -> ir.StringValue:
    """Why the source does not say what it would take to know the oportunidad; null where it does."""
    tells_answers = [s.id for s in profile.fuentes if "fecha_respuesta" in s.columnas]
    silent = p.dia_traslado.isnull() & p.fuente.notin(tells_answers)
    impossible = (p.cierre < p.fecha_recepcion.date()) | (p.fecha_respuesta < p.fecha_recepcion).fill_null(False) & (
        p.a_la_hora.notnull()
    )
    abandoned = p.requerida_a_tiempo & ~p.completada_a_tiempo & (p.plazo < cutoff)
    return ibis.cases(
        (silent, "la_fuente_no_dice_respuestas"),
        (p.fecha_vencimiento.isnull(), "sin_termino_vigente"),
        (impossible.fill_null(False), "orden_imposible"),
        (p.cierre.isnull() & abandoned.fill_null(False), "requerimiento_sin_completar"),
        (p.cierre.isnull() & p.estado.isin(CLOSED).fill_null(False), "cerrada_sin_fecha"),
        else_=ibis.null("string"),
    )


def _timeliness(p: ir.Table, motive: ir.StringValue, cutoff: date) -> ir.StringValue:
    """Oportunidad: `no_evaluable` wherever there is a motive for it."""
    stopped = p.requerida_a_tiempo & ~p.completada_a_tiempo
    return ibis.cases(
        (p.tipo_con_termino.isnull() & p.dia_traslado.isnull(), "no_aplica"),
        (motive.notnull(), "no_evaluable"),
        (p.a_la_hora.fill_null(False), "en_termino"),
        (p.a_la_hora.isnull() & (p.cierre <= p.fecha_vencimiento), "en_termino"),
        (p.cierre.notnull(), "fuera_termino"),
        ((p.fecha_vencimiento >= cutoff) | stopped, "pendiente_en_termino"),
        else_="pendiente_vencida",
    )
