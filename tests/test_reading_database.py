"""A document system's database is read through its own server; no error repeats an address, a password or a value."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from pipeline import reading
from pipeline.reading.errors import ReadingError
from schemas.extracts import EXTRACTS, FILES_READ
from tests.small_extracts import build, memory, source, town
from tests.test_reading import CANARY, cells, everything_said

BINARIES = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: int(path.parent.name))
PASSWORD = "una-clave-7731"
COLUMNS = {
    "radicado": {"columna": "numero"},
    "fecha_recepcion": {"columna": "recibido"},
    "tipo": {"columna": "clase"},
    "documento_numero": {"columna": "edad"},
    "anonima": {"columna": "anonimo"},
}
ROWS = f"""
CREATE SCHEMA gestion;
CREATE TABLE gestion.radicados
  (numero bigint, recibido timestamp, clase text, edad numeric, anonimo boolean, nota text);
INSERT INTO gestion.radicados VALUES
  (20250001, '2025-03-03 10:30:00', 'Queja ñ', 12345678901234567890, true, '{CANARY}'),
  (20250002, '2025-03-04', NULL, NULL, false, NULL),
  (20250003, '2024-12-31 23:59:59', 'Queja', 1, NULL, NULL);
"""

pytestmark = pytest.mark.skipif(BINARIES is None, reason="no hay PostgreSQL en /usr/lib/postgresql")


def as_somebody(arguments):
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "nobody", "--", *arguments] if os.geteuid() == 0 else list(arguments)


@pytest.fixture(scope="module")
def address():
    """A server of our own on loopback with one table; its connection string."""
    home = Path(tempfile.mkdtemp(prefix="pqrsd-pg-"))
    if os.geteuid() == 0:
        shutil.chown(home, "nobody")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    secret = home / "clave"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    run = lambda *arguments: subprocess.run(as_somebody(arguments), check=True, capture_output=True, cwd="/")  # noqa: E731
    try:
        run(BINARIES / "initdb", "-D", home / "datos", "-U", "lector", "-A", "scram-sha-256", "--pwfile", secret,
            "-E", "UTF8", "--locale", "C")  # fmt: skip
        run(BINARIES / "pg_ctl", "-D", home / "datos", "-w", "-l", home / "registro", "-o",
            f"-h 127.0.0.1 -p {port} -k {home}", "start")  # fmt: skip
        dsn = f"host=127.0.0.1 port={port} user=lector password={PASSWORD} dbname=postgres"
        subprocess.run([BINARIES / "psql", "-q", dsn, "-c", ROWS], check=True, capture_output=True)
        yield dsn
    finally:
        subprocess.run(as_somebody([BINARIES / "pg_ctl", "-D", home / "datos", "-m", "immediate", "stop"]),
                       check=False, capture_output=True, cwd="/")  # fmt: skip
        shutil.rmtree(home, ignore_errors=True)


def database(**changes):
    plain = {"formato": "postgres", "archivos": "", "formatos_fecha": [], "columnas": COLUMNS,
             "conexion": {"variable": "PQRSD_PRUEBA_BASE"}, "ignoradas": {"nota": "no se usa"},
             "tabla": "gestion.radicados"}  # fmt: skip
    return source(**(plain | changes))


def load(folder, *sources):
    tables = memory()
    reading.load(town(*sources), folder, "2025-S1", tables)
    return tables


def test_a_table_is_read_whole_with_its_fingerprint(tmp_path, address, monkeypatch):
    monkeypatch.setenv("PQRSD_PRUEBA_BASE", address)
    tables = load(tmp_path, database())
    rows = tables.table(EXTRACTS).order_by("fila").to_pandas()
    assert cells(rows, "archivo", "fila", "radicado", "fecha_recepcion", "tipo", "documento_numero", "anonima") == [
        ("prueba.gestion.radicados", 1, "20250001", "2025-03-03 10:30:00", "Queja ñ", "12345678901234567890", "true"),
        ("prueba.gestion.radicados", 2, "20250002", "2025-03-04 00:00:00", None, None, "false"),
        ("prueba.gestion.radicados", 3, "20250003", "2024-12-31 23:59:59", "Queja", "1", None),
    ]
    assert CANARY not in rows.to_csv()
    read = tables.table(FILES_READ).to_pandas().iloc[0]
    assert (read.extraido_segun, read.filas, len(read.archivo_sha256)) == ("lectura", 3, 64)
    again = load(tmp_path, database()).table(FILES_READ).to_pandas().iloc[0]
    assert again.archivo_sha256 == read.archivo_sha256


def test_a_query_gets_the_semesters_days_and_its_rows_become_petitions(tmp_path, address, monkeypatch):
    monkeypatch.setenv("PQRSD_PRUEBA_BASE", address)
    query = (
        "SELECT numero, recibido, clase, edad, anonimo FROM gestion.radicados"
        " WHERE recibido >= {desde} AND recibido < {hasta}"
    )
    asked = database(tabla=None, consulta=query, ignoradas={})
    built = build(tmp_path, town(asked))
    petitions = built.petitions.order_by("fila").to_pandas()
    assert list(petitions.radicado) == ["20250001", "20250002"]
    assert (petitions.fecha_recepcion[0].hour, list(petitions.anonima)) == (10, [True, True]), (
        "nobody is named in the second"
    )


def test_files_and_database_are_read_together(tmp_path, address, monkeypatch):
    monkeypatch.setenv("PQRSD_PRUEBA_BASE", address)
    (tmp_path / "otra_1.csv").write_text("numero,recibido,clase,edad,anonimo\n9,2025-01-02,queja,,\n")
    other = source(id="otra", archivos="otra_*.csv", columnas=COLUMNS)
    rows = load(tmp_path, database(), other).table(EXTRACTS)
    assert sorted(rows.archivo.to_list()) == ["otra_1.csv", *["prueba.gestion.radicados"] * 3]


def test_a_column_that_was_renamed_in_the_database_stops_the_load(tmp_path, address, monkeypatch):
    monkeypatch.setenv("PQRSD_PRUEBA_BASE", address)
    with pytest.raises(ReadingError, match=r"no está en el perfil la columna: 6 \(F\)"):
        load(tmp_path, database(ignoradas={}))


def wrong(address):
    return [
        {"PQRSD_PRUEBA_BASE": address.replace(PASSWORD, "otra-clave-7731")},
        {"PQRSD_PRUEBA_BASE": address.replace("127.0.0.1", "127.0.0.1 secreto=7731")},
        {"PQRSD_PRUEBA_BASE": ""},
    ]


@pytest.mark.parametrize("case", range(3))
def test_what_goes_wrong_with_the_connection_is_said_without_it(tmp_path, address, monkeypatch, case):
    for name, value in wrong(address)[case].items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ReadingError) as caught:
        load(tmp_path, database())
    said = everything_said(caught.value)
    assert "7731" not in said
    assert "127.0.0.1" not in said


@pytest.mark.parametrize(
    "query", ["SELECT clase::int FROM gestion.radicados", "SELECT 'CANARIO-7731' FROM no_hay", "x"]
)
def test_a_query_that_fails_is_said_without_the_database_s_message(tmp_path, address, monkeypatch, query):
    monkeypatch.setenv("PQRSD_PRUEBA_BASE", address)
    with pytest.raises(ReadingError, match="no respondió a la consulta") as caught:
        load(tmp_path, database(tabla=None, consulta=query, columnas={"tipo": {"columna": "clase"}}, ignoradas={}))
    said = everything_said(caught.value)
    assert CANARY not in said
    assert "Queja" not in said
    assert PASSWORD not in said


def test_the_file_with_the_connection_must_be_its_owners_alone(tmp_path, address):
    place = tmp_path / "conexion"
    place.write_text(address + "\n")
    (tmp_path / "aterrizaje").mkdir()
    kept = database(conexion={"archivo": str(place)})
    place.chmod(0o644)
    with pytest.raises(ReadingError, match="permisos 644; deben ser 600"):
        load(tmp_path / "aterrizaje", kept)
    place.chmod(0o600)
    assert load(tmp_path / "aterrizaje", kept).table(EXTRACTS).count().execute() == 3
    place.unlink()
    with pytest.raises(ReadingError, match="no se pudo leer el archivo"):
        load(tmp_path / "aterrizaje", kept)
