"""The private datasets in which resources wait to become public, and in which they end.

What belongs here: making, filling, emptying and erasing them. What does not: anything public (`portal`).

Emptied by one `package_revise`, a dataset leaves its resources in CKAN as deleted, with file, table and views: then
another dataset may take them by their ids.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.portal.ckan import card, reader, tables
from pipeline.portal.ckan.card import ARCHIVE, DIGEST, EDITION, Edition, Resource
from pipeline.portal.ckan.client import Client, Progress
from pipeline.profile import Catalog, Entity
from pipeline.release import manifest
from pipeline.release.manifest import Manifest

_FOR, _REPLACES, _TABLES = "conjunto", "reemplaza", "reemplaza_tablas"
"""Extras of a staging dataset: the public one's name, the ids that either lost, and which of those have a table."""


class Staging:
    """The staging datasets of one entity; `folder` gives a named folder for passing files."""

    def __init__(
        self,
        client: Client,
        town: Entity,
        catalog: Catalog,
        folder: Callable[[str], Path],
        progress: Progress | None,
    ) -> None:
        self._client = client
        self._town, self._catalog = town, catalog
        self._folder = folder
        self._progress = progress

    def find(self, name: str) -> dict[str, Any] | None:
        """A dataset, whoever may see it, or None."""
        return reader.package(self._client, name)

    def prepared(
        self, made: Manifest, live: dict[str, Any] | None, planned: tuple[Resource, ...], edition: Edition
    ) -> dict[str, Any]:
        """The staging dataset, either with all that is planned or with nothing."""
        if live is None:
            shell = {
                "name": made.dataset,
                "title": made.title,
                "owner_org": self._organization(),
                "private": True,
                "extras": [{"key": EDITION, "value": "0"}],
            }
            self._client.write("package_create", shell, look=lambda: self.find(made.dataset))
        name = edition.staging_name(made)
        found = self.find(name)
        if found is not None and not _holds(found, planned):
            self.erase(found)
        return self.private_dataset(name, made.dataset, [], edition.number)

    def upload(self, staged: dict[str, Any], planned: tuple[Resource, ...], release: Path) -> None:
        """All files in one transaction: there are either all of them or none.

        It is refused unless the dataset is as empty as it was read: a second try must not add to a first one that goes
        on behind an answer that never came.
        """
        described = [
            r.fields() | ({DIGEST: manifest.read(release).digest} if r.path == ARCHIVE else {}) for r in planned
        ]
        files = {
            f"update__resources__{number}__upload": (
                self._folder("zip") / r.filename if r.path == ARCHIVE else release / r.path,
                r.media_type,
            )
            for number, r in enumerate(planned)
        }

        def look() -> Any:
            now = self.find(staged["name"])
            return now if now is not None and _holds(now, planned) else None

        self._client.upload(
            "package_revise",
            {
                "match": json.dumps({"id": staged["id"], "metadata_modified": staged["metadata_modified"]}),
                "update__resources__extend": json.dumps(described),
            },
            files,
            look=look,
            progress=self._progress,
        )

    def empty(self, staging: dict[str, Any], replaces: list[dict[str, Any]]) -> None:
        """Sets the staged resources free and writes down, in the same transaction, what the switch will replace."""

        def look() -> Any:
            now = self.find(staging["name"])
            return now if now is not None and not now["resources"] else None

        self._client.write(
            "package_revise",
            {
                "match": {"id": staging["id"], "metadata_modified": staging["metadata_modified"]},
                "filter": ["-resources"],
                "update": {"resources": [], "extras": with_extras(staging, _noted([*staging["resources"], *replaces]))},
            },
            look=look,
        )

    def sweep(self, dataset: str, live: dict[str, Any] | None, also: str = "") -> None:
        """Erases every private dataset that has nothing left to give to this public one: its edition is reached."""
        found = self._client.read(
            "package_search",
            fq=f'+{_FOR}:"{dataset}" +private:true',
            include_private=True,
            include_drafts=True,
            rows=100,
        )["results"]
        for name in sorted({r["name"] for r in found} | ({also} if also else set())):
            shown = self.find(name)
            if shown is not None and number_of(shown) <= number_of(live):
                self.erase(shown)

    def erase(self, shown: dict[str, Any]) -> None:
        """Erases a private dataset with the files and tables of its resources and of those it replaced."""
        extras = card.extras_of(shown)
        # a run that died before its switch has written down what is still public
        public = {r["id"] for r in (self.find(extras.get(_FOR, "")) or {"resources": []})["resources"]}
        mine = [r["id"] for r in shown["resources"]]
        left = [i for i in dict.fromkeys(_ids(extras, _REPLACES)) if i not in {*mine, *public}]
        # what another dataset shows is that dataset's to erase: two publishers may have written down the same
        ids = [*mine, *(i for i in left if self._client.find("resource_show", id=i) is None)]
        filled = {r["id"] for r in shown["resources"] if _has_table(r)} | set(_ids(extras, _TABLES))
        if ids:
            # the path stays, by which a run that goes on after this one knows which have tables
            paths = {r["id"]: str(r.get("ruta") or "") for r in shown["resources"]}
            empty = {"name": "borrado", "url": "borrado", "url_type": "", "clear_upload": True}
            blank = [empty | {"id": i, "ruta": paths.get(i, "")} for i in ids]

            def emptied() -> Any:
                now = self.find(shown["name"])
                return now if now and now["resources"] and all(not r["url_type"] for r in now["resources"]) else None

            self._client.write(
                "package_revise",
                {"match": {"id": shown["id"]}, "filter": ["-resources"], "update": {"resources": blank}},
                look=emptied,
            )
            for i in sorted(filled & set(ids)):
                tables.drop(self._client, i)
            # an id of an active resource cannot be taken again, not even out of a deleted dataset
            self.empty(self.find(shown["name"]) or shown, [])
        self._client.write(
            "package_delete",
            {"id": shown["id"]},
            look=lambda: (self.find(shown["name"]) is None) or None,
        )

    def private_dataset(
        self, name: str, dataset: str, replaces: list[dict[str, Any]], edition: int = 0
    ) -> dict[str, Any]:
        """A private dataset by that name, which says of which public one it is and what that one loses."""
        found = self.find(name)
        if found is not None:
            return found
        fields = {
            "name": name,
            "title": f"En preparación: {dataset}",
            "owner_org": self._organization(),
            "private": True,
            "extras": with_extras({}, {_FOR: dataset, EDITION: str(edition)} | _noted(replaces)),
        }
        return dict(self._client.write("package_create", fields, look=lambda: self.find(name)))

    def _organization(self) -> str:
        slug = self._town.slug
        if self._client.find("organization_show", id=slug) is None:
            self._client.write(
                "organization_create",
                {
                    "name": slug,
                    "title": self._town.nombre,
                    "description": f"{self._town.dependencia}. {self._town.sitio}",
                },
                look=lambda: self._client.find("organization_show", id=slug),
            )
        for group in self._catalog.grupos:
            if self._client.find("group_show", id=group.slug) is None:
                self._client.write(
                    "group_create",
                    {"name": group.slug, "title": group.titulo},
                    look=partial(self._client.find, "group_show", id=group.slug),
                )
        return slug


