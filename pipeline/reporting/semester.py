"""The semester report: one self-contained HTML page from the open tables of one semester.

What belongs here: which sections, in which order, and the first screen. What does not: their wording.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline import spanish
from pipeline.characterization.recommendations import Recommendation, assess
from pipeline.periods import Semester
from pipeline.profile import Profile
from pipeline.reporting import closing, people, service
from pipeline.reporting.charts import Chart
from pipeline.reporting.context import Context
from pipeline.reporting.page import Items, Key, Page, Paragraph, Section, anchor

_KEYS = (
    ("I1", "peticiones recibidas"),
    ("I4", "de oportunidad: respondidas en término sobre respondidas y pendientes vencidas"),
    ("I6", "pendientes vencidas a la fecha de corte"),
    ("I5", "de mediana de respuesta"),
    ("I8_RECIBIDAS", "solicitudes de acceso a información"),
    ("I12", "de las solicitudes llega por canales virtuales"),
)


def render(
    tables: pd.DataFrame,
    indicators: pd.DataFrame,
    segments: pd.DataFrame,
    recommendations: Sequence[Recommendation],
    *,
    accounting: pd.DataFrame,
    evidence: Mapping[str, Any],
    charts: Sequence[Chart],
    profile: Profile,
    period: str,
    previous: pd.DataFrame | None = None,
) -> str:
    """The report of `period` as HTML; `previous` holds the tables of earlier published semesters, if any.

    Raises `ReportError` where it would have no recommendations section or a recommendation without its figure.
    """
    context = Context(tables, indicators, charts, profile, period)
    assessed = assess(indicators, profile, period)
    sections = [
        closing.legal_basis(),
        _scope(profile, period),
        closing.row_accounting(accounting, period),
        service.totals(context, previous),
        service.kinds(context),
        service.channels(context),
        service.dependencies(context),
        service.topics(context),
        service.timeliness(context),
        service.access(context),
        service.anonymous(context),
        service.satisfaction(context),
        people.population(context),
        people.groups(segments, context),
        closing.indicator_table(context),
        closing.privacy(context, evidence, profile),
        closing.findings(context, recommendations, assessed, service.voice(context)),
    ]
    name = spanish.period(period)
    page = Page(
        title=f"Informe de peticiones, quejas, reclamos, sugerencias, denuncias y felicitaciones: {name}",
        description=f"Informe semestral de caracterización de PQRSDF, {name}.",
        lead=[f"Fecha de corte: {spanish.day(profile.cutoff(Semester.parse(period)))}. Procedimiento MM-GAC-P-008."],
        keys=first_screen(context, _KEYS),
        sections=sections,
    )
    return page.render(profile.entidad)


def first_screen(context: Context, wanted: Sequence[tuple[str, str]]) -> list[Key]:
    """The figures that open a report; what could not be evaluated is left out here and explained in its section."""
    keys = []
    for indicator, what in wanted:
        reading = context.reading(indicator)
        if reading is not None:
            figure = reading.text.striptags()
            keys.append(Key(figure, what, anchor(reading.table)))
    return keys


def _scope(profile: Profile, period: str) -> Section:
    semester = Semester.parse(period)
    sources = [f"{source.id} ({profile.label('mecanismo', source.mecanismo)})" for source in profile.fuentes]
    return Section(
        "alcance",
        "Alcance, periodo y fuentes",
        [
            Paragraph(
                f"Cubre las peticiones recibidas entre el {spanish.day(semester.start)} y el "
                f"{spanish.day(semester.end)}. Estados, pendientes y vencidas son los de la fecha de corte, el "
                f"{spanish.day(profile.cutoff(semester))}; una respuesta posterior cuenta como pendiente."
            ),
            Paragraph("Fuentes declaradas en el perfil:"),
            Items(sources),
        ],
    )
