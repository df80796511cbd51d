"""A file's columns → the canonical text fields of `schemas.extracts`, as the profile's source says.

What belongs here: checking the header and translating columns. What does not: parsing a file, types, code lists.
A column under `descartadas` is never translated, so it reaches no table.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import ProfileError
from pipeline.profile import Source, SourceColumn
from pipeline.reading.errors import HeaderError
from pipeline.reading.landing import Extract
from pipeline.reading.spelling import fold
from schemas.extracts import EXTRACTS

_PROVENANCE = ("periodo", "fuente", "mecanismo", "archivo", "archivo_sha256", "fila", "defecto_lectura")
FIELDS = tuple(name for name in EXTRACTS.names if name not in _PROVENANCE)
"""The canonical text fields: what a source can map a column onto."""

SCHEMA = pa.schema([(name, pa.int64() if name == "fila" else pa.string()) for name in EXTRACTS.names])
"""The Arrow schema of extract rows."""


@dataclass(frozen=True)
class Chunk:
    """Some records of a file: their row numbers, their reading defects, and the cells of every column in file order.

    Rows with a defect carry nulls in `cells`: nothing is guessed about them.
    """

    fila: pa.Array
    defecto: pa.Array
    cells: list[pa.Array]


def heading(cell: object) -> str:
    """A column's name as written in a header cell: NFC, without surplus spaces."""
    return " ".join(unicodedata.normalize("NFC", "" if cell is None else str(cell)).split())


@dataclass(frozen=True)
class Mapping:
    """How the columns of one file become extract rows."""

    extract: Extract
    period: str
    positions: dict[str, int]

    @classmethod
    def of(cls, extract: Extract, period: str, header: list[str]) -> "Mapping":
        """The mapping for a file with this header; `HeaderError` names what is missing, unknown or repeated."""
        source = extract.source
        check_source(source)
        expected = {heading(c.columna) for c in source.columnas.values()}
        known = expected | {heading(c) for c in (*source.descartadas, *source.ignoradas)}
        present = known & set(header)
        # Fewer than half: the row is probably not a header but data, whose cells must not be named.
        if 2 * len(present) < len(known):
            raise HeaderError(
                f"{extract.name}: la fila {source.fila_encabezado} no es el encabezado que declara la fuente"
                f" «{source.id}» (aparecen {len(present)} de {len(known)} columnas)."
            )
        problems = [
            ("faltan", sorted(known - set(header))),
            ("no están en el perfil", sorted(set(header) - known)),
            ("están repetidas", sorted({c for c in header if header.count(c) > 1})),
        ]
        found = [f"{what}: {_listed(names)}" for what, names in problems if names]
        if found:
            raise HeaderError(
                f"{extract.name}: las columnas no son las de la fuente «{source.id}»; {'; '.join(found)}."
                " Ajuste fuentes.yaml o pida el extracto de nuevo."
            )
        return cls(extract, period, {field: header.index(heading(c.columna)) for field, c in source.columnas.items()})

    def rows(self, chunk: Chunk) -> pa.RecordBatch:
        """The chunk as extract rows (`SCHEMA`)."""
        source, size = self.extract.source, len(chunk.fila)
        fixed = {
            "periodo": self.period,
            "fuente": source.id,
            "mecanismo": source.mecanismo,
            "archivo": self.extract.name,
            "archivo_sha256": self.extract.sha256,
        }
        columns = []
        for name in SCHEMA.names:
            if name == "fila":
                columns.append(chunk.fila)
            elif name == "defecto_lectura":
                columns.append(chunk.defecto)
            elif name in fixed:
                columns.append(pa.repeat(pa.scalar(fixed[name], pa.string()), size))
            elif name in self.positions:
                columns.append(_translated(chunk.cells[self.positions[name]], source.columnas[name]))
            elif name in source.constantes:
                constant = pa.repeat(pa.scalar(source.constantes[name], pa.string()), size)
                columns.append(pc.if_else(pc.is_null(chunk.defecto), constant, None))
            else:
                columns.append(pa.nulls(size, pa.string()))
        return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _listed(names: list[str]) -> str:
    return ", ".join(f"«{name or '(sin nombre)'}»" for name in names)


def check_source(source: Source) -> None:
    """Raises `ProfileError` where a source maps what is not a field, or its regex or codes contradict themselves."""
    strange = sorted({*source.columnas, *source.constantes} - set(FIELDS))
    if strange:
        raise ProfileError(f"fuentes.yaml: la fuente «{source.id}» usa campos que no existen: {', '.join(strange)}.")
    twice = sorted(set(source.columnas) & set(source.constantes))
    if twice:
        raise ProfileError(f"fuentes.yaml: «{source.id}» toma de columna y de constante: {', '.join(twice)}.")
    for field, column in source.columnas.items():
        codes: dict[str, str] = {}
        for spelling, code in (column.codigos or {}).items():
            if codes.setdefault(fold(spelling), code) != code:
                raise ProfileError(f"fuentes.yaml: «{source.id}.{field}» da dos códigos a «{spelling}».")
        try:
            re.compile(column.extraer or "")
        except re.error:
            raise ProfileError(f"fuentes.yaml: «{source.id}.{field}.extraer» no es una expresión regular.") from None


def _translated(cells: pa.Array, column: SourceColumn) -> pa.Array:
    blank = pc.equal(pc.utf8_trim_whitespace(cells), "")
    text = pc.if_else(blank, pa.scalar(None, pa.string()), cells)
    if column.extraer is None and column.codigos is None:
        return text
    encoded = text.dictionary_encode()
    translate = _translation(column)
    return pa.array([translate(value) for value in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)


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
