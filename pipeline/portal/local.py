"""The default portal: a folder that any web server can serve.

What belongs here: how a local folder stages, switches and lists releases. What does not: the order of publishing.

`<root>/<dataset>/<version>/` never changes. Beside the versions, `vigente.json` names the one to use and
`releases.json` all of them; `index.html` at the root is for people. These three follow from the version folders, and
each is replaced by a rename, so that a reader sees the former or the new one. What is being prepared lies hidden in the
same file system, because a rename is atomic only there. One publisher works at a time.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.portal.errors import PortalError
from pipeline.release import manifest
from pipeline.release.documents import environment
from pipeline.release.folder import CONTRACTS
from pipeline.release.inputs import ReleaseError
from pipeline.release.manifest import MANIFEST, Entry, Manifest
from pipeline.release.rules.history import parsed

_STAGED, _REPLACED, _FRESH = ".preparacion-", ".preparacion-retirada-", ".preparacion-nuevo-"
_TEMPLATES = Path(__file__).parent / "plantillas"


class LocalPortal:
    """A portal in a folder, made on first use."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Waits for any other publisher of this folder; the lock dies with its process."""
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / ".candado").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._tidy()
            yield

    def _tidy(self) -> None:
        for leftover in sorted([*self._root.glob(f"{_STAGED}*"), *self._root.glob(f"*/{_STAGED}*")]):
            _remove(leftover)

    def digest(self, dataset: str, version: str) -> str | None:
        """What the public version says its digest is; raises `PortalError` where it cannot be read."""
        folder = self._root / dataset / version
        if not folder.exists():
            return None
        try:
            return manifest.read(folder).digest
        except ReleaseError:
            raise PortalError(f"{dataset} {version} está publicada y su manifiesto no se puede leer.") from None

    def versions(self, dataset: str) -> dict[str, str]:
        """What each version folder says its digest is."""
        home = self._root / dataset
        return {made.version: made.digest for made in _releases(home)} if home.is_dir() else {}

    def differences(self, release: Path, made: Manifest) -> list[str]:
        """Paths whose public bytes are not the release's, missing and foreign ones included."""
        public, wanted = manifest.sums_of(self._home(made) / made.version), manifest.sums_of(release)
        return sorted(path for path in public | wanted if public.get(path) != wanted.get(path))

    def stage(self, release: Path, made: Manifest) -> Path:
        """Copies the release, byte by byte and onto the disk, beside its future place."""
        home = self._home(made)
        home.mkdir(parents=True, exist_ok=True)
        staged = home / f"{_STAGED}{made.version}"
        staged.mkdir()
        for path in manifest.files_of(release):
            target = staged / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(release / path, target, follow_symlinks=False)
            _sync(target)
        for folder in (*(p for p in staged.rglob("*") if p.is_dir()), staged):
            _sync(folder)
        return staged

    def history(self, dataset: str) -> Path | None:
        """The dataset's folder: its public versions."""
        return self._root / dataset

    def discard(self, staged: Path, made: Manifest) -> None:
        """Removes the hidden folder."""
        _remove(staged)

    def switch(self, staged: Path, made: Manifest) -> None:
        """Renames the staged folder to its version; a damaged one that was there waits aside."""
        target = self._home(made) / made.version
        if target.exists():
            target.rename(self._home(made) / f"{_REPLACED}{made.version}")
        staged.rename(target)
        _sync(target.parent)

    def settle(self, made: Manifest) -> bool:
        """Rewrites what differs of `releases.json`, `index.html` and, last, `vigente.json`."""
        home = self._home(made)
        written = self._list()
        written |= self._point(home, _releases(home))
        _remove(home / f"{_REPLACED}{made.version}")
        return written

    def _point(self, home: Path, releases: list[Manifest]) -> bool:
        entries = [_entry(m) for m in releases]
        written = _replace(home / "releases.json", _json({"conjunto": home.name, "versiones": entries}))
        return _replace(home / "vigente.json", _json(entries[0])) or written

    def restore(self, made: Manifest) -> None:
        """Renames the version out of sight and back what it replaced; pointers never named it."""
        home = self._home(made)
        withdrawn, replaced = home / f"{_STAGED}{made.version}", home / f"{_REPLACED}{made.version}"
        (home / made.version).rename(withdrawn)
        if replaced.exists():
            replaced.rename(home / made.version)
        _sync(home)
        _remove(withdrawn)

    def withdraw(self, dataset: str, version: str | None) -> str:
        """Renames a version, or every version of the dataset, out of sight, then erases it; pointers follow."""
        home = self._root / dataset
        gone = sorted(p.parent for p in home.glob(f"{version or '[0-9]*'}/{MANIFEST}"))
        if not gone:
            raise PortalError(f"El portal no tiene «{dataset}»" + (f" {version}." if version else "."))
        hidden = [folder.rename(home / f"{_STAGED}retiro-{folder.name}") for folder in gone]
        _sync(home)
        left = _releases(home)
        if left:
            self._point(home, left)
        else:
            _remove(home / "vigente.json")
            _remove(home / "releases.json")
        self._list()
        for folder in hidden:
            _remove(folder)
        return (
            f"quedan las versiones {', '.join(m.version for m in left)}" if left else "el conjunto no tiene versiones"
        )

    def changes(self, release: Path, made: Manifest) -> list[str]:
        """Which versions and files would be new, other or gone for who reads the current version."""
        home = self._home(made)
        former = _releases(home) if home.is_dir() else []
        if not former:
            return [f"crear el conjunto {made.dataset}", *(f"añadir {path}" for path in manifest.files_of(release))]
        now, new = manifest.sums_of(home / former[0].version), manifest.sums_of(release)
        verbs = [("añadir", new.keys() - now.keys()), ("quitar", now.keys() - new.keys())]
        verbs.append(("reemplazar", {path for path in now.keys() & new.keys() if now[path] != new[path]}))
        return [f"{verb} {path}" for verb, paths in verbs for path in sorted(paths)]

    def location(self, made: Manifest) -> str:
        """The version's folder."""
        return str(self._home(made) / made.version)

    def _home(self, made: Manifest) -> Path:
        return self._root / made.dataset

    def _list(self) -> bool:
        """The page that a person opens; whether it was rewritten."""
        homes = sorted({p.parent.parent for p in self._root.glob(f"*/[0-9]*/{MANIFEST}")})
        page = environment(_TEMPLATES).get_template("index.html.j2")
        text = page.render(conjuntos=[_releases(home) for home in homes], datos=_downloads)
        return _replace(self._root / "index.html", text)


