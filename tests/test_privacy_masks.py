"""Hiding single cells: every pattern of values and markers is shared by enough, and little is hidden for it."""

import json
from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.privacy import cells, models, recoded
from pipeline.privacy.masks import Items, Pattern, place, place_borrowing
from pipeline.privacy.transform import Targets
from schemas.published import SUPPRESSED
from tests import adult
from tests.test_privacy_anonymize import anonymise
from tests.test_privacy_search import AGES, PLACES, drawn, small

TREES = {"age": AGES, "place": PLACES}


def published(data, k: int, wanted: dict[str, float] | None = None, limit: float = 1.0) -> tuple:
    targets = Targets(k, {"illness": models.of_targets(wanted)} if wanted else {})
    found = cells.best(data, targets, limit)
    return found, found.hidden


def rows_of(rows: list[tuple], levels: tuple[int, ...], hidden: np.ndarray) -> list[tuple[str, str]]:
    """The published (age, place) of each row, by plain look-ups."""
    shown = []
    for number, row in enumerate(rows):
        values = []
        for axis, name in enumerate(("age", "place")):
            line = next(line for line in TREES[name] if line[0] == row[axis])
            values.append(SUPPRESSED if hidden[axis, number] else line[levels[axis]])
        shown.append(tuple(values))
    return shown


@settings(max_examples=60)
@given(rows=drawn, k=st.integers(1, 5), persons=st.booleans())
def test_every_published_pattern_is_shared_by_k_with_the_marker_as_a_value(rows, k, persons):
    data = small(rows, persons=persons)
    found, hidden = published(data, k)
    heads = defaultdict(set)
    for number, values in enumerate(rows_of(rows, found.levels, hidden)):
        heads[values].add(rows[number][3] if persons else number)
    nothing = (SUPPRESSED, SUPPRESSED)
    assert all(len(who) >= k for values, who in heads.items() if values != nothing)


@settings(max_examples=40)
@given(rows=drawn, k=st.integers(2, 4), wanted=st.sampled_from([{"l": 2.0}, {"t": 0.4}, {"alpha": 0.8}]))
def test_every_published_pattern_keeps_the_models_of_a_sensitive_column(rows, k, wanted):
    data = small(rows)
    found, hidden = published(data, k, wanted)
    (model,) = models.of_targets(wanted)
    column = data.sensitive[0]
    counts = defaultdict(lambda: np.zeros(len(column.values)))
    for values, row in zip(rows_of(rows, found.levels, hidden), rows, strict=True):
        counts[values][column.values.index(row[2])] += 1
    counts.pop((SUPPRESSED, SUPPRESSED), None)
    for found_counts in counts.values():
        assert model.keeps(found_counts[None, :], column.overall).all()


@settings(max_examples=40)
@given(rows=drawn, k=st.integers(1, 4), limit=st.sampled_from([0.0, 0.1, 0.5]))
def test_no_more_cells_are_hidden_than_allowed_and_the_loss_is_what_they_lose(rows, k, limit):
    data = small(rows)
    if k > len(rows):
        return
    found, hidden = published(data, k, limit=limit)
    assert hidden.sum() <= limit * hidden.size + 1e-9
    table = pa.table({"illness": [row[2] for row in rows]})
    assert recoded.recode(data, table, found.levels, hidden, k).ncp == pytest.approx(found.loss)


def test_a_class_one_row_short_borrows_it_from_its_neighbour():
    items = Items(np.array([0b01_01, 0b10_01]), np.array([9, 4]))
    patterns = [Pattern((), 0b11_11, 0.0), Pattern((1,), 0b00_11, 1.0), Pattern((0,), 0b11_00, 1.0)]
    placed = place_borrowing(items, patterns, 5)
    found = {(int(i), int(k)): int(n) for i, k, n in zip(placed.item, placed.key, placed.rows, strict=True)}
    assert found == {(0, 0b01_01): 8, (0, 0b00_01): 1, (1, 0b00_01): 4}


def test_nobody_lends_below_k():
    items = Items(np.array([0b01_01, 0b10_01]), np.array([5, 4]))
    placed = place_borrowing(items, [Pattern((), 0b11_11, 0.0), Pattern((1,), 0b00_11, 1.0)], 5)
    assert placed.lost(items.rows).tolist() == [0, 4]


def test_whole_items_are_placed_by_the_cheapest_pattern_that_makes_them_enough():
    items = Items(np.array([0b01_01, 0b10_01, 0b10_10]), np.array([3, 2, 1]))
    patterns = [Pattern((), 0b11_11, 0.0), Pattern((0,), 0b11_00, 1.0), Pattern((1,), 0b00_11, 2.0)]
    placed = place(items, patterns, 3)
    assert dict(zip(placed.item.tolist(), placed.key.tolist(), strict=True)) == {0: 0b01_01, 1: 0b10_00, 2: 0b10_00}


@adult.needs_adult
def test_adult_at_k_5_loses_less_in_cells_than_any_levels_lose_in_rows(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(adult.spec("cells", 0.1), encoding="utf-8")
    code, rows, report = anonymise(path)
    assert code == 0
    assert (len(rows), report["suppressed_rows"]) == (30162, 0)
    assert min(Counter(tuple(row.values()) for row in rows).values()) == 5
    for name in adult.COLUMNS:
        values = {row[name] for row in rows} - {SUPPRESSED}
        assert values <= {line[report["levels"][name]] for line in adult.hierarchy(name)}
    assert report["ncp"] < 0.0899
    assert json.dumps(report["optimal"]) == "false"
