"""Every row has one destiny, and every petition its types, codes, term and oportunidad."""

import hashlib
import hmac
import traceback
from datetime import date, datetime

import ibis
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import reading, records
from pipeline.errors import ProfileError
from pipeline.periods import Semester
from pipeline.profile import Code
from pipeline.records.engine import Scratch
from pipeline.records.persons import document_number
from pipeline.records.rules import row_rules
from pipeline.sources import SourceColumn
from pipeline.spelling import fold, folded
from schemas.records import PETITIONS, REJECTED_ROWS, ROW_COUNTS
from tests.small_extracts import (
    KEY,
    SANTA_MARTA,
    build,
    destinies_of,
    memory,
    petition,
    petitions_of,
    source,
    town,
    write_rows,
)

CANARY = "CANARIO-7731"


def one(folder, how=None, **fields):
    """The only petition of one row."""
    frame = petitions_of(folder, petition(**fields), **(how or {}))
    assert len(frame) == 1
    return frame.iloc[0]


REJECTED = [
    ({"radicado": ""}, "obligatorio", "radicado"),
    ({"fecha_recepcion": " "}, "obligatorio", "fecha_recepcion"),
    ({"fecha_recepcion": "ayer"}, "fecha_no_valida", "fecha_recepcion"),
    ({"fecha_recepcion": "2025-02-30"}, "fecha_no_valida", "fecha_recepcion"),
    ({"fecha_recepcion": "25-02-20"}, "fecha_no_valida", "fecha_recepcion"),
    ({"fecha_recepcion": "2025-07-15"}, "fecha_futura", "fecha_recepcion"),
    ({"fecha_recepcion": "2025-07-14"}, "fuera_de_periodo", "fecha_recepcion"),
    ({"fecha_recepcion": "2024-12-31 23:59"}, "fuera_de_periodo", "fecha_recepcion"),
    ({"fecha_respuesta": "pronto"}, "fecha_no_valida", "fecha_respuesta"),
    ({"fecha_traslado": "32/01/2025"}, "fecha_no_valida", "fecha_traslado"),
    ({"prorroga_hasta": "x"}, "fecha_no_valida", "prorroga_hasta"),
    ({"fecha_vencimiento": "x"}, "fecha_no_valida", "fecha_vencimiento"),
    *[
        ({field: "código que no existe"}, "codigo_desconocido", field)
        for field in (
            *("canal", "dependencia", "tema", "estado", "comuna", "persona_tipo", "calidad_peticionario"),
            *("documento_tipo", "sexo", "escolaridad", "estrato", "grupo_etnico", "discapacidad", "victima"),
        )
    ],
    ({"edad": "treinta"}, "forma_no_valida", "edad"),
    ({"edad": "34.5"}, "forma_no_valida", "edad"),
    ({"edad": "121"}, "fuera_de_rango", "edad"),
    ({"edad": "-1"}, "fuera_de_rango", "edad"),
    ({"satisfaccion": "buena"}, "forma_no_valida", "satisfaccion"),
    ({"satisfaccion": "6"}, "fuera_de_rango", "satisfaccion"),
    ({"satisfaccion": "0"}, "fuera_de_rango", "satisfaccion"),
    # the first rule in order is the one that is reported
    ({"radicado": "", "fecha_recepcion": "", "edad": "x"}, "obligatorio", "radicado"),
    ({"fecha_recepcion": "x", "canal": "x"}, "fecha_no_valida", "fecha_recepcion"),
    ({"fecha_vencimiento": "x", "fecha_traslado": "x"}, "fecha_no_valida", "fecha_traslado"),
    ({"sexo": "x", "canal": "x", "edad": "x"}, "codigo_desconocido", "canal"),
]


def test_each_dirty_row_is_rejected_with_its_first_rule_and_column(tmp_path):
    rows = [petition(**({"radicado": f"R-{i}"} | fields)) for i, (fields, _, _) in enumerate(REJECTED)]
    expected = {i: (rule, column) for i, (_, rule, column) in enumerate(REJECTED, start=2)}
    assert destinies_of(tmp_path, *rows) == expected


