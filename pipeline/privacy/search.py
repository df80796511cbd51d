"""The best levels: full-domain generalisation with row suppression, found and proven on the grouped table.

What belongs here: walking the lattice of transformations, its bounds and the tie-break. What does not: evaluating one
transformation (`pipeline.privacy.transform`) and what it loses (`pipeline.privacy.objectives`).

Branch and bound over the whole lattice as one array of lower bounds. Each evaluation speaks of more than itself: one
that suppresses too much rules out everything finer (with targets that only coarser classes repair), and one that
suppresses anything raises the bound of everything finer. It ends when no transformation left could lose less.
"""

import math
from dataclasses import dataclass

import numpy as np

from pipeline.errors import PqrsdError
from pipeline.privacy.grouped import Grouped
from pipeline.privacy.objectives import Discernibility, Evaluation, Levels, Objective
from pipeline.privacy.transform import Evaluator, Targets

MAX_NODES = 20_000_000
_TIE = 1e-10
_NEAR = 0.9
"""Where suppression is allowed the next transformation is the one whose bound is nearest to this part of the best loss:
finer ones bound few others, coarser ones prove little. Without suppression it is the one with the highest bound."""
_REFRESH = 8
"""Evaluations between two counts of what each transformation would split."""


class SearchError(PqrsdError):
    """No levels can meet the targets, or there are too many combinations to search."""


@dataclass(frozen=True)
class Found:
    """The best transformation: `loss` in the objective's unit, and how many were evaluated to prove it."""

    evaluation: Evaluation
    loss: float
    evaluated: int
    proven: bool

    @property
    def levels(self) -> Levels:
        """The level of each quasi-identifier."""
        return self.evaluation.levels


def best(data: Grouped, targets: Targets, objective: Objective, limit: float) -> Found:
    """The transformation that loses least with at most `limit` (a share) of the rows suppressed.

    Ties: fewer rows suppressed, then lower levels in the order of the axes. Raises `SearchError` where none qualifies.
    """
    shape = data.shape
    nodes = math.prod(shape)
    if nodes > MAX_NODES:
        raise SearchError(f"Las jerarquías dan {nodes} combinaciones de niveles; el máximo es {MAX_NODES}.")
    evaluate = Evaluator(data, targets)
    allowed = int(limit * data.total + 1e-9)
    # with no row suppressed every class keeps the targets, and merging such classes keeps them whatever the model
    monotone = allowed == 0
    below_bound, above_bound = objective.floor(), np.zeros(shape)
    bound = below_bound.copy()
    open_ = np.ones(shape, dtype=bool)
    found: tuple[float, int, Levels] | None = None
    winner: Evaluation | None = None
    choose = _Choice(objective, hides=allowed > 0)
    while (levels := choose(bound, open_, np.inf if found is None else _reach(found[0]))) is not None:
        now = evaluate(levels)
        open_[levels] = False
        finer = tuple(slice(0, level + 1) for level in levels)
        if now.firm.rows > allowed or (monotone and now.hidden.rows):
            open_[finer] = False
        elif now.hidden.rows <= allowed:
            mine = (objective.loss(now), now.hidden.rows, levels)
            if found is None or _better(mine, found):
                found, winner = mine, now
        if (below := objective.below(now)) is not None:
            np.maximum(below_bound[finer], below, out=below_bound[finer])
            bound[finer] = below_bound[finer] + above_bound[finer]
        if (above := objective.above(now)) > 0:
            coarser = tuple(slice(level, None) for level in levels)
            np.maximum(above_bound[coarser], above, out=above_bound[coarser])
            bound[coarser] = below_bound[coarser] + above_bound[coarser]
    if found is None or winner is None:
        raise SearchError("Ningún nivel de las jerarquías cumple las metas con ese límite de supresión.")
    return Found(winner, found[0], evaluate.evaluated, proven=True)


def _better(mine: tuple[float, int, Levels], best_: tuple[float, int, Levels]) -> bool:
    if mine[0] > _reach(best_[0]) or best_[0] > _reach(mine[0]):
        return mine[0] < best_[0]
    return mine[1:] < best_[1:]


class _Choice:
    """Which transformation to evaluate next."""

    def __init__(self, objective: Objective, *, hides: bool) -> None:
        self.splits = isinstance(objective, Discernibility)
        self.hides = hides
        self.turn = 0
        self.score = np.zeros(0)

    def __call__(self, bound: np.ndarray, open_: np.ndarray, limit: float) -> Levels | None:
        """The next one among those open whose bound is at most `limit`; None when there is none."""
        live = open_ & (bound <= limit)
        places = np.flatnonzero(live.ravel())
        if not len(places):
            return None
        if self.splits:
            place = places[self._splitting(live)[places].argmax()]
        else:
            values = bound.ravel()[places]
            aim = _NEAR * min(limit, float(bound.max())) if self.hides else np.inf
            place = places[(np.abs(values - aim) if self.hides else -values).argmin()]
        return tuple(int(level) for level in np.unravel_index(place, bound.shape))

    def _splitting(self, live: np.ndarray) -> np.ndarray:
        """How many open ones are finer, times how many are coarser: either side may fall with one evaluation."""
        if self.turn % _REFRESH == 0:
            finer = coarser = live.astype(np.float64)
            for axis in range(live.ndim):
                finer = finer.cumsum(axis)
                coarser = np.flip(np.flip(coarser, axis).cumsum(axis), axis)
            self.score = (finer * coarser).ravel()
        self.turn += 1
        return self.score


def _reach(loss: float) -> float:
    return loss + _TIE * max(1.0, abs(loss))
