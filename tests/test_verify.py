"""Public verification: every tampering is found by its rule, also when the attacker recomputes every hash."""

import base64
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import release
from pipeline.release import data, manifest
from pipeline.release import verify as verification
from pipeline.release.rules import tables as table_rules
from pipeline.release.verify import Verdict, verify
from tests import small_release as small

CEDULA = "1.082.911.245"
MAIL = "persona.canario@correo.co"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("entrega")
    release.build(small.inputs(place / "figuras"), place / "2025.2.0")
    return place / "2025.2.0"


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    target = tmp_path / "2025.2.0"
    shutil.copytree(built, target)
    return target


def rules(verdict: Verdict) -> set[str]:
    return {f.rule for f in verdict.findings}


def said(verdict: Verdict) -> str:
    return json.dumps(verdict.as_dict(), ensure_ascii=False) + verdict.in_words()


def test_a_good_release_verifies_and_says_what_was_recounted(built: Path) -> None:
    verdict = verify(built)
    assert verdict.findings == []
    assert verdict.ok
    assert verdict.facts["periodos"]["2025-S1"] == {
        "filas": 36, "grupos": 3, "minimo_filas_por_grupo": 10, "minimo_personas_atestado": 10,
    }  # fmt: skip
    assert "recontado" in verdict.in_words()
    assert "atestado por la entidad" in verdict.in_words()


@pytest.mark.parametrize("without", [("2025-S1",), small.SEMESTERS], ids=["one", "both"])
def test_a_release_that_lacks_microdata_and_says_why_verifies(tmp_path: Path, without: tuple[str, ...]) -> None:
    release.build(small.inputs(tmp_path / "f", without=without), tmp_path / "x")
    assert verify(tmp_path / "x").findings == []


def test_an_annual_release_verifies(tmp_path: Path) -> None:
    release.build(small.annual(tmp_path / "f"), tmp_path / "x")
    assert verify(tmp_path / "x").findings == []


FILES = (
    "datos/solicitudes.csv", "datos/solicitudes.parquet", "datos/tablas.csv", "datapackage.json", "LEAME.md",
    "informe/informe.html", "informe/figuras/tipo.svg", "esquema/diccionario.csv", "privacidad/privacidad.json",
    "MANIFIESTO.json", "SHA256SUMS", "LICENCIA.txt", "calidad/calidad.json",
)  # fmt: skip


@pytest.mark.parametrize("path", FILES)
def test_one_flipped_byte_in_any_file_is_found(copy: Path, path: str) -> None:
    content = bytearray((copy / path).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / path).write_bytes(bytes(content))
    verdict = verify(copy)
    assert not verdict.ok
    expected = {
        "MANIFIESTO.json": {"sumas", "lectura", "huellas", "huella_publicacion", "archivos"},
        "SHA256SUMS": {"sumas"},
    }
    assert rules(verdict) & expected.get(path, {"huellas"})


def test_an_extra_file_is_found(copy: Path) -> None:
    (copy / "datos" / "personas.csv").write_text("a\n1\n", encoding="utf-8")
    assert "archivos" in rules(verify(copy))


def test_an_extra_file_whose_name_is_an_identifier_is_found_and_not_repeated(copy: Path) -> None:
    (copy / "informe" / "1082911245.csv").write_text("a\n1\n", encoding="utf-8")
    verdict = verify(copy)
    assert {"archivos", "identificadores"} <= rules(verdict)
    assert "1082911245" not in said(verdict)


@pytest.mark.parametrize("path", ["datos/solicitudes.csv", "esquema/diccionario.csv", "LEAME.md", "SHA256SUMS"])
def test_a_missing_file_is_found(copy: Path, path: str) -> None:
    (copy / path).unlink()
    assert {"archivos", "sumas"} & rules(verify(copy))


