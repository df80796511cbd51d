"""Which chart a table deserves, what it says, and its files: an SVG and the CSV of the same numbers.

What belongs here: the choice, the finding, the alternative text. What does not: strokes and colours (`drawing`).
Histogram for a continuous variable in bands of equal width; pie for at most six exclusive classes that add up; bars
otherwise (MM-GAC-P-008, activity 5). A withheld cell is shown as such and never has a length.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline import spanish
from pipeline.characterization.variables import UNANSWERED
from pipeline.profile import Profile, TableSpec
from pipeline.reporting import drawing
from pipeline.reporting.cells import BASES, Cell, Cells
from schemas.published import SUPPRESSED

PIE_LIMIT = 6
BAR_LIMIT = 15


@dataclass(frozen=True)
class Chart:
    """A drawn table: its kind, its texts in Spanish and its two files."""

    tabla: str
    clase: str
    titulo: str
    subtitulo: str
    alt: str
    nota: str
    svg: Path
    csv: Path


KINDS = {"histograma": "Histograma", "circular": "Gráfico circular", "barras": "Gráfico de barras"}


def draw(tables: pd.DataFrame, profile: Profile, period: str, out: Path) -> list[Chart]:
    """Draws every one-variable table of the period that says something, into `out`; order of the profile.

    A table that is absent, or whose informative cells are all withheld or empty, has no chart.
    """
    out.mkdir(parents=True, exist_ok=True)
    cells = Cells(tables, profile, period)
    charts = []
    for spec in profile.caracterizacion.tablas:
        if spec.grafico == "auto" and len(spec.dimensiones) == 1 and cells.evaluable(spec.id):
            charts.append(_draw(spec, cells, out))
    return charts


def kind(spec: TableSpec, cells: Cells) -> str:
    """`histograma`, `circular` or `barras`, by the rule above."""
    variable = cells.variables(spec.id)[0]
    if variable.continuous:
        return "histograma"
    shown = _drawable(cells.column(spec.id, spec.medidas[0]))
    base = cells.known(spec.id)
    complete = base is not None and sum(c.value or 0 for c in shown) == base
    few = 2 <= len(shown) <= PIE_LIMIT and all(c.value is not None for c in shown)
    if spec.medidas[0] == "solicitudes" and not variable.ordered and few and complete:
        return "circular"
    return "barras"


def finding(spec: TableSpec, cells: Cells) -> str:
    """The chart's title: the finding where the published cells prove it, otherwise what the table counts.

    A finding holds whatever the door hides: the first value beats the second, the largest that could be withheld, and
    the requests that say nothing; where most say nothing, that is the finding.
    """
    column = cells.column(spec.id, spec.medidas[0])
    ranked = sorted((c for c in column if c.informative and c.value is not None), key=lambda c: -(c.value or 0))
    if not spec.hallazgo or not ranked or _protected_share(column, cells, spec) > _tolerance(cells):
        return spec.titulo
    top = ranked[0]
    silent = next((c for c in column if c.code == "no_informa" and (c.value or 0) > (top.value or 0)), None)
    if silent is not None and silent.share is not None:
        return f"{spec.titulo}: el {spanish.percent(silent.share)} no informa este dato"
    tied = len(ranked) > 1 and ranked[1].value == top.value
    if tied or (top.value or 0) < _largest_hidden(spec, cells):
        return spec.titulo
    value = spanish.thousands(top.value or 0)
    share = spanish.percent(top.share) if top.share is not None else value
    return spanish.sentence(spec.hallazgo.format(mayor=top.label, porcentaje=share, valor=value))


def _tolerance(cells: Cells) -> float:
    return cells.profile.caracterizacion.protegido_maximo


def _protected_share(column: list[Cell], cells: Cells, spec: TableSpec) -> float:
    protected = sum(c.value or 0 for c in column if c.code == SUPPRESSED)
    total = cells.value(spec.id)
    return protected / total if total else 0.0


def _largest_hidden(spec: TableSpec, cells: Cells) -> float:
    """The most that a withheld cell could count."""
    column = cells.column(spec.id, spec.medidas[0])
    if all(c.value is not None for c in column):
        return sum(c.value or 0 for c in column if c.code == SUPPRESSED)
    total = cells.value(spec.id)
    if spec.medidas[0] != "solicitudes" or total is None:
        return float("inf")
    return total - sum(c.value or 0 for c in column)


def _draw(spec: TableSpec, cells: Cells, out: Path) -> Chart:
    measure = spec.medidas[0]
    column = cells.column(spec.id, measure)
    form = kind(spec, cells)
    title = finding(spec, cells)
    subtitle, note = _subtitle(spec, cells, repeated=title == spec.titulo), _note(spec, column)
    words = drawing.Words(title, subtitle, note, f"Fuente: {cells.profile.entidad.nombre}, PQRSDF.")
    svg = out / f"{spec.id}.svg"
    shown = _drawable(column)
    match form:
        case "histograma":
            svg.write_bytes(drawing.histogram(_bands(shown), words))
        case "circular":
            svg.write_bytes(drawing.pie(_slices(shown), words))
        case _:
            svg.write_bytes(drawing.bars(_bars(shown, cells, spec), words))
    table = out / f"{spec.id}.csv"
    _write_numbers(table, spec, column)
    alt = f"{KINDS[form]}. {title}. {spanish.sentence(subtitle)}."
    return Chart(spec.id, form, title, subtitle, alt, note, svg, table)


def _drawable(column: list[Cell]) -> list[Cell]:
    """Everything but what has no place in a chart: protected detail and unanswered requests."""
    return [c for c in column if c.code not in (SUPPRESSED, UNANSWERED)]


def _subtitle(spec: TableSpec, cells: Cells, *, repeated: bool) -> str:
    base = cells.known(spec.id)
    many = f" (n\u00a0=\u00a0{spanish.thousands(base)})" if base is not None else ""
    answered = ", respondidas" if cells.variables(spec.id)[0].continuous else ""
    when = spanish.period(cells.period)
    what = spanish.sentence(when) if repeated else f"{spec.titulo}, {when}"
    return f"{what}; {BASES[spec.base]}{answered}{many}"


def _note(spec: TableSpec, column: list[Cell]) -> str:
    notes = []
    hidden = sum(1 for c in column if c.value is None)
    if hidden:
        verb = "valor protegido no se dibuja" if hidden == 1 else "valores protegidos no se dibujan"
        notes.append(f"{hidden} {verb}.")
    for cell in column:
        if cell.code == SUPPRESSED and cell.value:
            notes.append(f"{spanish.thousands(cell.value)} con detalle protegido no se dibujan.")
        if cell.code == UNANSWERED and cell.value:
            notes.append(f"{spanish.thousands(cell.value)} sin respuesta al corte no se dibujan.")
    drawn = len(_drawable(column))
    if drawn > BAR_LIMIT and spec.dimensiones != ["dias_respuesta"]:
        notes.append(f"Se dibujan {BAR_LIMIT} de {drawn} valores; todos están en la tabla.")
    return " ".join(notes)


def _bands(column: list[Cell]) -> list[drawing.Band]:
    bands = []
    for cell in column:
        low, high = cell.code.split("_")
        bands.append(drawing.Band(int(low), None if high == "mas" else int(high), cell.value))
    return bands


def _slices(column: list[Cell]) -> list[drawing.Mark]:
    ranked = sorted(column, key=lambda c: (not c.informative, -(c.value or 0), c.code))
    return [drawing.Mark(c.label, c.value, spanish.percent(c.share or 0), c.informative) for c in ranked]


def _bars(column: list[Cell], cells: Cells, spec: TableSpec) -> list[drawing.Mark]:
    if not cells.variables(spec.id)[0].ordered:
        column = sorted(column, key=lambda c: (not c.informative, c.value is None, -(c.value or 0), c.code))
        column = column[:BAR_LIMIT]
    return [drawing.Mark(c.label, c.value, _bar_text(c, spec), c.informative) for c in column]


def _bar_text(cell: Cell, spec: TableSpec) -> str:
    if cell.value is None:
        return "protegido"
    if spec.medidas[0] == "mediana_dias_habiles":
        return f"{cell.value} {'día' if cell.value == 1 else 'días'}"
    share = f" ({spanish.percent(cell.share)})" if cell.share is not None else ""
    return f"{spanish.thousands(cell.value)}{share}"


def _write_numbers(path: Path, spec: TableSpec, column: list[Cell]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["codigo", "etiqueta", spec.medidas[0], "participacion", "estado_celda"])
        for c in column:
            share = "" if c.share is None else f"{c.share:.4f}"
            state = SUPPRESSED if c.value is None else "publicada"
            rows.writerow([c.code, c.label, "" if c.value is None else c.value, share, state])
