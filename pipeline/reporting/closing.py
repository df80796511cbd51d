"""Sections that account for the report itself: scope, rows, indicators, method and privacy, recommendations.

What belongs here: wording, and the refusal of a report without recommendations. What does not: rules and thresholds,
which the profile decides.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from pipeline import spanish
from pipeline.characterization.recommendations import (
    FIRED,
    NOT_EVALUABLE,
    QUIET,
    TOO_FEW,
    Assessment,
    Checked,
    Recommendation,
)
from pipeline.profile import Profile
from pipeline.reporting import ReportError
from pipeline.reporting.context import Context, count, shown
from pipeline.reporting.page import (
    NOTHING,
    Advice,
    Advices,
    Block,
    Exhibit,
    Heading,
    Items,
    Notice,
    Paragraph,
    Row,
    Section,
    Table,
    ref,
)
from schemas.published import MICRODATA

_FATES = {
    "aceptada": "Aceptadas: una petición cada una",
    "fusionada": "Fusionadas: otra fila de la misma petición",
    "duplicada": "Duplicadas exactas",
    "rechazada": "Rechazadas por una regla",
}
_RULES = {
    "obligatorio": "Falta un dato obligatorio",
    "fecha_no_valida": "Fecha que no se puede leer",
    "fecha_futura": "Fecha posterior al corte",
    "fuera_de_periodo": "Recibida fuera del semestre",
    "codigo_desconocido": "Código que no está en su lista",
    "forma_no_valida": "Valor que no tiene la forma debida",
    "fuera_de_rango": "Valor fuera de su rango",
    "radicado_contradictorio": "Un radicado con datos contradictorios",
    "columnas_de_mas": "Fila con columnas de más",
    "columnas_de_menos": "Fila con columnas de menos",
}
_MAIN = ("legal_tipo", "mes", "canal_detalle", "dependencia_detalle", "tema_detalle", "comuna", "dias_respuesta")
_LIGHTS = {
    "verde": "Cumple la meta",
    "amarillo": "Cerca de la meta",
    "rojo": "No cumple la meta",
    "sin_meta": "Sin meta",
    "no_evaluable": "No evaluable",
}
_OUTCOMES = {
    FIRED: "Recomienda",
    QUIET: "No se activa",
    TOO_FEW: "Muy pocas solicitudes",
    NOT_EVALUABLE: "No evaluable",
}


def legal_basis() -> Section:
    """Why the report exists."""
    return Section(
        "introduccion",
        "Introducción y base legal",
        [
            Paragraph(
                "Este informe caracteriza a la ciudadanía que presentó peticiones, quejas, reclamos, sugerencias, "
                "denuncias y felicitaciones (PQRSDF), según el procedimiento MM-GAC-P-008, para ajustar la atención a "
                "sus necesidades."
            ),
            Items(
                [
                    "Ley 1474 de 2011, artículo 76: informe semestral sobre la atención.",
                    "Ley 190 de 1995, artículo 54: servicios con más quejas y recomendaciones de los particulares.",
                    "Ley 1712 de 2014, artículo 11, literal h: solicitudes, denuncias y tiempos de respuesta.",
                    "Decreto 103 de 2015, artículo 52 (Decreto 1081 de 2015, 2.1.1.6.2): acceso a la información.",
                    "Ley 1755 de 2015: términos para responder.",
                    "Ley 1581 de 2012: protección de los datos personales.",
                ]
            ),
        ],
    )


def row_accounting(accounting: pd.DataFrame, period: str) -> Section:
    """Where every row of the extracts ended: read = accepted + merged + duplicated + rejected."""
    rows = accounting[accounting.periodo == period]
    title = "Contabilidad de filas"
    if rows.empty:
        return Section("filas", title, [Notice("No se pudo evaluar: el periodo no publicó la contabilidad de filas.")])
    read = int(rows.filas.sum())
    by_source = rows.groupby(["fuente", "destino"]).filas.sum().unstack(fill_value=0)
    body = [
        Row([str(source), *(count(int(found.get(fate, 0))) for fate in _FATES), count(int(found.sum()))])
        for source, found in by_source.sort_index().iterrows()
    ]
    whole = rows.groupby("destino").filas.sum()
    body.append(Row(["Total", *(count(int(whole.get(fate, 0))) for fate in _FATES), count(read)], total=True))
    heads = ["Fuente", "Aceptadas", "Fusionadas", "Duplicadas", "Rechazadas", "Leídas"]
    table = Table(
        "t-filas",
        "Filas leídas y su destino",
        "Leídas = aceptadas + fusionadas + duplicadas + rechazadas.",
        heads,
        body,
    )
    blocks: list[Block] = [
        Paragraph(
            Markup("Se leyeron {} filas: {} son peticiones aceptadas y {} se rechazaron.").format(
                ref(spanish.thousands(read), "filas"),
                ref(spanish.thousands(int(whole.get("aceptada", 0))), "filas"),
                ref(spanish.thousands(int(whole.get("rechazada", 0))), "filas"),
            )
        ),
        Items(list(_FATES.values())),
        Exhibit(table),
    ]
    rejected = rows[rows.destino == "rechazada"].groupby("regla").filas.sum().sort_index()
    if len(rejected):
        ruled = [Row([_RULES.get(str(rule), str(rule)), count(int(many))]) for rule, many in rejected.items()]
        blocks.append(
            Exhibit(
                Table(
                    "t-rechazos",
                    "Filas rechazadas por regla",
                    "Cada fila, por la primera regla que no cumple.",
                    ["Regla", "Filas"],
                    ruled,
                )
            )
        )
    return Section("filas", title, blocks)


def indicator_table(context: Context) -> Section:
    """Every indicator of the whole period with its goal."""
    compared = {spec.id for spec in context.profile.caracterizacion.indicadores if spec.comparado_con}
    body = []
    for row in context.rows():
        if not pd.isna(row["dimension"]):
            continue
        numbers = (
            ""
            if pd.isna(row["denominador"]) or pd.isna(row["numerador"])
            else f"{count(int(row['numerador']))} {'frente a' if row['indicador'] in compared else 'de'} "
            f"{count(int(row['denominador']))}"
        )
        goal = "" if pd.isna(row["meta"]) else shown(float(row["meta"]), row["unidad"])
        value = None if pd.isna(row["valor"]) else float(row["valor"])
        body.append(
            Row(
                [
                    f"{row['indicador']}. {row['nombre']}",
                    shown(value, row["unidad"]),
                    numbers,
                    goal,
                    _LIGHTS[row["semaforo"]],
                ]
            )
        )
    table = Table(
        "t-indicadores",
        "Indicadores del periodo",
        "Cifras: sumas de celdas publicadas. Los indicadores por grupo están en los datos abiertos («indicadores»).",
        ["Indicador", "Valor", "Cifras", "Meta", "Estado"],
        body,
        textual=(0, 4),
    )
    return Section("indicadores", "Indicadores", [Exhibit(table)])


def privacy(context: Context, evidence: Mapping[str, Any], profile: Profile) -> Section:
    """What was protected and why; the targets await legal sign-off."""
    aims = profile.privacidad
    blocks: list[Block] = [
        Items(
            [
                "«Todas las peticiones recibidas»: totales que una norma ordena publicar, en una sola variable.",
                "«Peticiones caracterizables»: las de quien autorizó el tratamiento de sus datos y las anónimas.",
                "«Solicitudes anonimizadas»: las caracterizables que no son de menores, tal como se publican.",
            ]
        ),
        Paragraph(
            f"En las tablas se protege toda celda de menos de {aims.umbral_tabla} personas "
            f"({aims.umbral_tabla_sensible} si hay datos sensibles), y otras celdas que permitirían deducirla. Las dos "
            "se muestran igual: «protegido»."
        ),
        Paragraph(
            "Lo protegido no se reparte al azar: suelen ser los valores raros. Por eso una proporción que deje fuera "
            f"más del {spanish.percent(profile.caracterizacion.protegido_maximo, 0)} se declara no evaluable."
        ),
        *_microdata(evidence, profile),
    ]
    hidden = [(spec.titulo, context.cells.withheld(spec.id)) for spec in profile.caracterizacion.tablas]
    if any(many for _, many in hidden):
        rows = [Row([title, count(many)]) for title, many in hidden if many]
        table = Table(
            "t-protegidas",
            "Celdas protegidas por tabla",
            "Tablas con alguna celda protegida.",
            ["Tabla", "Celdas"],
            rows,
        )
        blocks.append(Exhibit(table))
    blocks.append(Notice(f"Metas de privacidad. {aims.firma_juridica.strip()}"))
    return Section("metodo", "Método y privacidad", blocks)


def _microdata(evidence: Mapping[str, Any], profile: Profile) -> list[Block]:
    if not evidence:
        return [Notice("No hay evidencia de la anonimización de los microdatos en este periodo.")]
    if not evidence.get("publicado", False):
        why = str(evidence.get("motivo") or "no se alcanzaron las metas de privacidad").rstrip(".")
        return [
            Notice(
                f"En este periodo no se publicaron microdatos: {why}. Las tablas que habrían salido de ellos se "
                "calcularon sobre las peticiones caracterizables, con supresión."
            )
        ]
    excluded = evidence.get("excluidas", {})
    hidden = {name: n for name, n in sorted(evidence.get("celdas_suprimidas", {}).items()) if n}
    items = [
        f"Cada combinación de valores publicada reúne al menos {_figure(evidence.get('k_minimo'))} personas; meta: "
        f"{_figure(evidence.get('k_objetivo'))}.",
        f"Filas publicadas: {_figure(evidence.get('filas_publicadas'))}. Filas perdidas enteras: "
        f"{_figure(evidence.get('filas_perdidas'))}.",
        f"Excluidas por ser de menores de edad: {_figure(excluded.get('menores'))}; por no autorizar el tratamiento: "
        f"{_figure(excluded.get('sin_autorizacion'))}.",
    ]
    if hidden:
        each = [f"{MICRODATA[name].description.lower()}, {spanish.thousands(int(n))}" for name, n in hidden.items()]
        items.append(f"Celdas con el detalle protegido: {'; '.join(each)}.")
    if evidence.get("riesgo_promedio") is not None:
        limit = spanish.decimal(profile.privacidad.riesgo_promedio_max, 3)
        risk = spanish.decimal(float(evidence["riesgo_promedio"]), 3)
        items.append(f"Riesgo promedio de reidentificación: {risk}; el máximo es {limit}.")
    return [Heading("Microdatos"), Items(items)]


def _figure(value: Any) -> str:
    """A count, or the text («<5») that stands for a small one."""
    if value is None:
        return NOTHING
    return spanish.thousands(value) if isinstance(value, int) else str(value)


def findings(
    context: Context, recommended: Sequence[Recommendation], assessed: Assessment, extra: Sequence[Block]
) -> Section:
    """Findings, recommendations with their figures, and everything that was checked.

    Raises `ReportError` where nothing was checked, or a recommendation cites no figure (MM-GAC-P-008, activity 6).
    """
    if not recommended and not assessed.checked:
        raise ReportError("El informe no tiene recomendaciones ni reglas comprobadas: el procedimiento las exige.")
    for item in recommended:
        if item.n <= 0 or shown(item.valor, item.unidad) not in item.texto:
            raise ReportError(f"La recomendación «{item.regla}» no cita su cifra: el procedimiento lo exige.")
    blocks: list[Block] = [Heading("Hallazgos"), *_proved(context), *_misses(context), *extra]
    blocks.append(Heading("Recomendaciones"))
    if recommended:
        blocks.append(Advices([_advice(item) for item in recommended]))
    else:
        blocks.append(Paragraph("Ninguna regla se activó. Se comprobó lo que muestra la tabla siguiente."))
    blocks.append(Exhibit(_checks(assessed.checked)))
    return Section("recomendaciones", "Hallazgos y recomendaciones", blocks)


def _proved(context: Context) -> list[Block]:
    """What the charts of the main variables could prove with published cells."""
    items = [
        Markup("{} ({}).").format(chart.titulo, ref("tabla", chart.tabla))
        for chart in context.charts(*_MAIN)
        if chart.titulo != context.cells.specs[chart.tabla].titulo
    ]
    return [Items(items)] if items else []


def _misses(context: Context) -> list[Block]:
    items = []
    for row in context.rows():
        if row["semaforo"] != "rojo" or not pd.isna(row["dimension"]):
            continue
        items.append(
            Markup("{}: {}, con meta de {}.").format(
                row["nombre"],
                ref(shown(float(row["valor"]), row["unidad"]), row["tabla"]),
                shown(float(row["meta"]), row["unidad"]),
            )
        )
    if not items:
        return [Paragraph("Ningún indicador del periodo está por debajo de su nivel de alerta.")]
    return [Paragraph("Indicadores que no cumplen su meta ni su nivel de alerta:"), Items(items)]


def _advice(item: Recommendation) -> Advice:
    text = Markup("Evidencia: {}{}, {}, n\u00a0=\u00a0{} ({}).").format(
        item.nombre_indicador,
        f", «{item.grupo}»" if item.grupo else "",
        ref(shown(item.valor, item.unidad), item.tabla),
        spanish.thousands(item.n),
        spanish.period(item.periodo),
    )
    if item.anterior is not None:
        text += Markup(" En el periodo anterior: {}.").format(shown(item.anterior, item.unidad))
    return Advice(item.texto, item.linea, item.responsable, text)


def _checks(checked: Sequence[Checked]) -> Table:
    rows = []
    for item in checked:
        limit = NOTHING if item.umbral is None else f"{item.condicion} que {shown(item.umbral, item.unidad)}"
        name = f"{item.nombre_indicador}: {item.grupo}" if item.grupo else item.nombre_indicador
        n = NOTHING if item.n is None else spanish.thousands(item.n)
        rows.append(Row([f"{item.regla}. {name}", shown(item.valor, item.unidad), n, limit, _OUTCOMES[item.resultado]]))
    return Table(
        "t-reglas",
        "Reglas comprobadas",
        "Una regla recomienda si el valor pasa el umbral y hay bastantes solicitudes.",
        ["Regla", "Valor", "n", "Se activa si es", "Resultado"],
        rows,
        textual=(0, 3, 4),
    )