def test_a_missing_manifest_is_found_and_raises_nothing(copy: Path) -> None:
    (copy / "MANIFIESTO.json").unlink()
    verdict = verify(copy)
    assert not verdict.ok
    assert "lectura" in rules(verdict)


def test_a_link_is_found(copy: Path) -> None:
    (copy / "LEAME.md").unlink()
    (copy / "LEAME.md").symlink_to("/etc/hostname")
    assert "archivos" in rules(verify(copy))


def test_an_empty_folder_does_not_verify(tmp_path: Path) -> None:
    assert not verify(tmp_path).ok


def _cell(table: pa.Table, column: str, value: str | int | None, where: Callable[[dict], bool]) -> pa.Table:
    rows = table.to_pylist()
    hit = next(i for i, row in enumerate(rows) if where(row))
    rows[hit][column] = value
    return pa.Table.from_pylist(rows, schema=table.schema)


def _tampered_rows(copy: Path, name: str, edit: Callable[[pa.Table], pa.Table]) -> Verdict:
    """What an insider would do: the row in both files, and every hash recomputed."""
    small.rewrite_rows(copy, name, edit)
    small.make_consistent(copy)
    return verify(copy)


def test_a_row_that_breaks_k_is_found_although_every_hash_was_recomputed(copy: Path) -> None:
    verdict = _tampered_rows(
        copy,
        "solicitudes",
        lambda t: pa.concat_tables([t, t.slice(0, 1).set_column(8, "sexo", pa.array(["no_informa"]))]),
    )
    assert {"k_filas", "atestacion", "recalculo"} <= rules(verdict)
    assert "no_informa" not in said(verdict)
    assert {"huellas", "sumas", "huella_publicacion"} & rules(verdict) == set()


def test_a_class_of_nine_rows_is_found(copy: Path) -> None:
    verdict = _tampered_rows(
        copy, "solicitudes", lambda t: t.filter(pc.not_equal(pc.cast(pa.array(range(t.num_rows)), pa.int64()), 0))
    )
    assert "k_filas" in rules(verdict)


def test_lowering_the_declared_k_does_not_help(copy: Path) -> None:
    small.change(copy / "privacidad" / "privacidad.json", lambda t: t.replace('"k": 10', '"k": 2'))
    verdict = _tampered_rows(
        copy, "solicitudes", lambda t: t.filter(pc.not_equal(pc.cast(pa.array(range(t.num_rows)), pa.int64()), 0))
    )
    assert "k_filas" in rules(verdict)
    assert len([f for f in verdict.findings if f.rule == "k_filas"]) >= 2


def test_attesting_more_persons_than_rows_is_found(copy: Path) -> None:
    small.change(copy / "privacidad" / "privacidad.json", lambda t: t.replace('"k_minimo": 10', '"k_minimo": 30'))
    small.make_consistent(copy)
    assert rules(verify(copy)) == {"atestacion"}


def test_attesting_fewer_persons_than_the_target_is_found(copy: Path) -> None:
    small.change(copy / "privacidad" / "privacidad.json", lambda t: t.replace('"k_minimo": 10', '"k_minimo": 9'))
    small.make_consistent(copy)
    assert rules(verify(copy)) == {"atestacion"}


@pytest.mark.parametrize(
    ("target", "lax"), [('"umbral_tabla": 5', '"umbral_tabla": 2'), ('"confianza_max": 0.8', '"confianza_max": 0.95')]
)
def test_a_target_below_its_floor_is_found(copy: Path, target: str, lax: str) -> None:
    small.change(copy / "privacidad" / "privacidad.json", lambda t: t.replace(target, lax, 1))
    small.make_consistent(copy)
    assert "metas" in rules(verify(copy))


