"""Sections on what arrived and how it was answered: totals, type, channel, dependency, topic, timeliness, access.

What belongs here: wording of the contents that a Colombian semester report has (Ley 1474/2011 art. 76, Ley 190/1995
art. 54, Decreto 103/2015 art. 52, Ley 1712/2014 art. 11). What does not: any figure that is not in a published table.
"""

from collections.abc import Sequence

import pandas as pd
from markupsafe import Markup

from pipeline import spanish
from pipeline.reporting.cells import Cell, Cells
from pipeline.reporting.context import Context, Reading, count, shown
from pipeline.reporting.page import Block, Exhibit, Heading, Items, Notice, Paragraph, Row, Section, Table, ref
from schemas.published import SUPPRESSED

_PREVIOUS = 6
_COMPLAINTS = "inconformidad"


def totals(context: Context, previous: pd.DataFrame | None) -> Section:
    """Everything received, and how it compares with the periods published before."""
    received = context.reading("I1")
    blocks: list[Block] = []
    if received is None:
        blocks.append(Notice("No se pudo evaluar el total recibido: la tabla por tipo no se publicó."))
        return Section("total", "Total recibido y variación", blocks)
    what = Markup("En el {} se recibieron {} peticiones.").format(spanish.period(context.period), received.text)
    blocks.append(Paragraph(what))
    blocks += _variations(context)
    blocks += _history(context, previous, received)
    blocks += context.exhibits("legal_tipo", "mes")
    return Section("total", "Total recibido y variación", blocks)


def _variations(context: Context) -> list[Block]:
    blocks: list[Block] = []
    for indicator, against in (("I2", "el periodo anterior"), ("I2A", "el mismo periodo del año anterior")):
        reading = context.reading(indicator)
        if reading is None or reading.value is None:
            blocks.append(Notice(f"No se pudo evaluar la variación frente a {against}: no hay un periodo publicado."))
            continue
        verb = "aumentaron" if reading.value > 0 else "disminuyeron" if reading.value < 0 else "no variaron"
        share = (
            ""
            if reading.value == 0
            else Markup(" {}").format(ref(shown(abs(reading.value), "proporcion"), reading.table))
        )
        blocks.append(
            Paragraph(
                Markup("Frente a {}, en que se recibieron {}, las peticiones {}{}.").format(
                    against, count(reading.denominator), verb, share
                )
            )
        )
        if indicator == "I2" and len(context.period) == 4:
            break  # for a year both comparisons are one
    return blocks


def _history(context: Context, previous: pd.DataFrame | None, received: Reading) -> list[Block]:
    if previous is None or previous.empty:
        return []
    same = [p for p in sorted(set(previous.periodo)) if len(p) == len(context.period) and p < context.period]
    rows = []
    for period in same[-_PREVIOUS:]:
        total = Cells(previous, context.profile, period).value(received.table)
        rows.append(Row([spanish.sentence(spanish.period(period)), count(total)]))
    if not rows:
        return []
    rows.append(Row([spanish.sentence(spanish.period(context.period)), count(received.numerator)], total=True))
    table = Table(
        "t-historia", "Peticiones recibidas por periodo", "Periodos publicados.", ["Periodo", "Recibidas"], rows
    )
    return [Exhibit(table)]


def kinds(context: Context) -> Section:
    """Type of petition."""
    return Section("clase", "Clase de petición", [*_share(context, "I3_TIPO", "tipo"), *context.exhibits("tipo")])


def channels(context: Context) -> Section:
    """Channel and means of entry."""
    blocks: list[Block] = []
    digital = context.reading("I12")
    if digital:
        text = Markup("Por canales virtuales llegó el {} de las peticiones con canal conocido ({}).")
        blocks.append(Paragraph(text.format(digital.text, digital.ratio)))
    blocks += [*_protected(digital), *context.exhibits("canal_detalle", "canal")]
    return Section("canal", "Canal de entrada", blocks)