ACCEPTED = [
    ({"fecha_recepcion": "2025-01-01"}, "fecha_recepcion", datetime(2025, 1, 1)),
    ({"fecha_recepcion": "2025-06-30 23:59"}, "fecha_recepcion", datetime(2025, 6, 30, 23, 59)),
    ({"tipo": ""}, "tipo", "sin_clasificar"),
    ({"tipo": "algo nuevo"}, "tipo", "sin_clasificar"),
    ({"tipo": "  SOLICITUD   de Información "}, "tipo", "informacion"),
    ({"tipo": "solicitud de informacio\u0301n"}, "tipo", "informacion"),
    ({"canal": ""}, "canal", "sin_dato"),
    ({"dependencia": ""}, "dependencia", "sin_dato"),
    ({"tema": ""}, "tema", "sin_dato"),
    ({"estado": ""}, "estado", "sin_dato"),
    ({"comuna": ""}, "comuna", "no_informa"),
    ({"sexo": ""}, "sexo", "no_informa"),
    ({"victima": "X"}, "victima", "si"),
    ({"edad": "34.0"}, "edad", 34),
    ({"edad": "120"}, "edad", 120),
    ({"edad": "0"}, "edad_banda", "0_5"),
    ({"edad": "17"}, "edad_banda", "12_17"),
    ({"edad": "18"}, "edad_banda", "18_28"),
    ({"edad": "60"}, "edad_banda", "60_mas"),
    ({"edad": ""}, "edad_banda", "no_informa"),
    ({"satisfaccion": "5"}, "satisfaccion", 5),
    ({"fecha_vencimiento": "2025-03-24"}, "fecha_vencimiento_fuente", datetime(2025, 3, 24)),
    ({"tipo": "documentos"}, "acceso_informacion", True),
    ({"tipo": "queja"}, "acceso_informacion", False),
    ({"negada": "Sí"}, "negada", True),
    ({"negada": "quizá"}, "negada", False),
    ({"trasladada_a": "Otra entidad"}, "trasladada", True),
    ({"estado": "Trasladada"}, "trasladada", True),
    *[({"autorizacion": yes}, "autorizacion_datos", True) for yes in ("si", "SÍ", "true", "1", "x")],
    *[({"autorizacion": no}, "autorizacion_datos", False) for no in ("", "no", "0", "pendiente")],
    ({"anonima": "Sí"}, "anonima", True),
    ({"persona_tipo": "Anónimo"}, "anonima", True),
    ({"nombre": ""}, "anonima", True),
    ({"nombre": "", "documento_numero": "123"}, "anonima", False),
    ({"anonima": "no"}, "anonima", False),
    ({"edad": "17"}, "menor", "si"),
    ({"edad": "18"}, "menor", "no"),
    ({"documento_tipo": "TI"}, "menor", "si"),
    ({"documento_tipo": "R.C."}, "menor", "si"),
    ({"calidad_peticionario": "NNA"}, "menor", "si"),
    ({"documento_tipo": "TI", "edad": "18"}, "menor", "si"),
    ({"documento_tipo": "CC"}, "menor", "no"),
    ({"documento_tipo": "NIT"}, "menor", "no"),
    ({"documento_tipo": "CE"}, "menor", "desconocido"),
    ({"persona_tipo": "juridica"}, "menor", "no"),
    ({}, "menor", "desconocido"),
]


def test_each_accepted_row_becomes_the_value_it_means(tmp_path):
    rows = [petition(**({"radicado": f"R-{i}"} | fields)) for i, (fields, _, _) in enumerate(ACCEPTED)]
    found = petitions_of(tmp_path, *rows)
    assert len(found) == len(ACCEPTED)
    for (fields, column, expected), (_, row) in zip(ACCEPTED, found.iterrows(), strict=True):
        assert row[column] == expected, f"{fields} → {column}"


@pytest.mark.parametrize("kind", ["Persona jurídica", "Entidad Pública"])
def test_an_organisation_has_no_age_sex_or_ethnicity(tmp_path, kind):
    demographic = {"sexo": "F", "escolaridad": "Media", "estrato": "3", "grupo_etnico": "Afro", "edad": "34"}
    row = one(tmp_path, persona_tipo=kind, **demographic)
    fields = ("edad_banda", "sexo", "escolaridad", "estrato", "grupo_etnico", "discapacidad", "victima")
    assert {row[name] for name in fields} == {"no_aplica"}
    assert pd.isna(row.edad)


