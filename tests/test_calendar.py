"""Working days, terms and due dates against vectors computed elsewhere."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import profile
from pipeline.errors import ProfileError
from pipeline.periods import Semester
from pipeline.profile import CivicDay
from pipeline.records import cutoff, terms
from pipeline.records.calendar import WorkingDays

TOWN = profile.load("santa_marta")
DAYS = WorkingDays(TOWN.calendario, 2018, 2029)


def settings(**changes):
    return TOWN.calendario.model_copy(update=changes)


@pytest.mark.parametrize(
    ("received", "term", "due"),
    [
        ("2024-01-15", 15, "2024-02-05"),
        ("2024-03-18", 10, "2024-04-04"),
        ("2025-06-13", 15, "2025-07-08"),
        ("2025-12-30", 30, "2026-02-12"),
        ("2020-04-03", 30, "2020-05-20"),
        ("2026-06-05", 10, "2026-06-23"),
    ],
)
def test_a_term_ends_on_the_day_that_other_calculators_give(received, term, due):
    assert DAYS.after(date.fromisoformat(received), term) == date.fromisoformat(due)


def test_what_arrives_on_a_saturday_counts_from_monday():
    assert DAYS.after(date(2024, 1, 13), 15) == date(2024, 2, 5)


def test_a_profile_may_count_a_saturday_as_the_day_of_reception():
    days = WorkingDays(settings(recepcion_inhabil_desde_siguiente_habil=False), 2023, 2025)
    assert days.after(date(2024, 1, 13), 15) == date(2024, 2, 2)


def test_the_holiday_of_ley_2578_is_moved_to_13_july_2026():
    assert not DAYS.is_working(date(2026, 7, 13))
    assert DAYS.is_working(date(2026, 7, 9))
    assert DAYS.is_working(date(2025, 7, 14)), "the law is of 2026"


def test_a_civic_day_of_the_entity_pushes_the_due_date():
    civic = CivicDay(desde=date(2024, 1, 29), hasta=date(2024, 1, 30), motivo="fiesta", acto="Decreto 1 de 2024")
    days = WorkingDays(settings(dias_civicos=[civic]), 2023, 2025)
    assert days.after(date(2024, 1, 15), 15) == date(2024, 2, 7)


@given(st.dates(date(2019, 1, 1), date(2027, 12, 31)), st.integers(1, 70))
def test_exactly_the_term_lies_between_reception_and_due_date(day, term):
    due, received = DAYS.after(day, term), DAYS.received(day)
    between = (received + timedelta(days=i) for i in range(1, (due - received).days + 1))
    assert sum(DAYS.is_working(d) for d in between) == term
    assert DAYS.is_working(due)


def test_the_frozen_table_says_what_the_calendar_says():
    rows = DAYS.table().to_pylist()
    assert [r["fecha"] for r in rows if not r["habil"]][:2] == [date(2018, 1, 1), date(2018, 1, 6)]
    assert all(r["habiles"] == DAYS.up_to(r["fecha"]) for r in rows)
    saturday = next(r for r in rows if r["fecha"] == date(2024, 1, 13))
    assert saturday["habiles_recibida"] == saturday["habiles"] + 1


def due_rows(year, half, kind):
    semester = Semester(year, half)
    rows = terms.due_dates(TOWN, semester, WorkingDays(TOWN.calendario, year - 2, year + 3)).to_pylist()
    return {r["dia"]: r for r in rows if r["tipo"] == kind and r["calidad"] == terms.ANYBODY}


@pytest.mark.parametrize(
    ("day", "kind", "rule", "length"),
    [
        (date(2020, 3, 27), "queja", "L1755-queja", 15),
        (date(2020, 3, 28), "queja", "D491-queja", 30),
        (date(2022, 5, 17), "queja", "D491-queja", 30),
        (date(2022, 5, 18), "queja", "L2207-queja", 15),
        (date(2020, 3, 28), "informacion", "D491-informacion", 20),
        (date(2022, 5, 18), "informacion", "L2207-informacion", 10),
        (date(2020, 3, 28), "consulta", "D491-consulta", 35),
        (date(2022, 5, 18), "consulta", "L2207-consulta", 30),
        (date(2021, 5, 18), "entre_autoridades", "L1755-entre_autoridades", 10),
    ],
)
def test_the_term_is_the_one_in_force_on_the_day_of_reception(day, kind, rule, length):
    row = due_rows(day.year, 1, kind)[day]
    assert (row["regla"], row["dias"]) == (rule, length)


def test_decreto_491_reached_petitions_that_had_not_fallen_due_when_it_began():
    rows = due_rows(2020, 1, "queja")
    # 15 working days from 5 March end on 27 March, the day before the decree; from 6 March, on 30 March
    assert rows[date(2020, 3, 5)]["vence"] == date(2020, 3, 27)
    assert rows[date(2020, 3, 5)]["en_curso_desde"] is None
    under_way = rows[date(2020, 3, 6)]
    assert under_way["en_curso_desde"] == date(2020, 3, 28)
    assert (under_way["en_curso_regla"], under_way["en_curso_dias"]) == ("D491-queja", 30)
    assert under_way["en_curso_vence"] == DAYS.after(date(2020, 3, 6), 30)


def test_ley_2207_did_not_shorten_petitions_under_way():
    assert due_rows(2022, 1, "queja")[date(2022, 5, 17)]["en_curso_desde"] is None


def test_a_congratulation_has_no_term():
    assert due_rows(2025, 1, "felicitacion") == {}


def test_two_terms_in_force_on_one_day_are_refused():
    first = next(t for t in TOWN.terminos if t.regla == "L2207-queja")
    again = first.model_copy(update={"regla": "otra", "desde": date(2024, 1, 1)})
    doubled = TOWN.model_copy(update={"terminos": [*TOWN.terminos, again]})
    with pytest.raises(ProfileError, match="L2207-queja» y «otra"):
        terms.due_dates(doubled, Semester(2024, 1), DAYS)


def test_the_cutoff_is_the_profiles_day_or_some_days_after_the_semester():
    fixed = TOWN.model_copy(update={"calendario": settings(fechas_corte={"2025-S1": date(2025, 7, 31)})})
    assert cutoff(TOWN, Semester(2025, 1)) == date(2025, 7, 14)
    assert cutoff(fixed, Semester(2025, 1)) == date(2025, 7, 31)
    assert cutoff(fixed, Semester(2025, 2)) == date(2026, 1, 14)
