"""The cells of a declared column → the text of its field: codes, options, labels, identifiers, entities.

What belongs here: translation of text, column by column. What does not: headers (`header`) and types
(`pipeline.records.typed`). A contradiction is kept as «a|b», which no code list has: the row is then rejected by its
own rule, and nothing is decided for it.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sources import SourceColumn
from pipeline.spelling import fold

TRUNCATED = "identificador_truncado"
_WHOLE_FLOAT = r"^(\d+)[.,]0+$"
_SCIENTIFIC = r"^\s*(\d+(?:[.,]\d+)?)[eE]\+?(\d{1,2})\s*$"
_TEXT = pa.string()


@dataclass(frozen=True)
class Translated:
    """A field's text; `repaired`: cells with a declared repair; `truncated`: where digits were lost, if anywhere."""

    cells: pa.Array
    repaired: int = 0
    truncated: pa.Array | None = None


def translated(column: SourceColumn, read: Callable[[str], pa.Array]) -> Translated:
    """What a column says; `read` gives the cells under a header's declared name."""
    if column.opciones:
        return Translated(_marked(column, read))
    text = _filled(read(column.columna or ""))
    repaired, truncated = 0, None
    if column.entidades:
        text, repaired = _resolved(text)
    if column.ausentes:
        text = _without(text, column.ausentes)
    if column.identificador:
        text, more, truncated = _identifier(text, column.ancho)
        repaired += more
    if column.extraer is not None or column.codigos is not None:
        text = _by_spelling(text, _translation(column))
    if column.etiqueta is not None:
        text = _with_label(text, _filled(read(column.etiqueta)), column)
    return Translated(text, repaired, truncated)


def _filled(cells: pa.Array) -> pa.Array:
    blank = pc.equal(pc.utf8_trim_whitespace(cells), "")
    return pc.if_else(blank, pa.scalar(None, _TEXT), cells)


def _by_spelling(text: pa.Array, translate: Callable[[str], str | None]) -> pa.Array:
    """Each spelling is translated once, however many rows use it."""
    encoded = text.dictionary_encode()
    return pa.array([translate(value) for value in encoded.dictionary.to_pylist()], _TEXT).take(encoded.indices)


def _translation(column: SourceColumn) -> Callable[[str], str | None]:
    """One spelling → its field value; what neither regex nor codes know becomes `otro`, or stays as it is."""
    pattern = re.compile(column.extraer) if column.extraer is not None else None
    codes = {fold(spelling): code for spelling, code in column.codigos.items()} if column.codigos is not None else None

    def translate(text: str) -> str | None:
        value = text
        if pattern is not None:
            found = pattern.search(text)
            if found is None:
                return text if column.otro is None else column.otro
            value = (found[1] if pattern.groups else found[0]) or ""
        if codes is not None:
            value = codes.get(fold(value), value if column.otro is None else column.otro)
        return value if value.strip() else None

    return translate


def _with_label(code: pa.Array, label: pa.Array, column: SourceColumn) -> pa.Array:
    """The code, or what its label means where there is none; both where they contradict each other."""
    codes = {fold(spelling): meaning for spelling, meaning in (column.codigos or {}).items()}
    meant = _by_spelling(label, lambda text: codes.get(fold(text), text))
    differ = pc.fill_null(pc.and_(pc.is_in(meant, value_set=pa.array(sorted(set(codes.values())), _TEXT)),
                                  pc.not_equal(meant, code)), False)  # fmt: skip
    both = pc.binary_join_element_wise(code, meant, "|")
    return pc.if_else(differ, both, pc.coalesce(code, meant))


def _marked(column: SourceColumn, read: Callable[[str], pa.Array]) -> pa.Array:
    """The option that is marked; several marks, or a mark that nobody declared, stay visible."""
    marks = {fold(mark) for mark in column.marcas}

    def meaning(option: str) -> Callable[[str], str | None]:
        def read_as(text: str) -> str | None:
            folded = fold(text)
            if folded in marks:
                return option
            return None if folded in ("no", "false", "0", "") else f"{option}:{text}"

        return read_as

    chosen = [_by_spelling(_filled(read(name)), meaning(option)) for name, option in column.opciones.items()]
    # null_handling="skip" would drop the rows in which every option is null
    together = pc.binary_join_element_wise(*[pc.fill_null(option, "") for option in chosen], "|")
    together = pc.utf8_trim(pc.replace_substring_regex(together, r"\|{2,}", "|"), characters="|")
    return pc.if_else(pc.equal(together, ""), pa.scalar(None, _TEXT), together)


def _resolved(text: pa.Array) -> tuple[pa.Array, int]:
    """The text without HTML entities, and in how many cells there were any."""
    if not pc.any(pc.match_substring(text, "&")).as_py():
        return text, 0
    resolved = _by_spelling(text, lambda cell: html.unescape(cell).replace("\0", "") if "&" in cell else cell)
    return resolved, pc.sum(pc.not_equal(text, resolved)).as_py() or 0


def _without(text: pa.Array, absent: tuple[str, ...]) -> pa.Array:
    nothing = {fold(spelling) for spelling in absent}
    return _by_spelling(text, lambda cell: None if fold(cell) in nothing else cell)


def _identifier(text: pa.Array, width: int | None) -> tuple[pa.Array, int, pa.Array | None]:
    """Digits as digits: «2115.0» and «2,115E3» are 2115; where the notation lost digits, the row cannot be told."""
    found = pc.replace_substring_regex(pc.utf8_trim_whitespace(text), _WHOLE_FLOAT, r"\1")
    truncated = None
    scientific = pc.match_substring_regex(found, _SCIENTIFIC)
    if pc.any(scientific).as_py():
        found = _by_spelling(found, _expanded)
        truncated = pc.fill_null(pc.equal(found, "?"), False)
        found = pc.if_else(truncated, pa.scalar(None, _TEXT), found)
    if width is not None:
        digits = pc.match_substring_regex(found, r"^\d+$")
        found = pc.if_else(digits, pc.utf8_lpad(found, width, "0"), found)
    return found, pc.sum(pc.not_equal(text, found)).as_py() or 0, truncated


def _expanded(text: str) -> str:
    match = re.match(_SCIENTIFIC, text)
    if match is None:
        return text
    mantissa, power = match[1].replace(",", "."), int(match[2])
    decimals = len(mantissa.partition(".")[2])
    return str(int(Decimal(mantissa).scaleb(power))) if decimals >= power else "?"
