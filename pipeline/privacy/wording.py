"""The engine's reports in words, for whoever reads them on a screen.

What belongs here: sentences and tables in Spanish made from a report. What does not: figures of any kind.
"""

from typing import Any

from pipeline.spanish import decimal, percent, thousands


def of_report(report: dict[str, Any]) -> str:
    """A report of `pipeline.privacy.anonymize`, a line a figure."""
    levels = ", ".join(f"{name} {'varios' if level is None else level}" for name, level in report["levels"].items())
    k = "–" if report["k"] is None else report["k"]
    lines = [
        f"Niveles: {levels}.",
        f"k = {k}, {report['classes']} clases, {report['uniques']} únicas, {report['rows']} filas.",
        f"Filas suprimidas: {report['suppressed_rows']}; celdas suprimidas: {report['suppressed_cells']}.",
        f"Pérdida (NCP): {decimal(report['ncp'], 4)}; discernibilidad: {thousands(report['discernibility'])}.",
        f"Riesgo promedio: {percent(report['average_risk'])}; riesgo máximo: {percent(report['highest_risk'])}.",
    ]
    for name, spread in report["sensitive"].items():
        told = ", ".join(f"{key} = {decimal(value, 3)}" for key, value in spread.items() if value is not None)
        lines.append(f"«{name}»: {told or 'no se muestra en ninguna clase'}.")
    if population := report.get("journalist"):
        highest, average = percent(population["highest"]), percent(population["average"])
        lines.append(f"Frente a la población: riesgo máximo {highest}, promedio {average}.")
    if special := report.get("special_uniques"):
        by = ", ".join(f"{rows} con {count}" for count, rows in enumerate(special["by_columns"], start=1))
        lines.append(f"Filas que pocas columnas señalan: {special['rows']} (columnas necesarias: {by}).")
    if report["optimal"]:
        lines.append(f"Óptimo demostrado; búsqueda de {decimal(report['seconds'], 2)} s.")
    return "\n".join(lines)
