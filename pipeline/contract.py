"""From a table's one description (a pandera model) to everything else that is said about its columns.

What belongs here: reading a model's columns, binding the profile's code lists to them, and deriving DDL, row rules,
the gate, Table Schema, dictionary rows and DataStore fields. What does not: the models (`schemas/`), Dagster's own
classes (`pipeline.orchestration.table_schema`), and any judgement about a particular table.

A contract is first read from its model, then bound to a profile's lists: only then are its coded columns closed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa
from pandera.errors import SchemaError, SchemaErrors

from pipeline.errors import ContractError


class PrivacyClass(StrEnum):
    """How a column may leave the restricted wing (facts: Ley 1581/2012 arts. 3, 5, 7; Ley 1712/2014 art. 18)."""

    IDENTIFIER = "identificador"
    PSEUDONYM = "seudonimo"
    QUASI = "cuasi_identificador"
    SENSITIVE = "sensible"
    FREE_TEXT = "texto_libre"
    INTERNAL = "interna"
    STATISTIC = "estadistica"


def column(
    *,
    description: str,
    privacy: PrivacyClass,
    label: str | None = None,
    codes: str | None = None,
    unit: str | None = None,
    nullable: bool = False,
    **checks: Any,
) -> Any:
    """A pandera field with what a dictionary needs beside its type.

    `codes` names the profile's code list that closes the column; `unit` is written as people read it («días hábiles»).
    """
    metadata = {"privacy": privacy, "label": label, "codes": codes, "unit": unit}
    return pa.Field(description=description, nullable=nullable, metadata=metadata, **checks)


@dataclass(frozen=True)
class Rule:
    """A row rule: `breaks(table)` is true where a row breaks it; `name` is what people see."""

    name: str
    column: str
    breaks: Callable[[ir.Table], ir.BooleanValue]


@dataclass(frozen=True)
class Column:
    """One column as its model describes it, after binding to code lists."""

    name: str
    dtype: dt.DataType
    nullable: bool
    description: str
    privacy: PrivacyClass
    label: str
    unit: str | None
    codes: str | None
    checks: tuple[tuple[str, Mapping[str, Any]], ...]
    allowed: tuple[str, ...] | None = None


# Table Schema (Data Package v2), DuckDB and CKAN DataStore names of the types that contracts use.
_TYPES: dict[type[dt.DataType], tuple[str, str, str]] = {
    dt.String: ("string", "VARCHAR", "text"),
    dt.Int64: ("integer", "BIGINT", "int8"),
    dt.Float64: ("number", "DOUBLE", "float8"),
    dt.Boolean: ("boolean", "BOOLEAN", "bool"),
    dt.Date: ("date", "DATE", "date"),
    dt.Timestamp: ("datetime", "TIMESTAMP", "timestamp"),
}


@dataclass(frozen=True)
class Contract:
    """What a table promises: its columns in order, their rules, and the key that makes a row unique."""

    name: str
    title: str
    description: str
    columns: tuple[Column, ...]
    unique: tuple[str, ...] = ()
    schema_version: str = "1.0.0"

    @classmethod
    def of(cls, model: type[pa.DataFrameModel], name: str, title: str) -> "Contract":
        """The contract that `model` describes; its docstring's first line becomes the table's description."""
        schema = model.to_schema()
        columns = []
        for column_name, spec in schema.columns.items():
            meta = spec.metadata or {}
            columns.append(
                Column(
                    name=column_name,
                    dtype=_exact(spec.dtype.type),
                    nullable=bool(spec.nullable),
                    description=str(spec.description),
                    privacy=meta["privacy"],
                    label=meta["label"] or column_name.replace("_", " ").capitalize(),
                    unit=meta["unit"],
                    codes=meta["codes"],
                    checks=tuple((str(c.name), dict(c.statistics or {})) for c in spec.checks),
                )
            )
        summary = (model.__doc__ or "").strip().splitlines()
        unique = tuple(schema.unique or ())
        return cls(name, title, summary[0] if summary else "", tuple(columns), unique)

    def bind(self, lists: Mapping[str, tuple[str, ...]]) -> "Contract":
        """The same contract with every coded column closed to the codes of its list; KeyError names a missing list."""
        bound = tuple(replace(c, allowed=lists[c.codes]) if c.codes else c for c in self.columns)
        return replace(self, columns=bound)

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [c.name for c in self.columns]

    def __getitem__(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    def of_class(self, *classes: PrivacyClass) -> list[str]:
        """Names of the columns whose privacy class is one of `classes`."""
        return [c.name for c in self.columns if c.privacy in classes]

    def ibis_schema(self) -> ibis.Schema:
        """Column names and Ibis types, in order."""
        return ibis.schema({c.name: c.dtype for c in self.columns})

    def ddl(self, qualified: str) -> str:
        """CREATE TABLE IF NOT EXISTS for DuckDB."""
        body = ", ".join(
            f'"{c.name}" {_TYPES[type(c.dtype)][1]}{"" if c.nullable else " NOT NULL"}' for c in self.columns
        )
        return f"CREATE TABLE IF NOT EXISTS {qualified} ({body})"

    def rules(self) -> list[Rule]:
        """Every row rule as an engine expression; what no rule catches passes `gate`."""
        found: list[Rule] = []
        for c in self.columns:
            if not c.nullable:
                found.append(Rule("obligatorio", c.name, lambda t, n=c.name: t[n].isnull()))  # type: ignore[misc]
            if c.allowed is not None:
                found.append(
                    Rule("codigo_desconocido", c.name, lambda t, n=c.name, a=c.allowed: t[n].notnull() & t[n].notin(a))  # type: ignore[misc]
                )
            for check, statistics in c.checks:
                found.append(_rule(c.name, check, statistics))
        return found

    def schema(self) -> pa.DataFrameSchema:
        """The pandera schema of the bound contract: strict, ordered, with the key's uniqueness."""
        columns = {
            c.name: pa.Column(
                c.dtype,
                checks=[getattr(pa.Check, check)(**statistics) for check, statistics in c.checks]
                + ([pa.Check.isin(list(c.allowed))] if c.allowed is not None else []),
                nullable=c.nullable,
            )
            for c in self.columns
        }
        return pa.DataFrameSchema(columns, name=self.name, strict=True, ordered=True, unique=list(self.unique) or None)

    def _shape(self) -> pa.DataFrameSchema:
        columns = {c.name: pa.Column(c.dtype, nullable=True) for c in self.columns}
        return pa.DataFrameSchema(columns, name=self.name, strict=True, ordered=True)

    def gate(self, table: ir.Table) -> None:
        """Raises `ContractError` (names and rules only) unless every row keeps the contract."""
        # pandera counts failures with a sum, which over no rows is null: an empty table fails every row check
        schema = self.schema() if table.count().execute() else self._shape()
        try:
            schema.validate(table, lazy=True)
        except SchemaErrors as caught:
            failures = _failures(caught.schema_errors)
        except SchemaError as caught:
            failures = _failures([caught])
        else:
            return
        raise ContractError(self.name, failures) from None

    def table_schema(self) -> dict[str, Any]:
        """The Table Schema (Data Package v2) of this table."""
        fields = []
        for c in self.columns:
            constraints: dict[str, Any] = {} if c.nullable else {"required": True}
            if c.allowed is not None:
                constraints["enum"] = list(c.allowed)
            field = {"name": c.name, "type": _TYPES[type(c.dtype)][0], "title": c.label, "description": c.description}
            fields.append(field | ({"constraints": constraints} if constraints else {}))
        return {
            "$schema": "https://datapackage.org/profiles/2.0/tableschema.json",
            "fields": fields,
            "missingValues": [""],
        }

    def datastore_fields(self) -> list[dict[str, Any]]:
        """Fields for CKAN's `datastore_create`, with the data dictionary in `info`."""
        return [
            {
                "id": c.name,
                "type": _TYPES[type(c.dtype)][2],
                "info": {"label": c.label, "notes": c.description} | ({"unit": c.unit} if c.unit else {}),
            }
            for c in self.columns
        ]


