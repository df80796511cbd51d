"""Detectors of personal data in text that is about to be published. They only block; they never clean.

What belongs here: patterns and the rules of context that keep them from firing on what we publish. What does not:
deciding what happens after a hit, and names of persons, which no pattern knows.

Text is first made comparable: compatibility forms (NFKC: fullwidth, circled, mathematical digits), digits of any
script, invisible characters, Cyrillic and Greek look-alikes, and letters that stand for digits inside a number.

What a hit needs, and what is left alone:
- `cedula`: 6 to 10 digits standing alone, plain, grouped by thousands or one by one; left alone are digits inside a
  word or a hexadecimal digest, dates, versions, UUIDs and colours. In prose (`prose=True`) a six-digit number grouped
  by thousands («121.145») is a count unless a word like «cédula» precedes it, and the digits after a decimal sign are
  a fraction.
- `nit`: digits with a check digit that is right by the DIAN's weights; any other number falls under `cedula`.
- `telefono`: a Colombian mobile (3xx) or landline (60x) of ten digits, with or without +57, or seven after a keyword.
- `correo`, `direccion` (a way, its number and a plate or house) and `radicado` (year and sequence, or letters before).
"""

import html.parser
import json
import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from pipeline.contract import Contract
from schemas.characterized import INDICATORS, SEGMENTS
from schemas.published import ROW_SUMMARY, TABLES

_LOOKALIKES = str.maketrans(
    "АВЕКМНОРСТУХаеорсухкмтіІΑΒΕΗΙΚΜΝΟΡΤΥΧοαν‐‑‒–—−﹣",
    "ABEKMHOPCTYXaeopcyxkmtiIABEHIKMNOPTYXoav-------",
)
_DIGIT_LIKE = str.maketrans("OoIl", "0011")
_NUMBER_WITH_LETTERS = re.compile(r"(?<!\w)[\dOoIl][\dOoIl.,'-]*[\dOoIl](?!\w)")

# Shapes that contain digits and are nobody's: taken out before looking.
_HARMLESS = [
    re.compile(r"(?<![\w.])(?=[0-9a-f]*[a-f])[0-9a-f]{16,}(?!\w)", re.IGNORECASE),
    re.compile(r"(?<!\w)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?!\w)", re.IGNORECASE),
    re.compile(
        r"(?<![\w.-])(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:[T ]\d\d:\d\d(?::\d\d)?)?(?![\w-])"
    ),
    re.compile(r"(?<![\w.-])(?:0?[1-9]|[12]\d|3[01])([/-])(?:0?[1-9]|1[0-2])\1(?:19|20)\d\d(?![\w-])"),
    re.compile(r"#[0-9a-f]{6}(?:[0-9a-f]{2})?(?!\w)", re.IGNORECASE),
]

_WAY = (
    r"(?:carreras?|cra|kra|kr|cr|calles?|clle|cll|cl|avenidas?|avda|av|ave|diagonal|diag|dg|transversal|transv|tv|tr"
    r"|circular|cq|autopista|aut|via)"
)
_BLOCK = r"(?:manzanas?|mza|mz|bloque|bl|torre|conjunto|conj|urbanizacion|urb|barrio)(?![a-z])"
_HOUSE = r"(?:casas?|cs|lotes?|lt|apartamentos?|apto|apt|ap|interior|piso|local|oficina)(?![a-z])"
_NUMBER = r"\d{1,3}\s*[a-z]?(?:\s*bis)?(?:\s*(?:norte|sur|este|oeste))?"
_SEPARATOR = r"[\s.]*"
_ADDRESS = [
    # «Cra 5 # 22-31», «Calle 22 No. 5 - 30», «Cl 22 con carrera 5»
    rf"(?<!\w){_WAY}{_SEPARATOR}{_NUMBER}\s*(?:#|\bnro?\b|\bno\b|\bnum(?:ero)?\b|n°|nº)[\s.:]*\d",
    rf"(?<!\w){_WAY}{_SEPARATOR}{_NUMBER}[\s,-]+\d{{1,3}}\s*[a-z]?\s*-\s*\d{{1,3}}(?!\w)",
    rf"(?<!\w){_WAY}{_SEPARATOR}{_NUMBER}\s+(?:con|y|esquina)\s+{_WAY}{_SEPARATOR}\d",
    # «Mz 4 Casa 12», «Torre 3 Apto 501»
    rf"(?<!\w){_BLOCK}{_SEPARATOR}(?:\d{{1,3}}[a-z]?|[a-z]\d{{0,2}})(?!\w)[\s,.-]*{_HOUSE}{_SEPARATOR}\d",
]
_KEYWORD = r"(?:c\.?\s?c\.?|c[eé]dulas?|documento|identificaci[oó]n|t\.?\s?i\.?|nuip|id)\W{0,3}(?:n[o°º]?\.?\s*|de\s+)?"

