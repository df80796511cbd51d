"""The gate: what it refuses, what it withholds with a reason, and that nothing else can make a `Disclosed`."""

import dataclasses
from functools import cache

import pyarrow as pa
import pytest

from pipeline.contract import Contract, PrivacyClass
from pipeline.privacy import classification, floors, gate, judges, measure, microdata
from pipeline.privacy.classification import ClassificationError
from pipeline.privacy.gate import GateRefused, Outcome
from pipeline.profile import Profile
from schemas.published import MICRODATA, SUPPRESSED
from schemas.records import PETITIONS
from tests.privacy_cases import PERIOD, candidates, changed, lenient, refused, santa_marta, spec, with_tables
from tests.privacy_cases import with_targets as targets
from tests.privacy_frames import engine, from_rows
from tests.test_privacy_microdata import COLUMNS, three_topics, together

CANARY = "1082911245"


def disclose(table: pa.Table, profile: Profile | None = None) -> Outcome:
    with engine(table) as found:
        return gate.disclose_microdata(found, profile or santa_marta(), PERIOD)


@cache
def good() -> Outcome:
    return disclose(three_topics())


def test_rows_that_meet_every_target_are_sealed_with_what_was_measured():
    out = good()
    assert out.reason is None
    assert out.disclosed.table().num_rows == out.disclosed.rows == 75
    assert out.disclosed.partition == {"periodo": PERIOD}
    said = out.evidence
    assert (said["publicado"], said["motivo"], said["k_objetivo"], said["k_minimo"]) == (True, None, 10, 25)
    assert (said["filas_entrada"], said["filas_publicadas"], said["filas_perdidas"]) == (75, 75, 0)
    assert said["celdas_suprimidas"] == dict.fromkeys(COLUMNS, 0)
    assert (said["clases"], said["l_tema"], said["riesgo_promedio"]) == (3, 3, 0.04)
    assert said["excluidas"] == {"menores": 0, "sin_autorizacion": 0}
    assert said["niveles"]["territorio"] == 2
    assert len(said["jerarquias_sha256"]) == 64


def test_the_same_petitions_give_the_same_bytes_whatever_their_order_and_the_threads():
    table = together(three_topics(30), three_topics(30, comuna="bonda"))
    with engine(table.take(list(reversed(range(table.num_rows)))), threads=1) as reversed_rows:
        other = gate.disclose_microdata(reversed_rows, santa_marta(), PERIOD)
    one = disclose(table)
    assert one.disclosed.sha256 == other.disclosed.sha256
    assert one.evidence == other.evidence


def test_petitions_of_another_period_are_not_published_with_these():
    assert disclose(pa.concat_tables([three_topics(), three_topics(periodo="2025-S2")])).disclosed.rows == 75


def test_targets_that_the_data_cannot_meet_seal_emptiness_with_a_reason_in_spanish():
    out = disclose(three_topics(12))
    assert out.rows() is None
    assert out.disclosed.table().num_rows == 0
    assert out.disclosed.table().column_names == MICRODATA.names
    # twelve persons in a class are a risk of 8 %; topics hidden, 36 are not, but that hides a cell in eight
    assert out.reason == f"No se publican microdatos de {PERIOD}: celdas suprimidas 12,50 %, meta 10,00 % como máximo."
    assert (out.evidence["publicado"], out.evidence["motivo"]) == (False, out.reason)
    assert out.evidence["filas_publicadas"] == 0


def test_rows_lost_beyond_the_target_withhold_the_period_and_name_the_target():
    table = together(three_topics(30), from_rows({"sexo": "hombre"}, times=9))
    assert "filas perdidas 9,09 %, meta 1,00 % como máximo" in disclose(table).reason
    assert disclose(table, lenient()).reason is None


def test_cells_hidden_beyond_the_target_withhold_the_period_and_name_the_target():
    # four persons in each combination of a channel, an office and a topic
    different = [
        {"canal": c, "dependencia": d} | {"tema": t, "comuna": "bonda"}
        for c in ("web", "ventanilla", "callcenter")
        for d in ("hacienda", "salud", "movilidad")
        for t in ("predial", "acueducto", "salud_publica")
    ]
    out = disclose(from_rows(*different, times=4), targets(filas_perdidas_max=1.0))
    assert "celdas suprimidas" in out.reason


def test_a_period_without_petitions_that_may_be_published_says_so():
    out = disclose(three_topics(autorizacion_datos=False))
    assert out.reason == f"No se publican microdatos de {PERIOD}: no hay peticiones que se puedan publicar."
    assert out.evidence["excluidas"] == {"menores": 0, "sin_autorizacion": 75}


