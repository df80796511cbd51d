"""A real CKAN for the tests that publish: its services, a chain of small releases, and what it must hold at rest.

What belongs here: what the tests of publishing to a CKAN share. What does not: assertions about one case, faults
(`tests.ckan_faults`).
"""

import importlib
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

from pipeline import profile, release
from pipeline.portal.ckan import card, reader
from pipeline.portal.ckan.client import Client, Timeouts, read_token
from pipeline.portal.ckan.portal import CkanPortal
from pipeline.profile import Profile
from pipeline.release import manifest
from pipeline.release.verify import Verdict
from tests import small_release as small

CLONE = Path(__file__).resolve().parent.parent
STATE = Path(os.environ.get("PQRSD_CKAN_DIR") or CLONE / "data" / "ckan")
QUICK = Timeouts(connect=5, read=15, patience=20)

READS = {
    "package_show", "resource_show", "package_search", "datastore_info", "datastore_search", "resource_view_list",
    "organization_show", "group_show", "status_show",
}  # fmt: skip
"""Actions of the API that change nothing."""


def part(name: str) -> ModuleType:
    """A module of ckan/ckan_local; it is not installed, and is not to shadow CKAN's own package."""
    sys.path.insert(0, str(CLONE / "ckan"))
    try:
        return importlib.import_module(f"ckan_local.{name}")
    finally:
        sys.path.remove(str(CLONE / "ckan"))


