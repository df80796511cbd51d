"""Suppression in tables: whoever subtracts, in whatever order and through whatever lines, gets no withheld cell."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import product
from typing import get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.errors import PqrsdError
from pipeline.privacy import floors, gate, joint, judges, tables
from pipeline.privacy.disclosed import Disclosed
from pipeline.privacy.gate import GateRefused
from pipeline.privacy.grids import TableError
from pipeline.privacy.quantiles import QUANTILES, persons_behind
from pipeline.profile import TableSpec
from schemas.published import SUPPRESSED
from tests.privacy_cases import PERIOD, TOTAL, Counts, candidates, refused, spec, with_tables

ONE = spec("uno", "a")
TWO = spec("dos", "a", "b")
KEYS = ["tabla", "valor_1", "valor_2", "medida"]


def disclose(*counted: tuple[TableSpec, pd.DataFrame], sensitive: set[str] = frozenset()) -> Disclosed:
    profile = with_tables(*{table.id: table for table, _ in counted}.values())
    whole = pd.concat([frame for _, frame in counted], ignore_index=True)
    return gate.disclose_tables(whole, profile, PERIOD, sensitive=set(sensitive))


def cells_of(disclosed: Disclosed) -> pd.DataFrame:
    return disclosed.table().to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)


def protect(table: TableSpec, counted: pd.DataFrame, sensitive: set[str] = frozenset()) -> pd.DataFrame:
    """The cells of one table as the gate would have them suppressed."""
    named = judges.sensitive_tables(with_tables(table)) | sensitive
    return tables.protect(
        counted, {table.id: table}, threshold=5, sensitive_threshold=10, sensitive=named, hierarchy={}
    ).cells


def shown(counts: Counts, table: TableSpec = ONE, sensitive: set[str] = frozenset()) -> dict[object, int | None]:
    """Each cell's published value, None where withheld; one table alone."""
    found = protect(table, candidates(table, counts), sensitive)
    codes = zip(found.valor_1, found.valor_2, strict=True)
    places = [a if pd.isna(b) else (a, b) for a, b in codes]
    return {
        place: None if state == SUPPRESSED else int(value)
        for place, state, value in zip(places, found.estado_celda, found.valor, strict=True)
    }


def withheld(counts: Counts, table: TableSpec = ONE, sensitive: set[str] = frozenset()) -> set[object]:
    return {place for place, value in shown(counts, table, sensitive).items() if value is None}


def lines_of(cells: pd.DataFrame) -> list[tuple[list[int], int]]:
    """Every sum in the tables as row numbers: parts and total; cells of the same people in two tables are one."""
    place = {(r.valor_1, r.valor_2): n for n, r in enumerate(cells.itertuples(index=False))}
    first, second = ([*dict.fromkeys(v)] for v in (cells.valor_1, cells.valor_2))
    found = [([place[a, b] for a in first if a != TOTAL], place[TOTAL, b]) for b in second]
    if len(second) > 1:
        found += [([place[a, b] for b in second if b != TOTAL], place[a, TOTAL]) for a in first]
    return found


def fixed(lines: list[tuple[list[int], int]], hidden: list[int]) -> set[int]:
    """The hidden cells that Gaussian elimination over the rationals leaves without freedom."""
    rows = []
    for parts, total in lines:
        row = [Fraction(h in parts) - Fraction(h == total) for h in hidden]
        if any(row):
            rows.append(row)
    pivots: list[list[Fraction]] = []
    for column in range(len(hidden)):
        row = next((r for r in rows if r[column] and not any(r[:column])), None)
        if row is None:
            continue
        rows = [r for r in rows if r is not row]
        row = [value / row[column] for value in row]
        rows = [[x - r[column] * y for x, y in zip(r, row, strict=True)] for r in rows]
        pivots = [[x - r[column] * y for x, y in zip(r, row, strict=True)] for r in pivots] + [row]
    return {hidden[row.index(1)] for row in pivots if sum(value != 0 for value in row) == 1}


