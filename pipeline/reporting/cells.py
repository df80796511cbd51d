"""The published cells of one period as a report reads them: labelled, in order, and honest about what is withheld.

What belongs here: looking figures up. What does not: computing new ones beyond shares of a published total.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from pipeline.characterization.variables import TOTAL, UNANSWERED, UNINFORMATIVE, Variable, label, resolve
from pipeline.profile import Profile, TableSpec
from schemas.published import SUPPRESSED

BASES = {
    "legal": "todas las peticiones recibidas",
    "peticiones": "peticiones caracterizables",
    "solicitudes": "solicitudes anonimizadas",
}


@dataclass(frozen=True)
class Cell:
    """One value of a variable: how many, or None where the door withheld it; `share` is of the known values."""

    code: str
    label: str
    value: int | None
    share: float | None

    @property
    def informative(self) -> bool:
        """Whether the code says something about the request."""
        return self.code not in UNINFORMATIVE


class Cells:
    """All published cells of one period."""

    def __init__(self, tables: pd.DataFrame, profile: Profile, period: str) -> None:
        self.profile = profile
        self.period = period
        self.specs = {spec.id: spec for spec in profile.caracterizacion.tablas}
        chosen = tables[tables.periodo == period]
        self._values: dict[tuple[str, str, str, str | None], int | None] = {
            (table, measure, one, None if pd.isna(two) else two): None
            if state == SUPPRESSED or pd.isna(value)
            else int(value)
            for table, measure, one, two, value, state in zip(
                chosen.tabla, chosen.medida, chosen.valor_1, chosen.valor_2, chosen.valor, chosen.estado_celda,
                strict=True,
            )
        }  # fmt: skip
        self._present = {(table, measure) for table, measure, _, _ in self._values}

    def has(self, table: str, measure: str = "solicitudes") -> bool:
        """Whether the period publishes this table with this measure."""
        return (table, measure) in self._present

    def value(self, table: str, one: str = TOTAL, two: str | None = None, measure: str = "solicitudes") -> int | None:
        """One cell; None where it is withheld or absent."""
        return self._values.get((table, measure, one, two))

    def present(self, table: str, one: str, measure: str) -> bool:
        """Whether the cell exists, published or withheld."""
        return (table, measure, one, None) in self._values

    def withheld(self, table: str) -> int:
        """How many cells of a table the door withheld."""
        return sum(1 for (name, _, _, _), value in self._values.items() if name == table and value is None)

    def variables(self, table: str) -> list[Variable]:
        """The table's variables; for a year, the months of both semesters."""
        spec = self.specs[table]
        if "-S" in self.period:
            return resolve(spec, self.profile, self.period)
        halves = [resolve(spec, self.profile, f"{self.period}-S{half}") for half in (1, 2)]
        return [
            Variable(a.name, a.field, tuple(dict.fromkeys(a.codes + b.codes)), a.read, a.continuous, a.ordered)
            for a, b in zip(*halves, strict=True)
        ]

    def known(self, table: str, column: str | None = None) -> int | None:
        """The base of shares: the total without protected detail and, for answer times, without unanswered ones."""
        total = self.value(table, TOTAL, column)
        if total is None:
            return None
        unknown = [self.value(table, code, column) or 0 for code in (SUPPRESSED, UNANSWERED)]
        return total - sum(unknown)

    def column(self, table: str, measure: str = "solicitudes") -> list[Cell]:
        """The cells of a table of one variable, in the order of its codes, without those that count nobody."""
        variable = self.variables(table)[0]
        base = self.known(table) if measure == "solicitudes" else None
        cells = []
        for code in variable.codes:
            if (table, measure, code, None) not in self._values:
                continue
            value = self.value(table, code, measure=measure)
            if value == 0 and measure != "mediana_dias_habiles":
                continue
            shared = value is not None and base and code not in (SUPPRESSED, UNANSWERED)
            share = value / base if shared else None  # type: ignore[operator]
            cells.append(Cell(code, label(variable.name, code, self.profile), value, share))
        return cells

    def matrix(self, table: str) -> tuple[list[Cell], list[Cell], dict[tuple[str, str], int | None]]:
        """Rows, columns and values of a table of two variables, without rows and columns that count nobody."""
        first, second = self.variables(table)
        rows = [*self._margin(table, first, row=True), Cell(TOTAL, "Total", self.value(table, TOTAL, TOTAL), None)]
        columns = [*self._margin(table, second, row=False), Cell(TOTAL, "Total", None, None)]
        values = {(r.code, c.code): self.value(table, r.code, c.code) for r in rows for c in columns}
        return rows, columns, values

    def evaluable(self, table: str) -> bool:
        """Whether the table says anything: a published, informative cell that counts somebody."""
        spec = self.specs[table]
        if len(spec.dimensiones) > 1:
            rows, columns, _ = self.matrix(table) if self.has(table) else ([], [], {})
            return len(rows) > 1 and len(columns) > 1
        return any(c.informative and c.value for c in self.column(table, spec.medidas[0]))

    def _margin(self, table: str, variable: Variable, *, row: bool) -> Iterable[Cell]:
        for code in variable.codes:
            value = self.value(table, code, TOTAL) if row else self.value(table, TOTAL, code)
            key = (table, "solicitudes", code, TOTAL) if row else (table, "solicitudes", TOTAL, code)
            if key in self._values and value != 0:
                yield Cell(code, label(variable.name, code, self.profile), value, None)


def base_of(spec: TableSpec) -> str:
    """What a table counts, as its caption says it."""
    return BASES[spec.base] + (f"; {spec.base_legal}" if spec.base_legal else "")
