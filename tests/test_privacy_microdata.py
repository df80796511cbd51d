"""Cell suppression of microdata: every published class has ten persons, and nothing is invented, kept or told twice."""

from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PqrsdError
from pipeline.privacy import classification, hierarchies, measure, microdata
from pipeline.privacy.microdata import Anonymised
from pipeline.privacy.packing import Packing
from pipeline.profile import Profile
from schemas.published import MICRODATA, SUPPRESSED
from tests.privacy_cases import PERIOD, changed, refused, santa_marta, with_targets
from tests.privacy_frames import engine, from_rows, petitions

K = 10
COLUMNS = [name for name in MICRODATA.names if name != "periodo"]
TOPICS = ({"tema": "predial"}, {"tema": "acueducto"}, {"tema": "salud_publica"})
"""Three topics of different published values, so that their demographic class is diverse."""


def anonymise(table: pa.Table, k: int = K, profile: Profile | None = None) -> Anonymised:
    with (
        engine(table) as found,
        microdata.suppressor(classification.eligible(found), profile or santa_marta(), PERIOD) as search,
    ):
        return search.suppress(k)


def three_topics(times: int = 25, **fields: object) -> pa.Table:
    """`times` persons in each of three topics, alike in everything else."""
    return from_rows(*(topic | fields for topic in TOPICS), times=times)


def together(*tables: pa.Table) -> pa.Table:
    """Several frames as one, each with persons and radicados of its own."""
    own = []
    for number, table in enumerate(tables):
        frame = table.to_pandas(types_mapper=pd.ArrowDtype)
        frame["persona_clave"] = frame["persona_clave"].map(lambda p, n=number: None if pd.isna(p) else f"{n}/{p}")
        frame["radicado"] = [f"S-{number}-{i}" for i in range(len(frame))]
        own.append(pa.Table.from_pandas(frame, schema=table.schema, preserve_index=False))
    return pa.concat_tables(own)


def eligible_in_pandas(table: pa.Table) -> pd.DataFrame:
    """The publishable rows at the profile's levels, by plain dictionaries."""
    profile, raw = santa_marta(), table.to_pandas()
    raw = raw[(raw.autorizacion_datos | raw.anonima) & (raw.menor != "si")]
    columns = profile.privacidad.columnas
    coded = {
        name: raw[columns[name].campo].map({row[0]: row[columns[name].nivel] for row in profile.jerarquias[name]})
        for name in COLUMNS
    }
    return pd.DataFrame(coded)


def published(made: Anonymised) -> pd.DataFrame:
    return made.rows.to_pandas().assign(person=made.person.to_pylist())


def check_every_class_has_k_persons(table: pa.Table, made: Anonymised) -> None:
    persons = published(made).groupby(MICRODATA.names)["person"].nunique()
    assert persons.empty or persons.min() >= K


def check_no_row_is_invented(table: pa.Table, made: Anonymised) -> None:
    """No published combination, read with its markers as «any value», has more rows than the petitions that fit it."""
    source = eligible_in_pandas(table)
    assert made.eligible == len(source)
    assert 0 <= made.lost == len(source) - made.rows.num_rows
    rows = made.rows.to_pandas()
    assert rows.empty or set(rows.periodo) == {PERIOD}
    for values, found in rows.groupby(COLUMNS):
        shown = {n: v for n, v in zip(COLUMNS, values, strict=True) if v != SUPPRESSED}
        fit = np.logical_and.reduce([source[n] == v for n, v in shown.items()] or [np.ones(len(source), bool)])
        assert len(found) <= fit.sum()
    for name in COLUMNS:
        shown, had = rows[name].value_counts(), source[name].value_counts()
        assert all(shown[value] <= had.get(value, 0) for value in shown.index if value != SUPPRESSED)


def check_topics_are_diverse(table: pa.Table, made: Anonymised) -> None:
    privacy = santa_marta().privacidad
    seen = published(made).query("tema != @SUPPRESSED", local_dict={"SUPPRESSED": SUPPRESSED})
    for _, rows in seen.groupby(privacy.columnas_demograficas):
        by_topic = rows.groupby("tema")["person"]
        assert by_topic.ngroups >= 3
        assert by_topic.size().max() <= 0.8 * len(rows)
        assert by_topic.nunique().max() <= 0.8 * rows.person.nunique()


