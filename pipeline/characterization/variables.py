"""The variables that a table may count: their codes, how they read from a row, and what may not be asked of them.

What belongs here: resolving the names of `caracterizacion.yaml`, and refusing tables that would undo the microdata's
suppression. What does not: counting (`candidates`), suppressing (`pipeline.privacy`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from pipeline.contract import PrivacyClass
from pipeline.errors import ProfileError
from pipeline.periods import Semester
from pipeline.profile import Profile, SectorSpec, SegmentSpec, TableSpec
from pipeline.spanish import month
from schemas.published import MICRODATA, SUPPRESSED
from schemas.records import PETITIONS

TOTAL = "total"
"""The code of a margin, in every table."""

KNOWN = "conocidos"
"""In an indicator: every code of a variable except its margin and the protected one."""

UNANSWERED = "sin_respuesta"

UNINFORMATIVE = frozenset({"no_informa", "sin_dato", "no_aplica", "no_evaluable", SUPPRESSED, UNANSWERED, TOTAL})
"""Codes that say that nothing is known: they count, but no finding is about them."""

_DETAIL = "_detalle"
_YES_NO = ("si", "no")
_ORDERED = frozenset({"edad_banda", "escolaridad", "estrato", "satisfaccion", "fecha_recepcion", "dias_respuesta"})
_NOT_COUNTED = (PrivacyClass.IDENTIFIER, PrivacyClass.PSEUDONYM, PrivacyClass.FREE_TEXT, PrivacyClass.INTERNAL)


@dataclass(frozen=True)
class Variable:
    """A variable of a table: its name there, the petition field it reads, its codes in the order people expect."""

    name: str
    field: str
    codes: tuple[str, ...]
    read: Callable[[ir.Table], ir.StringValue]
    continuous: bool = False
    ordered: bool = False

    @property
    def sensitive(self) -> bool:
        """Whether Ley 1581/2012 arts. 5 and 7 protect it: sensitive fields, and age bands, which tell minors apart."""
        return PETITIONS[self.field].privacy is PrivacyClass.SENSITIVE or self.field == "edad_banda"


def published(name: str, profile: Profile) -> Variable:
    """A microdata column, read from a petition through its hierarchy; raises `ProfileError` for any other name."""
    column = profile.privacidad.columnas.get(name)
    if column is None:
        raise ProfileError(f"caracterizacion.yaml: «{name}» no es una columna de los microdatos.")
    leaves = {row[0]: row[column.nivel] for row in profile.jerarquias[name]}
    codes = (*dict.fromkeys(leaves.values()), SUPPRESSED)
    return Variable(
        name,
        column.campo,
        codes,
        lambda t: t[column.campo].cases(*leaves.items(), else_=SUPPRESSED).cast("string"),
        ordered=column.campo in _ORDERED,
    )


def recorded(name: str, profile: Profile, period: str) -> Variable:
    """A variable of the petitions themselves; raises `ProfileError` where the name is none that may be counted."""
    if name == "mes":
        first = Semester.parse(period).start
        months = tuple(f"{first.year}-{first.month + i:02d}" for i in range(6))
        return Variable(name, "fecha_recepcion", months, lambda t: t.fecha_recepcion.strftime("%Y-%m"), ordered=True)
    if name == "dias_respuesta":
        return _day_bands(profile)
    field = name
    if name.endswith(_DETAIL):
        column = profile.privacidad.columnas.get(name.removesuffix(_DETAIL))
        field = column.campo if column else name.removesuffix(_DETAIL)
    if field not in PETITIONS.names or PETITIONS[field].privacy in _NOT_COUNTED:
        raise ProfileError(f"caracterizacion.yaml: «{name}» no es una variable que se pueda contar.")
    described = PETITIONS[field]
    if described.codes:
        return Variable(name, field, profile.codes[described.codes], lambda t: t[field], ordered=field in _ORDERED)
    if described.dtype.is_boolean():
        return Variable(name, field, _YES_NO, lambda t: t[field].ifelse("si", "no"))
    if field == "satisfaccion":
        scale = (*map(str, range(1, 6)), "no_informa")
        return Variable(name, field, scale, lambda t: t[field].cast("string").fill_null("no_informa"), ordered=True)
    raise ProfileError(f"caracterizacion.yaml: «{name}» no es una variable que se pueda contar.")


def resolve(spec: TableSpec, profile: Profile, period: str) -> list[Variable]:
    """The variables of a table, after checking that the table may exist; raises `ProfileError`."""
    _check_base(spec)
    if spec.base == "solicitudes":
        return [published(name, profile) for name in spec.dimensiones]
    for name in spec.dimensiones:
        if name in profile.privacidad.columnas:
            raise _repeats(spec, name)
    variables = [recorded(name, profile, period) for name in spec.dimensiones]
    if spec.base == "peticiones" and set(spec.medidas) != {"mediana_dias_habiles"}:
        for variable in variables:
            _must_be_finer(spec, variable, profile)
    return variables


def check(profile: Profile) -> None:
    """Raises `ProfileError` where a table, an indicator or a segment asks for what cannot be counted."""
    tables = {spec.id: spec for spec in profile.caracterizacion.tablas}
    domains = {
        id_: {v.name: v.codes for v in resolve(spec, profile, "2000-S1")} for id_, spec in tables.items()
    }  # any semester: only the names of its months depend on it
    for indicator in profile.caracterizacion.indicadores:
        known = domains[indicator.tabla]
        where = f"el indicador «{indicator.id}»"
        for selection in (indicator.numerador, indicator.denominador or {}, indicator.no_evaluables or {}):
            _check_selection(where, selection, known, extra=(KNOWN, TOTAL))
        if indicator.por is not None:
            _check_selection(where, {indicator.por: []}, known)
        if indicator.medida not in tables[indicator.tabla].medidas:
            raise ProfileError(f"caracterizacion.yaml: {where} usa una medida que su tabla no tiene.")
    columns = {name: published(name, profile).codes for name in profile.privacidad.columnas}
    groups: list[SectorSpec | SegmentSpec] = [*profile.caracterizacion.sectores, *profile.caracterizacion.segmentos]
    for group in groups:
        _check_selection(f"el grupo «{group.id}»", group.regla, columns)


def sensitive_tables(profile: Profile) -> set[str]:
    """Identifiers of the tables that need the higher threshold of persons."""
    return {
        spec.id
        for spec in profile.caracterizacion.tablas
        if spec.base == "peticiones" and any(v.sensitive for v in resolve(spec, profile, "2000-S1"))
    }


def label(name: str, code: str, profile: Profile) -> str:
    """How people read a code of a variable, in Spanish."""
    fixed = {TOTAL: "Total", SUPPRESSED: "Detalle protegido", UNANSWERED: "Sin respuesta al corte"}
    if code in fixed:
        return fixed[code]
    if name == "mes":
        return month(code)
    if name == "dias_respuesta":
        low, high = code.split("_")
        return f"{int(low)} días o más" if high == "mas" else f"{int(low)} a {int(high)} días"
    if name in profile.privacidad.columnas:
        return profile.published_label(name, code)
    field = name.removesuffix(_DETAIL)
    if field in profile.privacidad.columnas:
        field = profile.privacidad.columnas[field].campo
    described = PETITIONS[field] if field in PETITIONS.names else None
    if described is not None and described.codes:
        return profile.label(described.codes, code)
    return {"si": "Sí", "no": "No", "no_informa": "No informa"}.get(code, f"{code} de 5")


def heading(name: str, profile: Profile) -> str:
    """What a variable is, as the head of a column."""
    if name == "mes":
        return "Mes de recepción"
    if name in profile.privacidad.columnas:
        return MICRODATA[name].description
    field = name.removesuffix(_DETAIL)
    column = profile.privacidad.columnas.get(field)
    return PETITIONS[column.campo if column else field].description


def _day_bands(profile: Profile) -> Variable:
    bands = profile.caracterizacion.dias_respuesta
    # Right-closed bands so that a legal term (10, 15, 30 working days) ends one; day 0 is a same-day answer.
    limits = [(0 if i == 0 else i * bands.ancho + 1, (i + 1) * bands.ancho) for i in range(bands.maximo // bands.ancho)]
    last = limits[-1][1]
    open_band = f"{last + 1}_mas"

    def read(t: ir.Table) -> ir.StringValue:
        days = t.dias_respuesta
        cases = [(days <= high, f"{low:02d}_{high:02d}") for low, high in limits]
        return days.isnull().ifelse(UNANSWERED, ibis.cases(*cases, else_=open_band))

    codes = (*(f"{low:02d}_{high:02d}" for low, high in limits), open_band, UNANSWERED)
    return Variable("dias_respuesta", "dias_respuesta", codes, read, continuous=True, ordered=True)


def _check_base(spec: TableSpec) -> None:
    where = f"caracterizacion.yaml: la tabla «{spec.id}»"
    if spec.base == "solicitudes" and spec.medidas != ["solicitudes"]:
        raise ProfileError(f"{where} sale de los microdatos: solo puede contar solicitudes.")
    if spec.base == "legal" and (not spec.base_legal or len(spec.dimensiones) > 1 or "personas" in spec.medidas):
        raise ProfileError(f"{where} es de base legal: cita la norma, tiene una sola variable y no cuenta personas.")
    if spec.filtro and spec.base != "legal":
        raise ProfileError(f"{where} solo puede llevar filtro si es de base legal.")


def _must_be_finer(spec: TableSpec, variable: Variable, profile: Profile) -> None:
    for name, column in profile.privacidad.columnas.items():
        if column.campo != variable.field:
            continue
        rows = profile.jerarquias[name]
        if len({row[column.nivel] for row in rows}) == len({row[0] for row in rows}):
            raise _repeats(spec, name)


def _repeats(spec: TableSpec, column: str) -> ProfileError:
    return ProfileError(
        f"caracterizacion.yaml: la tabla «{spec.id}» repite la columna «{column}» de los microdatos al mismo nivel: "
        "restando se sabría qué se suprimió. Use base solicitudes."
    )


def _check_selection(
    where: str, selection: dict[str, list[str]], domains: dict[str, tuple[str, ...]], extra: tuple[str, ...] = ()
) -> None:
    for name, codes in selection.items():
        if name not in domains:
            raise ProfileError(f"caracterizacion.yaml: {where} usa «{name}», que no es variable de su tabla.")
        unknown = [code for code in codes if code not in (*domains[name], *extra)]
        if unknown:
            raise ProfileError(
                f"caracterizacion.yaml: {where} usa «{unknown[0]}», que no es código de «{name}» en su nivel publicado."
            )
