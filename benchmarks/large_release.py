"""A release of as many rows as one asks for: synthetic microdata that keeps every public rule.

What belongs here: making the rows and what goes with them. What does not: publishing and measuring (`ckan_publish`).
"""

import random
from dataclasses import replace
from itertools import product
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import release
from pipeline.characterization.variables import TOTAL
from pipeline.profile import Profile
from pipeline.release.manifest import Manifest
from schemas.published import MICRODATA, ROW_SUMMARY, SUPPRESSED, TABLES
from tests import small_release as small

CLASSES, ROWS_A_CLASS = 400, 10
"""Most combinations of values a semester, and the fewest rows of each."""

COUNTED = (("tipo", None), ("tema", "territorio"))
"""The tables that are counted over the rows: the first of one variable, the second of two."""


def build(out: Path, rows: int, profile: Profile) -> Manifest:
    """Writes to `out` a release of two semesters with `rows` requests in all, by the ordinary release machinery."""
    base = small.inputs(out.parent / "figuras")
    made = microdata(rows, profile, base.periods)
    evidence = {p: _evidence(p, made) for p in base.periods}
    frames = {f.contract.name: f for f in base.frames}
    others = frames[TABLES.name].rows.filter(
        pc.invert(pc.is_in(frames[TABLES.name].rows["tabla"], value_set=pa.array([_name(*c) for c in COUNTED])))
    )
    accepted = {p: made.filter(pc.equal(made["periodo"], p)).num_rows for p in base.periods}
    frames[MICRODATA.name] = release.Frame(MICRODATA, made)
    frames[TABLES.name] = release.Frame(TABLES, pa.concat_tables([*(_cells(made, *c) for c in COUNTED), others]))
    frames[ROW_SUMMARY.name] = release.Frame(ROW_SUMMARY, _accounts(frames[ROW_SUMMARY.name].rows, accepted))
    return release.build(replace(base, profile=profile, frames=tuple(frames.values()), privacy=evidence), out)


def microdata(rows: int, profile: Profile, periods: tuple[str, ...]) -> pa.Table:
    """The same rows for the same arguments: combinations of the profile's codes, each often enough."""
    chance = random.Random(1)
    codes = [[c for c in profile.codes[f"publicado_{name}"] if c != SUPPRESSED] for name in small.COLUMNS]
    columns: dict[str, list[str]] = {name: [] for name in MICRODATA.names}
    for i, period in enumerate(periods):
        wanted = rows // len(periods) + (i < rows % len(periods))
        classes = chance.sample(sorted(product(*codes)), max(1, min(CLASSES, wanted // (2 * ROWS_A_CLASS))))
        weights = [chance.paretovariate(1.2) for _ in classes]
        spare = wanted - ROWS_A_CLASS * len(classes)
        sizes = [ROWS_A_CLASS + int(spare * w / sum(weights)) for w in weights]
        sizes[0] += wanted - sum(sizes)
        for values, size in zip(classes, sizes, strict=True):
            for name, value in zip(MICRODATA.names, (period, *values), strict=True):
                columns[name] += [value] * size
    return pa.table(columns)


def _name(first: str, second: str | None) -> str:
    return f"{first}_{second}" if second else first


def _cells(rows: pa.Table, first: str, second: str | None) -> pa.Table:
    dimensions = [d for d in (first, second) if d]
    counted = rows.group_by(["periodo", *dimensions]).aggregate([([], "count_all")]).to_pylist()
    found: dict[tuple[str, ...], int] = {}
    for period in {r["periodo"] for r in counted}:
        seen = [sorted({r[d] for r in counted if r["periodo"] == period}) for d in dimensions]
        found |= dict.fromkeys(((period, *key) for key in product(*([*s, TOTAL] for s in seen))), 0)
    for row in counted:
        for key in product(*((row[d], TOTAL) for d in dimensions)):
            found[row["periodo"], *key] += row["count_all"]
    cells = [
        {
            "periodo": period,
            "tabla": _name(first, second),
            "dimension_1": first,
            "valor_1": values[0],
            "dimension_2": second,
            "valor_2": values[1] if second else None,
            "medida": "solicitudes",
            "valor": count,
            "estado_celda": "publicada",
        }
        for (period, *values), count in found.items()
    ]
    return pa.Table.from_pylist(cells, schema=TABLES.ibis_schema().to_pyarrow())


def _evidence(period: str, rows: pa.Table) -> dict[str, object]:
    mine = rows.filter(pc.equal(rows["periodo"], period))
    sizes = mine.group_by(MICRODATA.names).aggregate([([], "count_all")])["count_all"]
    return small.evidence(period) | {
        "k_minimo": pc.min(sizes).as_py(),
        "filas_publicadas": mine.num_rows,
        "celdas_suprimidas": {},
        "riesgo_promedio": len(sizes) / mine.num_rows,
        "clases": len(sizes),
    }


def _accounts(rows: pa.Table, accepted: dict[str, int]) -> pa.Table:
    told = [r | ({"filas": accepted[r["periodo"]]} if r["destino"] == "aceptada" else {}) for r in rows.to_pylist()]
    return pa.Table.from_pylist(told, schema=rows.schema)