def check_few_left_out_are_not_counted_aloud() -> None:
    minors = from_rows(*[{"menor": "si"}] * 3)
    said = disclose(together(three_topics(), minors)).evidence["excluidas"]
    assert said == {"menores": "<5", "sin_autorizacion": SUPPRESSED}


def test_a_few_left_out_are_not_counted_aloud():
    check_few_left_out_are_not_counted_aloud()


LOWERED = {
    "k": 9,
    "umbral_tabla": 4,
    "umbral_tabla_sensible": 9,
    "l_tema": 2,
    "riesgo_promedio_max": 0.051,
    "confianza_max": 0.81,
}
SENSELESS = {
    "filas_perdidas_max": 1.5,
    "celdas_suprimidas_max": -0.1,
    "riesgo_promedio_max": float("nan"),
    "persona": "radicado",
    "columnas_demograficas": ["tema"],
    "firma_juridica": " ",
}


def check_a_lower_target_is_refused(key: str, value: object) -> None:
    table = spec("uno", "a")
    lowered = changed(with_tables(table), privacidad=targets(**{key: value}).privacidad)
    cells = candidates(table, {"x": 30})
    for act in (
        lambda: gate.disclose_tables(cells, lowered, PERIOD, sensitive=set()),
        lambda: disclose(three_topics(), lowered),
    ):
        assert f"«{key}»" in refused(floors.FloorError, act)


@pytest.mark.parametrize(("key", "value"), [*LOWERED.items(), *SENSELESS.items()])
def test_a_profile_below_a_floor_is_refused_naming_the_key(key, value):
    check_a_lower_target_is_refused(key, value)


def check_class_of_nine_is_not_published() -> None:
    """The profile asks for what it may; each row is its own person, so rows of a class are its persons."""
    nine = from_rows({"tema": "predial", "sexo": "hombre"}, times=9)
    rows = disclose(together(three_topics(), nine), lenient()).disclosed.table().to_pandas()
    assert len(rows) == 75
    assert rows.groupby(MICRODATA.names).size().min() >= 10


def test_nine_persons_are_not_published_whatever_usefulness_the_profile_gives_up():
    check_class_of_nine_is_not_published()


def test_a_stricter_profile_is_obeyed():
    assert disclose(three_topics(25), targets(k=26)).reason is not None
    assert disclose(three_topics(26), targets(k=26)).reason is None


def restricted_copy(privacy: PrivacyClass) -> Contract:
    column = dataclasses.replace(MICRODATA["sexo"], privacy=privacy)
    return dataclasses.replace(MICRODATA, columns=tuple(column if c.name == "sexo" else c for c in MICRODATA.columns))


def check_a_restricted_column_may_not_leave(privacy: PrivacyClass) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "MICRODATA", restricted_copy(privacy))
        said = refused(ClassificationError, lambda: disclose(three_topics()))
    assert "«sexo»" in said
    assert f"«{privacy}»" in said


@pytest.mark.parametrize("privacy", sorted(set(PrivacyClass) - set(classification.PUBLISHABLE)))
def test_a_contract_with_a_column_that_may_not_leave_is_refused(privacy):
    check_a_restricted_column_may_not_leave(privacy)


def test_the_petitions_themselves_may_not_leave():
    assert "«radicado»" in refused(ClassificationError, lambda: classification.check_contract(PETITIONS))


def check_a_sensitive_field_may_not_leave_under_another_name() -> None:
    profile = santa_marta()
    columns = profile.privacidad.columnas | {
        "sexo": profile.privacidad.columnas["sexo"].model_copy(update={"campo": "victima"})
    }
    codes = tuple((c.codigo, "*") for c in profile.listas["victima"])
    disguised = changed(
        profile,
        privacidad=profile.privacidad.model_copy(update={"columnas": columns}),
        jerarquias=profile.jerarquias | {"sexo": codes},
    )
    assert "«victima»" in refused(ClassificationError, lambda: disclose(three_topics(), disguised))


def test_a_sensitive_field_may_not_leave_under_the_name_of_a_published_column():
    check_a_sensitive_field_may_not_leave_under_another_name()


def test_a_profile_that_forgets_a_published_column_is_refused():
    columns = {name: c for name, c in santa_marta().privacidad.columnas.items() if name != "canal"}
    assert "«columnas»" in refused(floors.FloorError, lambda: disclose(three_topics(), targets(columnas=columns)))


