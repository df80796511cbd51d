"""What every section reads: published cells, indicators and charts of one period, and how they become blocks.

What belongs here: turning a published table into a numbered exhibit, and a figure into linked prose. What does not:
the sections' wording. Where a variable is missing the block says what could not be evaluated and why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from pipeline import spanish
from pipeline.characterization.variables import TOTAL, heading, label
from pipeline.profile import Profile
from pipeline.reporting.cells import Cell, Cells, base_of
from pipeline.reporting.charts import Chart
from pipeline.reporting.page import NOTHING, PROTECTED, Block, Exhibit, Figure, Notice, Row, Table, anchor, ref
from schemas.published import SUPPRESSED

_HEADS = {"solicitudes": "Cantidad", "personas": "Personas", "mediana_dias_habiles": "Mediana (días hábiles)"}


@dataclass(frozen=True)
class Reading:
    """One indicator row as prose needs it; `text` is the linked value, or why there is none."""

    name: str
    group: str
    code: str
    numerator: int | None
    denominator: int | None
    value: float | None
    unit: str
    table: str
    unevaluated: int | None
    protected: int | None

    @property
    def text(self) -> Markup:
        """The value linked to its table."""
        return ref(shown(self.value, self.unit), self.table)

    @property
    def ratio(self) -> str:
        """«433 de 496»."""
        return f"{count(self.numerator)} de {count(self.denominator)}"


class Context:
    """One period's published material."""

    def __init__(
        self, tables: pd.DataFrame, indicators: pd.DataFrame, charts: Sequence[Chart], profile: Profile, period: str
    ) -> None:
        self.profile = profile
        self.period = period
        self.cells = Cells(tables, profile, period)
        self._rows = indicators[indicators.periodo == period].to_dict("records")
        self._charts = {chart.tabla: chart for chart in charts}

    def reading(self, indicator: str) -> Reading | None:
        """An indicator of the whole period; None where it could not be evaluated."""
        return next((r for r in self.readings(indicator) if r.code == TOTAL), None)

    def readings(self, indicator: str) -> list[Reading]:
        """An indicator's evaluated rows, highest value first."""
        found = [
            Reading(
                name=row["nombre"],
                group=""
                if pd.isna(row["dimension"])
                else label(row["dimension"], row["valor_dimension"], self.profile),
                code=row["valor_dimension"],
                numerator=_integer(row["numerador"]),
                denominator=_integer(row["denominador"]),
                value=float(row["valor"]),
                unit=row["unidad"],
                table=row["tabla"],
                unevaluated=_integer(row["no_evaluables"]),
                protected=_integer(row["detalle_protegido"]),
            )
            for row in self._rows
            if row["indicador"] == indicator and row["estado"] == "evaluado"
        ]
        return sorted(found, key=lambda r: (-(r.value or 0), r.code))

    def unevaluable(self, indicator: str) -> list[str]:
        """The groups of an indicator that could not be evaluated."""
        return [
            label(row["dimension"], row["valor_dimension"], self.profile)
            for row in self.rows()
            if row["indicador"] == indicator and row["estado"] != "evaluado" and not pd.isna(row["dimension"])
        ]

    def rows(self) -> list[dict[Any, Any]]:
        """Every indicator row of the period, in the order of the profile."""
        order = {spec.id: place for place, spec in enumerate(self.profile.caracterizacion.indicadores)}
        return sorted(self._rows, key=lambda row: (order[row["indicador"]], row["valor_dimension"]))

    def charts(self, *tables: str) -> list[Chart]:
        """The charts of these tables, where there are any."""
        return [self._charts[table] for table in tables if table in self._charts]

    def exhibit(self, table: str) -> Block:
        """A table with its chart, or why there is none."""
        if table not in self.cells.specs:
            return Notice(f"El perfil de la entidad no declara la tabla «{table}».")
        spec = self.cells.specs[table]
        missing = self.missing(table)
        if missing:
            return Notice(missing)
        if len(spec.dimensiones) > 1:
            return Exhibit(self._crossed(table))
        chart = self._charts.get(table)
        return Exhibit(self._single(table), Figure.of(chart) if chart else None)

    def exhibits(self, *tables: str) -> list[Block]:
        """Several tables in order, those that the profile declares."""
        return [self.exhibit(table) for table in tables if table in self.cells.specs]

    def missing(self, table: str) -> str | None:
        """Why a table cannot be shown, in Spanish; None where it can."""
        spec = self.cells.specs[table]
        title = f"No se pudo evaluar «{spec.titulo}»: "
        if not self.cells.has(table, spec.medidas[0]):
            return title + "la tabla no se publicó en este periodo."
        if self.cells.evaluable(table):
            return None
        if spec.medidas[0] == "mediana_dias_habiles":
            return title + "no hay respuestas con fecha suficientes para publicar medianas."
        if len(spec.dimensiones) == 1:
            column = self.cells.column(table)
            if self.cells.value(table) == 0 or (not column and self.cells.value(table) is not None):
                return title + "no se recibió ninguna en el periodo."
            if any(c.informative for c in column):
                return title + f"sus valores están protegidos porque reúnen menos de {self._threshold()} personas."
        return title + "ninguna fuente informó esta variable en el periodo."

    def _threshold(self) -> int:
        return self.profile.privacidad.umbral_tabla

    def _single(self, table: str) -> Table:
        spec, cells = self.cells.specs[table], self.cells
        variable = cells.variables(table)[0]
        column = cells.column(table, spec.medidas[0])
        heads = [heading(variable.name, self.profile)]
        for measure in spec.medidas:
            heads += [_HEADS[measure], *(["Porcentaje"] if measure == "solicitudes" else [])]
        rows = [Row(self._row(table, cell)) for cell in column]
        name = "Todas" if "mediana_dias_habiles" in spec.medidas[:1] else "Total"
        total = Cell(TOTAL, name, cells.value(table, measure=spec.medidas[0]), None)
        rows.append(Row(self._row(table, total), total=True))
        notes = []
        if any(c.code in (SUPPRESSED, "sin_respuesta") for c in column):
            notes.append("Los porcentajes son de lo conocido.")
        return Table(anchor(table), spec.titulo, self._caption(table, notes), heads, rows)

    def _row(self, table: str, cell: Cell) -> list[str]:
        values: list[str] = [cell.label]
        for measure in self.cells.specs[table].medidas:
            value = self.cells.value(table, cell.code, measure=measure)
            absent = measure == "mediana_dias_habiles" and not self.cells.present(table, cell.code, measure)
            values.append(NOTHING if absent else count(value))
            if measure == "solicitudes":
                values.append(spanish.percent(cell.share) if cell.share is not None else "")
        return values

    def _crossed(self, table: str) -> Table:
        spec = self.cells.specs[table]
        rows, columns, values = self.cells.matrix(table)
        first = heading(spec.dimensiones[0], self.profile)
        body = [Row([r.label, *(count(values[r.code, c.code]) for c in columns)], r.code == TOTAL) for r in rows]
        return Table(anchor(table), spec.titulo, self._caption(table, []), [first, *(c.label for c in columns)], body)

    def _caption(self, table: str, notes: list[str]) -> str:
        spec = self.cells.specs[table]
        hidden = self.cells.withheld(table)
        parts = [f"{spanish.sentence(spanish.period(self.period))}. Base: {base_of(spec)}.", *notes]
        if hidden:
            parts.append(f"{hidden} {'celda protegida' if hidden == 1 else 'celdas protegidas'}.")
        return " ".join(parts)


def count(value: int | None) -> str:
    """A count, or the mark of a protected one."""
    return PROTECTED if value is None else spanish.thousands(value)


def shown(value: float | None, unit: str) -> str:
    """An indicator's value in its unit."""
    if value is None:
        return "no evaluable"
    match unit:
        case "proporcion":
            return spanish.percent(value)
        case "dias_habiles":
            return f"{spanish.decimal(value, 0)} {'día hábil' if value == 1 else 'días hábiles'}"
        case _:
            return spanish.thousands(int(value))


def _integer(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)
