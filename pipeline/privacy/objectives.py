"""What a transformation loses, and how little every transformation below or above it can lose.

What belongs here: the objectives of the search with their admissible bounds. What does not: evaluating a transformation
and walking the lattice (`pipeline.privacy.search`).

A bound is admissible where no transformation that it speaks of can lose less. The bounds below a transformation stand
on this: finer classes are parts of coarser ones, so rows of a class that is too small stay suppressed all the way down.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from pipeline.privacy.grouped import Grouped

Levels = tuple[int, ...]


@dataclass(frozen=True)
class Hidden:
    """Rows that a transformation suppresses: how many in all, and how many have each value of each axis.

    `of_value[c]` counts rows by the value of axis c at the transformation's level. For `firm` ones, those that stay
    suppressed in every finer transformation.
    """

    rows: int
    of_value: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Evaluation:
    """One transformation, measured: what it suppresses, its classes, and sums of squares for discernibility.

    `squares` sums rows² over all classes, `hidden_squares` and `firm_squares` over those of `hidden` and `firm`.
    """

    levels: Levels
    hidden: Hidden
    firm: Hidden
    classes: int
    squares: int
    hidden_squares: int
    firm_squares: int


class Objective(Protocol):
    """What the search minimises."""

    def floor(self) -> np.ndarray:
        """For every transformation a loss that it cannot go below; the lattice as an array."""

    def loss(self, found: Evaluation) -> float:
        """What the transformation loses."""

    def below(self, found: Evaluation) -> np.ndarray | None:
        """The same for every transformation at most as coarse, given this evaluation: an array [0..level] per axis."""

    def above(self, found: Evaluation) -> float:
        """What every transformation at least as coarse loses on top of what `below` says of it."""


class Separable:
    """Loss per axis, joined over the axes: the loss of what is generalised plus that of what is suppressed.

    `ncp`: mean over the cells of (leaves - 1) / (domain - 1), a suppressed cell 1 (Xu et al. 2006).
    `loss`: the same per axis, joined by the geometric mean of 1 + loss; `weight` below .5 makes a suppressed cell cost
    2 · weight of the way from its generalised loss to 1, above .5 it makes generalisation cheaper.
    `entropy`: bits lost per axis (de Waal and Willenborg 1999), summed; suppressed rows lose besides the entropy of
    their values among themselves, unless `monotone`.
    """

    def __init__(
        self,
        data: Grouped,
        kind: Literal["ncp", "loss", "entropy"] = "ncp",
        *,
        weight: float = 0.5,
        monotone: bool = False,
    ) -> None:
        self.kind = kind
        self.total = data.total
        self.suppression = min(1.0, 2 * weight)
        self.generalisation = min(1.0, 2 - 2 * weight)
        self.monotone = monotone
        counts = [
            np.bincount(leaf, weights=data.rows, minlength=axis.leaves)
            for axis, leaf in zip(data.axes, data.leaf, strict=True)
        ]
        pairs = list(zip(data.axes, counts, strict=True))
        if kind == "entropy":
            self.base = [np.array([_bits(n, code) for code in axis.codes]) for axis, n in pairs]
            self.share: list[list[np.ndarray]] = []
        else:
            self.base = [np.array([(n * share).sum() / self.total for share in axis.share]) for axis, n in pairs]
            self.share = [
                [_of_value(share, code) for share, code in zip(a.share, a.codes, strict=True)] for a in data.axes
            ]
        self.base = [self.generalisation * base for base in self.base]

    def floor(self) -> np.ndarray:
        """The loss with nothing suppressed."""
        return self._join(self.base, np.zeros(len(self.base)))

    def loss(self, found: Evaluation) -> float:
        """What the transformation loses."""
        chosen = [base[level : level + 1] for base, level in zip(self.base, found.levels, strict=True)]
        return float(self._join(chosen, self._extra(found.hidden, found.levels)).item())

    def below(self, found: Evaluation) -> np.ndarray | None:
        """Suppressed rows lose at least as much more in finer transformations, where their cells were worth more."""
        if not found.firm.rows:
            return None
        finer = [base[: level + 1] for base, level in zip(self.base, found.levels, strict=True)]
        return self._join(finer, self._extra(found.firm, found.levels))

    def above(self, found: Evaluation) -> float:
        """Nothing more than the floor."""
        return 0.0

    def _extra(self, hidden: Hidden, levels: Levels) -> np.ndarray:
        """What suppression adds on each axis to the loss of generalisation."""
        if not hidden.rows:
            return np.zeros(len(levels))
        if self.kind == "entropy":
            bits = [0.0 if self.monotone else _code_length(n) for n in hidden.of_value]
            return self.suppression * np.array(bits)
        kept = [
            (n * self.share[c][level]).sum() for c, (n, level) in enumerate(zip(hidden.of_value, levels, strict=True))
        ]
        raw = np.array(kept)
        full = raw + self.suppression * (hidden.rows - raw)
        return np.asarray((full - self.generalisation * raw) / self.total)

    def _join(self, parts: list[np.ndarray], extra: np.ndarray) -> np.ndarray:
        """The joined loss over the product of the parts, `extra[c]` added to each value of part c."""
        if self.kind == "loss":
            joined = np.ones(())
            for part, more in zip(parts, extra, strict=True):
                joined = np.multiply.outer(joined, (1 + part + more) ** (1 / len(parts)))
            return joined - 1
        joined = np.zeros(())
        for part, more in zip(parts, extra, strict=True):
            joined = np.add.outer(joined, part + more)
        return joined / (len(parts) if self.kind == "ncp" else 1)


class Discernibility:
    """Σ rows² over the classes, a suppressed row costing the whole table (Bayardo and Agrawal 2005).

    `monotone`: suppressed rows count as the class that they are, which coarser transformations never improve.
    """

    def __init__(self, data: Grouped, *, monotone: bool = False) -> None:
        self.shape = data.shape
        self.total = data.total
        self.monotone = monotone

    def floor(self) -> np.ndarray:
        """Nothing: `above` bounds the classes, `below` what suppression adds to them."""
        return np.zeros(self.shape)

    def loss(self, found: Evaluation) -> float:
        """What the transformation loses."""
        added = 0 if self.monotone else found.hidden.rows * self.total - found.hidden_squares
        return float(found.squares + added)

    def below(self, found: Evaluation) -> np.ndarray | None:
        """A suppressed class of n rows adds n · (rows of the table - n); its parts, suppressed, add at least that."""
        if self.monotone or not found.firm.rows:
            return None
        least = found.firm.rows * self.total - found.firm_squares
        return np.full(tuple(level + 1 for level in found.levels), float(least))

    def above(self, found: Evaluation) -> float:
        """Merged classes have larger squares."""
        return float(found.squares)


def _of_value(share: np.ndarray, code: np.ndarray) -> np.ndarray:
    found = np.zeros(int(code.max()) + 1)
    found[code] = share
    return found


def _bits(counts: np.ndarray, code: np.ndarray) -> float:
    """Bits to tell the leaf of every row, given its value."""
    within = np.bincount(code, weights=counts)[code]
    seen = counts > 0
    return float((counts[seen] * np.log2(within[seen] / counts[seen])).sum())


def _code_length(counts: np.ndarray) -> float:
    seen = counts[counts > 0]
    return float((seen * np.log2(seen.sum() / seen)).sum())