def test_unclassified_petitions_are_counted_apart(tmp_path):
    rows = [petition(radicado=str(i), tipo=kind) for i, kind in enumerate(["queja", "", "rara", "reclamo"])]
    assert build(write_rows(tmp_path, rows)).unclassified == 2


def test_a_reading_defect_comes_before_anything_else(tmp_path):
    write_rows(tmp_path, [petition(), petition()])
    with (tmp_path / "prueba_1.csv").open("a") as out:
        out.write("roto\nroto\n")
    built = build(tmp_path)
    assert built.rejected.to_pandas()[["fila", "regla", "columna"]].values.tolist() == [
        [4, "columnas_de_menos", "fila"],
        [5, "columnas_de_menos", "fila"],
    ]


@pytest.mark.parametrize("rows", [[], [petition(), petition(radicado="R-2", edad="x")]])
def test_the_three_tables_keep_their_contracts_also_without_rows(tmp_path, rows):
    built = build(write_rows(tmp_path, rows))
    for contract, table in ((PETITIONS, built.petitions), (REJECTED_ROWS, built.rejected), (ROW_COUNTS, built.counts)):
        contract.bind(SANTA_MARTA.codes).gate(table)


def counts(built):
    return {(r.archivo, r.destino, r.regla): int(r.filas) for r in built.counts.to_pandas().itertuples()}


def test_an_exact_copy_is_a_duplicate_even_of_a_rejected_row_or_in_another_file(tmp_path):
    write_rows(tmp_path, [petition(), petition(radicado="R-2", edad="x"), petition(radicado="R-2", edad="x")])
    write_rows(tmp_path, [petition(), petition(radicado="R-3")], "prueba_2.csv")
    assert counts(build(tmp_path)) == {
        ("prueba_1.csv", "aceptada", ""): 1,
        ("prueba_1.csv", "rechazada", "forma_no_valida"): 1,
        ("prueba_1.csv", "duplicada", ""): 1,
        ("prueba_2.csv", "duplicada", ""): 1,
        ("prueba_2.csv", "aceptada", ""): 1,
    }


def test_cells_that_only_look_alike_when_joined_are_no_copies(tmp_path):
    rows = [petition(nombre="Ana", correo=""), petition(nombre="", correo="Ana")]
    assert counts(build(write_rows(tmp_path, rows)))[("prueba_1.csv", "fusionada", "")] == 1


def test_rows_of_one_radicado_become_one_petition(tmp_path):
    rows = [
        petition(canal="", documento_tipo="CC", documento_numero="1.234", estado="radicada", sexo="F"),
        petition(canal="Web", fecha_respuesta="2025-03-20", estado="respondida", sexo="M"),
        petition(canal="Chat", documento_numero="1234", fecha_respuesta="2025-03-12", estado="en_tramite"),
        petition(radicado="R-2"),
    ]
    built = build(write_rows(tmp_path, rows))
    first, other = built.petitions.order_by("fila").to_pandas().itertuples()
    assert (first.fila, first.filas_fusionadas, other.filas_fusionadas) == (2, 2, 0)
    assert (first.canal, first.sexo) == ("web", "mujer")
    assert first.fecha_respuesta == datetime(2025, 3, 20)
    assert first.estado == "respondida"
    assert first.persona_clave == hmac.digest(KEY, b"CC|1234", "sha256").hex()
    assert counts(built) == {("prueba_1.csv", "aceptada", ""): 2, ("prueba_1.csv", "fusionada", ""): 2}


@pytest.mark.parametrize(
    "changed", [{"fecha_recepcion": "2025-03-04"}, {"documento_numero": "999"}, {"documento_numero": "1234567"}]
)
def test_a_radicado_of_two_days_or_two_documents_rejects_all_its_rows(tmp_path, changed):
    first = petition(documento_tipo="CC", documento_numero="123.456")
    rows = [first, first | changed, petition(radicado="R-2")]
    assert destinies_of(tmp_path, *rows) == {
        2: ("radicado_contradictorio", "radicado"),
        3: ("radicado_contradictorio", "radicado"),
    }


