"""A whole release as one zip file, written the same way every time and read without trust.

What belongs here: packing and unpacking a release folder. What does not: judging it (`verify`), publishing it.
"""

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from pipeline.release import manifest
from pipeline.release.inputs import ReleaseError

_EPOCH = (1980, 1, 1, 0, 0, 0)
MOST_FILES = 5_000
MOST_BYTES = 8 << 30
"""Limits of what is unpacked: an archive from outside may be a trap."""


def pack(folder: Path, target: Path) -> None:
    """Writes the folder's files into `target`, in order and without dates, owners or folders."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in manifest.files_of(folder):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            with (folder / path).open("rb") as source, archive.open(entry, "w", force_zip64=True) as sink:
                while block := source.read(1 << 20):
                    sink.write(block)


def unpack(source: Path, folder: Path) -> None:
    """Writes the archive's files below `folder`, which is made.

    Raises `ReleaseError` where a name would leave the folder, stands twice or is no plain file, or where the content is
    larger than any release.
    """
    folder.mkdir(parents=True)
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
            _refuse_traps(entries)
            left = MOST_BYTES
            for entry in entries:
                target = folder / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as packed, target.open("wb") as sink:
                    while block := packed.read(1 << 20):
                        left -= len(block)
                        if left < 0:
                            raise ReleaseError("El zip de la entrega es demasiado grande.")
                        sink.write(block)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
        raise ReleaseError("El zip de la entrega no se puede leer.") from None


def _refuse_traps(entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if len(names) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise ReleaseError("El zip de la entrega es demasiado grande.")
    if len(set(names)) != len(names):
        raise ReleaseError("El zip de la entrega tiene dos veces el mismo archivo.")
    for entry in entries:
        path = PurePosixPath(entry.filename)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        plain = kind in {0, stat.S_IFREG} and not entry.is_dir()
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or not path.parts or not plain:
            raise ReleaseError("El zip de la entrega tiene un nombre que no es el de un archivo de una entrega.")
