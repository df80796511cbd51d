"""One way to compare spellings: «  SOLICITUD de Información» and «solicitud de informacion» are the same.

What belongs here: the folding of a spelling, once for Python values and once for Ibis columns, kept equal by a test.
What does not: the lists of codes and their spellings (`profiles/*/listas`).
"""

import re
import unicodedata

import ibis
import ibis.expr.types as ir

_MARKS = "[\u0300-\u036f]"
_SPACES = "[ \t\r\n\f\v\u00a0\u2007\u202f]+"
_ACCENTED = "".join(
    letter
    for letter in map(chr, range(0x00C0, 0x0180))
    if len(unicodedata.normalize("NFD", letter)[0]) == 1 and unicodedata.normalize("NFD", letter) != letter
)
_PLAIN = "".join(unicodedata.normalize("NFD", letter)[0] for letter in _ACCENTED)
_UNACCENT = str.maketrans(_ACCENTED, _PLAIN)


def fold(text: str) -> str:
    """The spelling without case, accents or surplus spaces."""
    spaced = re.sub(_SPACES, " ", re.sub(_MARKS, "", text)).strip(" ")
    return spaced.translate(_UNACCENT).lower()


def folded(text: ir.StringValue) -> ir.StringValue:
    """`fold` as an Ibis expression; null stays null."""
    spaced = text.re_replace(_MARKS, "").re_replace(_SPACES, " ").strip()
    return spaced.translate(_ACCENTED, _PLAIN).lower()


def filled(text: ir.StringValue) -> ir.StringValue:
    """The text without surrounding blanks; null where nothing is left."""
    return text.re_replace(f"^{_SPACES}|{_SPACES}$", "").nullif(ibis.literal(""))