PLACES: dict[str, Callable[[Path], None]] = {
    "description of the package": lambda f: small.change(
        f / "datapackage.json", lambda t: t.replace("anonimizadas", f"anonimizadas, c.c. {CEDULA}", 1)
    ),
    "read-me": lambda f: small.change(f / "LEAME.md", lambda t: t + f"\nPreguntar a {MAIL}\n"),
    "dictionary": lambda f: small.change(
        f / "esquema" / "diccionario.csv", lambda t: t.replace("Sexo del peticionario", f"Sexo de {CEDULA}", 1)
    ),
    "code list": lambda f: small.change(
        f / "esquema" / "listas" / "tema.csv", lambda t: t.replace("Otros temas", "Carrera 5 # 22-31", 1)
    ),
    "schema": lambda f: small.change(
        f / "esquema" / "tablas.tableschema.json", lambda t: t.replace("Qué se cuenta", f"Qué se cuenta {CEDULA}", 1)
    ),
    "report text": lambda f: small.change(
        f / "informe" / "informe.html", lambda t: t.replace("<h1>", f"<!-- {CEDULA} --><h1>", 1)
    ),
    "figure inside the report": lambda f: small.change(
        f / "informe" / "informe.html",
        lambda t: t.replace("<h1>", f'<img alt="barras" src="data:image/svg+xml;base64,{_figure()}"><h1>', 1),
    ),
    "figure inside the report, behind entities": lambda f: small.change(
        f / "informe" / "informe.html",
        lambda t: t.replace("<h1>", f'<img alt="b" src="&#100;ata:image/svg+xml;base64,{_figure()}"><h1>', 1),
    ),
    "figure": lambda f: small.change(
        f / "informe" / "figuras" / "tipo.svg", lambda t: t.replace("Barras", f"Barras de {CEDULA}", 1)
    ),
    "figure's data": lambda f: small.change(
        f / "informe" / "figuras" / "tipo.csv", lambda t: t.replace("2025-01,14", "2025-01,1082911245", 1)
    ),
    "privacy evidence": lambda f: small.change(
        f / "privacidad" / "privacidad.json", lambda t: t.replace('"clases": 3', f'"clases": 3, "nota": "{MAIL}"', 1)
    ),
    "number in evidence": lambda f: small.change(
        f / "privacidad" / "privacidad.json", lambda t: t.replace('"clases": 3', '"clases": 3, "nota": 1082911245', 1)
    ),
    "change log": lambda f: small.change(f / "CAMBIOS.md", lambda t: t + "\nCelular 300 123 4567\n"),
    "licence": lambda f: small.change(f / "LICENCIA.txt", lambda t: t + f"\n{CEDULA}\n"),
    "citation": lambda f: small.change(f / "CITATION.cff", lambda t: t + f'abstract: "{CEDULA}"\n'),
    "quality page": lambda f: small.change(
        f / "calidad" / "calidad.html", lambda t: t.replace("<h1>", f'<h1 title="{CEDULA}">', 1)
    ),
}


def _figure() -> str:
    return base64.b64encode(f"<svg><title>Barras</title><text>{CEDULA}</text></svg>".encode()).decode()


@pytest.mark.parametrize("place", PLACES)
def test_an_identifier_anywhere_is_found_although_every_hash_was_recomputed(copy: Path, place: str) -> None:
    PLACES[place](copy)
    small.make_consistent(copy)
    verdict = verify(copy)
    assert "identificadores" in rules(verdict)
    assert {"huellas", "sumas", "huella_publicacion"} & rules(verdict) == set()
    for canary in (CEDULA, MAIL, "1082911245", "300 123 4567", "22-31"):
        assert canary not in said(verdict)


def test_a_document_number_among_the_cells_is_found(copy: Path) -> None:
    verdict = _tampered_rows(copy, "segmentos", lambda t: _cell(t, "nombre", CEDULA, lambda _: True))
    assert "identificadores" in rules(verdict)
    assert CEDULA not in said(verdict)


def test_a_document_number_posing_as_a_count_is_found(copy: Path) -> None:
    verdict = _tampered_rows(copy, "segmentos", lambda t: _cell(t, "base", 1082911245, lambda _: True))
    assert "identificadores" in rules(verdict)
    assert "1082911245" not in said(verdict)


