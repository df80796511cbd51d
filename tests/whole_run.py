"""Runs the command line as a person would, in processes of their own, optionally with a fault put in beforehand.

What belongs here: what the tests of a whole run share. What does not: assertions.
"""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

PROGRAM = "{fault}\nimport sys\nfrom pipeline import cli\nsys.exit(cli.main({arguments!r}))"


@dataclass
class Place:
    """A data folder with its own temporary folder."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    def pqrsd(self, *arguments: str, fault: str = "", **options: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self.command(arguments, fault),
            env=self.env(),
            capture_output=True,
            check=False,
            **options,  # type: ignore[call-overload]
        )

    def command(self, arguments: tuple[str, ...], fault: str = "") -> list[str]:
        return [sys.executable, "-c", PROGRAM.format(fault=fault, arguments=list(arguments))]

    def env(self) -> dict[str, str]:
        self.temporary.mkdir(parents=True, exist_ok=True)
        return os.environ | {"PQRSD_DATA": str(self.data), "TMPDIR": str(self.temporary)} | self.environment

    def sample(self, semester: str, rows: int, seed: int = 1) -> dict[str, object]:
        folder = self.data / "aterrizaje" / semester
        done = self.pqrsd(
            "sample", "--semester", semester, "--rows", str(rows), "--seed", str(seed), "--out", str(folder)
        )
        assert done.returncode == 0, done.stderr.decode()
        return dict(json.loads((folder / "truth.json").read_text(encoding="utf-8")))


class SpillWatch(threading.Thread):
    """Copies what DuckDB spills while it lasts: the files are gone when the run ends."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._folder = folder
        self._ended = threading.Event()
        self.seen: dict[str, bytes] = {}

    def run(self) -> None:
        while not self._ended.wait(0.02):
            for path in self._folder.glob("duckdb_temp*"):
                try:
                    content = path.read_bytes()
                except OSError:
                    continue
                if len(content) >= len(self.seen.get(path.name, b"")):
                    self.seen[path.name] = content

    def __enter__(self) -> "SpillWatch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


def outside_the_restricted_store(place: Place) -> Iterator[tuple[str, bytes]]:
    """Every byte that the restricted store and its landing folder do not hold, unpacked where a format packs it."""
    closed = (place.data / "restringido", place.data / "aterrizaje")
    for path in sorted(p for p in place.root.rglob("*") if p.is_file()):
        if any(folder in path.parents for folder in closed):
            continue
        name = str(path.relative_to(place.root))
        yield name, name.encode()
        yield name, path.read_bytes()
        if path.suffix == ".parquet":
            yield name, _parquet(path)
        elif path.suffix == ".duckdb":
            yield name, _duckdb(path)
        elif path.suffix == ".db":
            yield from ((f"{name}:{table}", content) for table, content in _sqlite(path))


def _parquet(path: Path) -> bytes:
    file = pq.ParquetFile(path)
    return (str(file.metadata.to_dict()) + str(file.read().to_pylist())).encode()


def _duckdb(path: Path) -> bytes:
    with duckdb.connect(str(path), read_only=True) as con:
        tables = [row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return "".join(str(con.execute(f'FROM "{table}"').fetchall()) for table in tables).encode()


def _sqlite(path: Path) -> Iterator[tuple[str, bytes]]:
    with sqlite3.connect(path) as con:
        for (table,) in con.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in con.execute(f'SELECT * FROM "{table}"'):
                for cell in row:
                    if isinstance(cell, bytes):
                        yield table, _unpacked(cell)
                    elif isinstance(cell, str):
                        yield table, cell.encode()


def _unpacked(cell: bytes) -> bytes:
    try:
        return zlib.decompress(cell)
    except zlib.error:
        return cell