def check_nothing_is_given_away(counted: pd.DataFrame, cells: pd.DataFrame, threshold: int) -> None:
    """The laws of one suppressed table of requests, from its candidates and what was published, by other means."""
    both = counted.merge(cells[[*KEYS, "estado_celda", "valor"]], on=KEYS, suffixes=("", "_publicado"), validate="1:1")
    assert len(both) == len(counted) == len(cells)
    hidden = both.estado_celda == SUPPRESSED
    assert (both.valor_publicado.isna() == hidden).all()
    assert (both.valor_publicado[~hidden] == both.valor[~hidden]).all()
    assert not (~hidden & (both.personas > 0) & (both.personas < threshold)).any()
    for parts, total in lines_of(both):
        secret = [n for n in (*parts, total) if hidden[n]]
        assert len(secret) != 1
        if secret and not hidden[total]:
            assert both.personas[secret].sum() >= threshold
    small = set(both.index[(both.personas > 0) & (both.personas < threshold)])
    assert small.isdisjoint(fixed(lines_of(both), [n for n in both.index if hidden[n]]))


def check_thresholds() -> None:
    assert withheld({"x": 4, "y": 30, "z": 40}) == {"x", "y"}
    assert withheld({"x": 5, "y": 30, "z": 40}) == set()
    assert withheld({"x": 9, "y": 30, "z": 40}, sensitive={"uno"}) == {"x", "y"}
    assert withheld({"x": 10, "y": 30, "z": 40}, sensitive={"uno"}) == set()


def check_the_gate_asks_for_both_thresholds() -> None:
    other = spec("otra", "b")
    counts = {"x": 4, "y": 30, "z": 40}
    both = disclose(
        (ONE, candidates(ONE, counts)), (other, candidates(other, counts | {"x": 9, "y": 25})), sensitive={"otra"}
    )
    found = cells_of(both).query("estado_celda == 'Suprimido'")
    assert sorted(zip(found.tabla, found.valor_1, strict=True)) == sorted(product(("otra", "uno"), "xy"))


def test_the_gate_asks_for_the_thresholds_of_the_profile():
    check_the_gate_asks_for_both_thresholds()


def test_fewer_than_five_persons_are_withheld_and_ten_where_an_attribute_is_sensitive():
    check_thresholds()


def test_the_threshold_counts_persons_and_not_requests():
    assert withheld({"x": (60, 4), "y": (30, 30), "z": (40, 40)}) == {"x", "y"}


def check_a_sensitive_attribute_makes_a_table_sensitive(name: str) -> None:
    table = spec("uno", name)
    assert withheld({"x": 9, "y": 30, "z": 40}, table) == {"x", "y"}
    filtered = spec("uno", "a", filtro=f"{name} = si")
    assert withheld({"x": 9, "y": 30, "z": 40}, filtered) == {"x", "y"}


@pytest.mark.parametrize("name", ["grupo_etnico", "discapacidad", "victima"])
def test_a_table_of_a_sensitive_attribute_is_sensitive_whoever_counts_it(name):
    check_a_sensitive_attribute_makes_a_table_sensitive(name)


def check_no_line_has_a_single_withheld_cell() -> None:
    grid = dict.fromkeys(product("pqr", "stu"), 20) | {("p", "s"): 3}
    found = withheld(grid, TWO)
    assert found == {("p", "s"), ("p", "t"), ("q", "s"), ("q", "t")}


def test_companions_are_withheld_in_the_row_and_in_the_column():
    check_no_line_has_a_single_withheld_cell()


def check_small_cells_together_take_a_companion() -> None:
    assert withheld({"x": 2, "y": 2, "z": 30, "w": 40}) == {"x", "y", "z"}


def test_two_small_cells_together_below_the_threshold_take_a_companion():
    check_small_cells_together_take_a_companion()


def check_the_person_alone_in_a_cell_learns_nothing() -> None:
    assert withheld({"x": 1, "y": 4, "z": 30, "w": 40}) == {"x", "y", "z"}
    assert withheld({"x": 1, "y": 5, "z": 30, "w": 40}) == {"x", "y"}
    assert withheld({"x": 2, "y": 3, "z": 30, "w": 40}) == {"x", "y"}


