"""What is no data is refused with its reason, in little memory, before anything of it is loaded."""

import gzip
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest

from pipeline import reading
from pipeline.reading.errors import ReadingError
from schemas.extracts import EXTRACTS
from tests.small_extracts import memory, source, town
from tests.test_reading import CANARY, cells, everything_said, put, read, sheet_file, small, workbook

HEADER = "número,fecha,clase\n"
FULL = os.environ.get("FULL") == "1"


def zipped(**members):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_csv", ".csv"), content)
    return raw.getvalue()


def locked(archive):
    """The archive with every member marked as encrypted."""
    raw = bytearray(archive)
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = raw.find(magic)
        while start >= 0:
            raw[start + at] |= 1
            start = raw.find(magic, start + 4)
    return bytes(raw)


def ole(stream):
    """A compound document that names one stream, as protected workbooks and old ones are."""
    return bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504) + stream.encode("utf-16-le").ljust(512, b"\0")


def bomb(size=80 << 20):
    return zipped(a_csv=HEADER.encode() + b"1,,queja\n" * (size // 9))


def workbook_bomb():
    raw = io.BytesIO()
    openpyxl.Workbook().save(raw)
    with zipfile.ZipFile(raw, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/grande.xml", bytes(70 << 20))
    return raw.getvalue()


row = f"1,,{CANARY}\n".encode()
TEXT = HEADER.encode() + row
TEXTS = {
    "vacío": (b"", "está vacío"),
    "solo espacios": (b" \r\n\r\n ", "está vacío"),
    "solo nulos": (bytes(500), "bytes nulos"),
    "página web": (b"\xef\xbb\xbf\n<!DOCTYPE html><p>" + row, "página web"),
    "página en UTF-16": ("<html>".encode("utf-16"), "página web"),
    "puntero LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", "Git LFS"),
    "PDF": (b"%PDF-1.7 " + row, "documento PDF"),
    "imagen": (b"\x89PNG\r\n" + row, "imagen"),
    "RAR": (b"Rar!\x1a" + row, "RAR"),
    "Excel antiguo": (ole("Workbook"), "libro de Excel antiguo"),
    "Excel protegido": (ole("EncryptedPackage"), "protegido con contraseña"),
    "gz cortado": (gzip.compress(TEXT * 50)[:-12], "dañado o incompleto"),
    "gz alterado": (gzip.compress(TEXT * 50)[:20] + b"\0\0\0\0" + gzip.compress(TEXT * 50)[24:], "dañado|no es texto"),
    "gz dentro de gz": (gzip.compress(gzip.compress(TEXT)), "no se descomprime dos veces"),
    "zip cortado": (zipped(a_csv=TEXT)[:-8], "dañado o incompleto"),
    "zip con clave": (locked(zipped(a_csv=TEXT)), "protegido con contraseña"),
    "zip vacío": (zipped(), "no se descomprime"),
    "zip de dos": (zipped(a_csv=TEXT, b_csv=TEXT), "trae 2 archivos"),
    "zip dentro de zip": (zipped(a_csv=zipped(a_csv=TEXT)), "no se descomprime dos veces"),
    "bomba": (bomb(), "bomba de compresión"),
    "bomba gz": (gzip.compress(HEADER.encode() + b"1,,queja\n" * (9 << 20)), "bomba de compresión"),
    "nulo": (TEXT + b"2,,\0\n", "línea 3 tiene un byte nulo"),
    "medio carácter": (TEXT + b"2,,\xc3", "byte"),
    "10.000 columnas": ((",".join(f"c{i}" for i in range(10_000)) + "\n").encode() + row, "10000 columnas"),
    "una línea": (b"a" * (3 << 20), "primera línea"),
    "una línea con encabezado": (TEXT + b"a" * (20 << 20), "más de 8 MB"),
    "una celda": (TEXT + b'2,,"' + b"a" * (20 << 20), "más de 8 MB"),
    "nombres enormes": (b"a" * 5000 + b",b,c\n" + row, "miles de letras"),
    "UTF-16 sin declarar": (TEXT.decode().encode("utf-16"), "no es texto utf-8"),
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_file_that_is_no_delimited_text_is_refused_with_the_reason(tmp_path, what):
    content, reason = TEXTS[what]
    with pytest.raises(ReadingError, match=reason) as caught:
        read(put(tmp_path, content), small())
    assert "prueba_1.csv" in str(caught.value)
    assert CANARY not in everything_said(caught.value)


BOOKS = {
    "vacío": (b"", "está vacío"),
    "página web": (b"<html><table>" + row, "página web"),
    "texto": (TEXT, "no es un libro XLSX"),
    "protegido": (ole("EncryptedPackage"), "protegido con contraseña"),
    "antiguo": (ole("Workbook"), "libro de Excel antiguo"),
    "bomba": (workbook_bomb(), "bomba de compresión"),
    "un zip cualquiera": (zipped(a_csv=TEXT), "no es un libro XLSX"),
}


@pytest.mark.parametrize("what", BOOKS)
def test_a_file_that_is_no_workbook_is_refused_with_the_reason(tmp_path, what):
    content, reason = BOOKS[what]
    with pytest.raises(ReadingError, match=reason) as caught:
        read(put(tmp_path, content, "prueba_1.xlsx"), workbook())
    assert CANARY not in everything_said(caught.value)


def test_text_of_one_byte_a_letter_is_not_mangled_without_a_word(tmp_path):
    put(tmp_path, HEADER.replace("ú", "u").encode() + "1,,Petición\n".encode())
    plain = {"radicado": {"columna": "numero"}, "fecha_recepcion": {"columna": "fecha"}, "tipo": {"columna": "clase"}}
    for declared in ("cp1252", "latin-1"):
        with pytest.raises(ReadingError, match=r"sino (UTF-8|cp1252)"):
            read(tmp_path, source(columnas=plain, codificacion=declared))
    put(tmp_path, HEADER.replace("ú", "u").encode() + "1,,€\n".encode("cp1252"))
    with pytest.raises(ReadingError, match="sino cp1252"):
        read(tmp_path, source(columnas=plain, codificacion="latin-1"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_encoding_and_delimiter_can_be_detected_and_are_checked_by_the_header(tmp_path, encoding, delimiter):
    text = (HEADER + "1,,Petición\n").replace(",", delimiter)
    put(tmp_path, text.encode(encoding))
    assert cells(read(tmp_path, small(codificacion="auto", delimitador="auto")), "radicado", "tipo") == [
        ("1", "Petición")
    ]


def test_a_wrong_guess_fails(tmp_path):
    late = HEADER.encode() + b"1,,queja\n" * 200_000 + "2,,Petición\n".encode("cp1252")
    with pytest.raises(ReadingError, match="no es texto utf-8"):
        read(put(tmp_path, late), small(codificacion="auto"))
    with pytest.raises(ReadingError, match="ningún delimitador"):
        read(put(tmp_path, "número:fecha:clase\n1::queja\n"), small(delimitador="auto"))


@pytest.mark.parametrize("name", ["prueba_1.csv", "prueba_1.csv.gz", "prueba_1.zip"])
def test_a_container_is_told_by_its_bytes_not_by_its_name(tmp_path, name):
    for content in (TEXT, gzip.compress(TEXT), zipped(a_csv=TEXT)):
        put(tmp_path, content, name)
        assert cells(read(tmp_path, small(archivos="prueba_*")), "archivo", "fila") == [(name, 2)]


def test_declared_members_of_a_zip_are_read_each_with_its_name(tmp_path):
    archive = zipped(
        enero_csv=TEXT, febrero_csv=HEADER.encode() + b"2,,b\n3,,c\n", LEAME=b"x", **{"__MACOSX/._enero.csv": b"x"}
    )
    put(tmp_path, archive, "prueba_1.zip")
    rows = read(tmp_path, small(archivos="*.zip", miembros="*.csv"))
    assert cells(rows, "archivo", "fila") == [
        ("prueba_1.zip#enero.csv", 2), ("prueba_1.zip#febrero.csv", 2), ("prueba_1.zip#febrero.csv", 3),
    ]  # fmt: skip


def test_a_compressed_workbook_is_read(tmp_path):
    sheet_file(tmp_path, [["número", "fecha", "clase"], [1, None, "queja"]])
    whole = (tmp_path / "prueba_1.xlsx").read_bytes()
    put(tmp_path, zipped(libro=whole), "prueba_1.xlsx")
    assert cells(read(tmp_path, workbook()), "radicado", "tipo") == [("1", "queja")]
    put(tmp_path, gzip.compress(whole), "prueba_1.xlsx")
    assert cells(read(tmp_path, workbook()), "radicado", "tipo") == [("1", "queja")]


def test_a_refused_file_leaves_nothing_in_the_store(tmp_path):
    tables = memory()
    put(tmp_path, TEXT)
    put(tmp_path, TEXTS["bomba"][0], "prueba_2.csv")
    with pytest.raises(ReadingError):
        reading.load(town(small()), tmp_path, "2025-S1", tables)
    assert tables.table(EXTRACTS).count().execute() == 0


MEASURED = """
import resource, sys
from pathlib import Path
from pipeline import reading
from tests.small_extracts import memory, town
from tests.test_reading import put, read, small
from pipeline.reading.errors import ReadingError
folder = Path(sys.argv[1])
(folder / "calienta").mkdir()
read(put(folder / "calienta", "número,fecha,clase\\n1,,queja\\n"), small())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read(folder / "grande", small())
except ReadingError as refused:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, refused)
"""


@pytest.mark.parametrize("start", ["", HEADER, HEADER + '1,,"'], ids=["sin encabezado", "tras él", "entre comillas"])
def test_a_line_without_an_end_is_refused_in_bounded_memory(tmp_path, start):
    size = 1 << 30 if FULL else 96 << 20
    (tmp_path / "grande").mkdir()
    with (tmp_path / "grande" / "prueba_1.csv").open("wb") as out:
        out.write(start.encode())
        for _ in range(size >> 20):
            out.write(b"a" * (1 << 20))
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    grown, refused = done.stdout.split(" ", 1)
    assert "prueba_1.csv" in refused
    assert int(grown) < 128 << 10, "kB beyond what reading a small file needs"
