"""Privacy models of a sensitive column within classes: l-diversity, t-closeness, α, β and δ.

What belongs here: for each model, its figure per class, from a matrix of counts (one row a class, one column a value of
the sensitive column). What does not: k, which counts rows or persons, and who builds the matrix.

Every figure but δ only improves or stays when whole classes that keep the model are merged. Distinct l improves with
any rows at all: `monotone` says so, and the search relies on it for its bounds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

_SLACK = 1e-9  # sums of floating-point shares must not decide a class that is exactly at its target


@dataclass(frozen=True)
class Model:
    """One model of a sensitive column with its target.

    `figure` gives one number per class from (counts, overall shares); a class keeps the model while its figure is at
    least the target, or at most it where `at_most`.
    """

    name: str
    target: float
    figure: Callable[[np.ndarray, np.ndarray], np.ndarray]
    at_most: bool
    monotone: bool = False

    def keeps(self, counts: np.ndarray, overall: np.ndarray) -> np.ndarray:
        """Which classes keep the model."""
        found = self.figure(counts, overall)
        slack = _SLACK * max(1.0, abs(self.target))
        return found <= self.target + slack if self.at_most else found >= self.target - slack

    def worst(self, counts: np.ndarray, overall: np.ndarray) -> float:
        """The figure of the worst class."""
        found = self.figure(counts, overall)
        return float(found.max() if self.at_most else found.min())


def distinct(counts: np.ndarray, overall: np.ndarray) -> np.ndarray:
    """Different values in each class (Machanavajjhala et al. 2007)."""
    return np.count_nonzero(counts, axis=1)


def entropy(counts: np.ndarray, overall: np.ndarray) -> np.ndarray:
    """e to the entropy of each class: as many equally likely values would be as diverse (same paper)."""
    share = _shares(counts)
    return np.exp(-np.sum(share * np.log(share, out=np.zeros_like(share), where=share > 0), axis=1))


def equal_distance(counts: np.ndarray, overall: np.ndarray) -> np.ndarray:
    """Earth mover's distance to the whole table, all values equally far apart (Li, Li and Venkatasubramanian 2007)."""
    return np.abs(_shares(counts) - overall).sum(axis=1) / 2


def ordered_distance(counts: np.ndarray, overall: np.ndarray) -> np.ndarray:
    """Earth mover's distance to the whole table along ordered values, from 0 to 1 (same paper)."""
    moved = np.cumsum(_shares(counts) - overall, axis=1)
    return np.abs(moved).sum(axis=1) / max(len(overall) - 1, 1)


def hierarchical_distance(levels: Sequence[np.ndarray]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Earth mover's distance where two values are as far apart as their common ancestor is high (same paper).

    `levels[n]` maps each value to its ancestor's code at level n; the last level is the root.
    """

    def distance(counts: np.ndarray, overall: np.ndarray) -> np.ndarray:
        moved = np.zeros(len(counts))
        below = _shares(counts) - overall
        height = len(levels) - 1
        for level in range(1, len(levels)):
            up = dict(zip(levels[level - 1].tolist(), levels[level].tolist(), strict=True))
            parent = np.array([up[code] for code in range(len(up))])
            size = int(parent.max()) + 1
            extra, missing = np.zeros((2, len(counts), size))
            for child, ancestor in enumerate(parent):
                extra[:, ancestor] += np.maximum(below[:, child], 0)
                missing[:, ancestor] += np.maximum(-below[:, child], 0)
            moved += level / height * np.minimum(extra, missing).sum(axis=1)
            below = extra - missing
        return moved

    return distance


def confidence(counts: np.ndarray, overall: np.ndarray) -> np.ndarray:
    """The largest share of one value: α of (α, k)-anonymity (Wong et al. 2006), for every value."""
    return np.asarray(_shares(counts).max(axis=1))


def basic_likeness(counts: np.ndarray, overall: np.ndarray) -> np.ndarray:
    """The largest relative gain in the share of a value: basic β-likeness (Cao and Karras 2012)."""
    return np.asarray((_shares(counts) / _positive(overall) - 1).max(axis=1))


def enhanced_likeness(beta: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Relative gains, in units of what enhanced β-likeness allows each value, min(β, -ln p), times β (same paper)."""

    def gain(counts: np.ndarray, overall: np.ndarray) -> np.ndarray:
        allowed = np.minimum(beta, -np.log(_positive(overall)))
        ratio = (_shares(counts) / _positive(overall) - 1) / np.maximum(allowed, 1e-12)
        return np.asarray(ratio.max(axis=1) * beta)

    return gain


def disclosure(counts: np.ndarray, overall: np.ndarray) -> np.ndarray:
    """δ: the largest |log2| of a value's share in the class over its share in the table (Brickell and Shmatikov 2008).

    Over the values that the class has: one that it lacks would make δ infinite in nearly every class.
    """
    ratio = _shares(counts) / _positive(overall)
    return np.asarray(np.abs(np.log2(ratio, out=np.zeros_like(ratio), where=ratio > 0)).max(axis=1))


def of_targets(
    targets: dict[str, float], *, ordered: bool = False, tree: Sequence[np.ndarray] | None = None
) -> tuple[Model, ...]:
    """The models that a sensitive column must keep: keys l, entropy_l, t, alpha, beta, enhanced_beta, delta."""
    distance = hierarchical_distance(tree) if tree else ordered_distance if ordered else equal_distance
    known = {
        "l": (distinct, False),
        "entropy_l": (entropy, False),
        "t": (distance, True),
        "alpha": (confidence, True),
        "beta": (basic_likeness, True),
        "enhanced_beta": (enhanced_likeness(targets.get("enhanced_beta", 1.0)), True),
        "delta": (disclosure, True),
    }
    models = [Model(name, value, *known[name], monotone=name == "l") for name, value in targets.items()]
    if "entropy_l" in targets:  # what it implies is monotone, so it bounds
        models.append(Model("l_implied", np.ceil(targets["entropy_l"] - _SLACK), distinct, False, monotone=True))
    return tuple(models)


def _shares(counts: np.ndarray) -> np.ndarray:
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def _positive(overall: np.ndarray) -> np.ndarray:
    return np.maximum(overall, 1e-300)
