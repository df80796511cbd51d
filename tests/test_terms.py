"""Legal terms as they fall on real dates: golden days, the window of 2020, and a year counted by other means."""

from datetime import date, datetime, timedelta

import pandas as pd
import pytest

from pipeline import profile
from pipeline.errors import ProfileError
from pipeline.profile import Calendar, CivicDay, Term
from pipeline.records.calendar import WorkingDays
from tests.small_extracts import SANTA_MARTA, build, petition, petitions_of, town, write_rows


def easter(year):
    """Sunday of Easter by the anonymous Gregorian computus."""
    a, b, c = year % 19, year // 100, year % 100
    d, e, f = b // 4, b % 4, (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def holidays_by_law(year):
    """Ley 51 of 1983, art. 1 and 2, and the day that Ley 2578 of 2026 added; written without any library."""
    fixed = {(1, 1), (5, 1), (7, 20), (8, 7), (12, 8), (12, 25)}
    moved = [(1, 6), (3, 19), (6, 29), (8, 15), (10, 12), (11, 1), (11, 11)] + ([(7, 9)] if year >= 2026 else [])
    found = {date(year, *day) for day in fixed}
    for day in moved:
        there = date(year, *day)
        found.add(there + timedelta(days=-there.weekday() % 7))
    return found | {easter(year) + timedelta(days=n) for n in (-3, -2, 43, 64, 71)}


def counted(received, term):
    """The last day of a term, one day after the other; what arrives on a day off counts from the next working day."""
    off = set().union(*(holidays_by_law(received.year + n) for n in (0, 1)))
    works = lambda day: day.weekday() < 5 and day not in off  # noqa: E731
    day = received
    while not works(day):
        day += timedelta(days=1)
    while term:
        day += timedelta(days=1)
        term -= works(day)
    return day


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_every_day_of_a_year_falls_due_where_a_count_by_hand_says(year):
    days = WorkingDays(SANTA_MARTA.calendario, year - 1, year + 1)
    for n in range(365):
        received = date(year, 1, 1) + timedelta(days=n)
        for term in (5, 10, 15, 30, 35):
            assert days.after(received, term) == counted(received, term), (received, term)


def test_the_holidays_are_the_ones_of_the_law():
    assert len(holidays_by_law(2024)) == 18
    assert len(holidays_by_law(2026)) == 19
    days = WorkingDays(SANTA_MARTA.calendario, 2018, 2030)
    for year in range(2019, 2030):
        weekdays = {day for day in holidays_by_law(year) if day.weekday() < 5}
        off = {date(year, 1, 1) + timedelta(days=n) for n in range(365)}
        assert {day for day in off if day.weekday() < 5 and not days.is_working(day)} == weekdays, year


def term(**changes):
    return Term.model_validate(
        {"regla": "nueva", "tipo": "queja", "dias": 24, "unidad": "horas", "desde": "2020-01-01", "hasta": None,
         "norma": "x"} | changes
    )  # fmt: skip


def dated(**fields):
    return petition(fecha_recepcion="2025-03-03 10:00", **fields)


def case(expected, due, **fields):
    return fields, expected, due


