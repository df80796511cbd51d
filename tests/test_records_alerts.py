"""What is strange is flagged by its evidence and never repaired; what is alike is not flagged."""

from datetime import date, timedelta

from schemas.records import ALERTS
from tests.small_extracts import build, petition, source, town, write_rows

EXCHANGED = "dia_y_mes_posiblemente_intercambiados"
COLOMBIAN = source(formatos_fecha=["%d/%m/%Y %H:%M", "%d/%m/%Y"])


def flagged(folder, *rows, how=COLOMBIAN, name="prueba_1.csv", **files):
    write_rows(folder, list(rows), name)
    for other, lines in files.items():
        write_rows(folder, lines, f"prueba_{other}.csv")
    built = build(folder, town(how))
    return built, {
        (a.archivo, int(a.fila), a.alerta, a.columna, a.evidencia) for a in built.alerts.to_pandas().itertuples()
    }


def test_each_kind_of_evidence_flags_its_row_and_nothing_else(tmp_path):
    rows = [
        petition(radicado="bien", fecha_recepcion="04/03/2025", fecha_respuesta="20/03/2025"),
        petition(radicado="fuera", fecha_recepcion="05/11/2024"),
        petition(radicado="vuelta", fecha_recepcion="03/08/2025"),
        petition(radicado="contestada", fecha_recepcion="10/03/2025", fecha_respuesta="04/02/2025"),
        petition(radicado="sin remedio", fecha_recepcion="10/03/2025", fecha_respuesta="20/02/2025"),
    ]
    built, found = flagged(tmp_path, *rows)
    assert {alert[1:] for alert in found} == {
        (4, EXCHANGED, "fecha_recepcion", "fuera_de_periodo"),
        (5, EXCHANGED, "fecha_respuesta", "respuesta_antes_de_recepcion"),
        (5, "respuesta_antes_de_recepcion", "fecha_respuesta", ""),
        (6, "respuesta_antes_de_recepcion", "fecha_respuesta", ""),
    }
    frame = built.petitions.to_pandas().set_index("radicado")
    assert str(frame.fecha_respuesta["contestada"].date()) == "2025-02-04", "flagged, not repaired"
    assert list(frame.motivo_no_evaluable[["contestada", "sin remedio"]]) == ["orden_imposible"] * 2
    assert set(built.rejected.fila.to_list()) == {3, 4}


def test_a_date_after_the_extraction_that_its_file_names_is_flagged(tmp_path):
    dated = source(formatos_fecha=["%d/%m/%Y"], fecha_extraccion=r"_(\d{8})")
    rows = [
        petition(radicado="a", fecha_recepcion="03/04/2025"),
        petition(radicado="b", fecha_recepcion="03/02/2025", fecha_respuesta="05/03/2025"),
    ]
    _, found = flagged(tmp_path, *rows, how=dated, name="prueba_20250331.csv")
    assert {alert[1:] for alert in found} == {(2, EXCHANGED, "fecha_recepcion", "posterior_a_la_extraccion")}


def test_two_sources_that_tell_one_petition_backwards_are_flagged_and_rejected(tmp_path):
    built, found = flagged(
        tmp_path,
        petition(radicado="a", fecha_recepcion="03/04/2025"),
        petition(radicado="b", fecha_recepcion="05/04/2025"),
        otra=[
            petition(radicado="a", fecha_recepcion="04/03/2025"),
            petition(radicado="b", fecha_recepcion="06/04/2025"),
        ],
    )
    assert found == {
        (name, 2, EXCHANGED, "fecha_recepcion", "segunda_fuente") for name in ("prueba_1.csv", "prueba_otra.csv")
    }
    assert set(built.rejected.regla.to_list()) == {"radicado_contradictorio"}


def semester(swapped=lambda day: False, count=120):
    """Petitions of every day from January on, some of them written with month and day exchanged."""
    days = [date(2025, 1, 1) + timedelta(days=n) for n in range(count)]
    return [
        petition(radicado=f"R-{n}", fecha_recepcion=day.strftime("%m/%d/%Y" if swapped(day) else "%d/%m/%Y"))
        for n, day in enumerate(days)
    ]


FILES = {
    "derecha": (semester(), False),
    # every row backwards: what is a date only backwards gives it away
    "al revés": (semester(lambda day: True), True),
    # as a spreadsheet in another language does it: what can be read backwards was, and the rest is gone
    "hoja": ([row for row in semester(lambda day: True) if int(row["fecha_recepcion"][3:5]) <= 12], True),
    # a week's extract has no day after the 12th, and is right
    "semana": ([petition(radicado=f"R-{n}", fecha_recepcion=f"{n % 7 + 2:02}/06/2025") for n in range(40)], False),
}


