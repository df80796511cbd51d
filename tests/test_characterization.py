"""Candidate tables and what may be counted: margins, persons, universes, and the tables that are refused."""

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.characterization import candidates, check, sensitive_tables
from pipeline.characterization.candidates import COLUMNS
from pipeline.errors import PqrsdError, ProfileError
from pipeline.profile import IndicatorSpec, Profile, TableSpec, load
from tests.characterized import PERIOD, microdata, petition, petitions, town


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load("santa_marta")


def planned(profile: Profile, *tables: TableSpec, **other: object) -> Profile:
    """The profile with other tables, and no indicators that would miss the old ones."""
    changed = {"tablas": list(tables), "indicadores": [], "recomendaciones": []} | other
    return profile.model_copy(update={"caracterizacion": profile.caracterizacion.model_copy(update=changed)})


def counted(id_: str, base: str, *dimensions: str, **other: object) -> TableSpec:
    given = {"id": id_, "titulo": id_, "base": base, "dimensiones": list(dimensions), "medidas": ["solicitudes"]}
    if base == "legal":
        given["base_legal"] = "Ley de prueba"
    return TableSpec.model_validate(given | other)


def cell(frame: pd.DataFrame, table: str, one: str, two: str | None = None, measure: str = "solicitudes") -> pd.Series:
    chosen = frame[(frame.tabla == table) & (frame.valor_1 == one) & (frame.medida == measure)]
    chosen = chosen[chosen.valor_2.isna() if two is None else chosen.valor_2 == two]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_every_cell_has_its_margins_and_they_add_up(profile: Profile) -> None:
    rows = town(200)
    frame = candidates(petitions(rows), microdata(rows, profile), profile, PERIOD)
    assert list(frame.columns) == COLUMNS
    counts = frame[frame.medida == "solicitudes"]
    for table, cells in counts.groupby("tabla"):
        for margin in ("valor_1", "valor_2"):
            if cells[margin].isna().all():
                continue
            other = "valor_2" if margin == "valor_1" else "valor_1"
            parts = cells[cells[margin] != "total"].groupby(other, dropna=False).valor.sum()
            totals = cells[cells[margin] == "total"].groupby(other, dropna=False).valor.sum()
            assert parts.equals(totals), table


def test_every_code_of_a_list_has_a_cell_so_that_absence_says_nothing(profile: Profile) -> None:
    frame = candidates(petitions([petition()]), None, profile, PERIOD)
    assert cell(frame, "grupo_etnico", "rrom").valor == 0
    assert cell(frame, "grupo_etnico", "rrom").personas == 0
    assert set(frame[frame.tabla == "mes"].valor_1) == {*(f"2025-0{i}" for i in range(1, 7)), "total"}


def test_persons_are_distinct_and_unidentified_filings_of_a_cell_are_one(profile: Profile) -> None:
    rows = [
        petition(0, persona_clave="a"),
        petition(1, persona_clave="a"),
        petition(2, persona_clave="b", comuna="c2"),
        petition(3, persona_clave=None, anonima=True),
        petition(4, persona_clave=None, anonima=True),
    ]
    frame = candidates(petitions(rows), None, profile, PERIOD)
    assert tuple(cell(frame, "comuna", "c1")[["valor", "personas"]]) == (4, 2)
    assert cell(frame, "comuna", "c1", measure="personas").valor == 2
    assert tuple(cell(frame, "comuna", "total")[["valor", "personas"]]) == (5, 3)


def test_only_authorised_or_anonymous_petitions_are_characterised_but_law_counts_all(profile: Profile) -> None:
    rows = [
        petition(0),
        petition(1, autorizacion_datos=False),
        petition(2, autorizacion_datos=False, anonima=True, persona_clave=None),
    ]
    frame = candidates(petitions(rows), None, profile, PERIOD)
    assert cell(frame, "comuna", "total").valor == 2
    assert cell(frame, "legal_tipo", "total").valor == 3