def test_a_parquet_footer_with_metadata_or_an_identifier_is_found(copy: Path) -> None:
    path = copy / "datos" / "tablas.parquet"
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"autor": CEDULA}), path, compression="zstd")
    small.make_consistent(copy)
    verdict = verify(copy)
    assert "identificadores" in rules(verdict)
    assert CEDULA not in said(verdict)


def test_the_publisher_s_one_contact_address_is_no_finding_and_a_second_one_is(copy: Path) -> None:
    assert "atencionalciudadano@ejemplo.invalid" in (copy / "LEAME.md").read_text(encoding="utf-8")
    path = copy / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    package["contributors"].append({"title": "Otra", "roles": ["contactPoint"], "email": MAIL})
    path.write_text(json.dumps(package), encoding="utf-8")
    small.make_consistent(copy)
    assert "identificadores" in rules(verify(copy))


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda b: b"\xef\xbb\xbf" + b, "BOM"),
        (lambda b: b.replace(b"\n", b"\r\n"), "retornos"),
        (lambda b: b.replace(b"2025-S1", b"2025\x00S1", 1), "nulos"),
        (lambda b: b + b"2025-S2,x\n", "columnas"),
        (lambda b: b + b"\n", "blanco"),
        (lambda b: b.replace(b"urbano", b"urb\xe1no", 1), "UTF-8"),
        (lambda b: b.replace(b"peticion,", b"=1+1,", 1), "ejecutar"),
    ],
)
def test_a_csv_that_is_not_strict_is_found(copy: Path, edit: Callable[[bytes], bytes], why: str) -> None:
    path = copy / "datos" / "solicitudes.csv"
    path.write_bytes(edit(path.read_bytes()))
    small.make_consistent(copy)
    found = [f for f in verify(copy).findings if f.rule == "csv_estricto"]
    assert any(why in f.detail for f in found)


def test_a_parquet_with_other_rows_than_the_csv_is_found(copy: Path) -> None:
    path = copy / "datos" / "tablas.parquet"
    table = _cell(pq.read_table(path), "valor", 15, lambda r: r["tabla"] == "tipo")
    data.write_parquet(table, path)
    small.make_consistent(copy)
    assert rules(verify(copy)) == {"csv_parquet"}


def test_rows_in_another_order_are_found(copy: Path) -> None:
    path = copy / "datos" / "contabilidad.csv"
    header, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text(header + "".join(reversed(lines)), encoding="utf-8")
    small.make_consistent(copy)
    assert rules(verify(copy)) == {"orden"}


def test_a_code_that_its_list_does_not_have_is_found(copy: Path) -> None:
    verdict = _tampered_rows(copy, "solicitudes", lambda t: _cell(t, "tema", "canario", lambda _: True))
    assert "esquema" in rules(verdict)
    assert "canario" not in said(verdict)


def test_a_column_that_the_project_does_not_publish_is_found_although_schema_and_dictionary_have_it(copy: Path) -> None:
    schema = copy / "esquema" / "solicitudes.tableschema.json"
    content = json.loads(schema.read_text(encoding="utf-8"))
    content["fields"].append({"name": "barrio", "type": "string", "title": "Barrio", "description": "Barrio"})
    schema.write_text(json.dumps(content), encoding="utf-8")
    verdict = _tampered_rows(copy, "solicitudes", lambda t: t.append_column("barrio", pa.array(["norte"] * t.num_rows)))
    assert "columnas" in rules(verdict)


def test_widening_a_closed_column_of_the_contract_is_found(copy: Path) -> None:
    small.change(
        copy / "esquema" / "tablas.tableschema.json", lambda t: t.replace('"publicada",', '"publicada", "estimada",', 1)
    )
    small.make_consistent(copy)
    assert "columnas" in rules(verify(copy))


