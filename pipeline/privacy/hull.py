"""HiGHS, kept: one linear programme that is asked many questions, each starting from the answer before.

What belongs here: the solver's every call. What does not: what the questions mean.
"""

import highspy
import numpy as np
from scipy.sparse import csr_array

from pipeline.privacy.linear import INFINITE, ContradictionError

SOLVER = "HiGHS"
_NODES = 20_000
"""Branch-and-bound nodes for one bound: past them the whole values found so far are the interval, the safe side."""
_PRIMAL, _DUAL = 4, 1
"""HiGHS's simplex variants: the first where only costs change between questions, the second where bounds do."""


class _Quiet(highspy.Highs):
    """HiGHS without its banner, which would stand in the middle of a command's output."""

    def __init__(self) -> None:
        # the class's own constructor registers callbacks, and that prints before output can be turned off
        super(highspy.Highs, self).__init__()
        self.setOptionValue("output_flag", False)


class Hull:
    """Columns between bounds, rows between bounds; one thread and one seed, so that the path is always the same.

    `whole`: the columns are whole numbers, found by branch and bound within a fixed number of nodes.
    """

    def __init__(
        self,
        matrix: csr_array,
        rows: tuple[np.ndarray, np.ndarray],
        columns: tuple[np.ndarray, np.ndarray],
        *,
        whole: bool = False,
    ) -> None:
        lp = highspy.HighsLp()
        lp.num_row_, lp.num_col_ = matrix.shape
        lp.col_cost_ = np.zeros(lp.num_col_)
        lp.row_lower_, lp.row_upper_ = rows
        lp.col_lower_, lp.col_upper_ = columns
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_, lp.a_matrix_.index_ = matrix.indptr, matrix.indices
        lp.a_matrix_.value_ = matrix.data
        if whole:
            lp.integrality_ = [highspy.HighsVarType.kInteger] * lp.num_col_
        self._model = _Quiet()
        options: dict[str, int | float | str] = {"threads": 1, "random_seed": 0, "parallel": "off"}
        options |= {"mip_max_nodes": _NODES, "mip_rel_gap": 0.0} if whole else {"presolve": "off"}
        for name, value in options.items():
            self._model.setOptionValue(name, value)
        self._model.passModel(lp)
        self.columns = int(lp.num_col_)

    def price(self, costs: np.ndarray) -> None:
        """Sets every column's cost."""
        self._model.changeColsCost(self.columns, np.arange(self.columns, dtype=np.int32), costs)

    def price_at(self, columns: np.ndarray, cost: float) -> None:
        """Sets the cost of some columns."""
        self._model.changeColsCost(len(columns), columns.astype(np.int32), np.full(len(columns), cost))

    def bound(self, column: int, low: float, high: float) -> None:
        """Sets a column's bounds."""
        self._model.changeColBounds(column, low, high)

    def cheapest(self) -> np.ndarray | None:
        """The values of least cost; None where there is no solution."""
        self._model.setOptionValue("simplex_strategy", _DUAL)
        return self._values() if self._run() == highspy.HighsModelStatus.kOptimal else None

    def corner(self, costs: np.ndarray) -> np.ndarray | None:
        """Some vertex that is cheapest at these costs, which are then forgotten; None where there is none."""
        self._model.setOptionValue("simplex_strategy", _PRIMAL)
        self.price(costs)
        found = self._values() if self._run() == highspy.HighsModelStatus.kOptimal else None
        self.price(np.zeros(self.columns))
        return found

    def optimum(self, column: int, sense: int) -> tuple[float | None, np.ndarray]:
        """The largest (1) or smallest (−1) value of a column and a solution that has it; None where HiGHS gave up.

        All costs must be 0. Raises `ContradictionError`, without names, where there is no solution.
        """
        self._model.setOptionValue("simplex_strategy", _PRIMAL)
        self._model.changeColCost(column, -float(sense))
        status = self._run()
        values = self._values()
        self._model.changeColCost(column, 0.0)
        if status == highspy.HighsModelStatus.kOptimal:
            return float(values[column]), values
        if status == highspy.HighsModelStatus.kUnbounded:
            return sense * INFINITE, values
        if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
            raise ContradictionError(())
        return None, values

    def _run(self) -> highspy.HighsModelStatus:
        self._model.run()
        return self._model.getModelStatus()

    def _values(self) -> np.ndarray:
        return np.array(self._model.getSolution().col_value)


def solver_version() -> str:
    """Which solver answers: for the record of an audit, never for what is published."""
    return f"{SOLVER} {_Quiet().version()}"
