"""A dataset of a CKAN as anybody receives it: its card, its files, its tables, its place in the search.

What belongs here: reading and comparing. What does not: writing, and the rules of a release (`pipeline.release`).
"""

import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.portal.ckan import card, tables, views
from pipeline.portal.ckan.card import ARCHIVE, CARD, DIGEST, VERSION, Resource
from pipeline.portal.ckan.client import Client, NotFound
from pipeline.portal.errors import PortalError, PortalUnavailable
from pipeline.release import archive, manifest
from pipeline.release.folder import CONTRACTS, Finding
from pipeline.release.inputs import ReleaseError
from pipeline.release.rules.history import parsed
from pipeline.release.verify import Verdict, verify

AGAIN = 20
"""How often a card that is caught in mid-switch is read again."""

INDEX_SECONDS = 10
"""How long the search index may lag behind."""


def package(client: Client, dataset: str) -> dict[str, Any] | None:
    """The dataset's card, or None where this reader sees none.

    CKAN reads a dataset and its resources by separate queries, so an answer given during a switch may hold the fields
    of one release and the resources of the other; such a card says so (`whole`) and is read again.
    """
    for _ in range(AGAIN):
        found = client.find("package_show", id=dataset)
        if not found or found.get("state") != "active":
            return None
        if whole(found):
            break
        time.sleep(0.1)
    return dict(found)


def whole(shown: dict[str, Any]) -> bool:
    """Whether the single resources are all of the version that the card says; one that says none is no release."""
    version = card.extras_of(shown).get(VERSION)
    return version is None or all(
        r.get(VERSION) == version for r in shown["resources"] if r.get("ruta") not in {None, ARCHIVE}
    )


