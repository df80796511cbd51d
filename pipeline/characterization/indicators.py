"""Indicators as expressions over the published tables: every figure is a sum of cells that anybody can add again.

What belongs here: numerators, denominators, goals. What does not: tables (`candidates`), and any access to petitions.
A protected cell makes its indicator not evaluable, never smaller. Denominators use known values; what is left out
because its detail is protected is counted beside, and where it is more than the profile tolerates the ratio is not
evaluable: rare values are the ones protected, so that leaving them out would flatter the rest.
"""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from pipeline.characterization.variables import KNOWN, TOTAL, check
from pipeline.profile import IndicatorSpec, Profile, TableSpec
from schemas.characterized import INDICATORS
from schemas.published import SUPPRESSED

_Selection = Mapping[str, list[str]]


def indicators(tables: ir.Table, profile: Profile) -> ir.Table:
    """Every indicator of the profile for every period in `tables`, in the contract `schemas.characterized.INDICATORS`.

    Give all periods, not only one partition: variations look at earlier ones. Proportions are rounded to 4 decimals.
    Raises `ProfileError` where the profile asks for a code that its table does not have.
    """
    check(profile)
    specs = {spec.id: spec for spec in profile.caracterizacion.tablas}
    parts = [
        _indicator(tables, spec, specs[spec.tabla], profile.caracterizacion.protegido_maximo)
        for spec in profile.caracterizacion.indicadores
    ]
    whole = ibis.union(*parts) if len(parts) > 1 else parts[0]
    return whole.order_by(["periodo", "indicador", "valor_dimension"])


def _indicator(tables: ir.Table, spec: IndicatorSpec, table: TableSpec, tolerance: float) -> ir.Table:
    sums = _compared(tables, spec, table) if spec.comparado_con else _summed(tables, spec, table)
    value = sums.numerador.cast("float64")
    if spec.denominador is not None or spec.comparado_con:
        ratio = sums.numerador.cast("float64") / sums.denominador.nullif(0).cast("float64")
        value = (ratio - 1.0 if spec.comparado_con else ratio).round(4)
        value = _tolerated(sums, tolerance).ifelse(value, ibis.null("float64"))
    elif spec.medida == "solicitudes":
        value = value.round(4)
    valued = sums.mutate(valor=value)
    evaluated = valued.valor.notnull()
    filled = valued.mutate(
        indicador=ibis.literal(spec.id),
        nombre=ibis.literal(spec.nombre),
        formula=ibis.literal(spec.formula),
        tabla=ibis.literal(spec.tabla),
        dimension=ibis.literal(spec.por, type="string"),
        unidad=ibis.literal(spec.unidad),
        meta=ibis.literal(spec.meta, type="float64"),
        semaforo=evaluated.ifelse(_light(valued.valor, spec), "no_evaluable"),
        estado=evaluated.ifelse("evaluado", "no_evaluable"),
    )
    return filled.select(**{c.name: filled[c.name].cast(c.dtype) for c in INDICATORS.columns})


def _tolerated(sums: ir.Table, tolerance: float) -> ir.BooleanValue:
    """Whether what is protected is known and a small part of what could belong to the denominator."""
    possible = (sums.denominador + sums.detalle_protegido).cast("float64")
    return (sums.detalle_protegido.cast("float64") <= possible * tolerance).fill_null(False)


def _summed(tables: ir.Table, spec: IndicatorSpec, table: TableSpec) -> ir.Table:
    cells = tables.mutate(grupo=_group(tables, spec, table))
    denominator = spec.denominador or {}
    overall = spec.por is not None and spec.por in denominator
    ratio = spec.denominador is not None
    if spec.por is not None:
        cells = cells.filter((cells.tabla == table.id) & cells.grupo.notin([TOTAL, SUPPRESSED]))
    measures = {
        "numerador": _sum(cells, spec, table, spec.numerador),
        "no_evaluables": _sum(cells, spec, table, spec.no_evaluables) if spec.no_evaluables else ibis.literal(0),
        "detalle_protegido": _protected(cells, spec, table, denominator),
    }
    if ratio and not overall:
        measures["denominador"] = _sum(cells, spec, table, denominator)
    elif not ratio:
        measures["denominador"] = ibis.null("int64")
    sums = cells.group_by(["periodo", "grupo"]).aggregate(**measures)
    if overall:
        whole = tables.group_by("periodo").aggregate(
            denominador=_sum(tables, spec, table, denominator),
            detalle_protegido=_protected(tables, spec, table, denominator),
        )
        sums = sums.drop("detalle_protegido").join(whole, "periodo")
    elif ratio and spec.por is not None:
        sums = sums.filter(sums.denominador.isnull() | (sums.denominador > 0))  # nobody in the group: nothing to say
    return sums.rename(valor_dimension="grupo")


