"""When periods run by themselves: after the legal date, on the last closed period.

What belongs here: the schedules. What does not: Dagster's own partitioned schedules, which fire at midnight of the
first day, before any answer can be in.
"""

from datetime import date

import dagster as dg

from pipeline.orchestration.jobs import OPEN_YEAR, RECHECK, RESTRICTED_SEMESTER
from pipeline.orchestration.partitions import TIMEZONE, key_of
from pipeline.periods import Semester


@dg.schedule(
    name="cierre_semestral",
    job=RESTRICTED_SEMESTER,
    cron_schedule="0 6 15 1,7 *",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="El 15 de enero y el 15 de julio, a las 6:00, procesa el último semestre cerrado.",
)
def semester_closing(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run for the semester that ended before the tick."""
    semester = last_closed_semester(context.scheduled_execution_time.date())
    return dg.RunRequest(run_key=semester.label, partition_key=key_of(semester), tags={"periodo": semester.label})


@dg.schedule(
    name="cierre_anual",
    job=OPEN_YEAR,
    cron_schedule="0 6 25 1 *",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="El 25 de enero, a las 6:00, procesa el último año cerrado.",
)
def annual_closing(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run for the year that ended before the tick."""
    year = context.scheduled_execution_time.year - 1
    return dg.RunRequest(run_key=str(year), partition_key=key_of(year), tags={"periodo": str(year)})


weekly_recheck = dg.ScheduleDefinition(
    name="revision_semanal",
    job=RECHECK,
    cron_schedule="0 5 * * 1",
    execution_timezone=TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Cada lunes a las 5:00 verifica otra vez lo que está público.",
)


def last_closed_semester(day: date) -> Semester:
    """The semester that had ended on `day`."""
    return Semester.containing(day).previous
