"""What a release says about its columns: Table Schema, dictionary, code lists, datapackage.json.

What belongs here: descriptions derived from contracts and profile. What does not: data, hashes of the whole release
(`manifest`), prose (`documents`).
"""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.characterization.variables import label
from pipeline.contract import Column, Contract, PrivacyClass
from pipeline.profile import Profile
from pipeline.release import data
from pipeline.release.inputs import ReleaseInputs
from pipeline.release.manifest import MEDIA_TYPES, sha256_of
from schemas.published import MICRODATA, SUPPRESSED, TABLES

DICTIONARY = (
    "tabla",
    "nombre",
    "etiqueta",
    "definicion",
    "tipo",
    "unidad",
    "dominio",
    "nulos",
    "tratamiento_privacidad",
    "version_esquema",
)
TABLE_LIST = (
    "tabla",
    "titulo",
    "base",
    "dimension_1",
    "dimension_2",
    "medidas",
    "filtro",
    "base_legal",
)
"""Columns of esquema/listas/tablas.csv, from which anybody recomputes a table."""


_NUMBER = r"^-?\d+(\.\d+)?$"


def table_schema(contract: Contract) -> dict[str, Any]:
    """The Table Schema of a bound contract, with its key, name and version."""
    schema = contract.table_schema()
    for field, column in zip(schema["fields"], contract.columns, strict=True):
        limits = field.get("constraints", {}) | _limits(column)
        if limits:
            field["constraints"] = limits
    unique = {"uniqueKeys": [list(contract.unique)]} if contract.unique else {}
    return (
        schema | unique | {"name": contract.name, "title": contract.title, "version_esquema": contract.schema_version}
    )


def dictionary(inputs: ReleaseInputs, contracts: Iterable[Contract]) -> list[dict[str, str]]:
    """One row per published column, for people."""
    return [
        {
            "tabla": contract.name,
            "nombre": c.name,
            "etiqueta": c.label,
            "definicion": c.description,
            "tipo": next(f["type"] for f in contract.table_schema()["fields"] if f["name"] == c.name),
            "unidad": c.unit or "",
            "dominio": "|".join(c.allowed or closed(c)),
            "nulos": "celda vacía" if c.nullable else "no admite",
            "tratamiento_privacidad": _treatment(inputs.profile, contract, c.name, c.privacy),
            "version_esquema": contract.schema_version,
        }
        for contract in contracts
        for c in contract.columns
    ]


def closed(column: Column) -> list[str]:
    """The values that a contract itself fixes for a column, whatever the profile; empty where it fixes none."""
    return [str(v) for name, statistics in column.checks if name == "isin" for v in statistics["allowed_values"]]


def _limits(column: Column) -> dict[str, Any]:
    """Table Schema constraints of the checks that a contract states beside its code lists."""
    found: dict[str, Any] = {"enum": closed(column)} if closed(column) else {}
    for name, statistics in column.checks:
        match name:
            case "greater_than_or_equal_to":
                found["minimum"] = statistics["min_value"]
            case "less_than_or_equal_to":
                found["maximum"] = statistics["max_value"]
            case "in_range":
                found |= {"minimum": statistics["min_value"], "maximum": statistics["max_value"]}
            case "str_matches":
                # pandera anchors the start only; a Table Schema pattern describes the whole value
                pattern = getattr(statistics["pattern"], "pattern", statistics["pattern"])
                found["pattern"] = str(pattern).removeprefix("^").removesuffix("$")
    return found


def _treatment(profile: Profile, contract: Contract, name: str, privacy: PrivacyClass) -> str:
    if contract.name == MICRODATA.name and name in profile.privacidad.columnas:
        level = profile.privacidad.columnas[name].nivel
        detail = "sin generalizar" if level == 0 else f"generalizada al nivel {level} de su jerarquía"
        return f"{detail}; celdas con «{SUPPRESSED}» donde el grupo sería demasiado pequeño"
    if contract.name == MICRODATA.name:
        return "se publica el semestre; las fechas exactas no se publican"
    if contract.name == TABLES.name and name in {"valor", "estado_celda"}:
        return f"celdas por debajo del umbral, y las que permitirían deducirlas, quedan vacías y «{SUPPRESSED}»"
    return "cuasi-identificador agregado" if privacy is PrivacyClass.QUASI else "estadística, sin datos personales"


