"""Bytes in a declared encoding → UTF-8, chunk by chunk, refusing what does not decode.

What belongs here: decoding and saying where it failed. What does not: rows and columns.
"""

import codecs
import io
import zlib
from typing import IO

from pipeline.reading.errors import BrokenFileError, ReadingError, UndecodableError

_CHUNK = 1 << 20
_CODECS = {"utf-8": "utf-8-sig"}  # a byte-order mark is optional


class Decoder:
    """The text of a binary stream; errors name file, byte and line, never content."""

    def __init__(self, raw: IO[bytes], encoding: str, name: str) -> None:
        self._raw = raw
        self._encoding = encoding
        self._name = name
        self._decoder = codecs.getincrementaldecoder(_CODECS.get(encoding, encoding))("strict")
        self._bytes = 0
        self._lines = 1

    def next(self) -> str | None:
        """The next piece of text; None at the end. Raises `UndecodableError` or `BrokenFileError`."""
        text = ""
        while not text:
            chunk = self._chunk()
            text = self._decode(chunk)
            if not chunk:
                break
        return text or None

    def _chunk(self) -> bytes:
        failure = ""
        try:
            return self._raw.read(_CHUNK)
        except (OSError, EOFError, zlib.error) as caught:
            failure = type(caught).__name__
        # outside the handler, so that no cause travels with the error
        raise BrokenFileError(f"{self._name}: no se pudo leer el archivo ({failure}).")

    def _decode(self, chunk: bytes) -> str:
        error: ReadingError
        try:
            text = self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as caught:
            # the decoder may hold bytes of earlier chunks, or have skipped a byte-order mark
            at = self._bytes + caught.start - (len(caught.object) - len(chunk))
            line = self._lines + caught.object[: caught.start].count(b"\n")
            error = UndecodableError(
                f"{self._name}: el byte {at} (línea {line}) no es texto {self._encoding}."
                " Corrija «codificacion» en fuentes.yaml o el archivo."
            )
        except UnicodeError:
            error = UndecodableError(f"{self._name}: no es texto {self._encoding}.")
        else:
            self._bytes += len(chunk)
            self._lines += text.count("\n")
            return text
        raise error


class Utf8Source(io.RawIOBase):
    """A file object of UTF-8 bytes: some text already read, the rest of a `Decoder`, and a last line of our own.

    `failure` keeps the error of the decoder, which the consumer may wrap.
    """

    def __init__(self, head: str, rest: Decoder, last_line: str) -> None:
        self._pending = head.encode()
        self._rest: Decoder | None = rest
        self._last_line = last_line
        self._ends_in_newline = not head or head.endswith(("\n", "\r"))
        self.failure: ReadingError | None = None

    def readable(self) -> bool:
        """True: this is for reading."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; empty at the end."""
        while self._rest is not None and (size < 0 or len(self._pending) < size):
            self._pending += self._more()
        wanted = len(self._pending) if size < 0 else size
        taken, self._pending = self._pending[:wanted], self._pending[wanted:]
        return taken

    def _more(self) -> bytes:
        if self._rest is None:
            return b""
        try:
            text = self._rest.next()
        except ReadingError as caught:
            self.failure = caught
            raise
        if text is None:
            self._rest = None
            return (("" if self._ends_in_newline else "\n") + self._last_line).encode()
        self._ends_in_newline = text.endswith(("\n", "\r"))
        return text.encode()
