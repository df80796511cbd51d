"""What both stores do alike: a contract's table inside an attached database, a partition replaced whole.

What belongs here: DDL and the one write path. What does not: attaching, keys, and deciding what may be written.
SQL is assembled from contract and column names, which come from code; values are bound.
"""

from dataclasses import dataclass, field

import duckdb
import ibis
import ibis.expr.types as ir

from pipeline.contract import Contract
from pipeline.errors import PqrsdError


@dataclass
class Tables:
    """Contract tables of one attached database, read and built as Ibis expressions."""

    con: duckdb.DuckDBPyConnection
    database: str
    _backend: ibis.BaseBackend | None = field(default=None, repr=False)

    @property
    def ibis(self) -> ibis.BaseBackend:
        """The Ibis backend over the same connection."""
        if self._backend is None:
            self._backend = ibis.duckdb.from_connection(self.con)
        return self._backend

    def ensure(self, contract: Contract) -> str:
        """The qualified name of the contract's table, created where absent."""
        name = f'"{self.database}"."main"."{contract.name}"'
        self.con.execute(contract.ddl(name))
        return name

    def table(self, contract: Contract, **partition: str) -> ir.Table:
        """The contract's table, filtered to a partition."""
        self.ensure(contract)
        expression = self.ibis.table(contract.name, database=f"{self.database}.main")
        for key, value in partition.items():
            expression = expression.filter(expression[key] == value)
        return expression

    def replace(self, contract: Contract, rows: ir.Table, **partition: str) -> int:
        """Replaces one partition in one transaction by `rows`, matched by column name; returns how many rows.

        Raises `PqrsdError` when the columns are not the contract's: a positional insert would swap them silently.
        """
        return self.replace_all([(contract, rows, partition)])[0]

    def replace_all(self, writes: list[tuple[Contract, ir.Table, dict[str, str]]]) -> list[int]:
        """Several `replace` in one transaction: all of them or none; returns the rows of each."""
        for contract, rows, _ in writes:
            if tuple(rows.columns) != tuple(contract.names):
                raise PqrsdError(f"Las columnas que se iban a escribir en «{contract.name}» no son las de su contrato.")
        names = [self.ensure(contract) for contract, _, _ in writes]
        selects = [str(self.ibis.compile(rows)) for _, rows, _ in writes]
        written = []
        self.con.execute("BEGIN TRANSACTION")
        try:
            for name, select, (_, _, partition) in zip(names, selects, writes, strict=True):
                where = " AND ".join(f'"{key}" = ?' for key in partition) or "true"
                self.con.execute(f"DELETE FROM {name} WHERE {where}", list(partition.values()))
                inserted = self.con.execute(f"INSERT INTO {name} BY NAME {select}").fetchone()
                written.append(int(inserted[0]) if inserted else 0)
            self.con.execute("COMMIT")
        except BaseException:
            self.con.execute("ROLLBACK")
            raise
        return written
