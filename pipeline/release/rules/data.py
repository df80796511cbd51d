"""Rules on the tables as bytes: strict CSV, the schema that the project knows, the same rows in Parquet.

What belongs here: form. What does not: whether figures agree (`tables`), whether persons are safe (`privacy`).
"""

import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.release import data
from pipeline.release.folder import CONTRACTS, Check, Finding, Folder, TableFiles
from pipeline.release.inputs import ReleaseError
from pipeline.release.metadata import closed
from schemas.published import MICRODATA, TABLES

_BLOCK = 50_000

_BYTES = {
    b"\x00": "trae bytes nulos",
    b"\r": "trae retornos de carro; las líneas terminan en LF",
}


def strict_csv(folder: Folder) -> Iterator[Finding]:
    """Every CSV of the release: UTF-8 without BOM, NUL or CR, constant columns, no blank line."""
    for path in folder.files:
        if not path.endswith(".csv") or (folder.path / path).is_symlink():
            continue
        content = (folder.path / path).read_bytes()
        yield from (Finding("csv_estricto", path, f"El CSV {why}.") for why in _defects(content))


def _defects(content: bytes) -> Iterator[str]:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        yield "no es UTF-8"
        return
    if content.startswith(b"\xef\xbb\xbf"):
        yield "empieza con BOM"
    yield from (why for byte, why in _BYTES.items() if byte in content)
    if not content.endswith(b"\n") or b"\n\n" in content:
        yield "tiene líneas en blanco o no termina en una"
    unsafe = False
    try:
        names = data.header(content)
        for rows in data.blocks(content, _BLOCK):
            unsafe = unsafe or any(
                pc.any(pc.match_substring_regex(column, r"^[=+@\t]|^-[^0-9]")).as_py() for column in rows.columns
            )
    except ReleaseError:
        yield "no tiene un número constante de columnas"
        return
    if len(set(names)) != len(names):
        yield "repite una columna"
    if unsafe:
        yield "tiene celdas que una hoja de cálculo ejecutaría"


def known_columns(folder: Folder) -> Iterator[Finding]:
    """Only the tables and columns that the project publishes, with their types and closed values."""
    for table in folder.tables.values():
        contract = CONTRACTS.get(table.name)
        if contract is None:
            yield Finding("columnas", table.file, "No es una de las tablas que se publican.")
            continue
        said = [(str(f["name"]), str(f["type"])) for f in table.schema["fields"]]
        due = [(f["name"], f["type"]) for f in contract.table_schema()["fields"]]
        if said != due:
            yield Finding("columnas", table.file, "Su esquema no tiene las columnas y tipos de su contrato.")
        for field, column in zip(table.schema["fields"], contract.columns, strict=False):
            fixed = closed(column)
            if fixed and field.get("constraints", {}).get("enum") != fixed:
                yield Finding("columnas", table.file, f"La columna «{column.name}» admite otros valores.")


def follows_schema(folder: Folder) -> Iterator[Finding]:
    """Header, types, required cells, closed values, ranges, patterns and unique keys."""
    for table in folder.tables.values():
        if table.text.column_names != [f["name"] for f in table.schema["fields"]]:
            yield Finding("esquema", table.file, "El encabezado no es el de su esquema.")
            continue
        try:
            typed = table.typed
        except ReleaseError:
            yield Finding("esquema", table.file, "Alguna celda no tiene el tipo de su columna.")
            continue
        for field in table.schema["fields"]:
            yield from _column(table, field, typed[field["name"]])
        for key in table.schema.get("uniqueKeys", []):
            if typed.select(key).group_by(key).aggregate([]).num_rows != typed.num_rows:
                yield Finding("esquema", table.file, "Hay filas con la clave repetida.")


def _column(table: TableFiles, field: dict[str, Any], column: pa.ChunkedArray) -> Iterator[Finding]:
    name, limits = str(field["name"]), field.get("constraints", {})
    present = column.drop_null()
    broken = {
        "celdas obligatorias vacías": column.null_count if limits.get("required") else 0,
        "códigos que no están en su lista": _outside(present, limits.get("enum")),
        "valores menores que su mínimo": _true(pc.less(present, limits["minimum"])) if "minimum" in limits else 0,
        "valores mayores que su máximo": _true(pc.greater(present, limits["maximum"])) if "maximum" in limits else 0,
        "textos sin la forma de la columna": _misshapen(present, limits.get("pattern")),
    }
    for why, count in broken.items():
        if count:
            yield Finding("esquema", table.file, f"Columna «{name}»: {count} {why}.")


def _outside(column: pa.ChunkedArray, allowed: list[str] | None) -> int:
    if allowed is None:
        return 0
    return _true(pc.invert(pc.is_in(column, value_set=pa.array(allowed, column.type))))


def _misshapen(column: pa.ChunkedArray, pattern: str | None) -> int:
    if pattern is None:
        return 0
    return sum(not re.fullmatch(pattern, value) for value in pc.unique(column).to_pylist())


def _true(mask: pa.ChunkedArray) -> int:
    return int(pc.sum(mask).as_py() or 0)


def same_rows_in_parquet(folder: Folder) -> Iterator[Finding]:
    """CSV and Parquet have the same columns, types and rows in the same order."""
    for name in (MICRODATA.name, TABLES.name):
        table = folder.tables.get(name)
        if table is None:
            continue
        if table.parquet is None:
            yield Finding("csv_parquet", table.file, "Falta su copia Parquet.")
            continue
        copy = table.from_parquet
        types = dict(zip(copy.schema.names, copy.schema.types, strict=True))
        if types != table.types or list(types) != table.text.column_names:
            yield Finding("csv_parquet", table.file, "El Parquet tiene otras columnas u otros tipos.")
        elif not copy.replace_schema_metadata(None).cast(table.typed.schema).equals(table.typed):
            yield Finding("csv_parquet", table.file, "El Parquet no tiene las mismas filas.")


def sorted_rows(folder: Folder) -> Iterator[Finding]:
    """Rows are in the order of their values, so that the order of filing is not published."""
    for table in folder.tables.values():
        if not data.ordered(table.typed).equals(table.typed):
            yield Finding("orden", table.file, "Las filas no están ordenadas por todas sus columnas.")


def periods(folder: Folder) -> Iterator[Finding]:
    """Every table has the declared periods and no other; one without requests says why, in two places."""
    declared = set(folder.manifest.periods)
    silent = dict(folder.privacy.get("sin_solicitudes", {}))
    readme = (folder.path / "LEAME.md").read_text(encoding="utf-8", errors="replace")
    for period, reason in silent.items():
        if not str(reason).strip() or str(reason) not in readme:
            yield Finding("periodos", "LEAME.md", f"No dice por qué {period} no publica solicitudes.")
    for table in folder.tables.values():
        present = set(pc.unique(table.text["periodo"]).to_pylist())
        due = declared - set(silent) if table.name == MICRODATA.name else declared
        if present != due and (present - declared or table.name in {MICRODATA.name, TABLES.name}):
            yield Finding("periodos", table.file, "Sus periodos no son los declarados.")
    if folder.of_semesters and declared - set(silent) and folder.microdata is None:
        yield Finding("periodos", "datos/solicitudes.csv", "Falta, y ningún documento lo explica.")


CHECKS: tuple[Check, ...] = (strict_csv, known_columns, follows_schema, same_rows_in_parquet, sorted_rows, periods)
