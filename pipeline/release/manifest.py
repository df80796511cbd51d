"""The list of a release's files with their hashes, and the one digest that names the release.

What belongs here: MANIFIESTO.json, SHA256SUMS, the digest. What does not: judging them (`rules.files`), publishing.

The digest is the SHA-256 of the sorted lines of `sha256sum` over every listed file, so that a reader can recompute it
with standard tools; dataset, version and periods are bound to it through datapackage.json, which is listed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.release.inputs import ReleaseError

MANIFEST = "MANIFIESTO.json"
SUMS = "SHA256SUMS"

MEDIA_TYPES = {
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
    ".json": "application/json",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".md": "text/markdown",
    ".txt": "text/plain",
    ".cff": "application/yaml",
}
"""Media types (IANA) of the only kinds of file that a release may hold."""

_ROLES = {
    "datos": "datos",
    "esquema": "esquema",
    "informe": "informe",
    "privacidad": "privacidad",
    "calidad": "calidad",
}


@dataclass(frozen=True)
class Entry:
    """One file: its path inside the release, size in bytes, SHA-256, media type and role."""

    path: str
    size: int
    sha256: str
    media_type: str
    role: str


@dataclass(frozen=True)
class Manifest:
    """What a release says of itself; `digest` names it everywhere."""

    dataset: str
    title: str
    version: str
    periods: tuple[str, ...]
    cut_off: str
    schema_versions: Mapping[str, str]
    entries: tuple[Entry, ...]
    digest: str

    def to_json(self) -> dict[str, Any]:
        """The content of MANIFIESTO.json."""
        return {
            "conjunto": self.dataset,
            "titulo": self.title,
            "version": self.version,
            "periodos": list(self.periods),
            "fecha_corte": self.cut_off,
            "version_esquema": dict(sorted(self.schema_versions.items())),
            "huella_publicacion": self.digest,
            "archivos": [
                {"ruta": e.path, "bytes": e.size, "sha256": e.sha256, "tipo": e.media_type, "rol": e.role}
                for e in self.entries
            ],
        }


def files_of(folder: Path) -> list[str]:
    """Paths of every entry below `folder` that is not a directory, links and hidden files included, sorted."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_symlink() or not p.is_dir())


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sums_of(folder: Path) -> dict[str, str]:
    """Path and SHA-256 of every file below `folder`."""
    return {path: sha256_of(folder / path) for path in files_of(folder)}


def digest_of(sums: Iterable[tuple[str, str]]) -> str:
    """The release's digest from pairs (path, sha256)."""
    lines = sorted(f"{sha256}  {path}\n" for path, sha256 in sums)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def entries_of(folder: Path) -> tuple[Entry, ...]:
    """Every file that a manifest lists: all but the manifest itself and the sums."""
    return tuple(
        Entry(
            path=path,
            size=(folder / path).stat().st_size,
            sha256=sha256_of(folder / path),
            media_type=MEDIA_TYPES.get((folder / path).suffix, "application/octet-stream"),
            role=_ROLES.get(path.split("/", maxsplit=1)[0], "documentacion") if "/" in path else "documentacion",
        )
        for path in files_of(folder)
        if path not in {MANIFEST, SUMS}
    )


def write(folder: Path, manifest: Manifest) -> None:
    """Writes MANIFIESTO.json and then SHA256SUMS, which covers it too."""
    text = json.dumps(manifest.to_json(), ensure_ascii=False, indent=2) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")
    sums = [f"{sha256_of(folder / path)}  {path}\n" for path in files_of(folder) if path != SUMS]
    (folder / SUMS).write_text("".join(sums), encoding="utf-8", newline="\n")


def read(folder: Path) -> Manifest:
    """The manifest of a release folder as it is written; raises `ReleaseError` where it cannot be read."""
    try:
        raw = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        entries = tuple(
            Entry(str(e["ruta"]), int(e["bytes"]), str(e["sha256"]), str(e["tipo"]), str(e["rol"]))
            for e in raw["archivos"]
        )
        return Manifest(
            dataset=str(raw["conjunto"]),
            title=str(raw["titulo"]),
            version=str(raw["version"]),
            periods=tuple(str(p) for p in raw["periodos"]),
            cut_off=str(raw["fecha_corte"]),
            schema_versions={str(k): str(v) for k, v in raw["version_esquema"].items()},
            entries=entries,
            digest=str(raw["huella_publicacion"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ReleaseError(f"{MANIFEST} falta o no se puede leer.") from None
