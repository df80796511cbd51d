"""What only the restricted wing's own people may see: the values behind the counts that the interface shows.

What belongs here: reading the stored comparison of extracts for `pqrsd diff`. What does not: computing it (`drift`).
"""

from typing import Any

import duckdb

from pipeline.errors import PqrsdError
from pipeline.layout import Layout
from pipeline.periods import Semester
from pipeline.profile import Profile
from pipeline.reading.drift import against_previous
from pipeline.spanish import percent, thousands
from pipeline.stores import keys, restricted
from schemas.extracts import DRIFT

_HOW = {"nueva": "aparece", "desaparecida": "ya no está", "cambio": "cambió"}


def changes(profile: Profile, layout: Layout, semester: Semester) -> list[dict[str, Any]]:
    """Every change of the semester's extracts against the semester before, with its values, in a fixed order."""
    if not layout.restricted_db.is_file():
        raise PqrsdError("No hay base restringida en esta carpeta de datos: ejecute antes el semestre.")
    con = duckdb.connect()
    try:
        with restricted.attached(
            con, layout.restricted_db, keys.load_or_create(layout.key_file), spill=layout.restricted / "tmp"
        ) as tables:
            found = against_previous(tables, profile, semester)
            order = ["fuente", "aspecto", "campo", "novedad", "valor"]
            return [dict(row) for row in found.order_by(order).select(*DRIFT.names).to_pyarrow().to_pylist()]
    finally:
        con.close()


def in_words(found: list[dict[str, Any]]) -> str:
    """One line a change, in Spanish."""
    if not found:
        return "Los extractos son como los del semestre anterior."
    return "\n".join(f"{row['fuente']}: {_said(row)}" for row in found)


def _said(row: dict[str, Any]) -> str:
    aspect, how = row["aspecto"], _HOW[row["novedad"]]
    if aspect == "columna":
        return f"la columna «{row['campo']}» {how}"
    if aspect == "codigo":
        rows = thousands(int(row["ahora"] or row["antes"]))
        return f"en «{row['campo']}» {how} el texto «{row['valor']}» ({rows} filas)"
    if aspect == "llenado":
        return f"«{row['campo']}» pasó de {percent(row['antes'])} a {percent(row['ahora'])} de filas con dato"
    return f"el volumen pasó de {thousands(int(row['antes']))} a {thousands(int(row['ahora']))} filas"
