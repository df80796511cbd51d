"""What changed between the extracts of two semesters: columns, codes, how full each field is, volumes.

What belongs here: the comparison. What does not: reading, and showing it (the asset shows counts, `pqrsd diff` values).
"""

import ibis
import ibis.expr.types as ir

from pipeline.periods import Semester
from pipeline.profile import Profile
from pipeline.stores.tables import Tables
from schemas.extracts import COLUMNS_READ, DRIFT, EXTRACTS, FILES_READ

FILL_CHANGE = 0.10
"""A field whose filled share moved by more than this is a change."""

VOLUME_CHANGE = 0.25
_MOST_CODES = 200
"""A field with more distinct texts than this is no code: its texts are not compared."""


def against_previous(tables: Tables, profile: Profile, semester: Semester) -> ir.Table:
    """What of the semester's extracts is not as in the semester before, as rows of `contraste_extractos`.

    Nothing where the earlier semester was not read, or where everything is alike.
    """
    before = semester.previous.label
    here, there = semester.label, before
    parts = [
        _columns(tables, here, there),
        _fill(tables, here, there),
        _volumes(tables, here, there),
        *[_codes(tables, here, there, field) for field in _coded(profile)],
    ]
    known = tables.table(FILES_READ, periodo=there).select("fuente").distinct()
    found = ibis.union(*parts, distinct=False).semi_join(known, "fuente")
    return found.mutate(periodo=ibis.literal(here), periodo_anterior=ibis.literal(there)).select(*DRIFT.names)


def by_aspect(tables: Tables, semester: Semester) -> dict[str, int]:
    """How many changes of each aspect a semester's stored comparison holds."""
    stored = tables.table(DRIFT, periodo=semester.label)
    counted = stored.group_by("aspecto").aggregate(n=stored.count()).to_pyarrow().to_pylist()
    return dict.fromkeys(("columna", "codigo", "llenado", "volumen"), 0) | {row["aspecto"]: row["n"] for row in counted}


def _coded(profile: Profile) -> list[str]:
    return [name for name in EXTRACTS.names if name in profile.listas and name != "mecanismo"]


def _columns(tables: Tables, here: str, there: str) -> ir.Table:
    def names(period: str) -> ir.Table:
        read = tables.table(COLUMNS_READ, periodo=period)
        return read.group_by("fuente", campo=read.columna).aggregate(n=read.archivo.nunique())

    return _only_one_side("columna", names(here), names(there), valor=False)


def _codes(tables: Tables, here: str, there: str, field: str) -> ir.Table:
    def texts(period: str) -> ir.Table:
        rows = tables.table(EXTRACTS, periodo=period)
        rows = rows.filter(rows[field].notnull())
        counted = rows.group_by("fuente", valor=rows[field]).aggregate(n=rows.count())
        few = counted.group_by("fuente").aggregate(textos=counted.count()).filter(lambda t: t.textos <= _MOST_CODES)
        return counted.semi_join(few, "fuente").mutate(campo=ibis.literal(field))

    return _only_one_side("codigo", texts(here), texts(there), valor=True)


def _only_one_side(aspect: str, now: ir.Table, before: ir.Table, *, valor: bool) -> ir.Table:
    keys = ["fuente", "campo", *(["valor"] if valor else [])]
    parts = []
    for news, one, other in (("nueva", now, before), ("desaparecida", before, now)):
        lone = one.anti_join(other, keys)
        count = lone.n.cast("float64")
        zero = ibis.literal(0.0)
        parts.append(
            lone.select(
                "fuente",
                aspecto=ibis.literal(aspect),
                novedad=ibis.literal(news),
                campo=lone.campo,
                valor=lone.valor if valor else ibis.null("string"),
                antes=zero if news == "nueva" else count,
                ahora=count if news == "nueva" else zero,
            )
        )
    return parts[0].union(parts[1])


def _fill(tables: Tables, here: str, there: str) -> ir.Table:
    def shares(period: str, name: str) -> ir.Table:
        read = tables.table(COLUMNS_READ, periodo=period)
        once = read.filter(read.campo != "").group_by("fuente", "campo", "archivo").aggregate(
            llenas=read.llenas.max(), filas=read.filas.max()
        )  # fmt: skip
        summed = once.group_by("fuente", "campo").aggregate(llenas=once.llenas.sum(), filas=once.filas.sum())
        return summed.filter(summed.filas > 0).select("fuente", "campo", **{name: summed.llenas / summed.filas})

    now = shares(here, "ahora")
    both = now.join(shares(there, "antes"), ["fuente", "campo"])
    return _moved(both.filter((both.ahora - both.antes).abs() > FILL_CHANGE), "llenado", both.campo)


def _volumes(tables: Tables, here: str, there: str) -> ir.Table:
    def volume(period: str, name: str) -> ir.Table:
        read = tables.table(FILES_READ, periodo=period)
        return read.group_by("fuente").aggregate(**{name: read.filas.sum().cast("float64")})

    both = volume(here, "ahora").outer_join(volume(there, "antes"), "fuente")
    both = both.select(
        fuente=ibis.coalesce(both.fuente, both.fuente_right),
        ahora=both.ahora.fill_null(0.0),
        antes=both.antes.fill_null(0.0),
    )
    return _moved(
        both.filter((both.ahora - both.antes).abs() > VOLUME_CHANGE * both.antes), "volumen", ibis.literal("")
    )


def _moved(rows: ir.Table, aspect: str, field: ir.StringValue) -> ir.Table:
    return rows.select(
        "fuente",
        aspecto=ibis.literal(aspect),
        novedad=ibis.literal("cambio"),
        campo=field,
        valor=ibis.null("string"),
        antes=rows.antes,
        ahora=rows.ahora,
    )