def _releases(home: Path) -> list[Manifest]:
    """Public versions of a dataset, the one to use first."""
    found = [manifest.read(p.parent) for p in home.glob(f"[0-9]*/{MANIFEST}")]
    return sorted(found, key=lambda m: parsed(m.version), reverse=True)


def _downloads(made: Manifest) -> list[tuple[str, list[tuple[str, Entry]]]]:
    """Each table's title with its files, by what a person calls their kind."""
    kinds = {".csv": "CSV", ".parquet": "Parquet"}
    found: dict[str, list[tuple[str, Entry]]] = {}
    for entry in made.entries:
        name = PurePosixPath(entry.path)
        if entry.role == "datos" and name.stem in CONTRACTS and name.suffix in kinds:
            found.setdefault(name.stem, []).append((kinds[name.suffix], entry))
    return [(contract.title, found[name]) for name, contract in CONTRACTS.items() if name in found]


def _entry(made: Manifest) -> dict[str, Any]:
    return {
        "conjunto": made.dataset,
        "titulo": made.title,
        "version": made.version,
        "periodos": list(made.periods),
        "fecha_corte": made.cut_off,
        "huella_publicacion": made.digest,
        "ruta": f"{made.version}/",
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _replace(path: Path, text: str) -> bool:
    """Replaces the file by a rename unless it already says the same; whether it did."""
    content = text.encode()
    if path.is_file() and path.read_bytes() == content:
        return False
    fresh = path.with_name(f"{_FRESH}{path.name}")
    fresh.write_bytes(content)
    _sync(fresh)
    fresh.replace(path)
    _sync(path.parent)
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Onto the disk, a file's bytes or a folder's names, before anything depends on them."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
