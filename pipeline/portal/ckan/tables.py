"""A release's tables in CKAN's DataStore: typed and described by the contract, loaded in order, compared row by row.

What belongs here: creating, filling and comparing one table. What does not: when (`portal`).

Types are never guessed. A batch is one transaction, so the number of rows there says what an unclear batch did.
"""

from collections.abc import Iterator
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contract import Contract
from pipeline.portal.ckan.client import Client, Progress
from pipeline.portal.errors import PortalError
from pipeline.release import data
from pipeline.release.inputs import ReleaseError

BATCH = 20_000
"""Rows a request: some seconds each, so that a broken connection loses little."""

# CKAN 2.12 would plan a count of the table anew after every change, for a background worker that not every portal runs
_UNCOUNTED = {"calculate_record_count": False}


def load(
    client: Client, resource: str, contract: Contract, csv: Path | bytes, progress: Progress | None = None
) -> None:
    """Fills the resource's table with the rows of the CSV, going on where an earlier try stopped."""
    total = sum(block.num_rows for block in data.blocks(csv, BATCH))
    info = _info(client, resource)
    if info is not None and (_described(info) != _wanted(contract) or _count(info) > total):
        _delete(client, resource)
        info = None
    if info is None or not _announced(client, resource):
        client.write(
            "datastore_create",
            {"resource_id": resource, "force": True, "fields": contract.datastore_fields(), **_UNCOUNTED},
            look=lambda: (_info(client, resource) is not None and _announced(client, resource)) or None,
        )
    there, after = _count(info), 0
    for block in data.blocks(csv, BATCH):
        start, after = after, after + block.num_rows
        if after <= there:
            continue
        client.write(
            "datastore_upsert",
            {
                "resource_id": resource,
                "force": True,
                "method": "insert",
                "records": block.slice(max(there - start, 0)).to_pylist(),
                **_UNCOUNTED,
            },
            look=partial(_reached, client, resource, after),
        )
        if progress is not None:
            progress(contract.title, after, total)


def problem(client: Client, resource: str, contract: Contract, csv: Path | bytes, work: Path) -> str | None:
    """What is wrong with the table as this reader gets it: «tabla», «diccionario», or nothing."""
    info = _info(client, resource)
    if info is None:
        return "tabla"
    if _described(info) != _wanted(contract):
        return "diccionario"
    dump = work / f"{resource}.volcado.csv"
    try:
        client.download(client.address(f"datastore/dump/{resource}?bom=false"), dump)
        return None if _same(dump, csv, contract) else "tabla"
    finally:
        dump.unlink(missing_ok=True)


def drop(client: Client, resource: str) -> None:
    """Takes the table away; CKAN leaves it readable when its resource is only replaced."""
    if _info(client, resource) is not None:
        _delete(client, resource)


def _delete(client: Client, resource: str) -> None:
    client.write(
        "datastore_delete",
        {"resource_id": resource, "force": True, **_UNCOUNTED},
        look=lambda: _info(client, resource) is None or None,
    )


def _info(client: Client, resource: str) -> dict[str, Any] | None:
    """CKAN's description of the table, or None where there is no table."""
    found: dict[str, Any] | None = client.find("datastore_info", id=resource)
    return found


def _announced(client: Client, resource: str) -> bool:
    """Whether the resource says that it has a table.

    CKAN makes the table first and says so afterwards, by another transaction that may fail; asking for the same table
    again only says so.
    """
    return bool(client.read("resource_show", id=resource).get("datastore_active"))


def _count(info: dict[str, Any] | None) -> int:
    return int(info["meta"]["count"]) if info else 0


def _reached(client: Client, resource: str, rows: int) -> bool | None:
    return True if _count(_info(client, resource)) == rows else None


def _described(info: dict[str, Any]) -> list[tuple[str, ...]]:
    return [_field(f["id"], f["type"], f.get("info") or {}) for f in info["fields"]]


def _wanted(contract: Contract) -> list[tuple[str, ...]]:
    return [_field(f["id"], f["type"], f["info"]) for f in contract.datastore_fields()]


def _field(name: str, kind: str, info: dict[str, Any]) -> tuple[str, ...]:
    return (name, kind, *(str(info.get(key) or "") for key in ("label", "notes", "unit")))


def _same(dump: Path, csv: Path | bytes, contract: Contract) -> bool:
    """Whether the dump's rows are the file's, in order; numbers are compared as numbers, the rest as text."""
    for got, wanted in zip_longest(_dumped(dump, contract.names), data.blocks(csv, BATCH)):
        if got is None or wanted is None or got.num_rows != wanted.num_rows:
            return False
        for name in contract.names:
            if not _plain(got[name], contract, name).equals(_plain(wanted[name], contract, name)):
                return False
    return True


def _dumped(dump: Path, names: list[str]) -> Iterator[pa.Table]:
    try:
        for block in data.blocks(dump, BATCH):
            if block.column_names != ["_id", *names]:
                raise PortalError("La tabla del portal no tiene las columnas del contrato.")
            yield block
    except ReleaseError:
        raise PortalError("El volcado de una tabla del portal no se puede leer.") from None


def _plain(values: pa.ChunkedArray, contract: Contract, name: str) -> pa.ChunkedArray:
    kind = next(f["type"] for f in contract.datastore_fields() if f["id"] == name)
    try:
        if kind in {"int8", "float8"}:
            return pc.cast(values, pa.float64())
        if kind == "bool":
            return pc.is_in(pc.utf8_lower(values), value_set=pa.array(["t", "true"]))
    except pa.ArrowException:
        raise ReleaseError("Una columna numérica de la tabla tiene algo que no es un número.") from None
    return values
