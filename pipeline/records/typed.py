"""Extract rows → typed rows: dates, whole numbers and codes, null where the text is blank.

What belongs here: reading one cell's text as its type. What does not: judging the row (`pipeline.records.rules`).
A code's text that no spelling explains stays as it is, so that the contract's own rule finds it.
"""

import re

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from pipeline.contract import Contract
from pipeline.errors import ProfileError
from pipeline.profile import Profile
from pipeline.records.engine import Scratch, parsed_date
from pipeline.sources import NATIVE_DATE, Source
from pipeline.spelling import filled, fold, folded
from schemas.extracts import FIELDS

DATES = (
    *("fecha_recepcion", "fecha_respuesta", "fecha_traslado", "prorroga_hasta", "fecha_vencimiento"),
    *("fecha_requerimiento", "fecha_completada"),
)
WHOLE_NUMBERS = ("edad", "satisfaccion")
TEXTS = ("radicado", "documento_numero", "nombre", "correo", "telefono", "trasladada_a", "oportunidad_fuente")
FLAGS = ("anonima", "autorizacion", "negada")

UNCLASSIFIED = "sin_clasificar"
_BLANK_CODES = ("sin_dato", "no_informa", UNCLASSIFIED)
_YES = ("si", "true", "1", "x")
_EXCEL_EPOCH = "1899-12-30 00:00:00"
_SECONDS_A_DAY = 86_400
_ISO = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d")
_SHAPES = dict.fromkeys(("%d", "%m", "%H", "%I", "%M", "%S"), r"\d{1,2}")
_SHAPES |= {"%Y": r"\d{4}", "%y": r"\d{2}", "%f": r"\d{1,6}", "%p": "[AaPp][Mm]"}
# «2:30 p. m.», as offices in Colombia write it, with whatever kind of space
_HALF_DAY = r"([AaPp])\.?[\s\x{a0}\x{202f}]*[Mm]\.?$"
_PROVENANCE = ("periodo", "fuente", "mecanismo", "archivo", "fila", "defecto_lectura")


def coded(petitions: Contract) -> tuple[str, ...]:
    """The fields whose text is a code: those that the petition's contract closes, and the document type."""
    return (*(c.name for c in petitions.columns if c.codes and c.name in FIELDS), "documento_tipo")


def blank_code(codes: tuple[str, ...]) -> str | None:
    """What a blank means in a list: `sin_dato`, `no_informa` or `sin_clasificar`, whichever it has."""
    return next((code for code in _BLANK_CODES if code in codes), None)


def typed_rows(scratch: Scratch, extracts: ir.Table, profile: Profile, petitions: Contract) -> ir.Table:
    """Every extract row of a period, computed now: `orden` (by file and row), `huella` (of its text), typed fields."""
    fields = coded(petitions)
    spellings = _spellings(scratch, extracts, profile, fields)
    texts = extracts.select(
        *_PROVENANCE,
        *fields,
        *FLAGS,
        orden=ibis.row_number().over(order_by=[extracts.archivo, extracts.fila]),
        huella=_fingerprint(extracts),
        **{name: filled(extracts[name]) for name in TEXTS},
        **{f"{name}_texto": filled(extracts[name]) for name in (*DATES, *WHOLE_NUMBERS)},
    )
    # kept between steps: the engine would otherwise repeat one step's work for every mention in the next
    rows = scratch.keep("textos", texts)
    rows = rows.mutate(
        **{name: _date(rows.fuente, rows[f"{name}_texto"], profile.fuentes) for name in DATES},
        **{name: _whole(rows[f"{name}_texto"]) for name in WHOLE_NUMBERS},
    )
    joined, codes = rows, {}
    for name in (*fields, *FLAGS):
        known = spellings.filter(spellings.campo == name)
        known = known.select(**{f"{name}_origen": known.texto, f"{name}_codigo": known.codigo})
        joined = joined.left_join(known, rows[name] == known[f"{name}_origen"])
        code = known[f"{name}_codigo"]
        codes[name] = _meaning(name, code, rows[name])
    # a text is kept only where it did not become its type: that is what rules and alerts ask
    left = {
        f"{name}_texto": ibis.ifelse(rows[name].isnull(), rows[f"{name}_texto"], ibis.null("string"))
        for name in (*DATES, *WHOLE_NUMBERS)
    }
    said = codes | left
    typed = scratch.keep("tipadas", joined.select(**{name: said.get(name, rows[name]) for name in rows.columns}))
    scratch.drop("textos", "grafias", "codigos")
    return typed