# 3 March 2025 is a Monday; 15 working days end on 25 March, 10 on 17 March, 30 on 15 April; the cut-off is 14 July.
GOLDEN = [
    # who asks: five calendar days for Congress (Ley 5/1992 art. 258), ten working days between authorities
    case(
        "en_termino", "2025-03-08", tipo="informacion", calidad_peticionario="congresista", fecha_respuesta="2025-03-08"
    ),
    case(
        "fuera_termino",
        "2025-03-08",
        tipo="documentos",
        calidad_peticionario="congresista",
        fecha_respuesta="2025-03-09",
    ),
    case("pendiente_vencida", "2025-03-25", tipo="queja", calidad_peticionario="congresista"),
    case(
        "en_termino", "2025-03-17", tipo="informacion", calidad_peticionario="autoridad", fecha_respuesta="2025-03-17"
    ),
    case("fuera_termino", "2025-03-17", tipo="entre_autoridades", fecha_respuesta="2025-03-18"),
    # a transfer must leave within five working days
    case("en_termino", "2025-03-10", fecha_traslado="2025-03-10"),
    case("fuera_termino", "2025-03-10", fecha_traslado="2025-03-11"),
    # an extension, up to the double of the term
    case("en_termino", "2025-04-10", prorroga_hasta="2025-04-10", fecha_respuesta="2025-04-10"),
    case("fuera_termino", "2025-04-15", prorroga_hasta="2025-12-31", fecha_respuesta="2025-04-16"),
    # asked on the 5th working day to complete it, completed on 1 April: ten working days are left, from the 2nd
    case(
        "en_termino",
        "2025-04-15",
        fecha_requerimiento="2025-03-10",
        fecha_completada="2025-04-01",
        fecha_respuesta="2025-04-15",
    ),
    case(
        "fuera_termino",
        "2025-04-15",
        fecha_requerimiento="2025-03-10",
        fecha_completada="2025-04-01",
        fecha_respuesta="2025-04-16",
    ),
    # completed on a Sunday: it counts as of Monday
    case(
        "en_termino",
        "2025-04-14",
        fecha_requerimiento="2025-03-10",
        fecha_completada="2025-03-30",
        fecha_respuesta="2025-04-14",
    ),
    # asked too late: nothing stops
    case(
        "fuera_termino",
        "2025-03-25",
        fecha_requerimiento="2025-03-18",
        fecha_completada="2025-04-01",
        fecha_respuesta="2025-03-26",
    ),
    # completed after more than a month, or never: nobody can say what was due
    case("no_evaluable", "2025-03-25", fecha_requerimiento="2025-03-10", fecha_completada="2025-04-11"),
    case("no_evaluable", "2025-03-25", fecha_requerimiento="2025-03-10"),
    case("no_evaluable", "2025-03-25", fecha_requerimiento="2025-03-10", estado="desistida"),
    # completed, extended, answered within the double: 15 + 10 working days from 2 April
    case(
        "en_termino",
        "2025-05-09",
        fecha_requerimiento="2025-03-10",
        fecha_completada="2025-04-01",
        prorroga_hasta="2025-12-31",
        fecha_respuesta="2025-05-09",
    ),
    case(
        "fuera_termino",
        "2025-05-09",
        fecha_requerimiento="2025-03-10",
        fecha_completada="2025-04-01",
        prorroga_hasta="2025-12-31",
        fecha_respuesta="2025-05-12",
    ),
    # orders that cannot be
    case("no_evaluable", "2025-03-25", fecha_respuesta="2025-03-01"),
    case("no_evaluable", "2025-03-10", fecha_traslado="2025-03-01"),
]


def test_each_case_of_the_law_has_its_due_date_and_its_oportunidad(tmp_path):
    rows = [dated(**({"radicado": f"R-{n}", "tipo": "queja"} | fields)) for n, (fields, _, _) in enumerate(GOLDEN)]
    found = petitions_of(tmp_path, *rows)
    for (fields, expected, due), row in zip(GOLDEN, found.itertuples(), strict=True):
        assert (row.oportunidad, row.fecha_vencimiento) == (expected, pd.Timestamp(due)), fields
        assert pd.isna(row.motivo_no_evaluable) == (expected != "no_evaluable"), fields
    motives = found.set_index("radicado").motivo_no_evaluable.dropna()
    assert list(motives) == [*["requerimiento_sin_completar"] * 3, *["orden_imposible"] * 2]


def test_a_petition_that_waits_to_be_completed_is_pending_within_its_term(tmp_path):
    rows = [dated(fecha_requerimiento="2025-03-10", radicado="R-1")]
    early = town(calendario=SANTA_MARTA.calendario.model_copy(update={"fechas_corte": {"2025-S1": date(2025, 4, 5)}}))
    assert list(petitions_of(tmp_path, *rows, municipality=early).oportunidad) == ["pendiente_en_termino"]


# a Friday evening before a holiday Monday: hours run all the same
HOURS = [
    ("2025-03-21 18:00", "2025-03-22 18:00", "en_termino"),
    ("2025-03-21 18:00", "2025-03-22 18:01", "fuera_termino"),
    ("2025-03-21 18:00", "2025-03-21 17:59", "no_evaluable"),
    ("2025-03-21 18:00", "", "pendiente_vencida"),
]


def test_terms_of_health_run_by_the_hour(tmp_path):
    rows = [
        petition(radicado=f"R-{n}", fecha_recepcion=received, fecha_respuesta=answered)
        for n, (received, answered, _) in enumerate(HOURS)
    ]
    found = petitions_of(tmp_path, *rows, municipality=town(terminos=[term()]))
    assert list(found.oportunidad) == [expected for _, _, expected in HOURS]
    assert set(found.fecha_vencimiento) == {pd.Timestamp("2025-03-22")}
    assert found.termino_dias.isna().all()


