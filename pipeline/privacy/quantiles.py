"""Statistics that are no counts: what must stand behind each of them.

What belongs here: how many persons a quantile needs. What does not: computing one, and counts
(`pipeline.privacy.tables`).

Published are medians of whole working days, and nothing nearer to an extreme. Lifts, shares and sizes of segments are
computed from published microdata and published cells, whose own rules they inherit; cut-points and day bands are the
profile's and never learned from the data.
"""

import math
from collections.abc import Mapping

from pipeline.errors import PqrsdError
from pipeline.privacy.floors import MEDIAN_PERSONS

MEDIAN = "mediana_dias_habiles"

QUANTILES: Mapping[str, float] = {MEDIAN: 0.5}
"""The measures of tables that are quantiles, and the share of cases below each."""


def persons_behind(share: float, threshold: int) -> int:
    """Persons that a quantile needs, so that the table's threshold of them may stand on either side of it.

    Raises `PqrsdError` for an extreme, behind which nobody stands on one side.
    """
    if not 0 < share < 1:
        raise PqrsdError("Un mínimo o un máximo no se publica: es el dato de una persona.")
    return max(MEDIAN_PERSONS, math.ceil(threshold / min(share, 1 - share) - 1e-9))
