"""A second opinion on `pipeline.privacy.figures`: the same figures by sorting in plain NumPy.

What belongs here: k, uniques, risk, l, t, α, β, δ under the three readings of nulls, sharing with the engine nothing
but the definitions and the form of the answer; and the comparison of both. What does not: targets.

It is the slower of the two: it compares every class with every other where there are nulls.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.privacy import figures
from pipeline.privacy.figures import DROPPED, OWN, WILDCARD, Figures, Spread

_TOLERANCE = 1e-9
_MISSING = -1


@dataclass(frozen=True)
class _Classes:
    """Classes of rows: `member` of each row; `alike[a, b]` whether b's rows may be a's, None: only itself."""

    member: np.ndarray
    size: np.ndarray
    alike: np.ndarray | None


def measure(
    table: pa.Table,
    columns: Sequence[str],
    person: str | None = None,
    sensitive: Mapping[str, Sequence[str] | bool] | None = None,
) -> Figures:
    """What `pipeline.privacy.figures.measure` gives, by other means."""
    readings = figures.readings_of(table, columns, sensitive)
    return figures.worst([_read(table, columns, person, sensitive or {}, reading) for reading in readings])


def differences(
    table: pa.Table,
    columns: Sequence[str],
    person: str | None = None,
    sensitive: Mapping[str, Sequence[str] | bool] | None = None,
) -> list[str]:
    """The figures on which the two implementations do not agree, by name; empty where they agree on all."""
    one = figures.measure(table, columns, person, sensitive)
    two = measure(table, columns, person, sensitive)
    names = ("rows", "classes", "k", "uniques", "average_risk", "discernibility")
    found = [name for name in names if not _same(getattr(one, name), getattr(two, name))]
    for column in one.spread:
        for name in Spread.__dataclass_fields__:
            if not _same(getattr(one.spread[column], name), getattr(two.spread[column], name)):
                found.append(f"{name} de «{column}»")
    return found


def _same(one: float | None, two: float | None) -> bool:
    if one is None or two is None:
        return one is two
    return one == two or math.isclose(one, two, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)


def _read(
    table: pa.Table,
    columns: Sequence[str],
    person: str | None,
    sensitive: Mapping[str, Sequence[str] | bool],
    reading: str,
) -> Figures:
    codes = np.array([_ranks(table[name]) for name in columns]).reshape(len(columns), -1)
    keep = np.ones(codes.shape[1], dtype=bool)
    if reading == DROPPED:
        keep = (codes != _MISSING).all(axis=0)
    classes = _classes(codes[:, keep], wild=reading == WILDCARD)
    rows = len(classes.member)
    spread = {name: _spread(table[name], order, classes, keep, reading) for name, order in sensitive.items()}
    if not rows:
        return Figures(0, 0, 0, 0, 0.0, 0, spread)
    heads = _heads(classes, _ranks(table[person])[keep] if person else np.arange(rows))
    return Figures(
        rows=rows,
        classes=len(classes.size),
        k=int(heads.min()),
        uniques=int((heads == 1).sum()),
        average_risk=math.fsum(classes.size / heads) / rows,
        discernibility=int((classes.size.astype(object) ** 2).sum()),
        spread=spread,
    )


def _ranks(column: pa.ChunkedArray) -> np.ndarray:
    """Each value's rank among the values of its column; the null is -1."""
    values = column.to_pylist()
    rank = {value: place for place, value in enumerate(sorted({v for v in values if v is not None}))}
    return np.array([_MISSING if value is None else rank[value] for value in values], dtype=np.int64)


