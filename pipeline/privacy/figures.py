"""What a table discloses as it stands: k, uniques and risks, and l, t, α, β, δ of each sensitive column.

What belongs here: measuring in DuckDB, with nulls read in three ways of which the worst counts. What does not: targets,
changing rows, and the second implementation that checks this one (`pipeline.privacy.second`).

A null may be a value of its own, a wildcard that any value may stand behind, or a row that an attacker leaves out;
of a sensitive column, a value or nothing known. Each figure is the worst over those readings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.privacy.grouped import ordered_values, packed

OWN, WILDCARD, DROPPED = "propia", "comodin", "descartada"
READINGS = (OWN, WILDCARD, DROPPED)
LOW = ("l", "entropy_l")
"""The figures of a sensitive column that are worse the lower they are."""


@dataclass(frozen=True)
class Spread:
    """Of one sensitive column: the worst class for each model; None where no class shows any value.

    `l` distinct values, `entropy_l` e^entropy, `t` distance to the table, `alpha` the largest share, `beta` and `delta`
    as in `pipeline.privacy.models`; `enhanced_beta` is the smallest β at which enhanced β-likeness holds, infinite
    where a value gains more than its own -ln p.
    """

    l: int | None  # noqa: E741 (the literature's name)
    entropy_l: float | None
    t: float | None
    alpha: float | None
    beta: float | None
    enhanced_beta: float | None
    delta: float | None


@dataclass(frozen=True)
class Figures:
    """A table's figures; `k` counts persons where a person column is given, otherwise rows.

    `highest_risk` is the prosecutor's and, without a population, the journalist's: 1 / k. `average_risk`, the
    marketer's, is the mean over the rows of 1 / (persons or rows of the class). `uniques` counts classes of one.
    """

    rows: int
    classes: int
    k: int
    uniques: int
    average_risk: float
    discernibility: int
    spread: Mapping[str, Spread]

    @property
    def highest_risk(self) -> float:
        """The prosecutor's risk: that of the smallest class."""
        return 1 / self.k if self.k else 0.0


@dataclass(frozen=True)
class JournalistRisk:
    """Risks against a population that contains the table: the highest, and the marketer's share of right matches."""

    highest: float
    average: float


def measure(
    table: pa.Table,
    columns: Sequence[str],
    person: str | None = None,
    sensitive: Mapping[str, Sequence[str] | bool] | None = None,
) -> Figures:
    """The worst figures over the three readings of nulls; `classes` and `discernibility` are of the first reading.

    `sensitive` says of each such column how its values are ordered (as `pipeline.privacy.grouped.group` takes it);
    True or a list measure t along that order.
    """
    readings = [read(table, columns, person, sensitive, reading) for reading in readings_of(table, columns, sensitive)]
    return worst(readings)


def readings_of(table: pa.Table, columns: Sequence[str], sensitive: Mapping[str, object] | None) -> tuple[str, ...]:
    """The readings that differ: one where no column has a null."""
    nulls = sum(table[name].null_count for name in (*columns, *(sensitive or {})))
    return READINGS if nulls else (OWN,)


def worst(readings: Sequence[Figures]) -> Figures:
    """The worst of several figures of one table; those of an empty reading say nothing."""
    first = readings[0]
    said = [found for found in readings if found.rows] or [first]
    spread = {name: _worst([found.spread[name] for found in said]) for name in first.spread}
    return replace(
        first,
        k=min(found.k for found in said),
        uniques=max(found.uniques for found in said),
        average_risk=max(found.average_risk for found in said),
        spread=spread,
    )


def _worst(spreads: Sequence[Spread]) -> Spread:
    found: dict[str, Any] = {}
    for key in Spread.__dataclass_fields__:
        known = [value for spread in spreads if (value := getattr(spread, key)) is not None]
        worse = min if key in LOW else max
        found[key] = worse(known) if known else None
    return Spread(**found)