def test_whoever_is_alone_in_a_cell_cannot_subtract_herself_from_another():
    check_the_person_alone_in_a_cell_learns_nothing()


def check_a_whole_margin_is_withheld() -> None:
    """In a sensitive table, that everybody in a category has the attribute, or that nobody has."""
    grid = {("si", "s"): 40, ("no", "s"): 0, ("si", "t"): 30, ("no", "t"): 50, ("si", "u"): 30, ("no", "u"): 50}
    found = withheld(grid, TWO, sensitive={"dos"})
    assert {("si", "s"), ("no", "s")} <= found
    assert withheld(grid, TWO) == set()


def test_a_sensitive_table_never_says_that_everybody_or_nobody_of_a_category_has_the_attribute():
    check_a_whole_margin_is_withheld()


def test_a_margin_that_lies_wholly_in_no_answer_tells_nothing_and_is_published():
    assert withheld({"si": 0, "no": 0, "no_informa": 40}, sensitive={"uno"}) == set()
    assert "si" in withheld({"si": 40, "no": 0, "no_informa": 0}, sensitive={"uno"})


def test_a_table_too_small_to_show_anything_shows_nothing():
    assert set(shown({"x": 1, "y": 2}).values()) == {None}


def test_primary_and_secondary_cells_wear_the_same_marker_and_no_value():
    found = cells_of(disclose((ONE, candidates(ONE, {"x": 4, "y": 30, "z": 40}))))
    assert set(found.estado_celda) == {"publicada", SUPPRESSED}
    assert found.valor.isna().equals(found.estado_celda == SUPPRESSED)


def test_the_evidence_says_how_each_table_was_treated_and_not_which_cells():
    said = disclose((ONE, candidates(ONE, {"x": 4, "y": 30, "z": 40}))).evidence
    assert (said["celdas"], said["suprimidas"]) == (4, 2)
    assert said["tablas"]["uno"]["tratamiento"] == "supresion"
    assert said["tablas"]["uno"]["primarias"] == "<5"


def test_the_requests_and_the_persons_of_a_cell_share_one_fate():
    table = spec("uno", "a", medidas=["solicitudes", "personas"])
    counts = {"x": (60, 4), "y": (30, 30), "z": (41, 40)}
    frames = [candidates(table, counts), candidates(table, counts, measure="personas")]
    found = cells_of(disclose((table, pd.concat(frames))))
    hidden = found[found.estado_celda == SUPPRESSED]
    assert sorted(zip(hidden.valor_1, hidden.medida, strict=True)) == sorted(product("xy", table.medidas))


def test_a_cell_in_two_tables_is_one_cell_with_one_fate():
    grid = {("p", "s"): 2, ("p", "t"): 1, ("q", "s"): 20, ("q", "t"): 30, ("r", "s"): 30, ("r", "t"): 30}
    one = {"p": 3, "q": 50, "r": 60}
    found = cells_of(disclose((ONE, candidates(ONE, one)), (TWO, candidates(TWO, grid))))
    hidden = found[found.estado_celda == SUPPRESSED]
    of_one = set(hidden[hidden.tabla == "uno"].valor_1)
    margins = set(hidden[(hidden.tabla == "dos") & (hidden.valor_2 == TOTAL)].valor_1)
    assert of_one == margins >= {"p"}


def test_two_tables_that_count_the_same_cell_differently_are_refused():
    grid = {("p", "s"): 20, ("p", "t"): 30, ("q", "s"): 20, ("q", "t"): 30}
    act = lambda: disclose((ONE, candidates(ONE, {"p": 49, "q": 50})), (TWO, candidates(TWO, grid)))  # noqa: E731
    assert "otra tabla también cuenta" in refused(TableError, act)


