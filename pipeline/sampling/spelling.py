"""Codes as sources write them: each source's usual spelling, and the variants that mean the same.

What belongs here: tables of spellings. What does not: how the pipeline recognises them (`pipeline.spelling`).
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipeline.profile import Profile, Source
from pipeline.sampling import words
from pipeline.sampling.draws import Array, style

_USUAL, _SIDES = 90, 100
_VARIANTS = 9
_BLANK_LABELS = ("No informa", "Sin dato")
_FLAGS = {
    "orfeo": (("SI", "Si", "SI ", "sí"), ("NO", "No", "")),
    "portal": (("true", "Sí", "si", "1"), ("false", "No", "")),
    "ventanilla": (("X", "x", "Sí"), ("", "No")),
}
FLAGS = ("anonima", "autorizacion", "negada")


class Spellings:
    """Every code of every list, as each source may write it."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._tables: dict[tuple[str, str], pa.Array] = {}

    def write(self, source: Source, field: str, codes: Array, seed: Array) -> pa.Array:
        """One text per row: the usual spelling nine times in ten, otherwise a variant of the same code."""
        table = self._table(source, field)
        side = style(field, seed, _SIDES)
        variant = np.where(side < _USUAL, 0, 1 + side % (_VARIANTS - 1))
        # The blank is the last code of the table.
        count = len(table) // _VARIANTS
        position = np.where(codes < 0, count - 1, codes).astype(np.int64) * _VARIANTS + variant
        return table.take(pa.array(position))

    def flag(self, source: Source, field: str, raised: Array, seed: Array) -> pa.Array:
        """Yes and no as each source says them; a blank is no."""
        yes, no = _FLAGS[source.id]
        texts = pa.array([*yes, *no], pa.string())
        side = style(field, seed, _SIDES)
        usual = side < _USUAL
        position = np.where(raised, np.where(usual, 0, side % len(yes)), len(yes) + np.where(usual, 0, side % len(no)))
        return texts.take(pa.array(position))

    def _table(self, source: Source, field: str) -> pa.Array:
        key = (source.id, field)
        if key not in self._tables:
            self._tables[key] = pa.array(self._spell(source, field), pa.string())
        return self._tables[key]

    def _spell(self, source: Source, field: str) -> list[str]:
        listed = self._profile.listas[field]
        mapped = source.columnas[field].codigos
        if mapped is not None:
            keys = {code: spelling for spelling, code in mapped.items()}
            texts = [[keys.get(code.codigo, "")] for code in listed]
            return [t for row in [*texts, [""]] for t in row * _VARIANTS]
        meaning = Counter(p for c in listed for p in {plain(t) for t in (c.codigo, c.etiqueta, *c.alias)})
        rows = []
        for number, code in enumerate(listed, start=1):
            known = [t for t in (code.etiqueta, *code.alias) if meaning[plain(t)] == 1]
            rows.append(_variants(source, code.etiqueta, known or [code.codigo]))
            if field == "tipo" and code.codigo == "sin_clasificar":
                rows[-1] = [words.UNKNOWN_KIND[0], *_filled(["", *words.UNKNOWN_KIND])]
            if source.columnas[field].extraer:
                rows[-1] = [f"76.{number}. {t}" if t and i % 3 != 2 else t for i, t in enumerate(rows[-1])]
        labels = [t for t in _BLANK_LABELS if any(plain(t) == plain(c.etiqueta) for c in listed)]
        rows.append(["", *_filled(["", *labels])])
        return [t for row in rows for t in row]


def _variants(source: Source, label: str, known: Sequence[str]) -> list[str]:
    usual = label.upper() if source.id == "orfeo" else label
    # cp1252 has no combining accents.
    decomposed = unicodedata.normalize("NFD", label) if source.codificacion == "utf-8" else label.upper()
    others = [*known, unaccented(label).lower(), f" {label} ", label.replace(" ", "  "), decomposed, label.upper()]
    return [usual, *_filled(others)]


def _filled(texts: Sequence[str]) -> list[str]:
    """The texts over and over, up to the number of variants beside the usual one."""
    return [texts[i % len(texts)] for i in range(_VARIANTS - 1)]


def unaccented(text: str) -> str:
    """The text without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def plain(text: str) -> str:
    """What two spellings of the same have in common: letters and digits, no case, accents or surplus spaces."""
    return " ".join(unaccented(text).casefold().split())
