"""The landing folder of one period: which files there are, to which source each belongs, and their fingerprints.

What belongs here: matching files to sources and opening their bytes. What does not: what is inside them.
"""

import gzip
import hashlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, cast

from pipeline.profile import Profile, Source
from pipeline.reading.errors import NothingToRead, UnknownFileError

_NOT_EXTRACTS = ("truth.json",)
_HIDDEN = (".", "~$")


@dataclass(frozen=True)
class Extract:
    """One landing file with its source and its SHA-256 (hexadecimal)."""

    path: Path
    source: Source
    sha256: str

    @property
    def name(self) -> str:
        """The file's name: what every message and every row carries."""
        return self.path.name

    def open(self) -> IO[bytes]:
        """The file's bytes, decompressed on the way where its name ends in `.gz`."""
        if self.name.endswith(".gz"):
            return cast(IO[bytes], gzip.open(self.path, "rb"))
        return self.path.open("rb")


def extracts(profile: Profile, folder: Path, period: str) -> list[Extract]:
    """The period's extracts by name; `NothingToRead` for none, `UnknownFileError` for a file without one source."""
    if not folder.is_dir():
        raise NothingToRead(period)
    found = []
    for path in sorted(folder.iterdir(), key=lambda p: p.name):
        if path.name.startswith(_HIDDEN) or path.name in _NOT_EXTRACTS:
            continue
        found.append(Extract(path, _source_of(profile, path), _sha256(path)))
    if not found:
        raise NothingToRead(period)
    return found


def _source_of(profile: Profile, path: Path) -> Source:
    matching = [s for s in profile.fuentes if fnmatchcase(path.name, s.archivos)] if path.is_file() else []
    if len(matching) == 1:
        return matching[0]
    if matching:
        names = ", ".join(f"«{s.id}»" for s in matching)
        raise UnknownFileError(f"{path.name}: coincide con varias fuentes del perfil ({names}); precise «archivos».")
    raise UnknownFileError(
        f"{path.name}: ninguna fuente del perfil «{profile.nombre}» lo declara. Retírelo o declárelo en fuentes.yaml."
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
