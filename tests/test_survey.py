"""A perception survey: scales, options and free text from a workbook, through years that name their columns anew."""

import os

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import reading
from pipeline.errors import ProfileError
from pipeline.reading import survey
from pipeline.reading.errors import HeaderError, UnknownFileError
from pipeline.surveys import Survey, check
from schemas.survey import ANSWER_COUNTS, ANSWERS
from tests.small_extracts import SANTA_MARTA, memory, petition, town, write_rows
from tests.test_reading import CANARY, everything_said

HEADER = ["Marca temporal", "P1. ¿Qué tan satisfecho quedó? (1 a 5)", "P2_Claridad", "P3 - Esfuerzo",
          "Canal de atención", "P4) ¿Volvería?", "P5 ¿Qué mejoraría?", "Encuestador"]  # fmt: skip


def write(folder, *rows, header=HEADER, name="encuesta_percepcion_1.xlsx", sheet="Respuestas"):
    book = openpyxl.Workbook()
    book.active.title = "Portada"
    page = book.create_sheet(sheet)
    for row in [header, *rows]:
        page.append(row)
    book.save(folder / name)
    return folder


def load(folder, profile=SANTA_MARTA, tables=None, period="2025-S1"):
    tables = tables or memory()
    read = survey.load(profile, folder, period, tables)
    return read, tables.table(ANSWERS).order_by("archivo", "fila", "pregunta").to_pandas()


def answers(frame, question):
    mine = frame[frame.pregunta == question]
    value = "texto" if question == "sugerencia" else "opcion" if question in ("canal", "volveria") else "valor"
    return [(r.estado, None if pd.isna(getattr(r, value)) else getattr(r, value)) for r in mine.itertuples()]


LIKERT = [
    (5, ("valida", 5)), ("4 - Satisfecho", ("valida", 4)), ("3. Ni satisfecho ni insatisfecho", ("valida", 3)),
    ("muy  INSATISFECHO", ("valida", 1)), (2.0, ("valida", 2)), ("2.", ("valida", 2)), (0, ("ausente", None)),
    (99, ("ausente", None)), (None, ("ausente", None)), (" ", ("ausente", None)), (6, ("no_valida", None)),
    ("4.5", ("no_valida", None)), ("bien", ("no_valida", None)), ("5 - Insatisfecho", ("no_valida", None)),
    ("45", ("no_valida", None)),
]  # fmt: skip


def test_a_step_of_a_scale_is_read_by_its_number_or_its_words_and_zero_is_no_answer(tmp_path):
    _, frame = load(write(tmp_path, *[[None, cell, None, None, "Web", None, None] for cell, _ in LIKERT]))
    assert answers(frame, "satisfaccion") == [expected for _, expected in LIKERT]
    assert set(frame[frame.pregunta == "claridad"].estado) == {"ausente"}


def test_a_scale_that_runs_the_other_way_is_turned(tmp_path):
    _, frame = load(write(tmp_path, *[[None, None, None, n] for n in (1, 2, 3, 4, 5, 0)]))
    assert answers(frame, "esfuerzo") == [*[("valida", n) for n in (5, 4, 3, 2, 1)], ("ausente", None)]


CLOSED = [
    ("1", "si"),
    ("2. No", "no"),
    ("3 - No sabe", "no_sabe"),
    ("sí", "si"),
    ("SI", "si"),
    ("NS/NR", "no_sabe"),
    ("1) Sí", "si"),
]


def test_an_option_is_read_by_its_code_its_label_or_both(tmp_path):
    rows = [[None, None, None, None, "Página web", cell] for cell, _ in CLOSED] + [
        [None, None, None, None, "Humo", "quizá"]
    ]
    _, frame = load(write(tmp_path, *rows))
    assert answers(frame, "volveria") == [*[("valida", option) for _, option in CLOSED], ("no_valida", None)]
    assert answers(frame, "canal") == [*[("valida", "web")] * len(CLOSED), ("no_valida", None)]


def test_free_text_stays_in_the_restricted_table_and_words_for_nothing_are_none(tmp_path):
    tables = memory()
    rows = [[None] * 6 + [text] for text in (CANARY, "Ninguna", "N/A", "")]
    _, frame = load(write(tmp_path, *[["x", *row[1:]] for row in rows]), tables=tables)
    assert answers(frame, "sugerencia") == [("valida", CANARY), *[("ausente", None)] * 3]
    assert CANARY not in tables.table(ANSWER_COUNTS).to_pandas().to_csv()


