"""Bytes in a declared encoding → UTF-8, chunk by chunk, refusing what does not decode.

What belongs here: decoding and saying where it failed. What does not: rows and columns.
"""

import codecs
import io
import re
import threading
import time
from typing import IO

from pipeline.reading.errors import BrokenFileError, ReadingError, UndecodableError

_CHUNK = 1 << 20
_PATIENCE, _GRACE = 0.5, 0.02
_CODECS = {"utf-8": "utf-8-sig"}  # a byte-order mark is optional
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_ONE_BYTE = ("cp1252", "latin-1")
_C1 = re.compile("[\x80-\x9f]")


def detected(head: bytes) -> str:
    """The encoding of a file by its first bytes: by its mark, as UTF-8 where they are that, as cp1252 otherwise.

    A guess: the decoder then reads the whole file strictly, so that a wrong one fails.
    """
    for mark, encoding in _BOMS.items():
        if head.startswith(mark):
            return encoding
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


class Decoder:
    """The text of a binary stream; errors name file, byte and line, never content.

    Every encoding of one byte decodes nearly anything, so a file that is UTF-8 throughout is refused under one, and so
    is one in cp1252 under latin-1: they would be read without an error and mangled.
    """

    def __init__(self, raw: IO[bytes], encoding: str, name: str) -> None:
        self._raw = raw
        self._name = name
        self._ahead = b""
        if encoding == "auto":
            self._ahead = self._read()
            encoding = detected(self._ahead)
        self.encoding = encoding
        self._decoder = codecs.getincrementaldecoder(_CODECS.get(encoding, encoding))("strict")
        self._utf8 = codecs.getincrementaldecoder("utf-8")("strict") if encoding in _ONE_BYTE else None
        self._beyond_ascii = False
        self._bytes = 0
        self._lines = 1

    def next(self) -> str | None:
        """The next piece of text; None at the end. Raises `UndecodableError` or `BrokenFileError`."""
        text = ""
        while not text:
            chunk, self._ahead = self._ahead or self._read(), b""
            text = self._decode(chunk)
            if not chunk:
                break
        return text or None

    def _read(self) -> bytes:
        failure = ""
        try:
            return self._raw.read(_CHUNK)
        except OSError as caught:
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
                f"{self._name}: el byte {at} (línea {line}) no es texto {self.encoding}."
                " Corrija «codificacion» en fuentes.yaml o el archivo."
            )
        except UnicodeError:
            error = UndecodableError(f"{self._name}: no es texto {self.encoding}.")
        else:
            self._refuse_nul(text)
            self._refuse_mangling(chunk, text)
            self._bytes += len(chunk)
            self._lines += text.count("\n")
            return text
        raise error

    def _refuse_nul(self, text: str) -> None:
        if "\0" in text:
            line = self._lines + text[: text.index("\0")].count("\n")
            raise UndecodableError(f"{self._name}: la línea {line} tiene un byte nulo; el archivo está dañado.")

    def _refuse_mangling(self, chunk: bytes, text: str) -> None:
        if self.encoding == "latin-1" and _C1.search(text):
            raise UndecodableError(f"{self._name}: no es latin-1 sino cp1252. Corrija «codificacion» en fuentes.yaml.")
        if self._utf8 is None:
            return
        self._beyond_ascii = self._beyond_ascii or not chunk.isascii()
        try:
            self._utf8.decode(chunk, final=not chunk)
        except UnicodeDecodeError:
            self._utf8 = None
            return
        if not chunk and self._beyond_ascii:
            raise UndecodableError(
                f"{self._name}: no es {self.encoding} sino UTF-8. Corrija «codificacion» en fuentes.yaml."
            )


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
        self._reading = threading.Lock()
        self._seen = threading.Event()

    def stop(self) -> None:
        """Ends the text here and waits a moment until a consumer that reads ahead in a thread of its own has seen it.

        A thread that is still on its way into Python when the process ends takes the process down with it.
        """
        with self._reading:
            self._rest, self._pending = None, b""
        self._seen.wait(_PATIENCE)
        time.sleep(_GRACE)

    def readable(self) -> bool:
        """True: this is for reading."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; empty at the end."""
        with self._reading:
            while self._rest is not None and (size < 0 or len(self._pending) < size):
                self._pending += self._more()
            wanted = len(self._pending) if size < 0 else size
            taken, self._pending = self._pending[:wanted], self._pending[wanted:]
            if not taken and size:
                self._seen.set()
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
