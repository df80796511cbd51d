"""A table's columns → the canonical text fields of `schemas.extracts`, as the profile's source says.

What belongs here: putting a row's provenance and its fields together, and counting what each column said. What does
not: parsing a file, headers (`header`), the translation of one column (`cells`), types, code lists.
A column under `descartadas` is never translated, so it reaches no table.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.reading import header
from pipeline.reading.cells import TRUNCATED, Translated, translated
from pipeline.reading.chunks import Chunk
from pipeline.sources import Source, check
from schemas.extracts import EXTRACTS

SCHEMA = pa.schema([(name, pa.int64() if name == "fila" else pa.string()) for name in EXTRACTS.names])
"""The Arrow schema of extract rows."""


@dataclass(frozen=True)
class Origin:
    """What every row of a table says about where it comes from."""

    periodo: str
    archivo: str
    archivo_sha256: str


@dataclass
class Mapping:
    """How the columns of one table become extract rows; counts, by field, the filled and the repaired cells."""

    source: Source
    origin: Origin
    positions: dict[str, int]
    rows_read: int = 0
    filled: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, source: Source, origin: Origin, columns: Sequence[str], row: int) -> "Mapping":
        """The mapping for a table with these columns; `HeaderError` names what is missing, unknown or repeated."""
        check(source)
        header.check(source, origin.archivo, columns, row)
        mapped = [named for c in source.columnas.values() for named in c.headers]
        return cls(source, origin, {name: header.position(columns, name, others) for name, others in mapped})

    def rows(self, chunk: Chunk) -> pa.RecordBatch:
        """The chunk as extract rows (`SCHEMA`)."""
        source, size = self.source, len(chunk.fila)
        fields = {
            name: translated(column, lambda header_name: chunk.cells[self.positions[header_name]])
            for name, column in source.columnas.items()
        }
        defects = _defects(chunk.defecto, fields)
        self._count(fields, size)
        sound = pc.is_null(defects)
        fixed = {"fuente": source.id, "mecanismo": source.mecanismo, **vars(self.origin)}
        columns = []
        for name in SCHEMA.names:
            if name == "fila":
                columns.append(chunk.fila)
            elif name == "defecto_lectura":
                columns.append(defects)
            elif name in fixed:
                columns.append(pa.repeat(pa.scalar(fixed[name], pa.string()), size))
            elif name in fields:
                columns.append(fields[name].cells)
            elif name in source.constantes:
                constant = pa.repeat(pa.scalar(source.constantes[name], pa.string()), size)
                columns.append(pc.if_else(sound, constant, pa.scalar(None, pa.string())))
            else:
                columns.append(pa.nulls(size, pa.string()))
        return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)

    def _count(self, fields: dict[str, Translated], size: int) -> None:
        self.rows_read += size
        for name, said in fields.items():
            self.filled[name] += size - said.cells.null_count
            self.repaired[name] += said.repaired


def _defects(found: pa.Array, fields: dict[str, Translated]) -> pa.Array:
    for said in fields.values():
        if said.truncated is not None:
            lost = pc.if_else(said.truncated, pa.scalar(TRUNCATED, pa.string()), pa.scalar(None, pa.string()))
            found = pc.coalesce(found, lost)
    return found