def test_a_table_that_does_not_add_up_is_found(copy: Path) -> None:
    verdict = _tampered_rows(
        copy,
        "tablas",
        lambda t: _cell(t, "valor", 31, lambda r: r["tabla"] == "legal_tipo" and r["valor_1"] != "total"),
    )
    assert rules(verdict) == {"totales"}


def test_a_table_of_requests_that_the_rows_contradict_is_found(copy: Path) -> None:
    def more(table: pa.Table) -> pa.Table:
        raised = _cell(table, "valor", 15, lambda r: (r["tabla"], r["valor_1"]) == ("tipo", "peticion"))
        return _cell(raised, "valor", 37, lambda r: (r["tabla"], r["valor_1"]) == ("tipo", "total"))

    assert rules(_tampered_rows(copy, "tablas", more)) == {"recalculo"}


def test_a_cell_of_requests_that_is_left_out_is_found(copy: Path) -> None:
    def less(table: pa.Table) -> pa.Table:
        return pa.Table.from_pylist(
            [r for r in table.to_pylist() if (r["tabla"], r["valor_1"]) != ("tipo", "peticion")], schema=table.schema
        )

    assert "recalculo" in rules(_tampered_rows(copy, "tablas", less))


def test_a_withheld_cell_that_subtraction_gives_back_is_found(copy: Path) -> None:
    def revealed(table: pa.Table) -> pa.Table:
        chosen = lambda r: (r["tabla"], r["valor_1"], r["medida"]) == ("grupo_etnico", "indigena", "solicitudes")  # noqa: E731
        return _cell(
            _cell(table, "valor", 17, chosen), "estado_celda", "publicada", lambda r: chosen(r) and r["valor"] == 17
        )

    verdict = _tampered_rows(copy, "tablas", revealed)
    assert rules(verdict) == {"deduccion"}
    assert "indigena" not in said(verdict)


def test_withheld_cells_that_together_are_below_the_threshold_are_found(copy: Path) -> None:
    def tight(table: pa.Table) -> pa.Table:
        return _cell(
            table, "valor", 37,
            lambda r: (r["tabla"], r["valor_1"], r["medida"]) == ("grupo_etnico", "ninguno", "solicitudes"),
        )  # fmt: skip

    assert rules(_tampered_rows(copy, "tablas", tight)) == {"deduccion"}


def test_a_published_cell_without_a_value_is_found(copy: Path) -> None:
    verdict = _tampered_rows(copy, "tablas", lambda t: _cell(t, "valor", None, lambda r: r["tabla"] == "tipo"))
    assert "estado_celda" in rules(verdict)


@pytest.mark.parametrize(("column", "word"), [("nombre", "Suprimido"), ("nombre", "suprimido"), ("regla", "N/A")])
def test_a_marker_where_none_may_be_is_found(copy: Path, column: str, word: str) -> None:
    assert "marcador" in rules(_tampered_rows(copy, "segmentos", lambda t: _cell(t, column, word, lambda _: True)))


@pytest.mark.parametrize(
    "fetched",
    [
        '<img alt="x" src="https://ejemplo.invalid/x.png">',
        '<link rel="stylesheet" href="//cdn.ejemplo.invalid/x.css">',
        "<script>1</script>",
        '<p onclick="x()">a</p>',
        "<style>@import 'x.css';</style>",
        "<style>p { background: url(https://ejemplo.invalid/x) }</style>",
        '<p style="background: url(x.png)">a</p>',
        '<iframe src="x.html"></iframe>',
        '<meta http-equiv="refresh" content="0; url=x">',
        '<img alt="x" src="data:image/png;base64,AAAA">',
        '<a href="javascript:x()">a</a>',
        f'<img alt="x" src="data:image/svg+xml,<svg><text>{CEDULA}</text></svg>">',
        '<img alt="x" src="&#100;ata:image/svg+xml;utf8,%3Csvg%3E">',
        '<p style="background: url(data:image/svg+xml;base64,AAAA)">a</p>',
    ],
)
def test_a_page_that_would_fetch_or_run_something_is_found(copy: Path, fetched: str) -> None:
    small.change(copy / "informe" / "informe.html", lambda t: t.replace("</body>", f"{fetched}</body>"))
    small.make_consistent(copy)
    assert "recursos_externos" in rules(verify(copy))


