"""Recommendations: the profile's rules applied to the indicators, each with its figure, period and size.

What belongs here: whether a rule fires, and a record of every rule that was checked. What does not: thresholds and
wording, which the profile decides. Every recommendation follows one of the 16 lines of action of MM-GAC-P-008.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.characterization.variables import TOTAL, UNINFORMATIVE, label
from pipeline.profile import Profile, RecommendationRule
from pipeline.spanish import decimal, percent, thousands

_NOBODY = UNINFORMATIVE - {TOTAL}
FIRED, QUIET, TOO_FEW, NOT_EVALUABLE = "activada", "no_activada", "pocas", "no_evaluable"


@dataclass(frozen=True)
class Recommendation:
    """What is recommended, to whom and why; its figures come from one row of the indicators.

    `anterior` is the indicator's value in the latest earlier period, where there is one.
    """

    regla: str
    linea_accion: str
    linea: str
    responsable: str
    texto: str
    periodo: str
    indicador: str
    nombre_indicador: str
    tabla: str
    grupo: str
    numerador: int
    n: int
    valor: float
    umbral: float
    unidad: str
    anterior: float | None


@dataclass(frozen=True)
class Checked:
    """One rule on one indicator row, and how it ended: activada, no_activada, pocas or no_evaluable."""

    regla: str
    nombre_indicador: str
    tabla: str
    grupo: str
    condicion: str
    umbral: float | None
    valor: float | None
    n: int | None
    n_minimo: int
    unidad: str
    resultado: str


@dataclass(frozen=True)
class Assessment:
    """All rules applied to one period."""

    recommendations: list[Recommendation]
    checked: list[Checked]


def recommendations(indicators: pd.DataFrame, profile: Profile, period: str | None = None) -> list[Recommendation]:
    """What the rules recommend for one period of `indicators` (by default the last), in the order of the rules."""
    return assess(indicators, profile, period).recommendations


def assess(indicators: pd.DataFrame, profile: Profile, period: str | None = None) -> Assessment:
    """Every rule of the profile on the indicators of one period (by default the last): what fired, what was checked.

    A rule needs `n_minimo` requests in the denominator; with fewer it recommends nothing and says so. Groups of whom
    nothing is known («no informa», «sin dato») get no recommendation.
    """
    chosen = period or (str(indicators.periodo.max()) if len(indicators) else "")
    rows = indicators[indicators.periodo == chosen]
    fired: list[Recommendation] = []
    checked: list[Checked] = []
    for rule in profile.caracterizacion.recomendaciones:
        threshold = _threshold(rule, rows)
        found = rows[(rows.indicador == rule.indicador) & ~rows.valor_dimension.isin(_NOBODY)]
        for row in found.sort_values("valor_dimension").to_dict("records"):
            result = _checked(rule, row, threshold, profile)
            checked.append(result)
            if result.resultado == FIRED:
                fired.append(_recommendation(rule, row, result, indicators, profile))
    return Assessment(fired, checked)


def _threshold(rule: RecommendationRule, rows: pd.DataFrame) -> float | None:
    if rule.relativo_a is None:
        return rule.umbral
    reference = rows[(rows.indicador == rule.relativo_a) & (rows.valor_dimension == TOTAL)].valor.dropna()
    return round(rule.umbral * float(reference.iloc[0]), 4) if len(reference) else None


def _checked(rule: RecommendationRule, row: dict[Any, Any], threshold: float | None, profile: Profile) -> Checked:
    value = None if pd.isna(row["valor"]) else float(row["valor"])
    n = None if pd.isna(row["denominador"]) else int(row["denominador"])
    if threshold is None or value is None or n is None:
        result = NOT_EVALUABLE
    elif n < rule.n_minimo:
        result = TOO_FEW
    else:
        passes = value < threshold if rule.condicion == "menor" else value > threshold
        result = FIRED if passes else QUIET
    group = "" if pd.isna(row["dimension"]) else label(row["dimension"], row["valor_dimension"], profile)
    return Checked(
        regla=rule.id,
        nombre_indicador=row["nombre"],
        tabla=row["tabla"],
        grupo=group,
        condicion=rule.condicion,
        umbral=threshold,
        valor=value,
        n=n,
        n_minimo=rule.n_minimo,
        unidad=row["unidad"],
        resultado=result,
    )


def _recommendation(
    rule: RecommendationRule, row: dict[Any, Any], checked: Checked, indicators: pd.DataFrame, profile: Profile
) -> Recommendation:
    value, threshold, n = float(row["valor"]), checked.umbral or 0.0, int(row["denominador"])
    shown = percent if row["unidad"] == "proporcion" else decimal
    text = rule.texto.format(
        grupo=checked.grupo,
        valor=shown(value),
        numerador=thousands(int(row["numerador"])),
        n=thousands(n),
        umbral=shown(threshold),
        periodo=row["periodo"],
    )
    return Recommendation(
        regla=rule.id,
        linea_accion=rule.linea_accion,
        linea=profile.label("linea_accion", rule.linea_accion),
        responsable=rule.responsable,
        texto=text,
        periodo=row["periodo"],
        indicador=row["indicador"],
        nombre_indicador=row["nombre"],
        tabla=row["tabla"],
        grupo=checked.grupo,
        numerador=int(row["numerador"]),
        n=n,
        valor=value,
        umbral=threshold,
        unidad=row["unidad"],
        anterior=_before(row, indicators),
    )


def _before(row: dict[Any, Any], indicators: pd.DataFrame) -> float | None:
    same = indicators[
        (indicators.indicador == row["indicador"])
        & (indicators.valor_dimension == row["valor_dimension"])
        & (indicators.periodo < row["periodo"])
        & (indicators.periodo.str.len() == len(row["periodo"]))
        & indicators.valor.notna()
    ].sort_values("periodo")
    return float(same.valor.iloc[-1]) if len(same) else None
