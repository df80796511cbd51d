"""Landing files that were loaded: left where they are, kept in the encrypted store, or destroyed, with a record."""

import duckdb
import pytest

from pipeline import reading
from pipeline.stores import keys, restricted
from schemas.extracts import CUSTODY, EXTRACTS, FILES_READ
from tests.small_extracts import memory, town
from tests.test_reading import CANARY, put, sheet_file, small, workbook

HEADER = "número,fecha,clase\n"


def load(folder, tables, *sources):
    return reading.load(town(*sources), folder, "2025-S1", tables)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def radicados(tables):
    return sorted(tables.table(EXTRACTS).radicado.to_list())


@pytest.mark.parametrize("how", ["conservar", "custodiar", "purgar"])
def test_what_becomes_of_a_file_is_declared_done_and_recorded(tmp_path, how):
    tables = memory()
    summary = load(put(tmp_path, HEADER + "1,,queja\n"), tables, small(tras_cargar=how))
    assert names(tmp_path) == (["prueba_1.csv"] if how == "conservar" else [])
    assert summary.removed == (how != "conservar")
    assert tables.table(FILES_READ).tras_cargar.to_list() == [how]
    assert tables.table(CUSTODY).count().execute() == (how == "custodiar")
    again = load(tmp_path, tables, small(tras_cargar=how))
    assert radicados(tables) == ["1"]
    assert [file.filas for file in again.files] == ([] if how == "purgar" else [1])


def test_a_file_in_custody_is_read_again_byte_by_byte_under_another_mapping(tmp_path):
    tables = memory()
    lines = "".join(f"{n},2025-01-02,{'x' * 80}\n" for n in range(60_000))
    load(put(tmp_path, HEADER + lines), tables, small(tras_cargar="custodiar"))
    assert tables.table(CUSTODY).count().execute() > 1
    load(tmp_path, tables, small(tras_cargar="custodiar", constantes={"canal": "web"}))
    rows = tables.table(EXTRACTS)
    assert (rows.count().execute(), set(rows.canal.to_list())) == (60_000, {"web"})


def test_a_workbook_in_custody_is_read_again(tmp_path):
    tables = memory()
    sheet_file(tmp_path, [["número", "fecha", "clase"], *([n, None, "queja"] for n in range(50))])
    for _ in range(2):
        load(tmp_path, tables, workbook(tras_cargar="custodiar"))
        assert tables.table(EXTRACTS).count().execute() == 50
        assert names(tmp_path) == []


def test_late_files_join_those_that_were_purged_and_a_file_of_the_same_name_replaces_them(tmp_path):
    tables, source = memory(), small(tras_cargar="purgar")
    load(put(tmp_path, HEADER + "1,,queja\n"), tables, source)
    load(put(tmp_path, HEADER + "2,,queja\n", "prueba_2.csv"), tables, source)
    assert radicados(tables) == ["1", "2"]
    load(put(tmp_path, HEADER + "3,,queja\n"), tables, source)
    assert radicados(tables) == ["2", "3"]
    assert sorted(tables.table(FILES_READ).archivo.to_list()) == ["prueba_1.csv", "prueba_2.csv"]


def test_a_load_that_fails_removes_nothing(tmp_path):
    tables, source = memory(), small(tras_cargar="purgar")
    put(tmp_path, HEADER + "1,,queja\n")
    put(tmp_path, "roto\n", "prueba_2.csv")
    with pytest.raises(reading.ReadingError):
        load(tmp_path, tables, source)
    assert names(tmp_path) == ["prueba_1.csv", "prueba_2.csv"]


def test_what_is_in_custody_is_encrypted_at_rest(tmp_path):
    layout, landing = tmp_path / "r", tmp_path / "l"
    layout.mkdir()
    landing.mkdir()
    put(landing, HEADER + f"1,,{CANARY}\n" * 200)
    con = duckdb.connect()
    key = keys.load_or_create(layout / "clave")
    with restricted.attached(con, layout / "r.duckdb", key, spill=layout / "tmp") as tables:
        load(landing, tables, small(tras_cargar="custodiar"))
        load(landing, tables, small(tras_cargar="custodiar"))
    con.close()
    assert names(landing) == []
    stored = b"".join(path.read_bytes() for path in layout.rglob("*") if path.is_file())
    assert stored
    assert CANARY.encode() not in stored
