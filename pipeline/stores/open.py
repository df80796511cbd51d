"""The open store: `abierto.duckdb`, behind the door. Nothing enters it except a `Disclosed`.

What belongs here: opening the file inside a locked DuckDB, accepting what passed the door, and tables derived inside
from what is already there. What does not: the restricted store, keys, Dagster.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa

from pipeline.contract import Contract
from pipeline.errors import PqrsdError
from pipeline.privacy.disclosed import Disclosed
from pipeline.stores.tables import Tables
from schemas.published import EVIDENCE

ALIAS = "abierto"


class OpenTables:
    """The open tables: readable by anybody in the wing, writable only through `accept` and `derive`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def table(self, contract: Contract, **partition: str) -> ir.Table:
        """The contract's table, filtered to a partition."""
        return self._tables.table(contract, **partition)

    def accept(self, *passed: Disclosed) -> list[int]:
        """Replaces one partition of each table by what passed the door, all in one transaction; returns the rows.

        Raises `PqrsdError` for anything else, and for bytes that are not the ones the evidence speaks of.
        """
        if any(type(disclosed) is not Disclosed for disclosed in passed):
            raise PqrsdError("El almacén abierto solo acepta lo que pasó por la puerta de privacidad.")
        con, backend = self._tables.con, self._tables.ibis
        writes = []
        views = []
        try:
            for number, disclosed in enumerate(passed):
                rows, proof = f"_disclosed_{number}", f"_evidence_{number}"
                con.register(rows, disclosed.table())
                con.register(proof, _evidence(disclosed))
                views += [rows, proof]
                named = disclosed.partition | {"contrato": disclosed.contract.name}
                writes.append((disclosed.contract, backend.table(rows), disclosed.partition))
                writes.append((EVIDENCE, backend.table(proof), named))
            return self._tables.replace_all(writes)[::2]
        finally:
            for view in views:
                con.unregister(view)

    def evidence(self, contract: Contract, periodo: str) -> dict[str, Any]:
        """What the door measured on one partition of a table; empty where nothing passed."""
        found = self._tables.table(EVIDENCE, periodo=periodo, contrato=contract.name).evidencia.to_pyarrow()
        return dict(json.loads(found[0].as_py())) if len(found) else {}

    def derive(self, contract: Contract, rows: ir.Table, **partition: str) -> int:
        """Replaces one partition by an expression over open tables alone; returns how many rows.

        Raises `PqrsdError` where the expression brings rows from outside (an in-memory table or a file).
        """
        node = rows.op()
        if node.find((ops.InMemoryTable, ops.SQLQueryResult, ops.SQLStringView)):
            raise PqrsdError("Una tabla derivada solo puede leer tablas del almacén abierto.")
        if any(source.namespace.catalog != ALIAS for source in node.find(ops.DatabaseTable)):
            raise PqrsdError("Una tabla derivada solo puede leer tablas del almacén abierto.")
        return self._tables.replace(contract, rows, **partition)


def _evidence(disclosed: Disclosed) -> pa.Table:
    return pa.table(
        {
            "periodo": [disclosed.partition["periodo"]],
            "contrato": [disclosed.contract.name],
            "sha256": [disclosed.sha256],
            "filas": [disclosed.rows],
            "evidencia": [json.dumps(disclosed.evidence, ensure_ascii=False, sort_keys=True)],
        }
    )


@contextmanager
def attached(con: duckdb.DuckDBPyConnection, path: Path, *, allowed: list[Path]) -> Iterator[OpenTables]:
    """The open tables over `con`, whose configuration is then locked for good.

    After this the connection reads and writes files only below `allowed`; it cannot attach, install or unlock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    spill = path.parent / "tmp"
    spill.mkdir(exist_ok=True)
    con.execute("SET autoinstall_known_extensions=false")
    con.execute("SET autoload_known_extensions=false")
    con.execute("SET temp_directory=$1", [str(spill)])
    con.execute("SET temp_file_encryption=true")
    con.execute(f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS {ALIAS}")
    tables = Tables(con, ALIAS)
    _ = tables.ibis  # connecting sets options, which the lock below would refuse
    con.execute("SET allowed_directories=$1", [[str(folder) + "/" for folder in allowed]])
    con.execute("SET enable_external_access=false")
    con.execute("SET lock_configuration=true")
    try:
        yield OpenTables(tables)
    finally:
        con.execute("USE memory")
        con.execute(f"DETACH {ALIAS}")