def check_two_measures_must_agree(one: str) -> None:
    real = getattr(measure, one)

    def off_by_one(table, columns, person=None):
        said = real(table, columns, person)
        return dataclasses.replace(said, k_persons=said.k_persons + 1) if person else said

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, one, off_by_one)
        assert "dos_recuentos" in refused(GateRefused, lambda: disclose(three_topics()))


@pytest.mark.parametrize("one", ["recount", "recount_in_numpy"])
def test_two_measures_of_k_that_disagree_are_refused(one):
    check_two_measures_must_agree(one)


def planted(monkeypatch: pytest.MonkeyPatch, plant) -> str:
    """What the gate says of rows that the suppression is made to return instead of its own."""
    real = microdata.Suppressor.suppress

    def suppress(self, k):
        made = real(self, k)
        rows, person = plant(made.rows, made.person)
        return dataclasses.replace(made, rows=rows, person=person)

    monkeypatch.setattr(microdata.Suppressor, "suppress", suppress)
    return refused(GateRefused, lambda: disclose(three_topics()))


def test_rows_of_nine_persons_are_refused_even_if_the_suppression_says_they_are_fine(monkeypatch):
    nine = pa.chunked_array([[i % 9 + 1 for i in range(75)]], pa.int64())
    said = planted(monkeypatch, lambda rows, person: (rows, nine))
    assert "regla «k», clase de 9 personas y no de 10" in said


def test_a_row_alone_in_its_class_is_refused(monkeypatch):
    def alone(rows, person):
        sexes = pa.array(["hombre", *["mujer"] * 74])
        return rows.set_column(rows.column_names.index("sexo"), "sexo", sexes), person

    assert "clase de 1 filas" in planted(monkeypatch, alone)


def test_rows_that_keep_the_order_of_arrival_are_refused(monkeypatch):
    backwards = list(reversed(range(75)))
    said = planted(monkeypatch, lambda rows, person: (rows.take(backwards), person.take(backwards)))
    assert "regla «orden»" in said


def test_a_value_that_is_no_code_of_the_profile_is_refused(monkeypatch):
    def strange(rows, person):
        return rows.set_column(rows.column_names.index("sexo"), "sexo", pa.array(["canario"] * 75)), person

    said = planted(monkeypatch, strange)
    assert "columna «sexo»" in said
    assert "canario" not in said


def with_code(column: str, code: str) -> Profile:
    profile = santa_marta()
    return changed(profile, jerarquias=profile.jerarquias | {column: (*profile.jerarquias[column], (code, "*"))})


def check_personal_data_is_refused(value: str, rule: str) -> None:
    said = refused(GateRefused, lambda: disclose(three_topics(sexo=value), with_code("sexo", value)))
    assert f"regla «{rule}», columna «sexo», 75 filas" in said
    assert value not in said


@pytest.mark.parametrize(
    ("value", "rule"),
    [(CANARY, "cedula"), ("ana@correo.co", "correo")],
)
def test_personal_data_in_a_published_cell_is_refused_naming_the_rule_and_not_the_value(value, rule):
    check_personal_data_is_refused(value, rule)


def test_personal_data_in_a_table_is_refused_naming_the_rule_and_not_the_value():
    table = spec("uno", "a")
    cells = candidates(table, {CANARY: 30, "otro": 40})
    act = lambda: gate.disclose_tables(cells, with_tables(table), PERIOD, sensitive=set())  # noqa: E731
    said = refused(GateRefused, act)
    assert "regla «cedula», columna «valor_1», 1 filas" in said
    assert CANARY not in said


def check_a_minor_age_group_is_refused() -> None:
    young = together(three_topics(), three_topics(20, edad_banda="12_17", menor="si"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classification, "eligible", classification.characterisable)
        assert "regla «menores»" in refused(GateRefused, lambda: disclose(young))


def test_a_minor_age_group_in_published_rows_is_refused():
    check_a_minor_age_group_is_refused()


def test_published_rows_are_judged_again_from_themselves_alone():
    rows = good().disclosed.table()
    assert judges.problems_of_microdata(rows, santa_marta()) == []
    assert judges.problems_of_microdata(rows.slice(0, 0), santa_marta()) == []
    few = judges.problems_of_microdata(rows.slice(0, 59), santa_marta())
    assert any("clase de 9 filas" in problem for problem in few)
    with measure.in_engine(rows) as stored:
        assert judges.problems_of_microdata(stored, santa_marta()) == []
