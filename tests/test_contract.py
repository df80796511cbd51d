"""A contract derives everything from its model, and its rules and its gate agree."""

import duckdb
import ibis
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contract import Contract, PrivacyClass, column
from pipeline.errors import ContractError
from schemas.extracts import EXTRACTS
from schemas.published import MICRODATA, ROW_SUMMARY, TABLES
from schemas.records import PETITIONS, REJECTED_ROWS, ROW_COUNTS


class Example(pa.DataFrameModel):
    """Una tabla de ejemplo."""

    clave: dt.String = column(description="Clave", privacy=PrivacyClass.STATISTIC, str_matches=r"[a-z]\d$")
    color: dt.String = column(description="Color", privacy=PrivacyClass.QUASI, codes="color")
    edad: dt.Int64 = column(description="Edad", privacy=PrivacyClass.QUASI, unit="años", nullable=True, ge=0, le=120)

    class Config:
        strict = True
        ordered = True
        unique = ["clave"]


EXAMPLE = Contract.of(Example, "ejemplo", "Ejemplo").bind({"color": ("rojo", "azul")})


def table(*rows: tuple[str | None, str | None, int | None]) -> ibis.Table:
    con = ibis.duckdb.from_connection(duckdb.connect())
    names = ("clave", "color", "edad")
    return con.create_table(
        "t", ibis.memtable([dict(zip(names, row, strict=True)) for row in rows], schema=EXAMPLE.ibis_schema())
    )


def broken_rules(rows: ibis.Table) -> set[tuple[str, str]]:
    return {
        (rule.name, rule.column) for rule in EXAMPLE.rules() if rows.filter(rule.breaks(rows)).count().execute() > 0
    }


def test_good_rows_break_no_rule_and_pass_the_gate() -> None:
    good = table(("a1", "rojo", 30), ("b2", "azul", None))
    assert broken_rules(good) == set()
    EXAMPLE.gate(good)


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (("CANARIO", "rojo", 30), ("forma_no_valida", "clave")),
        ((None, "rojo", 30), ("obligatorio", "clave")),
        (("a1", "CANARIO", 30), ("codigo_desconocido", "color")),
        (("a1", "rojo", -1), ("menor_que_el_minimo", "edad")),
        (("a1", "rojo", 121), ("mayor_que_el_maximo", "edad")),
    ],
)
def test_a_bad_row_breaks_its_rule_and_fails_the_gate_without_its_value(
    row: tuple[str | None, str | None, int | None], rule: tuple[str, str]
) -> None:
    bad = table(row, ("b2", "azul", 40))
    assert broken_rules(bad) == {rule}
    with pytest.raises(ContractError) as refused:
        EXAMPLE.gate(bad)
    assert "CANARIO" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert rule[1] in {column for column, _, _ in refused.value.failures}


def test_a_duplicate_key_fails_the_gate() -> None:
    with pytest.raises(ContractError):
        EXAMPLE.gate(table(("a1", "rojo", 30), ("a1", "azul", 31)))


def test_a_missing_or_reordered_column_fails_the_gate() -> None:
    good = table(("a1", "rojo", 30))
    with pytest.raises(ContractError):
        EXAMPLE.gate(good.drop("edad"))
    with pytest.raises(ContractError):
        EXAMPLE.gate(good.select("color", "clave", "edad"))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a1", "b2", "c3", "XX", None]),
            st.sampled_from(["rojo", "azul", "verde", None]),
            st.one_of(st.none(), st.integers(-5, 130)),
        ),
        min_size=1,
        max_size=6,
        unique_by=lambda row: row[0],
    )
)
def test_what_no_rule_catches_passes_the_gate_and_the_reverse(
    rows: list[tuple[str | None, str | None, int | None]],
) -> None:
    candidate = table(*rows)
    try:
        EXAMPLE.gate(candidate)
        passed = True
    except ContractError:
        passed = False
    assert passed == (not broken_rules(candidate))


def test_the_derived_descriptions_name_every_column_once() -> None:
    for contract in (EXTRACTS, PETITIONS, REJECTED_ROWS, ROW_COUNTS, MICRODATA, TABLES, ROW_SUMMARY):
        fields = [field["name"] for field in contract.table_schema()["fields"]]
        assert fields == contract.names == [field["id"] for field in contract.datastore_fields()]
        assert all(c.description for c in contract.columns)


def test_no_published_contract_has_a_restricted_column() -> None:
    allowed = {PrivacyClass.QUASI, PrivacyClass.STATISTIC}
    for contract in (MICRODATA, TABLES, ROW_SUMMARY):
        assert {c.privacy for c in contract.columns} <= allowed
