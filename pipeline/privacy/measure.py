"""What a table's classes are: k, uniques, average risk, and the diversity of one column within classes.

What belongs here: measuring rows as they stand, twice (DuckDB and plain NumPy) so that one may check the other.
What does not: changing rows, targets, and judging against them (`pipeline.privacy.gate`).

A marker or a null is a value of its own here, never a wildcard: a class is the rows that look exactly alike.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.published import SUPPRESSED


@dataclass(frozen=True)
class Measures:
    """Figures of a table over its class columns; an empty table has zero of everything.

    `k_rows`: rows in the smallest class. `k_persons`: persons in the class with fewest; None where no person column was
    given. `uniques`: classes of one (person where persons are known, otherwise row). `average_risk`: mean over the rows
    of 1 / (persons, otherwise rows, in the row's class).
    """

    rows: int
    classes: int
    k_rows: int
    k_persons: int | None
    uniques: int
    average_risk: float


@dataclass(frozen=True)
class Diversity:
    """Of one column's revealed values within classes: the fewest distinct ones, and the largest share of one.

    A class that reveals none counts for neither; `distinct` is None where no class reveals any.
    """

    distinct: int | None
    confidence: float


@contextmanager
def in_engine(table: pa.Table | ir.Table) -> Iterator[ir.Table]:
    """The table as an Ibis table; an Arrow table gets an in-memory DuckDB of its own for as long as the context."""
    if not isinstance(table, pa.Table):
        yield table
        return
    con = duckdb.connect()
    try:
        con.register("medida", table)
        yield ibis.duckdb.from_connection(con).table("medida")
    finally:
        con.close()


def recount(table: pa.Table | ir.Table, columns: Sequence[str], person: str | None = None) -> Measures:
    """Measures `table` over `columns` in DuckDB.

    `person` names the column that identifies a person; its nulls are one person per class altogether.
    """
    with in_engine(table) as rows:
        size = rows.count()
        classes = rows.group_by(list(columns)).aggregate(
            n_rows=size, n_persons=_persons(rows, person) if person else size
        )
        histogram = (
            classes.group_by(["n_rows", "n_persons"]).aggregate(n_classes=classes.count()).to_pyarrow().to_pylist()
        )
    sizes = [(int(h["n_rows"]), int(h["n_persons"]), int(h["n_classes"])) for h in histogram]
    return _measures(sizes, persons=person is not None)


def recount_in_numpy(table: pa.Table, columns: Sequence[str], person: str | None = None) -> Measures:
    """The same measures by sorting in plain NumPy: shares nothing with `recount` but the definition."""
    if table.num_rows == 0:
        return _measures([], persons=person is not None)
    _, member = np.unique(_keys(table, columns), return_inverse=True)
    n_rows = np.bincount(member)
    n_persons = n_rows
    if person:
        who = _codes(table[person])
        size = int(who.max()) + 1
        n_persons = np.bincount(np.unique(member * size + who) // size)
    sizes, times = np.unique(np.stack([n_rows, n_persons], axis=1), axis=0, return_counts=True)
    found = [(int(r), int(p), int(n)) for (r, p), n in zip(sizes, times, strict=True)]
    return _measures(found, persons=person is not None)


def is_sorted(table: pa.Table, columns: Sequence[str]) -> bool:
    """Whether the rows stand in the order of `columns`, by code point; nulls last."""
    return bool((np.diff(_keys(table, columns)) >= 0).all())


def diversity(
    table: pa.Table | ir.Table, columns: Sequence[str], value: str, person: str | None = None, hidden: str = SUPPRESSED
) -> Diversity:
    """How diverse `value` is within the classes of `columns`; values equal to `hidden` reveal nothing and are left out.

    The confidence is the larger of the share of filings and, where `person` is given, the share of persons.
    """
    with in_engine(table) as rows:
        seen = rows.filter(rows[value] != hidden)
        by_value = seen.group_by([*columns, value]).aggregate(n_rows=seen.count(), n_persons=_persons(seen, person))
        by_class = seen.group_by(list(columns)).aggregate(t_rows=seen.count(), t_persons=_persons(seen, person))
        largest = by_value.group_by(list(columns)).aggregate(
            distinct=by_value.count(), rows=by_value.n_rows.max(), persons=by_value.n_persons.max()
        )
        joined = largest.join(by_class, [largest[c].identical_to(by_class[c]) for c in columns])
        share = ibis.greatest(joined.rows / joined.t_rows, joined.persons / joined.t_persons)
        found = joined.aggregate(distinct=joined["distinct"].min(), confidence=share.max()).to_pyarrow().to_pylist()[0]
    return Diversity(found["distinct"], float(found["confidence"] or 0.0))


def _persons(rows: ir.Table, person: str | None) -> ir.IntegerValue:
    if person is None:
        return rows.count()
    return rows[person].nunique() + rows[person].isnull().any().cast("int64")


def _keys(table: pa.Table, columns: Sequence[str]) -> np.ndarray:
    """One integer a row, equal where all columns are equal and ordered as they are."""
    keys = np.zeros(table.num_rows, dtype=np.int64)
    span = 1
    for name in columns:
        codes = _codes(table[name])
        size = int(codes.max(initial=0)) + 1
        if span * size >= 2**62:
            found, keys = np.unique(keys, return_inverse=True)
            span = len(found)
        keys, span = keys * size + codes, span * size
    return keys


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    """Each value as its rank among the distinct ones, the null last."""
    encoded = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
    order = pc.array_sort_indices(encoded.dictionary, null_placement="at_end").to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[encoded.indices.to_numpy()]


def _measures(sizes: Iterable[tuple[int, int, int]], *, persons: bool) -> Measures:
    """From (rows, persons, how many classes of that size); sums in a fixed order, so threads change nothing."""
    found = sorted(sizes)
    rows = sum(r * n for r, _, n in found)
    if not rows:
        return Measures(0, 0, 0, 0 if persons else None, 0, 0.0)
    return Measures(
        rows=rows,
        classes=sum(n for _, _, n in found),
        k_rows=min(r for r, _, _ in found),
        k_persons=min(p for _, p, _ in found) if persons else None,
        uniques=sum(n for _, p, n in found if p == 1),
        average_risk=math.fsum(r * n / p for r, p, n in found) / rows,
    )