def dependencies(context: Context) -> Section:
    """Responsible dependency, and the services with most complaints (Ley 190/1995 art. 54)."""
    blocks = [
        *_share(context, "I3_DEPENDENCIA", "dependencia"),
        *context.exhibits("dependencia_detalle", "dependencia"),
    ]
    blocks.append(Heading("Sectores con más quejas, reclamos y denuncias"))
    blocks += _ranked(context, "I21_DEPENDENCIA", "dependencia_tipo")
    blocks.append(context.exhibit("dependencia_tipo"))
    return Section("dependencia", "Dependencia responsable", blocks)


def topics(context: Context) -> Section:
    """Topic, and the topics with most complaints."""
    blocks = [*_share(context, "I3_TEMA", "tema"), *context.exhibits("tema_detalle", "tema")]
    blocks.append(Heading("Temas con más quejas, reclamos y denuncias"))
    blocks += _ranked(context, "I21_TEMA", "tema_tipo")
    blocks.append(context.exhibit("tema_tipo"))
    return Section("tema", "Tema", blocks)


def timeliness(context: Context) -> Section:
    """How many were answered in term, what is overdue, and how long answers take."""
    blocks: list[Block] = []
    honest, lenient = context.reading("I4"), context.reading("I4_RESPONDIDAS")
    if honest:
        text = Markup(
            "La oportunidad fue de {} ({} peticiones). Se calcula como respondidas en término sobre la suma de las "
            "respondidas y las pendientes vencidas, porque una petición vencida sin respuesta también es un "
            "incumplimiento."
        )
        blocks.append(Paragraph(text.format(honest.text, honest.ratio)))
    else:
        blocks.append(Notice("No se pudo evaluar la oportunidad: faltan o están protegidas las cifras de que sale."))
    if lenient:
        text = Markup(
            "Si solo se mira lo respondido, la cifra es {} ({}); esta lectura es indulgente, porque no cuenta lo "
            "pendiente vencido, y se da para comparar con informes que la usan."
        )
        blocks.append(Paragraph(text.format(lenient.text, lenient.ratio)))
    blocks += _pending(context)
    blocks.append(context.exhibit("legal_oportunidad"))
    blocks += [Heading("Por sector y por clase"), *_least(context)]
    blocks += context.exhibits("dependencia_oportunidad", "tipo_oportunidad")
    blocks.append(Heading("Días hábiles de respuesta"))
    median = context.reading("I5")
    if median:
        text = Markup("La mitad de las respuestas tomó {} o menos desde la recepción (mediana).")
        blocks.append(Paragraph(text.format(median.text)))
    blocks.append(context.exhibit("dias_respuesta"))
    if "-S" in context.period:  # medians of semesters do not make the median of a year
        blocks += context.exhibits("mediana_tipo", "mediana_dependencia")
    return Section("oportunidad", "Oportunidad de las respuestas", blocks)


def _pending(context: Context) -> list[Block]:
    pending, overdue, unknown = context.reading("I6_PENDIENTES"), context.reading("I6"), context.reading("I16")
    items = []
    if pending:
        items.append(Markup("Pendientes todavía en término a la fecha de corte: {}.").format(pending.text))
    if overdue:
        items.append(
            Markup("Pendientes vencidas: {}, el {} de lo recibido.").format(
                ref(count(overdue.numerator), overdue.table), overdue.text
            )
        )
    if unknown and unknown.numerator:
        items.append(
            Markup("Sin fecha de respuesta o con fechas contradictorias: {} no se pudieron evaluar ({}).").format(
                ref(count(unknown.numerator), unknown.table), unknown.text
            )
        )
    return [Items(items)] if items else []


def _least(context: Context) -> list[Block]:
    blocks: list[Block] = []
    for indicator, what in (("I4_DEPENDENCIA", "por sector"), ("I4_TIPO", "por clase")):
        readings = context.readings(indicator)
        if readings:
            least = [r for r in readings if r.value == readings[-1].value]
            text = Markup("Entre lo evaluable, la menor oportunidad {} es la de {}: {} ({}).")
            blocks.append(Paragraph(text.format(what, _names(least), least[0].text, _ratios(least))))
        blocks += _unevaluable(context, indicator, what)
    return blocks


