"""`pqrsd levels`: levels that the gate would publish at, for all periods at once, without a value on the screen."""

import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipeline import cli, levels
from pipeline.layout import Layout
from pipeline.stores import keys, restricted
from schemas.records import PETITIONS
from tests.privacy_cases import changed, santa_marta
from tests.privacy_frames import petitions

PERIODS = ("2025-S1", "2025-S2")


def two_periods(rows: int = 1500) -> pa.Table:
    return pa.concat_tables([petitions(rows, seed, period) for seed, period in enumerate(PERIODS, start=1)])


def coarse() -> object:
    """Santa Marta with few levels to choose from, so that the search is short, and limits that small data meet."""
    profile = santa_marta()
    columns = profile.privacidad.columnas
    short = {"sexo", "edad", "territorio"}
    trees = {name: rows if name in short else _two(rows) for name, rows in profile.jerarquias.items()}
    top = {name: column.model_copy(update={"nivel": 1}) for name, column in columns.items()}
    targets = profile.privacidad.model_copy(
        update={"celdas_suprimidas_max": 0.5, "filas_perdidas_max": 0.5, "columnas": top}
    )
    return changed(profile, jerarquias=profile.jerarquias | trees, privacidad=targets)


def _two(rows: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    return tuple((row[0], row[-2], "*") for row in rows)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A data folder whose restricted store holds two periods."""
    folder = tmp_path_factory.mktemp("datos")
    layout = Layout.at(folder)
    layout.prepare()
    master = keys.load_or_create(layout.key_file)
    with (
        duckdb.connect() as con,
        restricted.attached(con, layout.restricted_db, master, spill=layout.restricted / "tmp") as tables,
    ):
        con.register("nuevas", two_periods())
        con.execute(f"INSERT INTO {tables.ensure(PETITIONS)} BY NAME SELECT * FROM nuevas")
    return folder


@pytest.fixture(scope="module")
def found(store) -> levels.Found:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels.profiles, "load", lambda _: coarse())
        return levels.find("coarse", store, 1)


def test_the_best_levels_come_with_what_the_gate_says_of_every_period(found):
    (best,) = found.candidates
    assert found.periods == PERIODS
    assert best.withheld == ()
    assert found.publishes_all
    assert best.persons >= 10
    assert best.risk <= 0.05
    assert best.hidden <= 0.5
    assert found.own.levels == dict.fromkeys(found.own.levels, 1)


def test_the_best_levels_lose_no_more_than_the_profiles_own(found):
    assert found.candidates[0].loss <= found.own.loss + 1e-9


def test_candidates_are_told_in_a_spanish_table_without_a_value(found):
    said = found.in_words()
    assert "Periodos: 2025-S1, 2025-S2." in said
    assert all(word in said for word in ("pérdida", "celdas supr.", "vigente", "El primero publica todos"))
    assert not any(word in said for word in ("mujer", "predial", "c1", "hacienda"))
    withheld = replace(found.candidates[0], withheld=("2025-S2",))
    told = levels.Found((withheld,), found.own, found.periods)
    assert not told.publishes_all
    assert "Ningún conjunto de niveles encontrado publica todos" in told.in_words()
    assert told.as_dict()["candidatos"][0]["periodos_sin_microdatos"] == ["2025-S2"]


def test_the_command_says_by_its_exit_whether_all_periods_can_be_published(found, monkeypatch, capsys):
    monkeypatch.setattr(levels, "find", lambda *_: found)
    assert cli.main(["levels", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["vigente"]["niveles"] == found.own.levels
    none = levels.Found((), found.own, found.periods)
    monkeypatch.setattr(levels, "find", lambda *_: none)
    assert cli.main(["levels"]) == 1


def test_without_petitions_the_command_cannot_run(tmp_path, capsys):
    assert cli.main(["levels", "--data", str(tmp_path)]) == 2
    assert "No hay peticiones" in capsys.readouterr().err
    assert not (tmp_path / "restringido").exists()
