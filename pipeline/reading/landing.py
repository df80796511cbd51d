"""The landing folder of one period: which files there are, to which source each belongs, and their fingerprints.

What belongs here: matching files to sources and opening their bytes. What does not: what is inside them.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

from pipeline.errors import ProfileError
from pipeline.profile import Profile
from pipeline.reading.errors import UnknownFileError
from pipeline.sources import Source
from pipeline.surveys import Survey

_NOT_EXTRACTS = ("truth.json",)
_HIDDEN = (".", "~$")
_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")


@dataclass(frozen=True)
class Extract:
    """One landing file with its source and its SHA-256 (hexadecimal); `path` is None where it lies elsewhere."""

    name: str
    source: Source
    sha256: str
    size: int
    extracted: datetime
    extracted_by: str
    open: Callable[[], IO[bytes]]
    path: Path | None = None


def files(profile: Profile, folder: Path) -> list[Extract]:
    """The folder's extracts by name; `UnknownFileError` for a file without one source. An absent folder has none."""
    surveys = [survey.archivos for survey in profile.encuestas]
    return [
        _extract(path, source_of(profile, path.name, is_file=path.is_file()))
        for path in _listed(folder)
        if not any(fnmatchcase(path.name, pattern) for pattern in surveys)
    ]


def survey_files(profile: Profile, folder: Path, survey: Survey) -> list[Extract]:
    """The folder's files of one survey, by name; `UnknownFileError` where another survey or a source claims one."""
    found = [path for path in _listed(folder) if path.is_file() and fnmatchcase(path.name, survey.archivos)]
    others = [s for s in profile.encuestas if s.id != survey.id] + [s for s in profile.fuentes if s.archivos]
    for path in found:
        if any(fnmatchcase(path.name, other.archivos) for other in others):
            raise UnknownFileError(f"{path.name}: coincide con la encuesta «{survey.id}» y con otra fuente del perfil.")
    return [_extract(path, survey.source({q.id: q.name for q in survey.preguntas})) for path in found]


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    paths = sorted(folder.iterdir(), key=lambda p: p.name)
    return [path for path in paths if not path.name.startswith(_HIDDEN) and path.name not in _NOT_EXTRACTS]


def _extract(path: Path, source: Source) -> Extract:
    status = path.stat()
    moment, by = extracted(source, path.name, datetime.fromtimestamp(status.st_mtime, UTC).replace(tzinfo=None))
    return Extract(path.name, source, _sha256(path), status.st_size, moment, by, _opener(path), path)


def source_of(profile: Profile, name: str, *, is_file: bool = True) -> Source:
    """The one source of the profile that declares a file of that name."""
    declared = [s for s in profile.fuentes if s.archivos]
    matching = [s for s in declared if fnmatchcase(name, s.archivos)] if is_file else []
    if len(matching) == 1:
        return matching[0]
    if matching:
        names = ", ".join(f"«{s.id}»" for s in matching)
        raise UnknownFileError(f"{name}: coincide con varias fuentes del perfil ({names}); precise «archivos».")
    raise UnknownFileError(
        f"{name}: ninguna fuente del perfil «{profile.nombre}» lo declara. Retírelo o declárelo en fuentes.yaml."
    )


def extracted(source: Source, name: str, otherwise: datetime) -> tuple[datetime, str]:
    """When a file was extracted, and who says so: its name (`nombre`) where the source declares how, else `archivo`."""
    if source.fecha_extraccion is None:
        return otherwise, "archivo"
    found = re.search(source.fecha_extraccion, name)
    date = _DATE.fullmatch(found[1]) if found else None
    try:
        if date is not None:
            return datetime(int(date[1]), int(date[2]), int(date[3])), "nombre"
    except ValueError:
        pass
    raise ProfileError(f"fuentes.yaml: «{source.id}.fecha_extraccion» no encuentra una fecha en «{name}».")


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
