"""What was withdrawn and must not come back by itself, kept beside the open store.

What belongs here: withdrawals and readmissions. What does not: what the door let pass (`pipeline.privacy.ledger`).

One JSON line an act: `{"acto", "conjunto", "version", "huella", "motivo"}`; no clock, no values. A schedule that runs
again publishes what is not public; without this list it would put back what a person took away.
"""

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.portal.errors import PortalError

WITHDRAWN, READMITTED = "retirada", "readmitida"


@dataclass(frozen=True)
class Register:
    """The acts in a file; no file is none."""

    path: Path

    def withdrawn(self) -> set[str]:
        """Digests that are withdrawn and were not readmitted since."""
        found: set[str] = set()
        for act, digest in self._acts():
            found = found | {digest} if act == WITHDRAWN else found - {digest}
        return found

    def record(self, act: str, dataset: str, version: str, digest: str, reason: str) -> None:
        """Appends an act, onto the disk; raises `PortalError` where no reason is given."""
        if not reason.strip():
            raise PortalError("Diga el motivo (--motivo): queda en el registro de retiros.")
        line = json.dumps(
            {"acto": act, "conjunto": dataset, "version": version, "huella": digest, "motivo": reason.strip()},
            ensure_ascii=False,
        )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _acts(self) -> list[tuple[str, str]]:
        if not self.path.exists():
            return []
        try:
            lines = [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]
            return [(str(line["acto"]), str(line["huella"])) for line in lines]
        except (ValueError, KeyError, TypeError):
            # reading it as empty would publish again what was withdrawn
            raise PortalError("El registro de retiros no se puede leer; no se publica nada hasta repararlo.") from None
