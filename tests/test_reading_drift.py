"""What changed since the semester before is stored; people see counts, and the restricted command the values."""

import json

import duckdb

from pipeline import cli, reading
from pipeline.layout import Layout
from pipeline.periods import Semester
from pipeline.reading import drift, shown
from pipeline.stores import keys, restricted
from schemas.extracts import DRIFT
from tests.small_extracts import SANTA_MARTA, memory, source, town

COLUMNS = {
    "radicado": {"columna": "numero", "alias": ["No"]},
    "fecha_recepcion": {"columna": "fecha"},
    "canal": {"columna": "canal"},
    "edad": {"columna": "edad"},
}


def semester(folder, tables, label, text):
    folder = folder / label
    folder.mkdir()
    (folder / "prueba_1.csv").write_text(text, encoding="utf-8")
    reading.load(town(source(columnas=COLUMNS)), folder, label, tables)


def rows(*lines, header="numero,fecha,canal,edad"):
    return "\n".join([header, *lines]) + "\n"


def changes(tables, label="2025-S2"):
    found = drift.against_previous(tables, SANTA_MARTA, Semester.parse(label))
    DRIFT.gate(found)
    return {
        (r["aspecto"], r["novedad"], r["campo"], r["valor"], r["antes"], r["ahora"])
        for r in found.to_pyarrow().to_pylist()
    }


def test_nothing_is_said_of_what_is_alike_nor_without_a_semester_before(tmp_path):
    tables = memory()
    same = rows("1,2025-01-02,web,30", "2,2025-01-02,chat,")
    semester(tmp_path, tables, "2025-S1", same)
    assert changes(tables, "2025-S1") == set()
    semester(tmp_path, tables, "2025-S2", same)
    assert changes(tables) == set()


def test_columns_codes_fill_and_volume_that_changed_are_said(tmp_path):
    tables = memory()
    semester(tmp_path, tables, "2025-S1", rows("1,a,web,30", "2,a,chat,31", "3,a,web,"))
    semester(tmp_path, tables, "2025-S2", rows("1,a,Web,", "2,a,web,", header="No,fecha,canal,edad"))
    assert changes(tables) == {
        ("columna", "nueva", "No", None, 0.0, 1.0),
        ("columna", "desaparecida", "numero", None, 1.0, 0.0),
        ("codigo", "nueva", "canal", "Web", 0.0, 1.0),
        ("codigo", "desaparecida", "canal", "chat", 1.0, 0.0),
        ("llenado", "cambio", "edad", None, 2 / 3, 0.0),
        ("volumen", "cambio", "", None, 3.0, 2.0),
    }


def test_the_restricted_command_shows_the_values(tmp_path, capsys):
    layout = Layout.at(tmp_path / "datos")
    layout.prepare()
    con = duckdb.connect()
    municipality = town(source(columnas=COLUMNS))
    with restricted.attached(
        con, layout.restricted_db, keys.load_or_create(layout.key_file), spill=tmp_path / "s"
    ) as t:
        for label, text in (("2025-S1", rows("1,a,web,30")), ("2025-S2", rows("1,a,Chat,30"))):
            (tmp_path / label).mkdir()
            (tmp_path / label / "prueba_1.csv").write_text(text, encoding="utf-8")
            reading.load(municipality, tmp_path / label, label, t)
    con.close()
    arguments = ["diff", "--semester", "2025-S2", "--data", str(layout.data)]
    assert cli.main(arguments) == 1
    assert "prueba: en «canal» aparece el texto «Chat» (1 filas)" in capsys.readouterr().out
    assert cli.main([*arguments, "--json"]) == 1
    assert {row["valor"] for row in json.loads(capsys.readouterr().out)} == {"web", "Chat"}
    assert cli.main(["diff", "--semester", "2025-S1", "--data", str(layout.data)]) == 0
    assert cli.main(["diff", "--semester", "2025-S1", "--data", str(tmp_path / "otra")]) == 2


def test_a_change_is_said_in_words():
    row = {"fuente": "orfeo", "aspecto": "llenado", "novedad": "cambio", "campo": "edad", "antes": 0.5, "ahora": 0.2}
    assert shown.in_words([row]) == "orfeo: «edad» pasó de 50,0\u00a0% a 20,0\u00a0% de filas con dato"
    volume = row | {"aspecto": "volumen", "antes": 1200.0, "ahora": 7.0}
    assert shown.in_words([volume]) == "orfeo: el volumen pasó de 1.200 a 7 filas"
    assert shown.in_words([]) == "Los extractos son como los del semestre anterior."
