"""Indicators, years, segments and recommendations: what they say, and what they refuse to say."""

from pathlib import Path

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.characterization import annual, assess, candidates, indicators, recommendations, segments, semesters_in
from pipeline.errors import PqrsdError
from pipeline.profile import Profile, RecommendationRule, load
from pipeline.stores.open import OpenTables
from pipeline.stores.tables import Tables
from schemas.characterized import INDICATORS, SEGMENTS
from schemas.published import MICRODATA, TABLES
from tests.characterized import PERIOD, door, microdata, petition, petitions, table, town

SECOND = "2025-S2"


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load("santa_marta")


@pytest.fixture(scope="module")
def cells(profile: Profile) -> pd.DataFrame:
    rows = town()
    return door(candidates(petitions(rows), microdata(rows, profile), profile, PERIOD), PERIOD)


@pytest.fixture(scope="module")
def measured(profile: Profile, cells: pd.DataFrame) -> pd.DataFrame:
    return indicators(table(cells), profile).to_pyarrow().to_pandas()


def of(frame: pd.DataFrame, indicator: str, group: str = "total", period: str = PERIOD) -> pd.Series:
    chosen = frame[(frame.indicador == indicator) & (frame.valor_dimension == group) & (frame.periodo == period)]
    assert len(chosen) == 1
    return chosen.iloc[0]


def value(cells: pd.DataFrame, name: str, one: str, two: str | None = None) -> int:
    chosen = cells[(cells.tabla == name) & (cells.valor_1 == one) & (cells.medida == "solicitudes")]
    chosen = chosen[chosen.valor_2.isna() if two is None else chosen.valor_2 == two]
    return int(chosen.valor.iloc[0])


def withhold(cells: pd.DataFrame, name: str, *codes: str) -> pd.DataFrame:
    changed = cells.copy()
    mask = (changed.tabla == name) & changed.valor_1.isin(codes)
    changed.loc[mask, "valor"] = pd.NA
    changed.loc[mask, "estado_celda"] = "Suprimido"
    return changed


def shifted(cells: pd.DataFrame, period: str, times: int = 1) -> pd.DataFrame:
    changed = cells.copy()
    changed["periodo"] = period
    changed["valor"] = changed.valor * times
    return changed


def test_indicators_keep_their_contract(profile: Profile, cells: pd.DataFrame) -> None:
    rows = indicators(table(cells), profile).to_pyarrow()
    INDICATORS.gate(ibis.memtable(rows.cast(INDICATORS.ibis_schema().to_pyarrow())))


def test_every_indicator_of_the_profile_has_a_row_or_groups(profile: Profile, measured: pd.DataFrame) -> None:
    assert set(measured.indicador) == {spec.id for spec in profile.caracterizacion.indicadores}


def test_timeliness_counts_overdue_pendings_against_the_entity(cells: pd.DataFrame, measured: pd.DataFrame) -> None:
    count = {c: value(cells, "legal_oportunidad", c) for c in ("en_termino", "fuera_termino", "pendiente_vencida")}
    honest, lenient = of(measured, "I4"), of(measured, "I4_RESPONDIDAS")
    assert (honest.numerador, honest.denominador) == (count["en_termino"], sum(count.values()))
    assert lenient.denominador == count["en_termino"] + count["fuera_termino"]
    assert honest.valor == round(honest.numerador / honest.denominador, 4) < lenient.valor
    assert honest.no_evaluables == value(cells, "legal_oportunidad", "no_evaluable") > 0
    assert honest.semaforo == "rojo"
    assert "indulgente" in lenient.nombre


def test_a_withheld_cell_makes_its_indicator_not_evaluable_never_smaller(profile: Profile, cells: pd.DataFrame) -> None:
    found = indicators(table(withhold(cells, "legal_oportunidad", "fuera_termino")), profile).to_pyarrow().to_pandas()
    row = of(found, "I4")
    assert row.estado == "no_evaluable" and row.semaforo == "no_evaluable"
    assert pd.isna(row.valor) and pd.isna(row.denominador)
    assert of(found, "I6").estado == "evaluado"


def test_a_withheld_group_leaves_the_other_groups_standing(profile: Profile, cells: pd.DataFrame) -> None:
    found = indicators(table(withhold(cells, "tema_detalle", "predial")), profile).to_pyarrow().to_pandas()
    assert pd.isna(of(found, "I3_TEMA", "predial").valor)
    assert of(found, "I3_TEMA", "aseo").denominador == value(cells, "tema_detalle", "total")


