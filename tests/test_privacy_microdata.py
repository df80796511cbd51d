"""Cell suppression of microdata: every published class has ten persons, and nothing is invented, kept or told twice."""

from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.privacy import classification, microdata
from pipeline.privacy.microdata import Anonymised
from pipeline.profile import Profile
from schemas.published import MICRODATA, SUPPRESSED
from tests.privacy_cases import PERIOD, santa_marta
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


def field_of(column: str) -> int:
    """The bits of a column in a row's key."""
    with engine(three_topics()) as found, microdata.suppressor(found, santa_marta(), PERIOD) as search:
        return search.packing.field([column])


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


@settings(max_examples=8)
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
    shuffled = drawn(1).take(np.random.default_rng(7).permutation(drawn(1).num_rows))
    one, other = drawn_and_made(1), anonymise(shuffled)
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
