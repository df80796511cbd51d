"""`make demo`: two closed semesters of synthetic requests, the whole DAG, and a release to open.

What belongs here: the demonstration's steps and what it tells people at the end. What does not: any of the work.
"""

import argparse
import sys
import time

from pipeline import cli
from pipeline.layout import Layout
from pipeline.periods import semesters_of


def main() -> int:
    """Generates, runs and publishes; returns the exit code of the run."""
    parser = argparse.ArgumentParser(prog="make demo")
    parser.add_argument("--year", type=int, default=2025)
    parser.add_argument("--rows", type=int, default=20_000)
    options = parser.parse_args()
    layout = Layout.at()
    layout.prepare()
    print(f"1. Extractos sintéticos de {options.year} (nadie real aparece en ellos)", flush=True)
    for semester in semesters_of(options.year):
        folder = str(layout.landing / semester.label)
        arguments = ["--semester", semester.label, "--rows", str(options.rows), "--seed", str(options.year)]
        arguments += ["--out", folder]
        code = cli.main(["sample", *arguments])
        if code != 0:
            return code
    # one seed for both: part of the petitioners come back in the second semester, as in life
    print("2. De los extractos a la publicación", flush=True)
    started = time.perf_counter()
    code = cli.main(["run", "--year", str(options.year)])
    print(f"La ejecución tomó {time.perf_counter() - started:.0f} segundos.")
    return code


if __name__ == "__main__":
    sys.exit(main())
