"""Figures of the joint audit: what separate protection leaks, what joint protection costs, and what HiGHS takes.

Run with `python -m benchmarks.joint_audit [--size 20000]`; everything is synthetic and drawn from a seed.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations

import numpy as np
import pyarrow as pa
from scipy.optimize import linprog

from benchmarks import after_publication, three_tables
from benchmarks.three_tables import Case
from pipeline.privacy import hierarchies
from pipeline.privacy.hull import Hull, solver_version
from pipeline.privacy.intervals import Interval, intervals
from pipeline.privacy.linear import propagate
from tests.privacy_cases import PERIOD
from tests.privacy_frames import engine, petitions


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


def minus_microdata(rows: pa.Table) -> None:
    """Two-way tables at the microdata's level: full data less microdata, against tables counted from the microdata."""
    profile = after_publication.town()
    made = after_publication.made(rows, profile)
    shown = made.edition.microdata.to_pandas()
    columns = profile.privacidad.columnas
    with engine(rows) as found:
        everybody = found.filter(found.autorizacion_datos | found.anonima).select(**{
            name: hierarchies.generalise(found[c.campo], profile.jerarquias[name], c.nivel)
            for name, c in columns.items()
        }).to_pandas()  # fmt: skip
    leaked = derived = cells = 0
    for pair in combinations(columns, 2):
        full = everybody.groupby(list(pair)).size()
        public = shown.groupby(list(pair)).size()
        rest = (full[full >= 5] - public.reindex(full.index, fill_value=0)[full >= 5]).astype(int)
        cells += len(rest)
        leaked += int(((rest > 0) & (rest < 5)).sum())
        again = public - shown.groupby(list(pair)).size()  # a table of the product is a function of the product
        derived += int((again != 0).sum())
    hidden = len(everybody) - len(shown)
    print(f"{len(rows)} peticiones de {PERIOD}: {len(shown)} en microdatos, {hidden} fuera")
    print(f"  tablas de dos vías con todo, menos microdatos: {leaked} de {cells} celdas muestran de 1 a 4 ocultas")
    print(f"  tablas de dos vías contadas en los microdatos: {derived}")
    print(
        f"  detalles publicados menos microdatos con menos de 5 personas: {len(made.microdata.few_hidden)} por proteger"
    )


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
    minus_microdata(petitions(size, seed=5))
    print(f"después de publicar {size} peticiones:")
    events(size)


if __name__ == "__main__":
    main()
