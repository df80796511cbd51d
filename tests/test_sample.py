import csv
import io
import json
import re
import zipfile
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import profile as profiles
from pipeline import reading, records, sample
from pipeline.errors import PqrsdError
from pipeline.periods import Semester
from pipeline.sampling import odds
from pipeline.sampling.draws import by_group, distinct_numbers, nit_check_digit, style
from pipeline.sampling.faults import CODED, day_and_month, swap
from pipeline.sampling.people import codes_of
from pipeline.sampling.petitions import Draw, draw_petitions
from pipeline.sampling.terms import Terms
from pipeline.stores.tables import Tables

PROFILE = profiles.load("santa_marta")
SEMESTER = Semester.parse("2025-S1")
ROWS = 2_000

Cells = dict[str, str]


def generated(folder: Path, *, semester: Semester = SEMESTER, seed: int = 7) -> dict[str, Any]:
    return sample.generate(PROFILE, semester, ROWS, seed, folder)


@pytest.fixture(scope="module")
def extracts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("extractos")
    return folder, generated(folder)


def delimited(folder: Path, source_id: str) -> tuple[list[str], list[list[str]]]:
    """Header and records of a source's delimited files, read with the standard library."""
    source = next(s for s in PROFILE.fuentes if s.id == source_id)
    encoding = {"utf-8": "utf-8-sig"}.get(source.codificacion, source.codificacion)
    header: list[str] = []
    records_: list[list[str]] = []
    for path in sorted(folder.glob(source.archivos)):
        with path.open(encoding=encoding, newline="") as content:
            header, *rows = csv.reader(content, delimiter=source.delimitador)
            records_ += rows
    return header, records_


def canonical(folder: Path, source_id: str) -> list[Cells]:
    source = next(s for s in PROFILE.fuentes if s.id == source_id)
    header, rows = delimited(folder, source_id)
    where = {field: header.index(c.columna) for field, c in source.columnas.items()}
    return [{f: row[i] for f, i in where.items()} for row in rows if len(row) == len(header)]


def workbook(folder: Path) -> list[tuple[object, ...]]:
    book = openpyxl.load_workbook(next(folder.glob("ventanilla_*.xlsx")), read_only=True)
    rows = list(book["Radicación"].iter_rows(values_only=True))
    book.close()
    return rows