def test_a_file_whose_dates_as_a_whole_cannot_be_right_is_doubtful_row_by_row(tmp_path):
    for name, (rows, _) in FILES.items():
        write_rows(tmp_path, [row | {"radicado": name + row["radicado"]} for row in rows], f"prueba_{name}.csv")
    alerts = build(tmp_path, town(COLOMBIAN)).alerts.to_pandas()
    for name, (rows, doubtful) in FILES.items():
        mine = alerts[(alerts.archivo == f"prueba_{name}.csv") & (alerts.evidencia == "distribucion_del_archivo")]
        ambiguous = {
            n
            for n, row in enumerate(rows, start=2)
            if int(row["fecha_recepcion"][3:5]) <= 12 >= int(row["fecha_recepcion"][:2])
            and row["fecha_recepcion"][:2] != row["fecha_recepcion"][3:5]
        }
        assert ambiguous
        assert set(mine.fila) == (ambiguous if doubtful else set()), name


def test_impossible_orders_and_answers_in_the_same_second_are_flagged(tmp_path):
    rows = [
        petition(radicado="a", fecha_recepcion="20/03/2025 10:00", fecha_respuesta="20/03/2025 09:59"),
        petition(radicado="b", fecha_recepcion="20/03/2025 10:00", fecha_respuesta="20/03/2025 10:00"),
        petition(radicado="c", fecha_recepcion="20/03/2025 10:00", fecha_respuesta="20/03/2025"),
        petition(radicado="d", fecha_recepcion="20/03/2025", fecha_traslado="19/03/2025"),
        petition(
            radicado="e", fecha_recepcion="20/03/2025", fecha_requerimiento="25/03/2025", fecha_completada="24/03/2025"
        ),
    ]
    _, found = flagged(tmp_path, *rows)
    assert {alert[1:4] for alert in found} == {
        (2, "respuesta_antes_de_recepcion", "fecha_respuesta"),
        (3, "respuesta_en_el_mismo_segundo", "fecha_respuesta"),
        (5, "traslado_antes_de_recepcion", "fecha_traslado"),
        (6, "completada_antes_de_requerida", "fecha_completada"),
    }


def test_reiteration_is_a_new_petition_of_one_person_about_one_subject_soon_after(tmp_path):
    who = {"documento_tipo": "CC", "documento_numero": "123", "tema": "predial"}
    rows = [
        petition(radicado="a", fecha_recepcion="06/01/2025", **who),
        petition(radicado="b", fecha_recepcion="06/04/2025", **who),
        petition(radicado="c", fecha_recepcion="07/06/2025", **who | {"tema": "aseo"}),
        petition(radicado="d", fecha_recepcion="10/04/2025", **who | {"documento_numero": "456"}),
        petition(radicado="e", fecha_recepcion="07/04/2025", tema="predial"),
    ]
    built, found = flagged(tmp_path, *rows)
    assert {alert[1:3] for alert in found} == {(3, "reiteracion")}
    assert built.petitions.count().execute() == 5, "it is counted as a petition of its own"


def test_one_name_with_one_mail_and_two_documents_may_be_one_person(tmp_path):
    ana = {"nombre": "Ana Pérez", "correo": "Ana@Ejemplo.invalid", "documento_tipo": "CC"}
    rows = [
        petition(radicado="a", fecha_recepcion="03/03/2025", **ana | {"documento_numero": "1"}),
        petition(radicado="b", fecha_recepcion="04/03/2025", **ana | {"documento_numero": "2", "nombre": "ANA PEREZ"}),
        petition(
            radicado="c", fecha_recepcion="05/03/2025", **ana | {"documento_numero": "3", "correo": "otra@x.invalid"}
        ),
        petition(radicado="d", fecha_recepcion="06/03/2025", **ana | {"documento_numero": "4", "nombre": "Eva Ruiz"}),
    ]
    built, found = flagged(tmp_path, *rows)
    assert {alert[1:3] for alert in found} == {(n, "una_persona_con_varios_documentos") for n in (2, 3)}
    assert built.petitions.persona_clave.nunique().execute() == 4, "counted apart all the same"


def test_a_half_day_clock_is_read_however_it_is_written(tmp_path):
    written = ["3/03/2025 2:30 p. m.", "3/03/2025 2:30 PM", "03/03/2025 02:30 p.\u00a0m.", "3/3/2025 2:30 pm"]
    rows = [petition(radicado=str(n), fecha_recepcion=text) for n, text in enumerate(written)]
    built, _ = flagged(tmp_path, *rows, how=source(formatos_fecha=["%d/%m/%Y %I:%M %p"]))
    assert {str(moment) for moment in built.petitions.fecha_recepcion.to_list()} == {"2025-03-03 14:30:00"}
    assert built.petitions.count().execute() == len(written)


def test_no_alert_carries_a_value(tmp_path):
    canary = "CANARIO-7731"
    built, found = flagged(
        tmp_path, petition(radicado=canary, fecha_recepcion="10/03/2025", fecha_respuesta="04/02/2025", nombre=canary)
    )
    assert found
    ALERTS.gate(built.alerts)
    assert canary not in built.alerts.to_pandas().to_csv()
