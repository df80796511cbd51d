"""The release's tables as bytes: strict CSV and deterministic Parquet, written and read back.

What belongs here: serialisation and its inverse. What does not: what a column means (`metadata`), whether a table may
be published (`pipeline.privacy`).

CSV: RFC 4180, UTF-8 without BOM, LF, comma, empty for missing, rows sorted by every column, quotes only where needed.
"""

from collections.abc import Iterable, Iterator
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
        return pa_csv.read_csv(
            pa.BufferReader(data), read_options=_READ, parse_options=_PARSE, convert_options=_conversion(data, types)
        ).combine_chunks()
    except _UNREADABLE:
        raise ReleaseError(_WHY_UNREADABLE) from None


def header(source: Path | bytes) -> list[str]:
    """A CSV's column names; raises `ReleaseError` where it has none that can be read."""
    try:
        with _stream(source, None) as stream:
            return list(stream.schema.names)
    except _UNREADABLE:
        raise ReleaseError(_WHY_UNREADABLE) from None


def blocks(source: Path | bytes, rows: int) -> Iterator[pa.Table]:
    """A CSV's rows as text, `rows` at a time, so that no more of a file is held; raises `ReleaseError` as `read_csv`.

    A header without rows gives nothing.
    """
    try:
        with _stream(source, _conversion(source, None)) as stream:
            yield from regrouped(stream, rows)
    except _UNREADABLE:
        raise ReleaseError(_WHY_UNREADABLE) from None


def regrouped(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of `rows` each, the last one smaller."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        left = batch
        while count + left.num_rows >= rows:
            cut = rows - count
            yield pa.Table.from_batches([*held, left.slice(0, cut)])
            left, held, count = left.slice(cut), [], 0
        if left.num_rows:
            held.append(left)
            count += left.num_rows
    if count:
        yield pa.Table.from_batches(held)


def _conversion(source: Path | bytes, types: dict[str, pa.DataType] | None) -> pa_csv.ConvertOptions:
    """Text, or the type in `types`, for every column of the header."""
    return pa_csv.ConvertOptions(
        column_types={name: (types or {}).get(name, pa.string()) for name in header(source)},
        null_values=[""],
        strings_can_be_null=True,
    )


def _stream(source: Path | bytes, convert: pa_csv.ConvertOptions | None) -> pa_csv.CSVStreamingReader:
    opened = source if isinstance(source, Path) else pa.BufferReader(source)
    parse = pa_csv.ParseOptions(ignore_empty_lines=False, newlines_in_values=True)
    return pa_csv.open_csv(opened, read_options=_READ, parse_options=parse, convert_options=convert)


_READ = pa_csv.ReadOptions(use_threads=False)
_PARSE = pa_csv.ParseOptions(ignore_empty_lines=False)
_UNREADABLE = (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError)
_WHY_UNREADABLE = "El CSV no se puede leer con columnas constantes y los tipos de su esquema."
