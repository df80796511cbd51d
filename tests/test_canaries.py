"""After whole runs, one of them failing, no planted identifier is in any byte outside the restricted store.

The same search finds them when encryption of spilled files, or the net under the assets, is switched off.
"""

import csv
import os
from pathlib import Path

import pytest

from tests.whole_run import Place, SpillWatch, outside_the_restricted_store

ROWS = 200_000 if os.environ.get("FULL") else 60_000
MEMORY = "400MB" if os.environ.get("FULL") else "300MB"

# A step that fails as a foreign library would: its message quotes the cells that it stumbled over.
QUOTING_FAULT = """
from pipeline import records
def _quoting(profile, semester, tables, key):
    tables.con.execute("SELECT error(string_agg(concat_ws(' ', nombre, documento_numero, correo), ' ')) "
                       "FROM restringido.main.extractos")
records.build = _quoting
"""
NO_NET = """
import contextlib
from pipeline.orchestration import guard
guard.values_stay_inside = contextlib.nullcontext
"""
PLAIN_SPILL = """
import duckdb
from pipeline.stores import restricted
_attached = restricted.attached
import contextlib
@contextlib.contextmanager
def _plain(con, *arguments, **options):
    with _attached(con, *arguments, **options) as tables:
        con.execute('SET temp_file_encryption=false')
        yield tables
restricted.attached = _plain
"""


def canaries(truth: dict[str, object]) -> list[bytes]:
    planted = truth["canarios"]
    assert isinstance(planted, dict)
    found = [str(value).encode() for values in planted.values() for value in values]
    assert len(found) >= 30
    return found


def names(place: Place, at_most: int = 3_000) -> list[bytes]:
    """Names of synthetic petitioners: what is spilled is a small part of the rows, seldom one of the few canaries."""
    path = sorted((place.data / "aterrizaje" / "2025-S1").glob("orfeo_*.csv"))[0]
    with path.open(encoding="cp1252", newline="") as lines:
        rows = csv.DictReader(lines, delimiter=";", restval="")
        found = {str(row["NOMBRE REMITENTE"]).strip() for _, row in zip(range(at_most), rows, strict=False)}
    long_enough = sorted(name for name in found if len(name) >= 16)
    assert len(long_enough) > 500
    return [name.encode() for name in long_enough]


def found_in(content: bytes, planted: list[bytes]) -> int:
    return sum(canary in content for canary in planted)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, list[bytes], SpillWatch, list[bytes]]:
    """A good semester large enough to spill, then a semester that fails with cells in a library's message."""
    place = Place(tmp_path_factory.mktemp("canarios"), {"PQRSD_MEMORY": MEMORY})
    planted = canaries(place.sample("2025-S1", ROWS)) + canaries(place.sample("2025-S2", 2_000, seed=2))
    with SpillWatch(place.data / "restringido" / "tmp") as watch:
        good = place.pqrsd("run", "--semester", "2025-S1")
    assert good.returncode == 0, good.stderr.decode()
    bad = place.pqrsd("run", "--semester", "2025-S2", fault=QUOTING_FAULT)
    assert bad.returncode == 2
    assert b"Error inesperado" in bad.stderr
    return place, planted, watch, [good.stdout, good.stderr, bad.stdout, bad.stderr]


def test_the_landing_files_do_hold_the_canaries(
    finished: tuple[Place, list[bytes], SpillWatch, list[bytes]],
) -> None:
    place, planted, _, _ = finished
    landed = b"".join(p.read_bytes() for p in (place.data / "aterrizaje").rglob("*.csv"))
    assert found_in(landed, planted) >= 30


def test_no_canary_is_in_any_byte_outside_the_restricted_store(
    finished: tuple[Place, list[bytes], SpillWatch, list[bytes]],
) -> None:
    place, planted, _, _ = finished
    names = set()
    for name, content in outside_the_restricted_store(place):
        names.add(name)
        assert found_in(content, planted) == 0, f"canary in {name}"
    assert any(name.endswith(".parquet") for name in names)
    assert any("event_logs" in name for name in names)
    assert any(name.endswith("abierto.duckdb") for name in names)
    assert any("compute_logs" in name or name.endswith((".out", ".err")) for name in names)


def test_no_canary_is_in_what_the_runs_printed(finished: tuple[Place, list[bytes], SpillWatch, list[bytes]]) -> None:
    _, planted, _, printed = finished
    assert all(found_in(stream, planted) == 0 for stream in printed)


def test_the_run_did_spill_and_no_canary_was_readable_in_it(
    finished: tuple[Place, list[bytes], SpillWatch, list[bytes]],
) -> None:
    place, planted, watch, _ = finished
    assert sum(map(len, watch.seen.values())) > 0, "the run did not spill: raise ROWS or lower MEMORY"
    assert all(found_in(content, planted + names(place)) == 0 for content in watch.seen.values())


def test_the_encrypted_database_and_its_log_hold_no_canary(
    finished: tuple[Place, list[bytes], SpillWatch, list[bytes]],
) -> None:
    place, planted, _, _ = finished
    files = list((place.data / "restringido").glob("restringido.duckdb*"))
    assert files
    assert all(found_in(path.read_bytes(), planted) == 0 for path in files)


def test_without_encryption_of_spilled_files_the_same_search_finds_names(tmp_path: Path) -> None:
    place = Place(tmp_path, {"PQRSD_MEMORY": MEMORY})
    place.sample("2025-S1", ROWS)
    planted = names(place)
    with SpillWatch(place.data / "restringido" / "tmp") as watch:
        place.pqrsd("run", "--semester", "2025-S1", fault=PLAIN_SPILL)
    assert sum(found_in(content, planted) for content in watch.seen.values()) > 0


def test_without_the_net_under_the_assets_the_same_search_finds_canaries(tmp_path: Path) -> None:
    place = Place(tmp_path)
    planted = canaries(place.sample("2025-S1", 2_000)) + names(place)
    done = place.pqrsd("run", "--semester", "2025-S1", fault=NO_NET + QUOTING_FAULT)
    assert done.returncode == 2
    leaked = sum(found_in(content, planted) for _, content in outside_the_restricted_store(place))
    assert leaked > 0
