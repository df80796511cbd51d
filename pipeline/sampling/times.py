"""When synthetic petitions arrive and what becomes of them up to the cut-off.

What belongs here: reception, answers, transfers, extensions, states. What does not: impossible dates (`dirt`), and
the counting of terms (`terms`).
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from pipeline.sampling import odds
from pipeline.sampling.draws import BLANK, NO_DAY, Array, Columns, by_group, chance, one_of
from pipeline.sampling.people import codes_of, positions
from pipeline.sampling.terms import day_number

if TYPE_CHECKING:
    from pipeline.sampling.petitions import Draw

_CUSTOMARY_TERM = 15
_HOURS_OF_SCREENS = (2, 1, 1, 1, 1, 2, 4, 7, 10, 11, 11, 9, 7, 8, 9, 9, 8, 7, 7, 8, 8, 7, 5, 3)
_HOURS_OF_COUNTERS = (0, 0, 0, 0, 0, 0, 0, 1, 10, 14, 13, 9, 2, 4, 10, 9, 5, 1, 0, 0, 0, 0, 0, 0)


def draw_arrivals(draw: Draw, petitions: Columns) -> Columns:
    """Day and second of reception: counters work on working days, screens also at night and on Saturdays."""
    rng = draw.stream("tiempos")
    virtual = np.isin(petitions["canal"], positions(draw.profile, "canal", odds.VIRTUAL)).astype(np.int64)
    first_month = 6 * draw.semester.half - 5
    table = np.zeros((12, 31))
    starts = np.zeros(6, dtype=np.int32)
    for m in range(6):
        length = monthrange(draw.semester.year, first_month + m)[1]
        starts[m] = day_number(date(draw.semester.year, first_month + m, 1))
        days = starts[m] + np.arange(length)
        working = draw.terms.is_working(days)
        weekday = (days + 3) % 7
        weekend = np.asarray([odds.WEEKEND.get(int(d), 0.3) for d in weekday])
        table[2 * m, :length] = working
        table[2 * m + 1, :length] = np.where(working, 1.0, weekend)
    month = petitions["mes"].astype(np.int64)
    day = starts[month] + by_group(rng, table, 2 * month + virtual)
    hour = by_group(rng, np.asarray([_HOURS_OF_COUNTERS, _HOURS_OF_SCREENS]), virtual)
    within = rng.integers(0, 3600, len(day))
    # Only the portal keeps seconds.
    portal = petitions["fuente"] == draw.sources.index("portal")
    second = hour.astype(np.int32) * 3600 + np.where(portal, within, within - within % 60)
    return {"recepcion_dia": day.astype(np.int32), "recepcion_seg": second.astype(np.int32)}


def draw_outcomes(draw: Draw, petitions: Columns) -> Columns:
    """Answer, transfer, extension, due date as the source declares it, state, denial and satisfaction."""
    rng = np.random.default_rng(draw.stream("tiempos").integers(0, 2**63))
    terms, day = draw.terms, petitions["recepcion_dia"]
    size = len(day)
    length, _ = terms.term(petitions["tipo"], day)
    has_term = length > 0
    length = np.where(has_term, length, _CUSTOMARY_TERM).astype(np.int64)
    offices = codes_of(draw.profile, "dependencia")
    office = petitions["dependencia"]
    transferred = has_term & chance(
        rng, np.asarray([odds.TRANSFERRED.get(c, odds.TRANSFERRED_OTHERWISE) for c in offices])[office], size
    )
    dated = petitions["fuente"] != draw.sources.index("ventanilla")
    extended = has_term & ~transferred & dated & chance(rng, odds.EXTENDED, size)
    extra = 1 + (rng.random(size) * length).astype(np.int64)

    # An extension is granted for no longer than the term itself, so it is never cut to the legal maximum.
    allowed = length + np.where(extended, extra, 0)
    in_time = 1 + (rng.beta(2.0, 1.7, size) * allowed).astype(np.int64)
    late = chance(rng, np.asarray([odds.LATE.get(c, odds.LATE_OTHERWISE) for c in offices])[office], size)
    lag = np.where(late, allowed + rng.geometric(0.12, size), np.minimum(in_time, allowed))
    answer = terms.after(day, lag)
    transfer = terms.after(day, np.where(chance(rng, 0.9, size), rng.integers(1, 6, size), rng.integers(6, 13, size)))
    answered = ~transferred & (answer <= terms.cutoff) & ~chance(rng, odds.NEVER_ANSWERED, size)
    transferred &= transfer <= terms.cutoff

    columns: Columns = {
        "respuesta_dia": np.where(answered, answer, NO_DAY).astype(np.int32),
        "respuesta_seg": (rng.integers(8 * 60, 17 * 60, size) * 60).astype(np.int32),
        "traslado_dia": np.where(transferred, transfer, NO_DAY).astype(np.int32),
        "prorroga_dia": np.where(extended, terms.after(day, length + extra), NO_DAY).astype(np.int32),
        # As seen in a real export: every due date is reception plus 21 calendar days, whatever the kind.
        "vencimiento_dia": np.where(chance(rng, 0.9, size), day + 21, NO_DAY).astype(np.int32),
    }
    # A petition that falls due on the cut-off itself is answered that day: no reading of the rule may differ there.
    due = terms.due(petitions | columns)
    edge = ~transferred & ~answered & (due == terms.cutoff) & has_term
    columns["respuesta_dia"][edge] = terms.cutoff
    answered |= edge
    columns["estado"] = _states(rng, draw, answered, transferred)
    _forget_answers(rng, draw, columns, has_term & answered & ~edge, day)
    access = np.isin(petitions["tipo"], positions(draw.profile, "tipo", ["informacion", "documentos"]))
    columns["negada"] = access & answered & chance(rng, odds.DENIED, size)
    portal = petitions["fuente"] == draw.sources.index("portal")
    mood = np.where(late, 1, 0)
    score = 1 + by_group(rng, np.asarray([(0.08, 0.10, 0.18, 0.34, 0.30), (0.34, 0.26, 0.2, 0.13, 0.07)]), mood)
    told = portal & answered & chance(rng, 0.3, size)
    columns["satisfaccion"] = np.where(told, score, BLANK).astype(np.int8)
    return columns


def _states(rng: np.random.Generator, draw: Draw, answered: Array, transferred: Array) -> Array:
    size = len(answered)
    closed = positions(draw.profile, "estado", ["respondida", "cerrada", "archivada", "desistida", "reabierta"])
    open_ = positions(draw.profile, "estado", ["en_tramite", "radicada", "incompleta"])
    state = np.where(
        answered,
        closed[one_of(rng, (0.8, 0.14, 0.03, 0.02, 0.01), size)],
        open_[one_of(rng, (0.8, 0.15, 0.05), size)],
    )
    state = np.where(transferred, draw.code("estado", "trasladada"), state)
    return np.where(answered & chance(rng, 0.004, size), BLANK, state).astype(np.int8)


def _forget_answers(rng: np.random.Generator, draw: Draw, columns: Columns, rows: Array, day: Array) -> None:
    """Answered petitions whose answer date is missing, or earlier than reception: nobody can say if they were late."""
    size = len(day)
    said = np.isin(columns["estado"], positions(draw.profile, "estado", ["respondida", "cerrada"]))
    missing = rows & said & chance(rng, 0.012, size)
    columns["respuesta_dia"][missing] = NO_DAY
    before = rows & ~missing & chance(rng, 0.004, size)
    columns["respuesta_dia"][before] = (day - rng.integers(1, 20, size))[before]