def check_hidden_cells_are_counted(table: pa.Table, made: Anonymised) -> None:
    rows = made.rows.to_pandas()
    assert made.suppressed == {name: int((rows[name] == SUPPRESSED).sum()) for name in COLUMNS}
    assert made.cells == rows[COLUMNS].size


def check_rows_are_sorted(table: pa.Table, made: Anonymised) -> None:
    rows = [tuple(row.values()) for row in made.rows.to_pylist()]
    assert rows == sorted(rows)


LAWS = (
    check_every_class_has_k_persons,
    check_no_row_is_invented,
    check_topics_are_diverse,
    check_hidden_cells_are_counted,
    check_rows_are_sorted,
)


@cache
def drawn(seed: int) -> pa.Table:
    return petitions(600, seed)


@cache
def drawn_and_made(seed: int) -> Anonymised:
    return anonymise(drawn(seed))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.removeprefix("check_"))
@pytest.mark.parametrize("seed", [1, 2])
def test_a_drawn_semester_keeps(law, seed):
    assert drawn_and_made(seed).rows.num_rows > 400
    law(drawn(seed), drawn_and_made(seed))


groups = st.lists(
    st.tuples(
        st.integers(1, 24),
        st.fixed_dictionaries({
            "tema": st.sampled_from(["predial", "acueducto", "salud_publica"]),
            "comuna": st.sampled_from(["c1", "bonda"]),
            "sexo": st.sampled_from(["mujer", "hombre"]),
            "tipo": st.sampled_from(["queja", "consulta"]),
            "persona_clave": st.sampled_from([None, "una", "cada"]),
            "menor": st.sampled_from(["no", "no", "si", "desconocido"]),
            "autorizacion_datos": st.sampled_from([True, True, False]),
        }),
    ),
    min_size=2,
    max_size=9,
)  # fmt: skip


def as_petitions(drawn_groups: list[tuple[int, dict[str, object]]]) -> pa.Table:
    """Groups of equal petitions: unidentified, all of one person, or each of its own."""
    rows = []
    for number, (size, fields) in enumerate(drawn_groups):
        keys = {None: [None] * size, "una": ["una"] * size, "cada": [f"{number}/{i}" for i in range(size)]}
        rows += [fields | {"persona_clave": key} for key in keys[fields["persona_clave"]]]
    return from_rows(*rows)


@settings(max_examples=12)
@given(groups)
def test_whatever_arrives_every_law_of_the_rows_holds(found):
    table = as_petitions(found)
    with engine(table) as rows:
        if not classification.universe(rows).eligible:
            return
    made = anonymise(table)
    for law in LAWS:
        law(table, made)


def check_order_changes_nothing() -> None:
    table = together(drawn(1), three_topics(4, comuna="bonda"))
    shuffled = table.take(np.random.default_rng(7).permutation(table.num_rows))
    one, other = anonymise(table), anonymise(shuffled)
    assert one.rows.equals(other.rows)
    assert one.suppressed == other.suppressed


def test_the_order_of_the_petitions_does_not_change_what_is_published():
    check_order_changes_nothing()


def check_nine_persons_never_pass() -> None:
    """Nine men differ in one column from many women: with it hidden they still are nine, so they are lost."""
    nine = from_rows({"tema": "predial", "sexo": "hombre"}, times=9)
    made = anonymise(together(three_topics(), nine))
    assert made.rows.num_rows == 75
    assert set(made.rows["sexo"].to_pylist()) == {"mujer"}
    assert made.lost == 9


def test_a_marker_is_a_value_of_its_own_and_never_stands_for_another():
    check_nine_persons_never_pass()


def check_nine_by_channel_never_pass() -> None:
    made = anonymise(together(three_topics(), from_rows({"canal": "callcenter"}, times=9)))
    assert (made.rows.num_rows, made.lost) == (75, 9)


def check_hidden_cells_of_ten() -> None:
    """Ten persons of two channels other than the rest's: only what tells them apart is hidden."""
    ten = from_rows({"canal": "callcenter"}, times=9), from_rows({"canal": "sin_dato"}, times=1)
    made = anonymise(together(three_topics(), *ten))
    assert made.lost == 0
    assert made.suppressed == dict.fromkeys(COLUMNS, 0) | {"canal": 10}
    check_hidden_cells_are_counted(three_topics(), made)