def _meaning(name: str, code: ir.StringValue, text: ir.StringValue) -> ir.Value:
    """What a cell means: an unknown type is none, an unknown code stays its own text, a flag is raised or not."""
    if name == "tipo":
        return code
    if name in FLAGS:
        return ibis.ifelse(text.isnull(), ibis.null("boolean"), code.notnull())
    return ibis.coalesce(code, text)


def _fingerprint(extracts: ir.Table) -> ir.StringValue:
    """A digest of all text fields, and a hash of their list, which keeps «a|b» apart from «a», «b»."""
    blank, between = "\x1e", "\x1f"
    joined = ibis.array([extracts[name].fill_null(blank) for name in FIELDS]).join(between)
    return joined.hexdigest("md5") + ibis.array([extracts[name] for name in FIELDS]).hash().cast("string")


def _spellings(scratch: Scratch, extracts: ir.Table, profile: Profile, fields: tuple[str, ...]) -> ir.Table:
    """Every spelling that the period's rows use, with its code: folded once for each spelling, not for each row."""
    known = [(field, spelling, code) for field in fields for spelling, code in _codes(profile, field).items()]
    known += [(flag, spelling, "si") for flag in FLAGS for spelling in _YES]
    codes = scratch.lookup(
        "codigos",
        pa.table(
            {
                "lista": pa.array([field for field, _, _ in known], pa.string()),
                "plano": pa.array([spelling for _, spelling, _ in known], pa.string()),
                "codigo": pa.array([code for _, _, code in known], pa.string()),
            }
        ),
    )
    used = ibis.union(
        *[
            extracts.select(texto=extracts[field]).distinct().mutate(campo=ibis.literal(field))
            for field in (*fields, *FLAGS)
        ],
        distinct=False,
    )
    used = used.filter(used.texto.notnull())
    matches = used.join(codes, [used.campo == codes.lista, folded(used.texto) == codes.plano])
    return scratch.keep("grafias", matches.select("campo", "texto", "codigo"))


def _codes(profile: Profile, name: str) -> dict[str, str]:
    """Folded spelling → code, of a list's codes, labels and aliases; `ProfileError` where one means two codes."""
    found: dict[str, str] = {}
    for code in profile.listas[name]:
        for spelling in (code.codigo, code.etiqueta, *code.alias):
            if found.setdefault(fold(spelling), code.codigo) != code.codigo:
                raise ProfileError(f"listas/{name}.csv: «{spelling}» corresponde a dos códigos.")
    return found


def _date(source: ir.StringColumn, text: ir.StringColumn, sources: list[Source]) -> ir.TimestampValue:
    branches = [(source == s.id, ibis.coalesce(*_readings(text, s))) for s in sources]
    return ibis.cases(*branches, else_=ibis.null("timestamp"))


def _readings(text: ir.StringColumn, source: Source) -> list[ir.TimestampValue]:
    """The text read by each of the source's forms; `excel` also takes a date that lost its format, as day number."""
    read = [by_form(text, form) for form in forms(source)]
    if NATIVE_DATE in source.formatos_fecha:
        serial = text.re_extract(r"^([1-9]\d{4}(?:\.\d+)?)$", 1).nullif("").try_cast("float64")
        seconds = (serial * _SECONDS_A_DAY).round().cast("int64")
        read.append(ibis.timestamp(_EXCEL_EPOCH) + seconds.as_interval("s"))
    return read


def forms(source: Source) -> list[str]:
    """The strptime forms of a source's dates, in order."""
    declared = [form for form in source.formatos_fecha if form != NATIVE_DATE]
    # native dates of a workbook were written as ISO text at reading, and so are those of a database
    return [*declared, *(_ISO if source.formato in ("xlsx", "postgres") else ())]


def by_form(text: ir.StringColumn, form: str) -> ir.TimestampValue:
    """The text read by one strptime form; null where it does not have its shape."""
    if "%p" in form:
        text = text.re_replace(_HALF_DAY, r"\1m")
    # the engine would take «21» for the year 21: the shape decides first
    shape = re.sub("%.", lambda found: _SHAPES[found[0]], re.escape(form).replace(r"\%", "%").replace(r"\ ", " "))
    return ibis.ifelse(text.re_search(f"^{shape}$"), parsed_date(text, form), ibis.null("timestamp"))


def _whole(text: ir.StringColumn) -> ir.IntegerValue:
    """Whole numbers, also as «34.0»."""
    return text.re_extract(r"^([+-]?\d{1,15})(?:[.,]0+)?$", 1).nullif("").try_cast("int64")
