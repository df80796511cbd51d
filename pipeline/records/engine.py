"""What Ibis cannot say about records, once for DuckDB; Spark needs its own of this module and of nothing else.

What belongs here: temporary tables, keyed hashing and lenient date parsing in the engine's own words. What does not:
any rule about a record.
"""

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from pipeline.stores.tables import Tables

_BLOCK = 64
_PREFIX = "_registros_"


@ibis.udf.scalar.builtin(name="try_strptime")
def parsed_date(text: str, form: str) -> ibis.dtype("timestamp"):  # type: ignore[valid-type]
    """The text read by a strptime form; null where it does not fit."""


class Scratch:
    """Temporary tables of one build: each expression is run once and read many times.

    They live in memory, or encrypted in the store's spill folder, and end with the connection.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._names: list[str] = []

    def keep(self, name: str, rows: ir.Table) -> ir.Table:
        """The rows, computed now."""
        return self.keep_sql(name, str(self._tables.ibis.compile(rows)))

    def lookup(self, name: str, rows: pa.Table) -> ir.Table:
        """A small table of the profile's making, inside the engine."""
        self._tables.con.register("_lookup", rows)
        try:
            return self.keep_sql(name, "SELECT * FROM _lookup")
        finally:
            self._tables.con.unregister("_lookup")

    def keep_sql(self, name: str, select: str) -> ir.Table:
        """What a SELECT in the engine's own words gives, computed now."""
        self._tables.con.execute(f'CREATE OR REPLACE TEMP TABLE "{_PREFIX}{name}" AS {select}')
        self._names.append(name)
        return self._tables.ibis.table(_PREFIX + name, database="temp.main")

    def drop(self, *names: str) -> None:
        """Drops the named temporary tables."""
        for name in names:
            self._tables.con.execute(f'DROP TABLE IF EXISTS temp.main."{_PREFIX}{name}"')
        self._names = [name for name in self._names if name not in names]

    def keep_only(self, *names: str) -> None:
        """Drops every temporary table but the named ones."""
        self.drop(*[name for name in self._names if name not in names])

    def hmac_sha256(self, name: str, messages: ir.Table, key: bytes) -> ir.Table:
        """`messages` (an id, and `mensaje`) with `clave`, the hexadecimal HMAC-SHA-256 of each (RFC 2104).

        The key reaches the engine as bound parameters, never as text of a query, and leaves it afterwards.
        """
        if len(key) > _BLOCK:
            raise ValueError("the key is longer than a block of SHA-256")
        padded = key.ljust(_BLOCK, b"\0")
        inner, outer = (bytes(byte ^ pad for byte in padded) for pad in (0x36, 0x5C))
        con = self._tables.con
        con.execute(f'CREATE OR REPLACE TEMP TABLE "{_PREFIX}relleno" (dentro BLOB, fuera BLOB)')
        try:
            con.execute(f'INSERT INTO temp.main."{_PREFIX}relleno" VALUES ($1, $2)', [inner, outer])
            return self.keep_sql(
                name,
                "SELECT m.* EXCLUDE (mensaje),"
                " sha256(r.fuera || unhex(sha256(r.dentro || encode(m.mensaje)))) AS clave"
                f' FROM ({self._tables.ibis.compile(messages)}) AS m, temp.main."{_PREFIX}relleno" AS r',
            )
        finally:
            con.execute(f'DROP TABLE temp.main."{_PREFIX}relleno"')