def _classes(codes: np.ndarray, *, wild: bool) -> _Classes:
    order = np.lexsort(codes)
    placed = codes[:, order]
    new = np.ones(placed.shape[1], dtype=bool)
    new[1:] = (placed[:, 1:] != placed[:, :-1]).any(axis=0)
    member = np.empty(len(order), dtype=np.int64)
    member[order] = np.cumsum(new) - 1
    forms = placed[:, new]
    size = np.diff(np.append(np.flatnonzero(new), len(order)))
    if not wild or (codes != _MISSING).all():
        return _Classes(member, size, None)
    alike = np.ones((forms.shape[1],) * 2, dtype=bool)
    for values in forms:
        one, other = values[:, None], values[None, :]
        alike &= (one == other) | (one == _MISSING) | (other == _MISSING)
    return _Classes(member, size, alike)


def _heads(classes: _Classes, person: np.ndarray) -> np.ndarray:
    pairs = np.unique(np.stack([classes.member, person]), axis=1)
    if classes.alike is None:
        return np.bincount(pairs[0])
    has = np.zeros((len(classes.size), int(person.max()) + 2), dtype=bool)
    has[pairs[0], pairs[1]] = True  # the missing person, -1, takes the last column
    return np.array([has[near].any(axis=0).sum() for near in classes.alike])


def _spread(
    column: pa.ChunkedArray, order: Sequence[str] | bool, classes: _Classes, keep: np.ndarray, reading: str
) -> Spread:
    values = _numbered(column, order)
    known = values if reading == OWN else np.where(values == _null(column, order), _MISSING, values)
    overall_rows, kept = known[keep], known[keep] != _MISSING
    width = int(known.max(initial=0)) + 1
    counts = np.zeros((len(classes.size), width))
    np.add.at(counts, (classes.member[kept], overall_rows[kept]), 1)
    total = counts.sum(axis=0)
    if not total.sum():
        return Spread(None, None, None, None, None, None, None)
    counts, total = counts[:, total > 0], total[total > 0]
    share = total / total.sum()
    if classes.alike is not None:
        counts = classes.alike.astype(float) @ counts
    found = [_one(row / row.sum(), share, ordered=order is not False) for row in counts if row.sum()]
    low = [min(each) for each in zip(*(one[:2] for one in found), strict=True)]
    high = [max(each) for each in zip(*(one[2:] for one in found), strict=True)]
    return Spread(int(low[0]), low[1], *high)


def _one(inside: np.ndarray, overall: np.ndarray, *, ordered: bool) -> tuple[float, ...]:
    """l, entropy l, t, α, β, the least enhanced β, and δ of one class, from shares inside it and in the table."""
    seen = inside > 0
    q, p = inside[seen], overall[seen]
    gain = q / p - 1
    beyond = (gain > 1e-12) & (gain > -np.log(p) + 1e-9)
    enhanced = math.inf if beyond.any() else float(np.where(gain > 1e-12, gain, 0.0).max())
    if ordered:
        moved = sum(abs(sum(inside[: n + 1]) - sum(overall[: n + 1])) for n in range(len(inside)))
        distance = float(moved / max(len(inside) - 1, 1))
    else:
        distance = float(np.clip(inside - overall, 0, None).sum())
    diversity = math.exp(-math.fsum(q * np.log(q)))
    return (
        len(q),
        diversity,
        distance,
        float(q.max()),
        float(gain.max()),
        enhanced,
        float(np.abs(np.log2(q / p)).max()),
    )


def _numbered(column: pa.ChunkedArray, order: Sequence[str] | bool) -> np.ndarray:
    values = column.to_pylist()
    place = {value: number for number, value in enumerate(_ordered(values, order))}
    return np.array([len(place) if value is None else place[value] for value in values], dtype=np.int64)


def _null(column: pa.ChunkedArray, order: Sequence[str] | bool) -> int:
    return len(_ordered(column.to_pylist(), order))


def _ordered(values: list[str | None], order: Sequence[str] | bool) -> list[str]:
    if not isinstance(order, bool):
        return list(order)
    known = {value for value in values if value is not None}
    numbers = all(_is_number(value) for value in known)
    return sorted(known, key=lambda v: (float(v), v)) if numbers else sorted(known)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
