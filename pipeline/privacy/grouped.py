"""A table grouped once: its distinct combinations of quasi-identifiers, with how many rows and persons each has.

What belongs here: coding values against their hierarchies, and the one grouping that every later step works on.
What does not: reading files (`pipeline.privacy.spec`), choosing levels (`pipeline.privacy.search`) or masks
(`pipeline.privacy.masks`). After this nothing looks at rows again until the outcome is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.privacy.hierarchies import HierarchyError, Rows

_KEY_LIMIT = 2**62
NULL_PERSON = 0
"""The one person that all rows without identity are, within a class."""


@dataclass(frozen=True)
class Axis:
    """One quasi-identifier and its levels.

    `codes[n]` maps a leaf to its value's code at level n, `labels[n]` a code to the value (None: the null), and
    `share[n]` a leaf to what generalising it to level n loses: (leaves of its value - 1) / (leaves - 1), from 0 to 1.
    """

    name: str
    codes: tuple[np.ndarray, ...]
    labels: tuple[tuple[str | None, ...], ...]
    share: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, name: str, rows: Sequence[Sequence[str | None]]) -> "Axis":
        """The axis of a hierarchy: rows of (value, level 1, level 2, …), checked to be a tree already."""
        codes, labels, share = [], [], []
        for level in range(len(rows[0])):
            values = tuple(dict.fromkeys(row[level] for row in rows))
            place = {value: code for code, value in enumerate(values)}
            code = np.array([place[row[level]] for row in rows], dtype=np.int64)
            codes.append(code)
            labels.append(values)
            share.append((np.bincount(code)[code] - 1) / max(len(rows) - 1, 1))
        return cls(name, tuple(codes), tuple(labels), tuple(share))

    @property
    def levels(self) -> int:
        """How many levels there are, level 0 included."""
        return len(self.codes)

    @property
    def leaves(self) -> int:
        """How many values the domain has."""
        return len(self.codes[0])


@dataclass(frozen=True)
class Sensitive:
    """How often each value of a sensitive column occurs in each group: triples (group, value, rows).

    `values` are in the order that the ordered distance uses; None, the null, is last and a value of its own.
    """

    name: str
    values: tuple[str | None, ...]
    group: np.ndarray
    value: np.ndarray
    rows: np.ndarray

    @cached_property
    def overall(self) -> np.ndarray:
        """The share of each value in the whole table."""
        counts = np.bincount(self.value, weights=self.rows, minlength=len(self.values))
        return np.asarray(counts / counts.sum())


@dataclass(frozen=True)
class Persons:
    """Persons of each group: `solo[g]` are in group g alone; the others are pairs (group, person)."""

    solo: np.ndarray
    group: np.ndarray
    person: np.ndarray

    @classmethod
    def of(cls, group: np.ndarray, person: np.ndarray, groups: int) -> "Persons":
        """From distinct pairs of a group and a person."""
        alone = np.bincount(person)[person] == 1
        return cls(np.bincount(group[alone], minlength=groups), group[~alone], person[~alone])


@dataclass(frozen=True)
class Grouped:
    """Groups, sorted; `leaf[c][g]` is the leaf of axis c in group g and `group_of_row` where each row went."""

    axes: tuple[Axis, ...]
    leaf: tuple[np.ndarray, ...]
    rows: np.ndarray
    group_of_row: np.ndarray
    person_of_row: np.ndarray | None = None
    persons: Persons | None = None
    sensitive: tuple[Sensitive, ...] = ()

    @property
    def total(self) -> int:
        """Rows of the table."""
        return len(self.group_of_row)

    @property
    def shape(self) -> tuple[int, ...]:
        """Levels of each axis: the shape of the lattice."""
        return tuple(axis.levels for axis in self.axes)


def group(
    table: pa.Table,
    hierarchies: Mapping[str, Rows | None],
    person: str | None = None,
    sensitive: Mapping[str, Sequence[str] | bool] | None = None,
) -> Grouped:
    """Groups `table` by the columns of `hierarchies`; None as hierarchy takes the column as it stands.

    `sensitive` says of each such column how its values are ordered: a list of them, True for their own order (numbers
    as numbers), False where order means nothing. Raises `HierarchyError` where a value is not a leaf of its hierarchy,
    naming column, level and how many rows.
    """
    axes, leaves = zip(*(_coded(table[name], name, rows) for name, rows in hierarchies.items()), strict=True)
    key = packed(leaves, [axis.leaves for axis in axes])
    who = _who(table[person]) if person else None
    columns: dict[str, np.ndarray] = {"clave": key}
    con = duckdb.connect(config={"preserve_insertion_order": True})
    try:
        con.register("filas", pa.table({"clave": key, "fila": np.arange(len(key))}))
        found = con.execute(
            "SELECT clave, count(*) AS filas, min(fila) AS primera FROM filas GROUP BY clave ORDER BY clave"
        ).fetchnumpy()
        keys, rows, first = (np.asarray(found[name]) for name in ("clave", "filas", "primera"))
        group_of_row = np.searchsorted(keys, key)
        columns["grupo"] = group_of_row
        persons = _persons(con, group_of_row, who, len(keys)) if who is not None else None
        values = tuple(
            _sensitive(con, group_of_row, table[name], name, order) for name, order in (sensitive or {}).items()
        )
    finally:
        con.close()
    leaf = tuple(np.ascontiguousarray(code[first]) for code in leaves)
    return Grouped(axes, leaf, rows.astype(np.int64), group_of_row, who, persons, values)


def _coded(column: pa.ChunkedArray, name: str, rows: Rows | None) -> tuple[Axis, np.ndarray]:
    encoded = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
    seen: list[str | None] = encoded.dictionary.to_pylist()
    index = encoded.indices.to_numpy()
    if rows is None:
        axis = Axis.of(name, [(value,) for value in sorted(seen, key=lambda v: (v is None, v or ""))] or [("",)])
    else:
        axis = Axis.of(name, rows)
    place = {value: code for code, value in enumerate(axis.labels[0])}
    if None in seen and None not in place and "" in place:
        place[None] = place[""]
    leaf = np.array([place.get(value, -1) for value in seen], dtype=np.int64)
    if (leaf < 0).any():
        missing = int((leaf[index] < 0).sum())
        raise HierarchyError(
            f"La columna «{name}» tiene {missing} filas con valores que no están en el nivel 0 de su jerarquía."
        )
    return axis, leaf[index]


def packed(leaves: Sequence[np.ndarray], sizes: Sequence[int]) -> np.ndarray:
    """One integer a row, equal where all leaves are; re-coded whenever the next column would not fit."""
    key = np.zeros(len(leaves[0]), dtype=np.int64)
    span = 1
    for leaf, size in zip(leaves, sizes, strict=True):
        if span * size >= _KEY_LIMIT:
            found, key = np.unique(key, return_inverse=True)
            span = len(found)
        key, span = key * size + leaf, span * size
    return key


def _who(column: pa.ChunkedArray) -> np.ndarray:
    """Each row's person, by first appearance; all nulls are `NULL_PERSON`."""
    encoded = pc.dictionary_encode(column.combine_chunks())
    return np.asarray(pc.add(pc.fill_null(encoded.indices, -1), 1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _persons(con: duckdb.DuckDBPyConnection, groups: np.ndarray, who: np.ndarray, size: int) -> Persons:
    con.register("pares", pa.table({"grupo": groups, "persona": who}))
    found = con.execute("SELECT DISTINCT grupo, persona FROM pares ORDER BY grupo, persona").fetchnumpy()
    return Persons.of(np.asarray(found["grupo"]), np.asarray(found["persona"]), size)


def _sensitive(
    con: duckdb.DuckDBPyConnection,
    groups: np.ndarray,
    column: pa.ChunkedArray,
    name: str,
    order: Sequence[str] | bool,
) -> Sensitive:
    encoded = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
    seen: list[str | None] = encoded.dictionary.to_pylist()
    values = ordered_values(name, column, order)
    place = {value: code for code, value in enumerate(values)}
    code = np.array([place[value] for value in seen], dtype=np.int64)[encoded.indices.to_numpy()]
    con.register("sensibles", pa.table({"grupo": groups, "valor": code}))
    found = con.execute("SELECT grupo, valor, count(*) AS filas FROM sensibles GROUP BY ALL ORDER BY ALL").fetchnumpy()
    return Sensitive(name, values, *(np.asarray(found[n]) for n in ("grupo", "valor", "filas")))


def ordered_values(name: str, column: pa.ChunkedArray, order: Sequence[str] | bool) -> tuple[str | None, ...]:
    """A sensitive column's values in their order, the null last; raises `HierarchyError` where a list lacks one."""
    seen = pc.unique(column).to_pylist()
    known = [value for value in seen if value is not None]
    null = [None] if None in seen else []
    if isinstance(order, bool):
        return (*_sorted(known), *null)
    missing = len(set(known) - set(order))
    if missing:
        raise HierarchyError(f"La columna sensible «{name}» tiene {missing} valores que no están en su orden.")
    return (*order, *null)


def _sorted(values: Sequence[str]) -> list[str]:
    try:
        return sorted(values, key=lambda v: (float(v), v))
    except ValueError:
        return sorted(values)
