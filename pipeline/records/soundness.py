"""Whether a semester's rows add up well enough to go on to the door.

What belongs here: the accounting identity and the rejection limit, used by the door before it opens and by the checks
that show it. What does not: the rules that reject a row.
"""

from dataclasses import dataclass

import ibis.expr.types as ir

from pipeline.errors import PqrsdError
from pipeline.profile import Soundness
from pipeline.spanish import percent


class UnsoundRecordsError(PqrsdError):
    """The semester's rows do not add up, or too many were rejected."""


@dataclass(frozen=True)
class Accounting:
    """Rows read and where they went: read = accepted + merged + duplicated + rejected."""

    read: int
    accepted: int
    merged: int
    duplicated: int
    rejected: int

    @property
    def adds_up(self) -> bool:
        """Whether every row read is accounted for."""
        return self.read == self.accepted + self.merged + self.duplicated + self.rejected

    @property
    def rejected_share(self) -> float:
        """Rejected rows over rows read; 0 where nothing was read."""
        return self.rejected / self.read if self.read else 0.0


def account(extracts: ir.Table, counts: ir.Table) -> Accounting:
    """The accounting of one period from its extracts and its row counts."""
    by_end = dict(
        counts.group_by("destino").aggregate(filas=counts.filas.sum()).to_pyarrow().to_pandas().itertuples(index=False)
    )
    return Accounting(
        read=int(extracts.count().execute()),
        accepted=int(by_end.get("aceptada", 0)),
        merged=int(by_end.get("fusionada", 0)),
        duplicated=int(by_end.get("duplicada", 0)),
        rejected=int(by_end.get("rechazada", 0)),
    )


def require_sound(accounting: Accounting, limits: Soundness, period: str) -> None:
    """Raises `UnsoundRecordsError` when rows are missing, none was accepted, or rejections pass the limit."""
    if not accounting.adds_up:
        raise UnsoundRecordsError(
            f"{period}: las filas no cuadran ({accounting.read} leídas). Vuelva a materializar «peticiones»."
        )
    if accounting.accepted == 0:
        raise UnsoundRecordsError(f"{period}: ninguna fila fue aceptada; revise los extractos y el perfil.")
    if accounting.rejected_share > limits.rechazo_maximo:
        raise UnsoundRecordsError(
            f"{period}: se rechazó el {percent(accounting.rejected_share)} de las filas; el máximo es"
            f" {percent(limits.rechazo_maximo, 0)}. Corrija el extracto o el perfil y vuelva a ejecutar."
        )