def test_an_image_without_alternative_text_is_found(copy: Path) -> None:
    image = f'<img src="data:image/svg+xml;base64,{base64.b64encode(small.SVG.encode()).decode()}">'
    small.change(copy / "informe" / "informe.html", lambda t: t.replace("</body>", f"{image}</body>"))
    small.make_consistent(copy)
    assert rules(verify(copy)) == {"accesibilidad"}


def test_a_figure_that_points_outside_is_found(copy: Path) -> None:
    small.change(
        copy / "informe" / "figuras" / "tipo.svg",
        lambda t: t.replace("<title>", '<image href="https://ejemplo.invalid/x.png"/><title>'),
    )
    small.make_consistent(copy)
    assert "recursos_externos" in rules(verify(copy))


def test_a_critical_quality_failure_is_found(copy: Path) -> None:
    small.change(copy / "calidad" / "calidad.json", lambda t: t.replace('"cumple": true', '"cumple": false', 1))
    small.make_consistent(copy)
    assert rules(verify(copy)) == {"calidad"}


def test_a_silent_period_without_its_reason_in_the_read_me_is_found(tmp_path: Path) -> None:
    release.build(small.inputs(tmp_path / "f", without=("2025-S1",)), tmp_path / "x")
    small.change(tmp_path / "x" / "LEAME.md", lambda t: t.replace(str(small.WITHHELD["motivo"]), ""))
    small.make_consistent(tmp_path / "x")
    assert rules(verify(tmp_path / "x")) == {"periodos"}


def test_a_licence_that_no_longer_prohibits_reidentification_is_found(copy: Path) -> None:
    small.change(copy / "LICENCIA.txt", lambda t: t.replace("prohibido", "permitido"))
    small.make_consistent(copy)
    assert rules(verify(copy)) == {"advertencia"}


def test_another_version_in_one_document_is_found(copy: Path) -> None:
    small.change(copy / "CITATION.cff", lambda t: t.replace("2025.2.0", "2025.2.1"))
    small.make_consistent(copy)
    assert "version" in rules(verify(copy))


def test_a_package_that_disagrees_with_the_manifest_is_found(copy: Path) -> None:
    small.change(copy / "datapackage.json", lambda t: t.replace('"2025-S1",', "", 1))
    small.make_consistent(copy)
    assert "paquete" in rules(verify(copy))


def test_a_digest_that_is_not_that_of_the_listed_files_is_found(copy: Path) -> None:
    made = manifest.read(copy)
    manifest.write(copy, replace(made, digest="0" * 64))
    assert rules(verify(copy)) == {"huella_publicacion"}


def test_a_code_without_a_name_in_its_list_is_found(copy: Path) -> None:
    small.change(copy / "esquema" / "listas" / "grupo_etnico.csv", lambda t: t.replace("indigena,Indígena\n", ""))
    small.make_consistent(copy)
    assert rules(verify(copy)) == {"listas"}


def test_a_negative_count_and_a_repeated_key_are_found(copy: Path) -> None:
    verdict = _tampered_rows(copy, "contabilidad", lambda t: pa.concat_tables([t, t.slice(0, 1)]))
    assert rules(verdict) == {"esquema"}
    verdict = _tampered_rows(copy, "contabilidad", lambda t: _cell(t, "filas", -3, lambda _: True))
    assert any("mínimo" in f.detail for f in verdict.findings)


