"""The joint audit: what each table hides alone, all that is published together hides too."""

import os
import sys
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import minus_microdata, three_tables
from benchmarks.three_tables import Case
from pipeline import characterization
from pipeline.privacy import companions, gate, hidden, joint, judges, tables
from pipeline.privacy.companions import UnprotectableError
from pipeline.privacy.grids import may_hide
from pipeline.privacy.intervals import Interval, exposed, intervals
from pipeline.privacy.linear import System
from pipeline.profile import TableSpec
from schemas.published import SUPPRESSED
from tests.privacy_cases import PERIOD, TOTAL, candidates, changed, refused, santa_marta, spec, with_tables
from tests.privacy_frames import engine, from_rows, petitions
from tests.test_privacy_tables import BRIDGE, TWO

FULL = os.environ.get("FULL") == "1"
SIZES = [(13, 60, 6_000)] if FULL else [(6, 16, 700)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(3 if FULL else 2))
def test_three_tables_each_safe_alone_leak_together_and_not_after_the_joint_audit(size, seed, capsys):
    case = Case.drawn(*size, seed)
    apart = three_tables.separately(case)
    exact, narrow = three_tables.leaks(apart)
    assert exact, "the case shows no leak, so that it proves nothing"
    found = three_tables.protect(apart)
    assert three_tables.leaks(apart) == ([], [])
    with capsys.disabled():
        leaked = f"{len(exact)} exactas y {len(narrow)} estrechas"
        sys.stdout.write(f"\n{size}, semilla {seed}: {leaked}; con {len(found.companions)} celdas más, ninguna\n")


def test_each_table_alone_is_safe_by_the_same_audit():
    case = Case.drawn(*SIZES[0], 0)
    for name in case.tables:
        alone = case.system(name)
        three_tables.protect(alone)
        assert three_tables.leaks(alone) == ([], [])


@pytest.mark.parametrize("size", [4_000, 20_000, 100_000] if FULL else [4_000])
def test_tables_of_all_rows_less_the_microdata_show_hidden_rows_and_not_after_the_joint_audit(size, capsys):
    system = minus_microdata.Case.drawn(size, 5, 5).system()
    shown = minus_microdata.shown_by_subtraction(system)
    assert shown, "the case shows no leak, so that it proves nothing"
    found = minus_microdata.protect(system)
    assert (minus_microdata.shown_by_subtraction(system), minus_microdata.leaks(system)) == (0, [])
    with capsys.disabled():
        sys.stdout.write(f"\n{size} filas: {shown} celdas por resta; con {len(found.companions)} celdas más, ninguna\n")


grids = st.tuples(st.integers(2, 4), st.integers(2, 4)).flatmap(
    lambda shape: st.lists(
        st.sampled_from([0, 0, 1, 2, 4, 5, 6, 9, 12, 25]), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]
    ).map(lambda flat: np.array(flat).reshape(shape))
)


def two_way(grid: np.ndarray) -> System:
    return Case({"S1": three_tables.with_margins(grid)}).system("S1")


def check_whatever_is_withheld_is_hidden_in_the_end(grid: np.ndarray) -> None:
    system = two_way(grid)
    primary = set(system.withheld)
    try:
        found = three_tables.protect(system)
    except UnprotectableError:
        # zeros may not go here: with too few cells that count anybody there is nothing to hide behind
        assert np.count_nonzero(grid) < grid.size
        return
    assert primary <= set(system.withheld)
    assert {system.place[c] for c in found.companions} == set(system.withheld) - primary
    assert exposed(system, dict.fromkeys(system.withheld, three_tables.THRESHOLD)) == {}


@settings(max_examples=60)
@given(grids)
def test_companions_hide_every_withheld_cell_and_take_none_of_them_back(grid):
    check_whatever_is_withheld_is_hidden_in_the_end(grid)


def check_the_cheapest_companions_go() -> None:
    """One small cell in a 3 × 3 table: the rectangle of the least value goes with it."""
    grid = np.array([[2, 90, 10], [80, 95, 70], [20, 60, 7]])
    system = two_way(grid)
    found = three_tables.protect(system)
    assert sorted(c[1:] for c in found.companions) == [(0, 2), (2, 0), (2, 2)]


