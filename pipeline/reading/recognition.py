"""What a file really is, by its first bytes: what is no data is refused before anything of it is loaded.

What belongs here: telling a web page, a pointer, a protected workbook or an empty file from an extract. What does not:
decoding (`text`), containers (`containers`) and formats.
"""

from typing import IO

from pipeline.reading.errors import BrokenFileError

HEAD = 4096
GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_PROTECTED = "EncryptedPackage".encode("utf-16-le")
_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_BLOCK = 1 << 20
_SEARCHED = 256 << 20
_STARTS = {
    b"version https://git-lfs": "es un puntero de Git LFS, no el extracto",
    b"%PDF": "es un documento PDF, no un extracto",
    b"\x89PNG": "es una imagen, no un extracto",
    b"\xff\xd8\xff": "es una imagen, no un extracto",
    b"Rar!": "es un archivo RAR, que no se admite: use ZIP o GZ",
    b"7z\xbc\xaf": "es un archivo 7z, que no se admite: use ZIP o GZ",
    b"SQLite format 3\0": "es una base de datos SQLite, no un extracto",
    b"PAR1": "es un archivo Parquet, que no se admite",
}


def refuse_what_is_no_data(content: IO[bytes], form: str, name: str) -> None:
    """Raises `BrokenFileError` with the reason where a (decompressed) file is not of the declared form.

    `content` is at its start and is read as far as needed; the caller opens the file anew to load it.
    """
    head = content.read(HEAD)
    reason = _reason(head, form)
    if not reason and head.startswith(_OLE):
        reason = (
            "está protegido con contraseña: pida el libro sin contraseña"
            if _holds(head, content)
            else "es un libro de Excel antiguo (.xls): guárdelo como XLSX"
        )
    if reason:
        raise BrokenFileError(f"{name}: {reason}.")


def _reason(head: bytes, form: str) -> str:
    if not head.strip(b" \t\r\n\0"):
        return "el archivo está vacío" if not head.strip(b" \t\r\n") else "el archivo solo tiene bytes nulos"
    for start, what in _STARTS.items():
        if head.startswith(start):
            return what
    if head.startswith((GZIP, _EMPTY_ZIP)) or (form != "xlsx" and head.startswith(ZIP)):
        return "es un archivo comprimido u hoja de cálculo donde se esperaba texto; no se descomprime dos veces"
    if _text(head).lstrip().startswith("<"):
        return "parece una página web, no un extracto"
    if form == "xlsx" and not head.startswith((ZIP, _OLE)):
        return "no es un libro XLSX"
    return ""


def _text(head: bytes) -> str:
    if head.startswith(_UTF16_BOMS):
        return head.decode("utf-16", "ignore")
    return head.removeprefix(_UTF8_BOM).decode("latin-1")


def _holds(head: bytes, content: IO[bytes]) -> bool:
    """Whether the protected-package stream is named; read block by block, never whole."""
    tail = head
    for _ in range(_SEARCHED // _BLOCK):
        if _PROTECTED in tail:
            return True
        block = content.read(_BLOCK)
        if not block:
            return False
        tail = tail[-len(_PROTECTED) :] + block
    return False
