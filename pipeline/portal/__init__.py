"""Where releases go: one protocol for every portal, a local folder or a CKAN.

What belongs here: the order of publishing and what a portal must be able to do. What does not: a particular portal
(`pipeline.portal.local`), building a release, deciding what may be in it.

Identify by digest → stage where no consumer sees it → verify the staged bytes → switch → read back → on a mismatch
restore the former state and fail. A killed run leaves the former release readable, and the next one ends in the same
bytes.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pipeline.errors import PqrsdError
from pipeline.release import manifest
from pipeline.release.manifest import Manifest
from pipeline.release.verify import Verdict
from pipeline.release.verify import verify as verify_release

Verify = Callable[[Path, Path | None], Verdict]


class PortalError(PqrsdError):
    """A release was not published; says at which step and why, naming rules and never values."""


@dataclass(frozen=True)
class PublishResult:
    """What publishing did, where the release is, and the digest that names it."""

    state: Literal["publicada", "sin_cambios"]
    location: str
    digest: str


class Portal(Protocol):
    """What publishing needs of a portal. `hashes` are paths inside a release with their SHA-256."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Holds other publishers off; entering also removes what killed runs left behind."""

    def digest(self, dataset: str, version: str) -> str | None:
        """The digest under which a version is public, or None."""

    def hashes(self, made: Manifest) -> dict[str, str]:
        """What a consumer receives now: recomputed from the public bytes, never from what is said of them."""

    def stage(self, release: Path, made: Manifest) -> Path:
        """Copies a release to where no consumer sees it; a folder with the bytes that the portal holds."""

    def history(self, dataset: str) -> Path | None:
        """A folder with the dataset's public versions, where the portal can give one."""

    def discard(self, staged: Path) -> None:
        """Removes what was staged."""

    def switch(self, staged: Path, made: Manifest) -> None:
        """Makes the staged release public at once, keeping what it replaces until `settle` or `restore`."""

    def settle(self, made: Manifest) -> bool:
        """Brings pointers and lists up to date and forgets what was replaced; whether anything was written."""

    def restore(self, made: Manifest) -> None:
        """Takes the release out of sight and puts back what it replaced."""

    def location(self, made: Manifest) -> str:
        """Where a person finds the release."""


def publish(portal: Portal, release: Path, *, verify: Verify = verify_release) -> PublishResult:
    """Publishes a release folder, or finds that it is public already and writes nothing.

    A public version whose bytes are no longer those of its digest is put back. Raises `PortalError` where the version
    is public with another digest, where the staged bytes do not verify, and where the public ones are not the staged.
    """
    made = manifest.read(release)
    wanted = {path: manifest.sha256_of(release / path) for path in manifest.files_of(release)}
    with portal.exclusive():
        public = portal.digest(made.dataset, made.version)
        if public is not None and public != made.digest:
            raise PortalError(
                f"{made.dataset} {made.version} ya está publicada con otro contenido, y una versión publicada no"
                " cambia. Publique la corrección con el siguiente número de versión."
            )
        intact = public is not None and portal.hashes(made) == wanted
        if not intact:
            _put(portal, release, made, wanted, verify)
        announced = portal.settle(made)
    return PublishResult("sin_cambios" if intact and not announced else "publicada", portal.location(made), made.digest)


def _put(portal: Portal, release: Path, made: Manifest, wanted: dict[str, str], verify: Verify) -> None:
    staged = portal.stage(release, made)
    try:
        verdict = verify(staged, portal.history(made.dataset))
    except BaseException:
        portal.discard(staged)
        raise
    if not verdict.ok:
        portal.discard(staged)
        rules = ", ".join(sorted({f"«{finding.rule}»" for finding in verdict.findings}))
        raise PortalError(
            f"{made.dataset} {made.version} no se publicó: los bytes preparados no pasan la verificación pública"
            f" ({rules}). Lo que había sigue como estaba."
        )
    portal.switch(staged, made)
    if portal.hashes(made) != wanted:
        portal.restore(made)
        raise PortalError(
            f"{made.dataset} {made.version} se retiró: lo leído del portal no es lo que se publicó. Lo que había sigue"
            " como estaba."
        )
