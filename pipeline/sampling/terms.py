"""An independent reading of legal terms, with numpy's working-day arithmetic, so that planted answers have known truth.

What belongs here: due dates and timeliness of drawn petitions. What does not: `pipeline.records`, which computes the
same by other means: two roads to one answer is the point, so neither imports the other.
"""

from datetime import date, timedelta

import holidays
import numpy as np

from pipeline.periods import Semester
from pipeline.profile import Profile, Term
from pipeline.sampling.draws import BLANK, NO_DAY, Array, Columns
from pipeline.sampling.people import codes_of

ANSWERED = ("respondida", "cerrada")


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


class Terms:
    """Terms, working days and timeliness under a profile, around one semester."""

    def __init__(self, profile: Profile, semester: Semester) -> None:
        years = range(semester.year - 1, semester.year + 3)
        off = set(holidays.country_holidays("CO", years=years))
        for civic in profile.calendario.dias_civicos:
            off |= {civic.desde + timedelta(days=i) for i in range((civic.hasta - civic.desde).days + 1)}
        self.profile = profile
        self.cutoff = day_number(profile.cutoff(semester))
        reached = [t.desde for t in profile.terminos if t.en_curso]
        self.certain = not any(semester.start < day <= profile.cutoff(semester) for day in reached)
        """False where a new term reached petitions already under way: that semester's timeliness is not stated."""
        self._working = np.busdaycalendar(holidays=np.asarray(sorted(off), dtype="datetime64[D]"))
        following = profile.calendario.recepcion_inhabil_desde_siguiente_habil
        self._roll = "forward" if following else "backward"
        self.kinds = codes_of(profile, "tipo")
        self.answers = codes_of(profile, "oportunidad")

    def is_working(self, days: Array) -> Array:
        """Whether each day is a working day."""
        return np.asarray(np.is_busday(days.astype("datetime64[D]"), busdaycal=self._working))

    def after(self, days: Array, working_days: Array | int) -> Array:
        """The day that lies so many working days after reception, counted from the day after it."""
        start = days.astype("datetime64[D]")
        return np.asarray(
            np.busday_offset(start, working_days, roll=self._roll, busdaycal=self._working)  # type: ignore[call-overload]
            .astype("datetime64[D]")
            .astype(np.int32)
        )

    def term(self, kind: Array, day: Array, quality: Array | None = None) -> tuple[Array, Array]:
        """The term's length (0 without legal term) and whether it counts calendar days; by who asks, where given."""
        return self._lengths(self.profile.terminos, kind, day, quality)

    def transfer_term(self, day: Array) -> Array:
        """The length of the term to send a petition on to whom it concerns, in working days."""
        length, _ = self._lengths(self.profile.traslados, np.full(len(day), BLANK), day)
        return length

    def _lengths(self, terms: list[Term], kind: Array, day: Array, quality: Array | None = None) -> tuple[Array, Array]:
        length = np.zeros(len(kind), dtype=np.int16)
        calendar = np.zeros(len(kind), dtype=bool)
        for rule in terms:
            code = self.kinds.index(rule.tipo) if rule.tipo in self.kinds else BLANK
            upto = day_number(rule.hasta) if rule.hasta else np.iinfo(np.int32).max
            rows = (kind == code) & (day >= day_number(rule.desde)) & (day <= upto)
            if rule.calidad is not None:
                if quality is None:
                    continue
                rows &= quality == codes_of(self.profile, "calidad_peticionario").index(rule.calidad)
            length[rows] = rule.dias
            calendar[rows] = rule.unidad == "calendario"
        return length, calendar

    def due(self, petitions: Columns) -> Array:
        """The day a petition is due, extended where an extension was granted, never beyond twice the term."""
        day, extension = petitions["recepcion_dia"], petitions["prorroga_dia"]
        length, calendar = self.term(petitions["tipo"], day, petitions.get("calidad_peticionario"))
        start = self.after(day, 0) if self._roll == "forward" else day
        plain = np.where(calendar, start + length, self.after(day, length))
        double = np.where(calendar, start + 2 * length, self.after(day, 2 * length))
        extended = np.where(extension == NO_DAY, plain, np.maximum(plain, np.minimum(extension, double)))
        transferred = petitions["traslado_dia"] != NO_DAY
        return np.where(transferred, self.after(day, self.transfer_term(day)), extended)

    def timeliness(self, petitions: Columns) -> Array:
        """Each petition's timeliness at the cut-off, as a position in the list `oportunidad`."""
        day, transfer = petitions["recepcion_dia"], petitions["traslado_dia"]
        answer = np.where(transfer == NO_DAY, petitions["respuesta_dia"], transfer)
        answered = answer != NO_DAY
        due = self.due(petitions)
        length, _ = self.term(petitions["tipo"], day, petitions.get("calidad_peticionario"))
        states = [i for i, code in enumerate(codes_of(self.profile, "estado")) if code in ANSWERED]
        unknown = (answered & (answer < day)) | (~answered & np.isin(petitions["estado"], states))
        named = {code: i for i, code in enumerate(self.answers)}
        return np.select(
            [
                (length == 0) & (transfer == NO_DAY),
                unknown,
                answered & (answer <= due),
                answered,
                due >= self.cutoff,
            ],
            [
                named["no_aplica"],
                named["no_evaluable"],
                named["en_termino"],
                named["fuera_termino"],
                named["pendiente_en_termino"],
            ],
            named["pendiente_vencida"],
        )
