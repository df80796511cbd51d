"""The privacy engine against bare SQL and against its own yardsticks, in one run.

What belongs here: one million synthetic requests measured and searched, and Adult where `PQRSD_CASES` is set. What does
not: correctness, which the tests hold. Ratios of one run mean something on any machine; seconds only on this one.
"""

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from pipeline import profile as profiles
from pipeline.privacy import cells, figures, grouped, models, objectives, search
from pipeline.privacy.grouped import Grouped
from pipeline.privacy.transform import Targets

ROWS = int(os.environ.get("PQRSD_BENCH_ROWS", "1000000"))
QUASI = ("tipo", "canal", "dependencia", "tema", "oportunidad", "territorio", "edad", "sexo")
SENSITIVE = "grupo"
REPEATS = 3
REPORTED = {0.0: ".07-.3", 0.02: ".66-1.4", 0.05: ".86-1.5", 1.0: "2.9-6.7"}
"""Seconds that ARX is reported to take on Adult at k = 5 with these limits of suppressed rows, on two cores."""


def best_of(work: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, Any]:
    """The shortest time of some repetitions, and the last answer."""
    times, answer = [], None
    for _ in range(repeats):
        began = time.perf_counter()
        answer = work()
        times.append(time.perf_counter() - began)
    return min(times), answer


def requests(rows: int, seed: int = 1) -> tuple[pa.Table, dict[str, Any]]:
    """Synthetic requests over the leaves of Santa Marta's hierarchies, common ones far more often than rare ones."""
    trees = {name: profiles.load("santa_marta").jerarquias[name] for name in QUASI}
    rng = np.random.default_rng(seed)
    columns = {}
    for name, tree in trees.items():
        leaves = np.array([row[0] for row in tree])
        odds = 1 / np.arange(1, len(leaves) + 1) ** 1.3
        columns[name] = pa.array(leaves[rng.choice(len(leaves), rows, p=odds / odds.sum())])
    columns[SENSITIVE] = pa.array(np.array([f"g{i}" for i in range(12)])[rng.integers(0, 12, rows)])
    return pa.table(columns), trees


def bare(con: duckdb.DuckDBPyConnection) -> tuple[Any, ...]:
    """k, l and t of the registered table as anybody would write them in SQL."""
    names = ", ".join(QUASI)
    k = con.execute(f"SELECT min(n) FROM (SELECT count(*) AS n FROM solicitudes GROUP BY {names})").fetchone()
    distinct = con.execute(
        f"SELECT min(l) FROM (SELECT count(DISTINCT {SENSITIVE}) AS l FROM solicitudes GROUP BY {names})"
    ).fetchone()
    t = con.execute(
        f"WITH p AS (SELECT {SENSITIVE}, count(*) / sum(count(*)) OVER () AS p FROM solicitudes GROUP BY 1),"
        f" c AS (SELECT {names}, {SENSITIVE}, count(*) AS n FROM solicitudes GROUP BY ALL),"
        f" q AS (SELECT *, n / sum(n) OVER (PARTITION BY {names}) AS q FROM c)"
        f" SELECT max(t) FROM (SELECT (1 + sum(abs(q - p) - p)) / 2 AS t FROM q JOIN p USING ({SENSITIVE})"
        f" GROUP BY {names})"
    ).fetchone()
    return (*(k or ()), *(distinct or ()), *(t or ()))


def million() -> None:
    table, trees = requests(ROWS)
    with duckdb.connect() as con:
        con.register("entrada", table)
        con.execute("CREATE TABLE solicitudes AS FROM entrada")
        sql, plain = best_of(lambda: bare(con))
    ours, found = best_of(lambda: figures.measure(table, QUASI, None, {SENSITIVE: False}))
    spread = found.spread[SENSITIVE]
    same = (plain[0], plain[1]) == (found.k, spread.l) and abs(plain[2] - spread.t) < 1e-9
    print(f"{ROWS} requests, {len(QUASI)} columns, {found.classes} classes")
    print(
        f"  k, l, t: SQL {sql:.2f} s, engine {ours:.2f} s (with α, β, δ and risks), ratio {ours / sql:.2f}, same {same}"
    )
    seconds, data = best_of(lambda: grouped.group(table, trees), 1)
    print(f"  coding and grouping: {seconds:.2f} s, {len(data.rows)} groups")
    for limit in (0.0, 0.02, 0.05):
        seconds, best = best_of(lambda limit=limit: optimum(data, 10, limit), 1)
        print(f"  search k = 10, {limit:.0%} of rows: {seconds:.2f} s, {best.evaluated} of {np.prod(data.shape)} tried")


def optimum(data: Grouped, k: int, limit: float) -> search.Found:
    return search.best(data, Targets(k, {}), objectives.Separable(data), limit)


def adult() -> None:
    from tests import adult as files  # noqa: PLC0415

    data = files.data()
    print(f"Adult, {data.total} rows, k = 5; the search from the grouped table to the proof")
    for limit, reported in REPORTED.items():
        seconds, found = best_of(lambda limit=limit: optimum(data, 5, limit))
        print(
            f"  {limit:.0%} of rows: {seconds:.3f} s ({found.evaluated} tried), NCP {found.loss:.4f}; ARX {reported} s"
        )
    seconds, masked = best_of(lambda: cells.best(data, Targets(5, {}), 0.1), 1)
    print(f"  cells: {seconds:.2f} s, NCP {masked.loss:.4f}, {int(masked.hidden.sum())} hidden")
    occupation = files.data("occupation")
    wanted = Targets(5, {"occupation": models.of_targets({"l": 3.0, "t": 0.4})})
    seconds, found = best_of(lambda: search.best(occupation, wanted, objectives.Separable(occupation), 0.05), 1)
    print(f"  l = 3 and t = .4 of occupation, 5% of rows: {seconds:.2f} s, NCP {found.loss:.4f}")


if __name__ == "__main__":
    million()
    if os.environ.get("PQRSD_CASES"):
        adult()
    else:
        print("Adult is left out: PQRSD_CASES is not set", file=sys.stderr)