@dataclass(frozen=True)
class Stack:
    """The local CKAN that is up."""

    facts: dict[str, Any]
    before: frozenset[str] = frozenset()
    """Files and tables that belonged to nothing when the tests began: other people's."""

    @property
    def url(self) -> str:
        return str(self.facts["url"])

    @property
    def token_file(self) -> Path:
        return Path(self.facts["token_file"])

    @property
    def storage(self) -> Path:
        return Path(self.facts["storage"])

    def client(self, transport: Any = requests.Session, timeouts: Timeouts = QUICK) -> Client:
        return Client(self.url, read_token(self.token_file), timeouts, transport)

    def control(self, act: str, *services: str) -> None:
        """`up` or `down --kill` of single services."""
        flags = ["--kill"] if act == "down" else []
        done = subprocess.run(
            [sys.executable, str(CLONE / "ckan" / act), *flags, "--dir", str(STATE), *services],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()

    def written(self) -> int:
        """How many requests that may change something the server has seen."""
        count = 0
        for line in Path(self.facts["access_log"]).read_text(encoding="utf-8").splitlines():
            method, _, path = line.split('"')[1].partition(" ")
            action = path.split(" ")[0].split("?")[0].rstrip("/").rsplit("/", 1)[-1]
            count += method not in {"GET", "HEAD"} and action not in READS
        return count


def stack() -> Stack:
    """The CKAN that is up; skips with the reason, or fails where it is required (`make test-ckan`)."""
    path = STATE / "stack.json"
    up = path.exists() and part("services").answer(json.loads(path.read_text())["url"] + "/api/3/action/status_show")
    if not up:
        (pytest.fail if os.environ.get("PQRSD_CKAN_REQUIRED") else pytest.skip)("no hay un CKAN arriba: make ckan-up")
    found = Stack(json.loads(path.read_text()))
    return replace(found, before=frozenset(orphans(found, found.client())))


def accepts(_: Path, __: Path | None) -> Verdict:
    """A verification that finds nothing: for tests about publishing and not about releases."""
    return Verdict(True, [])


def plain_profile() -> Profile:
    """The municipality's profile with its own chart among the resources."""
    town = profile.load("santa_marta")
    return town.model_copy(update={"portal": town.portal.model_copy(update={"graficos": ["tipo"]})})


class Chain:
    """Small releases of one dataset of its own: every version has other rows, so that a mix would show."""

    def __init__(self, place: Path, dataset: str | None = None) -> None:
        self.place = place
        self.dataset = dataset or f"prueba-{uuid.uuid4().hex[:10]}"

    def release(self, number: int) -> Path:
        """The release of year 2000 + `number`; its row counts are multiples of `number`."""
        target = self.place / self.dataset / f"{2000 + number}.1.0"
        if not target.exists():
            self._make(target, number)
        return target

    def made(self, number: int) -> manifest.Manifest:
        return manifest.read(self.release(number))

    def _make(self, target: Path, number: int) -> None:
        base = self.place / "base"
        if not base.exists():
            release.build(small.inputs(self.place / "f", ("2025-S1",)), base)
        shutil.copytree(base, target)
        version = target.name
        package = json.loads((target / "datapackage.json").read_text(encoding="utf-8"))
        package |= {"name": self.dataset, "version": version}
        (target / "datapackage.json").write_text(json.dumps(package, ensure_ascii=False), encoding="utf-8")
        rows = (target / "datos" / "contabilidad.csv").read_text(encoding="utf-8")
        (target / "datos" / "contabilidad.csv").write_text(rows.replace(",50\n", f",{number}\n"), encoding="utf-8")
        small.change(target / "LEAME.md", lambda text: f"{text}\nVersión de prueba {number}.\n")
        manifest.write(target, replace(manifest.read(target), dataset=self.dataset, version=version))
        small.make_consistent(target)


def portal_of(client: Client, work: Path) -> CkanPortal:
    town = plain_profile()
    return CkanPortal(client, town.entidad, town.portal, work)


def at_rest(place: Stack, chain: Chain, number: int, work: Path) -> list[str]:
    """What is not as it must be when version `number` is public and nobody is publishing: by name, empty if all is."""
    client = place.client()
    made = chain.made(number)
    portal = portal_of(client, work)
    wrong = []
    if portal.digest(chain.dataset, made.version) != made.digest:
        wrong.append("versión")
    else:
        with portal.exclusive():
            wrong += portal.differences(chain.release(number), made)
    shown = client.find("package_show", id=chain.dataset) or {"resources": []}
    paths = [(r.get("ruta"), r.get(card.VERSION)) for r in shown["resources"]]
    wrong += ["recurso repetido"] if len(set(paths)) != len(paths) else []
    wrong += leftovers(place, client, chain.dataset)
    return wrong


def leftovers(place: Stack, client: Client, dataset: str) -> list[str]:
    """Files, tables and private datasets that belong to nothing any more."""
    mine = [p["name"] for p in _everything(client) if p["name"].startswith(f"{dataset}-")]
    return [f"queda {name}" for name in mine] + sorted(orphans(place, client) - place.before)


def _everything(client: Client) -> list[dict[str, Any]]:
    return list(client.read("package_search", include_private=True, include_drafts=True, rows=1000)["results"])


def orphans(place: Stack, client: Client) -> set[str]:
    """Files and tables of no active resource."""
    active = {r["id"] for p in _everything(client) for r in p["resources"]}
    files = {
        "".join(path.relative_to(place.storage / "resources").parts)
        for path in (place.storage / "resources").rglob("*")
        if path.is_file()
    }
    tables = client.read("datastore_search", resource_id="_table_metadata", limit=32000, include_total=False)["records"]
    names = {t["name"] for t in tables if len(t["name"]) == 36 and t["name"].count("-") == 4}
    return {f"archivo {i}" for i in files - active} | {f"tabla {i}" for i in names - active}


@contextmanager
def removed_afterwards(place: Stack, chain: Chain) -> Iterator[Chain]:
    """Takes the chain's datasets away at the end, also after a failure."""
    try:
        yield chain
    finally:
        client = place.client()
        portal = portal_of(client, chain.place / "work")
        with portal.exclusive():
            if portal.versions(chain.dataset):
                portal.withdraw(chain.dataset, None)
        for shown in client.read("package_search", include_private=True, rows=1000)["results"]:
            if shown["name"].startswith(chain.dataset):
                client.write("dataset_purge", {"id": shown["id"]}, look=lambda: None)


def anonymous_package(place: Stack, dataset: str) -> dict[str, Any] | None:
    """The card as anybody gets it."""
    return reader.package(place.client().anonymous(), dataset)
