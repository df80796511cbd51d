"""Sections on who writes: territory, population, sectors and segments.

What belongs here: wording. What does not: any figure that is not in a published table. Groups may overlap, so they are
never presented as parts of a whole.
"""

from collections.abc import Sequence

import pandas as pd
from markupsafe import Markup

from pipeline import spanish
from pipeline.characterization.variables import TOTAL, UNINFORMATIVE, label
from pipeline.reporting.context import Context, count
from pipeline.reporting.page import Block, Exhibit, Group, Heading, Notice, Paragraph, Row, Section, Table, ref

_GROUPS_TABLE = "segmentos"
_DESCRIBED = {"tema": "Temas", "canal": "Canales", "tipo": "Clases de petición"}
_FREQUENT = 1.1
_NEEDS = 3
_UNFILLED = (
    ("I15_TERRITORIO", "el territorio"),
    ("I15_EDAD", "la edad"),
    ("I15_SEXO", "el sexo"),
    ("I15_ESCOLARIDAD", "el nivel educativo"),
    ("I15_ETNIA", "la pertenencia étnica"),
)
_REST = ("otros", "otro")


def population(context: Context) -> Section:
    """Territory and population; sensitive variables only as counted tables."""
    blocks: list[Block] = [
        Paragraph(
            "Cada variable se cuenta en peticiones y, donde la puerta de privacidad lo permite, en personas. Lo que no "
            "se informó se muestra como tal: no se reparte entre los demás valores."
        ),
        *_filled(context),
        Heading("Territorio"),
        *context.exhibits("territorio", "comuna", "tema_territorio"),
        Heading("Edad y sexo"),
        *context.exhibits("edad", "edad_detalle", "sexo", "canal_edad"),
        Heading("Educación, estrato y tipo de persona"),
        *context.exhibits("escolaridad", "estrato", "persona_tipo"),
        Heading("Grupos de especial protección"),
        Paragraph(
            "Son datos sensibles (Ley 1581 de 2012, artículo 5): solo se publican como tablas, con un mínimo de "
            f"{context.profile.privacidad.umbral_tabla_sensible} personas por celda."
        ),
        *context.exhibits("grupo_etnico", "discapacidad", "victima"),
    ]
    return Section("poblacion", "Territorio y población", blocks)


def _filled(context: Context) -> list[Block]:
    parts = []
    for indicator, what in _UNFILLED:
        reading = context.reading(indicator)
        if reading:
            parts.append(Markup("{} ({})").format(what, reading.text))
    if not parts:
        return []
    listed = Markup(", ").join(parts)
    return [Paragraph(Markup("No informan cada variable: {}.").format(listed))]


def groups(segments: pd.DataFrame, context: Context) -> Section:
    """Sectors with their segments: rule, size, and what they need more than the others."""
    rows = segments[segments.periodo == context.period]
    title = "Sectores y segmentos"
    if rows.empty:
        why = (
            "No se pudieron evaluar los sectores y segmentos: en este periodo no se publicaron microdatos, y los "
            "grupos solo se forman con lo publicado."
        )
        return Section("segmentos", title, [Notice(why)])
    blocks: list[Block] = [
        Paragraph(
            "Un sector es una agrupación muy general; un segmento cumple además una regla propia. Los grupos se forman "
            "con las solicitudes anonimizadas y pueden cruzarse: no suman el total. «Veces» compara con todas las "
            "solicitudes: 2,0 es el doble de frecuente."
        ),
        Exhibit(_sizes(rows)),
    ]
    for sector in context.profile.caracterizacion.sectores:
        blocks += _sector(rows[rows.sector == sector.id], sector.id, context)
    return Section("segmentos", title, blocks)


def _sizes(rows: pd.DataFrame) -> Table:
    sizes = rows[rows.variable == "tamano"].sort_values(["sector", "segmento"])
    body = []
    for _, found in sizes.groupby("sector", sort=True):
        whole = found[found.segmento == TOTAL]
        own = found[found.segmento != TOTAL]
        for row in pd.concat([whole, own]).to_dict("records"):
            name = row["nombre"] if row["segmento"] == TOTAL else f"–\u00a0{row['nombre']}"
            body.append(
                Row([name, _number(row["solicitudes"]), _share(row["participacion"])], row["segmento"] == TOTAL)
            )
    return Table(
        f"t-{_GROUPS_TABLE}",
        "Tamaño de sectores y segmentos",
        "Solicitudes anonimizadas; porcentaje de todas. Los sectores van en negrita; los segmentos pueden cruzarse.",
        ["Grupo", "Solicitudes", "Porcentaje"],
        body,
    )


def _sector(rows: pd.DataFrame, sector: str, context: Context) -> list[Block]:
    plan = context.profile.caracterizacion
    named = next(s for s in plan.sectores if s.id == sector)
    blocks: list[Block] = [Heading(named.nombre)]
    groups = [(TOTAL, named.nombre, named.regla)]
    groups += [(s.id, s.nombre, named.regla | s.regla) for s in plan.segmentos if s.sector == sector]
    empty = []
    for segment, name, rule in groups:
        found = rows[rows.segmento == segment]
        if found.empty:
            empty.append(name)
            continue
        blocks.append(_group(found, name, set(rule), context, whole=segment == TOTAL))
    if empty:
        blocks.append(Notice(f"Sin solicitudes con detalle publicado en el periodo: {spanish.listing(empty)}."))
    return blocks


def _group(rows: pd.DataFrame, name: str, ruled: set[str], context: Context, *, whole: bool) -> Group:
    size = rows[rows.variable == "tamano"].iloc[0]
    text = Markup("{} solicitudes ({} del total).").format(
        ref(_number(size.solicitudes), _GROUPS_TABLE), _share(size.participacion)
    )
    traits = [] if pd.isna(size.solicitudes) else _traits(rows, ruled, context)
    return Group("Todo el sector" if whole else name, f"Regla: {size.regla}.", text, traits)


def _traits(rows: pd.DataFrame, ruled: set[str], context: Context) -> Sequence[str]:
    """What is frequent in the group; a variable of its own rule says nothing new."""
    traits: list[Markup] = []
    for variable, noun in _DESCRIBED.items():
        if variable in ruled:
            continue
        found = rows[(rows.variable == variable) & ~rows.codigo.isin(UNINFORMATIVE) & rows.solicitudes.notna()]
        top = found.sort_values(["solicitudes", "codigo"], ascending=[False, True]).head(_NEEDS)
        listed = [
            Markup("{} ({}, {} veces)").format(
                label(variable, row["codigo"], context.profile),
                _share(row["participacion"]),
                spanish.decimal(row["veces"]),
            )
            for row in top.to_dict("records")
        ]
        if listed:
            traits.append(Markup("{}: {}.").format(noun, Markup("; ").join(listed)))
        more = found[(found.veces >= _FREQUENT) & ~found.codigo.isin(_REST)].sort_values(
            ["veces", "codigo"], ascending=[False, True]
        )
        if variable == "tema" and len(more):
            first = more.iloc[0]
            traits.append(
                Markup("Necesidad más propia del grupo: {}, {} veces lo general.").format(
                    label(variable, first.codigo, context.profile), spanish.decimal(first.veces)
                )
            )
    return traits


def _number(value: object) -> str:
    return count(None if pd.isna(value) else int(value))  # type: ignore[call-overload]


def _share(value: object) -> str:
    return "" if pd.isna(value) else spanish.percent(float(value))  # type: ignore[call-overload,arg-type]
