"""Which legal term a petition has and when it falls due, as a table by type and day of reception.

What belongs here: the validity of terms, petitions under way when a term changed, transfers, extensions' limit. What
does not: whether a petition was answered in time (`pipeline.records.timeliness`). Terms are the profile's data
(`terminos.csv`): Ley 1755/2015 arts. 14, 21 and 30, Decreto 491/2020 art. 5, Ley 2207/2022.
"""

from datetime import date, timedelta
from itertools import pairwise

import pyarrow as pa

from pipeline.errors import ProfileError
from pipeline.periods import Semester
from pipeline.profile import Profile, Term
from pipeline.records.calendar import WorkingDays

_DUE = pa.schema(
    [
        ("tipo", pa.string()),
        ("calidad", pa.string()),
        ("dia", pa.date32()),
        ("regla", pa.string()),
        ("dias", pa.int64()),
        ("unidad", pa.string()),
        ("vence", pa.date32()),
        ("vence_doble", pa.date32()),
        ("en_curso_desde", pa.date32()),
        ("en_curso_regla", pa.string()),
        ("en_curso_dias", pa.int64()),
        ("en_curso_vence", pa.date32()),
        ("en_curso_vence_doble", pa.date32()),
    ]
)
_TRANSFER_DUE = pa.schema(
    [
        ("dia", pa.date32()),
        ("traslado_regla", pa.string()),
        ("traslado_dias", pa.int64()),
        ("traslado_vence", pa.date32()),
    ]
)


ANYBODY = ""
"""The quality of a term that does not depend on who asks."""


def by_quality(profile: Profile) -> list[tuple[str, str]]:
    """The types and qualities (`calidad_peticionario`) that have a term of their own."""
    return sorted({(t.tipo, t.calidad) for t in profile.terminos if t.calidad is not None})


def due_dates(profile: Profile, semester: Semester, days: WorkingDays) -> pa.Table:
    """One row for each type with a legal term, quality with one of its own, and day of reception.

    Types without any term have no row. A day that no validity covers gives nulls, and so does a term in hours for its
    days: it falls due by the hour of reception. The columns `en_curso_*` hold the term that reached petitions of that
    day still unanswered at `en_curso_desde`, where one did.
    """
    rows = []
    for kind, quality in sorted({(t.tipo, t.calidad or ANYBODY) for t in profile.terminos}):
        terms = [t for t in profile.terminos if t.tipo == kind and (t.calidad or ANYBODY) == quality]
        _refuse_overlaps(terms)
        for day in _days(semester):
            term = _valid(terms, day)
            row: dict[str, object] = {"tipo": kind, "calidad": quality, "dia": day}
            if term is not None:
                row |= {"regla": term.regla, "dias": term.dias, "unidad": term.unidad}
                if term.unidad != "horas":
                    due = falls_due(term, day, days)
                    row |= {"vence": due, "vence_doble": falls_due(term, day, days, times=2)}
                    row |= _under_way(terms, day, due, days)
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=_DUE)


def transfer_due_dates(profile: Profile, semester: Semester, days: WorkingDays) -> pa.Table:
    """One row for each day of reception: when a petition for another authority must have been transferred."""
    _refuse_overlaps(profile.traslados)
    rows = []
    for day in _days(semester):
        term = _valid(profile.traslados, day)
        if term is not None:
            due = falls_due(term, day, days)
            rows.append({"dia": day, "traslado_regla": term.regla, "traslado_dias": term.dias, "traslado_vence": due})
    return pa.Table.from_pylist(rows, schema=_TRANSFER_DUE)


def falls_due(term: Term, day: date, days: WorkingDays, *, times: int = 1) -> date:
    """The day on which `times` the term, counted from the day after reception on `day`, ends."""
    if term.unidad == "calendario":
        return days.received(day) + timedelta(days=times * term.dias)
    return days.after(day, times * term.dias)


def _under_way(terms: list[Term], day: date, due: date, days: WorkingDays) -> dict[str, object]:
    """The term that reached a petition of `day` which had not fallen due when it began."""
    for term in terms:
        if term.en_curso and day < term.desde <= due:
            return {
                "en_curso_desde": term.desde,
                "en_curso_regla": term.regla,
                "en_curso_dias": term.dias,
                "en_curso_vence": falls_due(term, day, days),
                "en_curso_vence_doble": falls_due(term, day, days, times=2),
            }
    return {}


def _days(semester: Semester) -> list[date]:
    # one more: what arrives after closing time on the last day counts as received on the next
    return [semester.start + timedelta(days=i) for i in range((semester.end - semester.start).days + 2)]


def _valid(terms: list[Term], day: date) -> Term | None:
    return next((t for t in terms if t.desde <= day and (t.hasta is None or day <= t.hasta)), None)


def _refuse_overlaps(terms: list[Term]) -> None:
    ordered = sorted(terms, key=lambda t: t.desde)
    for earlier, later in pairwise(ordered):
        if earlier.hasta is None or later.desde <= earlier.hasta:
            raise ProfileError(f"terminos.csv: «{earlier.regla}» y «{later.regla}» rigen el mismo día.")