_RULES: dict[str, list[re.Pattern[str]]] = {
    "correo": [
        re.compile(r"[\w.+%-]+\s?@\s?[\w-]+(?:\s?\.\s?[\w-]+)+"),
        re.compile(r"[\w.+%-]+\s*(?:[(\[{]\s*(?:at|arroba)\s*[)\]}]|\sarroba\s)\s*[\w-]+\s*(?:\.|\spunto\s)\s*[a-z]{2,}"),
    ],
    "telefono": [
        re.compile(r"(?<![\w.])(?:(?:\+|00)?57[\s.()-]*)?\(?3\d{2}\)?[\s.-]*\d{3}[\s.-]*\d{2}[\s.-]*\d{2}(?!\w)"),
        re.compile(r"(?<![\w.])(?:(?:\+|00)?57[\s.()-]*)?\(?60[1-8]\)?[\s.-]*\d{3}[\s.-]*\d{2}[\s.-]*\d{2}(?!\w)"),
        re.compile(r"(?<!\w)(?:\+|00)57[\s.()-]*[1-8][\s.)-]*\d{3}[\s.-]*\d{2}[\s.-]*\d{2}(?!\w)"),
        re.compile(r"(?:tel(?:[eé]fono)?s?|fijo|celular|cel|m[oó]vil|whatsapp)\W{0,3}(?:\(\d\)\s*)?\d{3}[\s.-]*\d{2}[\s.-]*\d{2}(?!\w)"),
    ],
    "direccion": [re.compile(pattern) for pattern in _ADDRESS],
    "radicado": [
        re.compile(r"(?<!\w)[a-z]{1,5}[-_]?(?:19|20)\d{2}[-_/]?(?!(?:19|20)\d{2}(?!\d))\d{4,10}(?!\d)"),
        re.compile(r"(?<![\w.])(?:19|20)\d{2}[-_/]\d{5,10}(?!\d)"),
        re.compile(r"(?<![\w.])(?:19|20)\d{2}\d{7,13}(?!\w)"),
        re.compile(r"(?<!\w)radicad[oa]s?\W{0,3}(?:n(?:ro|[o°º])?\.?\s*|n[uú]mero\s+)?(?=[a-z\d/_-]*\d{5})[a-z\d][a-z\d/_-]{4,}"),
    ],
}  # fmt: skip
# an underscore parts words in codes and file names: «persona_1082…» is a number standing alone
_ALONE = r"(?<![^\W_])(?<!\d[.,])"
_END = r"(?![^\W_])"
_PLAIN = re.compile(rf"{_ALONE}\d{{6,10}}{_END}")
_GROUPED = re.compile(rf"{_ALONE}\d{{1,3}}([.,' -])\d{{3}}(?:\1\d{{3}}){{0,2}}{_END}(?![.,]\d|(?<=-\d{{3}})-\d)")
# dots need more digits: «artículo 2.1.1.5.2.1» is a law
_SPELT = re.compile(rf"{_ALONE}\d(?:(?:[ _-]\d){{5,9}}|(?:\.\d){{7,9}})(?![\w.])")
_AFTER_KEYWORD = re.compile(rf"(?<!\w){_KEYWORD}\d[\d.,' -]{{4,14}}\d")
_NIT = re.compile(r"(?<![\w])(\d{1,3}(?:[.,' ]?\d{3}){2})\s*(?:-|/|dv)[\s.:]*(\d)(?!\w)")
_NIT_JOINED = re.compile(r"(?<![\w.])([89]\d{8})(\d)(?!\w)")
_NIT_WEIGHTS = (3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71)


