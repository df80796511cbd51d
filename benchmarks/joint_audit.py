"""Figures of the joint audit: what separate protection leaks, what joint protection costs, and what HiGHS takes.

Run with `python -m benchmarks.joint_audit [--size 20000]`; everything is synthetic and drawn from a seed.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from scipy.optimize import linprog

from benchmarks import after_publication, minus_microdata, three_tables
from benchmarks.three_tables import Case
from pipeline.privacy.hull import Hull, solver_version
from pipeline.privacy.intervals import Interval, intervals
from pipeline.privacy.linear import propagate
from tests.privacy_frames import petitions


@contextmanager
def timed(what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    print(f"    {what}: {time.perf_counter() - started:.2f} s")


def three(seed: int) -> None:
    case = Case.drawn(13, 60, 6_000, seed)
    print(f"13 × 60 × (S1, S2, año), 6.000 peticiones, umbral 5, semilla {seed}")
    with timed("cada tabla por separado"):
        apart = three_tables.separately(case)
    cells, before = len(apart.ids), len(apart.withheld)
    with timed("auditoría conjunta de las tres"):
        exact, narrow = three_tables.leaks(apart)
    print(
        f"  por separado: {before} de {cells} retenidas; juntas delatan {len(exact)} exactas y {len(narrow)} estrechas"
    )
    lost = three_tables.value_lost(apart)
    with timed("protección conjunta"):
        found = three_tables.protect(apart)
    exact, narrow = three_tables.leaks(apart)
    more = f"{len(found.companions)} celdas más ({len(found.companions) / cells:.1%}), {found.rounds} rondas"
    print(f"  conjunta: {more}; {_of(exact, narrow)}")
    print(f"  valor retenido: {lost:.2%} → {three_tables.value_lost(apart):.2%}")
    with timed(f"intervalo exacto de las {len(apart.withheld)} retenidas"):
        intervals(apart)


def _of(exact: list[Interval], narrow: list[Interval]) -> str:
    return f"{len(exact)} exactas y {len(narrow)} estrechas"


def solvers(seed: int) -> None:
    """One programme a cell, both ways, on the largest part: kept and warm against built anew."""
    found = propagate(Case.drawn(13, 60, 6_000, seed).system("S1", "S2", "año"))
    part = max(found.parts, key=lambda p: len(p.cells))
    low, high = found.low[part.cells], found.high[part.cells]
    cells = range(0, len(low), max(1, len(low) // 40))
    hull = Hull(part.rows.matrix, (part.rows.low, part.rows.high), (low, high))
    started = time.perf_counter()
    ours = [hull.optimum(i, sense)[0] for i in cells for sense in (1, -1)]
    kept = (time.perf_counter() - started) / len(ours)
    started = time.perf_counter()
    theirs = []
    for i in cells:
        for sense in (1, -1):
            costs = np.zeros(len(low))
            costs[i] = -sense
            answer = linprog(costs, A_eq=part.rows.matrix, b_eq=part.rows.low, bounds=np.c_[low, high], method="highs")
            theirs.append(answer.x[i])
    anew = (time.perf_counter() - started) / len(theirs)
    assert np.allclose(np.array(ours, dtype=float), theirs)
    print(f"por programa: {1000 * kept:.2f} ms con el modelo conservado, {1000 * anew:.2f} ms con linprog"
          f" ({anew / kept:.1f}×)")  # fmt: skip


def less_microdata(size: int, seed: int) -> None:
    case = minus_microdata.Case.drawn(size, 5, seed)
    system = case.system()
    before, shown = minus_microdata.value_lost(system), minus_microdata.shown_by_subtraction(system)
    print(f"{size} peticiones, k = 5: {(~case.shown).sum()} filas fuera de los microdatos, semilla {seed}")
    print(f"  tablas de dos vías con todas las filas: {shown} celdas publicadas muestran de 1 a 4 filas ocultas")
    exposed = minus_microdata.leaks(system)
    print(f"  sistema completo: {len(exposed)} al descubierto, {sum(i.width == 0 for i in exposed)} exactas")
    with timed("protección conjunta"):
        found = minus_microdata.protect(system)
    left, again = minus_microdata.leaks(system), minus_microdata.shown_by_subtraction(system)
    lost = f"{before:.2%} → {minus_microdata.value_lost(system):.2%}"
    print(f"  con {len(found.companions)} celdas más: {len(left)} al descubierto, {again} por resta; retenido {lost}")


def events(size: int) -> None:
    profile, drawn = after_publication.town(), petitions(size, seed=5)
    before = after_publication.made(drawn, profile)
    for name, event in after_publication.EVENTS.items():
        now = after_publication.made(event(drawn), profile)
        started = time.perf_counter()
        found = after_publication.decide(before, now, profile)
        print(f"  {name}: {found.kind} ({time.perf_counter() - started:.1f} s)\n    {found.reason}")


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks.joint_audit")
    options.add_argument("--size", type=int, default=20_000, help="peticiones del semestre que cambia")
    size = options.parse_args().size
    print(solver_version())
    for seed in (1, 2, 3):
        three(seed)
    solvers(1)
    for rows in (4_000, 20_000, 100_000):
        less_microdata(rows, 5)
    print(f"después de publicar {size} peticiones:")
    events(size)


if __name__ == "__main__":
    main()
