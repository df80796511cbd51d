"""Charts and reports: what they show, what they admit, and that a page stands alone."""

import csv
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from pipeline import spanish
from pipeline.characterization import Recommendation, annual, candidates, indicators, recommendations, segments
from pipeline.profile import Profile, RecommendationRule, load
from pipeline.reporting import ReportError, charts, drawing
from pipeline.reporting import annual as annual_report
from pipeline.reporting import semester as semester_report
from pipeline.reporting.cells import Cells
from pipeline.reporting.charts import Chart
from tests.characterized import PERIOD, door, microdata, petitions, table, town

SECOND = "2025-S2"


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load("santa_marta")


class Published:
    """Everything open about a synthetic year, and its reports."""

    def __init__(self, profile: Profile, figures: Path) -> None:
        self.profile = profile
        parts, released = [], []
        for period, many in ((PERIOD, 400), (SECOND, 520)):
            rows = town(many, period)
            released.append(microdata(rows, profile))
            parts.append(door(candidates(petitions(rows), released[-1], profile, period), period))
        semesters = pd.concat(parts, ignore_index=True)
        year = annual(table(semesters), 2025).to_pyarrow().to_pandas()
        self.tables = pd.concat([semesters, year], ignore_index=True)
        self.indicators = indicators(table(self.tables), profile).to_pyarrow().to_pandas()
        rows = ibis.memtable(pa.concat_tables(released))
        each, whole = segments(rows, profile), segments(rows, profile, 2025)
        self.segments = pd.concat([each.to_pyarrow().to_pandas(), whole.to_pyarrow().to_pandas()])
        self.charts = charts.draw(self.tables, profile, SECOND, figures / SECOND)
        self.year_charts = charts.draw(self.tables, profile, "2025", figures / "2025")
        self.accounting = pd.DataFrame(
            [
                (SECOND, "portal", "aceptada", "", 520),
                (SECOND, "portal", "fusionada", "", 12),
                (SECOND, "portal", "duplicada", "", 9),
                (SECOND, "portal", "rechazada", "fecha_futura", 1100),
            ],
            columns=["periodo", "fuente", "destino", "regla", "filas"],
        )
        self.evidence: dict[str, object] = {
            "publicado": True, "motivo": None, "k_minimo": 11, "k_objetivo": 10, "filas_publicadas": 500,
            "excluidas": {"menores": "<5", "sin_autorizacion": 18}, "filas_perdidas": 2,
            "celdas_suprimidas": {"tema": 20}, "riesgo_promedio": 0.0213,
        }  # fmt: skip

    def semester(self, **changed: object) -> str:
        given = {
            "tables": self.tables, "indicators": self.indicators, "segments": self.segments,
            "recommendations": recommendations(self.indicators, self.profile, SECOND), "accounting": self.accounting,
            "evidence": self.evidence, "charts": self.charts, "profile": self.profile, "period": SECOND,
            "previous": self.tables[self.tables.periodo < SECOND],
        }  # fmt: skip
        return semester_report.render(**(given | changed))  # type: ignore[arg-type]

    def year(self, **changed: object) -> str:
        given = {
            "tables": self.tables, "indicators": self.indicators, "segments": self.segments,
            "recommendations": recommendations(self.indicators, self.profile, "2025"), "charts": self.year_charts,
            "profile": self.profile, "year": 2025, "semesters": [PERIOD, SECOND],
        }  # fmt: skip
        return annual_report.render(**(given | changed))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def published(profile: Profile, tmp_path_factory: pytest.TempPathFactory) -> Published:
    return Published(profile, tmp_path_factory.mktemp("figuras"))


