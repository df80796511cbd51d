"""How a CKAN stages, switches, restores and withdraws a release.

What belongs here: the acts of the protocol. What does not: their order (`pipeline.portal`), what is written
(`card`, `tables`), what a consumer gets (`reader`).

A resource that one `package_revise` removes from its dataset stays in CKAN as deleted, with its file, its DataStore
table and its views; another `package_revise` that names its id takes it whole into its own dataset, in one transaction.
So the switch first empties the staging dataset and then fills the public one, and what the public one loses can come
back the same way. Afterwards what was replaced is taken into the staging dataset again, where its files and tables are
erased: CKAN by itself would keep both for ever.
"""

import fcntl
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.portal.ckan import card, reader, tables, views
from pipeline.portal.ckan.card import ARCHIVE, CARD, DIGEST, EDITION, VERSION, Edition, Resource
from pipeline.portal.ckan.client import Client, Progress
from pipeline.portal.ckan.staging import Staging, number_of, with_extras
from pipeline.portal.errors import PortalConflict, PortalError
from pipeline.profile import Catalog, Entity
from pipeline.release import archive
from pipeline.release.folder import CONTRACTS
from pipeline.release.manifest import Manifest
from pipeline.release.rules.history import parsed


class CkanPortal:
    """A CKAN, with a token that may edit the entity's organisation; `work` is a folder for downloads."""

    def __init__(
        self, client: Client, town: Entity, catalog: Catalog, work: Path, *, progress: Progress | None = None
    ) -> None:
        self._client = client
        self._anyone = client.anonymous()
        self._town, self._catalog = town, catalog
        self._work = work
        self._progress = progress
        self._scratch = work
        self._staging = Staging(client, town, catalog, self._folder, progress)
        self._before: dict[str, Any] | None = None
        self._staged = ""

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Waits for any other publisher of this data folder; publishers elsewhere are met by the compare-and-swap."""
        self._work.mkdir(parents=True, exist_ok=True)
        with (self._work / ".candado").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for leftover in self._work.glob("portal-*"):
                shutil.rmtree(leftover)
            self._scratch = Path(tempfile.mkdtemp(prefix="portal-", dir=self._work))
            try:
                yield
            finally:
                shutil.rmtree(self._scratch, ignore_errors=True)

    def digest(self, dataset: str, version: str) -> str | None:
        """What the public card says; for a former version, what its whole release holds."""
        shown = self._public(dataset)
        if shown is None:
            return None
        extras = card.extras_of(shown)
        if extras.get(VERSION) == version:
            return extras.get(DIGEST)
        former = reader.archives(shown).get(version)
        return str(former.get(DIGEST)) if former else None

    def versions(self, dataset: str) -> dict[str, str]:
        """What the card's whole releases hold, and what it says of itself."""
        live = self._live(dataset)
        if live is None:
            return {}
        extras = card.extras_of(live)
        found = {v: str(r.get(DIGEST)) for v, r in reader.archives(live).items()}
        return found | ({extras[VERSION]: extras.get(DIGEST, "")} if VERSION in extras else {})

    def differences(self, release: Path, made: Manifest) -> list[str]:
        """Card, search, files, tables and the whole release, read as anybody."""
        shown = reader.package(self._anyone, made.dataset)
        if shown is None:
            return ["ficha"]
        current = card.extras_of(shown).get(VERSION) == made.version
        wrong = []
        if card.fingerprint(shown) != card.extras_of(shown).get(CARD):
            wrong.append("ficha")
        planned = self._planned(release, made, self._edition(shown))
        if not current:
            planned = tuple(r for r in planned if r.path == ARCHIVE)
        wrong += reader.differences(self._anyone, shown, release, planned, self._folder())
        if not reader.listed(self._anyone, made.dataset, card.extras_of(shown).get(DIGEST)):
            wrong.append("búsqueda")
        return wrong

    def stage(self, release: Path, made: Manifest) -> Path:
        """Uploads what is missing into the private staging dataset, fills its tables, and downloads the release again.

        Raises `PortalError` where what came back is not what was sent.
        """
        live = self._live(made.dataset)
        planned = self._planned(release, made, self._next(live))
        if self._behind(live, made):
            planned = tuple(r for r in planned if r.path == ARCHIVE)
        staged = self._staging.prepared(made, live, planned, self._next(live))
        self._staged = str(staged["name"])
        if not staged["resources"]:
            self._staging.upload(staged, planned, release)
        for resource in planned:
            if resource.table:
                contract = CONTRACTS[resource.table]
                tables.load(self._client, resource.id, contract, release / resource.path, self._progress)
            views.add(self._client, resource)
        return self._verified(staged["name"], release, made, planned)

    def history(self, dataset: str) -> Path | None:
        """Every whole release that the public dataset offers, downloaded as anybody."""
        folder = self._folder("historia")
        shown = reader.package(self._anyone, dataset)
        for version, resource in sorted(reader.archives(shown).items()) if shown else ():
            if not (folder / version).exists():
                reader.fetch_release(self._anyone, resource, folder)
        return folder

    def discard(self, staged: Path, made: Manifest) -> None:
        """Erases the staging dataset with its files and tables."""
        shutil.rmtree(staged, ignore_errors=True)
        shown = self._find(self._staged) if self._staged else None
        if shown is not None:
            self._staging.erase(shown)

    def switch(self, staged: Path, made: Manifest) -> None:
        """Hands the staged resources to the public dataset by one compare-and-swap."""
        live = self._live(made.dataset)
        if live is None:
            raise PortalConflict(f"{made.dataset}: alguien quitó la ficha mientras se publicaba.")
        self._refuse_foreign_edits(live, made.dataset)
        edition = self._next(live)
        staging = self._find(edition.staging_name(made))
        if staging is None:
            raise PortalConflict(f"{made.dataset}: lo preparado ya no está; otra publicación se adelantó.")
        self._before = live
        fresh = [_movable(r) for r in staging["resources"]]
        former = [r for r in live["resources"] if r.get("ruta") == ARCHIVE and r.get(VERSION) != made.version]
        kept = [_movable(r) for r in former]
        if self._behind(live, made):
            fields = {"extras": with_extras(live, {EDITION: str(edition.number)})}
            wanted = _in_order([*map(_movable, live["resources"]), *fresh])
        else:
            fields = card.dataset(staged, made, self._town, self._catalog, edition=edition.number)
            wanted = _in_order([*fresh, *kept])
        staying = {r["id"] for r in wanted}
        self._staging.empty(staging, [r for r in live["resources"] if r["id"] not in staying])
        self._swap(live, fields, wanted, private=False)

    def settle(self, made: Manifest) -> bool:
        """Erases what was replaced; nothing public is written."""
        live = self._live(made.dataset)
        self._staging.sweep(made.dataset, live, also=self._edition(live).staging_name(made))
        self._before = None
        return False

    def restore(self, made: Manifest) -> None:
        """Puts back the card and the resources that the switch replaced, by one compare-and-swap."""
        live = self._live(made.dataset)
        before = self._before
        if live is None or before is None:
            return
        fields = {name: before.get(name) for name in _CARD_FIELDS} | {
            "tags": [{"name": t["name"]} for t in before["tags"]],
            "groups": [{"name": g["name"]} for g in before["groups"]],
            "extras": before["extras"],
        }
        returned = {r["id"] for r in before["resources"]}
        lost = [r for r in live["resources"] if r["id"] not in returned]
        resources = [_movable(r) for r in before["resources"]]
        self._swap(live, fields, resources, private=bool(before["private"]), stamp=False)
        staging = self._find(self._staged) if self._staged else None
        if staging is not None:
            self._staging.empty(staging, lost)
            self._staging.erase(self._find(staging["name"]) or staging)

    def withdraw(self, dataset: str, version: str | None) -> str:
        """Takes a version, or all of them, out of public sight and erases its files and tables.

        The current version takes the dataset with it until another one is published: nobody may read an older release
        as if it were the current one. What is taken away does not depend on who edited the card.
        """
        live = self._live(dataset)
        if live is None:
            raise PortalError(f"El portal no tiene el conjunto «{dataset}».")
        current = card.extras_of(live).get(VERSION)
        known = {*reader.archives(live), *([current] if current else [])}
        if version is not None and version not in known:
            raise PortalError(f"El conjunto «{dataset}» no ofrece la versión {version}.")
        whole = version is None or version == current
        if whole:
            live = self._hidden(live)
        gone = [r for r in live["resources"] if version in {None, r.get(VERSION)}]
        if gone:
            # first written down, so that the next run erases what a death here leaves behind
            self._staging.private_dataset(f"{dataset}-retiro-{gone[0]['id'][:8]}", dataset, gone)
            untouched = card.extras_of(live).get(CARD) == card.fingerprint(live)
            kept = [_movable(r) for r in live["resources"] if r not in gone]
            extras = {k: v for k, v in card.extras_of(live).items() if not (whole and k in {VERSION, DIGEST})}
            fields = {"extras": [{"key": k, "value": v} for k, v in sorted(extras.items())]}
            self._swap(live, fields, kept, private=bool(live["private"]), stamp=untouched)
        self._staging.sweep(dataset, self._live(dataset), also=f"{dataset}-retiro-{gone[0]['id'][:8]}" if gone else "")
        return "el conjunto no es público" if whole else f"la versión {version} no está; las demás siguen"

    def changes(self, release: Path, made: Manifest) -> list[str]:
        """The dataset's fields and resources that would be new, other or gone."""
        live = self._live(made.dataset)
        planned = self._planned(release, made, self._next(live))
        if live is None:
            return [f"crear el conjunto {made.dataset}", *(f"añadir {r.path}" for r in planned)]
        self._refuse_foreign_edits(live, made.dataset)
        if self._behind(live, made):
            return [f"añadir la versión anterior {made.version}"]
        now = {r.get("ruta"): r for r in live["resources"] if r.get("ruta") != ARCHIVE}
        said = card.dataset(release, made, self._town, self._catalog, edition=self._next(live).number)
        lines = [f"cambiar {name}" for name in card.edited(said, live) if name != "resources"]
        for resource in planned:
            there = now.pop(resource.path, None)
            if there is None:
                lines.append(f"añadir {resource.path}" + (f" {resource.version}" if resource.path == ARCHIVE else ""))
            elif there.get("hash") != resource.sha256:
                lines.append(f"reemplazar {resource.path}")
        return lines + [f"quitar {path}" for path in sorted(map(str, now))]

    def location(self, made: Manifest) -> str:
        """The dataset's page."""
        return self._client.address(f"dataset/{made.dataset}")

    # what is there

    def _folder(self, name: str = "lectura") -> Path:
        folder = self._scratch / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _find(self, name: str) -> dict[str, Any] | None:
        return reader.package(self._client, name)

    def _live(self, dataset: str) -> dict[str, Any] | None:
        return self._find(dataset)

    def _public(self, dataset: str) -> dict[str, Any] | None:
        shown = self._live(dataset)
        return shown if shown is not None and not shown["private"] else None

    def _edition(self, live: dict[str, Any] | None) -> Edition:
        return Edition(number_of(live), self._publisher())

    def _next(self, live: dict[str, Any] | None) -> Edition:
        return Edition(number_of(live) + 1, self._publisher())

    def _publisher(self) -> str:
        """What tells this data folder from every other that may publish to the same portal."""
        path = self._work / ".publicador"
        if not path.exists():
            path.write_text(uuid.uuid4().hex, encoding="ascii")
        return path.read_text(encoding="ascii")

    def _behind(self, live: dict[str, Any] | None, made: Manifest) -> bool:
        """Whether the public dataset already shows a later version, so that this one only joins the former ones."""
        if live is None or live["private"]:
            return False
        version = card.extras_of(live).get(VERSION)
        return version is not None and parsed(version) > parsed(made.version)

    def _planned(self, release: Path, made: Manifest, edition: Edition) -> tuple[Resource, ...]:
        packed = self._folder("zip") / f"{made.version}.zip"
        if not packed.exists():
            archive.pack(release, packed)
        return card.resources(release, packed, made, self._catalog, edition)

    def _refuse_foreign_edits(self, live: dict[str, Any], dataset: str) -> None:
        said = card.extras_of(live).get(CARD)
        if said is None and not live["resources"]:
            return
        if said != card.fingerprint(live):
            raise PortalConflict(
                f"La ficha de «{dataset}» fue editada fuera de este proceso y no se sobrescribe. Compare en el portal"
                " su historial de actividad, deshaga la edición (o llévela al perfil) y repita la publicación."
            )

    # acts

    def _verified(self, name: str, release: Path, made: Manifest, planned: tuple[Resource, ...]) -> Path:
        shown = self._find(name)
        if shown is None:
            raise PortalConflict(f"{made.dataset}: lo preparado desapareció mientras se verificaba.")
        wanted = {r.id for r in planned}
        extra = [r["id"] for r in shown["resources"] if r["id"] not in wanted]
        folder = self._folder("preparada")
        shutil.rmtree(folder / made.version, ignore_errors=True)
        wrong = reader.differences(self._client, shown, release, planned, self._folder(), keep=folder)
        if extra or wrong:
            self._staging.erase(shown)
            raise PortalError(
                f"{made.dataset} {made.version} no se publicó: lo que el portal guardó no es lo que se le envió"
                f" ({', '.join(wrong[:5]) or 'recursos de más'}). Lo que había sigue como estaba."
            )
        return folder / made.version

    def _swap(
        self,
        live: dict[str, Any],
        fields: dict[str, Any],
        resources: list[dict[str, Any]],
        *,
        private: bool,
        stamp: bool = True,
    ) -> None:
        """One transaction on the public dataset, refused where it is not as it was last read."""
        after = {**live, **fields, "resources": resources}
        mark = card.fingerprint(after) if stamp else card.extras_of(after).get(CARD)
        update = fields | {"private": private, "resources": resources}
        if stamp:
            update["extras"] = with_extras(after, {CARD: str(mark)})
        replaced = [name for name in ("resources", "extras", "tags", "groups") if name in update]

        def look() -> Any:
            now = self._live(str(live["name"]))
            same = now is not None and card.extras_of(now).get(CARD) == mark and now["private"] == private
            return now if same and now and now["metadata_modified"] != live["metadata_modified"] else None

        self._client.write(
            "package_revise",
            {
                "match": {"id": live["id"], "metadata_modified": live["metadata_modified"]},
                "filter": [f"-{name}" for name in replaced],
                "update": update,
            },
            look=look,
        )

    def _hidden(self, live: dict[str, Any]) -> dict[str, Any]:
        """The card made private, whatever else is in it: taking away must not depend on a comparison."""
        name = str(live["name"])

        def look() -> Any:
            now = self._live(name)
            return now if now is not None and now["private"] else None

        if not live["private"]:
            self._client.write("package_patch", {"id": live["id"], "private": True}, look=look)
        if reader.package(self._anyone, name) is not None:
            raise PortalError("El portal sigue mostrando el conjunto retirado: avise a quien lo administra.")
        if not reader.listed(self._anyone, name, None):
            raise PortalError("El buscador del portal sigue dando el conjunto retirado: avise a quien lo administra.")
        return self._live(name) or live


_CARD_FIELDS = (
    "title", "notes", "url", "version", "license_id", "author", "author_email", "maintainer", "maintainer_email",
)  # fmt: skip


def _movable(resource: dict[str, Any]) -> dict[str, Any]:
    """A resource as another dataset is told to take it: without what belongs to its former place."""
    return {k: v for k, v in resource.items() if k not in {"package_id", "position", "metadata_modified", "state"}}


def _in_order(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The release's own resources first, whole releases last, the newest of them first."""
    singles = [r for r in resources if r.get("ruta") != ARCHIVE]
    whole = [r for r in resources if r.get("ruta") == ARCHIVE]
    return singles + sorted(whole, key=lambda r: parsed(str(r[VERSION])), reverse=True)
