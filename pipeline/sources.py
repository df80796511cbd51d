"""How a profile declares its sources: what files they are, how they are read, where each column goes.

What belongs here: the shape of `fuentes.yaml` and its own contradictions, refused when the profile loads with file and
key. What does not: reading (`pipeline.reading`) and the rest of a profile (`pipeline.profile`).
"""

import re
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import ProfileError
from pipeline.spelling import fold
from schemas.extracts import FIELDS

FILE = "fuentes.yaml"
MARKS = ("x", "si", "true", "1")
"""What a cell of a column per option says, folded, when the option is the chosen one."""

_UNMARKED = ("no", "false", "0")
_FORMS = {"%d", "%m", "%H", "%I", "%M", "%S", "%Y", "%y", "%f", "%p"}
NATIVE_DATE = "excel"
"""The date form of a spreadsheet's own dates, also of those that lost their format and became day numbers."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceColumn(_Strict):
    """Where a canonical field comes from, and how its text is understood.

    Either `columna` (a header; in JSON a path, `persona.documento`), with earlier names under `alias`, or `opciones`:
    one column per option, of which one is marked. `etiqueta` is the column with the label of a code, which answers
    where the code is blank and must not contradict it. `identificador`: a number is its digits («2115.0» is «2115»),
    filled with zeros up to `ancho`. `entidades`: HTML entities are resolved. `ausentes`: texts that mean nothing was
    said. `extraer` takes a regex group; `codigos` translates; what neither knows becomes `otro` or stays as it is.
    """

    columna: str | None = None
    alias: tuple[str, ...] = ()
    etiqueta: str | None = None
    opciones: dict[str, str] = {}
    marcas: tuple[str, ...] = MARKS
    extraer: str | None = None
    codigos: dict[str, str] | None = None
    otro: str | None = None
    identificador: bool = False
    ancho: int | None = Field(default=None, ge=1, le=40)
    entidades: bool = False
    ausentes: tuple[str, ...] = ()

    @property
    def headers(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Every column that it reads, with the other names under which that column may come."""
        if self.columna is not None:
            yield self.columna, self.alias
        if self.etiqueta is not None:
            yield self.etiqueta, ()
        for option in self.opciones:
            yield option, ()


class Connection(_Strict):
    """Where the address and password of a database are: an environment variable or a file of mode 600, never here."""

    variable: str | None = None
    archivo: str | None = None


class Source(_Strict):
    """One kind of extract and how its columns become canonical text fields.

    `fila_encabezado` is the last row of the header, or `buscar`: the first row that has the declared columns;
    `filas_de_encabezado` counts the rows that a header spans («Solicitante / Sexo»). `hojas` are patterns of sheets,
    `miembros` a pattern of files in a zip, `registros` the path of the list of records in a JSON document.
    `fecha_extraccion` is a regex whose group is the date in the file's name (`2026-01-31` or `20260131`).
    """

    id: str
    mecanismo: str
    archivos: str = ""
    formato: Literal["csv", "xlsx", "json", "jsonl", "postgres"]
    codificacion: Literal["utf-8", "cp1252", "latin-1", "utf-16", "auto"] = "utf-8"
    delimitador: str = ","
    hoja: str | None = None
    hojas: tuple[str, ...] = ()
    miembros: str | None = None
    registros: str = ""
    conexion: Connection | None = None
    tabla: str | None = None
    consulta: str | None = None
    fila_encabezado: int | Literal["buscar"] = 1
    filas_de_encabezado: int = Field(default=1, ge=1, le=5)
    fecha_extraccion: str | None = None
    tras_cargar: Literal["conservar", "custodiar", "purgar"] = "conservar"
    formatos_fecha: list[str]
    columnas: dict[str, SourceColumn]
    constantes: dict[str, str] = {}
    descartadas: dict[str, str] = {}
    ignoradas: dict[str, str] = {}

    @property
    def header_end(self) -> int:
        """The last row of the header, where it is declared; where it is searched for, the earliest it can be."""
        return self.fila_encabezado if isinstance(self.fila_encabezado, int) else self.filas_de_encabezado

    @property
    def headers(self) -> list[tuple[str, tuple[str, ...]]]:
        """Every column of its files, with the other names under which it may come."""
        mapped = [named for column in self.columnas.values() for named in column.headers]
        return [*mapped, *((name, ()) for name in (*self.descartadas, *self.ignoradas))]


