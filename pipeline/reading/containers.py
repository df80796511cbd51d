"""From a landing file to the bytes of each of its parts: plain, in a GZ, or the members of a ZIP, within bounds.

What belongs here: decompression and its limits. What does not: what the bytes mean. Whether a file is compressed is
told by its first bytes, not by its name.
"""

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import IO, cast

from pipeline.reading.errors import BrokenFileError
from pipeline.reading.landing import Extract
from pipeline.reading.recognition import GZIP, HEAD, ZIP, refuse_what_is_no_data

MAX_EXPANSION = 250
"""How many times its size a compressed file may become; text of real extracts stays below 50."""

_ALWAYS_ALLOWED = 64 << 20
_MAX_IN_MEMORY = 256 << 20
_MAX_MEMBERS = 1_000
_WORKBOOK = "[Content_Types].xml"
_FURNITURE = ("__MACOSX/", ".")
_DAMAGED = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Part:
    """The bytes of one table: `name` is the file's, with its member after `#` where several are declared."""

    name: str
    open: Callable[[], IO[bytes]]


def parts(extract: Extract) -> Iterator[Part]:
    """The parts of a file, each checked to be data of the declared form; `BrokenFileError` says why not.

    A ZIP must hold one file, or declare in `miembros` which ones are wanted.
    """
    for part in _parts(extract):
        with _reported(part.name), part.open() as content:
            refuse_what_is_no_data(content, extract.source.formato, part.name)
        yield part


def _parts(extract: Extract) -> Iterator[Part]:
    with _reported(extract.name), extract.open() as content:
        head = content.read(HEAD)
    if head.startswith(GZIP):
        yield Part(extract.name, lambda: _gunzipped(extract))
    elif head.startswith(ZIP):
        with _reported(extract.name), extract.open() as content, zipfile.ZipFile(content) as archive:
            members = archive.infolist()
        if any(member.filename == _WORKBOOK for member in members) and extract.source.formato == "xlsx":
            yield Part(extract.name, extract.open)
        else:
            yield from (_member(extract, *named) for named in _wanted(extract, members))
    else:
        yield Part(extract.name, extract.open)


def _wanted(extract: Extract, members: list[zipfile.ZipInfo]) -> list[tuple[str, zipfile.ZipInfo]]:
    if len(members) > _MAX_MEMBERS:
        raise BrokenFileError(f"{extract.name}: el ZIP trae {len(members)} archivos; el máximo es {_MAX_MEMBERS}.")
    files = [m for m in members if not m.is_dir() and not m.filename.startswith(_FURNITURE)]
    pattern = extract.source.miembros
    if pattern is None:
        if len(files) != 1:
            raise BrokenFileError(
                f"{extract.name}: el ZIP trae {len(files)} archivos; declare en «miembros» cuáles se leen."
            )
        return [(extract.name, files[0])]
    chosen = [m for m in files if fnmatchcase(m.filename, pattern)]
    if not chosen:
        raise BrokenFileError(f"{extract.name}: ningún archivo del ZIP coincide con «miembros».")
    names = [m.filename for m in chosen]
    if len(set(names)) != len(names):
        raise BrokenFileError(f"{extract.name}: el ZIP trae dos veces un mismo archivo.")
    return [(f"{extract.name}#{m.filename}", m) for m in sorted(chosen, key=lambda m: m.filename)]


def _member(extract: Extract, name: str, member: zipfile.ZipInfo) -> Part:
    if member.flag_bits & 1:
        raise BrokenFileError(f"{name}: está protegido con contraseña: pida el archivo sin contraseña.")

    def opened() -> IO[bytes]:
        with ExitStack() as closing, _reported(name):
            archive = closing.enter_context(zipfile.ZipFile(closing.enter_context(extract.open())))
            inside = closing.enter_context(archive.open(member))
            return _bounded(inside, member.compress_size, name, extract.source.formato, closing.pop_all())

    return Part(name, opened)


def _gunzipped(extract: Extract) -> IO[bytes]:
    with ExitStack() as closing, _reported(extract.name):
        outside = closing.enter_context(extract.open())
        inside = closing.enter_context(gzip.GzipFile(fileobj=outside))
        content = cast(IO[bytes], inside)
        return _bounded(content, extract.size, extract.name, extract.source.formato, closing.pop_all())


def _bounded(content: IO[bytes], compressed: int, name: str, form: str, closing: ExitStack) -> IO[bytes]:
    stream = Bounded(content, max(_ALWAYS_ALLOWED, MAX_EXPANSION * compressed), name, closing)
    if form != "xlsx":
        return cast(IO[bytes], stream)
    # a workbook is read in no order; in memory, because a temporary file would be a copy in the clear
    with stream:
        whole = stream.read(_MAX_IN_MEMORY + 1)
    if len(whole) > _MAX_IN_MEMORY:
        raise BrokenFileError(f"{name}: el libro comprimido pasa de 256 MB; entréguelo sin comprimir.")
    return io.BytesIO(whole)


class Bounded(io.RawIOBase):
    """A decompressed stream that stops with `BrokenFileError` beyond `limit` bytes, and hides the library's errors."""

    def __init__(self, content: IO[bytes], limit: int, name: str, closing: ExitStack) -> None:
        self._content = content
        self._left = limit
        self._name = name
        self._closing = closing

    def readable(self) -> bool:
        """True: this is for reading."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` decompressed bytes."""
        wanted = self._left + 1 if size < 0 else min(size, self._left + 1)
        with _reported(self._name):
            taken = self._content.read(wanted)
        self._left -= len(taken)
        if self._left < 0:
            raise BrokenFileError(
                f"{self._name}: se expande más de {MAX_EXPANSION} veces su tamaño; parece una bomba de compresión."
            )
        return taken

    def close(self) -> None:
        """Closes the stream and the archive it comes from."""
        self._closing.close()
        super().close()


@contextmanager
def _reported(name: str) -> Iterator[None]:
    """Turns what a decompressor raises into a `BrokenFileError` with its kind only, without a cause."""
    try:
        yield
    except _DAMAGED as caught:
        raise BrokenFileError(f"{name}: el archivo está dañado o incompleto ({type(caught).__name__}).") from None
