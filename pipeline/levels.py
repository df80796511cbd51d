"""`pqrsd levels`: the best fixed levels for the petitions of every period in the restricted store, in words.

What belongs here: opening the store for the search, and the candidates as people read them. What does not: the search
(`pipeline.privacy.levels`). It prints levels, shares and counts, never a value of a petition.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipeline import profile as profiles
from pipeline.errors import PqrsdError
from pipeline.layout import Layout
from pipeline.privacy import levels
from pipeline.privacy.levels import Cost
from pipeline.spanish import decimal, percent
from pipeline.stores import keys, restricted
from schemas.records import PETITIONS


@dataclass(frozen=True)
class Found:
    """The candidates, best first, what the profile's own levels cost, and the periods they were judged on."""

    candidates: tuple[Cost, ...]
    own: Cost
    periods: tuple[str, ...]

    @property
    def publishes_all(self) -> bool:
        """Whether the best candidate publishes every period."""
        return bool(self.candidates) and not self.candidates[0].withheld

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "periodos": list(self.periods),
            "candidatos": [cost.as_dict() for cost in self.candidates],
            "vigente": self.own.as_dict(),
        }

    def in_words(self) -> str:
        """A table with one line per candidate and the profile's own levels last."""
        names = list(self.own.levels)
        head = ["", *names, "pérdida", "celdas supr.", "filas perd.", "riesgo", "k", "sin microdatos"]
        lines = [_line(str(place), cost) for place, cost in enumerate(self.candidates, start=1)]
        table = [head, *lines, _line("vigente", self.own)]
        width = [max(len(row[i]) for row in table) for i in range(len(head))]
        told = ["  ".join(cell.rjust(size) for cell, size in zip(row, width, strict=True)) for row in table]
        verdict = (
            "El primero publica todos los periodos. Cambiar niveles exige una nueva versión del esquema."
            if self.publishes_all
            else "Ningún conjunto de niveles encontrado publica todos los periodos con las metas del perfil."
        )
        return "\n".join([f"Periodos: {', '.join(self.periods)}.", *told, verdict])


def find(profile: str, data: Path | None, count: int) -> Found:
    """Searches the store below `data`; raises `PqrsdError` where there is none or it holds no petition."""
    loaded, layout = profiles.load(profile), Layout.at(data)
    if count < 1:
        raise PqrsdError("«--count» debe ser 1 o más.")
    if not layout.restricted_db.is_file() or not layout.key_file.is_file():
        raise PqrsdError("No hay peticiones: ejecute antes `pqrsd run` con esa carpeta de datos.")
    master = keys.load_or_create(layout.key_file)
    with (
        duckdb.connect() as con,
        restricted.attached(con, layout.restricted_db, master, spill=layout.restricted / "tmp") as tables,
    ):
        petitions = tables.table(PETITIONS)
        periods = sorted(petitions.periodo.name("periodo").as_table().distinct().to_pyarrow()["periodo"].to_pylist())
        if not periods:
            raise PqrsdError("No hay peticiones: ejecute antes `pqrsd run` con esa carpeta de datos.")
        found, own = levels.search(petitions, loaded, count)
    return Found(tuple(found), own, tuple(periods))


def _line(name: str, cost: Cost) -> list[str]:
    def share(value: float | None) -> str:
        return "–" if value is None else percent(value, 2)

    return [
        name,
        *map(str, cost.levels.values()),
        decimal(cost.loss, 4),
        share(cost.hidden),
        share(cost.lost),
        share(cost.risk),
        "–" if cost.persons is None else str(cost.persons),
        ", ".join(cost.withheld) or "ninguno",
    ]