def number_of(package: dict[str, Any] | None) -> int:
    """How many switches a card has seen; of a staging dataset, which one it is for."""
    text = card.extras_of(package or {}).get(EDITION, "0")
    return int(text) if text.isdigit() else 0


def _noted(replaced: list[dict[str, Any]]) -> dict[str, str]:
    """What is written down of resources, to erase those that are not public in the end."""
    filled = [r["id"] for r in replaced if _has_table(r)]
    return {_REPLACES: ",".join(r["id"] for r in replaced), _TABLES: ",".join(filled)}


def _has_table(resource: dict[str, Any]) -> bool:
    """Whether a resource has a table, or may have one that CKAN did not come to announce."""
    path = str(resource.get("ruta") or "")
    return bool(resource.get("datastore_active")) or (path.startswith("datos/") and path.endswith(".csv"))


def _ids(extras: dict[str, str], name: str) -> list[str]:
    return [i for i in extras.get(name, "").split(",") if i]


def _holds(package: dict[str, Any], planned: tuple[Resource, ...]) -> bool:
    """Whether a dataset has just the planned resources, in their order, with what was said of their bytes.

    The order is CKAN's own count of them; where it has lost that count it refuses every further change.
    """
    there = [(r["position"], r["id"], r.get("hash")) for r in package["resources"]]
    return there == [(number, r.id, r.sha256) for number, r in enumerate(planned)]


def with_extras(package: dict[str, Any], more: dict[str, str]) -> list[dict[str, str]]:
    """The extras of a package with some replaced."""
    merged = card.extras_of(package) | more
    return [{"key": key, "value": value} for key, value in sorted(merged.items())]
