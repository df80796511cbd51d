"""`SPEC.yaml`: what somebody wants done with a table of their own, and the table and hierarchies that it names.

What belongs here: the shape of the file, reading what it points at, and errors that say where. What does not: what is
done with it (`pipeline.privacy.anonymize`). Paths are relative to the file. No message shows a value of the table.
"""

import codecs
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline.errors import PqrsdError
from pipeline.privacy import hierarchies, models
from pipeline.privacy.grouped import ordered_values

_CHUNK = 1 << 20


class SpecError(PqrsdError):
    """The specification, or a file that it names, cannot be used; names file, key, row or column."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QuasiIdentifier(_Strict):
    """A column to generalise along its hierarchy file; without one it is taken as it stands."""

    hierarchy: str | None = None


class SensitiveTargets(_Strict):
    """What every class must keep of a sensitive column; each target is optional.

    `ordered`: whether t moves along the order of the values: numbers as numbers, or the list given. `hierarchy`: or
    along a hierarchy file.
    """

    l: float | None = Field(default=None, ge=1)  # noqa: E741 (the literature's name)
    entropy_l: float | None = Field(default=None, ge=1)
    t: float | None = Field(default=None, ge=0, le=1)
    alpha: float | None = Field(default=None, gt=0, le=1)
    beta: float | None = Field(default=None, gt=0)
    enhanced_beta: float | None = Field(default=None, gt=0)
    delta: float | None = Field(default=None, gt=0)
    ordered: bool | list[str] = False
    hierarchy: str | None = None

    @property
    def targets(self) -> dict[str, float]:
        """The targets that were given, by name."""
        names = ("l", "entropy_l", "t", "alpha", "beta", "enhanced_beta", "delta")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class Suppression(_Strict):
    """What may be hidden: whole rows, or single cells; at most `limit`, a share of that unit."""

    unit: Literal["rows", "cells"] = "rows"
    limit: float = Field(default=0.0, ge=0, le=1)


class Spec(_Strict):
    """The specification as written."""

    data: str
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: str = "utf-8"
    quasi_identifiers: dict[str, QuasiIdentifier] = Field(min_length=1)
    person: str | None = None
    population: str | None = None
    sensitive: dict[str, SensitiveTargets] = {}
    k: int = Field(ge=1)
    suppression: Suppression = Suppression()
    objective: Literal["ncp", "discernibility", "loss", "entropy"] = "ncp"

    @field_validator("quasi_identifiers", "sensitive", mode="before")
    @classmethod
    def _empty_is_default(cls, value: Any) -> Any:
        return {name: found or {} for name, found in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _one_role_each(self) -> "Spec":
        roles = [*self.quasi_identifiers, *self.sensitive, *([self.person] if self.person else [])]
        if len(set(roles)) != len(roles):
            raise ValueError("una columna solo puede tener un papel: cuasi-identificador, sensible o persona")
        return self


@dataclass(frozen=True)
class Task:
    """A specification with what it names, read: columns as text, empty cells as nulls."""

    spec: Spec
    table: pa.Table
    hierarchies: Mapping[str, hierarchies.Rows | None]
    models: Mapping[str, Sequence[models.Model]]
    population: pa.Table | None = None

    @property
    def columns(self) -> list[str]:
        """The quasi-identifiers."""
        return list(self.spec.quasi_identifiers)

    @property
    def order(self) -> dict[str, Sequence[str] | bool]:
        """How the values of each sensitive column are ordered."""
        return {name: found.ordered for name, found in self.spec.sensitive.items()}


def load(path: Path) -> Task:
    """Reads a specification and everything that it names; raises `SpecError` or `HierarchyError`."""
    spec = _parsed(path)
    folder = path.parent
    table = _table(folder / spec.data, spec)
    wanted = [*spec.quasi_identifiers, *spec.sensitive, *([spec.person] if spec.person else [])]
    missing = [name for name in wanted if name not in table.column_names]
    if missing:
        raise SpecError(f"{spec.data}: no tiene la columna «{missing[0]}».")
    if not table.num_rows:
        raise SpecError(f"{spec.data}: no tiene filas.")
    trees = {
        name: _hierarchy(folder / found.hierarchy, spec) if found.hierarchy else None
        for name, found in spec.quasi_identifiers.items()
    }
    wants = {name: _models(folder, table, name, found, spec) for name, found in spec.sensitive.items()}
    population = _table(folder / spec.population, spec) if spec.population else None
    absent = [name for name in spec.quasi_identifiers if population is not None and name not in population.column_names]
    if absent:
        raise SpecError(f"{spec.population}: no tiene la columna «{absent[0]}».")
    return Task(spec, table.select(wanted), trees, wants, population)


def _parsed(path: Path) -> Spec:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as caught:
        raise SpecError(f"No se puede leer {path.name} ({type(caught).__name__}).") from None
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as caught:
        mark = getattr(caught, "problem_mark", None)
        where = f", línea {mark.line + 1}" if mark else ""
        raise SpecError(f"{path.name}: no es YAML válido{where}.") from None
    if not isinstance(found, dict):
        raise SpecError(f"{path.name}: debe ser un mapa de claves.")
    try:
        return Spec.model_validate(found)
    except ValidationError as caught:
        told = "; ".join(_in_spanish(dict(error)) for error in caught.errors()[:5])
        raise SpecError(f"{path.name}: {told}.") from None


_SIGNS = {"greater_than_equal": "≥", "greater_than": ">", "less_than_equal": "≤"}


def _in_spanish(error: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    kind, told = error["type"], error.get("ctx", {})
    if kind in _SIGNS:
        return f"«{key}» debe ser {_SIGNS[kind]} {next(iter(told.values())):g}"
    said = {
        "extra_forbidden": f"clave desconocida «{key}»",
        "missing": f"falta la clave «{key}»",
        "value_error": str(told.get("error")),
        "literal_error": f"«{key}» debe ser uno de {str(told.get('expected')).replace(' or ', ' o ')}",
        "too_short": f"«{key}» está vacía",
    }
    return said.get(kind, f"«{key}» no es del tipo esperado")


def _table(path: Path, spec: Spec) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return _as_text(pq.read_table(path))
        _check_text(path, spec)
        names = _header(path, spec)
        options = pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
        )
        return pa_csv.read_csv(path, pa_csv.ReadOptions(encoding=spec.encoding), _dialect(spec), options)
    except (OSError, UnicodeDecodeError, LookupError, pa.ArrowException) as caught:
        where = _bad_row(path, spec) if isinstance(caught, pa.ArrowInvalid) else None
        raise SpecError(f"{path.name}: no se puede leer ({where or type(caught).__name__}).") from None


def _check_text(path: Path, spec: Spec) -> None:
    """The parser would take what follows quotes that nobody closes for one cell, and rows would be gone."""
    decoder = codecs.getincrementaldecoder(spec.encoding)()
    quotes = 0
    with pa.input_stream(str(path)) as stream:
        while chunk := stream.read(_CHUNK):
            quotes += decoder.decode(chunk).count('"')
    decoder.decode(b"", final=True)
    if quotes % 2:
        raise SpecError(f"{path.name}: hay unas comillas que no se cierran.")


def _dialect(spec: Spec, **more: Any) -> pa_csv.ParseOptions:
    return pa_csv.ParseOptions(delimiter=spec.delimiter, newlines_in_values=True, **more)


def _header(path: Path, spec: Spec) -> list[str]:
    with pa_csv.open_csv(path, pa_csv.ReadOptions(encoding=spec.encoding), _dialect(spec)) as reader:
        names = list(reader.schema.names)
    if len(set(names)) != len(names):
        raise SpecError(f"{path.name}: dos columnas tienen el mismo nombre.")
    return names


def _bad_row(path: Path, spec: Spec) -> str | None:
    """Where the first row with a wrong number of columns is: its number and the counts, not what it says."""
    found: list[str] = []

    def note(row: pa_csv.InvalidRow) -> str:
        if not found:
            place = f"fila {row.number}: " if row.number is not None else ""
            found.append(f"{place}{row.actual_columns} columnas donde se esperaban {row.expected_columns}")
        return "skip"

    try:
        pa_csv.read_csv(
            path,
            pa_csv.ReadOptions(encoding=spec.encoding, use_threads=False),
            _dialect(spec, invalid_row_handler=note),
        )
    except pa.ArrowException:
        return found[0] if found else None
    return found[0] if found else None


def _as_text(table: pa.Table) -> pa.Table:
    return pa.table({name: table[name].cast(pa.string()) for name in table.column_names})


def _hierarchy(path: Path, spec: Spec) -> hierarchies.Rows:
    try:
        with path.open(encoding=spec.encoding.replace("utf-8", "utf-8-sig"), newline="") as lines:
            rows = [row for row in csv.reader(lines, delimiter=spec.delimiter) if row]
    except (OSError, UnicodeDecodeError, LookupError, csv.Error) as caught:
        raise SpecError(f"{path.name}: no se puede leer ({type(caught).__name__}).") from None
    hierarchies.check_rows(path.name, rows)
    return rows


def _models(folder: Path, table: pa.Table, name: str, found: SensitiveTargets, spec: Spec) -> tuple[models.Model, ...]:
    if not found.hierarchy:
        return models.of_targets(found.targets, ordered=found.ordered is not False)
    rows = _hierarchy(folder / found.hierarchy, spec)
    return models.of_targets(found.targets, tree=_tree(table[name], name, rows, found.ordered))


def _tree(column: pa.ChunkedArray, name: str, rows: hierarchies.Rows, order: Sequence[str] | bool) -> list[np.ndarray]:
    """For each level of a sensitive column's hierarchy, the code of every value's ancestor."""
    line = {row[0]: row for row in rows}
    values = ordered_values(name, column, order)
    missing = sum((value or "") not in line for value in values)
    if missing:
        raise hierarchies.HierarchyError(
            f"La columna «{name}» tiene {missing} valores fuera del nivel 0 de su jerarquía."
        )
    levels = []
    for level in range(len(rows[0])):
        place = {value: code for code, value in enumerate(sorted({row[level] for row in rows}))}
        levels.append(np.array([place[line[value or ""][level]] for value in values]))
    return levels
