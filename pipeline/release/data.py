"""The release's tables as bytes: strict CSV and deterministic Parquet, written and read back.

What belongs here: serialisation and its inverse. What does not: what a column means (`metadata`), whether a table may
be published (`pipeline.privacy`).

CSV: RFC 4180, UTF-8 without BOM, LF, comma, empty for missing, rows sorted by every column, quotes only where needed.
"""

import io
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from pipeline.contract import Contract
from pipeline.release.inputs import ReleaseError

# A spreadsheet runs a cell that starts so; controls break the one-record-one-line promise.
_UNSAFE_TEXT = r"^[=+\-@]|[\x00-\x1f\x7f]"

ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
}
"""Arrow types of the Table Schema types that a release uses."""


def ordered(rows: pa.Table) -> pa.Table:
    """The rows sorted by every column, missing first: no trace of the order in which they were filed."""
    keys = [(name, "ascending", "at_start") for name in rows.column_names]
    return rows.take(pc.sort_indices(rows, sort_keys=keys))


def conform(rows: pa.Table, contract: Contract) -> pa.Table:
    """Exactly the contract's columns and types, sorted; raises `ReleaseError` for anything a reader could trip on."""
    if set(rows.column_names) != set(contract.names):
        raise ReleaseError(f"La tabla «{contract.name}» no tiene exactamente las columnas de su contrato.")
    try:
        typed = rows.select(contract.names).cast(contract.ibis_schema().to_pyarrow())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError):
        raise ReleaseError(f"La tabla «{contract.name}» no tiene los tipos de su contrato.") from None
    for field in typed.schema:
        if pa.types.is_string(field.type):
            typed = _with_safe_text(typed, contract.name, field)
    return ordered(typed.replace_schema_metadata(None))


def _with_safe_text(table: pa.Table, name: str, field: pa.Field) -> pa.Table:
    """The column with empty text as missing, which is how CSV reads it back."""
    column = table[field.name]
    unsafe = pc.sum(pc.match_substring_regex(column, _UNSAFE_TEXT)).as_py() or 0
    loose = pc.sum(pc.not_equal(pc.utf8_normalize(column, "NFC"), column)).as_py() or 0
    if unsafe or loose:
        rule = "texto que una hoja de cálculo ejecutaría" if unsafe else "texto sin normalizar (NFC)"
        raise ReleaseError(f"La tabla «{name}», columna «{field.name}», trae {rule} en {unsafe or loose} filas.")
    filled = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    if filled.null_count and not field.nullable:
        raise ReleaseError(f"La tabla «{name}», columna «{field.name}», tiene celdas obligatorias vacías.")
    return table.set_column(table.schema.get_field_index(field.name), field, filled)


def write_csv(rows: pa.Table, path: Path) -> None:
    """Writes the rows in their order."""
    quoted = str(path).replace("'", "''")
    with duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"}) as con:
        con.register("filas", rows)
        con.execute(f"COPY (SELECT * FROM filas) TO '{quoted}' (FORMAT csv, HEADER, DELIMITER ',', NULL '')")


def write_parquet(rows: pa.Table, path: Path) -> None:
    """Writes the rows with zstd and without any metadata beside the column types."""
    pq.write_table(rows, path, compression="zstd", store_schema=False, version="2.6")


def read_csv(data: bytes, types: dict[str, pa.DataType] | None = None) -> pa.Table:
    """A CSV's rows, as text unless `types` says otherwise; raises `ReleaseError` without quoting what it found."""
    try:
        header = pa_csv.read_csv(io.BytesIO(data), read_options=_READ, parse_options=_PARSE).column_names
        convert = pa_csv.ConvertOptions(
            column_types={name: (types or {}).get(name, pa.string()) for name in header},
            null_values=[""],
            strings_can_be_null=True,
        )
        return pa_csv.read_csv(
            io.BytesIO(data), read_options=_READ, parse_options=_PARSE, convert_options=convert
        ).combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError):
        raise ReleaseError("El CSV no se puede leer con columnas constantes y los tipos de su esquema.") from None


_READ = pa_csv.ReadOptions(use_threads=False)
_PARSE = pa_csv.ParseOptions(ignore_empty_lines=False)
