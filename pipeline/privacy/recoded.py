"""The table that a choice of levels and hidden cells gives, and what it loses.

What belongs here: writing values at their levels with the marker where cells are hidden. What does not: choosing either
(`pipeline.privacy.search`, `pipeline.privacy.masks`) and measuring the outcome (`pipeline.privacy.figures`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.privacy.grouped import Grouped
from pipeline.privacy.objectives import Levels
from schemas.published import SUPPRESSED


@dataclass(frozen=True)
class Recoded:
    """The published rows, and beside them the rows of the input that they were; sorted by what they publish.

    A row with every quasi-identifier hidden shows nothing: its sensitive columns are hidden too. Such rows are written
    only where they are at least as many as a class must be. `ncp` counts them all.
    """

    table: pa.Table
    row: np.ndarray
    suppressed_rows: int
    suppressed_cells: int
    ncp: float


def recode(data: Grouped, source: pa.Table, levels: Levels, hidden: np.ndarray, enough: int) -> Recoded:
    """Recodes `source`, which was grouped as `data`: `hidden[c, row]` says which cells are hidden.

    `enough`: how many rows there must be without any value for them to be written at all.
    """
    gone = np.asarray(hidden.all(axis=0))
    shares = np.zeros(data.total)
    columns: dict[str, pa.Array] = {}
    codes = []
    for axis, leaf, level, mask in zip(data.axes, data.leaf, levels, hidden, strict=True):
        of_row = leaf[data.group_of_row]
        code = np.where(mask, -1, axis.codes[level][of_row])
        shares += np.where(mask, 1.0, axis.share[level][of_row])
        codes.append(code)
    written = ~gone if gone.sum() < enough else np.ones(data.total, dtype=bool)
    row = np.flatnonzero(written)
    for axis, level, code in zip(data.axes, levels, codes, strict=True):
        labels = pa.array([SUPPRESSED, *axis.labels[level]], pa.string())
        columns[axis.name] = labels.take(pa.array(code[row] + 1))
    for sensitive in data.sensitive:
        values = source[sensitive.name].combine_chunks().take(pa.array(row))
        columns[sensitive.name] = pc.if_else(pa.array(gone[row]), SUPPRESSED, values)
    table = pa.table(columns)
    order = pc.sort_indices(table, [(name, "ascending", "at_end") for name in table.column_names])
    return Recoded(
        table.take(order),
        row[order.to_numpy()],
        suppressed_rows=int(gone.sum()),
        suppressed_cells=int(hidden[:, ~gone].sum()),
        ncp=float(shares.sum() / (data.total * len(data.axes))),
    )


def without_hidden_rows(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """The rows of a published table that show at least one value among `columns`."""
    shown = None
    for name in columns:
        this = pc.fill_null(pc.not_equal(table[name], SUPPRESSED), True)
        shown = this if shown is None else pc.or_(shown, this)
    return table.filter(shown)
