"""`CELLS.json`: a linear system that somebody brings, read with clear errors, audited, answered.

What belongs here: the file's form and the answer's. What does not: intervals (`pipeline.privacy.intervals`).
"""

import json
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.errors import PqrsdError
from pipeline.privacy.hull import solver_version
from pipeline.privacy.intervals import Interval, intervals
from pipeline.privacy.linear import INFINITE, System

LARGEST = 1_000_000_000
"""Counts beyond it would meet the limits of floating point inside the solver."""

_KEYS = {"threshold", "cells", "equations", "inequalities"}
_NAMED = 3


class CellsError(PqrsdError):
    """The file does not describe a system; names the cell or relation and the rule, never a value."""


@dataclass(frozen=True)
class Audit:
    """The interval of every withheld cell, in the order of the file, and whether it hides the cell."""

    threshold: int
    found: dict[str, Interval]
    notes: tuple[str, ...]
    seconds: float

    @property
    def exact(self) -> list[str]:
        """Cells of which one value alone is possible."""
        return [name for name, interval in self.found.items() if interval.width == 0]

    @property
    def narrow(self) -> list[str]:
        """Cells with several possible values, but fewer than the threshold."""
        return [name for name, i in self.found.items() if i.width > 0 and not i.hides(self.threshold)]

    @property
    def ok(self) -> bool:
        """Whether every withheld cell is protected."""
        return not self.exact and not self.narrow

    def as_dict(self) -> dict[str, Any]:
        """The answer as JSON has it; `high` is null where nothing bounds the cell."""
        return {
            "cells": [
                {
                    "id": name,
                    "low": int(interval.low),
                    "high": None if interval.high == INFINITE else int(interval.high),
                    "protected": interval.hides(self.threshold),
                }
                for name, interval in self.found.items()
            ],
            "threshold": self.threshold,
            "withheld": len(self.found),
            "exact": len(self.exact),
            "narrow": len(self.narrow),
            "notes": list(self.notes),
            "solver": solver_version(),
            "seconds": round(self.seconds, 3),
        }

    def in_words(self) -> str:
        """The answer as people read it: what is not protected, then how much is."""
        lines = [
            f"«{name}»: solo puede valer {self.found[name].low:.0f}"
            if name in self.exact
            else f"«{name}»: entre {self.found[name].low:.0f} y {self.found[name].high:.0f}"
            for name in (*self.exact, *self.narrow)
        ]
        safe = len(self.found) - len(lines)
        lines.append(
            f"{len(self.found)} celdas retenidas: {safe} protegidas, {len(self.exact)} exactas y {len(self.narrow)} "
            f"estrechas (umbral {self.threshold})."
        )
        return "\n".join([*lines, *self.notes])


def audit(path: Path) -> Audit:
    """Audits the system in a file.

    Both ends of an interval are attained by whole numbers that satisfy every relation. Raises `CellsError` where the
    file is no such system, `ContradictionError` where nothing satisfies it.
    """
    started = time.monotonic()
    threshold, system = parse(_read(path))
    found = intervals(system)
    named = {str(system.ids[n]): found[system.ids[n]] for n in system.withheld}
    return Audit(threshold, named, tuple(_notes(system)), time.monotonic() - started)


def parse(content: Any) -> tuple[int, System]:
    """Threshold and system of a decoded file; raises `CellsError`."""
    if not isinstance(content, dict):
        raise CellsError("El archivo debe ser un objeto JSON con «threshold» y «cells».")
    if extra := sorted(set(content) - _KEYS):
        raise CellsError(f"Clave desconocida en el archivo: «{extra[0]}». Se admiten {', '.join(sorted(_KEYS))}.")
    threshold = content.get("threshold")
    if not isinstance(threshold, int) or isinstance(threshold, bool) or threshold < 1:
        raise CellsError("«threshold» debe ser un número entero mayor que cero.")
    system = System()
    for number, cell in enumerate(_listed(content, "cells", required=True), start=1):
        _add_cell(system, cell, number)
    for number, equation in enumerate(_listed(content, "equations"), start=1):
        _add_equation(system, equation, f"ecuación {number}")
    for number, inequality in enumerate(_listed(content, "inequalities"), start=1):
        _add_inequality(system, inequality, f"desigualdad {number}")
    return threshold, system


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError:
        raise CellsError(f"No se puede leer «{path}».") from None
    except UnicodeDecodeError:
        raise CellsError(f"«{path.name}» no está en UTF-8.") from None
    except json.JSONDecodeError as wrong:
        raise CellsError(f"«{path.name}» no es JSON válido: línea {wrong.lineno}, columna {wrong.colno}.") from None
    except (ValueError, RecursionError):
        raise CellsError(f"«{path.name}» no es JSON que se pueda leer.") from None


