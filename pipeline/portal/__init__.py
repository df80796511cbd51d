"""Where releases go: one protocol for every portal, a local folder or a CKAN.

What belongs here: the order of publishing and what a portal must be able to do. What does not: a particular portal
(`pipeline.portal.local`, `pipeline.portal.ckan`), building a release, deciding what may be in it.

Identify by digest → stage where no consumer sees it → verify the staged bytes → switch → read back → on a mismatch
restore the former state and fail. A killed run leaves the former release readable, and the next one ends in the same
bytes.
"""

from collections.abc import Callable, Container, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pipeline.portal.errors import PortalConflict, PortalError, PortalUnavailable
from pipeline.portal.register import WITHDRAWN, Register
from pipeline.release import manifest
from pipeline.release.manifest import Manifest
from pipeline.release.verify import Verdict
from pipeline.release.verify import verify as verify_release

__all__ = [
    "Plan",
    "Portal",
    "PortalConflict",
    "PortalError",
    "PortalUnavailable",
    "PublishResult",
    "Staged",
    "plan",
    "prepare",
    "publish",
    "withdraw",
]

Verify = Callable[[Path, Path | None], Verdict]


@dataclass(frozen=True)
class PublishResult:
    """What publishing did, where the release is, and the digest that names it."""

    state: Literal["publicada", "sin_cambios"]
    location: str
    digest: str


@dataclass(frozen=True)
class Staged:
    """A release that waits where no consumer sees it, and what of it a switch would bring."""

    state: Literal["preparada", "sin_cambios"]
    files: int
    digest: str


@dataclass(frozen=True)
class Plan:
    """What publishing would do: nothing, a new version, a repair, or nothing because it would be refused."""

    state: Literal["sin_cambios", "nueva", "reparacion", "rechazada"]
    changes: tuple[str, ...]
    reason: str = ""


class Portal(Protocol):
    """What publishing needs of a portal."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Holds other publishers of this machine off; entering also removes what killed runs left behind."""

    def digest(self, dataset: str, version: str) -> str | None:
        """The digest under which a version is public, or None."""

    def versions(self, dataset: str) -> dict[str, str]:
        """Every version that the portal holds for the dataset, public or hidden, with its digest."""

    def differences(self, release: Path, made: Manifest) -> list[str]:
        """What a consumer receives now that is not this release, by name: recomputed from the public bytes, never from
        what is said of them. Empty where everything is as it should be."""

    def stage(self, release: Path, made: Manifest) -> Path:
        """Copies a release to where no consumer sees it; a folder with the bytes that the portal holds."""

    def history(self, dataset: str) -> Path | None:
        """A folder with the dataset's public versions, where the portal can give one."""

    def discard(self, staged: Path, made: Manifest) -> None:
        """Removes what was staged."""

    def switch(self, staged: Path, made: Manifest) -> None:
        """Makes the staged release public at once, keeping what it replaces until `settle` or `restore`; raises
        `PortalConflict` where what is public changed since it was looked at."""

    def settle(self, made: Manifest) -> bool:
        """Brings pointers and lists up to date and forgets what was replaced; whether anything public was written."""

    def restore(self, made: Manifest) -> None:
        """Takes the release out of sight and puts back what it replaced."""

    def withdraw(self, dataset: str, version: str | None) -> str:
        """Takes a version, or the whole dataset, out of public sight; says in Spanish what consumers get now."""

    def changes(self, release: Path, made: Manifest) -> Sequence[str]:
        """What switching to this release would change for consumers, one thing a line; writes nothing."""

    def location(self, made: Manifest) -> str:
        """Where a person finds the release."""