def test_protected_detail_stays_out_of_the_denominator_and_is_counted(
    cells: pd.DataFrame, measured: pd.DataFrame
) -> None:
    row = of(measured, "I21_TEMA", "ciudad")
    whole = value(cells, "tema_tipo", "total", "inconformidad")
    hidden = value(cells, "tema_tipo", "Suprimido", "inconformidad")
    assert hidden > 0
    assert row.denominador == whole - hidden
    assert row.detalle_protegido == hidden
    assert row.estado == "evaluado"


def test_too_much_protected_detail_makes_a_ratio_not_evaluable(profile: Profile, cells: pd.DataFrame) -> None:
    changed = cells.copy()
    mask = (changed.tabla == "dependencia_oportunidad") & (changed.valor_1 == "social")
    late = mask & changed.valor_2.isin(["fuera_termino", "pendiente_vencida"])
    moved = int(changed.loc[late, "valor"].sum())
    changed.loc[late, "valor"] = 0
    changed.loc[mask & (changed.valor_2 == "Suprimido"), "valor"] += moved
    row = of(indicators(table(changed), profile).to_pyarrow().to_pandas(), "I4_DEPENDENCIA", "social")
    assert row.detalle_protegido == moved
    assert row.numerador == row.denominador  # it would say 100 %
    assert row.estado == "no_evaluable" and pd.isna(row.valor)


def test_without_a_table_the_indicator_is_not_evaluable(profile: Profile, cells: pd.DataFrame) -> None:
    found = indicators(table(cells[cells.tabla != "legal_anonimas"]), profile).to_pyarrow().to_pandas()
    assert of(found, "I11").estado == "no_evaluable"


def test_shares_of_one_table_add_up_to_one(measured: pd.DataFrame) -> None:
    for indicator in ("I3_TIPO", "I3_CANAL", "I3_DEPENDENCIA", "I3_TEMA"):
        rows = measured[measured.indicador == indicator]
        assert rows.numerador.sum() == rows.denominador.iloc[0]


def test_a_median_and_a_count_have_no_denominator(measured: pd.DataFrame) -> None:
    for indicator in ("I1", "I5", "I6_PENDIENTES", "I8_RECIBIDAS", "I8_DIAS"):
        row = of(measured, indicator)
        assert pd.isna(row.denominador) and row.valor == row.numerador


def test_variation_looks_at_the_semester_before_and_at_the_same_one_a_year_before(
    profile: Profile, cells: pd.DataFrame
) -> None:
    whole = pd.concat([shifted(cells, "2024-S1", 3), shifted(cells, "2024-S2", 2), cells])
    found = indicators(table(whole), profile).to_pyarrow().to_pandas()
    assert of(found, "I2").valor == -0.5
    assert of(found, "I2A").valor == -0.6667
    assert of(found, "I2", period="2024-S1").estado == "no_evaluable"
    assert of(found, "I2A", period="2024-S2").estado == "no_evaluable"


def test_the_same_tables_give_the_same_rows_in_the_same_order(profile: Profile, cells: pd.DataFrame) -> None:
    mixed = cells.sample(frac=1, random_state=3)
    one = indicators(table(cells), profile).to_pyarrow().to_pandas()
    pd.testing.assert_frame_equal(one, indicators(table(mixed), profile).to_pyarrow().to_pandas())


def test_the_open_store_derives_all_of_them_from_its_own_tables(
    profile: Profile, cells: pd.DataFrame, tmp_path: Path
) -> None:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{tmp_path / 'a.duckdb'}' AS abierto")
        tables = Tables(con, "abierto")
        tables.replace(TABLES, _registered(tables, "c", TABLES.ibis_schema().to_pyarrow(), cells))
        released = microdata(town(), profile).to_pandas()
        tables.replace(MICRODATA, _registered(tables, "m", MICRODATA.ibis_schema().to_pyarrow(), released))
        store = OpenTables(tables)
        measured = indicators(store.table(TABLES), profile)
        assert store.derive(INDICATORS, measured, periodo=PERIOD) > 50
        assert store.derive(SEGMENTS, segments(store.table(MICRODATA), profile), periodo=PERIOD) > 20
        assert store.derive(TABLES, annual(store.table(TABLES), 2025), periodo="2025") > 100


def _registered(tables: Tables, name: str, schema: pa.Schema, frame: pd.DataFrame) -> ibis.expr.types.Table:
    tables.con.register(name, pa.Table.from_pandas(frame, schema=schema, preserve_index=False))
    return tables.ibis.table(name)