def test_other_years_name_columns_anew_and_what_they_did_not_ask_is_no_missing_answer(tmp_path):
    older = ["P1 Satisfacción", "P2", "P3", "Medio de atención", "P5 Sugerencia", "Encuestador", "Marca temporal"]
    write(tmp_path, [None, 4, 4, 4, "Chat", "1", None])
    write(tmp_path, [5, 5, 5, "Correo", None], header=older, name="encuesta_percepcion_2.xlsx")
    read, frame = load(tmp_path)
    assert (read.files, read.rows, read.answers) == (2, 2, 12)
    assert answers(frame, "satisfaccion") == [("valida", 4), ("valida", 5)]
    assert answers(frame, "canal") == [("valida", "chat"), ("valida", "correo")]
    assert answers(frame, "volveria") == [("valida", "si"), ("no_preguntada", None)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({1: "Satisfacción"}, "falta la columna de la pregunta «satisfaccion» (.«P1».)"),
        ({2: "P1 otra vez"}, "la pregunta «satisfaccion» tiene 2 columnas"),
        ({5: CANARY}, r"no está en el perfil la columna: 6 \(F\)"),
    ],
)
def test_a_survey_whose_columns_changed_stops_the_load(tmp_path, change, reason):
    header = [change.get(i, name) for i, name in enumerate(HEADER)]
    with pytest.raises(HeaderError, match=reason) as caught:
        load(write(tmp_path, [CANARY] * 8, header=header))
    assert CANARY not in everything_said(caught.value)


def test_a_load_that_fails_leaves_the_former_answers_and_a_new_one_replaces_them(tmp_path):
    tables = memory()
    load(write(tmp_path, [None, 1], [None, 2]), tables=tables)
    write(tmp_path, [1], header=["otra"], name="encuesta_percepcion_2.xlsx")
    with pytest.raises(HeaderError):
        load(tmp_path, tables=tables)
    assert tables.table(ANSWERS).count().execute() == 12
    (tmp_path / "encuesta_percepcion_2.xlsx").unlink()
    load(write(tmp_path, [None, 1]), tables=tables)
    assert tables.table(ANSWERS).count().execute() == 6


def test_a_semester_without_surveys_has_no_answers_and_survey_files_are_no_extracts(tmp_path):
    assert load(tmp_path)[0].answers == 0
    profile = town(encuestas=SANTA_MARTA.encuestas)
    write_rows(write(tmp_path, [None, 1]), [petition()])
    assert [file.archivo for file in reading.load(profile, tmp_path, "2025-S1", memory()).files] == ["prueba_1.csv"]
    assert load(tmp_path, profile)[0].rows == 1
    doubled = town(encuestas=[*profile.encuestas, profile.encuestas[0].model_copy(update={"id": "otra"})])
    with pytest.raises(UnknownFileError, match="percepcion"):
        load(tmp_path, doubled)


CELL = st.one_of(st.none(), st.integers(-3, 120), st.sampled_from(["4 - Satisfecho", "x", "0", "Web", "1. Sí", " "]))


@given(st.lists(st.lists(CELL, min_size=7, max_size=9), max_size=8))
@settings(
    max_examples=50 if os.environ.get("FULL") == "1" else 3, deadline=None, suppress_health_check=list(HealthCheck)
)
def test_every_person_has_one_answer_to_every_question_and_the_counts_add_up(tmp_path_factory, rows):
    folder, tables = tmp_path_factory.mktemp("e"), memory()
    read, frame = load(write(folder, *rows), tables=tables)
    ANSWERS.bind(SANTA_MARTA.codes).gate(tables.table(ANSWERS))
    ANSWER_COUNTS.gate(tables.table(ANSWER_COUNTS))
    assert len(frame) == 6 * (read.rows - read.defects) == read.answers
    assert read.rows == sum(any(c is not None for c in row) for row in rows)
    counts = tables.table(ANSWER_COUNTS).to_pandas()
    assert counts.respuestas.sum() == len(frame)
    assert set(frame.valor.dropna()) <= {1, 2, 3, 4, 5}


WRONG = [
    ({"tipo": "cerrada"}, "opciones"),
    ({"tipo": "cerrada", "lista": "no_hay"}, "lista"),
    ({"tipo": "likert", "escala": 3, "etiquetas": ["a", "b"]}, "etiquetas"),
    ({"tipo": "abierta", "invertida": True}, "escala"),
    ({"tipo": "cerrada", "opciones": {"a": ["x"], "b": ["X"]}}, "opciones"),
    ({"tipo": "abierta", "codigo": None}, "columnas"),
]


@pytest.mark.parametrize(("question", "key"), WRONG)
def test_a_survey_that_contradicts_itself_is_refused_with_file_and_key(question, key):
    plain = {"id": "p", "texto": "P", "codigo": "P1"}
    made = Survey.model_validate({"id": "e", "titulo": "E", "archivos": "*", "preguntas": [plain | question]})
    with pytest.raises(ProfileError, match=rf"encuestas\.yaml: «e\.p\.{key}»"):
        check(made, set(SANTA_MARTA.listas))
