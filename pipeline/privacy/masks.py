"""Which cells to hide at fixed levels, so that rows that look alike, markers included, are enough everywhere.

What belongs here: the one mechanism that chooses masks, for the pipeline's microdata and for any table. What does not:
levels, what is counted as a person, and writing the outcome (`pipeline.privacy.recoded`, `pipeline.privacy.microdata`).

A row is an integer with a bit field a column; the marker is a field of zeros and a value of its own, so hiding columns
is an AND and classes of any pattern are equal integers. Patterns are tried from the cheapest; each hides its columns in
the items not yet placed, and the classes that then are large enough are accepted as they stand. Every pattern has its
own markers, so nothing accepted is ever diluted.

A class a few rows short may borrow them from a class that has more than enough and differs only in what the pattern
hides. Borrowing costs the lender's cells, so a pattern that borrows b of k rows is tried when those that cost
k / (k - b) times as much are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.privacy.grouped import Persons

Enough = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""From items, the class of each and how many classes there are: which of the classes are enough."""


@dataclass(frozen=True)
class Pattern:
    """Columns to hide together: `keep` has the bits of the others, `cost` is what a row loses by it."""

    hidden: tuple[int, ...]
    keep: int
    cost: float


@dataclass(frozen=True)
class Placed:
    """`rows[i]` rows of item `item[i]` are published as `key[i]`; what appears nowhere could not be made safe."""

    item: np.ndarray
    key: np.ndarray
    rows: np.ndarray

    def lost(self, rows: np.ndarray) -> np.ndarray:
        """How many of the rows of each item were placed nowhere."""
        return np.asarray(rows - np.bincount(self.item, weights=self.rows, minlength=len(rows)).astype(np.int64))


@dataclass(frozen=True)
class Items:
    """Rows that look alike, as one: distinct keys, how many rows each has, and its persons where they are counted."""

    key: np.ndarray
    rows: np.ndarray
    persons: Persons | None = None

    def heads(self, chosen: np.ndarray, member: np.ndarray, classes: int) -> np.ndarray:
        """How many persons (otherwise rows) each class has, given the class of each chosen item."""
        if self.persons is None:
            return np.bincount(member, weights=self.rows[chosen], minlength=classes)
        heads = np.bincount(member, weights=self.persons.solo[chosen], minlength=classes)
        if len(self.persons.person):
            place = np.full(len(self.key), -1)
            place[chosen] = member
            where = place[self.persons.group]
            span = int(self.persons.person.max()) + 1
            pairs = np.unique(where[where >= 0] * span + self.persons.person[where >= 0])
            heads += np.bincount(pairs // span, minlength=classes)
        return heads


def place(items: Items, patterns: Sequence[Pattern], k: int, enough: Enough | None = None) -> Placed:
    """Places whole items: a class is accepted when it has k heads and, where given, is `enough` in other ways too."""
    chosen, keys = [], []
    left = np.arange(len(items.key))
    for pattern in patterns:
        shown = items.key[left] & pattern.keep
        found, member = np.unique(shown, return_inverse=True)
        accepted = items.heads(left, member, len(found)) >= k
        if enough is not None and accepted.any():
            accepted &= enough(left, member, len(found))
        taken = accepted[member]
        chosen.append(left[taken])
        keys.append(shown[taken])
        left = left[~taken]
        if not len(left):
            break
    item = np.concatenate([np.zeros(0, dtype=np.int64), *chosen])
    return Placed(item, np.concatenate([np.zeros(0, dtype=np.int64), *keys]), items.rows[item])


def place_borrowing(items: Items, patterns: Sequence[Pattern], k: int) -> Placed:
    """Places rows: items that are no persons may be split, and classes short of k borrow rows."""
    state = _Borrowing(items, k)
    left = np.flatnonzero(state.own < k)
    for pattern, short in _by_cost(patterns, k):
        if not len(left):
            break
        found, member = np.unique(items.key[left] & pattern.keep, return_inverse=True)
        size = np.bincount(member, weights=state.own[left], minlength=len(found)).astype(np.int64)
        accepted = size >= k - short
        if short and accepted.any():
            accepted &= state.lend(pattern, found, np.where(accepted, np.maximum(k - size, 0), 0))
        taken = accepted[member]
        state.move(left[taken], found[member[taken]], state.own[left[taken]])
        left = left[~taken]
    kept = np.setdiff1d(np.flatnonzero(state.own), left, assume_unique=True)
    state.move(kept, items.key[kept], state.own[kept])
    item, key, rows = (np.concatenate(parts) for parts in zip(*state.moved, strict=True))
    return Placed(item, key, rows)


def _by_cost(patterns: Sequence[Pattern], k: int) -> list[tuple[Pattern, int]]:
    """Patterns with how many rows their classes may borrow, from cheap to dear; nothing is borrowed to hide nothing."""
    pairs = [(pattern, short) for pattern in patterns if pattern.hidden for short in range(max(k - 1, 1))]
    return sorted(pairs, key=lambda p: (p[0].cost * k / (k - p[1]), p[1], len(p[0].hidden), p[0].hidden))


class _Borrowing:
    """Rows of each item that were not moved yet, and how many of them it can spare."""

    def __init__(self, items: Items, k: int) -> None:
        self.items = items
        self.own = items.rows.astype(np.int64).copy()
        self.spare = np.maximum(self.own - k, 0)
        self.moved: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def move(self, item: np.ndarray, key: np.ndarray, rows: np.ndarray) -> None:
        """Enters that these rows of these items are published as these keys."""
        self.moved.append((item, key, rows))
        self.own[item] -= rows

    def lend(self, pattern: Pattern, found: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Which of the classes `found` get all the rows that they miss; their loans are entered."""
        lenders = np.flatnonzero(self.spare)
        key = self.items.key[lenders] & pattern.keep
        at = np.minimum(np.searchsorted(found, key), len(found) - 1)
        fits = found[at] == key
        lenders, at = lenders[fits], at[fits]
        able = np.bincount(at, weights=self.spare[lenders], minlength=len(found)) >= missing
        use = able[at] & (missing[at] > 0)
        order = np.argsort(at[use], kind="stable")
        lenders, at = lenders[use][order], at[use][order]
        if len(lenders):
            # within each class the first lenders give all that they can until nothing is missing
            offered = np.cumsum(self.spare[lenders])
            first = np.flatnonzero(np.r_[True, at[1:] != at[:-1]])
            before = np.repeat(np.r_[0, offered][first], np.diff(np.r_[first, len(at)]))
            lent = np.clip(missing[at] - (offered - self.spare[lenders] - before), 0, self.spare[lenders])
            self.spare[lenders] -= lent
            self.move(lenders[lent > 0], found[at[lent > 0]], lent[lent > 0])
        return np.asarray(able)