class Page(HTMLParser):
    """What a reader's software finds in a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        assert not self.open, "unclosed elements"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.text))


def cells_of(values: dict[str, int | None], name: str = "comuna", variable: str = "territorio_detalle") -> pd.DataFrame:
    """One published table of one variable; None is withheld."""
    rows = [
        {"periodo": PERIOD, "tabla": name, "dimension_1": variable, "valor_1": code, "dimension_2": None,
         "valor_2": None, "medida": "solicitudes", "valor": value,
         "estado_celda": "Suprimido" if value is None else "publicada"}
        for code, value in values.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def chart_of(profile: Profile, out: Path, values: dict[str, int | None], **how: str) -> Chart:
    made = charts.draw(cells_of(values, **how), profile, PERIOD, out)
    assert len(made) == 1
    return made[0]


# Charts


def test_a_continuous_variable_gets_a_histogram_few_exclusive_classes_a_pie_and_the_rest_bars(
    published: Published,
) -> None:
    kinds = {chart.tabla: chart.clase for chart in published.charts}
    assert kinds["dias_respuesta"] == "histograma"
    assert kinds["canal"] == "circular"
    assert kinds["tema_detalle"] == "barras"
    assert kinds["mes"] == "barras"  # an ordered variable is not cut into slices
    assert kinds["mediana_tipo"] == "barras"  # medians do not add up


def test_seven_classes_are_bars_and_six_are_a_pie(profile: Profile, tmp_path: Path) -> None:
    six = dict(zip(["c1", "c2", "c3", "c4", "c5", "c6"], range(10, 70, 10), strict=True))
    assert chart_of(profile, tmp_path, six | {"total": 210}).clase == "circular"
    assert chart_of(profile, tmp_path, six | {"c7": 5, "total": 215}).clase == "barras"


def test_a_withheld_class_makes_bars_and_has_neither_bar_nor_number(profile: Profile, tmp_path: Path) -> None:
    chart = chart_of(profile, tmp_path, {"c1": 40, "c2": 30, "c3": None, "c4": None, "total": 76})
    assert chart.clase == "barras"
    assert chart.svg.read_text().count(drawing.COLOURS[0].lower()) == 2
    with chart.csv.open(encoding="utf-8") as lines:
        rows = {row["codigo"]: row for row in csv.DictReader(lines)}
    assert rows["c3"] == {"codigo": "c3", "etiqueta": "Comuna 3 Pescaíto-Almendro-Juan XXIII", "solicitudes": "",
                          "participacion": "", "estado_celda": "Suprimido"}  # fmt: skip
    assert rows["c1"]["solicitudes"] == "40" and rows["c1"]["participacion"] == "0.5263"
    assert "2 valores protegidos" in chart.nota


def test_a_pie_and_its_numbers_leave_protected_detail_out_and_say_so(profile: Profile, tmp_path: Path) -> None:
    values = {"virtual": 60, "presencial": 37, "Suprimido": 3, "total": 100}
    chart = chart_of(profile, tmp_path, values, name="canal", variable="canal")
    assert chart.clase == "circular"
    assert "3 con detalle protegido" in chart.nota
    assert "61,9 %" in chart.titulo.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({"c1": 50, "c2": 30, "total": 80}, "«Comuna 1 María Eugenia-Pando» reúne el 62,5 % de las peticiones"),
        ({"c1": 40, "c2": 40, "total": 80}, "Peticiones por comuna o corregimiento"),
        ({"c1": 40, "c2": 10, "c3": None, "c4": None, "total": 95}, "Peticiones por comuna o corregimiento"),
        (
            {"c1": 40, "c2": 10, "c3": None, "c4": None, "total": 80},
            "«Comuna 1 María Eugenia-Pando» reúne el 50,0 % de las peticiones",
        ),
        (
            {"c1": 20, "no_informa": 60, "total": 80},
            "Peticiones por comuna o corregimiento: el 75,0 % no informa este dato",
        ),
    ],
    ids=["proved", "tied", "a hidden value could be larger", "no hidden value could", "most say nothing"],
)
def test_a_title_claims_only_what_the_published_cells_prove(
    profile: Profile, tmp_path: Path, values: dict[str, int | None], title: str
) -> None:
    assert chart_of(profile, tmp_path, values).titulo.replace("\u00a0", " ") == title


def test_a_share_with_much_protected_detail_is_no_headline(profile: Profile, tmp_path: Path) -> None:
    values = {"virtual": 60, "presencial": 30, "Suprimido": 10, "total": 100}
    chart = chart_of(profile, tmp_path, values, name="canal", variable="canal")
    assert chart.titulo == "Solicitudes por clase de canal"


def test_there_is_no_chart_where_nothing_can_be_shown(profile: Profile, tmp_path: Path) -> None:
    for values in ({"c1": 0, "total": 0}, {"c1": None, "c2": None, "total": 9}, {"no_informa": 9, "total": 9}):
        assert charts.draw(cells_of(values), profile, PERIOD, tmp_path) == []
    assert charts.draw(cells_of({"c1": 3, "total": 3}), profile, "2031-S1", tmp_path) == []


def test_the_same_cells_give_the_same_bytes(published: Published, tmp_path: Path) -> None:
    again = charts.draw(published.tables.sample(frac=1, random_state=1), published.profile, SECOND, tmp_path)
    digest = lambda made: {c.tabla: hashlib.sha256(c.svg.read_bytes() + c.csv.read_bytes()).digest() for c in made}  # noqa: E731
    assert digest(again) == digest(published.charts)


def test_a_chart_has_no_date_no_font_and_no_machine_in_it(published: Published) -> None:
    for chart in published.charts:
        text = chart.svg.read_text()
        assert "dc:date" not in text and "<text" not in text and "matplotlib" not in text.lower().split("<defs>")[0]
        assert "<title>" in text


def test_the_alternative_text_is_the_kind_and_the_message(published: Published) -> None:
    for chart in published.charts:
        assert chart.alt.startswith(f"{charts.KINDS[chart.clase]}. {chart.titulo}.")


def test_bands_of_a_histogram_have_equal_width(published: Published) -> None:
    codes = [c.code for c in Cells(published.tables, published.profile, SECOND).column("dias_respuesta")]
    edges = [tuple(map(int, code.split("_"))) for code in codes if code[0].isdigit() and not code.endswith("mas")]
    assert {high - max(low - 1, 0) for low, high in edges} == {5}


def test_labels_of_thin_slices_keep_apart_all_around() -> None:
    middles = [60.0, -200.0, -262.0, -265.0, -267.0, -269.0]
    places = drawing._spread(middles)
    gaps = [a - b for a, b in pairwise(places)] + [360 - (places[0] - places[-1])]
    assert min(gaps) >= 12 - 1e-9


# Pages


@pytest.fixture(scope="module")
def pages(published: Published) -> dict[str, Page]:
    return {"semestre": Page(published.semester()), "anual": Page(published.year())}


@pytest.mark.parametrize("which", ["semestre", "anual"])
def test_a_page_stands_alone(pages: dict[str, Page], which: str) -> None:
    page = pages[which]
    assert page.all("html") == [{"lang": "es-CO"}]
    assert not page.all("script") and not page.all("link") and not page.all("iframe")
    assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in page.all("img"))
    assert not any(key.startswith("on") for _, attrs in page.tags for key in attrs)
    assert not any("url(" in style for style in page.words)


@pytest.mark.parametrize("which", ["semestre", "anual"])
def test_a_page_can_be_read_without_seeing_it(pages: dict[str, Page], which: str) -> None:
    page = pages[which]
    assert len(page.all("img")) > 10
    assert all(len(image["alt"]) > 30 for image in page.all("img"))
    assert len(page.all("table")) == len(page.all("caption"))
    assert all(head.get("scope") in ("col", "row") for head in page.all("th"))
    assert len(page.all("h1")) == 1


@pytest.mark.parametrize("which", ["semestre", "anual"])
def test_every_reference_in_a_page_leads_somewhere_and_only_once(pages: dict[str, Page], which: str) -> None:
    page = pages[which]
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = {link["href"][1:] for link in page.all("a") if link["href"].startswith("#")}
    assert targets <= set(ids)
    assert len([t for t in targets if t.startswith("t-")]) > 10


def test_a_figure_whose_table_cannot_be_shown_is_text_and_not_a_link(published: Published) -> None:
    without = published.tables[published.tables.tabla != "legal_anonimas"]
    page = Page(published.semester(tables=without))
    assert "#t-legal-anonimas" not in {link["href"] for link in page.all("a")}
    assert "Peticiones sin identificación:" in page.words


def test_a_report_repeats_the_published_figures_in_spanish_numbers(
    published: Published, pages: dict[str, Page]
) -> None:
    words = pages["semestre"].words.replace("\u00a0", " ")
    cells = Cells(published.tables, published.profile, SECOND)
    assert f"se recibieron {cells.value('legal_tipo')} peticiones" in words
    row = published.indicators[
        (published.indicators.indicador == "I4") & (published.indicators.periodo == SECOND)
    ].iloc[0]
    assert f"{spanish.percent(row.valor)}".replace("\u00a0", " ") in words
    assert f"({int(row.numerador)} de {int(row.denominador)} peticiones)" in words
    assert "Se leyeron 1.641 filas" in words
    assert "en que se recibieron 400, las peticiones aumentaron 30,0 %" in words


def test_a_report_says_what_a_withheld_cell_is(published: Published) -> None:
    hidden = published.tables.copy()
    mask = (hidden.periodo == SECOND) & (hidden.tabla == "comuna") & (hidden.valor_1 == "c1")
    hidden.loc[mask, "valor"] = pd.NA
    hidden.loc[mask, "estado_celda"] = "Suprimido"
    page = Page(published.semester(tables=hidden))
    assert "protegido" in page.words and "celdas protegidas" in page.words


def test_a_variable_that_did_not_come_is_explained_and_has_no_empty_chart(published: Published) -> None:
    tables = published.tables[~published.tables.tabla.isin(["satisfaccion", "legal_acceso"])]
    measured = indicators(table(tables), published.profile).to_pyarrow().to_pandas()
    drawn = [chart for chart in published.charts if chart.tabla != "satisfaccion"]
    words = Page(published.semester(tables=tables, indicators=measured, charts=drawn)).words
    assert (
        "No se pudo evaluar «Peticiones por satisfacción declarada»: la tabla no se publicó en este periodo." in words
    )
    assert "No se pudo evaluar «Solicitudes de acceso a información recibidas»" in words


def test_a_variable_that_nobody_answered_is_explained(published: Published) -> None:
    tables = published.tables.copy()
    rows = (tables.periodo == SECOND) & (tables.tabla == "escolaridad")
    total = tables[rows & (tables.valor_1 == "total") & (tables.medida == "solicitudes")].valor.iloc[0]
    tables.loc[rows & (tables.valor_1 != "total"), "valor"] = 0
    tables.loc[rows & (tables.valor_1 == "no_informa"), "valor"] = total
    words = Page(published.semester(tables=tables)).words
    assert "No se pudo evaluar «Peticiones por nivel educativo»: ninguna fuente informó esta variable" in words


def test_without_microdata_the_report_says_why_and_shows_no_segments(published: Published) -> None:
    page = Page(
        published.semester(
            evidence={"publicado": False, "motivo": "demasiadas celdas suprimidas"},
            segments=published.segments.iloc[:0],
        )
    )
    assert "no se publicaron microdatos: demasiadas celdas suprimidas." in page.words
    assert "No se pudieron evaluar los sectores y segmentos" in page.words


def test_groups_whose_timeliness_would_mislead_are_named_not_evaluable(published: Published) -> None:
    measured = published.indicators.copy()
    chosen = (
        (measured.periodo == SECOND) & (measured.indicador == "I4_DEPENDENCIA") & (measured.valor_dimension == "social")
    )
    measured.loc[chosen, ["valor", "estado", "semaforo"]] = [None, "no_evaluable", "no_evaluable"]
    words = Page(published.semester(indicators=measured)).words.replace("\u00a0", " ")
    assert "No se pudo evaluar la oportunidad por sector de «Salud, educación, cultura y promoción social»" in words
    assert "más del 5 %" in words


@pytest.mark.parametrize(("hidden", "certain"), [(30, True), (600, False)])
def test_who_has_most_complaints_is_said_only_if_nobody_else_could_reach_it(
    published: Published, hidden: int, certain: bool
) -> None:
    tables = published.tables.copy()
    mine = (tables.periodo == SECOND) & (tables.tabla == "tema_tipo")
    cell = lambda one, two: mine & (tables.valor_1 == one) & (tables.valor_2 == two)  # noqa: E731
    tables.loc[mine, "valor"] = 0
    for one, two, value in (
        ("ciudad", "inconformidad", 100), ("social", "inconformidad", 40), ("Suprimido", "inconformidad", hidden),
        ("ciudad", "total", 100), ("social", "total", 40), ("Suprimido", "total", hidden),
        ("total", "inconformidad", 140 + hidden), ("total", "total", 140 + hidden),
    ):  # fmt: skip
        tables.loc[cell(one, two), "valor"] = value
    measured = indicators(table(tables), published.profile).to_pyarrow().to_pandas()
    words = Page(published.semester(tables=tables, indicators=measured)).words
    assert "No se pudo evaluar qué parte reúne cada uno" in words
    claim = "es «Ciudad: servicios, movilidad, espacio y ambiente», con al menos 100: nadie más podría"
    assert (claim in words) == certain


def test_recommendations_name_line_owner_evidence_and_the_period_before(
    published: Published, pages: dict[str, Page]
) -> None:
    words = pages["semestre"].words
    assert "Línea de acción: Mejorar los procesos y los trámites. Responsable:" in words
    assert "En el periodo anterior:" in words
    assert "Reglas comprobadas" in words


def with_rules(profile: Profile, rules: Sequence[RecommendationRule]) -> Profile:
    plan = profile.caracterizacion.model_copy(update={"recomendaciones": list(rules)})
    return profile.model_copy(update={"caracterizacion": plan})


def test_a_report_without_recommendations_fails(published: Published) -> None:
    with pytest.raises(ReportError):
        published.semester(profile=with_rules(published.profile, []), recommendations=[])
    with pytest.raises(ReportError):
        published.year(profile=with_rules(published.profile, []), recommendations=[])


def test_a_recommendation_that_cites_no_figure_fails(published: Published) -> None:
    first: Recommendation = recommendations(published.indicators, published.profile, SECOND)[0]
    for broken in (replace(first, texto="Mejorar la atención."), replace(first, n=0)):
        with pytest.raises(ReportError, match=first.regla):
            published.semester(recommendations=[broken])


def test_when_no_rule_fires_the_report_says_what_was_checked(published: Published) -> None:
    rules = [rule.model_copy(update={"n_minimo": 10**6}) for rule in published.profile.caracterizacion.recomendaciones]
    page = Page(published.semester(profile=with_rules(published.profile, rules), recommendations=[]))
    assert "Ninguna regla se activó." in page.words
    assert "Muy pocas solicitudes" in page.words


def test_an_annual_report_tells_which_semester_is_missing(published: Published) -> None:
    words = Page(published.year(semesters=[PERIOD])).words
    assert "Falta el segundo semestre de 2025" in words
    assert "Falta el" not in Page(published.year()).words


def test_an_annual_report_shows_sectors_totals_and_no_persons(published: Published, pages: dict[str, Page]) -> None:
    words = pages["anual"].words
    assert "Tamaño de sectores y segmentos" in words and "Año 2025920" in words
    assert "Personas</th>" not in words and " Personas " not in words.split("Territorio y población")[-1]


def test_a_label_with_markup_is_shown_as_text(published: Published) -> None:
    entity = published.profile.entidad.model_copy(update={"nombre": "Alcaldía <b>&</b> Cía"})
    html = published.semester(profile=published.profile.model_copy(update={"entidad": entity}))
    assert "<b>&" not in html and "Alcaldía &lt;b&gt;&amp;&lt;/b&gt; Cía" in html


def test_the_same_material_gives_the_same_page(published: Published) -> None:
    assert published.semester() == published.semester()


# Spanish


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (spanish.thousands(1234567), "1.234.567"),
        (spanish.decimal(1234.56, 1), "1.234,6"),
        (spanish.percent(0.4567), "45,7\u00a0%"),
        (spanish.period("2025-S1"), "primer semestre de 2025"),
        (spanish.period("2025"), "año 2025"),
        (spanish.month("2025-09"), "septiembre de 2025"),
        (spanish.listing(["a", "b", "c"]), "a, b y c"),
        (spanish.listing([]), ""),
    ],
)
def test_numbers_and_dates_are_written_as_in_colombia(written: str, expected: str) -> None:
    assert written == expected
