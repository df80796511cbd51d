"""Working days of Colombia for an entity, and the day that freezes a semester.

What belongs here: holidays (Ley 51/1983 and later, from `holidays`), the entity's civic days, and counting. What does
not: which term applies (`pipeline.records.terms`).
"""

from bisect import bisect_left, bisect_right
from datetime import date, timedelta

import holidays
import pyarrow as pa

from pipeline.errors import ProfileError
from pipeline.periods import Semester
from pipeline.profile import Calendar, Profile

_SATURDAY = 5


def cutoff(profile: Profile, semester: Semester) -> date:
    """The fecha de corte: states, pendings and overdue of the semester are as of it."""
    return profile.cutoff(semester)


class WorkingDays:
    """Which days are working days, over whole years, and arithmetic on them.

    Days outside the years raise IndexError rather than being taken for working days.
    """

    def __init__(self, settings: Calendar, first_year: int, last_year: int) -> None:
        off = _ruled(settings, first_year, last_year)
        for civic in settings.dias_civicos:
            for i in range((civic.hasta - civic.desde).days + 1):
                off.setdefault(civic.desde + timedelta(days=i), (civic.motivo, civic.acto))
        self._off = off
        self.first, self.last = date(first_year, 1, 1), date(last_year, 12, 31)
        self._next_day_counts = settings.recepcion_inhabil_desde_siguiente_habil
        self._working = [
            day.toordinal()
            for day in (self.first + timedelta(days=i) for i in range((self.last - self.first).days + 1))
            if day.weekday() < _SATURDAY and day not in off
        ]

    @property
    def working(self) -> list[date]:
        """Every working day of those years, in order."""
        return [date.fromordinal(day) for day in self._working]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._working)

    def is_working(self, day: date) -> bool:
        """Whether the entity works that day."""
        return self.up_to(day) > 0 and self._working[self.up_to(day) - 1] == day.toordinal()

    def up_to(self, day: date) -> int:
        """How many working days there are from the first year's start to `day`, inclusive."""
        return bisect_right(self._working, day.toordinal())

    def received(self, day: date) -> date:
        """The day on which a petition of `day` counts as received.

        CPACA art. 54: what arrives by electronic means on a non-working day counts from the next working day; a
        setting of the profile.
        """
        if not self._next_day_counts:
            return day
        return date.fromordinal(self._working[bisect_left(self._working, day.toordinal())])

    def after(self, day: date, count: int) -> date:
        """The working day that lies `count` working days after reception on `day`, counted from the day after it."""
        return date.fromordinal(self._working[self.up_to(self.received(day)) + count - 1])

    def table(self) -> pa.Table:
        """The calendar frozen as a table.

        `fecha`; `habil`; `habiles`, the working days up to it; `habiles_recibida`, those up to the day on which what
        arrives that day counts as received; `motivo` and `norma`, why the entity does not work and by which act.
        """
        days = [self.first + timedelta(days=i) for i in range((self.last - self.first).days + 1)]
        working = [self.is_working(day) for day in days]
        up_to = [self.up_to(day) for day in days]
        waits = [0 if works or not self._next_day_counts else 1 for works in working]
        return pa.table(
            {
                "fecha": pa.array(days, pa.date32()),
                "habil": pa.array(working, pa.bool_()),
                "habiles": pa.array(up_to, pa.int64()),
                "habiles_recibida": pa.array([n + wait for n, wait in zip(up_to, waits, strict=True)], pa.int64()),
                "motivo": pa.array([self._why(day, works)[0] for day, works in zip(days, working, strict=True)]),
                "norma": pa.array([self._why(day, works)[1] for day, works in zip(days, working, strict=True)]),
            }
        )

    def _why(self, day: date, works: bool) -> tuple[str | None, str | None]:
        if works:
            return None, None
        return self._off.get(day, ("fin de semana", "Jornada de la entidad"))


def _ruled(settings: Calendar, first_year: int, last_year: int) -> dict[date, tuple[str, str]]:
    """The holidays of the profile's country: why, and by which law."""
    country, years = settings.pais, range(first_year, last_year + 1)
    try:
        known = holidays.country_holidays(
            country, subdiv=settings.subdivision, years=years, language="es" if country == "CO" else None
        )
    except NotImplementedError:
        raise ProfileError("calendario.yaml: no hay festivos de ese «pais» o «subdivision».") from None
    law = "Ley 51 de 1983 y las que la modifican" if country == "CO" else f"Festivos de {country}"
    return {day: (f"festivo: {name}", law) for day, name in known.items()}


def around(profile: Profile, semester: Semester) -> WorkingDays:
    """The working days that a semester's petitions can need: two years before to three after."""
    return WorkingDays(profile.calendario, semester.year - 2, semester.year + 3)