def test_another_hour_of_the_same_day_is_no_contradiction(tmp_path):
    frame = petitions_of(tmp_path, petition(), petition(fecha_recepcion="2025-03-03 18:00"))
    assert list(frame.filas_fusionadas) == [1]


def test_a_rejected_row_neither_merges_nor_contradicts(tmp_path):
    frame = petitions_of(tmp_path, petition(), petition(fecha_recepcion="2025-03-09", edad="x"))
    assert list(frame.filas_fusionadas) == [0]


ROW = st.fixed_dictionaries(
    {
        "radicado": st.sampled_from(["", "A", "B", "C"]),
        "fecha_recepcion": st.sampled_from(["2025-03-03", "2025-03-03 10:00", "2025-03-04", "mal", "2025-09-01", ""]),
        "tipo": st.sampled_from(["queja", "informacion", "rara", ""]),
        "canal": st.sampled_from(["web", "Portal web", "xx", ""]),
        "edad": st.sampled_from(["", "20", "17.0", "x", "200"]),
        "documento_numero": st.sampled_from(["", "1", "2"]),
        "fecha_respuesta": st.sampled_from(["", "2025-03-05", "2025-08-01", "mal"]),
    }
)


@given(st.lists(ROW, max_size=10), st.lists(ROW, max_size=5), st.integers(0, 2))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_read_are_the_accepted_merged_duplicated_and_rejected(tmp_path, first, second, broken):
    write_rows(tmp_path, first)
    write_rows(tmp_path, second, "prueba_2.csv")
    with (tmp_path / "prueba_2.csv").open("a") as out:
        out.write("roto\n" * broken)
    municipality, tables = town(), memory()
    summary = reading.load(municipality, tmp_path, "2025-S1", tables)
    built = records.build(municipality, Semester(2025, 1), tables, KEY)
    by_file = built.counts.group_by("archivo").aggregate(filas=ibis._.filas.sum()).to_pandas()
    assert dict(by_file.itertuples(index=False)) == {f.archivo: f.filas for f in summary.files if f.filas}
    by_end = dict.fromkeys(("aceptada", "fusionada", "duplicada", "rechazada"), 0)
    for row in built.counts.to_pandas().itertuples():
        by_end[row.destino] += row.filas
    petitions = built.petitions.to_pandas()
    assert len(petitions) == by_end["aceptada"]
    assert petitions.filas_fusionadas.sum() == by_end["fusionada"]
    assert built.rejected.count().execute() == by_end["rechazada"]


def test_the_same_rows_give_the_same_records_whatever_the_engine_does(tmp_path):
    rows = [petition(radicado=f"R-{i % 40}", canal=["web", "", "chat"][i % 3], edad=str(i % 90)) for i in range(120)]
    write_rows(tmp_path, rows)
    frames = []
    for threads in (1, 4):
        municipality, tables = town(), memory()
        tables.con.execute(f"SET threads = {threads}")
        reading.load(municipality, tmp_path, "2025-S1", tables)
        built = records.build(municipality, Semester(2025, 1), tables, KEY)
        frames.append([t.to_pandas() for t in (built.petitions, built.rejected, built.counts)])
    for one_thread, four_threads in zip(*frames, strict=True):
        pd.testing.assert_frame_equal(one_thread, four_threads)