def test_nine_persons_who_differ_in_any_one_column_are_lost():
    check_nine_by_channel_never_pass()


def test_ten_persons_pass_and_hide_only_the_column_in_which_they_differ():
    check_hidden_cells_of_ten()


def check_who_files_often_is_one_person() -> None:
    often = from_rows(*[{"sexo": "hombre", "persona_clave": "una"}] * 30)
    made = anonymise(together(three_topics(), often))
    assert made.lost == 30


def test_one_person_who_files_thirty_times_is_one_person():
    check_who_files_often_is_one_person()


def check_unidentified_are_one_person() -> None:
    unknown = from_rows(*[{"comuna": "bonda", "persona_clave": None, "anonima": True} | t for t in TOPICS * 10])
    eight, nine = three_topics(8, comuna="bonda"), three_topics(9, comuna="bonda")
    assert anonymise(together(three_topics(), unknown, nine)).lost == 0
    fewer = anonymise(together(three_topics(), unknown, eight)).rows.to_pandas()
    alike = fewer.query("territorio == 'rural' and tema != @marker", local_dict={"marker": SUPPRESSED})
    assert alike.empty


def test_unidentified_filings_count_as_one_person_in_each_class():
    check_unidentified_are_one_person()


def check_minors_never_appear() -> None:
    minors = three_topics(20, comuna="bonda", menor="si")
    made = anonymise(together(three_topics(), minors))
    assert (made.eligible, made.rows.num_rows) == (75, 75)
    assert set(made.rows["territorio"].to_pylist()) == {"urbano"}


def test_rows_of_minors_never_appear():
    check_minors_never_appear()


def test_a_petition_of_unknown_age_is_published_as_its_own_value():
    unknown = three_topics(20, menor="desconocido", edad_banda="no_informa")
    assert set(anonymise(unknown).rows["edad"].to_pylist()) == {"no_informa"}


def check_unauthorised_never_appear() -> None:
    silent = three_topics(20, comuna="bonda", autorizacion_datos=False)
    made = anonymise(together(three_topics(), silent))
    assert (made.eligible, made.rows.num_rows) == (75, 75)
    assert set(made.rows["territorio"].to_pylist()) == {"urbano"}


def test_rows_without_authorisation_never_appear():
    check_unauthorised_never_appear()


def test_anonymous_petitions_need_no_authorisation():
    assert anonymise(three_topics(20, autorizacion_datos=False, anonima=True)).rows.num_rows == 60


def check_undiverse_topics_are_hidden() -> None:
    """Everybody in a demographic class asks about the same: the class would tell each one's topic."""
    alike = from_rows({"comuna": "bonda", "tema": "predial"}, times=30)
    rows = anonymise(together(three_topics(), alike)).rows.to_pandas()
    assert len(rows) == 105
    assert rows[rows.territorio == "rural"].query("tema == 'tributos_tramites'").empty


def test_a_topic_that_demography_would_tell_is_hidden():
    check_undiverse_topics_are_hidden()


def test_a_topic_of_one_insistent_person_does_not_make_a_class_diverse():
    insistent = from_rows(*[{"comuna": "bonda", "tema": "predial", "persona_clave": f"p{i}"} for i in range(30)])
    others = from_rows(*[{"comuna": "bonda", "tema": t, "persona_clave": None} for t in ("acueducto", "sin_dato") * 20])
    rows = anonymise(together(three_topics(), insistent, others)).rows.to_pandas()
    assert rows[rows.territorio == "rural"].query("tema == 'tributos_tramites'").empty


def test_a_group_that_never_reaches_ten_persons_publishes_nothing():
    made = anonymise(three_topics(3))
    assert (made.rows.num_rows, made.lost) == (0, 9)
    assert made.rows.column_names == MICRODATA.names


def test_temporary_tables_with_pseudonyms_are_gone_afterwards():
    with engine(three_topics()) as found:
        con = found.get_backend()
        with microdata.suppressor(found, santa_marta(), PERIOD) as search:
            search.suppress(K)
        left = con.raw_sql("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()
    assert left == []


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


@settings(max_examples=25)
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
