"""`pqrsd anonymize` and `pqrsd measure` on a user's own table: what they write, what they say, and clear refusals."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from pipeline import cli
from schemas.published import SUPPRESSED
from tests import adult

TABLE = [
    "age;place;illness;person",
    *["30;north;flu;a", "31;north;flu;b", "32;north;cold;c", "50;south;flu;d", "51;south;cold;e", "52;south;cold;f"],
    "90;south;CANARIO;g",
]
AGES = ["30;30-39;*", "31;30-39;*", "32;30-39;*", "50;50-59;*", "51;50-59;*", "52;50-59;*", "90;90-99;*"]
SPEC = {
    "data": "table.csv",
    "delimiter": '";"',
    "quasi_identifiers": "{age: {hierarchy: ages.csv}, place: {}}",
    "k": "3",
    "suppression": "{unit: rows, limit: 0.2}",
}


def written(folder: Path, table: list[str] = TABLE, ages: list[str] = AGES, **changes: str | None) -> Path:
    """A specification in `folder`, its keys changed or (None) left out."""
    (folder / "table.csv").write_text("\n".join(table) + "\n", encoding="utf-8")
    (folder / "ages.csv").write_text("\n".join(ages) + "\n", encoding="utf-8")
    keys = {key: value for key, value in (SPEC | changes).items() if value is not None}
    path = folder / "spec.yaml"
    path.write_text("\n".join(f"{key}: {value}" for key, value in keys.items()) + "\n", encoding="utf-8")
    return path


def anonymise(spec: Path) -> tuple[int, list[dict[str, str]], dict]:
    out, report = spec.parent / "out.csv", spec.parent / "report.json"
    code = cli.main(["anonymize", "--spec", str(spec), "--out", str(out), "--report", str(report)])
    if code:
        assert not out.exists()
        return code, [], {}
    with out.open(encoding="utf-8", newline="") as lines:
        return code, list(csv.DictReader(lines, delimiter=";")), json.loads(report.read_text())


def test_a_table_is_generalised_and_its_odd_row_is_suppressed(tmp_path):
    code, rows, report = anonymise(written(tmp_path))
    assert code == 0
    assert Counter((row["age"], row["place"]) for row in rows) == {("30-39", "north"): 3, ("50-59", "south"): 3}
    assert report["levels"] == {"age": 1, "place": 0}
    assert (report["k"], report["classes"], report["suppressed_rows"], report["optimal"]) == (3, 2, 1, True)
    # six cells lose (3 - 1) / (7 - 1) and two are suppressed, of fourteen
    assert report["ncp"] == pytest.approx((6 / 3 + 2) / 14)
    assert report["discernibility"] == 3**2 + 3**2 + 1 * 7
    assert report["average_risk"] == pytest.approx(1 / 3)


def test_only_declared_columns_are_written_and_never_the_person(tmp_path):
    _, rows, _ = anonymise(written(tmp_path, person="person", sensitive="{illness: {l: 1}}"))
    assert set(rows[0]) == {"age", "place", "illness"}


def test_suppressed_rows_hide_their_sensitive_value_too(tmp_path):
    table = [*TABLE, "91;north;CANARIO;h", "92;north;CANARIO;i"]
    ages = [*AGES, "91;91;*", "92;92;*"]
    code, rows, report = anonymise(
        written(tmp_path, table, ages, sensitive="{illness: {l: 2}}", suppression="{limit: 0.4}")
    )
    assert code == 0
    hidden = [row for row in rows if row["age"] == SUPPRESSED]
    assert len(hidden) == report["suppressed_rows"] == 3
    assert {row["illness"] for row in hidden} == {SUPPRESSED}
    assert report["l"] == {"illness": 2}


def test_persons_count_and_not_their_rows(tmp_path):
    repeated = [row.rsplit(";", 1)[0] + ";same" if row.startswith("3") else row for row in TABLE]
    _, rows, report = anonymise(written(tmp_path, repeated, person="person", suppression="{limit: 0.6}"))
    assert report["k"] >= 3
    assert "30-39" not in {row["age"] for row in rows}


def test_a_row_order_that_could_tell_something_is_not_kept(tmp_path):
    first = anonymise(written(tmp_path))[1]
    second = anonymise(written(tmp_path, [TABLE[0], *reversed(TABLE[1:])]))[1]
    assert first == second


def test_the_written_table_measures_as_its_report_says(tmp_path, capsys):
    _, _, report = anonymise(written(tmp_path, sensitive="{illness: {l: 2, t: 0.5}}"))
    measured = written(tmp_path, data="out.csv", sensitive="{illness: {l: 2, t: 0.5}}")
    capsys.readouterr()
    assert cli.main(["measure", "--spec", str(measured), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    for key in ("levels", "k", "l", "t", "classes", "average_risk"):
        assert found[key] == report[key], key


def test_a_population_lowers_the_risk_of_who_is_not_alone_in_it(tmp_path, capsys):
    everybody = [*TABLE, *(row for row in TABLE[1:] for _ in range(3))]
    (tmp_path / "all.csv").write_text("\n".join(everybody) + "\n", encoding="utf-8")
    assert cli.main(["measure", "--json", "--spec", str(written(tmp_path, population="all.csv"))]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["highest_risk"] == 1
    assert found["journalist"] == {"highest": 0.25, "average": 0.25}
    (tmp_path / "all.csv").write_text("place\nnorth\n", encoding="utf-8")
    assert cli.main(["measure", "--spec", str(tmp_path / "spec.yaml")]) == 2
    assert "all.csv: no tiene la columna «age»" in capsys.readouterr().err


def test_measure_says_one_when_the_table_misses_its_targets(tmp_path, capsys):
    assert cli.main(["measure", "--spec", str(written(tmp_path))]) == 1
    said = capsys.readouterr().out
    assert "k es 1 y no 3" in said
    assert "7 clases" in said
    assert "Filas que pocas columnas señalan: 7 (columnas necesarias: 7 con 1, 0 con 2)" in said


REFUSED = {
    "hierarchy without a value": ({"ages": AGES[:-1]}, "«age» tiene 1 filas con valores que no están en el nivel 0"),
    "hierarchy that is no tree": (
        {"ages": [*AGES[:-1], "90;90-99;+"]},
        "ages.csv: el último nivel debe ser un solo valor",
    ),
    "hierarchy with ragged rows": (
        {"ages": [AGES[0], "31;30-39;x;*", *AGES[2:]]},
        "ages.csv: todas las filas deben tener los mismos niveles",
    ),
    "value with two parents": (
        {"ages": [f"{row[:-2]};{row[:2]};*" for row in AGES]},
        "ages.csv: un valor del nivel 1 tiene dos padres; no es un árbol",
    ),
    "quotes that nobody closes": ({"table": [*TABLE, '30;"CANARIO;flu;z']}, "table.csv: hay unas comillas"),
    "k larger than the table": ({"k": "8"}, "k = 8 es imposible: la tabla tiene 7 filas"),
    "k larger than the persons": ({"k": "8", "person": "person"}, "la tabla tiene 7 personas"),
    "k that is no number": ({"k": "many"}, "«k» no es del tipo esperado"),
    "k of zero": ({"k": "0"}, "«k» debe ser ≥ 1"),
    "no k": ({"k": None}, "falta la clave «k»"),
    "unknown key": ({"supresion": "1"}, "clave desconocida «supresion»"),
    "unknown unit": ({"suppression": "{unit: tables}"}, "'rows' o 'cells'"),
    "limit over one": ({"suppression": "{limit: 2}"}, "«suppression.limit» debe ser ≤ 1"),
    "column that is not there": ({"quasi_identifiers": "{height: {}}"}, "table.csv: no tiene la columna «height»"),
    "column with two roles": ({"sensitive": "{age: {l: 2}}"}, "una columna solo puede tener un papel"),
    "table that is not there": ({"data": "nowhere.csv"}, "nowhere.csv: no se puede leer"),
    "row with too many cells": ({"table": [*TABLE, "1;2;CANARIO;4;5"]}, "fila 9: 5 columnas donde se esperaban 4"),
    "l that no class can have": ({"sensitive": "{illness: {l: 9}}"}, "Ningún nivel de las jerarquías cumple"),
    "broken YAML": ({"data": "[a"}, "no es YAML válido, línea"),
    "order without a value": (
        {"sensitive": "{illness: {t: 0.1, ordered: [flu, cold]}}"},
        "«illness» tiene 1 valores que no están en su orden",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_with_its_place_and_without_its_value(case, tmp_path, capsys):
    changes, said = REFUSED[case]
    code, _, _ = anonymise(written(tmp_path, **changes))
    error = capsys.readouterr().err
    assert code == 2
    assert said in error
    assert "CANARIO" not in error
    assert "90" not in error


def test_an_empty_cell_is_a_value_of_its_own_that_a_hierarchy_may_name(tmp_path):
    table = [*TABLE[:-1], ";south;flu;g", ";south;flu;h", ";south;flu;i"]
    code, rows, _ = anonymise(written(tmp_path, table, [*AGES, ";Sin dato;*"], suppression="{limit: 0}"))
    assert code == 0
    assert Counter(row["age"] for row in rows)["Sin dato"] == 3


@adult.needs_adult
@pytest.mark.parametrize("limit", [0.0, 0.05])
def test_adult_through_the_command_gives_the_known_rows_and_loss(limit, tmp_path, capsys):
    path = tmp_path / "spec.yaml"
    path.write_text(adult.spec(limit=limit), encoding="utf-8")
    code, rows, report = anonymise(path)
    assert code == 0
    assert len(rows) == 30162
    known = {0.0: (0, 24, 0.6355), 0.05: (1346, 397, 0.2696)}[limit]
    assert (report["suppressed_rows"], report["classes"], round(report["ncp"], 4)) == known
    assert sum(row["sex"] == SUPPRESSED for row in rows) == known[0]
    assert min(Counter(tuple(row.values()) for row in rows).values()) >= 5
    assert "Óptimo demostrado" in capsys.readouterr().out