def _listed(content: dict[str, Any], key: str, *, required: bool = False) -> list[Any]:
    found = content.get(key, None if required else [])
    if not isinstance(found, list):
        raise CellsError(f"«{key}» debe ser una lista.")
    return found


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _fields(entry: Any, where: str, needed: set[str], optional: set[str]) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise CellsError(f"{where}: debe ser un objeto JSON.")
    if missing := sorted(needed - set(entry)):
        raise CellsError(f"{where}: falta «{missing[0]}».")
    if extra := sorted(set(entry) - needed - optional):
        raise CellsError(f"{where}: clave desconocida «{extra[0]}».")
    return entry


def _add_cell(system: System, entry: Any, number: int) -> None:
    cell = _fields(entry, f"celda {number}", {"id", "published"}, {"value"})
    name, value, published = cell["id"], cell.get("value"), cell["published"]
    if not isinstance(name, str) or not name:
        raise CellsError(f"celda {number}: «id» debe ser un texto que no esté vacío.")
    if not isinstance(published, bool):
        raise CellsError(f"celda «{name}»: «published» debe ser true o false.")
    if value is None and published:
        raise CellsError(f"celda «{name}»: está publicada y no trae «value».")
    if value is not None and not _is_count(value):
        raise CellsError(f"celda «{name}»: «value» debe ser un número entero.")
    if value is not None and not 0 <= value <= LARGEST:
        raise CellsError(f"celda «{name}»: «value» debe estar entre 0 y {LARGEST}.")
    if name in system.place:
        raise CellsError(f"celda «{name}»: el identificador está repetido.")
    system.add(name, value, published=published)


def _add_equation(system: System, entry: Any, where: str) -> None:
    equation = _fields(entry, where, {"total", "parts"}, {"id"})
    (total,) = _cells(system, [equation["total"]], where, "total")
    parts = _cells(system, equation["parts"], where, "parts")
    if total in parts:
        raise CellsError(f"{where}: el total es también una de sus partes.")
    system.total(str(equation.get("id", equation["total"])), total, parts)


def _add_inequality(system: System, entry: Any, where: str) -> None:
    inequality = _fields(entry, where, {"low", "high"}, {"id"})
    low, high = (_cells(system, inequality[key], where, key) for key in ("low", "high"))
    said = f"{_sum(inequality['low'])} ≤ {_sum(inequality['high'])}"
    system.at_most(str(inequality.get("id", said)), low, high)


def _cells(system: System, names: Any, where: str, key: str) -> list[int]:
    if not isinstance(names, list) or not names:
        raise CellsError(f"{where}: «{key}» debe ser una lista de celdas que no esté vacía.")
    for name in names:
        if not isinstance(name, str):
            raise CellsError(f"{where}: «{key}» debe nombrar celdas por su «id».")
        if name not in system.place:
            raise CellsError(f"{where}: la celda «{name}» no existe.")
    if len(set(names)) < len(names):
        raise CellsError(f"{where}: «{key}» nombra una celda dos veces.")
    return [system.place[name] for name in names]


def _sum(names: list[str]) -> str:
    return " + ".join(islice(names, _NAMED)) + (" + …" if len(names) > _NAMED else "")


def _notes(system: System) -> list[str]:
    """Relations that the file's own withheld values do not keep: no interval depends on them, but they are wrong."""
    broken = []
    for relation in system.relations:
        values = [system.values[n] for n in relation.terms]
        if all(value is not None for value in values):
            reached = sum(c * (v or 0) for c, v in zip(relation.terms.values(), values, strict=True))
            if not relation.low <= reached <= relation.high:
                broken.append(relation.name)
    return (
        [f"Nota: los valores de las celdas retenidas no cumplen «{broken[0]}» (y {len(broken) - 1} relaciones más)."]
        if broken
        else []
    )