def _compared(tables: ir.Table, spec: IndicatorSpec, table: TableSpec) -> ir.Table:
    """The numerator now, and as denominator the numerator of the earlier period."""
    now = tables.group_by("periodo").aggregate(numerador=_sum(tables, spec, table, spec.numerador))
    now = now.mutate(antes=_earlier(now.periodo, same_half=spec.comparado_con == "mismo_periodo_ano_anterior"))
    before = now.select(antes="periodo", denominador="numerador")
    joined = now.left_join(before, "antes")
    return joined.select(
        "periodo",
        "numerador",
        "denominador",
        valor_dimension=ibis.literal(TOTAL),
        no_evaluables=ibis.literal(0),
        detalle_protegido=ibis.literal(0),
    )


def _earlier(period: ir.StringValue, *, same_half: bool) -> ir.StringValue:
    year_before = (period.left(4).cast("int64") - 1).cast("string")
    if same_half:
        return year_before + period.substr(4)
    return ibis.cases(
        (period.endswith("-S2"), period.left(4) + "-S1"),
        (period.endswith("-S1"), year_before + "-S2"),
        else_=year_before,
    )


def _group(tables: ir.Table, spec: IndicatorSpec, table: TableSpec) -> ir.StringValue:
    if spec.por is None:
        return ibis.literal(TOTAL)
    return tables[f"valor_{table.dimensiones.index(spec.por) + 1}"]


def _sum(tables: ir.Table, spec: IndicatorSpec, table: TableSpec, selection: _Selection) -> ir.IntegerValue:
    """The sum of the selected cells; null where one is protected or none is there."""
    chosen = (tables.tabla == table.id) & (tables.medida == spec.medida)
    for position, name in enumerate(table.dimensiones, 1):
        code = tables[f"valor_{position}"]
        codes = selection.get(name)
        if codes is None:
            # Within a group the group's own code was chosen already.
            chosen &= (code != TOTAL) if name == spec.por else (code == TOTAL)
        elif KNOWN in codes:
            chosen &= code.notin([TOTAL] if SUPPRESSED in codes else [TOTAL, SUPPRESSED])
        else:
            chosen &= code.isin(codes)
    withheld = (tables.estado_celda == SUPPRESSED).any(where=chosen).fill_null(False)
    return withheld.ifelse(ibis.null("int64"), tables.valor.sum(where=chosen)).cast("int64")


def _protected(tables: ir.Table, spec: IndicatorSpec, table: TableSpec, selection: _Selection) -> ir.IntegerValue:
    """Requests that could belong to the denominator, had their detail not been protected in the microdata."""
    if table.base != "solicitudes" or not selection:
        return ibis.literal(0).cast("int64")
    wider = {name: [*codes, SUPPRESSED] for name, codes in selection.items()}
    return _sum(tables, spec, table, wider) - _sum(tables, spec, table, selection)


def _light(value: ir.FloatingValue, spec: IndicatorSpec) -> ir.StringValue:
    if spec.meta is None or spec.sentido == "ninguno":
        return ibis.literal("sin_meta")
    alert = spec.meta if spec.alerta is None else spec.alerta
    better = spec.sentido == "mayor"
    return ibis.cases(
        (value >= spec.meta if better else value <= spec.meta, "verde"),
        (value >= alert if better else value <= alert, "amarillo"),
        else_="rojo",
    )