def test_the_companions_that_lose_least_are_taken():
    check_the_cheapest_companions_go()


def test_the_same_system_is_always_protected_by_the_same_companions():
    first, second = (three_tables.protect(Case.drawn(6, 16, 700, 1).system(*three_tables.SEMESTERS)) for _ in range(2))
    assert first.companions == second.companions


def test_what_nothing_can_hide_is_an_error_that_counts_and_does_not_name():
    system = System()
    total = system.add("total", 3, published=True)
    system.total("total", total, [system.add("parte", 3, published=False)])
    with pytest.raises(UnprotectableError, match="1 celdas"):
        companions.protect(system, {1: 5}, {})


DETAIL = spec("detalle", "territorio_detalle")
LEAVES = {"c1": 40, "c2": 30, "bonda": 8, "taganga": 9}
HIERARCHY = {("territorio_detalle", leaf): ("territorio", "rural" if leaf[0] != "c" else "urbano") for leaf in LEAVES}

RULES = joint.Rules({"detalle": DETAIL}, {"detalle": 5}, HIERARCHY)


def microdata(**rows: int) -> pa.Table:
    return pa.table({"territorio": [value for value, times in rows.items() for _ in range(times)]})


def public(table: TableSpec, counts: Mapping[object, int], withheld: set[object]) -> pd.DataFrame:
    found = candidates(table, counts)
    return found.assign(valor=found.valor.mask(found.valor_1.isin(withheld)))


def around(few: bool) -> joint.Surroundings:
    key = ("", ("territorio", "rural"))
    return joint.Surroundings(microdata(urbano=60, rural=14), frozenset([key] if few else []))


def judged(withheld: set[object], *, few: bool = True) -> dict[object, Interval]:
    made = joint.build(public(DETAIL, LEAVES, withheld), RULES, around(few))
    return exposed(made.system, made.audited())


def test_a_detail_less_the_microdata_shows_how_many_rows_they_hide():
    (found,) = judged(set()).items()
    assert found == ((joint.HIDDEN, ("", ("territorio", "rural"))), Interval(3, 3))
    assert judged(set(), few=False) == {}


def check_few_hidden_rows_are_hidden_from_subtraction() -> None:
    auditor = joint.Auditor(candidates(DETAIL, LEAVES), RULES, around(True))
    keys = auditor(public(DETAIL, LEAVES, set()))
    withheld = {dict(key[1:])["territorio_detalle"] for key in keys}
    assert withheld & {"bonda", "taganga"}
    assert judged(withheld) == {}


def test_few_hidden_rows_take_a_detail_of_their_own_value_with_them():
    check_few_hidden_rows_are_hidden_from_subtraction()


def check_the_microdata_bound_a_detail() -> None:
    """rural is at least 14 in all: with taganga's 9 published, bonda has 5 or more."""
    made = joint.build(public(DETAIL, LEAVES, {"bonda", "c2"}), RULES, around(False))
    cell = made.cells[joint.REQUESTS, ("", ("territorio_detalle", "bonda"))]
    assert intervals(made.system)[made.system.ids[cell]].low == 5


def test_the_microdata_bound_a_withheld_detail_from_below():
    check_the_microdata_bound_a_detail()


def check_persons_are_at_most_requests() -> None:
    table = spec("uno", "a", medidas=["solicitudes", "personas"])
    counts = {"x": (9, 4), "y": (30, 20), "z": (40, 25)}
    rows = pd.concat([candidates(table, counts), candidates(table, counts, measure="personas")])
    rows["valor"] = rows.valor.mask(rows.valor_1.isin({"x", "y"}))
    made = joint.build(rows, joint.Rules({"uno": table}, {"uno": 5}, {}), joint.Surroundings())
    found = {name: interval for name, interval in intervals(made.system).items() if name[0] == "personas"}
    # 49 persons in all, 25 in z: x and y together have 24 or more, and no more than 39 requests
    assert found["personas", ("", ("a", "x"))] == Interval(0, 39)
    assert found["personas", ("", ("a", "y"))].high == 39


def test_persons_are_at_most_requests_and_their_total_lies_between_the_largest_part_and_the_sum():
    check_persons_are_at_most_requests()


