"""What our libraries do behind one's back: each trap is pinned beside the way in which this project goes round it.

When one of these fails after an upgrade, the library has changed: look at the way round before deleting the test.
"""

import importlib
import pkgutil
import traceback
from dataclasses import replace

import duckdb
import ibis
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pyarrow as arrow
import pyarrow.compute
import pytest
from pandera.errors import SchemaErrors
from pyarrow import csv as arrow_csv

import schemas
from pipeline.contract import Contract, PrivacyClass, column
from pipeline.errors import ContractError, PqrsdError
from pipeline.stores import restricted
from pipeline.stores.tables import Tables

CANARY = "CANARIO-7731"


class Keyed(pa.DataFrameModel):
    """Una fila con clave."""

    clave: dt.String = column(description="Clave", privacy=PrivacyClass.INTERNAL)
    edad: dt.Int64 = column(description="Edad", privacy=PrivacyClass.INTERNAL, ge=0, nullable=True)

    class Config:
        """Strict, ordered, with its key."""

        strict = True
        ordered = True
        unique = ["clave"]


KEYED = Contract.of(Keyed, "con_clave", "Con clave")


def table(*rows):
    con = duckdb.connect()
    con.execute("CREATE TABLE filas (clave VARCHAR, edad BIGINT)")
    if rows:
        con.executemany("INSERT INTO filas VALUES (?, ?)", rows)
    return ibis.duckdb.from_connection(con).table("filas")


def contracts():
    for module in pkgutil.iter_modules(schemas.__path__):
        for value in vars(importlib.import_module(f"schemas.{module.name}")).values():
            if isinstance(value, Contract):
                yield value


def test_a_unique_field_passes_silently_on_ibis_but_a_unique_table_does_not():
    repeated = table(["a", 1], ["a", 2])
    by_field = pa.DataFrameSchema({"clave": pa.Column(dt.String, unique=True), "edad": pa.Column(dt.Int64)})
    by_field.validate(repeated, lazy=True)
    with pytest.raises(ContractError):
        KEYED.gate(repeated)


def test_no_contract_relies_on_a_unique_field():
    models = [
        value
        for module in pkgutil.iter_modules(schemas.__path__)
        for value in vars(importlib.import_module(f"schemas.{module.name}")).values()
        if isinstance(value, type) and issubclass(value, pa.DataFrameModel) and value is not pa.DataFrameModel
    ]
    assert models
    assert [m.__name__ for m in models if any(spec.unique for spec in m.to_schema().columns.values())] == []
    assert {"peticiones", "extractos"} <= {c.name for c in contracts() if c.unique}


@pytest.mark.parametrize("bad", [["a", -1], [None, 1]])
def test_a_bad_value_really_fails_on_the_lazy_backend(bad):
    KEYED.gate(table(["b", 1]))
    with pytest.raises(ContractError):
        KEYED.gate(table(["b", 1], bad))


def test_panderas_error_quotes_values_and_ours_does_not():
    class Coded(pa.DataFrameModel):
        """Una fila con código."""

        clave: dt.String = pa.Field(isin=["a"])
        edad: dt.Int64 = pa.Field(nullable=True)

    with pytest.raises(SchemaErrors) as theirs:
        Coded.validate(table([CANARY, 1]), lazy=True)
    assert CANARY in str(theirs.value.schema_errors[0].failure_cases) + str(theirs.value)

    ours = replace(KEYED, columns=(replace(KEYED["clave"], allowed=("a",)), KEYED["edad"]))
    with pytest.raises(ContractError) as caught:
        ours.gate(table([CANARY, 1]))
    assert "clave" in str(caught.value)
    assert CANARY not in str(caught.value) + repr(caught.value) + "".join(traceback.format_exception(caught.value))


def test_panderas_row_checks_fail_an_empty_table_and_our_gate_does_not():
    with pytest.raises(SchemaErrors):
        KEYED.schema().validate(table(), lazy=True)
    KEYED.gate(table())


def test_a_timestamp_of_the_engine_is_not_ibis_plain_timestamp():
    assert dt.Timestamp() != dt.Timestamp(scale=6)
    stamped = ibis.duckdb.connect().sql("SELECT TIMESTAMP '2025-01-01 10:00:00' AS momento")
    assert stamped.schema()["momento"] == dt.Timestamp(scale=6)


def test_without_httpfs_duckdb_refuses_to_write_an_encrypted_database(tmp_path):
    con = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    with pytest.raises(duckdb.Error, match="httpfs"):
        con.execute(f"ATTACH '{tmp_path / 'a.duckdb'}' AS a (ENCRYPTION_KEY $1)", ["clave"])
        con.execute("CREATE TABLE a.t AS SELECT 1 AS x")