def everything(folder: Path) -> str:
    parts = [cell for s in ("orfeo", "portal") for row in delimited(folder, s)[1] for cell in row]
    parts += [str(cell) for row in workbook(folder) for cell in row if cell is not None]
    return "\x00".join(parts)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others(
    extracts: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, _ = extracts
    generated(tmp_path / "otra_vez")
    assert bytes_of(tmp_path / "otra_vez") == bytes_of(folder)
    generated(tmp_path / "otra_semilla", seed=8)
    other = bytes_of(tmp_path / "otra_semilla")
    assert other.keys() == bytes_of(folder).keys()
    assert all(content != other[name] for name, content in bytes_of(folder).items())


def test_rows_read_are_accepted_merged_duplicated_or_rejected_in_every_file(
    extracts: tuple[Path, dict[str, Any]],
) -> None:
    _, truth = extracts
    for counts in (truth["total"], *truth["archivos"].values()):
        ends = counts["aceptadas"] + counts["fusionadas"] + counts["duplicadas"] + sum(counts["rechazadas"].values())
        assert counts["leidas"] == ends
    assert truth["total"]["aceptadas"] == ROWS == truth["peticiones"]["total"]
    for end in ("leidas", "aceptadas", "fusionadas", "duplicadas"):
        assert truth["total"][end] == sum(counts[end] for counts in truth["archivos"].values()) > 0


def test_every_file_holds_as_many_records_as_the_truth_says(extracts: tuple[Path, dict[str, Any]]) -> None:
    folder, truth = extracts
    by_source: Counter[str] = Counter()
    for counts in truth["archivos"].values():
        by_source[counts["fuente"]] += counts["leidas"]
    for source in ("orfeo", "portal"):
        assert len(delimited(folder, source)[1]) == by_source[source]
    assert len(workbook(folder)) - 4 == by_source["ventanilla"]


def test_every_rejection_rule_is_planted_at_least_twice(extracts: tuple[Path, dict[str, Any]]) -> None:
    _, truth = extracts
    expected = {f"codigo_desconocido/{name}" for name in CODED}
    expected |= {"columnas_de_mas/fila", "columnas_de_menos/fila", "radicado_contradictorio/radicado"}
    expected |= {"obligatorio/radicado", "obligatorio/fecha_recepcion"}
    expected |= {"fecha_futura/fecha_recepcion", "fuera_de_periodo/fecha_recepcion"}
    expected |= {
        f"fecha_no_valida/{name}"
        for name in ("fecha_recepcion", "fecha_respuesta", "fecha_traslado", "prorroga_hasta", "fecha_vencimiento")
    }
    expected |= {
        f"{rule}/{name}" for rule in ("forma_no_valida", "fuera_de_rango") for name in ("edad", "satisfaccion")
    }
    assert {rule for rule, n in truth["total"]["rechazadas"].items() if n >= 2} == expected
    assert truth["intercambios_no_detectables"] > 0
    assert sum(truth["intercambios_detectables"].values()) > 0


@pytest.mark.parametrize("label", ["2025-S1", "2026-S2"])
def test_reading_and_records_find_exactly_what_was_planted(label: str, tmp_path: Path) -> None:
    # 2026-S2 has the new holiday of 13 July; the sampler counts days with numpy, the records with their own calendar.
    semester = Semester.parse(label)
    truth = generated(tmp_path, semester=semester)
    with duckdb.connect() as con:
        con.execute("ATTACH ':memory:' AS restringido")
        tables = Tables(con, "restringido")
        reading.load(PROFILE, tmp_path, label, tables)
        built = records.build(PROFILE, semester, tables, b"k" * 32)
        counts, rejected, petitions = (t.execute() for t in (built.counts, built.rejected, built.petitions))
    for name, planted in truth["archivos"].items():
        ends = counts[counts.archivo == name].groupby("destino").filas.sum().to_dict()
        assert [ends.get(e, 0) for e in ("aceptada", "fusionada", "duplicada")] == [
            planted[e] for e in ("aceptadas", "fusionadas", "duplicadas")
        ]
        here = rejected[rejected.archivo == name]
        assert (here.regla + "/" + here.columna).value_counts().to_dict() == planted["rechazadas"]
    told = truth["peticiones"]
    for key in (key for key in told if key.startswith("por_")):
        assert petitions[key.removeprefix("por_")].value_counts().to_dict() == told[key], key
    assert petitions.persona_clave.nunique() == told["personas"]
    assert int(petitions.anonima.sum()) == told["anonimas"]
    assert int((~petitions.autorizacion_datos & ~petitions.anonima).sum()) == told["sin_autorizacion"]
    assert int((petitions.menor == "si").sum()) == told["menores"]["si"]
    assert built.unclassified == told["por_tipo"]["sin_clasificar"]


def test_canaries_are_in_the_files_in_every_text_field_and_in_the_debt_columns(
    extracts: tuple[Path, dict[str, Any]],
) -> None:
    folder, truth = extracts
    text = everything(folder)
    planted = truth["canarios"]
    assert all(canary in text for canaries in planted.values() for canary in canaries)
    fields = ("nombre", "documento_numero", "correo", "telefono", "direccion", "asunto", "descripcion", "respuesta")
    assert all(len(planted[field]) >= 30 for field in fields)
    debts = {column for source in PROFILE.fuentes for column in source.descartadas}
    assert debts <= planted.keys()
    assert {"radicado", "trasladada_a", "causal_negacion", "canal", "fecha_recepcion"} <= planted.keys()


def test_a_canary_lives_in_its_own_column_only(extracts: tuple[Path, dict[str, Any]]) -> None:
    folder, truth = extracts
    planted = truth["canarios"]
    for source in ("orfeo", "portal"):
        for row in canonical(folder, source):
            for field in ("nombre", "documento_numero", "correo", "telefono"):
                elsewhere = "\x00".join(text for name, text in row.items() if name != field)
                assert not any(canary in elsewhere for canary in planted[field])


def test_canaries_are_also_in_rejected_duplicated_and_merged_rows(extracts: tuple[Path, dict[str, Any]]) -> None:
    folder, truth = extracts
    names = Counter(
        row["nombre"] for s in ("orfeo", "portal") for row in canonical(folder, s) if "Zyq" in row["nombre"]
    )
    assert max(names.values()) >= 2  # an exact copy
    singing = [r for s in ("orfeo", "portal") for r in canonical(folder, s) if "Zyq" in r["nombre"]]
    assert any("Zyq" in row["canal"] for row in singing)  # rejected for that code
    by_radicado: dict[str, set[str]] = defaultdict(set)
    for source in ("orfeo", "portal"):
        for row in canonical(folder, source):
            by_radicado[row["radicado"]].add(row["nombre"])
    assert any(len(held) > 1 and any("Zyq" in name for name in held) for held in by_radicado.values())
    ragged = [row for s in ("orfeo", "portal") for row in delimited(folder, s)[1] if len(row) not in (39, 40)]
    assert any("Zyq" in cell for row in ragged for cell in row)
    assert truth["total"]["fusionadas"] > 0


def test_debt_columns_are_in_every_source(extracts: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = extracts
    for source in ("orfeo", "portal"):
        header, rows = delimited(folder, source)
        declared = next(s for s in PROFILE.fuentes if s.id == source).descartadas
        assert declared
        for column in declared:
            where = header.index(column)
            assert sum(bool(row[where]) for row in rows if len(row) == len(header)) > 50
    assert "Deuda en mora" in workbook(folder)[3]


def test_documents_have_their_shape_and_nits_their_check_digit(extracts: tuple[Path, dict[str, Any]]) -> None:
    folder, truth = extracts
    canaries = set(truth["canarios"]["documento_numero"])
    shapes: Counter[str] = Counter()
    for row in canonical(folder, "portal") + canonical(folder, "orfeo"):
        kind, number = row["documento_tipo"].strip().upper(), row["documento_numero"]
        if number in canaries or not number:
            continue
        plain = re.sub(r"\.0$", "", number).replace(".", "") if "-" not in number else number
        if kind in ("CC", "CÉDULA DE CIUDADANÍA"):
            assert re.fullmatch(r"[1-9]\d{5,9}", plain)
            shapes["con puntos" if number.count(".") > 1 else "decimal" if number.endswith(".0") else "simple"] += 1
        elif kind == "NIT" and "-" in number:
            base, digit = number.split("-")
            assert nit_check_digit(np.asarray([int(base)]))[0] == int(digit)
            shapes["nit"] += 1
    assert min(shapes[s] for s in ("con puntos", "decimal", "simple", "nit")) > 0


@pytest.mark.parametrize(("nit", "digit"), [(800_197_268, 4), (899_999_068, 1), (860_002_964, 4), (890_900_608, 9)])
def test_the_check_digit_is_that_of_public_nits(nit: int, digit: int) -> None:
    assert nit_check_digit(np.asarray([nit]))[0] == digit


def test_nobody_can_receive_the_mails(extracts: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = extracts
    mails = [row["correo"] for s in ("orfeo", "portal") for row in canonical(folder, s) if row["correo"]]
    assert len(mails) > 1_000
    assert all(mail.endswith((".example", ".invalid")) for mail in mails)


def test_the_files_carry_the_usual_dirt(extracts: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = extracts
    orfeo, portal = canonical(folder, "orfeo"), canonical(folder, "portal")
    assert next(folder.glob("portal_*.csv")).read_bytes().startswith(b"\xef\xbb\xbf")
    assert b"RECEPCI\xd3N" in next(folder.glob("orfeo_*.csv")).read_bytes()
    assert any("\n" in row["descripcion"] for row in portal)
    assert any(";" in row["descripcion"] for row in orfeo)
    assert any('"' in row["descripcion"] for row in orfeo)
    assert any(row["radicado"].endswith(".0") for row in orfeo)
    assert any(row["edad"].endswith(".0") for row in orfeo)
    assert any(row["tema"] != row["tema"].strip() for row in portal)
    assert any(re.fullmatch(r"\d\d/\d\d/\d{4}", row["fecha_recepcion"]) for row in orfeo)
    spellings = {row["sexo"] for row in orfeo if row["sexo"].strip().lower() in ("mujer", "f", "femenino", "2")}
    assert len(spellings) >= 3
    assert {len(row) for row in delimited(folder, "orfeo")[1]} == {24, 39, 40}


def test_answers_before_reception_stay_in_the_extracts(extracts: tuple[Path, dict[str, Any]]) -> None:
    folder, truth = extracts
    found = 0
    for row in canonical(folder, "portal"):
        try:
            received = datetime.fromisoformat(row["fecha_recepcion"])
            answered = datetime.fromisoformat(row["fecha_respuesta"])
        except ValueError:
            continue
        found += answered.date() < received.date()
    assert found > 0
    assert truth["peticiones"]["por_oportunidad"]["no_evaluable"] >= found


def test_the_workbook_has_titles_native_cells_and_no_clock(extracts: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = extracts
    rows = workbook(folder)
    source = next(s for s in PROFILE.fuentes if s.id == "ventanilla")
    header = list(rows[source.fila_encabezado - 1])
    received = [row[header.index(source.columnas["fecha_recepcion"].columna)] for row in rows[4:]]
    assert sum(isinstance(cell, datetime) for cell in received) > 100
    assert any(isinstance(cell, str) for cell in received)
    assert any(isinstance(row[header.index(source.columnas["documento_numero"].columna)], int) for row in rows[4:])
    with zipfile.ZipFile(io.BytesIO(next(folder.glob("*.xlsx")).read_bytes())) as archive:
        assert {info.date_time for info in archive.infolist()} == {(2020, 1, 1, 0, 0, 0)}


def test_the_workbook_never_passes_five_thousand_rows(tmp_path: Path) -> None:
    truth = sample.generate(PROFILE, SEMESTER, 60_000, 1, tmp_path)
    desk = truth["archivos"]["ventanilla_2025-S1.xlsx"]["leidas"]
    assert 4_000 < desk <= odds.WORKBOOK_ROWS
    shares = Counter[str]()
    for counts in truth["archivos"].values():
        shares[counts["fuente"]] += counts["leidas"]
    assert 0.25 < shares["portal"] / truth["total"]["leidas"] < 0.35


def test_the_truth_beside_the_extracts_is_the_one_returned_and_no_source_claims_it(
    extracts: tuple[Path, dict[str, Any]],
) -> None:
    folder, truth = extracts
    assert json.loads((folder / "truth.json").read_text(encoding="utf-8")) == truth
    assert not any(Path("truth.json").match(source.archivos) for source in PROFILE.fuentes)


@pytest.fixture(scope="module")
def city() -> tuple[Draw, dict[str, np.ndarray]]:
    draw = Draw(PROFILE, SEMESTER, 5, Terms(PROFILE, SEMESTER))
    petitions, _ = draw_petitions(draw, 30_000)
    return draw, petitions


def share(where: np.ndarray, within: np.ndarray) -> float:
    return float((where & within).sum() / within.sum())


def code(name: str, *codes: str) -> list[int]:
    return [codes_of(PROFILE, name).index(c) for c in codes]


def test_the_young_studied_longer_and_the_old_come_to_the_counter(city: tuple[Draw, dict[str, np.ndarray]]) -> None:
    _, petitions = city
    young = (petitions["edad"] >= 18) & (petitions["edad"] <= 28)
    old = petitions["edad"] >= 60
    primary = np.isin(petitions["escolaridad"], code("escolaridad", "ninguna", "primaria"))
    studied = petitions["escolaridad"] >= 0
    assert share(primary, old & studied) > 3 * share(primary, young & studied)
    counter = np.isin(petitions["canal"], code("canal", "ventanilla", "correspondencia"))
    assert share(counter, old) > 3 * share(counter, young)


def test_topics_follow_place_season_and_kind_of_petitioner(city: tuple[Draw, dict[str, np.ndarray]]) -> None:
    _, petitions = city
    everyone = np.ones(len(petitions["tema"]), dtype=bool)
    beach = np.isin(petitions["tema"], code("tema", "playas", "ruido"))
    coast = np.isin(petitions["comuna"], code("comuna", "c7", "c8"))
    assert share(beach, coast) > 2 * share(beach, ~coast)
    property_tax = np.isin(petitions["tema"], code("tema", "predial"))
    assert share(property_tax, petitions["mes"] <= 2) > 1.4 * share(property_tax, petitions["mes"] >= 4)
    companies = np.isin(petitions["persona_tipo"], code("persona_tipo", "juridica"))
    trade = np.isin(petitions["tema"], code("tema", "industria_comercio"))
    assert share(trade, companies) > 4 * share(trade, everyone & ~companies)
    treasury = np.isin(petitions["dependencia"], code("dependencia", "hacienda"))
    assert share(treasury, property_tax) > 0.9


def test_saturdays_are_for_screens_and_holidays_for_nobody_at_the_counter(
    city: tuple[Draw, dict[str, np.ndarray]],
) -> None:
    draw, petitions = city
    virtual = np.isin(petitions["canal"], code("canal", *odds.VIRTUAL))
    working = draw.terms.is_working(petitions["recepcion_dia"])
    assert working[~virtual].all()
    saturday = (petitions["recepcion_dia"] + 3) % 7 == 5
    assert 0.02 < share(saturday, virtual) < 0.12


def test_most_ask_once_some_twice_and_a_few_often(city: tuple[Draw, dict[str, np.ndarray]]) -> None:
    _, petitions = city
    _, times = np.unique(petitions["persona"], return_counts=True)
    assert 0.70 < (times == 1).mean() < 0.80
    assert 0.14 < ((times == 2) | (times == 3)).mean() < 0.22
    assert 0.04 < (times >= 4).mean() < 0.10


def test_a_twentieth_is_pending_a_tenth_is_late_and_few_refuse_consent(extracts: tuple[Path, dict[str, Any]]) -> None:
    _, truth = extracts
    told = truth["peticiones"]
    timeliness = told["por_oportunidad"]
    assert 0.07 < timeliness["fuera_termino"] / ROWS < 0.13
    assert 0.04 < (timeliness["pendiente_en_termino"] + timeliness["pendiente_vencida"]) / ROWS < 0.08
    assert 0.02 < told["sin_autorizacion"] / ROWS < 0.06
    assert 0.01 < told["menores"]["si"] / ROWS < 0.05
    assert 0.02 < told["anonimas"] / ROWS < 0.09
    assert min(told["trasladadas"], told["negadas"]) > 0


def test_both_semesters_of_a_seed_hear_from_the_same_people() -> None:
    seen = []
    for semester in (SEMESTER, Semester.parse("2025-S2")):
        draw = Draw(PROFILE, semester, 5, Terms(PROFILE, semester))
        petitions, _ = draw_petitions(draw, 3_000)
        cc = petitions["documento_tipo"] == code("documento_tipo", "CC")[0]
        seen.append(set(petitions["documento"][cc].tolist()))
    assert 0.3 < len(seen[0] & seen[1]) / len(seen[0]) < 0.9


def test_too_few_rows_and_unknown_sources_are_refused_in_spanish(tmp_path: Path) -> None:
    with pytest.raises(PqrsdError, match="al menos 200 peticiones"):
        sample.generate(PROFILE, SEMESTER, 10, 1, tmp_path)
    other = PROFILE.model_copy(update={"fuentes": PROFILE.fuentes[:1]})
    with pytest.raises(PqrsdError, match="no sabe imitar"):
        sample.generate(other, SEMESTER, ROWS, 1, tmp_path)
    assert not list(tmp_path.iterdir())


@given(st.integers(1, 12), st.integers(1, 12))
def test_exchanging_day_and_month_twice_gives_the_day_back(day: int, month: int) -> None:
    start = np.asarray([np.datetime64(f"2025-{month:02d}-{day:02d}").astype(np.int64)], dtype=np.int32)
    once = swap(start, np.asarray([0]), 2025)
    assert [int(x[0]) for x in day_and_month(once)] == [month, day]
    assert swap(once, np.asarray([0]), 2025)[0] == start[0]


@given(st.integers(0, 2**32), st.integers(1, 990))
def test_numbers_are_drawn_without_repetition_within_their_range(seed: int, size: int) -> None:
    drawn = distinct_numbers(np.random.default_rng(seed), size, 5_000, 997)
    assert len(set(drawn.tolist())) == size
    assert drawn.min() >= 5_000
    assert drawn.max() < 5_997


@given(st.integers(0, 2**32), st.lists(st.sampled_from([0, 0, 1, 3]), min_size=3, max_size=3).filter(any))
def test_what_weighs_nothing_is_never_drawn(seed: int, weights: list[int]) -> None:
    drawn = by_group(np.random.default_rng(seed), np.asarray([[1, 1, 1], weights]), np.ones(200, dtype=np.int64))
    assert {int(d) for d in drawn} <= {i for i, w in enumerate(weights) if w}


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=20))
def test_a_copied_row_is_written_like_its_original(seeds: list[int]) -> None:
    array = np.asarray(seeds, dtype=np.uint64)
    assert (style("tema", array, 100) == style("tema", array[::-1], 100)[::-1]).all()
