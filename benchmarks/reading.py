"""How long a million dirty rows take to be read, validated and split, against DuckDB reading them as text.

Both in one run on the same file and threads. `python -m benchmarks.reading [--rows N] [--json]`; exit 1 beyond the
limit.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from pipeline import profile, reading, records, sample
from pipeline.periods import Semester
from pipeline.stores import keys, restricted

LIMIT = 3.0
SEMESTER = Semester(2025, 2)
THREADS = 2


def main() -> int:
    """Prints seconds and ratios; 1 where reading and splitting take more than `LIMIT` times the plain reading."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    town = profile.load("santa_marta")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        landing = folder / "aterrizaje"
        truth = sample.generate(town, SEMESTER, options.rows, 1, landing)
        for book in landing.glob("*.xlsx"):
            book.unlink()
        plain = min(_timed(lambda n=n: _as_text(landing, folder / f"texto{n}.duckdb")) for n in range(2))
        read, split, rows = _ours(town, landing, folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    found = {
        "filas": rows,
        "duckdb_como_texto_s": round(plain, 2),
        "lectura_s": round(read, 2),
        "validacion_y_division_s": round(split, 2),
        "razon_lectura": round(read / plain, 2),
        "razon_total": round((read + split) / plain, 2),
        "limite": LIMIT,
        "memoria_maxima_mb": peak,
    }
    print(json.dumps(found) if options.json else "\n".join(f"{key}: {value}" for key, value in found.items()))
    assert truth
    return 0 if (read + split) / plain <= LIMIT else 1


def _as_text(landing: Path, store: Path) -> None:
    """Every cell of every file as text into a table, with nothing checked but the shape."""
    con = duckdb.connect(str(store), config={"threads": THREADS})
    for path in sorted(landing.glob("*.csv")):
        delimiter, encoding = (";", "CP1252") if path.name.startswith("orfeo") else (",", "utf-8")
        text = path
        if encoding != "utf-8":
            # the engine reads UTF-8 without an extension; the conversion is part of its time
            text = store.with_suffix(f".{path.name}")
            with path.open(encoding="cp1252", newline="") as old, text.open("w", encoding="utf-8", newline="") as new:
                while block := old.read(1 << 22):
                    new.write(block)
        con.execute(
            f"CREATE TABLE \"{path.stem}\" AS SELECT * FROM read_csv('{text}', delim='{delimiter}', header=true,"
            " all_varchar=true, quote='\"', escape='\"', ignore_errors=true, strict_mode=false, null_padding=false,"
            " parallel=false)"
        )
    con.close()


def _ours(town: profile.Profile, landing: Path, folder: Path) -> tuple[float, float, int]:
    con = duckdb.connect(config={"threads": THREADS})
    key = keys.load_or_create(folder / "clave")
    with restricted.attached(con, folder / "restringido.duckdb", key, spill=folder / "tmp") as tables:
        read = _timed(lambda: reading.load(town, landing, SEMESTER.label, tables))
        built: list[records.Records] = []
        split = _timed(lambda: built.append(records.build(town, SEMESTER, tables, key)))
        rows = int(built[0].counts.filas.sum().execute())
    con.close()
    return read, split, rows


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