def _exact(dtype: dt.DataType) -> dt.DataType:
    """The type as the engine reports it: a timestamp has microseconds."""
    return dt.Timestamp(scale=6) if dtype == dt.Timestamp() else dtype


def _rule(column_name: str, check: str, statistics: Mapping[str, Any]) -> Rule:
    match check:
        case "greater_than_or_equal_to":
            low = statistics["min_value"]
            return Rule("menor_que_el_minimo", column_name, lambda t: t[column_name] < low)
        case "less_than_or_equal_to":
            high = statistics["max_value"]
            return Rule("mayor_que_el_maximo", column_name, lambda t: t[column_name] > high)
        case "in_range":
            low, high = statistics["min_value"], statistics["max_value"]
            return Rule("fuera_de_rango", column_name, lambda t: (t[column_name] < low) | (t[column_name] > high))
        case "isin":
            allowed = list(statistics["allowed_values"])
            return Rule(
                "codigo_desconocido", column_name, lambda t: t[column_name].notnull() & t[column_name].notin(allowed)
            )
        case "str_matches":
            pattern = statistics["pattern"]
            return Rule("forma_no_valida", column_name, lambda t: ~t[column_name].re_search(_pattern(pattern)))
    raise NotImplementedError(f"check {check} has no row rule: add it to pipeline.contract")


def _pattern(pattern: Any) -> str:
    text = getattr(pattern, "pattern", pattern)
    return f"^(?:{text})"


def _failures(errors: list[Any]) -> list[tuple[str, str, int | None]]:
    """Names and rule names only: pandera's own messages carry cell values."""
    found: list[tuple[str, str, int | None]] = []
    for error in errors:
        schema_name = getattr(error.schema, "name", None)
        check = getattr(error.check, "name", None) or getattr(error.reason_code, "name", None) or "esquema"
        found.append((str(schema_name), str(check), None))
    return sorted(set(found))
