"""Special uniques: found by hand on a small table, and by trying every set of columns on any."""

from itertools import combinations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.privacy import special_uniques

NAMES = ["a", "b", "c", "d"]


def table(rows: list[tuple[str | None, ...]]) -> pa.Table:
    return pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(NAMES)})


def test_a_row_that_one_column_singles_out_is_more_special_than_one_that_needs_two():
    rows = [
        ("1", "x", "p", "-"),
        ("2", "x", "q", "-"),
        ("2", "y", "p", "-"),
        ("2", "y", "q", "-"),
        ("2", "x", "p", "-"),
    ]
    found = special_uniques.find(table(rows), NAMES, most=3)
    # a alone tells row 0; b and c together tell rows 1, 2 and 3; row 4 needs a, b and c
    assert found.minimal.tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]]
    # of four columns: one counts 3 · 2 · 1, two count 2 · 1, three count 1
    assert found.score.tolist() == [6, 2, 2, 2, 1]
    assert found.by_size() == [1, 3, 1]
    assert found.rows == 5


def test_equal_rows_are_not_special():
    found = special_uniques.find(table([("1", "x", None, "-")] * 3), NAMES)
    assert found.rows == 0
    assert found.score.tolist() == [0, 0, 0]


@settings(max_examples=40)
@given(st.lists(st.tuples(*[st.sampled_from(["1", "2", "3", None])] * 4), min_size=1, max_size=15), st.integers(1, 4))
def test_minimal_uniques_are_those_that_trying_every_set_gives(rows, most):
    found = special_uniques.find(table(rows), NAMES, most)
    for number, row in enumerate(rows):
        alone = [
            set(chosen)
            for size in range(1, most + 1)
            for chosen in combinations(range(4), size)
            if sum([other[c] for c in chosen] == [row[c] for c in chosen] for other in rows) == 1
        ]
        minimal = [one for one in alone if not any(other < one for other in alone)]
        assert found.minimal[number].tolist() == [
            sum(len(one) == size for one in minimal) for size in range(1, most + 1)
        ]


@pytest.mark.parametrize("most", [1, 9])
def test_more_columns_than_there_are_is_all_of_them(most):
    assert special_uniques.find(table([("1", "1", "1", "1")]), NAMES, most).minimal.shape == (1, min(most, 4))