def test_tables_of_requests_count_the_microdata_and_claim_no_persons(profile: Profile) -> None:
    rows = [petition(i) for i in range(6)]
    released = microdata(rows[:4], profile)
    frame = candidates(petitions(rows), released, profile, PERIOD)
    assert cell(frame, "tipo", "peticion").valor == 4
    assert frame[frame.tabla == "tipo"].personas.isna().all()
    hidden = cell(frame, "tema", "Suprimido")
    assert hidden.valor == 1  # the first row's topic is hidden by the fixture


def test_without_microdata_the_same_tables_come_from_petitions_at_the_published_level(profile: Profile) -> None:
    frame = candidates(petitions([petition(0), petition(1, tipo="queja")]), None, profile, PERIOD)
    assert cell(frame, "tipo", "inconformidad").valor == 1
    assert cell(frame, "tipo", "inconformidad").personas == 1


def test_other_periods_do_not_enter(profile: Profile) -> None:
    frame = candidates(petitions([petition(0), petition(1, periodo="2024-S2")]), None, profile, PERIOD)
    assert cell(frame, "legal_tipo", "total").valor == 1


def test_a_median_is_in_whole_days_rounded_half_up_with_the_persons_who_were_answered(profile: Profile) -> None:
    rows = [
        petition(0, tipo="queja", dias_respuesta=4),
        petition(1, tipo="queja", dias_respuesta=5),
        petition(2, tipo="queja", dias_respuesta=None),
        petition(3, tipo="reclamo", dias_respuesta=None),
    ]
    frame = candidates(petitions(rows), None, profile, PERIOD)
    found = cell(frame, "mediana_tipo", "queja", measure="mediana_dias_habiles")
    assert tuple(found[["valor", "personas"]]) == (5, 2)
    assert frame[(frame.tabla == "mediana_tipo") & (frame.valor_1 == "reclamo")].empty


def test_a_legal_term_closes_its_band_of_days(profile: Profile) -> None:
    bands = {0: "00_05", 5: "00_05", 6: "06_10", 10: "06_10", 15: "11_15", 16: "16_20", 60: "56_60", 61: "61_mas",
             None: "sin_respuesta"}  # fmt: skip
    rows = [petition(i, dias_respuesta=days) for i, days in enumerate(bands)]
    spec = counted("dias", "peticiones", "dias_respuesta")
    frame = candidates(petitions(rows), None, planned(profile, spec), PERIOD)
    found = frame[(frame.valor > 0) & (frame.valor_1 != "total")].set_index("valor_1").valor.to_dict()
    expected: dict[str, int] = {}
    for band in bands.values():
        expected[band] = expected.get(band, 0) + 1
    assert found == expected


def test_access_figures_count_only_requests_for_access(profile: Profile) -> None:
    rows = [
        petition(0, tipo="documentos", acceso_informacion=True, negada=True),
        petition(1, tipo="informacion", acceso_informacion=True, trasladada=True),
        petition(2, trasladada=True),
    ]
    frame = candidates(petitions(rows), None, profile, PERIOD)
    assert cell(frame, "legal_acceso", "si").valor == 2
    assert cell(frame, "legal_acceso_negada", "si").valor == 1
    assert cell(frame, "legal_acceso_traslado", "si").valor == 1
    assert cell(frame, "legal_trasladadas", "si").valor == 2


def test_an_unlisted_code_stops_the_count_without_showing_the_code(profile: Profile) -> None:
    with pytest.raises(PqrsdError) as caught:
        candidates(petitions([petition(0, comuna="barrio-secreto")]), None, profile, PERIOD)
    assert "barrio-secreto" not in str(caught.value)