TIMELY = [
    # 15 working days from Monday 3 March 2025 end on 25 March (24 March is a holiday); the cut-off is 14 July
    ({"fecha_respuesta": "2025-03-25"}, "en_termino", 15),
    ({"fecha_respuesta": "2025-03-26"}, "fuera_termino", 16),
    ({"fecha_respuesta": "2025-03-03 08:00"}, "en_termino", 0),
    ({"fecha_respuesta": "2025-03-02"}, "no_evaluable", None),
    ({}, "pendiente_vencida", None),
    ({"estado": "respondida"}, "no_evaluable", None),
    ({"estado": "Cerrada"}, "no_evaluable", None),
    ({"estado": "desistida"}, "no_evaluable", None),
    ({"estado": "trasladada"}, "no_evaluable", None),
    ({"tipo": "felicitacion"}, "no_aplica", None),
    ({"tipo": "felicitacion", "fecha_respuesta": "2025-03-05"}, "no_aplica", 2),
    ({"tipo": "informacion", "fecha_respuesta": "2025-03-17"}, "en_termino", 10),
    ({"tipo": "informacion", "fecha_respuesta": "2025-03-18"}, "fuera_termino", 11),
    ({"tipo": "rara", "fecha_respuesta": "2025-03-25"}, "en_termino", 15),
    ({"prorroga_hasta": "2025-04-01", "fecha_respuesta": "2025-04-01"}, "en_termino", 20),
    ({"prorroga_hasta": "2025-04-01", "fecha_respuesta": "2025-04-02"}, "fuera_termino", 21),
    # an extension beyond the double of the term ends with it, on 15 April; one shorter than the term does nothing
    ({"prorroga_hasta": "2025-12-01", "fecha_respuesta": "2025-04-15"}, "en_termino", 30),
    ({"prorroga_hasta": "2025-12-01", "fecha_respuesta": "2025-04-16"}, "fuera_termino", 31),
    ({"prorroga_hasta": "2025-03-05", "fecha_respuesta": "2025-03-25"}, "en_termino", 15),
    ({"fecha_traslado": "2025-03-10"}, "en_termino", None),
    ({"fecha_traslado": "2025-03-11", "estado": "trasladada"}, "fuera_termino", None),
    ({"fecha_traslado": "2025-03-01"}, "no_evaluable", None),
    ({"fecha_recepcion": "2025-06-27"}, "pendiente_en_termino", None),
    ({"fecha_recepcion": "2025-06-19"}, "pendiente_en_termino", None),
    ({"fecha_recepcion": "2025-06-18"}, "pendiente_vencida", None),
    # what happened after the cut-off, 14 July, is not known yet
    ({"fecha_recepcion": "2025-06-27", "fecha_respuesta": "2025-07-15", "estado": "respondida"},
     "pendiente_en_termino", None),
    ({"fecha_respuesta": "2025-07-15", "estado": "respondida"}, "pendiente_vencida", None),
    ({"fecha_traslado": "2025-07-15", "estado": "trasladada"}, "pendiente_vencida", None),
    # received on Saturday, answered on Sunday: no working day has passed
    ({"fecha_recepcion": "2025-03-01", "fecha_respuesta": "2025-03-02"}, "en_termino", 0),
]  # fmt: skip


def test_timeliness_and_days_are_as_of_the_cutoff(tmp_path):
    rows = [petition(**({"radicado": f"R-{i}"} | fields)) for i, (fields, _, _) in enumerate(TIMELY)]
    found = petitions_of(tmp_path, *rows)
    for (fields, expected, days), row in zip(TIMELY, found.itertuples(), strict=True):
        assert row.oportunidad == expected, fields
        assert (None if pd.isna(row.dias_respuesta) else row.dias_respuesta) == days, fields


def test_an_answer_after_the_cutoff_leaves_the_petition_under_way(tmp_path):
    row = one(tmp_path, fecha_respuesta="2025-07-15", estado="respondida")
    assert (row.estado, pd.isna(row.fecha_respuesta)) == ("en_tramite", True)


def test_the_rule_and_its_term_are_said(tmp_path):
    row = one(tmp_path)
    assert (row.regla_termino, row.termino_dias) == ("L2207-queja", 15)
    assert row.fecha_vencimiento == datetime(2025, 3, 25)
    moved = one(tmp_path, fecha_traslado="2025-03-10")
    assert (moved.regla_termino, moved.termino_dias) == ("L1755-traslado", 5)
    assert pd.isna(one(tmp_path, tipo="felicitacion").regla_termino)


DECRETO_491 = [
    # both ends of the window
    ("2020-03-27", "2020-03-27", "L1755-queja", "en_termino"),
    ("2020-03-28", "2020-05-14", "D491-queja", "en_termino"),
    ("2020-03-28", "2020-05-15", "D491-queja", "fuera_termino"),
    ("2022-05-17", "2022-07-01", "D491-queja", "en_termino"),
    ("2022-05-18", "2022-06-09", "L2207-queja", "en_termino"),
    ("2022-05-18", "2022-06-10", "L2207-queja", "fuera_termino"),
    # under way on 28 March 2020: the longer term, unless answered before or already due
    ("2020-03-06", "2020-04-22", "D491-queja", "en_termino"),
    ("2020-03-06", "2020-03-27", "L1755-queja", "en_termino"),
    ("2020-03-05", "2020-04-20", "L1755-queja", "fuera_termino"),
]