def read(
    table: pa.Table,
    columns: Sequence[str],
    person: str | None,
    sensitive: Mapping[str, Sequence[str] | bool] | None,
    reading: str,
) -> Figures:
    """The figures under one reading of nulls."""
    if reading == DROPPED:
        keep = pc.invert(pc.is_null(table[columns[0]]))
        for name in columns[1:]:
            keep = pc.and_(keep, pc.invert(pc.is_null(table[name])))
        table = table.filter(keep)
    con = duckdb.connect()
    try:
        coded = {"clave": _key([table[name] for name in columns])}
        if person:
            coded["persona"] = table[person]
        con.register("filas", pa.table(coded))
        heads = "count(DISTINCT persona) + max((persona IS NULL)::INT)" if person else "count(*)"
        con.execute(
            f"CREATE TEMP TABLE clases AS SELECT clave, count(*) AS filas, {heads} AS cabezas FROM filas GROUP BY clave"
        )
        wild = reading == WILDCARD and any(table[name].null_count for name in columns)
        near = _compatible(con, table, columns, coded["clave"]) if wild else None
        base = _counted(con, near, person)
        engine = _Engine(con, coded["clave"], near, reading)
        spread = {name: _spread(engine, table[name], name, order) for name, order in (sensitive or {}).items()}
    finally:
        con.close()
    return replace(base, spread=spread)


def journalist(table: pa.Table, population: pa.Table, columns: Sequence[str]) -> JournalistRisk:
    """Risks of `table` against a population with the same columns, in which its rows are."""
    con = duckdb.connect()
    try:
        con.register("filas", table.select(columns))
        con.register("poblacion", population.select(columns))
        names = ", ".join(f'"{name}"' for name in columns)
        on = " AND ".join(f'f."{name}" IS NOT DISTINCT FROM p."{name}"' for name in columns)
        ((highest, average),) = con.execute(
            f"WITH f AS (SELECT {names}, count(*) AS n FROM filas GROUP BY ALL),"
            f" p AS (SELECT {names}, count(*) AS n FROM poblacion GROUP BY ALL)"
            " SELECT max(1.0 / greatest(p.n, f.n)), sum(f.n * 1.0 / greatest(p.n, f.n)) / sum(f.n)"
            f" FROM f LEFT JOIN p ON {on}"
        ).fetchall()
    finally:
        con.close()
    return JournalistRisk(float(highest or 0.0), float(average or 0.0))


def _key(columns: Sequence[pa.ChunkedArray]) -> np.ndarray:
    """One integer a row, equal where all columns are, nulls being alike."""
    coded = [pc.dictionary_encode(column.combine_chunks(), null_encoding="encode") for column in columns]
    return packed([c.indices.to_numpy().astype(np.int64) for c in coded], [max(len(c.dictionary), 1) for c in coded])


def _compatible(con: duckdb.DuckDBPyConnection, table: pa.Table, columns: Sequence[str], key: np.ndarray) -> str:
    """A table of pairs (a, b): class b's rows may be alike to class a's, a null being any value."""
    names = [f"c{i}" for i in range(len(columns))]
    con.register("valores", pa.table([table[c] for c in columns], names=names).append_column("clave", pa.array(key)))
    con.execute(f"CREATE TEMP TABLE formas AS SELECT DISTINCT clave, {', '.join(names)} FROM valores")
    pattern = " || ".join(f"(({name} IS NULL)::INT)::VARCHAR" for name in names)
    con.execute(f"ALTER TABLE formas ADD COLUMN patron VARCHAR; UPDATE formas SET patron = {pattern}")
    patterns = [row[0] for row in con.execute("SELECT DISTINCT patron FROM formas ORDER BY 1").fetchall()]
    con.execute("CREATE TEMP TABLE afines (a BIGINT, b BIGINT)")
    for one, other in product(patterns, patterns):
        shared = [n for n, x, y in zip(names, one, other, strict=True) if x == y == "0"]
        on = " AND ".join(f"x.{n} = y.{n}" for n in shared) or "true"
        con.execute(
            f"INSERT INTO afines SELECT x.clave, y.clave FROM (FROM formas WHERE patron = '{one}') x"
            f" JOIN (FROM formas WHERE patron = '{other}') y ON {on}"
        )
    return "afines"


@dataclass(frozen=True)
class _Engine:
    """A connection with the classes of `key`; `near` names the pairs of classes that are alike, None: each itself."""

    con: duckdb.DuckDBPyConnection
    key: np.ndarray
    near: str | None
    reading: str


