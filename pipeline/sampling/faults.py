"""Rows that must be rejected: one planted fault each (a few have two), and the rule that finds it first.

What belongs here: every rejection rule, planted where its outcome is certain. What does not: rows that stay
(`dirt`), and the reading of any rule from `pipeline.records`.
"""

from collections.abc import Collection, Sequence
from datetime import date

import numpy as np

from pipeline.errors import PqrsdError
from pipeline.sampling import words
from pipeline.sampling.draws import Array
from pipeline.sampling.petitions import Draw
from pipeline.sampling.rows import Defect, Rows
from pipeline.sampling.terms import day_number

CODED = (
    "canal", "dependencia", "tema", "estado", "comuna", "persona_tipo", "calidad_peticionario", "documento_tipo",
    "sexo", "escolaridad", "estrato", "grupo_etnico", "discapacidad", "victima",
)  # fmt: skip
DATES = ("fecha_respuesta", "fecha_traslado", "prorroga_hasta", "fecha_vencimiento")
UNKNOWN_CODES = ("CÓDIGO 77", "No registra en lista", "#REF!", "ver observación")
_AGE_SHAPES = ("treinta y cinco", "34 años", "34.5")
_IDENTITY = ("persona", "documento", "documento_tipo", "persona_tipo", "edad", "sexo", "comuna", "con_nombre")

# Share of the petitions asked for, never fewer than two rows a rule.
_RARE, _COMMON = 0.0004, 0.0012


