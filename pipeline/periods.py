"""The calendar's reporting periods: semesters and years, their labels and limits.

What belongs here: arithmetic of periods. What does not: working days (`pipeline.records.calendar`),
Dagster partitions (`pipeline.orchestration.partitions`).
"""

import re
from dataclasses import dataclass
from datetime import date

from pipeline.errors import PqrsdError

_LABEL = re.compile(r"(\d{4})-S([12])")


@dataclass(frozen=True, order=True)
class Semester:
    """Half a calendar year; `label` is `2026-S1` everywhere a person sees it."""

    year: int
    half: int

    @classmethod
    def parse(cls, label: str) -> "Semester":
        """The semester written as `2026-S1`; raises `PqrsdError` otherwise."""
        found = _LABEL.fullmatch(label)
        if not found:
            raise PqrsdError(f"Semestre no válido: «{label}». Escríbalo como 2026-S1.")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def containing(cls, day: date) -> "Semester":
        """The semester in which `day` falls."""
        return cls(day.year, 1 if day.month <= 6 else 2)

    @property
    def label(self) -> str:
        """`2026-S1`."""
        return f"{self.year}-S{self.half}"

    @property
    def start(self) -> date:
        """First day of the semester."""
        return date(self.year, 1 if self.half == 1 else 7, 1)

    @property
    def end(self) -> date:
        """Last day of the semester."""
        return date(self.year, 6, 30) if self.half == 1 else date(self.year, 12, 31)

    @property
    def previous(self) -> "Semester":
        """The semester before this one."""
        return Semester(self.year, 1) if self.half == 2 else Semester(self.year - 1, 2)

    @property
    def data_version(self) -> str:
        """`YYYY.S`: the first two parts of the release's version."""
        return f"{self.year}.{self.half}"


def semesters_of(year: int) -> tuple[Semester, Semester]:
    """Both semesters of a year, in order."""
    return Semester(year, 1), Semester(year, 2)
