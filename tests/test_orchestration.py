"""Periods, schedules, sensor, guard and progress: Dagster's edge behaves as people expect."""

import io
import sqlite3
from datetime import date, datetime
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PqrsdError
from pipeline.orchestration import progress as progress_lines
from pipeline.orchestration.guard import values_stay_inside
from pipeline.orchestration.partitions import SEMESTERS, YEARS, key_of, semester_of, year_of
from pipeline.orchestration.schedules import annual_closing, last_closed_semester, semester_closing
from pipeline.orchestration.sensors import PASSED, follow_the_door
from pipeline.orchestration.table_schema import column_schema
from pipeline.periods import Semester, semesters_of
from schemas.records import PETITIONS

BOGOTA = ZoneInfo("America/Bogota")


@given(st.dates(date(2019, 1, 1), date(2040, 12, 31)))
def test_every_day_belongs_to_one_semester_and_its_label_reads_back(day: date) -> None:
    semester = Semester.containing(day)
    assert semester.start <= day <= semester.end
    assert Semester.parse(semester.label) == semester
    assert semester.previous.end < semester.start


@pytest.mark.parametrize("label", ["2026", "2026-S3", "26-S1", "2026-s1", "2026-S1 "])
def test_a_label_that_is_no_semester_is_refused(label: str) -> None:
    with pytest.raises(PqrsdError, match="2026-S1"):
        Semester.parse(label)


def test_partition_keys_are_first_days_and_people_see_labels() -> None:
    with dg.DagsterInstance.ephemeral():
        keys = SEMESTERS.get_partition_keys(current_time=datetime(2026, 11, 24, tzinfo=BOGOTA))
    assert keys[0] == "2015-01-01"
    assert keys[-1] == "2026-01-01"
    assert semester_of(keys[-1]).label == "2026-S1"
    assert [key_of(s) for s in semesters_of(2025)] == ["2025-01-01", "2025-07-01"]
    assert year_of(key_of(2025)) == 2025


def test_a_year_depends_on_its_two_semesters_by_dagsters_own_mapping() -> None:
    mapping = dg.TimeWindowPartitionMapping()
    upstream = mapping.get_upstream_mapped_partitions_result_for_partitions(
        YEARS.empty_subset().with_partition_keys(["2025-01-01"]), YEARS, SEMESTERS
    )
    assert set(upstream.partitions_subset.get_partition_keys()) == {"2025-01-01", "2025-07-01"}


@pytest.mark.parametrize(
    ("tick", "label"),
    [((2026, 7, 15, 6), "2026-S1"), ((2027, 1, 15, 6), "2026-S2")],
)
def test_the_semester_schedule_runs_the_semester_that_closed(tick: tuple[int, ...], label: str) -> None:
    context = dg.build_schedule_context(scheduled_execution_time=datetime(*tick, tzinfo=BOGOTA))
    request = semester_closing(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == key_of(Semester.parse(label))
    assert request.tags["periodo"] == label


def test_the_semester_schedule_fires_after_the_cutoff_and_never_on_an_open_semester() -> None:
    assert semester_closing.cron_schedule == "0 6 15 1,7 *"
    assert semester_closing.execution_timezone == "America/Bogota"
    assert semester_closing.default_status is dg.DefaultScheduleStatus.RUNNING
    for day in (date(2026, 1, 15), date(2026, 7, 15)):
        assert last_closed_semester(day).end < day


def test_the_annual_schedule_runs_the_year_that_closed() -> None:
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2027, 1, 25, 6, tzinfo=BOGOTA))
    request = annual_closing(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-01-01"


def test_a_foreign_error_leaves_without_its_message() -> None:
    with pytest.raises(dg.Failure) as failed, values_stay_inside():
        sqlite3.connect(":memory:").execute("SELECT CANARIO")
    assert "CANARIO" not in str(failed.value.description)
    assert "OperationalError" in str(failed.value.description)
    assert "tests/test_orchestration.py" in str(failed.value.description)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


def test_one_of_our_errors_keeps_its_message_and_loses_its_cause() -> None:
    with pytest.raises(dg.Failure) as failed, values_stay_inside():
        try:
            raise ValueError("CANARIO")
        except ValueError as cause:
            raise PqrsdError("archivo a.csv, fila 3, regla obligatorio") from cause
    assert failed.value.description == "archivo a.csv, fila 3, regla obligatorio"
    assert failed.value.__cause__ is None


def test_progress_prints_one_line_for_each_finished_step() -> None:
    @dg.op
    def restringido__extractos() -> None: ...

    @dg.job(logger_defs={"progreso": progress_lines.progress})
    def small() -> None:
        restringido__extractos()

    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress_lines.sys, "stderr", stream)
        small.execute_in_process(run_config={"loggers": {"progreso": {}}})
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    assert "restringido/extractos" in lines[0]


def test_the_ui_shows_a_contract_with_its_spanish_descriptions() -> None:
    shown = column_schema(PETITIONS)
    assert [c.name for c in shown.columns] == PETITIONS.names
    assert all(c.description for c in shown.columns)


def passed(instance: dg.DagsterInstance, *partitions: str) -> None:
    for partition in partitions:
        instance.report_runless_asset_event(dg.AssetMaterialization(PASSED, partition=partition))


def test_the_sensor_follows_every_semester_that_passed_since_it_last_looked() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        passed(instance, "2025-01-01", "2025-07-01")
        with dg.build_sensor_context(instance=instance) as context:
            requests = list(follow_the_door(context))
            cursor = context.cursor
        assert [r.partition_key for r in requests] == ["2025-01-01", "2025-07-01"]
        assert [r.tags["periodo"] for r in requests] == ["2025-S1", "2025-S2"]
        with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
            assert list(follow_the_door(context)) == []
        passed(instance, "2025-07-01")
        with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
            assert [r.partition_key for r in follow_the_door(context)] == ["2025-07-01"]
