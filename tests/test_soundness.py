"""A semester whose rows do not add up, or of which too many were rejected, does not reach the door."""

import pytest

from pipeline.profile import Soundness
from pipeline.records.soundness import Accounting, UnsoundRecordsError, require_sound

LIMITS = Soundness(rechazo_advertencia=0.05, rechazo_maximo=0.20)


def test_rows_that_add_up_within_the_limit_pass() -> None:
    require_sound(Accounting(read=10, accepted=6, merged=1, duplicated=1, rejected=2), LIMITS, "2025-S1")


def test_a_row_that_went_nowhere_stops_the_door() -> None:
    with pytest.raises(UnsoundRecordsError, match="no cuadran"):
        require_sound(Accounting(read=11, accepted=6, merged=1, duplicated=1, rejected=2), LIMITS, "2025-S1")


def test_one_rejection_over_the_limit_stops_the_door_and_says_what_to_do() -> None:
    with pytest.raises(UnsoundRecordsError, match=r"30,0.% de las filas; el máximo es 20.%.*Corrija"):
        require_sound(Accounting(read=10, accepted=7, merged=0, duplicated=0, rejected=3), LIMITS, "2025-S1")


def test_a_semester_without_an_accepted_row_stops_the_door() -> None:
    with pytest.raises(UnsoundRecordsError, match="ninguna fila"):
        require_sound(Accounting(read=0, accepted=0, merged=0, duplicated=0, rejected=0), LIMITS, "2025-S1")