def test_the_sums_of_a_hierarchy_between_two_tables_are_lines_too():
    above, detail = spec("encima", "sexo"), spec("detalle", "sexo_detalle")
    profile = with_tables(above, detail)
    leaves = {"mujer": 30, "hombre": 4, "no_informa": 30, "no_aplica": 30}
    whole = pd.concat([candidates(above, {"*": 94}), candidates(detail, leaves)])
    columns = {name: c.model_copy(update={"nivel": 1}) for name, c in profile.privacidad.columnas.items()}
    coarse = profile.model_copy(update={"privacidad": profile.privacidad.model_copy(update={"columnas": columns})})
    found = cells_of(gate.disclose_tables(whole, coarse, PERIOD, sensitive=set()))
    hidden = found[found.estado_celda == SUPPRESSED]
    assert sorted(zip(hidden.tabla, hidden.valor_1, strict=True)) == [("detalle", "hombre"), ("detalle", "mujer")]


two_way = st.tuples(st.integers(2, 5), st.integers(2, 5)).flatmap(
    lambda shape: st.lists(
        st.sampled_from([0, 0, 1, 2, 4, 5, 6, 9, 10, 12, 25]),
        min_size=shape[0] * shape[1],
        max_size=shape[0] * shape[1],
    ).map(lambda flat: {(f"a{i // shape[1]}", f"b{i % shape[1]}"): n for i, n in enumerate(flat)})
)


@settings(max_examples=40)
@given(two_way, st.booleans())
def test_no_withheld_cell_follows_from_any_combination_of_lines(counts, is_sensitive):
    counted, threshold = candidates(TWO, counts), 10 if is_sensitive else 5
    made = protect(TWO, counted, {"dos"} if is_sensitive else set())
    check_nothing_is_given_away(counted, made, threshold)
    assert tables.recoverable(made, {"dos": threshold}) == {}