def check(source: Source) -> None:
    """Raises `ProfileError` naming file and key where a source contradicts itself or asks for what is not there."""
    for key, problem in (*_of_the_form(source), *_of_the_columns(source)):
        raise ProfileError(f"{FILE}: «{source.id}.{key}»: {problem}.")


def _of_the_form(source: Source) -> Iterator[tuple[str, str]]:
    database = source.formato == "postgres"
    if database == bool(source.archivos):
        yield "archivos", "una fuente tiene «archivos» o, si es una base de datos, no los tiene"
    if database:
        if (source.tabla is None) == (source.consulta is None):
            yield "tabla", "una base de datos se lee de «tabla» o de «consulta», una de las dos"
        place = source.conexion
        if place is None or (place.variable is None) == (place.archivo is None):
            yield "conexion", "debe decir «variable» o «archivo», uno de los dos"
    elif source.tabla or source.consulta or source.conexion:
        yield "formato", "«tabla», «consulta» y «conexion» son de una base de datos"
    if source.delimitador != "auto" and (len(source.delimitador) != 1 or not source.delimitador.isascii()):
        yield "delimitador", "debe ser un solo carácter, o «auto»"
    if source.hoja is not None and source.hojas:
        yield "hojas", "o «hoja» o «hojas»"
    if isinstance(source.fila_encabezado, int) and source.fila_encabezado < source.filas_de_encabezado:
        yield "fila_encabezado", "el encabezado no cabe por encima de su última fila"
    if source.registros and source.formato != "json":
        yield "registros", "es de un documento JSON"
    for form in source.formatos_fecha:
        if form != NATIVE_DATE and set(re.findall("%.", form)) - _FORMS:
            yield "formatos_fecha", f"formato de fecha que no se admite: «{form}»"
    if source.fecha_extraccion is not None and _groups(source.fecha_extraccion) != 1:
        yield "fecha_extraccion", "debe ser una expresión regular con un grupo"


def _of_the_columns(source: Source) -> Iterator[tuple[str, str]]:
    for field in sorted({*source.columnas, *source.constantes} - set(FIELDS)):
        yield f"columnas.{field}", "no existe ese campo"
    for field in sorted(set(source.columnas) & set(source.constantes)):
        yield f"constantes.{field}", "ya viene de una columna"
    names: dict[str, str] = {}
    for where, name in _all_headers(source):
        if names.setdefault(fold(name), where) != where and not _shared(where, names[fold(name)]):
            yield where, f"la columna «{name}» ya está en «{names[fold(name)]}»"
    for field, column in source.columnas.items():
        yield from ((f"columnas.{field}.{key}", problem) for key, problem in _of_a_column(column))


def _all_headers(source: Source) -> Iterator[tuple[str, str]]:
    for field, column in source.columnas.items():
        for name, aliases in column.headers:
            yield from ((f"columnas.{field}", other) for other in (name, *aliases))
    for key in ("descartadas", "ignoradas"):
        yield from ((key, name) for name in getattr(source, key))


def _shared(one: str, other: str) -> bool:
    """Two fields may read one column (a type and a subject from one text); a discarded one nobody reads."""
    return one.startswith("columnas.") and other.startswith("columnas.")


def _of_a_column(column: SourceColumn) -> Iterator[tuple[str, str]]:
    if (column.columna is None) == (not column.opciones):
        yield "columna", "un campo viene de «columna» o de «opciones», una de las dos"
    if column.opciones and (column.alias or column.etiqueta):
        yield "opciones", "no admite «alias» ni «etiqueta»"
    if set(map(fold, column.marcas)) & set(_UNMARKED):
        yield "marcas", "una marca no puede ser una negación"
    if column.ancho is not None and not column.identificador:
        yield "ancho", "es de un «identificador»"
    codes: dict[str, str] = {}
    for spelling, code in (column.codigos or {}).items():
        if codes.setdefault(fold(spelling), code) != code:
            yield "codigos", f"da dos códigos a «{spelling}»"
    if column.extraer is not None and _groups(column.extraer) < 0:
        yield "extraer", "no es una expresión regular"


def _groups(pattern: str) -> int:
    try:
        return re.compile(pattern).groups
    except re.error:
        return -1
