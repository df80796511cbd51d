"""Sectors and segments (activity 4 of MM-GAC-P-008): who shares a rule, how many, and what they need more than others.

What belongs here: groups over the published microdata. What does not: petitions, and groups that microdata cannot tell.
Groups are read from rows that the door already released, so describing them reveals nothing more; a group or a need
below the table threshold is withheld all the same.
"""

import ibis
import ibis.expr.types as ir

from pipeline.characterization.variables import TOTAL, check, heading, label
from pipeline.periods import semesters_of
from pipeline.profile import Profile, SectorSpec, SegmentSpec
from schemas.characterized import SEGMENTS
from schemas.published import SUPPRESSED

_DESCRIBED = ("tema", "canal", "tipo")
_SIZE = "tamano"
_EVERYBODY = "todas"


def segments(microdata: ir.Table, profile: Profile, year: int | None = None) -> ir.Table:
    """Sectors and segments of every semester in `microdata`, in the contract `schemas.characterized.SEGMENTS`.

    With `year`, of that whole year. `participacion` has 4 decimals; `veces` is how many times more frequent a value is
    in the group than among all requests. Groups may overlap. A group that nobody belongs to has no row.
    """
    check(profile)
    if year is not None:
        labels = [semester.label for semester in semesters_of(year)]
        microdata = microdata.filter(microdata.periodo.isin(labels)).mutate(periodo=ibis.literal(str(year)))
    sized = _shares(_counts(microdata, profile))
    described = _thresholded(sized, profile.privacidad.umbral_tabla)
    named = _named(described.filter(described.grupo != _EVERYBODY), profile)
    ordered = named.select(**{c.name: named[c.name].cast(c.dtype) for c in SEGMENTS.columns})
    return ordered.order_by(["periodo", "sector", "segmento", "variable", "codigo"])


def rule_text(rule: dict[str, list[str]], profile: Profile) -> str:
    """A rule as people read it: «Grupo de edad del peticionario: 18 a 59 años; Sexo del peticionario: Mujer»."""
    return "; ".join(
        f"{heading(name, profile)}: {' o '.join(label(name, code, profile) for code in codes)}"
        for name, codes in rule.items()
    )


def _groups(profile: Profile) -> list[tuple[str, str, dict[str, list[str]], SectorSpec | SegmentSpec]]:
    """Sector, segment, whole rule, and what names it."""
    plan = profile.caracterizacion
    sectors = {sector.id: sector for sector in plan.sectores}
    whole: list[tuple[str, str, dict[str, list[str]], SectorSpec | SegmentSpec]] = [
        (sector.id, TOTAL, sector.regla, sector) for sector in plan.sectores
    ]
    whole += [(s.sector, s.id, sectors[s.sector].regla | s.regla, s) for s in plan.segmentos]
    return whole


def _counts(microdata: ir.Table, profile: Profile) -> ir.Table:
    """How many requests each group has, in all and by value of each described variable."""
    belongs = [ibis.literal(_EVERYBODY)]
    for sector, segment, rule, _ in _groups(profile):
        inside = ibis.and_(*[microdata[name].isin(codes) for name, codes in rule.items()])
        belongs.append(inside.ifelse(f"{sector}/{segment}", ibis.null("string")))
    rows = microdata.mutate(grupo=ibis.array(belongs).unnest())
    rows = rows.filter(rows.grupo.notnull())
    parts = [rows.select("periodo", "grupo", variable=ibis.literal(_SIZE), codigo=ibis.literal(TOTAL))]
    for name in _DESCRIBED:
        known = rows.filter(rows[name] != SUPPRESSED)
        code = known[name].nullif("")  # never empty; a union wants a nullable column on every side
        parts.append(known.select("periodo", "grupo", variable=ibis.literal(name), codigo=code))
    counted = ibis.union(*parts)
    return counted.group_by(["periodo", "grupo", "variable", "codigo"]).aggregate(solicitudes=counted.count())


def _shares(counts: ir.Table) -> ir.Table:
    """Each count against its base: all requests for a size, the group's requests with data for a value."""
    sizes = counts.filter(counts.variable == _SIZE)
    everybody = sizes.filter(sizes.grupo == _EVERYBODY).select("periodo", todas="solicitudes")
    known = counts.group_by(["periodo", "grupo", "variable"]).aggregate(con_dato=counts.solicitudes.sum())
    joined = (
        counts.join(everybody, "periodo")
        .join(known, ["periodo", "grupo", "variable"])
        .join(sizes.select("periodo", "grupo", tamano="solicitudes"), ["periodo", "grupo"])
    )
    based = joined.mutate(base=(joined.variable == _SIZE).ifelse(joined.todas, joined.con_dato))
    exact = based.solicitudes.cast("float64") / based.base.cast("float64")
    shared = based.mutate(exacta=exact, participacion=exact.round(4))
    general = shared.filter(shared.grupo == _EVERYBODY).select("periodo", "variable", "codigo", general="exacta")
    compared = shared.left_join(general, ["periodo", "variable", "codigo"])
    times = (compared.variable != _SIZE).ifelse((compared.exacta / compared.general).round(2), ibis.null("float64"))
    return compared.mutate(veces=times)


def _thresholded(shares: ir.Table, threshold: int) -> ir.Table:
    """Withholds what is below the threshold, and all that describes a group below it."""
    visible = shares.filter((shares.tamano >= threshold) | (shares.variable == _SIZE))
    hidden = visible.solicitudes < threshold
    return visible.mutate(
        solicitudes=hidden.ifelse(ibis.null("int64"), visible.solicitudes),
        participacion=hidden.ifelse(ibis.null("float64"), visible.participacion),
        veces=hidden.ifelse(ibis.null("float64"), visible.veces),
        estado_celda=hidden.ifelse(SUPPRESSED, "publicada"),
    )


def _named(rows: ir.Table, profile: Profile) -> ir.Table:
    groups = _groups(profile)
    return rows.mutate(
        sector=rows.grupo.split("/")[0],
        segmento=rows.grupo.split("/")[1],
        nombre=rows.grupo.cases(*[(f"{s}/{g}", spec.nombre) for s, g, _, spec in groups], else_=""),
        regla=rows.grupo.cases(*[(f"{s}/{g}", rule_text(rule, profile)) for s, g, rule, _ in groups], else_=""),
    )