def test_the_order_of_petitions_changes_nothing(profile: Profile) -> None:
    rows = town(60)
    chosen = ("tema_territorio", "dependencia_detalle", "mediana_tipo")
    specs = [spec for spec in profile.caracterizacion.tablas if spec.id in chosen]
    plan = planned(profile, *specs)
    one = candidates(petitions(rows), None, plan, PERIOD)
    other = candidates(petitions(rows[::-1]), None, plan, PERIOD)
    pd.testing.assert_frame_equal(one, other)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["c1", "c2", "no_informa"]),
            st.sampled_from(["a", "b", None]),
            st.booleans(),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_persons_never_exceed_requests_and_a_margin_has_no_fewer_than_its_largest_cell(
    profile: Profile, drawn: list[tuple[str, str | None, bool, bool]]
) -> None:
    rows = [
        petition(i, comuna=c, persona_clave=p, autorizacion_datos=a, anonima=n) for i, (c, p, a, n) in enumerate(drawn)
    ]
    spec = counted("comuna", "peticiones", "territorio_detalle", medidas=["solicitudes", "personas"])
    frame = candidates(petitions(rows), None, planned(profile, spec), PERIOD)
    requests = frame[frame.medida == "solicitudes"].set_index("valor_1")
    assert (requests.personas <= requests.valor).all()
    assert requests.personas["total"] >= requests.personas.drop("total").max()
    assert requests.personas["total"] <= requests.personas.drop("total").sum()
    assert requests.valor["total"] == sum(a or n for _, _, a, n in drawn)


@pytest.mark.parametrize("dimension", ["tipo", "sexo", "sexo_detalle", "oportunidad_detalle"])
def test_a_table_that_repeats_a_published_column_is_refused_because_of_subtraction(
    profile: Profile, dimension: str
) -> None:
    with pytest.raises(ProfileError, match="al mismo nivel"):
        check(planned(profile, counted("x", "peticiones", dimension)))


def test_a_finer_table_is_accepted_while_the_published_column_is_coarser(profile: Profile) -> None:
    check(planned(profile, counted("x", "peticiones", "tipo_detalle")))
    finest = profile.privacidad.columnas["tipo"].model_copy(update={"nivel": 0})
    columns = profile.privacidad.columnas | {"tipo": finest}
    at_leaf = profile.model_copy(update={"privacidad": profile.privacidad.model_copy(update={"columnas": columns})})
    with pytest.raises(ProfileError, match="al mismo nivel"):
        check(planned(at_leaf, counted("x", "peticiones", "tipo_detalle"), sectores=[], segmentos=[]))


@pytest.mark.parametrize("dimension", ["radicado", "persona_clave", "autorizacion_datos", "mecanismo", "edad", "nada"])
def test_identifiers_internal_columns_and_unlisted_values_are_not_counted(profile: Profile, dimension: str) -> None:
    with pytest.raises(ProfileError):
        check(planned(profile, counted("x", "legal", dimension)))


@pytest.mark.parametrize(
    "spec",
    [
        counted("x", "legal", "tipo_detalle", base_legal=None),
        counted("x", "legal", "tipo_detalle", "canal_detalle"),
        counted("x", "legal", "tipo_detalle", medidas=["solicitudes", "personas"]),
        counted("x", "peticiones", "tema_detalle", filtro="acceso_informacion = si"),
        counted("x", "solicitudes", "tipo", medidas=["personas"]),
        counted("x", "solicitudes", "comuna"),
    ],
)
def test_a_table_keeps_the_rules_of_its_base(profile: Profile, spec: TableSpec) -> None:
    with pytest.raises(ProfileError):
        check(planned(profile, spec))


@pytest.mark.parametrize(
    "numerator", [{"tipo": ["queja"]}, {"canal": ["virtual"]}, {"tipo": ["peticion"], "mes": ["2025-01"]}]
)
def test_an_indicator_over_codes_that_its_table_does_not_have_is_refused(
    profile: Profile, numerator: dict[str, list[str]]
) -> None:
    spec = IndicatorSpec(id="I", nombre="I", formula="I", tabla="tipo", numerador=numerator, unidad="solicitudes")
    with pytest.raises(ProfileError, match="«I»"):
        check(planned(profile, counted("tipo", "solicitudes", "tipo"), indicadores=[spec]))


def test_tables_of_sensitive_fields_and_of_age_bands_need_the_higher_threshold(profile: Profile) -> None:
    assert sensitive_tables(profile) == {"grupo_etnico", "discapacidad", "victima", "edad_detalle"}


def test_the_profile_of_the_municipality_is_sound(profile: Profile) -> None:
    check(profile)