def _unevaluable(context: Context, indicator: str, what: str) -> list[Block]:
    groups = context.unevaluable(indicator)
    if not groups:
        return []
    limit = spanish.percent(context.profile.caracterizacion.protegido_maximo, 0)
    names = spanish.listing([f"«{group}»" for group in groups])
    return [
        Notice(
            f"No se pudo evaluar la oportunidad {what} de {names}: más del {limit} de sus solicitudes tiene el detalle "
            "protegido, y sin ellas la cifra engañaría."
        )
    ]


def access(context: Context) -> Section:
    """Access to public information: received, transferred, denied, days (Decreto 103/2015 art. 52)."""
    names = ("I8_RECIBIDAS", "I8_TRASLADADAS", "I8_NEGADAS", "I8_DIAS")
    readings = dict(zip(names, map(context.reading, names), strict=True))
    received = readings["I8_RECIBIDAS"]
    if received is None:
        return Section("acceso", "Acceso a la información pública", [context.exhibit("legal_acceso")])
    if not received.numerator:
        return Section(
            "acceso",
            "Acceso a la información pública",
            [Paragraph(Markup("Se recibieron {} solicitudes de acceso.").format(received.text))],
        )
    items = [Markup("Solicitudes recibidas: {}.").format(received.text)]
    for name, what in (
        ("I8_TRASLADADAS", "Trasladadas a otra institución"),
        ("I8_NEGADAS", "En las que se negó el acceso"),
    ):
        reading = readings[name]
        if reading:
            items.append(
                Markup("{}: {} ({}).").format(what, ref(count(reading.numerator), reading.table), reading.text)
            )
        else:
            items.append(Markup("{}: no se pudo evaluar.").format(what))
    days = readings["I8_DIAS"]
    if days:
        items.append(Markup("Tiempo de respuesta: mediana de {}.").format(days.text))
    blocks: list[Block] = [
        Paragraph(
            "Peticiones de información y de documentos, como las pide el Decreto 103 de 2015, artículo 52 "
            "(Decreto 1081 de 2015, artículo 2.1.1.6.2)."
        ),
        Items(items),
        *context.exhibits("legal_acceso", "legal_acceso_traslado", "legal_acceso_negada", "legal_acceso_dias"),
    ]
    return Section("acceso", "Acceso a la información pública", blocks)


def anonymous(context: Context) -> Section:
    """Anonymous and transferred petitions."""
    blocks: list[Block] = []
    for indicator, what in (("I11", "sin identificación"), ("I7", "trasladadas por competencia")):
        reading = context.reading(indicator)
        if reading:
            text = Markup("Peticiones {}: {}, el {} de lo recibido.")
            blocks.append(Paragraph(text.format(what, ref(count(reading.numerator), reading.table), reading.text)))
    blocks += context.exhibits("legal_anonimas", "legal_trasladadas")
    return Section("anonimas", "Peticiones anónimas y trasladadas", blocks)


def satisfaction(context: Context) -> Section:
    """Declared satisfaction; it comes with few petitions, so the answers that lack it are counted."""
    reading = context.reading("I13")
    blocks: list[Block] = []
    if reading:
        text = Markup("De las calificaciones recibidas, el {} fue 4 o 5 en una escala de 1 a 5 ({}).")
        blocks.append(Paragraph(text.format(reading.text, reading.ratio)))
        if reading.unevaluated:
            lacking = Markup("Sin calificación: {} peticiones; el resultado no las representa.")
            blocks.append(Paragraph(lacking.format(ref(count(reading.unevaluated), reading.table))))
    blocks.append(context.exhibit("satisfaccion"))
    return Section("satisfaccion", "Satisfacción", blocks)