def test_another_key_opens_nothing_and_is_not_quoted(tmp_path):
    path, spill = tmp_path / "a.duckdb", tmp_path / "tmp"
    with restricted.attached(duckdb.connect(), path, b"1" * 32, spill=spill) as tables:
        tables.con.execute(f"CREATE TABLE {restricted.ALIAS}.t AS SELECT '{CANARY}' AS x")
    assert CANARY.encode() not in path.read_bytes()
    with (
        pytest.raises(PqrsdError, match="clave") as caught,
        restricted.attached(duckdb.connect(), path, b"2" * 32, spill=spill),
    ):
        pass
    said = "".join(traceback.format_exception(caught.value))
    assert not any(secret in said for secret in ((b"1" * 32).hex(), (b"2" * 32).hex(), "2" * 32))


def test_a_literal_key_is_quoted_by_the_parser_and_a_bound_one_is_not(tmp_path):
    con = duckdb.connect()
    with pytest.raises(duckdb.Error, match=CANARY):
        con.execute(f"ATTACH '{tmp_path / 'a'}' AS a (ENCRYPTION_KEY '{CANARY}') sobra")
    with pytest.raises(duckdb.Error) as caught:
        con.execute(f"ATTACH '{tmp_path / 'a'}' AS a (ENCRYPTION_KEY $1) sobra", [CANARY])
    assert CANARY not in str(caught.value)


def test_one_file_is_attached_once_per_process(tmp_path):
    con = duckdb.connect()
    con.execute(f"ATTACH '{tmp_path / 'a.duckdb'}' AS a")
    with pytest.raises(duckdb.Error):
        con.execute(f"ATTACH '{tmp_path / 'a.duckdb'}' AS b")


def test_spill_files_are_plaintext_until_they_are_asked_not_to_be(tmp_path):
    con = duckdb.connect()
    asked = "SELECT value FROM duckdb_settings() WHERE name = 'temp_file_encryption'"
    assert con.execute(asked).fetchall() == [("false",)]
    with restricted.attached(con, tmp_path / "a.duckdb", b"1" * 32, spill=tmp_path / "tmp"):
        assert con.execute(asked).fetchall() == [("true",)]


def test_a_positional_insert_swaps_columns_and_ours_goes_by_name():
    con = duckdb.connect()
    con.execute("CREATE TABLE t (a VARCHAR, b VARCHAR)")
    con.execute("INSERT INTO t SELECT 'de b' AS b, 'de a' AS a")
    con.execute("INSERT INTO t BY NAME SELECT 'de b' AS b, 'de a' AS a")
    assert con.execute("SELECT a, b FROM t").fetchall() == [("de b", "de a"), ("de a", "de b")]

    con.execute("ATTACH ':memory:' AS almacen")
    tables = Tables(con, "almacen")
    swapped = tables.ibis.sql("SELECT 3 AS edad, 'x' AS clave")
    with pytest.raises(PqrsdError, match="no son las de su contrato"):
        tables.replace(KEYED, swapped)


def test_a_replacing_create_table_loses_the_table_when_it_fails():
    con = ibis.duckdb.connect()
    con.raw_sql("CREATE TABLE t AS SELECT 1 AS x")
    broken = con.sql("SELECT error('no') AS x")
    with pytest.raises(Exception, match="no"):
        con.create_table("t", broken, overwrite=True)

    con.raw_sql("ATTACH ':memory:' AS almacen")
    tables = Tables(con.con, "almacen")
    good = tables.ibis.sql("SELECT 'a' AS clave, CAST(1 AS BIGINT) AS edad")
    tables.replace(KEYED, good)
    with pytest.raises(duckdb.Error):
        tables.replace(KEYED, tables.ibis.sql("SELECT error('no')::VARCHAR AS clave, CAST(1 AS BIGINT) AS edad"))
    assert tables.table(KEYED).count().execute() == 1


def test_ibis_has_no_keyed_hash():
    assert not [name for name in dir(ibis.literal("x")) if "hmac" in name.lower()]


def test_the_engine_reads_21_as_the_year_21():
    found = duckdb.execute("SELECT try_strptime('03/04/21', '%d/%m/%Y')").fetchone()
    assert found[0].year == 21


@pytest.mark.parametrize(("threads", "numbered"), [(False, True), (True, False)])
def test_the_csv_parser_numbers_misfits_only_with_one_thread(threads, numbered):
    numbers = []

    def note(row):
        numbers.append(row.number)
        return "skip"

    arrow_csv.read_csv(
        arrow.BufferReader(b"1,2\n3\n4,5\n"),
        read_options=arrow_csv.ReadOptions(use_threads=threads, column_names=["a", "b"]),
        parse_options=arrow_csv.ParseOptions(invalid_row_handler=note),
    )
    assert numbers == ([2] if numbered else [None])


def test_the_csv_parser_accepts_quotes_that_nobody_closes():
    rows = arrow_csv.read_csv(
        arrow.BufferReader(b'1,"2\n3,4\n'),
        read_options=arrow_csv.ReadOptions(use_threads=False, column_names=["a", "b"]),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
    )
    assert rows.num_rows == 1


def test_joining_cells_drops_the_rows_in_which_all_are_null():
    nothing = arrow.array([None, "a"], arrow.string())
    joined = arrow.compute.binary_join_element_wise(nothing, nothing, "|", null_handling="skip")
    assert len(joined) == 1
