"""One period's passage through the door: what was public of it before, whether the new may follow, what is recorded.

What belongs here: the order of archive, ledger and decision, and what the ledger holds of a passage. What does not:
making safe (`gate`), comparing editions (`corrections`), writing the open store (the door's asset does, between
`intend` and the ledger's `complete`).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline.privacy import corrections
from pipeline.privacy.archive import Archive
from pipeline.privacy.corrections import Decision, Edition
from pipeline.privacy.ledger import HELD, SETTLED, Ledger, editions
from pipeline.profile import Profile
from schemas.published import MICRODATA, ROW_SUMMARY, SUPPRESSED, TABLES

if TYPE_CHECKING:
    from pipeline.privacy.disclosed import Disclosed
    from pipeline.privacy.gate import Outcome

_MASKED = ("tabla", "valor_1", "valor_2", "medida", "estado_celda")


@dataclass(frozen=True)
class Passage:
    """A period, the ledger of what was done, and the bytes that became public."""

    period: str
    ledger: Ledger
    archive: Archive

    def decide(
        self, microdata: "Outcome", tables: "Disclosed", counts: "Disclosed", profile: Profile, sensitive: set[str]
    ) -> Decision:
        """What to do with what was made now; `sensitive` as the gate had it.

        Raises `ArchiveError` where what was public before cannot be read and something changed.
        """
        before = editions(self.ledger.entries(), self.period)
        now = {MICRODATA.name: microdata.disclosed.sha256, TABLES.name: tables.sha256}
        if before and before[-1] == now | {ROW_SUMMARY.name: counts.sha256}:
            return corrections.unchanged(self.period)
        if before and before[-1].items() >= now.items():
            return corrections.only_accounting(self.period)
        return corrections.decide(
            [self._edition(digests) for digests in before],
            Edition(microdata.disclosed.table(), tables.table()),
            profile,
            self.period,
            sensitive=sensitive,
            few_hidden=microdata.few_hidden,
        )

    def _edition(self, digests: dict[str, str]) -> Edition:
        return Edition(self.archive.table(digests[MICRODATA.name]), self.archive.table(digests[TABLES.name]))

    def hold(self, decision: Decision, passed: Sequence["Disclosed"]) -> None:
        """Records that a correction waits, and why."""
        held = {d.contract.name: d.sha256 for d in passed}
        settled = sum((e.kind, e.key) == (SETTLED, self.period) for e in self.ledger.entries())
        # the same correction may come, go and come again; each time is an act of its own
        self.ledger.append(HELD, self.period, {"tablas": held, "vez": settled + 1} | _decided(decision))

    def intend(
        self, profile: Profile, passed: Sequence["Disclosed"], known: Sequence[str], inputs: Sequence[str], key_id: str
    ) -> None:
        """Keeps the bytes and records what is about to enter the open store, with all that it was made from."""
        for disclosed in passed:
            self.archive.keep(disclosed)
        record = {"entradas": sorted(inputs), "llave": key_id} | circumstances(profile, passed)
        self.ledger.intend(profile, self.period, passed, known, record)
        self.ledger.settle(self.period)


def _decided(decision: Decision) -> dict[str, Any]:
    found = asdict(decision)
    return {"decision": found["kind"], "motivo": found["reason"], "auditoria": found["figures"]}


def circumstances(profile: Profile, passed: Sequence["Disclosed"]) -> dict[str, Any]:
    """Levels, thresholds, masks, what the audit found, and who answers for the targets: figures and digests."""
    privacy = profile.privacidad
    tables = next(d for d in passed if d.contract is TABLES)
    targets = ("k", "umbral_tabla", "umbral_tabla_sensible", "l_tema", "confianza_max", "riesgo_promedio_max")
    return {
        "niveles": {name: column.nivel for name, column in privacy.columnas.items()},
        "metas": {name: getattr(privacy, name) for name in targets},
        "mascara": _mask(tables.table()),
        "auditoria_conjunta": tables.evidence["auditoria_conjunta"],
        "aprueba": privacy.firma_juridica,
    }


def _mask(tables: pa.Table) -> dict[str, Any]:
    """Which cells are withheld, as a digest, and how many."""
    rows = tables.select(_MASKED).to_pylist()
    text = json.dumps([[row[name] for name in _MASKED] for row in rows], ensure_ascii=False, separators=(",", ":"))
    withheld = sum(row["estado_celda"] == SUPPRESSED for row in rows)
    return {"sha256": hashlib.sha256(text.encode()).hexdigest(), "retenidas": withheld}