def test_a_year_is_the_sum_of_both_semesters(profile: Profile, cells: pd.DataFrame) -> None:
    both = pd.concat([cells, shifted(cells, SECOND, 2)])
    year = annual(table(both), 2025).to_pyarrow().to_pandas()
    TABLES.gate(ibis.memtable(annual(table(both), 2025).to_pyarrow().cast(TABLES.ibis_schema().to_pyarrow())))
    assert value(year, "legal_tipo", "queja") == 3 * value(cells, "legal_tipo", "queja")
    assert value(year, "tema_tipo", "ciudad", "peticion") == 3 * value(cells, "tema_tipo", "ciudad", "peticion")
    assert set(year.medida) == {"solicitudes"}
    assert set(year.periodo) == {"2025"}


@pytest.mark.parametrize("in_first", [True, False])
def test_a_cell_withheld_in_either_semester_is_withheld_in_the_year(
    profile: Profile, cells: pd.DataFrame, in_first: bool
) -> None:
    hidden = withhold(cells, "tema_detalle", "predial")
    first, second = (hidden, cells) if in_first else (cells, hidden)
    year = annual(table(pd.concat([first, shifted(second, SECOND)])), 2025).to_pyarrow().to_pandas()
    row = year[(year.tabla == "tema_detalle") & (year.valor_1 == "predial")].iloc[0]
    assert row.estado_celda == "Suprimido" and pd.isna(row.valor)


def test_a_table_that_one_semester_lacks_is_withheld_in_the_year(profile: Profile, cells: pd.DataFrame) -> None:
    second = shifted(cells[cells.tabla != "mes"], SECOND)
    year = annual(table(pd.concat([cells, second])), 2025).to_pyarrow().to_pandas()
    assert set(year[year.tabla == "mes"].estado_celda) == {"Suprimido"}


def test_a_missing_semester_is_told_and_the_year_holds_the_other(profile: Profile, cells: pd.DataFrame) -> None:
    assert semesters_in(table(cells), 2025) == [PERIOD]
    year = annual(table(cells), 2025).to_pyarrow().to_pandas()
    assert value(year, "legal_tipo", "total") == value(cells, "legal_tipo", "total")
    assert semesters_in(table(cells), 2024) == []


def described(profile: Profile, rows: list[dict[str, object]], **how: int) -> pd.DataFrame:
    return segments(ibis.memtable(microdata(rows, profile)), profile, **how).to_pyarrow().to_pandas()


def test_segments_keep_their_contract_and_belong_to_a_sector(profile: Profile) -> None:
    rows = segments(ibis.memtable(microdata(town(), profile)), profile).to_pyarrow()
    SEGMENTS.gate(ibis.memtable(rows.cast(SEGMENTS.ibis_schema().to_pyarrow())))
    found = described(profile, town())
    sizes = found[found.variable == "tamano"].set_index(["sector", "segmento"]).solicitudes
    for (sector, segment), size in sizes.items():
        assert size <= sizes[(sector, "total")], segment


def test_a_segment_has_its_size_its_rule_and_what_it_needs_more(profile: Profile) -> None:
    # Ten older women about water, thirty adults about taxes: water is four times as frequent among the first.
    older = {"edad_banda": "60_mas", "tema": "acueducto", "dependencia": "servicios_publicos"}
    rows = [petition(1000 + i * 25 + 1) for i in range(30)] + [petition(5000 + i * 25 + 1, **older) for i in range(10)]
    released = microdata(rows, profile).to_pandas()
    released["tema"] = ["tributos_tramites"] * 30 + ["ciudad"] * 10
    found = segments(ibis.memtable(released), profile).to_pyarrow().to_pandas()
    mine = found[found.segmento == "mujeres_mayores"].set_index(["variable", "codigo"])
    size = mine.loc[("tamano", "total")]
    assert (size.solicitudes, size.base, size.participacion) == (10, 40, 0.25)
    assert "60 años o más" in size.regla and "Mujer" in size.regla
    need = mine.loc[("tema", "ciudad")]
    assert (need.participacion, need.veces) == (1.0, 4.0)


def test_a_group_below_the_threshold_is_withheld_with_all_that_describes_it(profile: Profile) -> None:
    rows = [petition(i) for i in range(20)] + [petition(100 + i, edad_banda="60_mas") for i in range(4)]
    found = described(profile, rows)
    older = found[(found.sector == "mayores") & (found.segmento == "total")]
    assert list(older.variable) == ["tamano"]
    assert older.solicitudes.isna().all() and set(older.estado_celda) == {"Suprimido"}
    at_limit = described(profile, [*rows, petition(104, edad_banda="60_mas")])
    assert at_limit[(at_limit.sector == "mayores") & (at_limit.variable == "tamano")].solicitudes.iloc[0] == 5