def _counts(*contracts: Contract) -> frozenset[str]:
    return frozenset(c.name for contract in contracts for c in contract.columns if c.dtype.is_numeric())


COUNTS = _counts(TABLES, ROW_SUMMARY, INDICATORS, SEGMENTS)
"""Columns that hold counts and ratios wherever we publish them as CSV, which has no types of its own."""


@dataclass(frozen=True, order=True)
class Finding:
    """A rule that fired in a column (or part of a file), and in how many rows (or pieces); never the text."""

    column: str
    rule: str
    rows: int


def scan(text: str, *, prose: bool = False, allowed: Collection[str] = ()) -> list[str]:
    """The rules that fire on a text, sorted. `allowed` are the publisher's own contact data, exactly as published."""
    for known in sorted(allowed, key=len, reverse=True):
        text = text.replace(known, " ")
    return list(_fired(text, prose))


@lru_cache(maxsize=1 << 16)
def _fired(text: str, prose: bool) -> tuple[str, ...]:
    """Pages and figures repeat the same few texts tens of thousands of times."""
    found: set[str] = set()
    for variant in _variants(text):
        found |= {rule for rule, patterns in _RULES.items() if any(p.search(variant) for p in patterns)}
        if any(_is_nit(m[1], m[2]) for p in (_NIT, _NIT_JOINED) for m in p.finditer(variant)):
            found.add("nit")
        if _has_cedula(variant, prose=prose):
            found.add("cedula")
    return tuple(sorted(found))


def scan_table(table: pa.Table, *, allowed: Collection[str] = ()) -> list[Finding]:
    """Findings over every text value and column name of a table; typed numbers are counts, never identifiers."""
    found: dict[tuple[str, str], int] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        for rule in scan(name, allowed=allowed):
            found[name, rule] = found.get((name, rule), 0) + 1
        if not _is_text(column.type):
            continue
        for entry in pc.value_counts(column.cast(pa.string())).to_pylist():
            for rule in scan(entry["values"], allowed=allowed) if entry["values"] is not None else []:
                found[name, rule] = found.get((name, rule), 0) + int(entry["counts"])
    return sorted(Finding(column, rule, rows) for (column, rule), rows in found.items())


def scan_file(path: Path, *, allowed: Collection[str] = (), numeric: Collection[str] = COUNTS) -> list[Finding]:
    """Findings in a UTF-8 text file: CSV by column (`numeric` names its columns of counts), JSON by its texts, HTML by
    what a reader or a crawler sees, anything else by line. An unreadable file is a finding, `ilegible`.
    """
    try:
        match path.suffix.lower():
            case ".csv":
                options = pv.ConvertOptions(column_types=_texts(path), strings_can_be_null=True)
                table = pv.read_csv(
                    path, convert_options=options, parse_options=pv.ParseOptions(newlines_in_values=True)
                )
                kept = [name for name in table.column_names if name not in numeric]
                return scan_table(table.select(kept), allowed=allowed)
            case ".json" | ".geojson" | ".jsonld":
                pieces = [(where, text, True) for where, text in _texts_of(json.loads(path.read_text("utf-8")))]
            case ".html" | ".htm" | ".svg" | ".xml":
                pieces = [("texto", text, True) for text in visible(path.read_text("utf-8"))]
            case _:
                pieces = [("texto", line, True) for line in path.read_text("utf-8").splitlines()]
    except (OSError, ValueError, pa.ArrowException):
        return [Finding(path.name, "ilegible", 1)]
    found: dict[tuple[str, str], int] = {}
    for where, text, prose in pieces:
        for rule in scan(text, prose=prose, allowed=allowed):
            found[where, rule] = found.get((where, rule), 0) + 1
    return sorted(Finding(where, rule, count) for (where, rule), count in found.items())


