"""The two stores: one encrypted, one locked behind the door; a partition is replaced whole or not at all."""

import stat
from pathlib import Path

import duckdb
import ibis
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pyarrow
import pytest

from pipeline.contract import Contract, PrivacyClass, column
from pipeline.errors import PqrsdError
from pipeline.stores import keys, restricted
from pipeline.stores import open as open_store
from pipeline.stores.tables import Tables


class Small(pa.DataFrameModel):
    """Una tabla pequeña."""

    periodo: dt.String = column(description="Periodo", privacy=PrivacyClass.STATISTIC)
    a: dt.String = column(description="A", privacy=PrivacyClass.STATISTIC)
    b: dt.String = column(description="B", privacy=PrivacyClass.STATISTIC)

    class Config:
        strict = True
        ordered = True


SMALL = Contract.of(Small, "pequena", "Pequeña")
KEY = bytes(range(32))


def rows(*values: tuple[str, str, str]) -> ibis.Table:
    return ibis.memtable([dict(zip(("periodo", "a", "b"), value, strict=True)) for value in values])


def stored(tables: Tables, *values: tuple[str, str, str | None]) -> ibis.Table:
    """The same rows as a view of the connection, as assets have them."""
    columns = zip(*values, strict=True)
    arrow = pyarrow.table([pyarrow.array(c, pyarrow.string()) for c in columns], names=["periodo", "a", "b"])
    name = f"entrada_{len(tables.ibis.list_tables(database=('temp', 'main')))}"
    tables.con.register(name, arrow)
    return tables.ibis.table(name)


@pytest.fixture
def tables() -> Tables:
    con = duckdb.connect()
    con.execute("ATTACH ':memory:' AS uno")
    return Tables(con, "uno")


def test_replacing_one_partition_leaves_the_others(tables: Tables) -> None:
    tables.replace(SMALL, stored(tables, ("2025-S1", "x", "y")), periodo="2025-S1")
    tables.replace(SMALL, stored(tables, ("2025-S2", "x", "y")), periodo="2025-S2")
    assert tables.replace(SMALL, stored(tables, ("2025-S1", "z", "y"), ("2025-S1", "w", "y")), periodo="2025-S1") == 2
    assert tables.table(SMALL).count().execute() == 3
    assert tables.table(SMALL, periodo="2025-S2").a.execute().tolist() == ["x"]


def test_a_failed_write_leaves_the_good_partition_in_place(tables: Tables) -> None:
    tables.replace(SMALL, stored(tables, ("2025-S1", "x", "y")), periodo="2025-S1")
    broken = stored(tables, ("2025-S1", "z", None))
    with pytest.raises(duckdb.Error):
        tables.replace(SMALL, broken, periodo="2025-S1")
    assert tables.table(SMALL).a.execute().tolist() == ["x"]


def test_several_tables_are_written_all_or_none(tables: Tables) -> None:
    other = Contract.of(Small, "otra", "Otra")
    broken = stored(tables, ("2025-S1", "z", None))
    with pytest.raises(duckdb.Error):
        tables.replace_all(
            [
                (SMALL, stored(tables, ("2025-S1", "x", "y")), {"periodo": "2025-S1"}),
                (other, broken, {"periodo": "2025-S1"}),
            ]
        )
    assert tables.table(SMALL).count().execute() == 0


def test_reordered_columns_are_refused_instead_of_swapped(tables: Tables) -> None:
    with pytest.raises(PqrsdError, match="contrato"):
        tables.replace(SMALL, stored(tables, ("2025-S1", "x", "y")).select("periodo", "b", "a"), periodo="2025-S1")


def test_the_restricted_file_holds_no_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "r" / "restringido.duckdb"
    with duckdb.connect() as con, restricted.attached(con, path, KEY, spill=tmp_path / "tmp") as opened:
        opened.replace(SMALL, stored(opened, *[("2025-S1", f"CANARIO{i}", "y") for i in range(500)]), periodo="2025-S1")
    assert b"CANARIO" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_same_rows_without_the_key_would_be_readable(tmp_path: Path) -> None:
    """Shows that the test above can fail: an unencrypted file does hold the text."""
    path = tmp_path / "plain.duckdb"
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{path}' AS plain")
        plain = Tables(con, "plain")
        plain.replace(SMALL, stored(plain, ("2025-S1", "CANARIO", "y")), periodo="2025-S1")
        con.execute("DETACH plain")
    assert b"CANARIO" in path.read_bytes()


def test_a_wrong_key_is_refused_without_naming_it(tmp_path: Path) -> None:
    path = tmp_path / "restringido.duckdb"
    with duckdb.connect() as con, restricted.attached(con, path, KEY, spill=tmp_path / "tmp") as opened:
        opened.replace(SMALL, stored(opened, ("2025-S1", "x", "y")), periodo="2025-S1")
    wrong = bytes(32)
    with (
        pytest.raises(PqrsdError) as refused,
        duckdb.connect() as con,
        restricted.attached(con, path, wrong, spill=tmp_path / "tmp"),
    ):
        pass
    assert keys.derive(wrong, "base-restringida").hex() not in str(refused.value)


def test_the_key_is_made_once_with_mode_600(tmp_path: Path) -> None:
    path = tmp_path / "clave"
    first = keys.load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.load_or_create(path) == first
    assert len(first) == 32


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clave"
    keys.load_or_create(path)
    path.chmod(0o644)
    with pytest.raises(PqrsdError, match="600"):
        keys.load_or_create(path)


def test_two_purposes_have_unrelated_keys() -> None:
    assert keys.derive(KEY, "persona") != keys.derive(KEY, "base-restringida")


def test_the_open_store_accepts_nothing_but_what_passed_the_door(tmp_path: Path) -> None:
    with (
        duckdb.connect() as con,
        open_store.attached(con, tmp_path / "abierto.duckdb", allowed=[tmp_path]) as opened,
        pytest.raises(PqrsdError, match="puerta"),
    ):
        opened.accept(rows(("2025-S1", "x", "y")))  # type: ignore[arg-type]


def test_a_derived_table_may_not_bring_rows_from_outside(tmp_path: Path) -> None:
    with (
        duckdb.connect() as con,
        open_store.attached(con, tmp_path / "abierto.duckdb", allowed=[tmp_path]) as opened,
        pytest.raises(PqrsdError, match="derivada"),
    ):
        opened.derive(SMALL, rows(("2025-S1", "x", "y")), periodo="2025-S1")


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH '{outside}/r.duckdb' AS r",
        "SELECT * FROM read_csv('{outside}/landing.csv')",
        "SET enable_external_access=true",
        "SET lock_configuration=false",
        "COPY (SELECT 1) TO '{outside}/x.csv'",
        "INSTALL httpfs",
    ],
)
def test_the_open_connection_is_locked_against(tmp_path: Path, statement: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "landing.csv").write_text("a\n1\n")
    inside = tmp_path / "inside"
    with (
        duckdb.connect() as con,
        open_store.attached(con, inside / "abierto.duckdb", allowed=[inside]),
        pytest.raises(duckdb.Error),
    ):
        con.execute(statement.format(outside=outside))
