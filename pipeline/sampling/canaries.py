"""Canaries: strings that exist nowhere but in one restricted cell, so that finding one elsewhere proves a leak.

What belongs here: making them, planting them in every text cell of a row, and listing them by field.
What does not: choosing the rows (`dirt`).
"""

import numpy as np

from pipeline.profile import Source
from pipeline.sampling.draws import BLANK, distinct_numbers
from pipeline.sampling.rows import Rows

_SYLLABLES = ("xu", "qa", "vo", "wi", "ze", "ky", "jo", "nu", "fi", "qe", "wa", "xo")
IDENTITY = ("nombre", "documento_numero", "correo", "telefono", "direccion")
FREE_TEXT = ("asunto", "descripcion", "respuesta")
_PHRASES = {"nombre": "Ana {}", "direccion": "Cra {} # 12-34", "radicado": "RAD-{}"}
_FREE = "Soy Ana {}, de la manzana 4; mi hija tiene diabetes."


class Canaries:
    """Makes distinct canaries from a seed and remembers under which field each was planted."""

    def __init__(self, rng: np.random.Generator, rows: Rows) -> None:
        self._rng = rng
        self._rows = rows
        self._made = 0
        # Ranges that no drawn document, telephone or debt uses.
        self._documents = iter(distinct_numbers(rng, 5_000, 9_900_000_000, 99_999_989).tolist())
        self._phones = iter(distinct_numbers(rng, 5_000, 3_990_000_000, 9_999_991).tolist())
        self._debts = iter(distinct_numbers(rng, 5_000, 77_000_000_000, 999_999_937).tolist())
        self.planted: dict[str, list[str]] = {}

    def word(self, field: str) -> str:
        """A surname that nobody has."""
        self._made += 1
        number, tail = self._made, ""
        while number:
            number, digit = divmod(number, len(_SYLLABLES))
            tail += _SYLLABLES[digit]
        return self._note(field, f"Zyq{self._syllables(4)}{tail}")

    def plant(self, source: Source, row: int, *, fields: tuple[str, ...] = (*IDENTITY, *FREE_TEXT)) -> None:
        """Plants one in each of the fields of a row that the source has, and in its discarded and ignored columns.

        A canary document becomes the row's document. Cells already written otherwise keep their text.
        """
        key = int(self._rows.columns["clave"][row])
        for field in (f for f in fields if f in source.columnas):
            if key not in self._rows.written.get(field, {}):
                self._rows.write(field, [key], [self._text(field, row)])
        if "asunto" not in fields:
            return
        for field in source.descartadas:
            debt = self._note(field, str(next(self._debts)))
            self._rows.write(field, [key], [f"{self.word(field)} {debt}"])
        for field in source.ignoradas:
            self._rows.write(field, [key], [self.word(field)])

    def _text(self, field: str, row: int) -> str:
        match field:
            case "documento_numero":
                text = self._note(field, str(next(self._documents)))
                if self._rows.columns["documento"][row] != BLANK:
                    self._rows.columns["documento"][row] = int(text)
            case "telefono":
                text = self._note(field, str(next(self._phones)))
            case "correo":
                self._made += 1
                text = self._note(field, f"zyq{self._syllables(4)}@canario-{self._made}.invalid")
            case _:
                text = _PHRASES.get(field, _FREE).format(self.word(field))
        return text

    def _syllables(self, count: int) -> str:
        return "".join(_SYLLABLES[int(i)] for i in self._rng.integers(0, len(_SYLLABLES), count))

    def _note(self, field: str, text: str) -> str:
        self.planted.setdefault(field, []).append(text)
        return text
