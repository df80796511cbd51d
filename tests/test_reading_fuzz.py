"""Thousands of mangled files: each is read whole or refused in words, at once, and no word is a cell's."""

import csv
import gzip
import io
import json
import os
import random
import resource
import time
import traceback
import zipfile

import openpyxl
import pytest

from pipeline.errors import PqrsdError
from pipeline.reading import formats, landing
from pipeline.reading.mapping import Mapping, Origin
from tests.small_extracts import source, town

FULL = os.environ.get("FULL") == "1"
FILES = 10_000 if FULL else 400
SECONDS = 10
MEGABYTES = 300
COLUMNS = {
    "radicado": {"columna": "número", "identificador": True},
    "nombre": {"columna": "nombre completo", "entidades": True},
    "sexo": {"opciones": {"H": "hombre", "M": "mujer"}},
    "tipo": {"columna": "código", "etiqueta": "clase", "codigos": {"1": "queja", "Queja": "queja"}},
    "fecha_recepcion": {"columna": "fecha"},
}
HEADER = ["número", "nombre completo", "H", "M", "código", "clase", "fecha", "saldo"]
WORD = "canario"
"""Part of every cell: no message may hold it."""

TOKENS = [b'"', b'""', b";", b",", b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xc3", b"\xef\xbb\xbf",
          b"{", b"}", b"[", b"]", b"\\u0000", b"\\ud800", b"1e999", b"&#0;", b"<html>",
          b"PK\x03\x04", b"\x1f\x8b", b"NaN", b"null", b"\x1d", b"\x80",
          b"\xe2\x80\xa8", b"(" * 500, b"[" * 3000, b"9" * 400]  # fmt: skip


def cells(n):
    name = f"Ana {WORD}, «{n}»\nde Mar & Sol"
    return [f"{n}{WORD}", name, "x" if n % 2 else "", "", "1", "Queja", f"2025-01-0{n % 9 + 1} {WORD}", f"-{n}{WORD}"]


ROWS = [cells(n) for n in range(40)]


def as_csv(encoding="utf-8", delimiter=","):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows([HEADER, *ROWS])
    return out.getvalue().encode(encoding)


def as_json(lines):
    records = [dict(zip(HEADER, row, strict=True)) for row in ROWS]
    whole = "\n".join(json.dumps(r, ensure_ascii=False) for r in records) if lines else json.dumps(records, indent=1)
    return whole.encode()


def as_book():
    made = openpyxl.Workbook()
    for row in [HEADER, *ROWS]:
        made.active.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def zipped(content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("datos.csv", content)
    return out.getvalue()


WHOLE = {
    "csv": (as_csv(), {}),
    "auto": (as_csv(delimiter=";"), {"codificacion": "auto", "delimitador": "auto"}),
    "cp1252": (as_csv("cp1252"), {"codificacion": "cp1252"}),
    "utf16": (as_csv("utf-16"), {"codificacion": "utf-16"}),
    "gz": (gzip.compress(as_csv(), mtime=0), {}),
    "zip": (zipped(as_csv()), {}),
    "dos filas": (b"a,b,c,d,e,f,g,h\n" + as_csv(), {"fila_encabezado": "buscar"}),
    "jsonl": (as_json(True), {"formato": "jsonl"}),
    "json": (as_json(False), {"formato": "json"}),
    "xlsx": (as_book(), {"formato": "xlsx"}),
}


def mangled(content, other, chance):
    """The content after one to four accidents."""
    whole = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(whole) + 1)
        to = min(len(whole), at + chance.choice([1, 2, 7, 60, 900]))
        match chance.randrange(8):
            case 0:
                whole[at:to] = b""
            case 1:
                whole[at:at] = chance.choice(TOKENS)
            case 2:
                whole[at:at] = whole[at:to]
            case 3:
                del whole[at:]
            case 4:
                whole[at:to] = bytes(chance.randrange(256) for _ in range(to - at))
            case 5:
                start = chance.randrange(len(other))
                whole[at:to] = other[start : start + to - at]
            case 6:
                whole += content
            case 7 if at < len(whole):
                whole[at] ^= 1 << chance.randrange(8)
    return bytes(whole)


def outcome(folder, kind, content):
    """The rows of a file as (number, defect), or the words with which it was refused."""
    path = folder / f"prueba_1.{kind}"
    path.write_bytes(content)
    how = {"archivos": "prueba_*", "columnas": COLUMNS, "descartadas": {"saldo": "Ley 1266"}} | WHOLE[kind][1]
    declared = source(**how)
    try:
        rows = []
        for extract in landing.files(town(declared), folder):
            for table in formats.tables(extract):
                origin = Origin("2025-S1", table.name, extract.sha256)
                mapping = Mapping.of(declared, origin, table.header, table.header_row)
                for chunk in table.chunks():
                    read = mapping.rows(chunk)
                    assert read.num_rows == len(chunk.fila)
                    rows += zip(read["fila"].to_pylist(), read["defecto_lectura"].to_pylist(), strict=True)
                    assert "saldo" not in read.schema.names
        return rows
    except PqrsdError as refused:
        return str(refused) + "".join(traceback.format_exception(refused))
    finally:
        path.unlink()


@pytest.mark.parametrize("kind", WHOLE)
def test_the_files_are_whole_before_they_are_mangled(tmp_path, kind):
    rows = outcome(tmp_path, kind, WHOLE[kind][0])
    assert [defect for _, defect in rows] == [None] * len(ROWS)


@pytest.mark.parametrize("kind", WHOLE)
def test_a_mangled_file_is_read_whole_or_refused_without_a_cell_of_it(tmp_path, kind):
    chance = random.Random(f"{kind} 7731")
    content = WHOLE[kind][0]
    others = [whole for whole, _ in WHOLE.values()]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read = refused = 0
    for _ in range(FILES // len(WHOLE)):
        broken = mangled(content, chance.choice(others), chance)
        start = time.monotonic()
        found = outcome(tmp_path, kind, broken)
        assert time.monotonic() - start < SECONDS
        if isinstance(found, str):
            refused += 1
            assert WORD not in found
        else:
            read += 1
            numbers = [number for number, _ in found]
            assert len(set(numbers)) == len(numbers), "each row once"
            assert min(numbers, default=1) >= 1
    assert refused, "the accidents do break files"
    assert read or kind in ("gz", "zip", "xlsx", "json", "utf16")
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10 < MEGABYTES


@pytest.mark.parametrize("kind", ["csv", "auto", "cp1252", "gz", "zip"])
def test_accidents_inside_cells_lose_no_row(tmp_path, kind):
    """Letters become others, quotes and ends of line stay: as many rows as before, defects and all."""
    chance = random.Random(f"{kind} celdas")
    encoding = WHOLE[kind][1].get("codificacion", "utf-8").replace("auto", "utf-8")
    delimiter = ";" if kind == "auto" else ","
    for _ in range(FILES // 40):
        rows = [[*row] for row in ROWS]
        short = {n for n in range(len(rows)) if chance.random() < 0.1}
        for n, row in enumerate(rows):
            for i in range(len(row)):
                row[i] = "".join(chance.choice('ñé"; ,\n€xyz&<>%') if chance.random() < 0.2 else c for c in row[i])
            if n in short:
                del row[-1]
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=delimiter).writerows([HEADER, *rows])
        content = out.getvalue().encode(encoding)
        content = gzip.compress(content) if kind == "gz" else zipped(content) if kind == "zip" else content
        found = outcome(tmp_path, kind, content)
        assert [number for number, _ in sorted(found)] == list(range(2, len(rows) + 2))
        assert {number - 2 for number, defect in found if defect} == short
