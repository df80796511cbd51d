"""The year's tables: sums of both semesters' published cells, so that a year adds nothing to what is known.

What belongs here: adding. What does not: persons and medians, which do not add up over semesters, and petitions.
"""

import ibis
import ibis.expr.types as ir

from pipeline.periods import semesters_of
from schemas.published import SUPPRESSED, TABLES

_CELL = ["tabla", "dimension_1", "valor_1", "dimension_2", "valor_2", "medida"]


def annual(tables: ir.Table, year: int) -> ir.Table:
    """The year's cells in the contract `schemas.published.TABLES`, `periodo` being the year.

    A cell is withheld where a semester withholds it, or where a semester that has other tables lacks this one. A
    semester without any table is left out: say so with `semesters_in`.
    """
    labels = [semester.label for semester in semesters_of(year)]
    chosen = tables.filter(tables.periodo.isin(labels) & (tables.medida == "solicitudes"))
    expected = chosen.aggregate(esperados=chosen.periodo.nunique())
    present = chosen.group_by("tabla").aggregate(presentes=chosen.periodo.nunique())
    cells = chosen.group_by(_CELL).aggregate(
        suma=chosen.valor.sum(), protegida=(chosen.estado_celda == SUPPRESSED).any()
    )
    joined = cells.join(present, "tabla").cross_join(expected)
    withheld = joined.protegida | (joined.presentes < joined.esperados)
    filled = joined.mutate(
        periodo=ibis.literal(str(year)),
        valor=withheld.ifelse(ibis.null("int64"), joined.suma),
        estado_celda=withheld.ifelse(SUPPRESSED, "publicada"),
    )
    ordered = filled.select(**{c.name: filled[c.name].cast(c.dtype) for c in TABLES.columns})
    return ordered.order_by(["tabla", "medida", "valor_1", "valor_2"])


def semesters_in(tables: ir.Table, year: int) -> list[str]:
    """Which semesters of the year have published tables, in order."""
    labels = [semester.label for semester in semesters_of(year)]
    found = tables.filter(tables.periodo.isin(labels)).select("periodo").distinct().to_pandas()
    return sorted(found.periodo)