def _variants(text: str) -> list[str]:
    """The text made comparable, with the harmless shapes gone; a second one where letters stand for digits."""
    plain = "".join(_plain(c) for c in unicodedata.normalize("NFKC", text).translate(_LOOKALIKES))
    # marks over letters and strokes through digits are dropped; ñ becomes n, which no pattern needs
    plain = "".join(c for c in unicodedata.normalize("NFD", plain) if unicodedata.category(c) != "Mn")
    shown = plain.lower()
    disguised = _NUMBER_WITH_LETTERS.sub(
        lambda m: m[0].translate(_DIGIT_LIKE) if sum(c.isdigit() for c in m[0]) >= 4 else m[0], plain
    ).lower()
    return [_without_harmless(variant) for variant in dict.fromkeys((shown, disguised))]


def _without_harmless(text: str) -> str:
    for pattern in _HARMLESS:
        text = pattern.sub(" · ", text)
    return text


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cf", "Cc") and character not in "\n\t\r":
        return ""
    if category == "Nd":
        return str(unicodedata.digit(character))
    return " " if category == "Zs" else character


def _has_cedula(text: str, *, prose: bool) -> bool:
    if _AFTER_KEYWORD.search(text) or _SPELT.search(text):
        return True
    for match in _PLAIN.finditer(text):
        if not _is_calendar(match[0]):
            return True
    for match in _GROUPED.finditer(text):
        digits = sum(c.isdigit() for c in match[0])
        if digits >= (7 if prose else 6) and digits <= 10:
            return True
    return not prose and bool(re.search(r"(?<!\w)\d{1,5}[.,]\d{6,10}(?!\w)", text))


def _is_calendar(digits: str) -> bool:
    """`202506`: a year and a month, as file names and versions write them; longer ones may be somebody's number."""
    return len(digits) == 6 and digits[:2] in ("19", "20") and "01" <= digits[4:] <= "12"


def _is_nit(number: str, check: str) -> bool:
    digits = [int(c) for c in number if c.isdigit()]
    rest = sum(d * w for d, w in zip(reversed(digits), _NIT_WEIGHTS, strict=False)) % 11
    return int(check) == (rest if rest < 2 else 11 - rest)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _texts(path: Path) -> dict[str, pa.DataType]:
    with pv.open_csv(path, parse_options=pv.ParseOptions(newlines_in_values=True)) as reader:
        return {name: pa.string() for name in reader.schema.names}


def _texts_of(value: object, where: str = "json") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield "claves", str(key)
            yield from _texts_of(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_of(inner, where)


class _Page(html.parser.HTMLParser):
    """Texts of a page: what is between tags, comments, and attributes that people or crawlers read."""

    _READ = frozenset({"alt", "title", "content", "href", "aria-label", "placeholder", "value", "id", "name"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag == "style"
        for name, value in attrs:
            if (name in self._READ or name.startswith("data-")) and value and not value.startswith("data:"):
                self.texts.append(value)

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.texts.extend(data.splitlines())

    def handle_comment(self, data: str) -> None:
        self.texts.extend(data.splitlines())


@lru_cache(maxsize=256)
def visible(text: str) -> tuple[str, ...]:
    """What people or crawlers read in a page or an SVG; coordinates and styles are not among it."""
    page = _Page()
    page.feed(text)
    page.close()
    return tuple(page.texts)
