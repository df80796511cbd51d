"""The cells of synthetic extracts as text, column by column, for a slice of rows.

What belongs here: names, documents, addresses, dates and free text from what was drawn. What does not: spellings of
codes (`spelling`), files (`writing`). Everything is built from small tables by position: no loop over rows.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.profile import Source
from pipeline.sampling import words
from pipeline.sampling.draws import BLANK, NO_DAY, Array, Columns, nit_check_digit, style, take
from pipeline.sampling.people import codes_of
from pipeline.sampling.petitions import Draw
from pipeline.sampling.spelling import FLAGS, Spellings, unaccented

_PRINTED = {
    "fecha_recepcion": ("recepcion_dia", "recepcion_seg"),
    "fecha_respuesta": ("respuesta_dia", "respuesta_seg"),
    "fecha_traslado": ("traslado_dia", None),
    "prorroga_hasta": ("prorroga_dia", None),
    "fecha_vencimiento": ("vencimiento_dia", None),
}
_ISO_DAY = "%Y-%m-%d"
_STREET = ("Cra", "Cl", "Calle", "Carrera", "Mz", "Tv")
_STREET_MIDDLE = (" # ", " # ", " No. ", " # ", " Casa ", " # ")
_STREET_END = ("-", "-", " - ", "-", " Etapa ", "-")


class Texts:
    """Writes any column of any source for some rows."""

    def __init__(self, draw: Draw, people: Columns, days: Array) -> None:
        self._draw, self._people = draw, people
        self._spellings = Spellings(draw.profile)
        known = days[days != NO_DAY]
        self._first_day = int(known.min())
        self._days = [date(1970, 1, 1) + timedelta(days=i) for i in range(self._first_day, int(known.max()) + 1)]
        self._printed: dict[str, pa.Array] = {}
        self._seconds = [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86_400)]

    def column(self, source: Source, field: str, rows: Columns) -> pa.Array:
        """A canonical column as the source writes it."""
        if field in _PRINTED:
            return self._date(source, field, rows)
        if field in FLAGS:
            return self._spellings.flag(source, field, rows[field] == 1, rows["estilo"])
        if field in self._draw.profile.listas:
            return self._spellings.write(source, field, rows[field], rows["estilo"])
        return getattr(self, f"_{field}")(source, rows)

    def _date(self, source: Source, field: str, rows: Columns) -> pa.Array:
        day_column, second_column = _PRINTED[field]
        days = rows[day_column]
        with_time = [f for f in source.formatos_fecha if "%H" in f]
        date_only = [f for f in source.formatos_fecha if "%" in f and "%H" not in f]
        native = "excel" in source.formatos_fecha
        if second_column is None:
            form = _ISO_DAY if native else date_only[0]
            return _where(days != NO_DAY, self._days_as(form, days))
        seconds = rows[second_column]
        side = style(field, rows["estilo"], 100)
        # A few dates come in the source's other shapes: another separator, or without the hour.
        usual = self._moment("%Y-%m-%d %H:%M:%S" if native else with_time[0], days, seconds)
        other = self._moment(with_time[-1], days, seconds) if with_time else usual
        text = pc.if_else(pa.array(side < 4), self._days_as(date_only[0], days), usual)
        text = pc.if_else(pa.array((side >= 4) & (side < 8)), other, text)
        return _where(days != NO_DAY, text)

    def _days_as(self, form: str, days: Array) -> pa.Array:
        if form not in self._printed:
            self._printed[form] = pa.array([day.strftime(form) for day in self._days])
        positions = np.where(days == NO_DAY, 0, days - self._first_day)
        return self._printed[form].take(pa.array(positions))

    def _moment(self, form: str, days: Array, seconds: Array) -> pa.Array:
        at = form.index("%H")
        length = {"%H:%M": 5, "%H:%M:%S": 8}[form[at:]]
        key = form[at:]
        if key not in self._printed:
            self._printed[key] = pa.array([text[:length] for text in self._seconds])
        return _join(self._days_as(form[:at], days), self._printed[key].take(pa.array(seconds)))

    def _radicado(self, source: Source, rows: Columns) -> pa.Array:
        semester = self._draw.semester
        number = rows["radicado"] + 5_000_000 * (semester.half - 1)
        if source.id == "portal":
            digits = pc.utf8_lpad(pa.array(number).cast(pa.string()), 7, "0")
            return _join(f"PW-{semester.year}-", digits)
        office = 4600 if source.id == "orfeo" else 4699
        text = pa.array((semester.year * 10_000 + office) * 10**7 + number).cast(pa.string())
        return _join(text, _floats(rows))

    def _documento_numero(self, source: Source, rows: Columns) -> pa.Array:
        number, kind = rows["documento"], rows["documento_tipo"]
        known = {c: i for i, c in enumerate(codes_of(self._draw.profile, "documento_tipo"))}
        side = style("documento_numero", rows["estilo"], 100)
        whole = pa.array(number).cast(pa.string())
        text = _join(whole, _floats(rows))
        nit = kind == known["NIT"]
        digit = _join(whole, "-", pa.array(nit_check_digit(number)).cast(pa.string()))
        text = pc.if_else(pa.array(nit & (side < 80)), digit, text)
        dotted = pa.array((kind == known["CC"]) & (side < 5) & ~rows["flotante"])
        text = pc.if_else(dotted, _thousands(number), text)
        text = pc.if_else(pa.array(kind == known["PA"]), _join("AV", whole), text)
        return _where(number != BLANK, text)

    def _person(self, rows: Columns) -> Columns:
        return take(self._people, rows["persona"])

    def _first_and_last(self, person: Columns) -> tuple[pa.Array, pa.Array]:
        woman = person["sexo"] == codes_of(self._draw.profile, "sexo").index("mujer")
        first = pa.array([*words.WOMEN, *words.MEN])
        half = len(words.WOMEN)
        shift = np.where(woman, 0, half)
        given = first.take(pa.array(shift + person["nombre_a"] % half))
        second = _join(" ", first.take(pa.array(shift + person["nombre_b"] % half)))
        given = _join(given, _where(person["nombre_b"] % 5 < 3, second))
        surnames = pa.array(words.SURNAMES)
        count = len(words.SURNAMES)
        return given, _join(
            surnames.take(pa.array(person["apellido_a"] % count)),
            " ",
            surnames.take(pa.array(person["apellido_b"] % count)),
        )

    def _full_name(self, rows: Columns) -> pa.Array:
        person = self._person(rows)
        name = _join(*self._first_and_last(person)[:1], " ", self._first_and_last(person)[1])
        kinds = codes_of(self._draw.profile, "persona_tipo")
        a, b, c = person["nombre_a"], person["apellido_a"], person["apellido_b"]
        company = _join(
            _table(words.COMPANY_KIND, a), " ", _table(words.COMPANY_NAME, b), " ", _table(words.COMPANY_END, c)
        )
        body = _join(_table(words.PUBLIC_BODY, a), " de ", _table(("Santa Marta", "Ciénaga", "Magdalena"), b))
        barrios = [name for names in words.BARRIOS.values() for name in names]
        group = _join(_table(words.GROUP, a), " ", _table(barrios, b))
        for code, text in (("juridica", company), ("entidad_publica", body), ("grupo", group)):
            name = pc.if_else(pa.array(person["persona_tipo"] == kinds.index(code)), text, name)
        return name

    def _nombre(self, source: Source, rows: Columns) -> pa.Array:
        name = self._full_name(rows)
        side = style("nombre", rows["estilo"], 100)
        if source.id == "orfeo":
            name = pc.if_else(pa.array(side < 95), pc.utf8_upper(name), name)
        name = pc.if_else(pa.array(side % 50 == 7), _join("  ", name, " "), name)
        return _where(rows["con_nombre"], name)

    def _correo(self, _: Source, rows: Columns) -> pa.Array:
        person = self._person(rows)
        first = [unaccented(n).lower() for n in (*words.WOMEN, *words.MEN)]
        last = [unaccented(n).lower().replace(" ", "") for n in words.SURNAMES]
        number = pa.array(person["documento"] % 1000).cast(pa.string())
        text = _join(
            _table(first, person["nombre_a"]), ".", _table(last, person["apellido_a"]), number, "@",
            _table(words.MAIL_DOMAINS, person["nombre_b"]),
        )  # fmt: skip
        return _where(rows["con_correo"], text)

    def _phone(self, rows: Columns) -> pa.Array:
        digits = pa.array(self._person(rows)["telefono"]).cast(pa.string())
        side = style("telefono", rows["estilo"], 10)
        parts = (pc.utf8_slice_codeunits(digits, 0, 3), pc.utf8_slice_codeunits(digits, 3, 6))
        rest = pc.utf8_slice_codeunits(digits, 6)
        spaced = _join("+57 ", parts[0], " ", parts[1], rest)
        text = pc.if_else(pa.array(side < 5), digits, _join("+57", digits))
        return pc.if_else(pa.array(side > 7), spaced, text)

    def _telefono(self, _: Source, rows: Columns) -> pa.Array:
        digits = _join(pa.array(self._person(rows)["telefono"]).cast(pa.string()), ".0")
        text = pc.if_else(pa.array(rows["flotante"]), digits, self._phone(rows))
        return _where(rows["con_telefono"], text)

    def _barrio(self, person: Columns) -> pa.Array:
        codes = codes_of(self._draw.profile, "comuna")
        width = max(map(len, words.BARRIOS.values()))
        names = [words.BARRIOS.get(code, ("Centro",)) for code in codes]
        flat = [row[i % len(row)] for row in names for i in range(width)]
        return pa.array(flat).take(pa.array(person["comuna"].astype(np.int64) * width + person["numero_a"] % width))

    def _address(self, rows: Columns) -> pa.Array:
        person = self._person(rows)
        a, b, c = (pa.array(person[f"numero_{x}"]).cast(pa.string()) for x in "abc")
        via = person["via"]
        return _join(
            _table(_STREET, via), " ", a, _table(_STREET_MIDDLE, via), b, _table(_STREET_END, via), c, " ",
            self._barrio(person),
        )  # fmt: skip

    def _direccion(self, _: Source, rows: Columns) -> pa.Array:
        return _where(rows["con_direccion"], self._address(rows))

    def _edad(self, source: Source, rows: Columns) -> pa.Array:
        text = pa.array(rows["edad"]).cast(pa.string())
        if source.formato == "csv":
            decimals = style("edad", rows["estilo"], 100) < 2
            text = _join(text, _where(decimals, pa.scalar(".0")))
        return _where(rows["edad"] != BLANK, text)

    def _satisfaccion(self, _: Source, rows: Columns) -> pa.Array:
        return _where(rows["satisfaccion"] != BLANK, pa.array(rows["satisfaccion"]).cast(pa.string()))

    def _trasladada_a(self, _: Source, rows: Columns) -> pa.Array:
        return _where(rows["traslado_dia"] != NO_DAY, _styled(words.TRANSFER_TO, "trasladada_a", rows))

    def _causal_negacion(self, _: Source, rows: Columns) -> pa.Array:
        return _where(rows["negada"], _styled(words.DENIAL_CAUSE, "causal_negacion", rows))

    def _topic_text(self, part: int, rows: Columns) -> pa.Array:
        codes = codes_of(self._draw.profile, "tema")
        texts = [words.TOPIC_TEXTS.get(code, words.TOPIC_TEXTS["otro"])[part] for code in codes]
        lists = [(t,) if isinstance(t, str) else t for t in texts]
        flat = [row[i % len(row)] for row in lists for i in range(6)]
        side = style(f"tema_{part}", rows["estilo"], 6)
        return pa.array(flat).take(pa.array(rows["asunto_tema"].astype(np.int64) * 6 + side))

    def _asunto(self, source: Source, rows: Columns) -> pa.Array:
        text = self._topic_text(0, rows)
        side = style("asunto", rows["estilo"], 100)
        if source.id == "orfeo":
            text = pc.utf8_upper(text)
        named = pa.array(rows["con_nombre"] & (side < 15))
        text = pc.if_else(named, _join(text, " - ", self._full_name(rows)), text)
        return pc.if_else(pa.array(side > 97), _join("  ", text, "  "), text)

    def _descripcion(self, source: Source, rows: Columns) -> pa.Array:
        side = style("descripcion", rows["estilo"], 1000)
        name, document = self._full_name(rows), pa.array(rows["documento"]).cast(pa.string())
        introduces = rows["con_nombre"] & (rows["documento"] != BLANK) & (side % 10 < 4)
        opening = pc.if_else(
            pa.array(introduces),
            _join("Yo, ", name, ", identificado(a) con documento ", document, ", informo que "),
            _table(words.OPENINGS, side),
        )
        breaks = {"portal": 300, "ventanilla": 60}.get(source.id, 25)
        pause = pc.if_else(pa.array(side < breaks), ".\n", ".")
        where = _join(_table(words.PLACE_LINK, side // 3), self._address(rows), ".")
        phone = _join(" Mi celular es ", self._phone(rows), ".")
        contact = _where(rows["con_telefono"] & (side % 7 < 2), phone)
        child = _join(
            " Mi hijo ", _table(words.MEN, side // 5), ", de ", _table(("5", "8", "11"), side), " años, está enfermo."
        )
        family = _where((side % 23 == 0) & rows["con_nombre"], child)
        return _join(
            opening, self._topic_text(1, rows), pause, where, contact, family, _table(words.CLOSINGS, side // 7)
        )

    def _respuesta(self, source: Source, rows: Columns) -> pa.Array:
        name = _where(rows["con_nombre"], _join(" ", self._full_name(rows)))
        text = _join(
            "Respetado(a) ciudadano(a)", name, ": en atención a su radicado ", self._radicado(source, rows), ", ",
            self._topic_text(2, rows), ".",
        )  # fmt: skip
        return _where(rows["respuesta_dia"] != NO_DAY, text)


def other_cell(field: str, rows: Columns) -> pa.Array:
    """A discarded or ignored column: debts and credit reports that must never be loaded, clerks, browsers."""
    side = style(field, rows["estilo"], 10_000)
    name = unaccented(field).lower()
    if "saldo" in name or "deuda" in name:
        return _where(side < 3000, pa.array(side * 1_500).cast(pa.string()))
    if "reporte" in name:
        return _table(("NO REPORTADO", "NO REPORTADO", "REPORTADO EN MORA", ""), side)
    if "puntaje" in name:
        return _where(side % 3 == 0, pa.array(150 + side % 800).cast(pa.string()))
    if "ip" in name.split("_"):
        return _join("192.0.2.", pa.array(side % 250).cast(pa.string()))
    if "folios" in name:
        return pa.array(1 + side % 9).cast(pa.string())
    return _table(words.BROWSERS if "navegador" in name else words.CLERKS, side)


def _join(*parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*[pa.scalar(p) if isinstance(p, str) else p for p in parts], "")


def _where(shown: Array, text: pa.Array | pa.Scalar) -> pa.Array:
    return pc.if_else(pa.array(shown), text, "")


def _table(texts: Sequence[str], positions: Array) -> pa.Array:
    return pa.array(texts, pa.string()).take(pa.array(positions % len(texts)))


def _styled(texts: Sequence[str], field: str, rows: Columns) -> pa.Array:
    return _table(texts, style(field, rows["estilo"], len(texts)))


def _floats(rows: Columns) -> pa.Array:
    """Numbers that passed through a spreadsheet as decimals."""
    return _where(rows["flotante"], pa.scalar(".0"))


def _thousands(number: Array) -> pa.Array:
    """Numbers of seven digits or more with points: 1.082.345.678."""
    millions, rest = np.divmod(number.astype(np.int64), 1_000_000)
    billions = pc.if_else(
        pa.array(millions >= 1000),
        _join(pa.array(millions // 1000).cast(pa.string()), ".", _padded(millions % 1000)),
        pa.array(millions).cast(pa.string()),
    )
    return _join(billions, ".", _padded(rest // 1000), ".", _padded(rest % 1000))


def _padded(number: Array) -> pa.Array:
    return pc.utf8_lpad(pa.array(number).cast(pa.string()), 3, "0")
