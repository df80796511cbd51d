"""The release folder: what it holds, that it is a function of its inputs, and what it refuses to be made from."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import frictionless
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import release
from pipeline.contract import Contract
from pipeline.errors import ContractError
from pipeline.release import data, manifest
from pipeline.release.inputs import ReleaseError
from schemas.published import MICRODATA, TABLES
from tests import small_release as small


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("entrega")
    release.build(small.inputs(place / "figuras"), place / "2025.2.0")
    return place / "2025.2.0"


def _json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_folder_has_everything_a_consumer_needs(built: Path) -> None:
    paths = set(manifest.files_of(built))
    assert paths >= {
        "datos/solicitudes.csv", "datos/solicitudes.parquet", "datos/tablas.csv", "datos/tablas.parquet",
        "datos/indicadores.csv", "datos/segmentos.csv", "datos/contabilidad.csv", "esquema/diccionario.csv",
        "esquema/solicitudes.tableschema.json", "esquema/listas/tema.csv", "esquema/listas/tablas.csv",
        "datapackage.json", "informe/informe.html", "informe/figuras/tipo.svg", "informe/figuras/tipo.csv",
        "privacidad/privacidad.json", "calidad/calidad.json", "calidad/calidad.html", "CAMBIOS.md", "LEAME.md",
        "LICENCIA.txt", "CITATION.cff", "MANIFIESTO.json", "SHA256SUMS",
    }  # fmt: skip


def test_the_same_inputs_give_the_same_bytes_in_another_folder_time_zone_and_hash_seed(
    built: Path, tmp_path: Path
) -> None:
    program = (
        "import sys; from pathlib import Path; from pipeline import release; from tests import small_release as s; "
        "p = Path(sys.argv[1]); release.build(s.inputs(p / 'otras figuras'), p / 'otra carpeta')"
    )
    env = os.environ | {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "11", "LC_ALL": "C.UTF-8"}
    root = Path(__file__).parent.parent
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=root, env=env)
    assert small.bytes_of(tmp_path / "otra carpeta") == small.bytes_of(built)


def test_rows_arriving_in_another_order_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    inputs = small.inputs(tmp_path / "figuras")
    frames = tuple(
        release.Frame(f.contract, f.rows.take(pa.array(range(f.rows.num_rows)[::-1]))) for f in inputs.frames
    )
    release.build(replace(inputs, frames=frames), tmp_path / "x")
    assert small.bytes_of(tmp_path / "x") == small.bytes_of(built)


def test_building_again_replaces_the_folder_with_the_same_bytes(built: Path, tmp_path: Path) -> None:
    target = tmp_path / "2025.2.0"
    shutil.copytree(built, target)
    (target / "intruso.txt").write_text("x", encoding="utf-8")
    release.build(small.inputs(tmp_path / "figuras"), target)
    assert small.bytes_of(target) == small.bytes_of(built)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_sha256sum_accepts_the_sums(built: Path) -> None:
    tool = shutil.which("sha256sum")
    if tool is None:
        pytest.skip("sha256sum is not installed")
    subprocess.run([tool, "--check", "--strict", "--quiet", "SHA256SUMS"], check=True, cwd=built)


def test_frictionless_finds_the_data_package_valid(built: Path) -> None:
    report = frictionless.validate(str(built / "datapackage.json"))
    assert report.valid, report.flatten(["type", "note"])


def test_every_table_of_the_package_states_its_schema_so_that_nobody_guesses(built: Path) -> None:
    resources = _json(built / "datapackage.json")["resources"]
    assert all("schema" in r for r in resources if r["path"].endswith(".csv"))
    months = next(r for r in resources if r["path"].endswith("tipo.csv") and "figuras" in r["path"])
    assert months["schema"]["fields"] == [{"name": "mes", "type": "string"}, {"name": "solicitudes", "type": "number"}]


def test_frictionless_finds_a_package_without_microdata_valid(tmp_path: Path) -> None:
    release.build(small.inputs(tmp_path / "f", without=small.SEMESTERS), tmp_path / "x")
    assert frictionless.validate(str(tmp_path / "x" / "datapackage.json")).valid


def test_csv_is_utf8_with_lf_and_sorted_by_every_column(built: Path) -> None:
    content = (built / "datos" / "solicitudes.csv").read_bytes()
    assert not content.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in content
    header, *rows = content.decode("utf-8").splitlines()
    assert header.split(",") == MICRODATA.names
    assert rows == sorted(rows)
    assert len(rows) == 72


def test_parquet_says_nothing_beside_its_columns(built: Path) -> None:
    footer = pq.read_metadata(built / "datos" / "tablas.parquet")
    assert footer.metadata is None
    assert footer.row_group(0).column(0).compression == "ZSTD"
    assert footer.schema.names == TABLES.names


def test_the_dictionary_describes_every_published_column_and_no_other(built: Path) -> None:
    rows = data.read_csv((built / "esquema" / "diccionario.csv").read_bytes()).to_pylist()
    published = {
        (path.stem, name)
        for path in (built / "datos").glob("*.csv")
        for name in data.read_csv(path.read_bytes()).column_names
    }
    assert {(r["tabla"], r["nombre"]) for r in rows} == published
    assert all(r["definicion"] and r["tipo"] and r["tratamiento_privacidad"] for r in rows)


def test_code_lists_name_every_published_value_in_spanish(built: Path) -> None:
    codes = {
        r["codigo"]: r["etiqueta"]
        for r in data.read_csv((built / "esquema" / "listas" / "territorio.csv").read_bytes()).to_pylist()
    }
    assert codes["urbano"] == "Zona urbana (comunas)"
    assert codes["Suprimido"] == "Detalle protegido"
    assert codes["total"] == "Total"


def test_the_release_digest_is_that_of_the_sorted_sums_of_the_listed_files(built: Path) -> None:
    made = manifest.read(built)
    assert made.digest == manifest.digest_of((e.path, manifest.sha256_of(built / e.path)) for e in made.entries)
    assert {e.path for e in made.entries} == set(manifest.files_of(built)) - {"MANIFIESTO.json", "SHA256SUMS"}


def test_no_file_carries_a_date_of_this_machine(built: Path) -> None:
    stamps = {time.strftime("%Y-%m-%d"), time.strftime("%d/%m/%Y"), time.strftime("%Y%m%d")}
    for path in manifest.files_of(built):
        text = (built / path).read_bytes().decode("utf-8", errors="replace")
        assert not any(stamp in text for stamp in stamps), path


def test_a_period_without_microdata_says_why_in_two_places(tmp_path: Path) -> None:
    release.build(small.inputs(tmp_path / "f", without=("2025-S1",)), tmp_path / "x")
    reason = small.WITHHELD["motivo"]
    assert _json(tmp_path / "x" / "privacidad" / "privacidad.json")["sin_solicitudes"] == {"2025-S1": reason}
    assert f"**2025-S1**: {reason}" in (tmp_path / "x" / "LEAME.md").read_text(encoding="utf-8")
    rows = data.read_csv((tmp_path / "x" / "datos" / "solicitudes.csv").read_bytes())
    assert set(rows["periodo"].to_pylist()) == {"2025-S2"}


def test_without_any_microdata_there_is_no_microdata_file(tmp_path: Path) -> None:
    release.build(small.inputs(tmp_path / "f", without=small.SEMESTERS), tmp_path / "x")
    assert not list((tmp_path / "x").rglob("solicitudes.*"))


def test_the_annual_release_has_its_own_dataset_and_title_without_the_year(tmp_path: Path) -> None:
    made = release.build(small.annual(tmp_path / "f"), tmp_path / "x")
    assert (made.dataset, made.version) == ("pqrsd-caracterizacion", "2025.0.0")
    assert "2025" not in made.title
    assert not (tmp_path / "x" / "datos" / "solicitudes.csv").exists()


def test_the_licence_prohibits_reidentification_and_is_our_own_words(built: Path) -> None:
    text = (built / "LICENCIA.txt").read_text(encoding="utf-8")
    assert "CC-BY-4.0" in text
    assert "prohibido intentar identificar a una persona" in text
    assert len(text) < 2_000


def test_the_package_states_version_licence_publisher_and_hashes(built: Path) -> None:
    package = _json(built / "datapackage.json")
    assert package["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    assert package["version"] == "2025.2.0"
    assert package["licenses"][0]["name"] == "CC-BY-4.0"
    table = next(r for r in package["resources"] if r["path"] == "datos/solicitudes.csv")
    assert table["hash"] == f"sha256:{manifest.sha256_of(built / 'datos/solicitudes.csv')}"
    assert (table["type"], table["encoding"], table["mediatype"]) == ("table", "utf-8", "text/csv")
    assert (built / table["schema"]).is_file()


def _with(inputs: release.ReleaseInputs, contract: Contract, rows: pa.Table) -> release.ReleaseInputs:
    frames = [release.Frame(f.contract, rows if f.contract.name == contract.name else f.rows) for f in inputs.frames]
    return replace(inputs, frames=tuple(frames))


def _put(rows: pa.Table, column: str, value: str) -> pa.Table:
    changed = pa.array([value, *rows[column].to_pylist()[1:]], pa.string())
    return rows.set_column(rows.column_names.index(column), column, changed)


@pytest.mark.parametrize("cell", ["=1+1", "+57", "-x", "@SUM", "a\nb", "a\tb", "a\x00b", "a\rb", "e\u0301"])
def test_a_cell_that_a_spreadsheet_would_run_or_that_breaks_the_line_is_refused_without_quoting_it(
    tmp_path: Path, cell: str
) -> None:
    inputs = small.inputs(tmp_path / "f")
    table = next(f.rows for f in inputs.frames if f.contract.name == "segmentos")
    contract = next(f.contract for f in inputs.frames if f.contract.name == "segmentos")
    with pytest.raises(ReleaseError, match="«nombre»") as caught:
        release.build(_with(inputs, contract, _put(table, "nombre", cell)), tmp_path / "x")
    assert cell not in str(caught.value)
    assert not (tmp_path / "x").exists()


def test_a_code_that_no_list_has_is_refused_without_quoting_it(tmp_path: Path) -> None:
    inputs = small.inputs(tmp_path / "f")
    with pytest.raises(ContractError) as caught:
        release.build(_with(inputs, MICRODATA, _put(small.microdata(), "tema", "canario")), tmp_path / "x")
    assert "canario" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_additional_column_is_refused(tmp_path: Path) -> None:
    rows = small.microdata()
    wider = rows.append_column("radicado", pa.array(["1"] * rows.num_rows))
    with pytest.raises(ReleaseError, match="columnas"):
        release.build(_with(small.inputs(tmp_path / "f"), MICRODATA, wider), tmp_path / "x")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"version": "2025.1.0"}, "2025.1.0"),
        ({"version": "v2"}, "v2"),
        ({"periods": ("2025-S2", "2025-S1")}, "orden"),
        ({"changes": ()}, "cambios"),
        ({"privacy": {"2025-S1": small.evidence("2025-S1")}}, "2025-S2"),
        ({"privacy": dict.fromkeys(small.SEMESTERS, small.WITHHELD)}, "2025-S1"),
    ],
)
def test_contradictory_inputs_are_refused(tmp_path: Path, changes: dict, word: str) -> None:
    with pytest.raises(ReleaseError, match=word):
        release.build(replace(small.inputs(tmp_path / "f"), **changes), tmp_path / "x")


def test_a_period_that_publishes_no_rows_must_give_its_reason(tmp_path: Path) -> None:
    inputs = small.inputs(tmp_path / "f", without=("2025-S1",))
    silent = dict(inputs.privacy) | {"2025-S1": small.WITHHELD | {"motivo": ""}}
    with pytest.raises(ReleaseError, match="no dice por qué"):
        release.build(replace(inputs, privacy=silent), tmp_path / "x")


def test_a_failed_build_leaves_the_former_folder_as_it_was(tmp_path: Path) -> None:
    release.build(small.inputs(tmp_path / "f"), tmp_path / "x")
    before = small.bytes_of(tmp_path / "x")
    with pytest.raises(ContractError):
        bad = _with(small.inputs(tmp_path / "f"), MICRODATA, _put(small.microdata(), "tema", "canario"))
        release.build(bad, tmp_path / "x")
    assert small.bytes_of(tmp_path / "x") == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f", "x"]


_TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=8).filter(
    lambda s: s[0] not in "=+-@"
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_TEXT, st.none() | st.integers(-(2**40), 2**40)), min_size=1, max_size=6))
def test_what_is_written_as_csv_is_what_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int | None]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    table = data.ordered(
        pa.table({"texto": [t for t, _ in rows], "cuenta": pa.array([n for _, n in rows], pa.int64())})
    )
    data.write_csv(table, path)
    back = data.read_csv(path.read_bytes(), {"texto": pa.string(), "cuenta": pa.int64()})
    assert back.equals(table)


def test_a_broken_csv_is_reported_without_its_text() -> None:
    with pytest.raises(ReleaseError) as caught:
        data.read_csv(b"a,b\n1,2\ncanario\n")
    assert "canario" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_ordering_puts_missing_first_and_ignores_arrival() -> None:
    rows = pa.table({"a": ["b", None, "a"], "n": [1, 2, 3]})
    assert data.ordered(rows)["a"].to_pylist() == [None, "a", "b"]
    assert pc.sum(data.ordered(rows)["n"]).as_py() == 6
