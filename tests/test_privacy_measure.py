"""What the suppression stands on: hierarchies that are trees, rows packed as numbers, and k measured twice."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PqrsdError
from pipeline.privacy import hierarchies, measure
from pipeline.privacy.packing import Packing
from schemas.published import SUPPRESSED
from tests.privacy_cases import changed, refused, santa_marta, with_targets
from tests.test_privacy_microdata import anonymise, three_topics


def check_unknown_values_are_refused() -> None:
    strange = three_topics(20, sexo="valor_canario")
    said = refused(hierarchies.HierarchyError, lambda: anonymise(strange))
    assert "«sexo»" in said
    assert "60 filas" in said
    assert "canario" not in said


def test_a_value_that_no_hierarchy_knows_is_refused_by_column_and_never_shown():
    check_unknown_values_are_refused()


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ((("a", "x", "*"), ("b", "*")), "los mismos niveles"),
        ((("a", "x", "*"), ("a", "y", "*")), "dos veces"),
        ((("a", "x", "*"), ("b", "x", "z")), "dos padres"),
        ((("a", "x", "*"), ("b", "y", "z")), "un solo valor"),
        ((("a", SUPPRESSED, "*"),), "marcador"),
        ((("a", " ", "*"),), "vacío"),
        ((("b", "*"),), "faltan 1 códigos"),
    ],
)
def test_a_hierarchy_that_is_no_tree_over_its_list_is_refused(rows, rule):
    assert rule in refused(hierarchies.HierarchyError, lambda: hierarchies.check_tree("x", rows, ["a"]))


def test_a_hierarchy_for_a_field_without_codes_is_refused():
    columns = dict(santa_marta().privacidad.columnas)
    columns["sexo"] = columns["sexo"].model_copy(update={"campo": "radicado"})
    assert "«sexo»" in refused(hierarchies.HierarchyError, lambda: hierarchies.check(with_targets(columnas=columns)))


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 60), min_size=1), st.data())
def test_packing_gives_back_every_value_and_a_masked_column_is_the_marker(sizes, data):
    values = {name: [f"{name}{i}" for i in range(size)] for name, size in sizes.items()}
    packing = Packing.of(values)
    row = {name: data.draw(st.sampled_from(found)) for name, found in values.items()}
    key = sum((values[n].index(v) + 1) << packing.shift[n] for n, v in row.items())
    hidden = data.draw(st.sets(st.sampled_from(sorted(values))))
    kept = key & packing.keep(hidden)
    assert {n: packing.unpack(n, kept) for n in values} == {n: SUPPRESSED if n in hidden else v for n, v in row.items()}


def test_patterns_go_from_cheap_to_dear_and_never_hide_everything():
    packing = Packing.of({name: ["v"] for name in "abc"})
    found = packing.patterns({"a": 1.0, "b": 1.0, "c": 0.5})
    assert found == [(), ("c",), ("a",), ("b",), ("a", "c"), ("b", "c"), ("a", "b")]


def test_too_many_values_for_one_key_are_refused():
    values = {f"c{i}": [str(v) for v in range(1000)] for i in range(8)}
    assert "demasiadas columnas" in refused(PqrsdError, lambda: Packing.of(values))


MARKED = {
    "tema": ["a"] * 10 + [SUPPRESSED] * 2 + ["b"] * 3,
    "sexo": ["m"] * 12 + ["m", "m", None],
    "person": [f"p{i}" for i in range(10)] + ["p0", None, None, None, "p1"],
}


def check_measures_are_those_of_pandas(values: dict[str, list[str | None]]) -> None:
    table = pa.table({name: pa.array(found, pa.string()) for name, found in values.items()})
    frame = table.to_pandas()
    if len(frame):
        classes = frame.groupby(["tema", "sexo"], dropna=False)
        persons = classes["person"].nunique(dropna=False)
        risk = (classes.size() / persons).sum() / len(frame)
        found = (len(frame), len(persons), classes.size().min(), persons.min(), (persons == 1).sum())
    else:
        found, risk = (0, 0, 0, 0, 0), 0.0
    for recount in (measure.recount, measure.recount_in_numpy):
        said = recount(table, ["tema", "sexo"], "person")
        assert (said.rows, said.classes, said.k_rows, said.k_persons, said.uniques) == found
        assert said.average_risk == pytest.approx(risk)


@settings(max_examples=12)
@given(st.lists(st.tuples(*[st.sampled_from(["a", "b", SUPPRESSED, None])] * 3), max_size=30))
def test_both_measures_of_k_say_what_pandas_says(rows):
    check_measures_are_those_of_pandas(dict(zip(("tema", "sexo", "person"), zip(*rows, strict=True), strict=False)) or
                                       {"tema": [], "sexo": [], "person": []})  # fmt: skip


def test_a_marker_and_a_null_are_values_of_their_own_when_k_is_measured():
    check_measures_are_those_of_pandas(MARKED)
    table = pa.table(MARKED)
    assert measure.recount(table, ["tema", "sexo"], "person").k_persons == 1


def test_without_persons_each_row_is_one_and_the_number_of_persons_is_unknown():
    said = measure.recount(pa.table(MARKED), ["tema"])
    assert (said.k_rows, said.k_persons) == (2, None)
    assert said == measure.recount_in_numpy(pa.table(MARKED), ["tema"])


def test_diversity_leaves_hidden_values_out_and_takes_the_larger_of_both_shares():
    table = pa.table({
        "clase": ["x"] * 6 + ["y"] * 2,
        "tema": ["a", "a", "a", "b", SUPPRESSED, SUPPRESSED, SUPPRESSED, SUPPRESSED],
        "person": ["1", "1", "1", "2", "3", "4", "5", "6"],
    })  # fmt: skip
    assert measure.diversity(table, ["clase"], "tema", "person") == measure.Diversity(2, 0.75)


def test_the_profile_levels_are_part_of_what_the_evidence_cites():
    profile = santa_marta()
    columns = dict(profile.privacidad.columnas)
    columns["tema"] = columns["tema"].model_copy(update={"nivel": 1})
    finer = changed(profile, privacidad=profile.privacidad.model_copy(update={"columnas": columns}))
    assert hierarchies.digest(finer) != hierarchies.digest(profile)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "é", "z", SUPPRESSED]), st.sampled_from(["x", "y"])), max_size=5))
def test_rows_are_sorted_when_python_would_leave_them_where_they_are(rows):
    table = pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate("ab")})
    assert measure.is_sorted(table, ["a", "b"]) == (rows == sorted(rows))


def test_many_columns_of_many_values_do_not_run_out_of_numbers():
    rng = np.random.default_rng(1)
    table = pa.table({f"c{i}": [str(v) for v in rng.permutation(300)] for i in range(12)} | {"last": ["x"] * 300})
    columns = table.column_names
    assert measure.recount_in_numpy(table, columns) == measure.recount(table, columns)
    assert measure.recount_in_numpy(table, columns).classes == 300
    assert measure.is_sorted(table.sort_by([(name, "ascending") for name in columns]), columns)