def archives(shown: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The resource of each whole release, by version."""
    return {str(r.get(VERSION)): r for r in shown["resources"] if r.get("ruta") == ARCHIVE}


def fetch_release(client: Client, resource: dict[str, Any], into: Path) -> Path:
    """Downloads a whole release and unpacks it below `into`; raises `PortalError` where that is impossible."""
    version = str(resource.get(VERSION))
    if not _is_version(version):
        raise PortalError("Un recurso de la ficha no dice de qué versión es.")
    into.mkdir(parents=True, exist_ok=True)
    packed, folder = into / f"{version}.zip", into / version
    try:
        client.download(str(resource["url"]), packed)
        archive.unpack(packed, folder)
    except ReleaseError as caught:
        raise PortalError(f"Versión {version}: {caught}") from None
    finally:
        packed.unlink(missing_ok=True)
    return folder


def _is_version(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 3 and all(part.isdigit() for part in parts)


def differences(
    client: Client,
    shown: dict[str, Any],
    release: Path,
    planned: tuple[Resource, ...],
    work: Path,
    *,
    keep: Path | None = None,
) -> list[str]:
    """What this reader gets that is not the release: paths of files, «tabla …», «vista …», «diccionario …».

    The whole release that is downloaded for this stays below `keep`, where one is given.
    """
    by_path = {(r.get("ruta"), r.get(VERSION)): r for r in shown["resources"]}
    found: list[str] = []
    with tempfile.TemporaryDirectory(dir=work) as passing:
        for resource in planned:
            there = by_path.get((resource.path, resource.version))
            same = _same_archive if resource.path == ARCHIVE else _same_file
            if there is None or not same(client, there, resource, release, keep or Path(passing)):
                found.append(resource.path)
            elif resource.table and not there.get("datastore_active"):
                found.append(f"tabla {resource.table}")
            elif resource.table:
                found += _table(client, there["id"], resource, release, work)
    return found


def _same_archive(client: Client, there: dict[str, Any], resource: Resource, release: Path, into: Path) -> bool:
    """Whether the zip holds the release's files: its own bytes depend on the compressor's version."""
    try:
        folder = fetch_release(client, {**there, VERSION: resource.version}, into)
        return manifest.sums_of(folder) == manifest.sums_of(release)
    except PortalUnavailable:
        raise
    except PortalError:
        return False


def _same_file(client: Client, there: dict[str, Any], resource: Resource, _: Path, work: Path) -> bool:
    target = work / f"{resource.id}.recurso"
    try:
        return client.download(str(there["url"]), target) == resource.sha256
    except NotFound:
        return False
    finally:
        target.unlink(missing_ok=True)


def _table(client: Client, there: str, resource: Resource, release: Path, work: Path) -> list[str]:
    contract = CONTRACTS[str(resource.table)]
    wrong = tables.problem(client, there, contract, release / resource.path, work)
    if wrong:
        return [f"{wrong} {contract.name}"]
    return [] if views.has_table(client, there) else [f"vista {contract.name}"]


def listed(client: Client, dataset: str, digest: str | None, seconds: float = INDEX_SECONDS) -> bool:
    """Whether the search gives the dataset with this digest (None: gives no such dataset), waiting for the index."""
    deadline = time.monotonic() + seconds
    while True:
        results = client.read("package_search", fq=f'name:"{dataset}"', rows=2)["results"]
        found = {card.extras_of(r).get(DIGEST) for r in results if r["name"] == dataset}
        if found == (set() if digest is None else {digest}):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.25)


def verify_dataset(client: Client, dataset: str, work: Path) -> Verdict:
    """The public verification of a dataset as anybody receives it: the current release with its history, and whether
    every single file, table and card says the same.

    Raises `PortalError` where the dataset cannot be read at all.
    """
    shown = package(client, dataset)
    if shown is None:
        raise PortalError("El portal no muestra ese conjunto: no existe, o fue retirado.")
    extras = card.extras_of(shown)
    version = extras.get(VERSION, "")
    offered = archives(shown)
    if version not in offered:
        raise PortalError("La ficha no ofrece completa la versión que dice tener.")
    history = work / "historia"
    folders = {v: fetch_release(client, resource, history) for v, resource in sorted(offered.items())}
    release = folders[version]
    verdict = verify(release, history)
    findings = [*verdict.findings, *_card_findings(client, shown, extras, release, work)]
    facts = verdict.facts | {"versiones": sorted(folders, key=parsed), "recursos": len(shown["resources"])}
    return Verdict(not findings, sorted(set(findings)), facts)


def verify_address(url: str) -> Verdict:
    """`verify_dataset` of a dataset page's address, in a temporary folder; raises `PortalError` for another address."""
    parts = dataset_of(url)
    if parts is None:
        raise PortalError("La dirección debe ser la de la página de un conjunto: …/dataset/NOMBRE.")
    with tempfile.TemporaryDirectory() as folder:
        return verify_dataset(Client(parts[0]), parts[1], Path(folder))


def _card_findings(
    client: Client, shown: dict[str, Any], extras: dict[str, str], release: Path, work: Path
) -> list[Finding]:
    """How the card, its single files and its tables differ from the whole release that it offers."""
    found: list[Finding] = []
    try:
        made = manifest.read(release)
    except ReleaseError:
        return [Finding("ficha", "(ficha)", "La versión completa no tiene un manifiesto que se pueda leer.")]
    if (made.dataset, made.version, made.digest) != (shown["name"], extras.get(VERSION), extras.get(DIGEST)):
        found.append(Finding("ficha", "(ficha)", "La ficha no dice la versión y la huella de lo que ofrece."))
    if card.fingerprint(shown) != extras.get(CARD):
        found.append(Finding("ficha", "(ficha)", "La ficha fue editada después de publicarse."))
    if not listed(client, made.dataset, made.digest):
        found.append(Finding("busqueda", "(búsqueda)", "El buscador del portal no da esta versión."))
    for there in shown["resources"]:
        path = str(there.get("ruta") or "")
        if path == ARCHIVE:
            continue
        target = release / path
        if not path or ".." in Path(path).parts or not target.is_file():
            found.append(Finding("recurso", "(ficha)", "La ficha ofrece un recurso que no es de la entrega."))
            continue
        planned = _as_planned(there, target, made.version)
        found += [
            Finding(
                _rule(name),
                path,
                f"Lo que entrega el portal no es lo publicado ({name}).",
            )
            for name in differences(client, shown, release, (planned,), work)
        ]
    return found


def _rule(difference: str) -> str:
    kind, _, table = difference.partition(" ")
    return kind if table else "recurso"


def _as_planned(there: dict[str, Any], file: Path, version: str) -> Resource:
    """What a resource of the card should be, judged by the file of the release that it names."""
    return Resource(
        id=str(there["id"]),
        path=str(there["ruta"]),
        name="",
        description="",
        format="",
        media_type="",
        size=file.stat().st_size,
        sha256=manifest.sha256_of(file),
        version=version,
    )


def dataset_of(url: str) -> tuple[str, str] | None:
    """(portal, dataset) of a dataset page's address, or None where it is no such address."""
    parts = urlsplit(url)
    base, mark, name = parts.path.rstrip("/").rpartition("/dataset/")
    if not mark or not name or "/" in name or parts.scheme not in {"http", "https"}:
        return None
    return f"{parts.scheme}://{parts.netloc}{base}", name
