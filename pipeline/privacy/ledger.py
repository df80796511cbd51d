"""The disclosure ledger: every act of the door, append-only and hash-chained.

What belongs here: entries, their chain, the sequential rule. What does not: deciding what may pass, and any clock: an
entry says what was done, in which order, never when.

One JSON line an entry: `{"n", "prev", "kind", "key", "content", "hash"}`; `hash` is the SHA-256 of the canonical JSON
of the others, `prev` the hash of the entry before (64 zeros for the first). It holds figures and digests, no values.
A truncated last line is an append that never finished and is refused like any other break: nobody repairs in silence.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import PqrsdError
from pipeline.periods import Semester

if TYPE_CHECKING:
    from pipeline.privacy.disclosed import Disclosed
    from pipeline.profile import Profile

INTENT = "intencion"
COMPLETE = "publicado"
PUBLIC = "en_portal"
HELD = "retenido"
SETTLED = "atendido"
WITHDRAWN = "retirado"
ABSENT = "ausente"
GENESIS = "0" * 64


class LedgerError(PqrsdError):
    """The ledger was altered, or an act would break its sequence; names the entry or the period."""


@dataclass(frozen=True)
class Entry:
    """One act: `kind` what was done, `key` to which period, `content` figures and digests."""

    n: int
    prev: str
    kind: str
    key: str
    content: dict[str, Any]
    hash: str

    def line(self) -> str:
        """The entry as its line of the file."""
        return _canonical({**_body(self.n, self.prev, self.kind, self.key, self.content), "hash": self.hash})


@dataclass(frozen=True)
class Ledger:
    """The ledger in a file; no file is an empty ledger."""

    path: Path

    def entries(self) -> list[Entry]:
        """Every entry in order; raises `LedgerError` at the first one that does not continue the chain."""
        return _read(self.path.read_bytes()) if self.path.exists() else []

    def verify(self, *, head: str | None = None) -> int:
        """How many entries the chain has; raises `LedgerError` on tampering.

        A chain alone cannot show that its tail was cut: pass the last `head` known from elsewhere (a release) for that.
        """
        found = self.entries()
        if head is not None and head not in {GENESIS, *(e.hash for e in found)}:
            raise LedgerError("El libro no contiene la entrada que otra constancia cita: le falta su final.")
        return len(found)

    @property
    def head(self) -> str:
        """The hash of the last entry: what a release cites."""
        found = self.entries()
        return found[-1].hash if found else GENESIS

    def append(self, kind: str, key: str, content: dict[str, Any]) -> Entry:
        """Adds an entry, unless the latest of the same kind and key says the same: then that one is returned."""
        return self._append(kind, key, content, lambda _: None)

    def declare_absent(self, period: str, reason: str) -> Entry:
        """Says that a period will have no first publication, so that later ones may proceed."""
        Semester.parse(period)
        return self.append(ABSENT, period, {"motivo": reason})

    def intend(
        self,
        profile: "Profile",
        period: str,
        passed: Sequence["Disclosed"],
        known: Iterable[str] = (),
        record: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Records what is about to enter the open store, before it does; `record` is all that it was made from.

        `known` are periods with data; raises `LedgerError` where this is the period's first publication and an earlier
        known or recorded period is neither published nor absent.
        """
        earlier = list(known)
        content = dict(record or {}) | {
            "perfil_sha256": profile.digest,
            "tablas": {d.contract.name: {"sha256": d.sha256, "filas": d.rows} for d in passed},
            "evidencia_sha256": _digest([d.evidence for d in passed]),
        }
        return self._append(INTENT, period, content, lambda found: check_sequence(found, period, earlier))

    def complete(self, period: str, passed: Sequence["Disclosed"]) -> Entry:
        """Records that what was intended is in the open store; raises `LedgerError` where it is something else."""
        tables = {d.contract.name: {"sha256": d.sha256, "filas": d.rows} for d in passed}

        def intended(found: list[Entry]) -> None:
            latest = _latest(found, INTENT, period)
            if latest is None or latest.content["tablas"] != tables:
                raise LedgerError(f"El libro no tiene la intención de publicar estos datos de {period}.")

        return self._append(COMPLETE, period, {"tablas": tables}, intended)

    def announce(self, periods: Iterable[str], version: str) -> None:
        """Records, before a portal shows them, that the periods as they are in the open store become public.

        From then on everybody may have them: a portal that fails afterwards, or a withdrawal, takes nothing back.
        `version` is the first that carries an edition, of the semesters' dataset or of the year's (S = 0).
        """
        for period in periods:
            found = self.entries()
            latest, public = _latest(found, COMPLETE, period), editions(found, period)
            if latest is None:
                raise LedgerError(f"El libro no tiene {period} entre lo que pasó la puerta: no puede ir al portal.")
            if public[-1:] != [_digests(latest)]:
                self.append(PUBLIC, period, {"tablas": _digests(latest), "version": version})

    def settle(self, period: str) -> None:
        """Records that no correction waits any more, where one did."""
        if waiting(self.entries(), period):
            self.append(SETTLED, period, {"desde": self.head})

    def withdraw(self, period: str, reason: str) -> Entry:
        """Records that a period was taken off the portal; whoever has it keeps it, and audits reckon with it."""
        if not editions(self.entries(), period):
            raise LedgerError(f"{period} no está en el portal: no hay qué retirar.")
        return self.append(WITHDRAWN, period, {"motivo": reason})

    def _append(self, kind: str, key: str, content: dict[str, Any], allowed: Callable[[list[Entry]], None]) -> Entry:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        with os.fdopen(descriptor, "rb+", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # two runs never chain onto the same entry
            found = _read(file.read())
            latest = _latest(found, kind, key)
            if latest is not None and _canonical(latest.content) == _canonical(content):
                return latest
            allowed(found)
            body = _body(len(found) + 1, found[-1].hash if found else GENESIS, kind, key, content)
            entry = Entry(**body, hash=_digest(body))
            # one write of one line, synced before anyone is told that it is recorded
            file.write(entry.line().encode() + b"\n")
            os.fsync(file.fileno())
        return entry


def published(entries: Iterable[Entry]) -> set[str]:
    """Periods whose publication was completed."""
    return {e.key for e in entries if e.kind == COMPLETE}


def editions(entries: Iterable[Entry], period: str) -> list[dict[str, str]]:
    """The digests of everything that was ever public of a period, oldest first, withdrawn or not."""
    found: list[dict[str, str]] = []
    for entry in entries:
        if (entry.kind, entry.key) == (PUBLIC, period) and (not found or found[-1] != entry.content["tablas"]):
            found.append(entry.content["tablas"])
    return found


def corrected(entries: Sequence[Entry], periods: Iterable[str], version: str) -> list[str]:
    """The periods that this version of the dataset of semesters carries otherwise than the version before it did."""
    found = []
    for period in periods:
        public = [e for e in entries if (e.kind, e.key) == (PUBLIC, period)]
        before = [e for e in public if _numbers(e)[1] != 0 and _numbers(e) < _version(version)]
        here = [e.content["tablas"] for e in public if e.content["version"] == version]
        latest = _latest(entries, COMPLETE, period)
        now = here[-1] if here else _digests(latest) if latest else None
        if before and now is not None and before[-1].content["tablas"] != now:
            found.append(period)
    return found


def _numbers(entry: Entry) -> tuple[int, ...]:
    return _version(entry.content["version"])


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def waiting(entries: Iterable[Entry], period: str) -> list[str]:
    """Why a period's correction waits, in Spanish; empty where none does."""
    last = [e for e in entries if e.key == period and e.kind in (COMPLETE, HELD, SETTLED)][-1:]
    return [str(e.content["motivo"]) for e in last if e.kind == HELD]


def _digests(completed: Entry) -> dict[str, str]:
    return {name: table["sha256"] for name, table in completed.content["tablas"].items()}


def check_sequence(entries: Sequence[Entry], period: str, known: Iterable[str] = ()) -> None:
    """Raises `LedgerError` where an earlier known or recorded semester was neither published nor declared absent."""
    done = published(entries)
    if period in done:
        return
    settled = done | {e.key for e in entries if e.kind == ABSENT}
    target = Semester.parse(period)
    recorded = {e.key for e in entries if e.kind in (INTENT, COMPLETE, ABSENT)}
    open_ones = sorted(p for p in recorded | set(known) if Semester.parse(p) < target and p not in settled)
    if open_ones:
        raise LedgerError(
            f"No se puede publicar {period} por primera vez: {', '.join(open_ones)} no se ha publicado ni declarado "
            "ausente. Publíquelo antes o declárelo ausente en el libro."
        )


def _latest(entries: Sequence[Entry], kind: str, key: str) -> Entry | None:
    return next((e for e in reversed(entries) if (e.kind, e.key) == (kind, key)), None)


def _body(n: int, prev: str, kind: str, key: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"n": n, "prev": prev, "kind": kind, "key": key, "content": content}


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _digest(value: Any) -> str:
    return hashlib.sha256(_canonical(value).encode()).hexdigest()


def _read(data: bytes) -> list[Entry]:
    if data and not data.endswith(b"\n"):
        raise LedgerError(
            "La última entrada del libro está incompleta: una ejecución se cortó al escribirla o alguien recortó el "
            "archivo. Compruebe cuál de las dos y, si fue un corte, borre esa línea y repita la ejecución."
        )
    found: list[Entry] = []
    previous = GENESIS
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        try:
            raw = json.loads(line)
            entry = Entry(**raw)
            body = _body(entry.n, entry.prev, entry.kind, entry.key, entry.content)
        except (ValueError, TypeError):
            raise LedgerError(f"La entrada {number} del libro no se puede leer.") from None
        if entry.n != number or entry.prev != previous or entry.hash != _digest(body):
            raise LedgerError(f"La entrada {number} del libro fue alterada o no continúa la anterior.")
        if entry.line().encode() != line:
            raise LedgerError(f"La entrada {number} del libro no está escrita en su forma canónica.")
        previous = entry.hash
        found.append(entry)
    return found
