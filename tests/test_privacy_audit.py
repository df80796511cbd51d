"""What an attacker can compute: intervals are those of brute force, and a file that is no system is refused clearly."""

import json
from collections.abc import Iterable
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import cli
from pipeline.privacy import hull
from pipeline.privacy.audit import CellsError, audit, parse
from pipeline.privacy.intervals import Interval, exposed, intervals
from pipeline.privacy.linear import ContradictionError, Relation, System, propagate

TOP = 5


def system(values: Iterable[int | None], *relations: Relation, published: Iterable[int] = ()) -> System:
    made = System()
    shown = set(published)
    for n, value in enumerate(values):
        made.add(n, value, published=n in shown)
    made.relations += relations
    return made


def by_brute_force(made: System) -> dict[int, tuple[int, int]]:
    """Every whole assignment up to TOP is tried; each system bounds its cells by it."""
    found: dict[int, tuple[int, int]] = {}
    for guess in product(range(TOP + 1), repeat=len(made.withheld)):
        values = dict(enumerate(made.values)) | dict(zip(made.withheld, guess, strict=True))
        if all(r.low <= sum(c * values[n] for n, c in r.terms.items()) <= r.high for r in made.relations):
            for n, value in zip(made.withheld, guess, strict=True):
                low, high = found.get(n, (value, value))
                found[n] = min(low, value), max(high, value)
    return found


@st.composite
def small_systems(draw: st.DrawFn) -> System:
    values = draw(st.lists(st.integers(0, 4), min_size=3, max_size=5))
    relations = [Relation(f"tope {n}", {n: 1}, 0, TOP) for n in range(len(values))]
    for number in range(draw(st.integers(1, 4))):
        cells = draw(st.sets(st.integers(0, len(values) - 1), min_size=2))
        terms = {n: draw(st.sampled_from([1, 1, 1, -1, 2, 3])) for n in sorted(cells)}
        reached = sum(c * values[n] for n, c in terms.items())
        below, above = draw(st.sampled_from([(0, 0), (0, 0), (1, 0), (2, 1)]))
        relations.append(Relation(f"suma {number}", terms, reached - below, reached + above))
    shown = draw(st.sets(st.integers(0, len(values) - 1), max_size=2))
    return system(values, *relations, published=shown)


@settings(max_examples=150)
@given(small_systems(), st.booleans())
def test_intervals_are_those_of_brute_force_whether_or_not_the_true_values_are_known(made, known):
    truth = by_brute_force(made)
    if not known:
        made.values = [v if shown else None for v, shown in zip(made.values, made.published, strict=True)]
    assert {n: (i.low, i.high) for n, i in intervals(made).items()} == truth


@settings(max_examples=60)
@given(small_systems(), st.integers(1, 4))
def test_what_is_found_exposed_is_exactly_what_its_interval_does_not_hide(made, threshold):
    narrow = {n for n, i in intervals(made).items() if not i.hides(threshold)}
    assert exposed(made, dict.fromkeys(made.withheld, threshold)).keys() == narrow


def check_whole_numbers_say_more() -> None:
    """2a + 2b + 2c + 3d = 3 with a, b, c, d ≥ 0: fractions leave d open, whole numbers do not."""
    made = system([0, 0, 0, 1], Relation("suma", {0: 2, 1: 2, 2: 2, 3: 3}, 3, 3))
    assert intervals(made) == {n: Interval(v, v) for n, v in enumerate([0, 0, 0, 1])}
    # 3a + b + 3c = 11: most corners are not whole, and the whole ones show a alone at 0
    corners = system([None, None, None], Relation("suma", {0: 3, 2: 3, 1: 1}, 11, 11))
    assert intervals(corners) == {0: Interval(0, 3), 1: Interval(2, 11), 2: Interval(0, 3)}


def test_whole_numbers_may_say_more_than_the_linear_relaxation():
    check_whole_numbers_say_more()


