"""What `pqrsd run` tells people at the end, read back from the open store: counts, what was withheld, where to look.

What belongs here: words around published figures. What does not: computing any of them.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from pipeline.layout import Layout
from pipeline.periods import Semester
from pipeline.privacy.ledger import Ledger, waiting
from pipeline.profile import Profile
from pipeline.stores import open as open_store
from schemas.published import MICRODATA, ROW_SUMMARY, SUPPRESSED, TABLES


def of_run(profile: Profile, layout: Layout, portal: str, semesters: Sequence[Semester], year: int | None) -> str:
    """A paragraph per semester and the places to open."""
    lines: list[str] = []
    with duckdb.connect() as con, open_store.attached(con, layout.open_db, allowed=[layout.open]) as tables:
        acts = Ledger(layout.ledger).entries()
        for semester in semesters:
            lines += _semester(tables, semester.label)
            lines += [f"  {reason}" for reason in waiting(acts, semester.label)]
    lines += ["", "Para abrir:", *_places(profile, portal, semesters, year)]
    return "\n".join(lines)


def _semester(tables: open_store.OpenTables, label: str) -> Iterator[str]:
    rows = tables.table(ROW_SUMMARY, periodo=label).to_pyarrow().to_pandas()
    ends = rows.groupby("destino").filas.sum()
    counts = {end: int(ends.get(end, 0)) for end in ("aceptada", "fusionada", "duplicada", "rechazada")}
    yield ""
    yield f"{label}: {number(rows.filas.sum())} filas leídas"
    yield (
        f"  = {number(counts['aceptada'])} aceptadas + {number(counts['fusionada'])} fusionadas"
        f" + {number(counts['duplicada'])} duplicadas + {number(counts['rechazada'])} rechazadas"
    )
    yield from _rejections(rows)
    yield from _microdata(tables.evidence(MICRODATA, label))
    cells = tables.table(TABLES, periodo=label).to_pyarrow().to_pandas()
    withheld = int((cells.estado_celda == SUPPRESSED).sum())
    yield f"  tablas: {number(len(cells))} celdas, {number(withheld)} suprimidas"


def _rejections(rows: pd.DataFrame) -> Iterator[str]:
    rejected = rows[rows.destino == "rechazada"].groupby("regla").filas.sum()
    for rule, count in rejected.sort_values(ascending=False).items():
        yield f"    {rule:<44} {number(count):>8}"


def _microdata(evidence: dict[str, Any]) -> Iterator[str]:
    if not evidence.get("publicado"):
        yield f"  microdatos: no se publican. {evidence.get('motivo', '')}"
        return
    left_out = evidence.get("excluidas", {})
    yield (
        f"  microdatos: {number(evidence['filas_publicadas'])} solicitudes en {number(evidence['clases'])} clases de"
        f" al menos {evidence['k_minimo']} personas"
    )
    yield (
        f"    fuera: {left_out.get('sin_autorizacion', 0)} sin autorización, {left_out.get('menores', 0)} de menores,"
        f" {evidence['filas_perdidas']} que no alcanzan el mínimo"
    )
    hidden = {name: count for name, count in evidence["celdas_suprimidas"].items() if count}
    share = sum(c for c in hidden.values() if isinstance(c, int)) / max(int(evidence["celdas_total"]), 1)
    detail = ", ".join(f"{name} {number(count)}" for name, count in hidden.items())
    yield f"    celdas suprimidas: {share:.1%} ({detail or 'ninguna'})".replace(".", ",", 1)


def _places(profile: Profile, portal: str, semesters: Sequence[Semester], year: int | None) -> Iterator[str]:
    town = profile.entidad
    if portal.startswith(("http://", "https://")):
        for dataset in (town.conjunto_solicitudes, *((town.conjunto_anual,) if year else ())):
            yield f"  {'conjunto':<24} {portal.rstrip('/')}/dataset/{dataset}"
        return
    place = Path(portal)
    versions = [(town.conjunto_solicitudes, f"{s.data_version}.0") for s in semesters]
    versions += [(town.conjunto_anual, f"{year}.0.0")] if year else []
    yield f"  {'portal':<24} {place / 'index.html'}"
    for dataset, version in versions:
        folder = place / dataset / version
        if folder.is_dir():
            yield f"  {'informe ' + version:<24} {folder / 'informe' / 'informe.html'}"
            yield f"  {'entrega ' + version:<24} {folder}"


def number(value: Any) -> str:
    """A count as es-CO writes it: 1.234; a masked one («<5») as it is."""
    return value if isinstance(value, str) else f"{int(value):,}".replace(",", ".")
