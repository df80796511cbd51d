"""The rows that microdata hide, seen by subtraction: a detail's sum less the microdata's count of the value above.

What belongs here: how few persons they are, per value. What does not: withholding the cells that would show them
(`pipeline.privacy.joint`).
"""

from itertools import combinations

import ibis.expr.types as ir
import pyarrow as pa

from pipeline.privacy import hierarchies
from pipeline.privacy.grids import DETAIL, Key
from pipeline.profile import Profile

_PERSON = "_persona"


def detailed_columns(profile: Profile) -> list[tuple[str, ...]]:
    """The sets of microdata columns that some table counts in finer detail, so that subtracting is possible."""
    found: set[tuple[str, ...]] = set()
    for spec in profile.caracterizacion.tablas:
        above = sorted({d.removesuffix(DETAIL) for d in spec.dimensiones if d.endswith(DETAIL)})
        known = [name for name in above if name in profile.privacidad.columnas]
        if spec.base == "peticiones":
            found |= {chosen for size in range(1, len(known) + 1) for chosen in combinations(known, size)}
    return sorted(found)


def few_hidden(counted: ir.Table, rows: pa.Table, person: pa.ChunkedArray, profile: Profile) -> frozenset[Key]:
    """The values of microdata whose hidden rows may be fewer persons than the threshold of tables.

    `counted` are the petitions that tables count, `rows` the microdata and `person` the person of each. Whoever has a
    row that is shown may have a hidden one too, so the persons behind a value less those shown are a lower bound.
    """
    columns = profile.privacidad.columnas
    found: set[Key] = set()
    shown = rows.append_column(_PERSON, person)
    for names in detailed_columns(profile):
        levels = {
            name: hierarchies.generalise(counted[columns[name].campo], profile.jerarquias[name], columns[name].nivel)
            for name in names
        }
        unidentified = counted.persona_clave.isnull().any().cast("int64")
        everybody = counted.group_by(**levels).aggregate(
            solicitudes=counted.count(), personas=counted.persona_clave.nunique() + unidentified
        )
        public = shown.group_by(list(names)).aggregate([([], "count_all"), (_PERSON, "count_distinct")]).to_pylist()
        seen = {tuple(r[n] for n in names): (r["count_all"], r[f"{_PERSON}_count_distinct"]) for r in public}
        for row in everybody.to_pyarrow().to_pylist():
            values = tuple(row[n] for n in names)
            requests, persons = seen.get(values, (0, 0))
            few = row["personas"] - persons < profile.privacidad.umbral_tabla
            if row["solicitudes"] > requests and few:
                found.add(("", *sorted(zip(names, values, strict=True))))
    return frozenset(found)
