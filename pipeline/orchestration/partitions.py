"""Semesters and years as Dagster partitions.

What belongs here: the two partition sets and the way from a key to its label. Keys are the first day, so that Dagster
maps a year onto its semesters by itself; people see `2026-S1`.
"""

from datetime import date

import dagster as dg

from pipeline.periods import Semester

TIMEZONE = "America/Bogota"
FIRST = "2015-01-01"

SEMESTERS = dg.TimeWindowPartitionsDefinition(
    cron_schedule="0 0 1 1,7 *", start=FIRST, timezone=TIMEZONE, fmt="%Y-%m-%d"
)
YEARS = dg.TimeWindowPartitionsDefinition(cron_schedule="0 0 1 1 *", start=FIRST, timezone=TIMEZONE, fmt="%Y-%m-%d")


def semester_of(partition_key: str) -> Semester:
    """The semester that a partition key begins."""
    return Semester.containing(date.fromisoformat(partition_key))


def year_of(partition_key: str) -> int:
    """The year that a partition key begins."""
    return date.fromisoformat(partition_key).year


def key_of(period: Semester | int) -> str:
    """The partition key of a semester or a year."""
    return period.start.isoformat() if isinstance(period, Semester) else date(period, 1, 1).isoformat()
