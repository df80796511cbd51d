"""Small visible cases for the door's tests: profiles with other targets or tables, and candidate tables.

What belongs here: what several of the door's tests share. What does not: petitions (`tests.privacy_frames`).
"""

from collections.abc import Callable, Mapping
from functools import cache
from itertools import product
from typing import Any

import pandas as pd

from pipeline.profile import Profile, TableSpec, load

PERIOD = "2025-S1"
TOTAL = "total"

Counts = Mapping[Any, int | tuple[int, int]]
"""Cell (a code, or a pair of codes) → persons, or (requests, persons)."""


@cache
def santa_marta() -> Profile:
    return load("santa_marta")


def changed(profile: Profile, **parts: Any) -> Profile:
    """The profile with other parts, without what it had computed from the old ones."""
    found = profile.model_copy(update=parts)
    found.__dict__.pop("codes", None)
    return found


def with_targets(**targets: Any) -> Profile:
    profile = santa_marta()
    return changed(profile, privacidad=profile.privacidad.model_copy(update=targets))


@cache
def lenient() -> Profile:
    """No limit on what is lost or hidden, which no floor forbids: small frames lose a lot."""
    return with_targets(filas_perdidas_max=1.0, celdas_suprimidas_max=1.0)


def with_tables(*specs: TableSpec) -> Profile:
    profile = santa_marta()
    return changed(profile, caracterizacion=profile.caracterizacion.model_copy(update={"tablas": list(specs)}))


def spec(name: str, *dimensions: str, base: str = "peticiones", **more: Any) -> TableSpec:
    measures = more.pop("medidas", ["solicitudes"])
    shape = {"id": name, "titulo": name, "base": base, "dimensiones": list(dimensions), "medidas": measures}
    return TableSpec.model_validate(shape | more)


def candidates(table: TableSpec, counts: Counts, *, measure: str = "solicitudes", known: bool = True) -> pd.DataFrame:
    """A table's cells with their margins, as characterisation hands them to the door; persons differ in every cell."""
    two = len(table.dimensiones) > 1
    cells = {key if two else (key,): (n, n) if isinstance(n, int) else n for key, n in counts.items()}
    codes = [[*dict.fromkeys(key[axis] for key in cells), TOTAL] for axis in range(len(table.dimensiones))]
    rows = []
    for place in product(*codes):
        inside = [n for key, n in cells.items() if all(p in (TOTAL, k) for p, k in zip(place, key, strict=True))]
        requests, persons = sum(n for n, _ in inside), sum(n for _, n in inside)
        rows.append({
            "tabla": table.id,
            "dimension_1": table.dimensiones[0],
            "valor_1": place[0],
            "dimension_2": table.dimensiones[1] if two else None,
            "valor_2": place[1] if two else None,
            "medida": measure,
            "valor": persons if measure == "personas" else requests,
            "personas": persons if known else None,
        })  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame.astype({"valor": "Int64", "personas": "Int64"})


def refused(errors: type[Exception] | tuple[type[Exception], ...], act: Callable[[], object]) -> str:
    """The message with which `act` is refused; AssertionError where it is not, so that a mutation may turn it red."""
    try:
        act()
    except errors as said:
        return str(said)
    raise AssertionError(f"nothing was refused: {errors} expected")
