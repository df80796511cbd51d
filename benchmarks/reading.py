"""How long a million dirty rows take to be read, validated and split, against DuckDB reading them as text.

Both in one run, on the same files and threads. `python -m benchmarks.reading [--rows N] [--json]`. Times are of the
process's CPUs, because others may use the machine; those of the clock stand beside them. Exit 1 beyond the limit.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline import profile, reading, records, sample
from pipeline.periods import Semester
from pipeline.records.engine import Scratch
from pipeline.stores import keys, restricted

LIMIT = 3.0
SEMESTER = Semester(2025, 2)
THREADS = 2
_SPLIT = "destinos"
"""The step after which every row has its destiny; terms, persons and alerts come later."""


@dataclass
class Time:
    """Seconds of CPU and of the clock."""

    cpu: float
    clock: float

    @classmethod
    def of(cls, work: Callable[[], object]) -> "Time":
        """How long the work takes."""
        clock, cpu = time.perf_counter(), time.process_time()
        work()
        return cls(time.process_time() - cpu, time.perf_counter() - clock)


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
        sample.generate(town, SEMESTER, options.rows, 1, landing)
        # the workbook is read row by row in any program, and has no counterpart in plain text
        for book in landing.glob("*.xlsx"):
            book.unlink()
        plain = Time.of(lambda: _as_text(landing, folder / "texto.duckdb"))
        read, split, whole, rows = _ours(town, landing, folder)
    ratio = (read.cpu + split.cpu) / plain.cpu
    found = {
        "filas": rows,
        "duckdb_como_texto_s": round(plain.cpu, 2),
        "lectura_s": round(read.cpu, 2),
        "validacion_y_division_s": round(split.cpu, 2),
        "razon_lectura": round(read.cpu / plain.cpu, 2),
        "razon_lectura_validacion_y_division": round(ratio, 2),
        "razon_por_reloj": round((read.clock + split.clock) / plain.clock, 2),
        "razon_con_terminos_personas_y_alertas": round((read.cpu + whole.cpu) / plain.cpu, 2),
        "limite": LIMIT,
        "memoria_maxima_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }
    print(json.dumps(found) if options.json else "\n".join(f"{key}: {value}" for key, value in found.items()))
    return 0 if ratio <= LIMIT else 1


def _as_text(landing: Path, store: Path) -> None:
    """Every cell of every file as text in a table, with nothing checked but the shape."""
    con = duckdb.connect(str(store), config={"threads": THREADS})
    for path in sorted(landing.glob("*.csv")):
        delimiter, text = ",", path
        if path.name.startswith("orfeo"):
            # the engine reads UTF-8 alone; the conversion is part of its time
            delimiter, text = ";", store.with_suffix(f".{path.name}")
            with path.open(encoding="cp1252", newline="") as old, text.open("w", encoding="utf-8", newline="") as new:
                while block := old.read(1 << 22):
                    new.write(block)
        con.execute(
            f"CREATE TABLE \"{path.stem}\" AS SELECT * FROM read_csv('{text}', delim='{delimiter}', header=true,"
            " all_varchar=true, quote='\"', escape='\"', ignore_errors=true, strict_mode=false)"
        )
    con.close()


def _ours(town: profile.Profile, landing: Path, folder: Path) -> tuple[Time, Time, Time, int]:
    """Reading into the encrypted store; splitting; the whole of the records; rows."""
    con = duckdb.connect(config={"threads": THREADS})
    key = keys.load_or_create(folder / "clave")
    with restricted.attached(con, folder / "restringido.duckdb", key, spill=folder / "tmp") as tables:
        read = Time.of(lambda: reading.load(town, landing, SEMESTER.label, tables))
        built: list[records.Records] = []
        with _until(_SPLIT) as split:
            whole = Time.of(lambda: built.append(records.build(town, SEMESTER, tables, key)))
        rows = int(built[0].counts.filas.sum().execute())
    con.close()
    return read, split, whole, rows


class _until:
    """Notes when a step of the records is done."""

    def __init__(self, step: str) -> None:
        self._step = step
        self._keep = Scratch.keep_sql
        self._time = Time(0.0, 0.0)

    def __enter__(self) -> Time:
        start = Time(time.process_time(), time.perf_counter())

        def kept(scratch: Scratch, name: str, select: str) -> object:
            table = self._keep(scratch, name, select)
            if name == self._step:
                self._time.cpu = time.process_time() - start.cpu
                self._time.clock = time.perf_counter() - start.clock
            return table

        Scratch.keep_sql = kept  # type: ignore[method-assign, assignment]
        return self._time

    def __exit__(self, *_: object) -> None:
        Scratch.keep_sql = self._keep  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main())
