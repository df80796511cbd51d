"""A table or query of a PostgreSQL database → chunks of cells as text.

What belongs here: reading a document system's database directly. What does not: files. The extension comes from its
wheel and is loaded by path; address and password come from the environment or from a file that only its owner reads,
and no error repeats them: the database's own messages quote both.
"""

import hashlib
import importlib.util
import io
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.errors import PqrsdError
from pipeline.periods import Semester
from pipeline.profile import Profile
from pipeline.reading.chunks import MAX_COLUMNS, Chunk, heading
from pipeline.reading.errors import HeaderError, ReadingError
from pipeline.reading.landing import Extract
from pipeline.sources import Source

_ROWS = 50_000
_MEMORY = "1GB"
_INEXACT = "DOUBLE"  # what a number without declared digits becomes on the way: an identifier would lose some


def snapshots(profile: Profile, semester: Semester, store: duckdb.DuckDBPyConnection) -> list["Snapshot"]:
    """What each database source of the profile answers about a semester, read once and held outside its database."""
    return [Snapshot(source, semester, store) for source in profile.fuentes if source.formato == "postgres"]


class Snapshot:
    """The rows of one query as they were at one moment: header, digest of the content, chunks.

    They wait in an engine of their own, in memory or encrypted in the store's spill folder, until they are loaded.
    """

    def __init__(self, source: Source, semester: Semester, store: duckdb.DuckDBPyConnection) -> None:
        self.name = f"{source.id}.{source.tabla or 'consulta'}"
        self._con = duckdb.connect(config={"memory_limit": _MEMORY, "autoinstall_known_extensions": "false"})
        try:
            self._read(source, semester, store)
        except duckdb.Error as caught:
            kind = type(caught).__name__
            self.close()
            raise ReadingError(
                f"{self.name}: la base de datos no respondió a la consulta ({kind}). Compruebe «conexion», la consulta"
                " y los permisos de quien consulta."
            ) from None
        except BaseException:
            self.close()
            raise
        now = datetime.now(UTC).replace(tzinfo=None)
        self.extract = Extract(self.name, source, self._digest(), self._bytes(), now, "lectura", _no_bytes)

    def chunks(self) -> Iterator[Chunk]:
        """Every row in the order in which the database gave it; `fila` counts them from 1."""
        reader = self._con.execute("SELECT * FROM copia ORDER BY rowid").to_arrow_reader(_ROWS)
        fila = 1
        for batch in reader:
            numbers = pa.array(range(fila, fila + batch.num_rows), pa.int64())
            fila += batch.num_rows
            cells = [column.cast(pa.string()) for column in batch.columns]
            yield Chunk(numbers, pa.nulls(batch.num_rows, pa.string()), cells)

    def close(self) -> None:
        """Forgets the rows."""
        self._con.close()

    def _read(self, source: Source, semester: Semester, store: duckdb.DuckDBPyConnection) -> None:
        spill = store.execute("SELECT current_setting('temp_directory')").fetchone()
        if spill and spill[0] and spill[0] != ".tmp":
            self._con.execute("SET temp_file_encryption=true")
            self._con.execute("SET temp_directory=$1", [spill[0]])
        self._con.execute(f"LOAD '{_extension()}'")
        address = _address(source)
        self._con.execute(f"ATTACH {_quoted(address)} AS origen (TYPE postgres, READ_ONLY)")
        try:
            asked = _query(source, semester)
            described = self._con.execute(f"DESCRIBE {_remote(asked)}").fetchall()
            columns = [(str(row[0]), str(row[1])) for row in described]
            if len(columns) > MAX_COLUMNS:
                raise HeaderError(f"{self.name}: la consulta da {len(columns)} columnas; el máximo es {MAX_COLUMNS}.")
            self.header = [heading(name) for name, _ in columns]
            self.header_row = 0
            exact = ", ".join(_identifier(name) + ("::text" if kind == _INEXACT else "") for name, kind in columns)
            texts = ", ".join(f"CAST({_identifier(name)} AS VARCHAR) AS c{i}" for i, (name, _) in enumerate(columns))
            remote = _remote(f"SELECT {exact} FROM ({asked}) AS consulta")
            self._con.execute(f"CREATE TEMP TABLE copia AS SELECT {texts} FROM ({remote})")
        finally:
            self._con.execute("DETACH origen")

    def _digest(self) -> str:
        """SHA-256 over header and rows, whatever their order: the same content has the same digest."""
        hashes = "SELECT sha256(to_json(copia)::VARCHAR) AS h FROM copia"
        found = self._con.execute(f"SELECT sha256(coalesce(string_agg(h, '' ORDER BY h), '')) FROM ({hashes})")
        content = found.fetchone()
        return hashlib.sha256(("\0".join(self.header) + "\n" + str(content and content[0])).encode()).hexdigest()

    def _bytes(self) -> int:
        lengths = " + ".join(f"coalesce(strlen(c{i}), 0)" for i in range(len(self.header))) or "0"
        total = self._con.execute(f"SELECT coalesce(sum({lengths}), 0)::BIGINT FROM copia").fetchone()
        return int(total[0]) if total else 0


def _remote(query: str) -> str:
    return f"SELECT * FROM postgres_query('origen', {_quoted(query)})"


def _query(source: Source, semester: Semester) -> str:
    """The declared table or query; `{desde}` and `{hasta}` are the semester's first day and the one after its last."""
    if source.tabla is not None:
        return "SELECT * FROM " + ".".join(_identifier(part) for part in source.tabla.split("."))
    days = {"{desde}": semester.start, "{hasta}": semester.end + timedelta(days=1)}
    query = (source.consulta or "").strip().rstrip(";")
    for name, day in days.items():
        query = query.replace(name, f"DATE '{day.isoformat()}'")
    return query


def _address(source: Source) -> str:
    """The connection string (libpq) from where the profile says; errors name the place, never the content."""
    place = source.conexion
    if place is not None and place.variable is not None:
        found = os.environ.get(place.variable, "")
        if not found:
            raise ReadingError(f"«{source.id}»: falta la variable de entorno {place.variable} con la conexión.")
        return found
    path = Path(place.archivo if place is not None and place.archivo is not None else "").expanduser()
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8").strip()
    except OSError as caught:
        raise ReadingError(
            f"«{source.id}»: no se pudo leer el archivo de «conexion» ({type(caught).__name__})."
        ) from None
    if mode & 0o077:
        raise ReadingError(f"«{source.id}»: el archivo de «conexion» tiene permisos {mode:o}; deben ser 600.")
    return text


def _extension() -> Path:
    spec = importlib.util.find_spec("duckdb_extension_postgres_scanner")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in Path(folder).glob(f"extensions/v{duckdb.__version__}/*.duckdb_extension"):
            return path
    raise PqrsdError("Falta la extensión de DuckDB para leer PostgreSQL: instale requirements.lock.")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _no_bytes() -> io.BytesIO:
    return io.BytesIO()