BRIDGE: Mapping[tuple[str, str], int] = {
    (f"a{i}", f"b{j}"): 3 if (i, j) in {(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (2, 3), (3, 2), (3, 3), (1, 2)} else 30
    for i, j in product(range(4), range(4))
}
"""Two blocks of small cells and one between them: two or more in every line, yet lines together give the bridge."""


def check_bridges_are_widened() -> None:
    counted = candidates(TWO, BRIDGE)
    check_nothing_is_given_away(counted, protect(TWO, counted), 5)


def test_a_cell_that_only_several_lines_together_would_give_is_protected():
    naive = candidates(TWO, BRIDGE)
    hidden = [n for n in naive.index if naive.personas[n] == 3]
    assert fixed(lines_of(naive), hidden) == {naive.index[(naive.valor_1 == "a1") & (naive.valor_2 == "b2")][0]}
    check_bridges_are_widened()


def leak(counts: Mapping[object, int], open_up: object, table: TableSpec) -> dict[str, int]:
    """What the public recheck finds after one companion is published again."""
    found = protect(table, candidates(table, counts))
    first, second = open_up if isinstance(open_up, tuple) else (open_up, None)
    here = (found.valor_1 == first) & (found.valor_2.isna() if second is None else found.valor_2 == second)
    assert (found[here].estado_celda == SUPPRESSED).all()
    found.loc[here, "estado_celda"] = "publicada"
    found.loc[here, "valor"] = counts[open_up]
    return tables.recoverable(found, {table.id: 5})


def check_planted_leaks_are_found() -> None:
    assert leak({"x": 4, "y": 30, "z": 40}, "y", ONE) == {"uno": 1}
    assert leak({"x": 2, "y": 2, "z": 30, "w": 40}, "z", ONE) == {"uno": 1}
    grid = dict.fromkeys(product("pqr", "stu"), 20) | {("p", "s"): 3}
    assert leak(grid, ("q", "t"), TWO) == {"dos": 2}


def test_a_companion_published_again_is_found_in_the_public_rows():
    check_planted_leaks_are_found()


def test_a_bridge_published_as_two_blocks_is_found_in_the_public_rows():
    cells = candidates(TWO, BRIDGE)
    small = cells.personas == 3
    cells["estado_celda"] = np.where(small, SUPPRESSED, "publicada")
    cells["valor"] = cells["valor"].mask(small)
    assert tables.recoverable(cells, {"dos": 5}) == {"dos": 1}


def test_the_gate_refuses_a_table_whose_companions_were_forgotten(monkeypatch):
    monkeypatch.setattr(tables.Lines, "gives_away", lambda self, line: False)
    monkeypatch.setattr(tables, "deduced", lambda lines, values: {})
    monkeypatch.setattr(joint.Auditor, "__call__", lambda self, cells: frozenset())
    said = refused(GateRefused, lambda: disclose((ONE, candidates(ONE, {"x": 4, "y": 30, "z": 40}))))
    assert "regla «supresion_complementaria», tabla «uno», 1 líneas" in said
    assert "regla «auditoria_conjunta», 1 celdas" in said


def test_the_gate_refuses_a_small_cell_that_the_suppression_forgot(monkeypatch):
    monkeypatch.setattr(tables.Lines, "suppress", lambda self: None)
    said = refused(GateRefused, lambda: disclose((ONE, candidates(ONE, {"x": (60, 4), "y": 30, "z": 40}))))
    assert "regla «umbral_tabla», 1 celdas" in said


def check_small_public_counts_are_found() -> None:
    profile = with_tables(ONE)
    rows = disclose((ONE, candidates(ONE, {"x": 5, "y": 30}))).table()
    assert judges.problems_of_tables(rows, profile, set()) == []
    small = rows.set_column(rows.column_names.index("valor"), "valor", pa.array([35, 4, 31], pa.int64()))
    assert "regla «umbral_tabla», 1 celdas" in judges.problems_of_tables(small, profile, set())


def test_public_rows_with_a_small_count_are_found_without_knowing_the_persons():
    check_small_public_counts_are_found()


def test_public_rows_with_a_marker_and_a_value_are_found():
    profile = with_tables(ONE)
    rows = disclose((ONE, candidates(ONE, {"x": 4, "y": 30, "z": 40}))).table()
    told = rows.set_column(rows.column_names.index("valor"), "valor", pa.array([74, 4, 30, 40], pa.int64()))
    assert any("regla «marcador»" in problem for problem in judges.problems_of_tables(told, profile, set()))


MEDIANS = spec("medianas", "a", medidas=["mediana_dias_habiles"])


def check_medians_need_ten_persons() -> None:
    counted = candidates(MEDIANS, {"x": (7, 9), "y": (8, 10)}, measure="mediana_dias_habiles")
    found = protect(MEDIANS, counted).set_index("valor_1")["estado_celda"].to_dict()
    assert found == {"x": SUPPRESSED, "y": "publicada", TOTAL: "publicada"}
    counted = candidates(MEDIANS, {"x": (7, 19), "y": (8, 20)}, measure="mediana_dias_habiles")
    found = protect(MEDIANS, counted, {"medianas"}).set_index("valor_1")["estado_celda"].to_dict()
    assert found == {"x": SUPPRESSED, "y": "publicada", TOTAL: "publicada"}


def test_a_median_needs_ten_persons_and_twenty_where_an_attribute_is_sensitive():
    check_medians_need_ten_persons()
    assert floors.MEDIAN_PERSONS == 10


def test_a_quantile_needs_the_threshold_on_either_side_and_an_extreme_is_never_one():
    assert [persons_behind(share, 5) for share in (0.5, 0.25, 0.9)] == [10, 20, 50]
    for share in (0, 1):
        assert "no se publica" in refused(PqrsdError, lambda share=share: persons_behind(share, 5))


def test_a_table_measures_requests_persons_or_a_median_and_no_extreme():
    for measure in ("minimo", "maximo_dias_habiles", "percentil_95"):
        refused(ValidationError, lambda measure=measure: spec("uno", "a", medidas=[measure]))
    assert set(tables.COUNTED) | set(QUANTILES) == set(
        get_args(get_args(TableSpec.model_fields["medidas"].annotation)[0])
    )


def test_a_median_of_a_withheld_cell_is_withheld():
    counted = candidates(MEDIANS, {"x": (7, 30), "y": (8, 40)}, measure="mediana_dias_habiles")
    found = cells_of(disclose((MEDIANS, counted), (ONE, candidates(ONE, {"x": 4, "y": 40, "z": 50}))))
    assert found[(found.tabla == "medianas") & (found.estado_celda == SUPPRESSED)].valor_1.tolist() == ["x", "y"]