def check_the_law_bounds() -> None:
    table, law = spec("uno", "a"), spec("ley", "a", base="legal", base_legal="Ley 1712 de 2014, artículo 11")
    counted = pd.concat([candidates(table, {"x": 2, "y": 30, "z": 40}), candidates(law, {"x": 3, "y": 31, "z": 44})])
    profile = with_tables(table, law)
    said = gate.disclose_tables(counted, profile, PERIOD, sensitive=set()).evidence["auditoria_conjunta"]
    assert (said["al_descubierto"], said["limitadas_por_base_legal"]) == (0, 1)


def test_what_a_law_orders_bounds_the_characterisable_and_is_counted_apart_where_it_is_that_small():
    check_the_law_bounds()


def check_the_gate_audits_what_it_reads_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several lines together give the cell between two blocks; with its companions forgotten, the recheck refuses."""
    monkeypatch.setattr(joint.Auditor, "__call__", lambda self, cells: frozenset())
    monkeypatch.setattr(tables, "deduced", lambda lines, values: {})
    act = lambda: gate.disclose_tables(candidates(TWO, BRIDGE), with_tables(TWO), PERIOD, sensitive=set())  # noqa: E731
    assert refused(gate.GateRefused, act).count("regla") == 1
    assert "regla «auditoria_conjunta», 1 celdas" in refused(gate.GateRefused, act)


def test_the_gate_refuses_bytes_in_which_several_lines_narrow_a_cell(monkeypatch):
    check_the_gate_audits_what_it_reads_again(monkeypatch)


def test_no_month_of_synthetic_petitions_shows_few_hidden_rows_by_subtraction():
    """Every table of the profile with the real microdata: what the public can subtract is nobody or enough."""
    specs = [table for table in santa_marta().caracterizacion.tablas if table.id != "mes"]
    town = with_tables(*specs)
    profile = changed(town, privacidad=town.privacidad.model_copy(update={"celdas_suprimidas_max": 1.0}))
    with engine(petitions(9_000, seed=5)) as found:
        made = gate.disclose_microdata(found, profile, PERIOD)
        assert made.reason is None, made.reason
        counted = characterization.candidates(found, made.rows(), profile, PERIOD)
    out = gate.disclose_tables(counted, profile, PERIOD, sensitive=set(), microdata=made)
    cells = out.table().to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    shown = made.rows().to_pandas()
    finer = [table.id for table in specs if table.base == "peticiones"]
    subtracted = 0
    for name, column in profile.privacidad.columnas.items():
        level = {row[0]: row[column.nivel] for row in profile.jerarquias[name]}
        mine = cells[(cells.dimension_1 == f"{name}_detalle") & (cells.medida == "solicitudes")]
        mine = mine[(mine.valor_1 != TOTAL) & mine.tabla.isin(finer)]
        for value, leaves in mine.groupby(mine.valor_1.map(level)):
            if (leaves.estado_celda != SUPPRESSED).all():
                rest = int(leaves.valor.sum()) - int((shown[name] == value).sum())
                assert rest == 0 or rest >= 5, name
                subtracted += 1
    assert subtracted


def check_few_hidden_counts_persons() -> None:
    profile = with_tables(spec("comuna", "territorio_detalle"))
    rows = pa.concat_tables([
        from_rows({"comuna": "c1"}, times=30),
        from_rows({"comuna": "bonda", "persona_clave": "uno"}, times=9),
        from_rows({"comuna": "fuera"}, times=9),
    ])  # fmt: skip
    shown = pa.table({name: ["urbano"] * 30 for name in ("territorio",)})
    with engine(rows) as found:
        few = hidden.few_hidden(found, shown, pa.chunked_array([list(range(30))]), profile)
    # nine requests of one person are one person; nine of nine persons may be seen; nobody of c1 is hidden
    assert few == {("", ("territorio", "rural"))}


def test_few_hidden_counts_persons_and_takes_the_safe_side():
    check_few_hidden_counts_persons()


def test_only_tables_finer_than_the_microdata_allow_subtracting():
    found = hidden.detailed_columns(santa_marta())
    assert ("territorio",) in found
    assert ("sexo",) not in found
    assert judges.thresholds_of(santa_marta(), set())["grupo_etnico"] == 10
    assert may_hide(("", ("canal", "web")))
    assert not may_hide(("", ("canal", SUPPRESSED)))