def voice(context: Context) -> list[Block]:
    """The main recommendations of citizens (Ley 190/1995 art. 54): how many suggestions came, and what is not read."""
    suggestions = context.cells.value("legal_tipo", "sugerencia")
    if suggestions is None:
        return [Notice("No se pudo evaluar cuántas sugerencias se recibieron.")]
    text = Markup(
        "La Ley 190 de 1995, artículo 54, pide las principales recomendaciones de los particulares. Se recibieron {} "
        "sugerencias. Su texto puede contener datos personales y no se procesa ni se publica: su contenido no se pudo "
        "evaluar con estos datos."
    )
    return [Paragraph(text.format(ref(count(suggestions), "legal_tipo")))]


def _share(context: Context, indicator: str, noun: str) -> Sequence[Block]:
    readings = [r for r in context.readings(indicator) if r.code not in ("sin_dato", "no_informa") and r.value]
    if not readings:
        return []
    parts = [Markup("«{}» ({})").format(r.group, r.text) for r in readings[:3]]
    listed = Markup(" y ").join([Markup(", ").join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]
    noun = f"Por {noun}, las peticiones"
    return [Paragraph(Markup("{} se reparten sobre todo así: {}.").format(noun, listed)), *_protected(readings[0])]


def _protected(reading: Reading | None) -> list[Block]:
    if reading is None or not reading.protected:
        return []
    text = Markup(
        "Los porcentajes son sobre valores conocidos; {} solicitudes quedan fuera porque su detalle está protegido."
    )
    return [Paragraph(text.format(ref(count(reading.protected), reading.table)))]


def _ranked(context: Context, indicator: str, table: str) -> list[Block]:
    """Who has most complaints: with its share, or, where too much is protected, only if nobody else could reach it."""
    readings = [r for r in context.readings(indicator) if r.numerator and r.code != "sin_dato"]
    if readings:
        top = [r for r in readings if r.value == readings[0].value]
        text = Markup("Quien más quejas, reclamos y denuncias reúne es {}: {} del total conocido ({}).")
        if len(top) > 1:
            text = Markup(
                "Quienes más quejas, reclamos y denuncias reúnen son {}: {} del total conocido cada uno ({})."
            )
        return [Paragraph(text.format(_names(top), top[0].text, _ratios(top)))]
    if not context.unevaluable(indicator):
        return [Notice("No se pudo evaluar: no hay quejas, reclamos ni denuncias con este detalle.")]
    limit = spanish.percent(context.profile.caracterizacion.protegido_maximo, 0)
    blocks: list[Block] = []
    first = _certain_first(context, table)
    if first:
        text = Markup(
            "Quien más quejas, reclamos y denuncias reúne es «{}», con al menos {}: nadie más podría alcanzarlo aunque "
            "fuera suyo todo lo protegido."
        )
        blocks.append(Paragraph(text.format(first.label, ref(count(first.value), table))))
    why = f"No se pudo evaluar qué parte reúne cada uno: más del {limit} tiene el detalle protegido."
    return [*blocks, Notice(why)]


def _certain_first(context: Context, table: str) -> Cell | None:
    """The group whose published complaints exceed the most that any other could have, protected ones included."""
    rows, _, values = context.cells.matrix(table)
    hidden = [values.get((SUPPRESSED, code), 0) for code in (_COMPLAINTS, SUPPRESSED)]
    known = [(row, values.get((row.code, _COMPLAINTS))) for row in rows if row.informative]
    most = [
        (row, many + (values.get((row.code, SUPPRESSED)) or 0) + sum(n or 0 for n in hidden))
        for row, many in known
        if many is not None
    ]
    if len(most) != len(known) or None in hidden:
        return None  # a withheld cell has no upper limit here
    for row, many in known:
        if many and all(many > limit for other, limit in most if other.code != row.code):
            return Cell(row.code, row.label, many, None)
    return None


def _names(readings: Sequence[Reading]) -> str:
    return spanish.listing([f"«{reading.group}»" for reading in readings])


def _ratios(readings: Sequence[Reading]) -> str:
    return "; ".join(dict.fromkeys(reading.ratio for reading in readings))
