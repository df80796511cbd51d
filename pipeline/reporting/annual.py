"""The annual characterisation report: sectors and segments of the year, over sums of both semesters' published cells.

What belongs here: which sections, in which order. What does not: their wording, and any figure that does not add up
over semesters (persons, medians).
"""

from collections.abc import Sequence

import pandas as pd

from pipeline import spanish
from pipeline.characterization.recommendations import Recommendation, assess
from pipeline.periods import semesters_of
from pipeline.profile import Profile
from pipeline.reporting import closing, people, service
from pipeline.reporting.cells import Cells
from pipeline.reporting.charts import Chart
from pipeline.reporting.context import Context, count
from pipeline.reporting.page import Block, Exhibit, Heading, Notice, Page, Paragraph, Row, Section, Table
from pipeline.reporting.semester import first_screen

_KEYS = (
    ("I1", "peticiones recibidas en el año"),
    ("I4", "de oportunidad: respondidas en término sobre respondidas y pendientes vencidas"),
    ("I12", "de las solicitudes llega por canales virtuales"),
    ("I11", "de las peticiones son anónimas"),
)


def render(
    tables: pd.DataFrame,
    indicators: pd.DataFrame,
    segments: pd.DataFrame,
    recommendations: Sequence[Recommendation],
    *,
    charts: Sequence[Chart],
    profile: Profile,
    year: int,
    semesters: Sequence[str],
) -> str:
    """The report of a year as HTML; `tables` holds the year's rows and its semesters', `semesters` the published ones.

    Raises `ReportError` where it would have no recommendations section or a recommendation without its figure.
    """
    period = str(year)
    context = Context(tables, indicators, charts, profile, period)
    sections = [
        closing.legal_basis(),
        _scope(tables, context, year, semesters),
        people.groups(segments, context),
        service.totals(context, tables),
        service.kinds(context),
        service.channels(context),
        service.dependencies(context),
        service.topics(context),
        service.timeliness(context),
        service.access(context),
        service.anonymous(context),
        service.satisfaction(context),
        _population(context),
        closing.indicator_table(context),
        _method(context),
        closing.findings(context, recommendations, assess(indicators, profile, period), service.voice(context)),
    ]
    page = Page(
        title=f"Informe anual de caracterización de la ciudadanía: {year}",
        description=f"Informe anual de caracterización de la ciudadanía que usa las PQRSDF, {year}.",
        lead=["Sectores y segmentos de la ciudadanía, con sus necesidades. Procedimiento MM-GAC-P-008."],
        keys=first_screen(context, _KEYS),
        sections=sections,
    )
    return page.render(profile.entidad)


def _scope(tables: pd.DataFrame, context: Context, year: int, semesters: Sequence[str]) -> Section:
    rows, absent = [], []
    for semester in semesters_of(year):
        name = spanish.sentence(spanish.period(semester.label))
        if semester.label not in semesters:
            absent.append(spanish.period(semester.label))
            continue
        cutoff = spanish.day(context.profile.cutoff(semester))
        rows.append(Row([name, count(Cells(tables, context.profile, semester.label).value("legal_tipo")), cutoff]))
    whole = context.cells.value("legal_tipo")
    if whole is not None:
        rows.append(Row([f"Año {year}", count(whole), ""], total=True))
    blocks: list[Block] = [
        Paragraph(
            "Las cifras del año son sumas de celdas que ya publicó cada semestre: una celda protegida en un semestre "
            "queda protegida en el año. Las personas y las medianas no se suman entre semestres: están en los informes "
            "semestrales."
        )
    ]
    if absent:
        blocks.append(
            Notice(f"Falta el {spanish.listing(absent)}: no tiene datos publicados y estas cifras no lo incluyen.")
        )
    table = Table(
        "t-semestres",
        "Semestres incluidos",
        "Peticiones recibidas.",
        ["Periodo", "Recibidas", "Fecha de corte"],
        rows,
        textual=(0, 2),
    )
    return Section("alcance", "Alcance y periodos", [*blocks, Exhibit(table)])


def _population(context: Context) -> Section:
    return Section(
        "poblacion",
        "Territorio y población",
        [
            *context.exhibits("territorio", "comuna", "tema_territorio"),
            Heading("Edad, sexo y canal"),
            *context.exhibits("edad", "edad_detalle", "sexo", "canal_edad"),
            Heading("Educación, estrato y tipo de persona"),
            *context.exhibits("escolaridad", "estrato", "persona_tipo"),
            Heading("Grupos de especial protección"),
            *context.exhibits("grupo_etnico", "discapacidad", "victima"),
        ],
    )


def _method(context: Context) -> Section:
    section = closing.privacy(context, {}, context.profile)
    blocks = [b for b in section.blocks if not (isinstance(b, Notice) and b.text.startswith("No hay evidencia"))]
    return Section(section.anchor, section.title, blocks)