def test_a_rule_that_stumbles_is_a_finding_without_the_error_s_text(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbles(_: object) -> None:
        raise ValueError(CEDULA)

    monkeypatch.setattr(verification, "CHECKS", (stumbles,))
    verdict = verify(copy)
    assert not verdict.ok
    assert CEDULA not in said(verdict)
    assert "ValueError" in said(verdict)


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of a dataset, one below the other."""
    place = tmp_path_factory.mktemp("historia")
    (place / "c").mkdir()
    release.build(small.inputs(place / "f", ("2025-S1",)), place / "c" / "2025.1.0")
    release.build(small.inputs(place / "f"), place / "c" / "2025.2.0")
    return place / "c"


def test_versions_that_follow_each_other_verify(versions: Path) -> None:
    for version in ("2025.1.0", "2025.2.0"):
        assert verify(versions / version, versions).findings == []


def test_a_published_version_that_changed_is_found(versions: Path, tmp_path: Path) -> None:
    past = tmp_path / "c"
    shutil.copytree(versions, past)
    small.change(past / "2025.1.0" / "LEAME.md", lambda t: t + "\n")
    small.make_consistent(past / "2025.1.0")
    assert verify(past / "2025.2.0", past).ok  # consistent in itself, so only its own past can tell
    small.change(past / "2025.1.0" / "LEAME.md", lambda t: t + "\n")
    assert rules(verify(past / "2025.2.0", past)) == {"historia"}


def test_the_same_version_with_other_content_is_found(versions: Path, copy: Path) -> None:
    small.change(copy / "LEAME.md", lambda t: t + "\n")
    small.make_consistent(copy)
    assert rules(verify(copy, versions)) == {"historia"}


def test_a_period_that_a_later_version_drops_is_found(versions: Path, tmp_path: Path) -> None:
    release.build(small.inputs(tmp_path / "f", ("2025-S2",)), tmp_path / "2025.2.1")
    assert "historia" in rules(verify(tmp_path / "2025.2.1", versions))


def test_a_period_that_changed_must_be_named_in_the_change_log(versions: Path, tmp_path: Path) -> None:
    for name, reason in (("callado", "Se ajustaron textos."), ("dicho", "Se corrigió 2025-S1: filas tardías.")):
        inputs = small.inputs(tmp_path / "f", without=("2025-S1",), correction=1, reason=reason)
        (tmp_path / name).mkdir()
        release.build(inputs, tmp_path / name / "2025.2.1")
    assert "historia" in rules(verify(tmp_path / "callado" / "2025.2.1", versions))
    assert verify(tmp_path / "dicho" / "2025.2.1", versions).findings == []


CELLS = st.integers(0, 30)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=3, max_size=3),
    st.sets(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=6),
)
def test_what_is_called_deducible_is_exactly_the_truth(inner: list[list[int]], withheld: set[tuple[int, int]]) -> None:
    """Law: each value that subtraction derives is the true one, and a single hole in a line is always derived."""
    grid: dict[tuple[str, str], int | None] = {
        (str(i), str(j)): v for i, row in enumerate(inner) for j, v in enumerate(row)
    }
    grid |= {(str(i), "total"): sum(row) for i, row in enumerate(inner)}
    grid |= {("total", str(j)): sum(row[j] for row in inner) for j in range(3)}
    grid["total", "total"] = sum(map(sum, inner))
    shown = {k: None if k in {(str(i), str(j)) for i, j in withheld} else v for k, v in grid.items()}
    determined, _ = table_rules._deduced(shown, 5)
    lines = [[(i, j) for j in range(3)] for i in range(3)] + [[(i, j) for i in range(3)] for j in range(3)]
    alone = {c for line in lines for c in line if [x for x in line if x in withheld] == [c]}
    assert determined >= len(alone)
    assert determined <= len(withheld)
    assert (determined == 0) <= all(len([c for c in line if c in withheld]) != 1 for line in lines)