def publish(
    portal: Portal, release: Path, *, verify: Verify = verify_release, withdrawn: Container[str] = ()
) -> PublishResult:
    """Publishes a release folder, or finds that it is public already and writes nothing.

    A public version whose bytes are no longer those of its digest is put back. Raises `PortalError` where the version
    is public with another digest, where its digest was `withdrawn`, where the staged bytes do not verify, and where the
    public ones are not the staged.
    """
    made = manifest.read(release)
    _refuse_withdrawn(made, withdrawn)
    with portal.exclusive():
        intact = _public(portal, made) and not portal.differences(release, made)
        if not intact:
            staged = _staged(portal, release, made, verify)
            try:
                portal.switch(staged, made)
            except PortalConflict:
                portal.discard(staged, made)
                raise
            wrong = portal.differences(release, made)
            if wrong:
                portal.restore(made)
                raise PortalError(
                    f"{made.dataset} {made.version} se retiró: lo leído del portal no es lo que se publicó"
                    f" ({_some(wrong)}). Lo que había sigue como estaba."
                )
        announced = portal.settle(made)
    return PublishResult("sin_cambios" if intact and not announced else "publicada", portal.location(made), made.digest)


def withdraw(portal: Portal, register: Register, dataset: str, version: str | None, reason: str) -> str:
    """Takes a version, or every one, out of public sight and writes down that it must not come back by itself.

    Gives in Spanish what consumers get now. The act is recorded before it is done, so that a run in between cannot put
    back what a person is taking away.
    """
    with portal.exclusive():
        known = portal.versions(dataset)
        chosen = {v: digest for v, digest in known.items() if version in {None, v}}
        if not chosen:
            raise PortalError(f"El portal no tiene «{dataset}»" + (f" {version}." if version else "."))
        for number, digest in sorted(chosen.items()):
            register.record(WITHDRAWN, dataset, number, digest, reason)
        return portal.withdraw(dataset, version)


def _refuse_withdrawn(made: Manifest, withdrawn: Container[str]) -> None:
    if made.digest in withdrawn:
        raise PortalError(
            f"{made.dataset} {made.version} fue retirada y no vuelve sola. Si debe volver:"
            " «pqrsd publish ENTREGA --readmitir --motivo …»."
        )


def prepare(
    portal: Portal, release: Path, *, verify: Verify = verify_release, withdrawn: Container[str] = ()
) -> Staged:
    """Stages a release and verifies the staged bytes, seen by nobody; `publish` goes on from there."""
    made = manifest.read(release)
    _refuse_withdrawn(made, withdrawn)
    with portal.exclusive():
        if _public(portal, made) and not portal.differences(release, made):
            return Staged("sin_cambios", 0, made.digest)
        staged = _staged(portal, release, made, verify)
        return Staged("preparada", len(manifest.files_of(staged)), made.digest)


def plan(portal: Portal, release: Path) -> Plan:
    """What publishing would do; writes nothing, neither public nor staged."""
    made = manifest.read(release)
    with portal.exclusive():
        try:
            if not _public(portal, made):
                return Plan("nueva", tuple(portal.changes(release, made)))
        except PortalUnavailable:
            raise
        except PortalError as refused:
            return Plan("rechazada", (), str(refused))
        wrong = portal.differences(release, made)
    return Plan("reparacion" if wrong else "sin_cambios", tuple(f"reponer {name}" for name in wrong))


def _public(portal: Portal, made: Manifest) -> bool:
    public = portal.digest(made.dataset, made.version)
    if public is not None and public != made.digest:
        raise PortalError(
            f"{made.dataset} {made.version} ya está publicada con otro contenido, y una versión publicada no"
            " cambia. Publique la corrección con el siguiente número de versión."
        )
    return public is not None


def _staged(portal: Portal, release: Path, made: Manifest, verify: Verify) -> Path:
    staged = portal.stage(release, made)
    try:
        verdict = verify(staged, portal.history(made.dataset))
    except BaseException:
        portal.discard(staged, made)
        raise
    if not verdict.ok:
        portal.discard(staged, made)
        rules = ", ".join(sorted({f"«{finding.rule}»" for finding in verdict.findings}))
        raise PortalError(
            f"{made.dataset} {made.version} no se publicó: los bytes preparados no pasan la verificación pública"
            f" ({rules}). Lo que había sigue como estaba."
        )
    return staged


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} y {len(names) - most} más"
