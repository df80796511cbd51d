"""Great Expectations over the release's profile, and the whitelist that is all anybody sees of its answer.

What belongs here: which counts are good, running the tool, serialising. What does not: counting (`profiling`), privacy
(`rules.privacy`). Great Expectations is imported inside `judge`: it takes seconds and only this needs it.
"""

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from pipeline.release.profiling import Measure, measure

Severity = Literal["critical", "warning"]

VOLUME = 0.10
"""Share of a period's rows that may change between versions without a warning (OpenAddresses' gate)."""
HIDDEN = 0.10
"""Share of a column's cells, or of the tables' cells, that may be withheld without a warning (DESIGN.md)."""


@dataclass(frozen=True)
class Rule:
    """A rule's wording, how much its failure matters, and the range its count must fall in."""

    text: str
    severity: Severity
    bounds: Callable[[Measure], tuple[int | None, int | None]]


def _none(_: Measure) -> tuple[int, int]:
    return 0, 0


def _share(limit: float) -> Callable[[Measure], tuple[int, int]]:
    return lambda m: (0, int(m.total * limit))


RULES: Mapping[str, Rule] = {
    "con_filas": Rule("La tabla tiene filas", "critical", lambda _: (1, None)),
    "clave_unica": Rule("Ninguna fila repite la clave de la tabla", "critical", _none),
    "obligatoria_llena": Rule("La columna obligatoria no tiene celdas vacías", "critical", _none),
    "codigo_de_su_lista": Rule("Todos los códigos están en la lista de la columna", "critical", _none),
    "periodos_completos": Rule("Están todos los periodos declarados", "critical", _none),
    "periodos_declarados": Rule("No hay periodos sin declarar", "critical", _none),
    "detalle_suficiente": Rule("Se suprime a lo sumo el 10 % de las celdas de la columna", "warning", _share(HIDDEN)),
    "celdas_suficientes": Rule("Se suprime a lo sumo el 10 % de las celdas de las tablas", "warning", _share(HIDDEN)),
    "celda_y_estado": Rule("Una celda está vacía si y solo si su estado dice que se suprimió", "critical", _none),
    "totales_iguales": Rule(
        "El total de cada tabla de solicitudes es el número de filas publicadas", "critical", _none
    ),
    "no_mas_que_aceptadas": Rule("No se publican más solicitudes que las aceptadas", "critical", _none),
    "columnas_conservadas": Rule("No falta ninguna columna de la versión anterior", "critical", _none),
    "volumen_estable": Rule(
        "Las filas de un periodo ya publicado cambian a lo sumo un 10 %", "warning", _share(VOLUME)
    ),
}
"""Every rule by name, in the order in which people read them."""


@dataclass(frozen=True)
class QualityResult:
    """One answer, free of cell values: rule, file, column or period, expectation, severity, success and counts."""

    rule: str
    file: str
    column: str | None
    expectation: str
    severity: str
    success: bool
    found: int
    total: int

    def to_json(self) -> dict[str, Any]:
        """Its entry in calidad.json."""
        return {
            "regla": self.rule,
            "archivo": self.file,
            "columna": self.column,
            "expectativa": self.expectation,
            "gravedad": "critica" if self.severity == "critical" else "advertencia",
            "cumple": self.success,
            "contados": self.found,
            "de": self.total,
        }


def judge(folder: Path, previous: Path | None = None) -> list[QualityResult]:
    """Judges a release folder from its bytes, against `previous` when there is one.

    Data that is wrong is an answer; only a file that cannot be read raises `ReleaseError`.
    """
    measures = measure(folder, previous)
    answers = _ask(pd.DataFrame([{m.key: m.found for m in measures}]), [_expectation(m) for m in measures])
    return [whitelisted(answer, m) for answer, m in zip(answers, measures, strict=True)]


def whitelisted(answer: Mapping[str, Any], about: Measure) -> QualityResult:
    """What may be kept of one result: everything else that the tool says may quote data, so it is not even read."""
    config = answer["expectation_config"]
    return QualityResult(
        rule=about.rule,
        file=about.file,
        column=about.column,
        expectation=str(config["type"]),
        severity=str(config["severity"]),
        success=answer["success"] is True,
        found=about.found,
        total=about.total,
    )


def as_json(dataset: str, version: str, results: list[QualityResult]) -> dict[str, Any]:
    """The content of calidad.json."""
    return {
        "conjunto": dataset,
        "version": version,
        "herramienta": "Great Expectations sobre el perfil de los bytes publicados",
        "resumen": {
            "comprobaciones": len(results),
            "cumplen": sum(r.success for r in results),
            "advertencias": sum(not r.success and r.severity == "warning" for r in results),
            "criticas": sum(not r.success and r.severity == "critical" for r in results),
        },
        "reglas": {name: rule.text for name, rule in RULES.items()},
        "resultados": [r.to_json() for r in results],
    }


def _expectation(about: Measure) -> dict[str, Any]:
    rule = RULES[about.rule]
    low, high = rule.bounds(about)
    return {"column": about.key, "min_value": low, "max_value": high, "severity": rule.severity}


def _ask(profile: pd.DataFrame, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Great Expectations' answers in the order of `wanted`; an ephemeral context, nothing sent, nothing drawn."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx  # noqa: PLC0415
        from great_expectations import expectations as gxe  # noqa: PLC0415
        from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
        source = context.data_sources.add_pandas("publicacion")
        batches = source.add_dataframe_asset("perfil").add_batch_definition_whole_dataframe("perfil")
        suite = gx.ExpectationSuite(
            "calidad_publicada", expectations=[gxe.ExpectColumnValuesToBeBetween(**kwargs) for kwargs in wanted]
        )
        report = batches.get_batch({"dataframe": profile}).validate(
            context.suites.add(suite), result_format="BOOLEAN_ONLY"
        )
    found = {r["expectation_config"]["kwargs"]["column"]: r for r in report.to_json_dict()["results"]}
    return [found[kwargs["column"]] for kwargs in wanted]