def test_a_need_below_the_threshold_is_withheld(profile: Profile) -> None:
    rows = [petition(i * 25 + 1) for i in range(20)] + [petition(i * 25 + 2, tipo="queja") for i in range(4)]
    found = described(profile, rows)
    rare = found[(found.sector == "adultos") & (found.codigo == "inconformidad")]
    assert len(rare) and rare.solicitudes.isna().all() and rare.veces.isna().all()


def test_the_year_groups_both_semesters(profile: Profile) -> None:
    rows = town(100) + town(100, SECOND)
    found = described(profile, rows, year=2025)
    assert set(found.periodo) == {"2025"}
    both = described(profile, rows)
    assert len(set(both.periodo)) == 2

    def adults(frame: pd.DataFrame) -> int:
        whole = (frame.sector == "adultos") & (frame.segmento == "total") & (frame.variable == "tamano")
        return int(frame[whole].solicitudes.sum())

    assert adults(found) == adults(both)


def test_each_recommendation_states_its_figure_its_size_and_one_of_the_16_lines(
    profile: Profile, measured: pd.DataFrame
) -> None:
    found = recommendations(measured, profile)
    assert {"R1", "R5", "R7"} <= {r.regla for r in found}
    lines = set(profile.codes["linea_accion"])
    assert len(lines) == 16
    for item in found:
        assert item.linea_accion in lines and item.responsable
        assert item.n >= 30 and str(item.numerador) in item.texto.replace(".", "")
        assert item.periodo == PERIOD


def with_rules(profile: Profile, *rules: RecommendationRule) -> Profile:
    changed = profile.caracterizacion.model_copy(update={"recomendaciones": list(rules)})
    return profile.model_copy(update={"caracterizacion": changed})


def rule(**given: object) -> RecommendationRule:
    base: dict[str, object] = {
        "id": "R", "indicador": "I4", "condicion": "menor", "umbral": 0.9, "n_minimo": 30,
        "texto": "{valor} {numerador} {n}", "linea_accion": "canales", "responsable": "OGAC",
    }  # fmt: skip
    return RecommendationRule.model_validate(base | given)


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ({}, "activada"),
        ({"umbral": 0.5}, "no_activada"),
        ({"condicion": "mayor", "umbral": 0.5}, "activada"),
        ({"n_minimo": 100_000}, "pocas"),
        ({"indicador": "I2"}, "no_evaluable"),
        ({"indicador": "I12", "relativo_a": "I11", "condicion": "mayor", "umbral": 2.0}, "activada"),
        ({"relativo_a": "I2"}, "no_evaluable"),
    ],
)
def test_a_rule_fires_only_past_its_threshold_with_enough_requests_and_a_figure(
    profile: Profile, measured: pd.DataFrame, given: dict[str, object], outcome: str
) -> None:
    result = assess(measured, with_rules(profile, rule(**given)))
    assert [c.resultado for c in result.checked] == [outcome]
    assert len(result.recommendations) == (outcome == "activada")


def test_exactly_the_threshold_does_not_fire(profile: Profile, measured: pd.DataFrame) -> None:
    exact = float(of(measured, "I4").valor)
    for condition in ("menor", "mayor"):
        assert not recommendations(measured, with_rules(profile, rule(umbral=exact, condicion=condition)))


def test_nothing_is_recommended_about_groups_of_whom_nothing_is_known(profile: Profile, measured: pd.DataFrame) -> None:
    everything = rule(indicador="I12_EDAD", condicion="menor", umbral=2.0)
    groups = {r.grupo for r in recommendations(measured, with_rules(profile, everything))}
    assert groups == {"18 a 59 años", "60 años o más"}


def test_a_recommendation_carries_the_value_of_the_period_before(profile: Profile, cells: pd.DataFrame) -> None:
    both = pd.concat([cells, shifted(cells, SECOND, 2)])
    found = recommendations(indicators(table(both), profile).to_pyarrow().to_pandas(), profile, SECOND)
    first = next(r for r in found if r.regla == "R1")
    assert first.anterior == first.valor
    only = recommendations(indicators(table(cells), profile).to_pyarrow().to_pandas(), profile, PERIOD)
    assert next(r for r in only if r.regla == "R1").anterior is None


def test_the_open_store_refuses_an_indicator_over_rows_from_outside(cells: pd.DataFrame, profile: Profile) -> None:
    with duckdb.connect() as con:
        con.execute("ATTACH ':memory:' AS abierto")
        with pytest.raises(PqrsdError):
            OpenTables(Tables(con, "abierto")).derive(INDICATORS, indicators(table(cells), profile), periodo=PERIOD)