@pytest.mark.parametrize("period", ["2020-S1", "2022-S1"])
def test_decreto_491_counts_within_its_window_and_for_petitions_under_way(tmp_path, period):
    cases = [case for case in DECRETO_491 if case[0][:4] == period[:4]]
    rows = [
        petition(radicado=str(i), fecha_recepcion=received, fecha_respuesta=answered)
        for i, (received, answered, _, _) in enumerate(cases)
    ]
    for case, row in zip(cases, petitions_of(tmp_path, *rows, period=period).itertuples(), strict=True):
        assert (row.regla_termino, row.oportunidad) == case[2:], case


def test_what_arrives_after_closing_time_counts_from_the_next_day(tmp_path):
    late = SANTA_MARTA.calendario.model_copy(update={"hora_cierre": 17})
    evening = {"fecha_recepcion": "2025-03-03 17:00", "fecha_respuesta": "2025-03-26"}
    assert one(tmp_path, {"municipality": town(calendario=late)}, **evening).oportunidad == "en_termino"
    assert one(tmp_path, **evening).oportunidad == "fuera_termino"


def without(*fields):
    plain = source()
    return source(columnas={k: v for k, v in plain.columnas.items() if k not in fields},
                  ignoradas=dict.fromkeys(fields, "no se usa"))  # fmt: skip


def test_a_source_that_tells_no_answers_makes_nothing_overdue(tmp_path):
    how = {"municipality": town(without("fecha_respuesta"))}
    assert one(tmp_path, how).oportunidad == "no_evaluable"
    assert one(tmp_path, how, tipo="felicitacion").oportunidad == "no_aplica"


def test_a_source_that_names_nobody_makes_nobody_anonymous(tmp_path):
    how = {"municipality": town(without("nombre", "documento_numero"))}
    assert not one(tmp_path, how).anonima
    assert one(tmp_path, how, anonima="si").anonima


def test_a_pseudonym_is_pythons_hmac_of_document_type_and_number(tmp_path):
    row = one(tmp_path, documento_tipo="C.C.", documento_numero=" 1.234.567 ")
    assert row.persona_clave == hmac.new(KEY, b"CC|1234567", hashlib.sha256).hexdigest()


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=90), max_size=8),
       st.binary(min_size=1, max_size=64))  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_the_engines_hmac_is_pythons(messages, key):
    tables = memory()
    scratch = Scratch(tables)
    rows = scratch.lookup(
        "mensajes",
        pa.table({"orden": pa.array(range(len(messages)), pa.int64()), "mensaje": pa.array(messages, pa.string())}),
    )
    found = scratch.hmac_sha256("prueba", rows, key).order_by("orden").to_pandas().clave.to_list()
    assert found == [hmac.digest(key, message.encode(), "sha256").hex() for message in messages]


def test_the_key_leaves_the_engine_after_use(tmp_path):
    municipality, tables = town(), memory()
    reading.load(municipality, write_rows(tmp_path, [petition(documento_tipo="CC", documento_numero="9")]), "2025-S1",
                 tables)  # fmt: skip
    records.build(municipality, Semester(2025, 1), tables, KEY)
    found = tables.con.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()
    left = sorted(name.removeprefix("_registros_") for (name,) in found)
    assert left == ["alertas", "calendario", "conteo", "peticiones", "rechazadas"]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1.234.567", "1234567"),
        (" 1 234 567 ", "1234567"),
        ("900.123.456-7", "900123456"),
        ("900123456 - 7", "900123456"),
        ("1234567.0", "1234567"),
        ("ab 12-3", "AB123"),
        ("0", None),
        ("N/A", None),
        ("", None),
    ],
)
def test_a_document_number_is_one_however_it_is_written(written, number):
    found = memory().ibis.execute(document_number(ibis.literal(written)))
    assert (None if pd.isna(found) else found) == number


@given(st.text(st.characters(max_codepoint=0x17F, exclude_characters="\0"), max_size=20))
@settings(max_examples=60, deadline=None)
def test_a_spelling_folds_alike_in_python_and_in_the_engine(text):
    assert ENGINE.execute(folded(ibis.literal(text))) == fold(text)


