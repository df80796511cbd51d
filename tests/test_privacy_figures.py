"""What a table discloses: by hand on small tables, and by two implementations that agree on any."""

import math

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.privacy import figures, second
from pipeline.privacy.figures import JournalistRisk

BOTH = pytest.mark.parametrize("measure", [figures.measure, second.measure], ids=["engine", "numpy"])


def table(**columns: list[str | None]) -> pa.Table:
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


@BOTH
def test_k_uniques_and_risk_of_a_small_table(measure):
    found = measure(table(age=["1", "1", "1", "2"], sex=["f", "f", "f", "m"]), ["age", "sex"])
    assert (found.rows, found.classes, found.k, found.uniques) == (4, 2, 1, 1)
    assert found.average_risk == pytest.approx(2 / 4)
    assert found.highest_risk == 1
    assert found.discernibility == 3**2 + 1


@BOTH
def test_a_person_who_appears_three_times_is_one_and_rows_without_person_are_one(measure):
    found = measure(table(age=["1"] * 5 + ["2"] * 2, who=["a", "a", "a", None, None, "b", "c"]), ["age"], "who")
    assert found.k == 2
    assert found.average_risk == pytest.approx((5 / 2 + 2 / 2) / 7)


@BOTH
def test_l_t_alpha_beta_and_delta_of_a_small_table(measure):
    found = measure(
        table(age=["1"] * 4 + ["2"] * 4, ill=["x", "x", "x", "y", "y", "y", "z", "z"]), ["age"], None, {"ill": False}
    ).spread["ill"]
    # the table has x 3/8, y 3/8, z 2/8; class 1 has x 3/4, y 1/4, class 2 has y 1/2, z 1/2
    assert found.l == 2
    assert found.entropy_l == pytest.approx((3 / 4) ** -0.75 * (1 / 4) ** -0.25)
    assert found.t == pytest.approx(3 / 8)
    assert found.alpha == pytest.approx(3 / 4)
    assert found.beta == pytest.approx(1.0)
    assert found.enhanced_beta == math.inf  # x doubles, and -ln(3/8) is less than 1
    assert found.delta == pytest.approx(1.0)


@BOTH
def test_the_ordered_distance_counts_how_far_values_move(measure):
    near = table(age=["1", "1", "2", "2"], pay=["10", "20", "20", "100"])
    found = measure(near, ["age"], None, {"pay": True}).spread["pay"]
    # shares 1/4, 1/2, 1/4 along 10 < 20 < 100; class 1 is ahead by 1/4 at 10 and by 1/4 at 20
    assert found.t == pytest.approx((1 / 4 + 1 / 4) / 2)


@BOTH
def test_a_single_quasi_identifier_with_an_empty_cell_has_k_one(measure):
    assert measure(table(age=["1"] * 5 + [None]), ["age"]).k == 1


@BOTH
def test_an_empty_cell_that_could_be_any_value_joins_classes_and_spoils_their_diversity(measure):
    rows = table(age=["1", "1", None, None], ill=["x", "y", "x", "x"])
    found = measure(rows, ["age"], None, {"ill": False})
    assert found.k == 2
    # whoever is behind the empty cells has x; read as a wildcard, class 1 has x three times of four
    assert found.spread["ill"].l == 1
    assert found.spread["ill"].alpha == 1


@BOTH
def test_an_empty_sensitive_cell_is_no_diversity(measure):
    rows = table(age=["1", "1", "1"], ill=["x", None, None])
    found = measure(rows, ["age"], None, {"ill": False}).spread["ill"]
    assert found.l == 1
    assert found.alpha == 1


@BOTH
def test_an_empty_table_discloses_nothing(measure):
    found = measure(table(age=[], ill=[]), ["age"], None, {"ill": False})
    assert (found.rows, found.k, found.average_risk, found.spread["ill"].l) == (0, 0, 0.0, None)


cell = st.sampled_from(["1", "2", "3", None])
rows_drawn = st.lists(
    st.tuples(cell, cell, st.sampled_from(["x", "y", "z", None]), st.sampled_from(["p", "q", "r", "s", None])),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60)
@given(
    rows=rows_drawn, person=st.booleans(), order=st.sampled_from([False, True, ["z", "x", "y", "w"]]), two=st.booleans()
)
@example(rows=[("1", "1", "x", "p")] * 5 + [(None, "1", "x", "q")], person=False, order=False, two=False)
def test_both_implementations_agree_on_any_table(rows, person, order, two):
    names = ("age", "sex", "ill", "who")
    found = table(**{name: [row[i] for row in rows] for i, name in enumerate(names)})
    columns = ["age", "sex"] if two else ["age"]
    assert second.differences(found, columns, "who" if person else None, {"ill": order}) == []


def test_a_disagreement_is_told_by_name(monkeypatch):
    rows = table(age=["1", "1", "2"], ill=["x", "y", "x"])
    monkeypatch.setattr(second, "_heads", lambda classes, person: classes.size + 1)
    assert second.differences(rows, ["age"], None, {"ill": False}) == ["k", "uniques", "average_risk"]


def test_the_journalist_looks_at_the_population_and_not_at_the_table():
    sample = table(age=["1", "1", "2", "3"])
    population = table(age=["1"] * 4 + ["2"] * 10 + ["3"])
    found = figures.journalist(sample, population, ["age"])
    assert found == JournalistRisk(1.0, pytest.approx((2 / 4 + 1 / 10 + 1) / 4))