def test_a_table_with_two_suppressions_in_every_line_may_still_be_open():
    """A 3 × 3 grid whose withheld cells are bounded by its margins, although no line has one alone."""
    made = System()
    grid = {(i, j): made.add((i, j), 0, published=False) for i, j in product("pqr", "stu")}
    for i in "pqr":
        made.total(i, made.add(i, 1 if i == "p" else 0, published=True), [grid[i, j] for j in "stu"])
    for j in "stu":
        made.total(j, made.add(j, 1 if j == "s" else 0, published=True), [grid[i, j] for i in "pqr"])
    found = intervals(made)
    assert found["p", "s"] == Interval(1, 1)
    assert {i.width for i in found.values()} == {0}


def test_a_cell_that_nothing_bounds_has_no_upper_end_and_is_hidden():
    assert intervals(system([3])) == {0: Interval(0, float("inf"))}
    assert intervals(system([3]))[0].hides(10)


def check_hidden_is_threshold_minus_one_wide() -> None:
    assert Interval(2, 6).hides(5)
    assert not Interval(2, 5).hides(5)
    assert not Interval(3, 3).hides(1)


def test_hidden_means_threshold_minus_one_wide_and_never_exact():
    check_hidden_is_threshold_minus_one_wide()


def check_contradictions_are_named() -> None:
    with pytest.raises(ContradictionError) as by_rules:
        propagate(system([7, 3], Relation("A", {0: -1, 1: 1}), published=(0, 1)))
    assert by_rules.value.relations == ("A",)
    # no rule of bounds sees it: x + y = 3, y + z = 3, x + z = 3 have no whole solution
    odd = [Relation(name, dict.fromkeys(pair, 1), 3, 3) for name, pair in zip("ABC", ((0, 1), (1, 2), (0, 2)))]  # noqa: B905
    with pytest.raises(ContradictionError):
        intervals(system([None, None, None], *odd))
    two = [Relation("suma", {0: 1, 1: 1, 2: 1}, 9, 9), Relation("otra", {0: 1, 1: 1, 2: 1}, 8, 8)]
    with pytest.raises(ContradictionError) as by_solver:
        intervals(system([None, None, None], *two))
    assert set(by_solver.value.relations) <= {"suma", "otra"}
    assert by_solver.value.relations


def test_what_is_published_and_contradicts_itself_is_named_by_its_relations():
    check_contradictions_are_named()


def test_when_the_nodes_run_out_the_whole_values_found_are_the_interval(monkeypatch):
    monkeypatch.setattr(hull, "_NODES", 0)
    made = system([0, 0, 0, 1], Relation("suma", {0: 2, 1: 2, 2: 2, 3: 3}, 3, 3))
    assert all(interval.low <= value <= interval.high for value, interval in zip(made.values, intervals(made).values()))  # noqa: B905


EXAMPLE = {
    "threshold": 5,
    "cells": [
        {"id": "S1.C2", "value": 3, "published": False},
        {"id": "S2.C2", "value": 4, "published": False},
        {"id": "S1.C3", "value": 12, "published": True},
        {"id": "S1.T", "value": 15, "published": True},
        {"id": "A.C2", "value": 7, "published": True},
    ],
    "equations": [
        {"total": "A.C2", "parts": ["S1.C2", "S2.C2"]},
        {"total": "S1.T", "parts": ["S1.C2", "S1.C3"]},
    ],
}


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "celdas.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def changed(**parts: object) -> dict[str, object]:
    return EXAMPLE | parts