def _counted(con: duckdb.DuckDBPyConnection, near: str | None, person: str | None) -> Figures:
    seen = "SELECT clave, filas, cabezas FROM clases"
    if near:
        heads = "count(DISTINCT f.persona) + max((f.persona IS NULL)::INT)" if person else "count(*)"
        con.execute(
            f"CREATE TEMP TABLE vistas AS SELECT n.a AS clave, {heads} AS cabezas"
            f" FROM {near} n JOIN filas f ON f.clave = n.b GROUP BY 1"
        )
        seen = "SELECT c.clave, c.filas, v.cabezas FROM clases c JOIN vistas v USING (clave)"
    found = con.execute(
        f"SELECT cabezas, filas, count(*) AS clases FROM ({seen}) GROUP BY ALL ORDER BY ALL"
    ).fetchnumpy()
    persons, size, times = (np.asarray(found[n], dtype=np.int64) for n in ("cabezas", "filas", "clases"))
    total = int((size * times).sum())
    if not total:
        return Figures(0, 0, 0, 0, 0.0, 0, {})
    return Figures(
        rows=total,
        classes=int(times.sum()),
        k=int(persons.min()),
        uniques=int(times[persons == 1].sum()),
        average_risk=float((size * times / persons).sum() / total),
        discernibility=int((size**2 * times).sum()),
        spread={},
    )


def _spread(engine: _Engine, column: pa.ChunkedArray, name: str, order: Sequence[str] | bool) -> Spread:
    con, near = engine.con, engine.near
    values = ordered_values(name, column, order)
    encoded = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
    place = {value: position for position, value in enumerate(values)}
    code = np.array([place[value] for value in encoded.dictionary.to_pylist()] or [0], dtype=np.int32)
    con.register("sensibles", pa.table({"clave": engine.key, "valor": code[encoded.indices.to_numpy()]}))
    known = f"WHERE valor <> {place[None]}" if engine.reading != OWN and None in place else ""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE propios AS SELECT clave, valor, count(*) AS n"
        f" FROM sensibles {known} GROUP BY ALL"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE todos AS SELECT valor, sum(n)::DOUBLE / sum(sum(n)) OVER () AS p"
        " FROM propios GROUP BY valor"
    )
    pairs = "propios"
    if near:
        pairs = f"(SELECT a AS clave, valor, sum(n) AS n FROM {near} JOIN propios ON clave = b GROUP BY ALL)"
    ordered = "NULL"
    if order is not False:
        con.execute(
            "CREATE OR REPLACE TEMP TABLE movido AS WITH q AS (SELECT clave, valor, n / sum(n) OVER (PARTITION BY"
            f" clave) AS q FROM {pairs}), c AS (SELECT DISTINCT clave FROM q), d AS (SELECT clave, valor,"
            " sum(coalesce(q, 0) - p) OVER (PARTITION BY clave ORDER BY valor) AS hasta FROM c CROSS JOIN todos"
            " LEFT JOIN q USING (clave, valor)) SELECT clave, sum(abs(hasta)) AS t FROM d GROUP BY clave"
        )
        ordered = "(SELECT max(t) FROM movido) / greatest((SELECT count(*) - 1 FROM todos), 1)"
    (found,) = con.execute(
        f"WITH v AS (SELECT clave, valor, n, n / sum(n) OVER (PARTITION BY clave) AS q FROM {pairs}),"
        " w AS (SELECT clave, q, p, q / p AS razon FROM v JOIN todos USING (valor)),"
        " c AS (SELECT clave, count(*) AS l, exp(-sum(q * ln(q))) AS e, (1 + sum(abs(q - p) - p)) / 2 AS t,"
        " max(q) AS a, max(razon) - 1 AS b, max(CASE WHEN razon - 1 <= 1e-12 THEN 0 WHEN razon - 1 > -ln(p) + 1e-9"
        " THEN 'inf'::DOUBLE ELSE razon - 1 END) AS m, max(abs(log2(razon))) AS d FROM w GROUP BY clave)"
        f" SELECT min(l), min(e), coalesce({ordered}, max(t)), max(a), max(b), max(m), max(d) FROM c"
    ).fetchall()
    return Spread(None if found[0] is None else int(found[0]), *(None if f is None else float(f) for f in found[1:]))