def test_calendar_days_do_not_stop_for_anything(tmp_path):
    five = town(terminos=[term(dias=5, unidad="calendario")])
    rows = [
        petition(radicado="R-1", fecha_recepcion="2025-04-15", fecha_respuesta="2025-04-20"),
        petition(radicado="R-2", fecha_recepcion="2025-04-15", fecha_respuesta="2025-04-21"),
        petition(radicado="R-3", fecha_recepcion="2025-04-01", fecha_requerimiento="2025-04-03",
                 fecha_completada="2025-04-10", fecha_respuesta="2025-04-13"),
    ]  # fmt: skip
    assert list(petitions_of(tmp_path, *rows, municipality=five).oportunidad) == [
        "en_termino", "fuera_termino", "en_termino",
    ]  # fmt: skip


def test_days_that_the_entity_ordered_stop_terms_with_their_act_and_are_frozen(tmp_path):
    act = "Decreto 100 de 2025"
    stopped = CivicDay(desde=date(2025, 3, 10), hasta=date(2025, 3, 14), motivo="suspensión de términos", acto=act)
    suspended = town(calendario=SANTA_MARTA.calendario.model_copy(update={"dias_civicos": [stopped]}))
    built = build(write_rows(tmp_path, [dated(radicado="R-1"), dated(radicado="R-2", tipo="informacion")]), suspended)
    assert list(built.petitions.to_pandas().fecha_vencimiento) == [
        pd.Timestamp("2025-04-01"),
        pd.Timestamp("2025-03-25"),
    ]
    frozen = built.calendar.to_pandas().set_index("fecha")
    assert set(frozen.periodo) == {"2025-S1"}
    assert (frozen.habil[datetime(2025, 3, 12)], frozen.norma[datetime(2025, 3, 12)]) == (False, act)
    assert frozen.motivo[datetime(2025, 3, 24)].startswith("festivo")
    assert frozen.motivo[datetime(2025, 3, 22)] == "fin de semana"
    assert frozen.habil[datetime(2025, 3, 25)] and pd.isna(frozen.motivo[datetime(2025, 3, 25)])


def test_closing_hour_and_weekend_are_settings_of_the_profile(tmp_path):
    rows = [
        petition(radicado="sábado", fecha_recepcion="2025-03-15"),
        petition(radicado="tarde", fecha_recepcion="2025-03-14 17:30"),
    ]

    def due(**changes):
        calendar = Calendar.model_validate(SANTA_MARTA.calendario.model_dump() | changes)
        frame = petitions_of(tmp_path, *rows, municipality=town(calendario=calendar)).set_index("radicado")
        return [str(frame.fecha_vencimiento[name].date()) for name in ("sábado", "tarde")]

    assert due() == ["2025-04-08", "2025-04-07"]
    assert due(hora_cierre=17) == ["2025-04-08", "2025-04-08"]
    assert due(recepcion_inhabil_desde_siguiente_habil=False) == ["2025-04-07", "2025-04-07"]


def test_a_term_for_a_quality_that_is_in_no_list_is_refused():
    strange = SANTA_MARTA.model_copy(update={"terminos": [term(calidad="marciano")]})
    with pytest.raises(ProfileError, match="calidad que no está"):
        profile._check_terms(strange)


def test_the_sources_own_due_date_and_state_stay_beside_ours_and_the_disagreement_is_flagged(tmp_path):
    rows = [
        dated(radicado="igual", fecha_vencimiento="2025-03-25", estado="radicada"),
        # 21 calendar days for everything, as some systems reckon
        dated(radicado="otro", fecha_vencimiento="2025-03-24", oportunidad_fuente="a_tiempo"),
        dated(radicado="cerrada", estado="Cerrada"),
        dated(radicado="abierta", estado="en_tramite", fecha_respuesta="2025-03-10"),
        dated(radicado="después", estado="respondida", fecha_respuesta="2025-07-20"),
    ]
    built = build(write_rows(tmp_path, rows))
    frame = built.petitions.to_pandas().set_index("radicado")
    assert str(frame.fecha_vencimiento_fuente["otro"].date()) == "2025-03-24"
    assert (frame.estado["después"], frame.estado_fuente["después"]) == ("en_tramite", "respondida")
    flagged = {(int(a.fila), a.alerta) for a in built.alerts.to_pandas().itertuples()}
    assert flagged == {
        (3, "vencimiento_distinto_al_de_la_fuente"), (3, "oportunidad_distinta_a_la_de_la_fuente"),
        (4, "estado_contradice_las_fechas"), (5, "estado_contradice_las_fechas"),
    }  # fmt: skip
