"""The portal of a deployment: which one, with what, and how what is public there is verified.

What belongs here: choosing by PQRSD_PORTAL (a folder or a CKAN's address) and the token's file. What does not: the
protocol (`pipeline.portal`), and the token itself, which is read when a client is made and kept nowhere else.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.orchestration.resources import Municipality
from pipeline.portal import Portal, PortalError, PortalUnavailable, withdraw
from pipeline.portal.ckan import reader
from pipeline.portal.ckan.client import Client, Progress, read_token
from pipeline.portal.ckan.portal import CkanPortal
from pipeline.portal.local import LocalPortal
from pipeline.portal.register import Register
from pipeline.privacy.ledger import Ledger, editions
from pipeline.release import manifest
from pipeline.release.manifest import MANIFEST
from pipeline.release.rules.history import parsed
from pipeline.release.verify import Verdict, verify

TOKEN_FILE = "PQRSD_CKAN_TOKEN_FILE"  # noqa: S105 - the name of a path's variable


def portal_of(town: Municipality, progress: Progress | None = None) -> Portal:
    """The portal that this deployment publishes to; raises `PortalError` where a CKAN is named without a token."""
    if town.portal_url is None:
        return LocalPortal(town.portal_folder)
    path = os.environ.get(TOKEN_FILE)
    if not path:
        raise PortalError(f"Para publicar en {town.portal_url} indique en {TOKEN_FILE} el archivo del token, modo 600.")
    client = Client(town.portal_url, read_token(Path(path)))
    return CkanPortal(client, town.profile.entidad, town.profile.portal, work_of(town), progress=progress)


def register_of(town: Municipality) -> Register:
    """What was withdrawn from this deployment's portals."""
    return Register(town.layout.open / "retiros.jsonl")


def work_of(town: Municipality) -> Path:
    """Where downloads of the portal lie while they are judged."""
    return town.layout.work / "portal"


def withdraw_from(town: Municipality, place: Portal, dataset: str, version: str | None, reason: str) -> str:
    """Withdraws from the portal, and has the ledger say so of the semesters that were first public there.

    Gives in Spanish what consumers get now. Nothing is forgotten: who has the withdrawn files keeps them, and every
    later audit reckons with it.
    """
    gone = [v for v in place.versions(dataset) if version in {None, v}]
    said = withdraw(place, register_of(town), dataset, version, reason)
    ledger = Ledger(town.layout.ledger)
    for number in sorted(gone, key=parsed):
        year, half, _ = parsed(number)
        period = f"{year}-S{half}"
        if half and editions(ledger.entries(), period):
            ledger.withdraw(period, reason)
    return said


def release_folder(town: Municipality, dataset: str, version: str) -> Path:
    """Where a release is built before it is published, and kept as what was published."""
    return town.layout.work / "entregas" / dataset / version


def previous_release(town: Municipality, dataset: str, version: str) -> Path | None:
    """The release right before this one among those of this deployment, with which its quality is compared."""
    folders = release_folder(town, dataset, version).parent.glob(f"[0-9]*/{MANIFEST}")
    earlier = [path.parent for path in folders if parsed(path.parent.name) < parsed(version)]
    return max(earlier, key=lambda folder: parsed(folder.name), default=None)


def verify_public(town: Municipality, dataset: str, version: str) -> Verdict:
    """The public verification of what anybody receives; of a CKAN, the dataset with all that it offers."""
    if town.portal_url is None:
        return verify(town.portal_folder / dataset / version, town.portal_folder / dataset)
    work_of(town).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work_of(town)) as folder:
        return reader.verify_dataset(Client(town.portal_url), dataset, Path(folder))


@dataclass(frozen=True)
class Rechecked:
    """What a second look at a public dataset found: rules that fail, and what was done."""

    dataset: str
    problems: tuple[str, ...]
    outcome: str


def recheck(town: Municipality) -> list[Rechecked]:
    """Verifies every dataset that is public, as anybody receives it, and withdraws what is not what was published.

    What was published is known from the release folders of this deployment: an alteration that keeps the public files
    consistent with one another is found by their digest.
    """
    place = portal_of(town)
    names = (town.profile.entidad.conjunto_solicitudes, town.profile.entidad.conjunto_anual)
    return [_rechecked(town, place, name) for name in names]


def _rechecked(town: Municipality, place: Portal, dataset: str) -> Rechecked:
    public = {v: d for v, d in place.versions(dataset).items() if place.digest(dataset, v) is not None}
    if not public:
        return Rechecked(dataset, (), "nada público")
    current = max(public, key=parsed)
    try:
        problems = {finding.rule for finding in verify_public(town, dataset, current).findings}
    except PortalUnavailable:
        raise
    except PortalError:
        problems = {"lectura"}
    for version, digest in public.items():
        folder = release_folder(town, dataset, version)
        if (folder / MANIFEST).is_file() and manifest.read(folder).digest != digest:
            problems.add("huella")
    if not problems:
        return Rechecked(dataset, (), f"intacto, {len(public)} versiones")
    reason = f"La revisión encontró que lo público no es lo publicado ({', '.join(sorted(problems))})."
    return Rechecked(dataset, tuple(sorted(problems)), withdraw_from(town, place, dataset, None, reason))