def test_the_command_answers_each_withheld_cell_and_exits_1_where_one_is_not_protected(tmp_path, capsys):
    path = written(tmp_path, EXAMPLE)
    assert cli.main(["audit-cells", str(path), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["cells"] == [
        {"id": "S1.C2", "low": 3, "high": 3, "protected": False},
        {"id": "S2.C2", "low": 4, "high": 4, "protected": False},
    ]
    assert (answer["withheld"], answer["exact"], answer["narrow"]) == (2, 2, 0)


def test_the_command_exits_0_where_all_are_protected_and_says_how_many(tmp_path, capsys):
    path = written(tmp_path, changed(equations=EXAMPLE["equations"][:1]))
    assert cli.main(["audit-cells", str(path)]) == 0
    assert "2 celdas retenidas: 2 protegidas, 0 exactas y 0 estrechas" in capsys.readouterr().out


def test_inequalities_bound_cells_too():
    cells = [{"id": "S1.P", "published": False}, {"id": "A.P", "value": 6, "published": True}]
    _, made = parse({"threshold": 5, "cells": cells, "inequalities": [{"low": ["S1.P"], "high": ["A.P"]}]})
    assert intervals(made) == {"S1.P": Interval(0, 6)}


def test_withheld_values_that_break_a_relation_change_nothing_but_are_noted(tmp_path):
    cells = [dict(c, value=9) if c["id"] == "S1.C2" else c for c in EXAMPLE["cells"]]
    found = audit(written(tmp_path, changed(cells=cells)))
    assert found.found["S1.C2"] == Interval(3, 3)
    assert "«A.C2»" in found.notes[0]


WRONG = {
    "not JSON": ("{", "línea 1, columna 2"),
    "not an object": ([], "debe ser un objeto JSON"),
    "a misspelt key": (changed(equation=[]), "«equation»"),
    "no threshold": ({"cells": []}, "«threshold»"),
    "a threshold of yes": (changed(threshold=True), "«threshold»"),
    "cells that are no list": (changed(cells={}), "«cells» debe ser una lista"),
    "a cell without id": (changed(cells=[{"value": 3, "published": True}]), "celda 1: falta «id»"),
    "a negative value": (changed(cells=[{"id": "x", "value": -73, "published": True}]), "celda «x»"),
    "a fraction": (changed(cells=[{"id": "x", "value": 73.5, "published": False}]), "celda «x»"),
    "a published cell without value": (changed(cells=[{"id": "x", "published": True}]), "celda «x»"),
    "a value beyond measure": (changed(cells=[{"id": "x", "value": 73 * 10**20, "published": True}]), "celda «x»"),
    "an id twice": (changed(cells=[EXAMPLE["cells"][0]] * 2), "celda «S1.C2»: el identificador está repetido"),
    "an unknown part": (changed(equations=[{"total": "S1.T", "parts": ["nada"]}]), "ecuación 1: la celda «nada»"),
    "an unknown total": (changed(equations=[{"total": "nada", "parts": ["S1.T"]}]), "ecuación 1: la celda «nada»"),
    "no parts": (changed(equations=[{"total": "S1.T", "parts": []}]), "ecuación 1: «parts»"),
    "a total of itself": (changed(equations=[{"total": "S1.T", "parts": ["S1.T", "S1.C2"]}]), "ecuación 1"),
    "an inequality without high": (changed(inequalities=[{"low": ["S1.T"]}]), "desigualdad 1: falta «high»"),
}


@pytest.mark.parametrize("content, said", WRONG.values(), ids=WRONG)
def test_a_file_that_is_no_system_is_refused_by_name_and_never_by_value(content, said, tmp_path, capsys):
    assert cli.main(["audit-cells", str(written(tmp_path, content))]) == 2
    message = capsys.readouterr().err
    assert said in message
    assert "73" not in message


def test_a_contradiction_exits_2_and_names_the_total(tmp_path, capsys):
    cells = [dict(c, value=99) if c["id"] == "S1.C3" else c for c in EXAMPLE["cells"]]
    assert cli.main(["audit-cells", str(written(tmp_path, changed(cells=cells)))]) == 2
    said = capsys.readouterr().err
    assert "se contradice en «S1.T»" in said
    assert "99" not in said


def test_a_missing_file_is_an_error_of_its_own(tmp_path):
    with pytest.raises(CellsError, match="No se puede leer"):
        audit(tmp_path / "no.json")
