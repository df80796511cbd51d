"""Great Expectations over the release: what it judges, and that its answers carry counts and names only."""

import json
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from pipeline import release
from pipeline.release import quality
from pipeline.release.inputs import ReleaseError
from pipeline.release.profiling import Measure
from schemas.published import MICRODATA
from tests import small_release as small

CANARY = "1082911245"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("entrega")
    release.build(small.inputs(place / "figuras"), place / "2025.2.0")
    return place / "2025.2.0"


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    import shutil

    target = tmp_path / "copia"
    shutil.copytree(built, target)
    return target


def _failed(results: list[quality.QualityResult]) -> set[tuple[str, str, str | None]]:
    return {(r.rule, r.file, r.column) for r in results if not r.success}


def test_a_good_release_has_no_critical_failure_and_every_rule_is_tried(built: Path) -> None:
    results = quality.judge(built)
    assert not [r for r in results if r.severity == "critical" and not r.success]
    compared = {"columnas_conservadas", "volumen_estable"}
    assert {r.rule for r in results} == set(quality.RULES) - compared


def test_a_code_outside_its_list_is_counted_and_not_quoted(copy: Path) -> None:
    small.rewrite_rows(copy, "solicitudes", lambda t: _put(t, "tema", CANARY))
    results = quality.judge(copy)
    assert ("codigo_de_su_lista", "datos/solicitudes.csv", "tema") in _failed(results)
    bad = next(r for r in results if r.rule == "codigo_de_su_lista" and r.column == "tema")
    assert (bad.found, bad.total, bad.severity) == (1, 72, "critical")
    assert CANARY not in json.dumps(quality.as_json("c", "v", results))


def test_an_empty_required_cell_is_found(copy: Path) -> None:
    small.rewrite_rows(copy, "solicitudes", lambda t: _put(t, "sexo", None))
    assert ("obligatoria_llena", "datos/solicitudes.csv", "sexo") in _failed(quality.judge(copy))


def test_totals_that_are_not_the_published_rows_are_found(copy: Path) -> None:
    small.rewrite_rows(copy, "solicitudes", lambda t: t.slice(0, t.num_rows - 1))
    assert ("totales_iguales", "datos/tablas.csv", "valor") in _failed(quality.judge(copy))


def test_more_requests_than_accepted_rows_are_found(copy: Path) -> None:
    small.rewrite_rows(copy, "solicitudes", lambda t: pa.concat_tables([t, t]))
    assert ("no_mas_que_aceptadas", "datos/solicitudes.csv", None) in _failed(quality.judge(copy))


def test_an_undeclared_period_is_found(copy: Path) -> None:
    small.rewrite_rows(copy, "contabilidad", lambda t: _put(t, "periodo", "2020-S1"))
    assert ("periodos_declarados", "datos/contabilidad.csv", "periodo") in _failed(quality.judge(copy))


def test_a_repeated_key_is_found(copy: Path) -> None:
    small.rewrite_rows(copy, "contabilidad", lambda t: pa.concat_tables([t, t.slice(0, 1)]))
    assert ("clave_unica", "datos/contabilidad.csv", None) in _failed(quality.judge(copy))


def test_an_empty_cell_that_says_it_is_published_is_found(copy: Path) -> None:
    small.rewrite_rows(copy, "tablas", lambda t: _put(t, "estado_celda", "Suprimido", at=t.num_rows - 1))
    assert ("celda_y_estado", "datos/tablas.csv", "valor") in _failed(quality.judge(copy))


def test_a_volume_that_fell_more_than_a_tenth_is_a_warning(built: Path, copy: Path) -> None:
    small.rewrite_rows(copy, "solicitudes", lambda t: t.slice(0, 60))
    results = quality.judge(copy, built)
    stable = {r.column: r for r in results if r.rule == "volumen_estable" and r.file == "datos/solicitudes.csv"}
    assert stable["2025-S1"].success
    assert not stable["2025-S2"].success
    assert stable["2025-S2"].severity == "warning"


def test_a_column_that_vanished_is_critical(built: Path, copy: Path) -> None:
    small.rewrite_rows(copy, "segmentos", lambda t: t.drop_columns(["veces"]))
    schema = copy / "esquema" / "segmentos.tableschema.json"
    content = json.loads(schema.read_text(encoding="utf-8"))
    content["fields"] = [f for f in content["fields"] if f["name"] != "veces"]
    schema.write_text(json.dumps(content), encoding="utf-8")
    assert ("columnas_conservadas", "datos/segmentos.csv", None) in _failed(quality.judge(copy, built))


def test_a_critical_failure_stops_the_build_and_names_the_rule(tmp_path: Path) -> None:
    inputs = small.inputs(tmp_path / "f")
    short = small.microdata().slice(1)
    frames = tuple(
        release.Frame(f.contract, short if f.contract.name == MICRODATA.name else f.rows) for f in inputs.frames
    )
    with pytest.raises(ReleaseError, match="totales_iguales"):
        release.build(replace(inputs, frames=frames), tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_the_tools_own_answer_would_leak_and_ours_does_not(capfd: pytest.CaptureFixture[str]) -> None:
    """The reason for the whitelist: what Great Expectations answers about a column quotes its cells."""
    gx = pytest.importorskip("great_expectations")
    from great_expectations import expectations as gxe

    context = gx.get_context(mode="ephemeral")
    batches = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")
    suite = context.suites.add(
        gx.ExpectationSuite("s", expectations=[gxe.ExpectColumnValuesToBeInSet(column="c", value_set=["x"])])
    )
    frame = pd.DataFrame({"c": [CANARY]})
    raw = batches.get_batch({"dataframe": frame}).validate(suite, result_format="COMPLETE").to_json_dict()
    capfd.readouterr()
    assert CANARY in json.dumps(raw)
    ours = quality.whitelisted(raw["results"][0], Measure("codigo_de_su_lista", "datos/t.csv", "c", 1, 1))
    assert CANARY not in json.dumps(ours.to_json())
    assert ours.to_json() == {
        "regla": "codigo_de_su_lista", "archivo": "datos/t.csv", "columna": "c",
        "expectativa": "expect_column_values_to_be_in_set", "gravedad": "critica", "cumple": False,
        "contados": 1, "de": 1,
    }  # fmt: skip


def test_judging_opens_no_socket_and_prints_nothing(
    built: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    quality.judge(built)
    assert capfd.readouterr() == ("", "")


def test_importing_the_release_does_not_import_the_tool() -> None:
    import subprocess

    program = "import sys, pipeline.release, pipeline.release.verify; sys.exit('great_expectations' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent.parent)


def test_the_page_is_spanish_accessible_and_self_contained(built: Path) -> None:
    page = (built / "calidad" / "calidad.html").read_text(encoding="utf-8")
    assert '<html lang="es-CO">' in page
    assert 'scope="col"' in page
    for outside in ("http:", "https:", "<script", "<link", "@import", "url("):
        assert outside not in page
    for rule in quality.RULES.values():
        assert rule.text in page


def _put(rows: pa.Table, column: str, value: str | None, at: int = 0) -> pa.Table:
    cells = rows[column].to_pylist()
    cells[at] = value
    return rows.set_column(rows.column_names.index(column), column, pa.array(cells, pa.string()))