ENGINE = ibis.duckdb.connect()


@pytest.mark.parametrize(
    ("one_spelling", "other"),
    [("Petición", "PETICION"), ("  a \u00a0 b ", "A B"), ("informacio\u0301n", "información"), ("NIÑO", "nino")],
)
def test_spellings_that_differ_in_case_accents_or_spaces_are_one(one_spelling, other):
    assert fold(one_spelling) == fold(other)


def test_a_spelling_of_two_codes_is_refused(tmp_path):
    lists = SANTA_MARTA.listas | {"canal": (*SANTA_MARTA.listas["canal"], Code(codigo="otro", etiqueta="PORTAL WÉB"))}
    with pytest.raises(ProfileError, match="dos códigos"):
        one(tmp_path, {"municipality": town(listas=lists)})


def test_native_dates_of_a_workbook_are_read_and_so_are_those_that_lost_their_format(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["radicado", "fecha_recepcion", "nombre"])
    for number, moment in enumerate([datetime(2025, 3, 4, 10, 30), 45720.4375, "04/03/2025", 45720, 4572]):
        book.active.append([number, moment, "Ana"])
    book.save(tmp_path / "libro.xlsx")
    fields = ("radicado", "fecha_recepcion", "nombre")
    sheet = source(
        formato="xlsx",
        archivos="*.xlsx",
        formatos_fecha=["excel", "%d/%m/%Y"],
        columnas={name: SourceColumn(columna=name) for name in fields},
    )
    built = build(tmp_path, town(sheet))
    midnight, morning = datetime(2025, 3, 4), datetime(2025, 3, 4, 10, 30)
    assert list(built.petitions.order_by("fila").to_pandas().fecha_recepcion) == [morning, morning, midnight, midnight]
    assert built.rejected.regla.to_list() == ["fecha_no_valida"]


def test_a_date_form_that_the_engine_would_misread_is_refused(tmp_path):
    with pytest.raises(ProfileError, match="formato de fecha"):
        one(tmp_path, {"municipality": town(source(formatos_fecha=["%Y-%m-%d %H:%M%z"]))})


def test_codes_ranges_and_required_columns_come_from_the_contract():
    contract = PETITIONS.bind(SANTA_MARTA.codes)
    rules = row_rules(contract, SANTA_MARTA, Semester(2025, 1), date(2025, 7, 14))
    said = {(rule.name, rule.column) for rule in rules}
    assert {("obligatorio", "radicado"), ("obligatorio", "fecha_recepcion"), ("fuera_de_rango", "edad")} <= said
    closed = {c.name for c in contract.columns if c.codes} - {
        "mecanismo",
        "tipo",
        "oportunidad",
        "edad_banda",
        "estado_fuente",
    }
    assert closed <= {column for name, column in said if name == "codigo_desconocido"}


def test_no_record_carries_a_name_a_text_or_a_document(tmp_path):
    texts = ("nombre", "correo", "telefono", "direccion", "asunto", "descripcion", "respuesta", "trasladada_a")
    row = petition(documento_tipo="CC", documento_numero="77317731", **dict.fromkeys(texts, CANARY))
    built = build(write_rows(tmp_path, [row, petition(radicado="R-2", edad=CANARY)]))
    for table in (built.petitions, built.rejected, built.counts):
        said = table.to_pandas().to_csv()
        assert CANARY not in said
        assert "77317731" not in said


def test_errors_of_the_build_carry_no_cell(tmp_path):
    broken = town(listas=SANTA_MARTA.listas | {"edad_banda": SANTA_MARTA.listas["edad_banda"][1:]})
    with pytest.raises(ProfileError, match="edad_banda") as caught:
        one(tmp_path, {"municipality": broken}, nombre=CANARY, radicado=CANARY)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_merged_petition_keeps_what_only_a_later_row_says(tmp_path):
    columns = {name: SourceColumn(columna=name) for name in ("radicado", "fecha_recepcion", "tipo", "nombre")}
    assert set(columns) <= set(source().columnas)
    frame = petitions_of(tmp_path, petition(tipo="rara", nombre=""), petition(tipo="reclamo", autorizacion="si"))
    assert (frame.tipo[0], frame.anonima[0], frame.autorizacion_datos[0]) == ("reclamo", False, True)
