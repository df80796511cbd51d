"""A release folder as a stranger receives it: read lazily, trusting nothing that it says of itself.

What belongs here: reading, and `Finding`. What does not: judging (`rules`).
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.release import data, manifest
from pipeline.release.inputs import ReleaseError
from schemas.characterized import INDICATORS, SEGMENTS
from schemas.published import MICRODATA, ROW_SUMMARY, TABLES

CONTRACTS = {c.name: c for c in (MICRODATA, TABLES, INDICATORS, SEGMENTS, ROW_SUMMARY)}
"""The only tables that a release may hold."""


@dataclass(frozen=True, order=True)
class Finding:
    """What a rule found: its name, the file, and a Spanish sentence that names columns and counts, never values."""

    rule: str
    file: str
    detail: str


@dataclass(frozen=True)
class TableFiles:
    """One table's bytes and the schema that goes with it."""

    name: str
    csv: bytes
    parquet: Path | None
    schema: dict[str, Any]

    @property
    def file(self) -> str:
        """Its CSV inside the release."""
        return f"datos/{self.name}.csv"

    @cached_property
    def text(self) -> pa.Table:
        """Every cell as text."""
        return data.read_csv(self.csv)

    @cached_property
    def typed(self) -> pa.Table:
        """The rows with the types of the schema; raises `ReleaseError` where they do not fit."""
        # a million requests of nothing but text are held once
        return self.text if set(self.types.values()) == {pa.string()} else data.read_csv(self.csv, self.types)

    @property
    def from_parquet(self) -> pa.Table:
        """The rows of the Parquet copy."""
        try:
            return pq.read_table(self.parquet)
        except (OSError, pa.ArrowException):
            raise ReleaseError(f"{self.file}: su copia Parquet no se puede leer.") from None

    @property
    def types(self) -> dict[str, pa.DataType]:
        """Arrow type of each schema field."""
        return {str(f["name"]): data.ARROW_TYPES.get(str(f["type"]), pa.string()) for f in self.schema["fields"]}

    def of_period(self, period: str) -> pa.Table:
        """The rows of one period, as text."""
        return self.text.filter(pc.equal(self.text["periodo"], period))


class Folder:
    """A release on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def files(self) -> list[str]:
        """Every file, hidden ones and links included."""
        return manifest.files_of(self.path)

    @cached_property
    def manifest(self) -> manifest.Manifest:
        """What MANIFIESTO.json says."""
        return manifest.read(self.path)

    def json(self, path: str) -> Any:
        """A JSON file; raises `ReleaseError` where it is missing or broken."""
        try:
            return json.loads((self.path / path).read_bytes())
        except (OSError, ValueError):
            raise ReleaseError(f"{path} falta o no es JSON.") from None

    @cached_property
    def package(self) -> dict[str, Any]:
        """What datapackage.json says."""
        return dict(self.json("datapackage.json"))

    @cached_property
    def privacy(self) -> dict[str, Any]:
        """What privacidad.json says."""
        return dict(self.json("privacidad/privacidad.json"))

    @cached_property
    def tables(self) -> dict[str, TableFiles]:
        """Every table below datos/, by name."""
        found = {}
        for path in sorted((self.path / "datos").glob("*.csv")):
            copy = path.with_suffix(".parquet")
            schema = self.json(f"esquema/{path.stem}.tableschema.json")
            found[path.stem] = TableFiles(path.stem, path.read_bytes(), copy if copy.exists() else None, schema)
        return found

    def listed(self, path: str) -> list[dict[str, Any]]:
        """The rows of a descriptive CSV."""
        try:
            content = (self.path / path).read_bytes()
        except OSError:
            raise ReleaseError(f"Falta {path}.") from None
        return [dict(row) for row in data.read_csv(content).to_pylist()]

    @property
    def microdata(self) -> TableFiles | None:
        """The anonymised requests, where the release has any."""
        return self.tables.get(MICRODATA.name)

    @property
    def of_semesters(self) -> bool:
        """Whether the release is of semesters, and not annual."""
        return all("-S" in period for period in self.manifest.periods)


Check = Callable[[Folder], Iterator[Finding]]