def code_lists(inputs: ReleaseInputs, tables: pa.Table | None, coded: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """Codes with their Spanish labels: one list per published column, and per variable of the tables."""
    profile = inputs.profile
    found = {name: set(profile.codes[f"publicado_{name}"]) for name in coded}
    for dimension, value in _table_values(tables):
        found.setdefault(dimension, set()).add(value)
    return {
        name: [{"codigo": code, "etiqueta": label(name, code, profile)} for code in sorted(values)]
        for name, values in sorted(found.items())
    }


def _table_values(tables: pa.Table | None) -> list[tuple[str, str]]:
    if tables is None:
        return []
    pairs = pa.concat_tables(
        [tables.select([f"dimension_{i}", f"valor_{i}"]).rename_columns(["dimension", "valor"]) for i in (1, 2)],
        promote_options="default",  # the second dimension is nullable
    )
    known = pairs.filter(pc.is_valid(pairs["dimension"])).group_by(["dimension", "valor"]).aggregate([])
    return sorted(zip(known["dimension"].to_pylist(), known["valor"].to_pylist(), strict=True))


def table_list(profile: Profile, published: set[str]) -> list[dict[str, str]]:
    """What each published table counts, over what, and by which legal basis."""
    return [
        {
            "tabla": spec.id,
            "titulo": spec.titulo,
            "base": spec.base,
            "dimension_1": spec.dimensiones[0],
            "dimension_2": spec.dimensiones[1] if len(spec.dimensiones) > 1 else "",
            "medidas": "|".join(spec.medidas),
            "filtro": spec.filtro or "",
            "base_legal": spec.base_legal or "",
        }
        for spec in sorted(profile.caracterizacion.tablas, key=lambda s: s.id)
        if spec.id in published
    ]


def write_rows(path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    """A small descriptive CSV, in the same dialect as the data."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8", newline="")


def write_json(path: Path, content: Any) -> None:
    """JSON that people can read and that is equal whenever its content is."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8", newline="\n")


def datapackage(folder: Path, inputs: ReleaseInputs, contracts: dict[str, Contract]) -> dict[str, Any]:
    """The Data Package (v2) descriptor of what is in `folder`: the tables, their Parquet copies, lists and figures."""
    town = inputs.profile.entidad
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": inputs.dataset,
        "title": inputs.title,
        "description": inputs.description,
        "version": inputs.version,
        "homepage": town.sitio,
        "keywords": town.etiquetas,
        "licenses": [{"name": town.licencia, "path": town.licencia_url}],
        "contributors": [
            {"title": town.nombre, "roles": ["publisher", "rightsHolder"], "path": town.sitio},
            {"title": town.contacto_nombre, "roles": ["contactPoint"], "email": town.contacto_correo},
        ],
        "periodos": list(inputs.periods),
        "fecha_corte": inputs.cut_off.isoformat(),
        "resources": [_resource(folder, path, contracts) for path in _tabular(folder)],
    }


def _tabular(folder: Path) -> list[Path]:
    found = [p for pattern in ("datos/*", "esquema/**/*.csv", "informe/**/*.csv") for p in folder.glob(pattern)]
    return sorted(found, key=lambda p: p.relative_to(folder).as_posix())


def _resource(folder: Path, path: Path, contracts: dict[str, Contract]) -> dict[str, Any]:
    relative = path.relative_to(folder)
    name = "-".join(relative.with_suffix("").parts).replace("_", "-").lower()
    common: dict[str, Any] = {
        "path": relative.as_posix(),
        "mediatype": MEDIA_TYPES[path.suffix],
        "hash": f"sha256:{sha256_of(path)}",
    }
    if path.suffix == ".parquet":
        # Without `bytes`: frictionless 5.21 reads no byte count for Parquet and calls a stated one an error.
        return {"name": f"{name}-parquet", "format": "parquet"} | common
    resource = {"name": name, "type": "table", "format": "csv", "encoding": "utf-8"} | common
    resource["bytes"] = path.stat().st_size
    contract = contracts.get(path.stem) if relative.parts[0] == "datos" else None
    if contract is None:
        return resource | {"schema": _plain_schema(path)}
    resource |= {"title": contract.title, "description": contract.description}
    resource["schema"] = f"esquema/{contract.name}.tableschema.json"
    return resource


def _plain_schema(path: Path) -> dict[str, Any]:
    """The schema of a list or a figure's data: stated, so that no reader guesses that «2025-01» is a date."""
    rows = data.read_csv(path.read_bytes())
    fields = []
    for name in rows.column_names:
        values = pc.unique(rows[name].drop_null())
        numbers = (
            name not in {"codigo", "etiqueta"} and len(values) and pc.all(pc.match_substring_regex(values, _NUMBER))
        )
        fields.append({"name": name, "type": "number" if numbers and numbers.as_py() else "string"})
    return {"fields": fields, "missingValues": [""]}
