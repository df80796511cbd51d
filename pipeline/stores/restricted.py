"""The restricted store: `restringido.duckdb`, encrypted at rest, attached once per connection.

What belongs here: opening that one file safely. What does not: the open store, Dagster, and what the tables mean.
Only a file encrypted with OpenSSL may be written, so the httpfs extension is loaded from its wheel by path; nothing is
installed or downloaded.
"""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipeline.errors import PqrsdError
from pipeline.stores.keys import derive
from pipeline.stores.tables import Tables

ALIAS = "restringido"


def _httpfs() -> Path:
    spec = importlib.util.find_spec("duckdb_extension_httpfs")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        for path in Path(folder).glob(f"extensions/v{duckdb.__version__}/*.duckdb_extension"):
            return path
    raise PqrsdError("Falta la extensión httpfs de DuckDB para cifrar: instale requirements.lock.")


@contextmanager
def attached(
    con: duckdb.DuckDBPyConnection, path: Path, master_key: bytes, *, spill: Path, memory: str = "4GB"
) -> Iterator[Tables]:
    """The restricted tables over `con`, detached at the end; spill files are encrypted.

    `spill` is where DuckDB puts what does not fit into `memory`. A wrong key raises `PqrsdError` without the key.
    """
    spill.mkdir(parents=True, exist_ok=True, mode=0o700)
    con.execute("SET autoinstall_known_extensions=false")
    con.execute("SET autoload_known_extensions=false")
    con.execute(f"LOAD '{_httpfs()}'")
    con.execute("SET temp_file_encryption=true")
    con.execute(f"SET memory_limit='{memory}'")
    con.execute("SET temp_directory=$1", [str(spill)])
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        con.execute(
            f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS {ALIAS} (ENCRYPTION_KEY $1)",
            [derive(master_key, "base-restringida").hex()],
        )
    except duckdb.Error as caught:
        raise PqrsdError(f"No se pudo abrir la base restringida ({type(caught).__name__}): ¿cambió la clave?") from None
    path.chmod(0o600)
    try:
        yield Tables(con, ALIAS)
    finally:
        con.execute("USE memory")
        con.execute(f"DETACH {ALIAS}")
