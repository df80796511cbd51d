"""One table of a release in a real CKAN: filled some rows at a time, resumed where it stopped, compared row by row."""

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from pipeline.portal.ckan import tables
from pipeline.portal.ckan.client import Client, read_token
from schemas.published import ROW_SUMMARY

STACK = (
    Path(os.environ.get("PQRSD_CKAN_DIR") or Path(__file__).resolve().parent.parent / "data" / "ckan") / "stack.json"
)
ROWS = [f"2025-S1,sigob,{'rechazada,r' if n % 3 else 'aceptada,'},{n}" for n in range(10)]
BATCH = 4


def csv(rows: list[str]) -> bytes:
    return "\n".join([",".join(ROW_SUMMARY.names), *rows, ""]).encode()


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BATCH", BATCH)


@pytest.fixture(scope="module")
def client() -> Client:
    found = json.loads(STACK.read_text(encoding="utf-8")) if STACK.exists() else None
    try:
        up = found is not None and requests.get(f"{found['url']}/api/3/action/status_show", timeout=20).ok
    except requests.RequestException:
        up = False
    if not up:
        (pytest.fail if os.environ.get("PQRSD_CKAN_REQUIRED") else pytest.skip)("no hay un CKAN arriba: make ckan-up")
    return Client(found["url"], read_token(Path(found["token_file"])))


@pytest.fixture
def resource(client: Client) -> Iterator[str]:
    """A resource without a table, in an organisation of its own that is erased afterwards."""
    name = f"prueba-tablas-{uuid.uuid4().hex[:8]}"
    made = {
        "organization_create": {"name": name},
        "package_create": {"name": name, "owner_org": name, "private": True},
        "resource_create": {"package_id": name, "name": "t", "url": "http://127.0.0.1/t"},
    }
    *_, last = [client.write(action, fields, look=lambda: None) for action, fields in made.items()]
    yield str(last["id"])
    tables.drop(client, last["id"])
    client.write("dataset_purge", {"id": name}, look=lambda: None)
    client.write("organization_purge", {"id": name}, look=lambda: None)


def served(client: Client, resource: str) -> list[int]:
    found = client.read("datastore_search", resource_id=resource, sort="_id", limit=100)["records"]
    return [r["filas"] for r in found]


def test_a_table_of_several_batches_is_filled_in_order_and_found_equal(
    client: Client, resource: str, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int]] = []
    tables.load(client, resource, ROW_SUMMARY, csv(ROWS), lambda *said: told.append(said))
    assert served(client, resource) == list(range(10))
    assert tables.problem(client, resource, ROW_SUMMARY, csv(ROWS), tmp_path) is None
    assert [said[1:] for said in told] == [(4, 10), (8, 10), (10, 10)]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [0, 3, 4, 6, 10])
def test_a_load_goes_on_where_an_earlier_one_stopped(client: Client, resource: str, tmp_path: Path, there: int) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(csv(ROWS))
    tables.load(client, resource, ROW_SUMMARY, csv(ROWS[:there]))
    tables.load(client, resource, ROW_SUMMARY, path)
    assert served(client, resource) == list(range(10))


def test_a_table_with_more_rows_than_the_file_is_filled_anew(client: Client, resource: str, tmp_path: Path) -> None:
    tables.load(client, resource, ROW_SUMMARY, csv(ROWS))
    tables.load(client, resource, ROW_SUMMARY, csv(ROWS[5:]))
    assert served(client, resource) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    "other",
    [ROWS[:-1], [*ROWS, ROWS[0]], ROWS[:8], [*ROWS[:5], ROWS[5].replace(",5", ",6"), *ROWS[6:]], ROWS[::-1], []],
    ids=["una menos", "una más", "dos bloques justos", "otra cifra", "otro orden", "ninguna"],
)
def test_rows_that_are_not_the_files_are_found(client: Client, resource: str, tmp_path: Path, other: list[str]) -> None:
    tables.load(client, resource, ROW_SUMMARY, csv(ROWS))
    assert tables.problem(client, resource, ROW_SUMMARY, csv(other), tmp_path) == "tabla"


def test_a_table_that_is_not_there_is_found(client: Client, resource: str, tmp_path: Path) -> None:
    assert tables.problem(client, resource, ROW_SUMMARY, csv(ROWS), tmp_path) == "tabla"
