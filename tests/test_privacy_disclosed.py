"""`Disclosed`: made by the gate alone, bytes that cannot change, and the only thing that the open store takes."""

import copy
import dataclasses
import hashlib

import duckdb
import ibis
import pyarrow as pa
import pytest

from pipeline.contract import Column
from pipeline.errors import PqrsdError
from pipeline.privacy import gate, measure
from pipeline.privacy.disclosed import Disclosed, encode
from pipeline.privacy.gate import GateRefused
from pipeline.stores.open import OpenTables
from pipeline.stores.tables import Tables
from schemas.published import MICRODATA
from schemas.records import ROW_COUNTS
from tests.privacy_cases import PERIOD, refused, santa_marta
from tests.test_privacy_gate import CANARY, disclose, good
from tests.test_privacy_microdata import three_topics


def counts(**fields: list[object]) -> pa.Table:
    schema = ROW_COUNTS.ibis_schema().to_pyarrow()
    return pa.table([pa.array(fields[field.name], field.type) for field in schema], schema=schema)


def row_counts(sources: list[str]) -> Disclosed:
    table = counts(
        periodo=[PERIOD, PERIOD, "2024-S2"],
        fuente=sources,
        archivo=["a.csv", "b.csv", "a.csv"],
        destino=["aceptada"] * 3,
        regla=[""] * 3,
        filas=[3, 4, 100],
    )
    with measure.in_engine(table) as found:
        return gate.disclose_row_counts(found, santa_marta(), PERIOD)


def test_row_counts_leave_summed_and_without_file_names():
    disclosed = row_counts(["gestor"] * 3)
    (row,) = disclosed.table().to_pylist()
    assert (row["periodo"], row["fuente"], row["destino"], row["filas"]) == (PERIOD, "gestor", "aceptada", 7)
    assert disclosed.evidence["filas"] == {"aceptada": 7}


def test_row_counts_with_somebody_s_number_are_refused():
    said = refused(GateRefused, lambda: row_counts([CANARY] * 3))
    assert "regla «cedula», columna «fuente»" in said
    assert CANARY not in said


def check_nobody_makes_a_disclosed() -> None:
    one = good().disclosed
    fields = {f.name: getattr(one, f.name) for f in dataclasses.fields(Disclosed)}
    other = {"data": b"otra cosa", "sha256": hashlib.sha256(b"otra cosa").hexdigest()}
    for act in (
        lambda: Disclosed(**fields),
        lambda: Disclosed(**(fields | other)),
        lambda: Disclosed(**fields, token=object()),
        lambda: dataclasses.replace(one, **other),
        lambda: dataclasses.replace(one, evidence={"k_minimo": 99}),
    ):
        assert "puerta de privacidad" in refused(PqrsdError, act)


def test_nobody_makes_a_disclosed_outside_the_gate():
    check_nobody_makes_a_disclosed()


def tampered() -> Disclosed:
    found = copy.copy(good().disclosed)
    object.__setattr__(found, "data", encode(found.table().slice(0, 9)))
    return found


def check_tampered_bytes_are_refused() -> None:
    assert "no son los que pasaron" in refused(PqrsdError, tampered().table)


def test_tampered_bytes_are_refused():
    check_tampered_bytes_are_refused()


@pytest.fixture
def store() -> OpenTables:
    con = duckdb.connect()
    con.execute("ATTACH ':memory:' AS abierto")
    return OpenTables(Tables(con, "abierto"))


def test_the_open_store_takes_what_passed_and_keeps_its_evidence(store):
    assert store.accept(good().disclosed) == [75]
    assert store.evidence(MICRODATA, PERIOD) == good().evidence


def test_the_open_store_takes_nothing_else(store):
    class Similar(Disclosed):
        def __post_init__(self, token):
            pass

    one = good().disclosed
    fields = {f.name: getattr(one, f.name) for f in dataclasses.fields(Disclosed)}
    for other in (one.table(), fields, Similar(**fields), tampered()):
        assert "puerta" in refused(PqrsdError, lambda other=other: store.accept(other))
    assert store.table(MICRODATA).count().execute() == 0


def test_a_period_that_no_longer_publishes_empties_its_partition_in_the_open_store(store):
    store.accept(good().disclosed)
    store.accept(disclose(three_topics(12)).disclosed)
    assert store.table(MICRODATA, periodo=PERIOD).count().execute() == 0
    assert store.evidence(MICRODATA, PERIOD)["publicado"] is False


def test_a_lazy_expression_is_never_what_is_sealed():
    assert isinstance(good().disclosed.data, bytes)
    assert not isinstance(good().disclosed.table(), ibis.Table)
    assert all(isinstance(column, Column) for column in good().disclosed.contract.columns)
