"""Which tables may be suppressed at all: legal ones, those of the microdata, and forms that are refused."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from pipeline import characterization
from pipeline.privacy import gate, judges
from pipeline.privacy.classification import ClassificationError
from pipeline.privacy.grids import TableError
from pipeline.profile import TableSpec
from tests.privacy_cases import PERIOD, TOTAL, candidates, refused, santa_marta, spec, with_tables
from tests.privacy_frames import engine, petitions
from tests.test_privacy_tables import MEDIANS, ONE, TWO, cells_of, check_nothing_is_given_away, disclose

LEGAL = spec("legal", "a", base="legal", base_legal="Decreto 103 de 2015, artículo 52")


def test_a_legal_table_publishes_small_cells_and_cites_its_rule():
    disclosed = disclose((LEGAL, candidates(LEGAL, {"x": 1, "y": 30})))
    assert set(cells_of(disclosed).estado_celda) == {"publicada"}
    assert disclosed.evidence["tablas"]["legal"]["base_legal"] == "Decreto 103 de 2015, artículo 52"


def test_a_legal_table_s_median_still_needs_ten_persons():
    table = LEGAL.model_copy(update={"medidas": ["mediana_dias_habiles"]})
    counted = candidates(table, {"x": (7, 9), "y": (8, 10)}, measure="mediana_dias_habiles")
    assert cells_of(disclose((table, counted))).query("estado_celda == 'Suprimido'").valor_1.tolist() == ["x"]


CITES_NOTHING = spec("legal", "a", base="legal")
CROSSES = spec("legal", "a", "b", base="legal", base_legal="Ley")


def check_a_legal_table_is_refused(table: TableSpec) -> None:
    counts = {"x": 30, "y": 40} if len(table.dimensiones) == 1 else {("x", "s"): 30, ("y", "s"): 40}
    assert "citar la norma" in refused(TableError, lambda: disclose((table, candidates(table, counts))))


@pytest.mark.parametrize("table", [CITES_NOTHING, CROSSES])
def test_a_legal_table_that_crosses_or_cites_nothing_is_refused(table):
    check_a_legal_table_is_refused(table)


def test_tables_counted_from_the_microdata_need_no_more_suppression():
    table = spec("uno", "tema", base="solicitudes")
    disclosed = disclose((table, candidates(table, {"x": 10, "y": 30}, known=False)))
    assert set(cells_of(disclosed).estado_celda) == {"publicada"}
    assert disclosed.evidence["tablas"]["uno"]["tratamiento"] == "derivada_de_microdatos"


def test_a_table_of_petitions_that_hides_its_persons_is_refused():
    act = lambda: disclose((ONE, candidates(ONE, {"x": 10, "y": 30}, known=False)))  # noqa: E731
    assert "cuántas personas" in refused(TableError, act)


@pytest.mark.parametrize("name", ["radicado", "persona_clave"])
def test_a_table_by_an_identifier_or_a_pseudonym_is_refused(name):
    table = spec("uno", name)
    said = refused(ClassificationError, lambda: disclose((table, candidates(table, {"x": 30, "y": 40}))))
    assert f"«{name}»" in said


def broken(change) -> str:
    counted = change(candidates(TWO, {("p", "s"): 20, ("p", "t"): 30, ("q", "s"): 20, ("q", "t"): 30}))
    return refused(TableError, lambda: disclose((TWO, counted)))


def test_a_table_whose_cells_do_not_sum_to_their_margin_is_refused():
    assert "no cuadra" in broken(lambda f: f.assign(valor=f.valor.where(f.index > 0, 21)))


def test_a_table_that_lacks_a_margin_or_a_cell_or_repeats_one_is_refused():
    assert "margen" in broken(lambda f: f[f.valor_1 != TOTAL])
    assert "una sola vez" in broken(lambda f: f.iloc[1:])
    assert "una sola vez" in broken(lambda f: pd.concat([f, f.iloc[:1]]))


def test_a_table_or_a_measure_that_the_profile_does_not_declare_is_refused():
    assert "no declara" in broken(lambda f: f.assign(tabla="otra"))
    assert "las medidas" in broken(lambda f: f.assign(medida="personas"))


def test_the_order_of_the_candidates_does_not_change_the_bytes():
    rng = np.random.default_rng(3)
    grid = {(a, b): int(rng.integers(0, 15)) for a, b in product("pqrs", "tuvw")}
    counted = pd.concat([candidates(TWO, grid), candidates(MEDIANS, {"x": (7, 9)}, measure="mediana_dias_habiles")])
    parts = [counted[counted.tabla == t] for t in ("dos", "medianas")]
    one = disclose((TWO, parts[0]), (MEDIANS, parts[1]))
    other = disclose((MEDIANS, parts[1]), (TWO, parts[0].sample(frac=1, random_state=5)))
    assert one.sha256 == other.sha256


def test_every_table_of_the_profile_has_a_form_that_may_be_published():
    for table in santa_marta().caracterizacion.tablas:
        assert table.base != "legal" or (len(table.dimensiones) == 1 and table.base_legal)
    assert judges.sensitive_tables(santa_marta()) >= {"grupo_etnico", "discapacidad", "victima"}


def test_without_microdata_every_table_of_the_profile_is_protected_and_none_gives_a_cell_away():
    # the drawn petitions have no date of reception, so no month
    specs = [table for table in santa_marta().caracterizacion.tablas if table.id != "mes"]
    profile = with_tables(*specs)
    with engine(petitions(400)) as found:
        counted = characterization.candidates(found, None, profile, PERIOD)
    cells = cells_of(gate.disclose_tables(counted, profile, PERIOD, sensitive=set()))
    assert set(cells.tabla) == set(counted.tabla)
    for table in (t for t in specs if t.base == "solicitudes"):
        check_nothing_is_given_away(counted[counted.tabla == table.id], cells[cells.tabla == table.id], 5)