class Faults:
    """Takes spare rows one fault at a time."""

    def __init__(self, draw: Draw, rows: Rows, size: int, rng: np.random.Generator) -> None:
        self._draw, self._rows, self._size, self._rng = draw, rows, size, rng
        columns = rows.columns
        # Faults are planted on identified adults: every other rule holds for them beyond doubt.
        self.plain = (columns["documento_tipo"] == draw.code("documento_tipo", "CC")) & (
            columns["persona_tipo"] == draw.code("persona_tipo", "natural")
        )
        self._free = self.plain.copy()
        self._free[:size] = False

    def plant(self) -> dict[str, int]:
        """Plants them all; gives how many day/month swaps each rule finds."""
        self._ragged()
        self._blank()
        self._unreadable_dates()
        self._strange_periods()
        self._unknown_codes()
        self._numbers()
        swaps = self._swapped()
        self._contradictory()
        return swaps

    def _count(self, share: float) -> int:
        return max(2, round(share * self._size))

    def _pick(self, count: int, sources: Collection[int] | None = None) -> Array:
        """Spare rows of some sources, now taken."""
        free = self._free if sources is None else self._free & np.isin(self._rows.columns["fuente"], list(sources))
        found = np.flatnonzero(free)[:count]
        if len(found) < count:
            raise PqrsdError("El generador se quedó sin filas para plantar errores; pida más filas.")
        self._free[found] = False
        return found

    def _keys(self, rows: Array) -> Array:
        return self._rows.columns["clave"][rows]

    def _sources(self, field: str) -> list[int]:
        """The sources that write a field as it comes, without a code map or a constant."""
        sources = self._draw.profile.fuentes
        return [i for i, s in enumerate(sources) if field in s.columnas and s.columnas[field].codigos is None]

    def _csv(self) -> list[int]:
        return [i for i, s in enumerate(self._draw.profile.fuentes) if s.formato == "csv"]

    def _cycle(self, texts: Sequence[str], size: int) -> list[str]:
        return [texts[i] for i in self._rng.integers(0, len(texts), size)]

    def _ragged(self) -> None:
        for defect in (Defect.COLUMNAS_DE_MAS, Defect.COLUMNAS_DE_MENOS):
            rows = self._pick(self._count(_COMMON), self._csv())
            self._rows.columns["defecto"][rows] = defect
            self._rows.reject(rows, defect.name.lower(), "fila")

    def _blank(self) -> None:
        rows = self._pick(self._count(_COMMON))
        self._rows.write("radicado", self._keys(rows), self._cycle(("", "   "), len(rows)))
        self._rows.reject(rows, "obligatorio", "radicado")
        # A row with two faults is rejected by the first in order.
        both = self._pick(2, self._sources("canal"))
        self._rows.write("radicado", self._keys(both), ("", ""))
        self._rows.write("canal", self._keys(both), self._cycle(UNKNOWN_CODES, 2))
        self._rows.reject(both, "obligatorio", "radicado")
        rows = self._pick(self._count(_RARE))
        self._rows.write("fecha_recepcion", self._keys(rows), [""] * len(rows))
        self._rows.reject(rows, "obligatorio", "fecha_recepcion")

    def _unreadable_dates(self) -> None:
        year = self._draw.semester.year
        texts = [text.format(year=year) for text in words.UNREADABLE_DATE]
        for field in ("fecha_recepcion", *DATES):
            rows = self._pick(self._count(_COMMON if field == "fecha_recepcion" else _RARE), self._sources(field))
            self._rows.write(field, self._keys(rows), self._cycle(texts, len(rows)))
            self._rows.reject(rows, "fecha_no_valida", field)

    def _strange_periods(self) -> None:
        day, terms = self._rows.columns["recepcion_dia"], self._draw.terms
        rows = self._pick(self._count(_COMMON))
        day[rows] = terms.cutoff + self._rng.integers(20, 120, len(rows))
        self._rows.reject(rows, "fecha_futura", "fecha_recepcion")
        typo = self._pick(1, self._csv())
        wrong = "3020-03-15" if self._draw.profile.fuentes[self._source(typo[0])].id == "portal" else "15/03/3020"
        self._rows.write("fecha_recepcion", self._keys(typo), [wrong])
        self._rows.reject(typo, "fecha_futura", "fecha_recepcion")
        rows = self._pick(self._count(_COMMON))
        # No semester has more than 184 days.
        day[rows] -= self._rng.integers(190, 400, len(rows)).astype(day.dtype)
        self._rows.reject(rows, "fuera_de_periodo", "fecha_recepcion")
        end = day_number(self._draw.semester.end)
        if terms.cutoff > end:
            rows = self._pick(self._count(_RARE))
            day[rows] = self._rng.integers(end + 1, terms.cutoff + 1, len(rows))
            self._rows.reject(rows, "fuera_de_periodo", "fecha_recepcion")

    def _source(self, row: int) -> int:
        return int(self._rows.columns["fuente"][row])

    def _unknown_codes(self) -> None:
        for field in CODED:
            rows = self._pick(self._count(_RARE), self._sources(field))
            self._rows.write(field, self._keys(rows), self._cycle(UNKNOWN_CODES, len(rows)))
            self._rows.reject(rows, "codigo_desconocido", field)

    def _numbers(self) -> None:
        rows = self._pick(self._count(_RARE), [self._draw.sources.index("orfeo")])
        self._rows.write("edad", self._keys(rows), self._cycle(_AGE_SHAPES, len(rows)))
        self._rows.reject(rows, "forma_no_valida", "edad")
        # Rejected before radicados are compared, so the accepted petition with the same radicado stands.
        columns = self._rows.columns
        accepted = np.flatnonzero(columns["fuente"][: self._size] == self._draw.sources.index("orfeo"))[: len(rows)]
        columns["radicado"][rows[: len(accepted)]] = columns["radicado"][accepted]
        self.shared_radicado = accepted
        for field, rule, texts in (
            ("edad", "fuera_de_rango", ("130", "999", "178")),
            ("satisfaccion", "forma_no_valida", ("muy buena", "4.5")),
            ("satisfaccion", "fuera_de_rango", ("0", "6", "10")),
        ):
            rows = self._pick(self._count(_RARE), self._sources(field))
            self._rows.write(field, self._keys(rows), self._cycle(texts, len(rows)))
            self._rows.reject(rows, rule, field)

    def _swapped(self) -> dict[str, int]:
        """Day and month exchanged where the result cannot be a day of the semester."""
        columns, draw = self._rows.columns, self._draw
        source = [draw.sources.index("orfeo")]
        found: dict[str, int] = {}
        taken = self._pick(self._count(0.003), source)
        day, month = day_and_month(columns["recepcion_dia"][taken])
        impossible = taken[day > 12]
        minutes = columns["recepcion_seg"][impossible] // 60
        texts = [
            f"{m:02d}/{d:02d}/{draw.semester.year} {minute // 60:02d}:{minute % 60:02d}"
            for d, m, minute in zip(day[day > 12], month[day > 12], minutes, strict=True)
        ]
        self._rows.write("fecha_recepcion", self._keys(impossible), texts)
        self._rows.reject(impossible, "fecha_no_valida", "fecha_recepcion")
        found["fecha_no_valida"] = len(impossible)

        low, late = day <= 12, draw.terms.cutoff
        exchanged = swap(columns["recepcion_dia"], taken[low], draw.semester.year)
        start, end = day_number(draw.semester.start), day_number(draw.semester.end)
        outside = (exchanged < start) | (exchanged > end)
        for rule, here in (("fecha_futura", exchanged > late), ("fuera_de_periodo", outside & (exchanged <= late))):
            rows = taken[low][here]
            columns["recepcion_dia"][rows] = exchanged[here]
            self._rows.reject(rows, rule, "fecha_recepcion")
            found[rule] = len(rows)
        # Those whose exchange nobody would notice go back to the spare rows.
        self._free[taken[low][~outside]] = True
        return found

    def _contradictory(self) -> None:
        """The same radicado for two people, or on two days; some groups have three rows."""
        columns = self._rows.columns
        groups = self._count(_COMMON)
        for source, name in enumerate(self._draw.sources):
            size = max(2, round(groups * {"orfeo": 0.65, "portal": 0.35}.get(name, 0.0)))
            first, second = self._pick(size, [source]), self._pick(size, [source])
            columns["radicado"][second] = columns["radicado"][first]
            same_day = np.arange(size) % 2 == 0
            a, b = first[same_day], second[same_day]
            columns["recepcion_dia"][b] = columns["recepcion_dia"][a]
            columns["documento"][b] += columns["documento"][b] == columns["documento"][a]
            a, b = first[~same_day], second[~same_day]
            for field in _IDENTITY:
                columns[field][b] = columns[field][a]
            equal = columns["recepcion_dia"][a] == columns["recepcion_dia"][b]
            forward = columns["recepcion_dia"][b] == day_number(self._draw.semester.start)
            columns["recepcion_dia"][b] += np.where(equal, np.where(forward, 1, -1), 0).astype(np.int32)
            third = self._pick(1, [source])
            columns["radicado"][third] = columns["radicado"][first[:1]]
            for rows in (first, second, third):
                self._rows.reject(rows, "radicado_contradictorio", "radicado")


def day_and_month(days: Array) -> tuple[Array, Array]:
    """Day of the month and month (1 … 12) of days since 1970."""
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    return (dates - months).astype(np.int64) + 1, months.astype(np.int64) % 12 + 1


def swap(days: Array, rows: Array, year: int) -> Array:
    """The days of the rows with day and month exchanged; only for days of the month up to 12."""
    day, month = day_and_month(days[rows])
    january = day_number(date(year, 1, 1))
    first = (np.datetime64(january, "D").astype("datetime64[M]") + (day - 1)).astype("datetime64[D]")
    return np.asarray(first.astype(np.int64) + month - 1, dtype=np.int32)
