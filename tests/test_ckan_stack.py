"""The local CKAN of ckan/: its process handling always; the portal itself when one is up (`make test-ckan`)."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import os
import signal
import stat
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parent.parent
STATE = Path(os.environ.get("PQRSD_CKAN_DIR") or CLONE / "data" / "ckan")
REQUIRED = bool(os.environ.get("PQRSD_CKAN_REQUIRED"))


def part(name):
    """A module of ckan/ckan_local; it is not installed, and is not to shadow CKAN's own package."""
    sys.path.insert(0, str(CLONE / "ckan"))
    try:
        return importlib.import_module(f"ckan_local.{name}")
    finally:
        sys.path.remove(str(CLONE / "ckan"))


processes = part("processes")
install = part("install")
services = part("services")


# --- processes --------------------------------------------------------------------------------------------------------


@pytest.fixture
def sleeper():
    children = []

    def start(command="sleep 300"):
        child = subprocess.Popen(["sh", "-c", command], start_new_session=True)
        children.append(child)
        time.sleep(0.2)
        return child

    yield start
    for child in children:
        child.kill()
        child.wait()


def test_a_recorded_process_is_ended_with_its_children(tmp_path, sleeper):
    child = sleeper("sleep 300 & sleep 300 & wait")
    record = processes.Record(tmp_path / "a.json")
    record.save(processes.Process.read(child.pid))
    kin = processes.family(record.running())
    assert len(kin) == 3
    assert processes.end(record.running(), signal.SIGTERM, []) in {0, 1, 2}
    assert not any(process.alive() for process in kin)
    assert record.running() is None


def test_a_pid_that_was_given_to_somebody_else_is_left_alone(tmp_path, sleeper):
    child = sleeper()
    record = processes.Record(tmp_path / "a.json")
    record.save(processes.Process.read(child.pid))
    content = json.loads(record.path.read_text())
    record.path.write_text(json.dumps({**content, "started": content["started"] - 1}))
    assert record.running() is None
    assert processes.family(record.recorded()) == []
    assert processes.end(record.recorded(), signal.SIGKILL, []) == 0
    record.recorded().send(signal.SIGKILL)
    time.sleep(0.1)
    assert child.poll() is None


def test_a_record_of_another_boot_means_nothing(tmp_path, sleeper):
    child = sleeper()
    record = processes.Record(tmp_path / "a.json")
    record.save(processes.Process.read(child.pid))
    content = json.loads(record.path.read_text())
    record.path.write_text(json.dumps({**content, "boot": "another"}))
    assert record.recorded() is None


def test_orphans_of_a_killed_head_are_found_by_their_session(tmp_path, sleeper):
    child = sleeper("sleep 300 & wait")
    head = processes.Process.read(child.pid)
    [orphan] = [process for process in processes.family(head) if process != head]
    child.kill()
    child.wait()
    assert processes.family(head) != []
    assert processes.end(head, signal.SIGTERM, []) == 1
    assert not orphan.alive()


def test_a_zombie_counts_as_gone():
    child = subprocess.Popen(["true"])
    deadline = time.monotonic() + 5
    while processes.Process.read(child.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert processes.Process.read(child.pid) is None
    child.wait()


# --- what is installed ------------------------------------------------------------------------------------------------


def test_everything_is_pinned_by_hash_and_names_no_registry():
    lock = (CLONE / "ckan" / "requirements.lock").read_text()
    requirements = [line for line in lock.splitlines() if line and line[0].isalpha()]
    assert {"ckan==2.12.0", "ckanext-dcat==2.4.4"} <= {line.split()[0].split("[")[0] for line in requirements}
    assert all("==" in line for line in requirements)
    assert lock.count("--hash=sha256:") > len(requirements)
    jars = (CLONE / "ckan" / "solr" / "jars.sha256").read_text().splitlines()
    assert any("solr-core-9." in line for line in jars)
    assert all(len(line.split()[0]) == 64 for line in jars)
    assert "://" not in lock
    assert "psycopg2==" not in lock


def test_a_changed_or_foreign_jar_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(install, "HERE", tmp_path)
    (tmp_path / "solr").mkdir()
    jars = tmp_path / "lib"
    jars.mkdir()
    (jars / "a.jar").write_bytes(b"a")
    listed = f"{hashlib.sha256(b'a').hexdigest()}  a.jar\n"
    (tmp_path / "solr" / "jars.sha256").write_text(listed)
    install.check_jars(jars)
    (jars / "b.jar").write_bytes(b"b")
    with pytest.raises(Exception, match=r"b\.jar"):
        install.check_jars(jars)
    (jars / "b.jar").unlink()
    (jars / "a.jar").write_bytes(b"other")
    with pytest.raises(Exception, match=r"a\.jar"):
        install.check_jars(jars)


def test_a_secret_is_private_from_its_first_byte(tmp_path):
    path = tmp_path / "token"
    old = os.umask(0)
    try:
        services.write_private(path, "x")
        services.write_private(path, "y")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == "y"


# --- the portal -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def facts():
    path = STATE / "stack.json"
    up = path.exists() and services.answer(json.loads(path.read_text())["url"] + "/api/3/action/status_show")
    if not up:
        (pytest.fail if REQUIRED else pytest.skip)("no hay un CKAN arriba: make ckan-up")
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def portal(facts):
    import ckanapi

    with ckanapi.RemoteCKAN(facts["url"], apikey=Path(facts["token_file"]).read_text().strip()) as client:
        yield client


@pytest.fixture(scope="module")
def anonymous(facts):
    import ckanapi

    with ckanapi.RemoteCKAN(facts["url"]) as client:
        yield client


@pytest.fixture(scope="module")
def dataset(portal):
    mark = uuid.uuid4().hex[:10]
    organization = portal.call_action(
        "organization_create",
        {"name": f"entidad-{mark}", "title": "Alcaldía de Santa Marta"},
        requests_kwargs={"timeout": 60},
    )
    made = portal.call_action(
        "package_create",
        {
            "name": f"solicitudes-{mark}",
            "title": "Solicitudes PQRSDF",
            "notes": "Peticiones anonimizadas por semestre.",
            "owner_org": organization["id"],
            "license_id": "cc-by",
            "tags": [{"name": "participación ciudadana"}],
            "extras": [
                {"key": "frequency", "value": "http://publications.europa.eu/resource/authority/frequency/ANNUAL_2"}
            ],
        },
        requests_kwargs={"timeout": 60},
    )
    yield made
    portal.call_action("dataset_purge", {"id": made["id"]}, requests_kwargs={"timeout": 60})
    portal.call_action("organization_purge", {"id": organization["id"]}, requests_kwargs={"timeout": 60})


ROWS = [
    {"periodo": "2025-S1", "dependencia": "Hacienda", "dias": 7},
    {"periodo": "2025-S1", "dependencia": "Planeación", "dias": 12},
    {"periodo": "2025-S2", "dependencia": "Educación", "dias": 9},
]
CSV = "periodo,dependencia,dias\n" + "".join(f"{r['periodo']},{r['dependencia']},{r['dias']}\n" for r in ROWS)


@pytest.fixture(scope="module")
def resource(portal, dataset):
    upload = io.BytesIO(CSV.encode())
    upload.name = "solicitudes.csv"
    made = portal.call_action(
        "resource_create",
        {"package_id": dataset["id"], "name": "Solicitudes", "format": "CSV", "mimetype": "text/csv"},
        files={"upload": upload},
        requests_kwargs={"timeout": 60},
    )
    fields = [
        {"id": "periodo", "type": "text", "info": {"label": "Periodo", "notes": "Semestre del registro"}},
        {"id": "dependencia", "type": "text", "info": {"label": "Dependencia", "notes": "Quien responde"}},
        {"id": "dias", "type": "int", "info": {"label": "Días hábiles", "notes": "Hasta la respuesta"}},
    ]
    portal.call_action(
        "datastore_create",
        {"resource_id": made["id"], "force": True, "fields": fields, "records": ROWS, "primary_key": ["dependencia"]},
        requests_kwargs={"timeout": 60},
    )
    return made


def get(url):
    with services.HTTP.open(url, timeout=60) as response:
        return response.status, response.headers.get_content_type(), response.read()


def test_what_runs_is_what_was_asked_for(facts):
    assert facts["versions"]["ckan"].startswith("2.12.")
    assert facts["versions"]["solr"].startswith("9.")
    token = Path(facts["token_file"])
    assert stat.S_IMODE(token.stat().st_mode) == 0o600


def test_every_port_is_loopback_only(facts):
    """The kernel's own list of listening sockets."""
    ports = set(facts["ports"].values())
    local = {"0100007F", "0000000000000000FFFF00000100007F"}
    seen = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[1].split(":")
            if fields[3] == "0A" and int(port, 16) in ports:
                assert address in local
                seen.add(int(port, 16))
    assert seen == ports


def test_a_file_comes_back_byte_for_byte(resource):
    status, kind, body = get(resource["url"])
    assert (status, kind, body) == (200, "text/csv", CSV.encode())


def test_the_table_keeps_types_and_dictionary(anonymous, resource):
    found = anonymous.call_action(
        "datastore_search", {"resource_id": resource["id"], "filters": {"periodo": "2025-S1"}, "sort": "dias"}
    )
    assert [row["dias"] for row in found["records"]] == [7, 12]
    info = anonymous.call_action("datastore_info", {"id": resource["id"]})
    assert info["meta"]["count"] == 3
    assert {field["id"]: field["info"]["label"] for field in info["fields"]}["dias"] == "Días hábiles"
    sql = anonymous.call_action(
        "datastore_search_sql",
        {"sql": f'select sum(dias) as total from "{resource["id"]}"'},
    )
    assert sql["records"] == [{"total": 28}]


def test_solr_finds_it_as_a_person_would(anonymous, dataset, resource):
    for query in ("title:pqrsdf", "PETICIONES anonimizadas", f"name:{dataset['name']}"):
        found = anonymous.call_action(
            "package_search",
            {
                "q": query,
                "fq": f"organization:{dataset['organization']['name']}",
                "facet.field": '["tags", "res_format"]',
            },
        )
        assert [hit["id"] for hit in found["results"]] == [dataset["id"]], query
    assert found["facets"] == {"tags": {"participación ciudadana": 1}, "res_format": {"CSV": 1}}


@pytest.mark.parametrize(
    ("suffix", "kind", "holds"),
    [
        (".ttl", "text/turtle", b"dcat:Dataset"),
        (".xml", "application/rdf+xml", b"dcat:Dataset"),
        (".jsonld", "application/ld+json", b"dcat:Dataset"),
        ("/croissant.jsonld", "application/ld+json", b"cr:FileObject"),
    ],
)
def test_the_dataset_is_described_for_machines(facts, dataset, resource, suffix, kind, holds):
    status, found, body = get(f"{facts['url']}/dataset/{dataset['name']}{suffix}")
    assert (status, found) == (200, kind)
    assert holds in body
    assert "Solicitudes PQRSDF" in body.decode()


def test_the_catalogue_and_the_pages_answer(facts, dataset, resource):
    status, kind, body = get(f"{facts['url']}/catalog.ttl")
    assert (status, kind) == (200, "text/turtle")
    assert f"{facts['url']}/dataset/{dataset['id']}".encode() in body
    status, _, page = get(f"{facts['url']}/dataset/{dataset['name']}")
    assert status == 200
    assert b'<html lang="es"' in page
    assert b"application/ld+json" in page
    status, _, page = get(f"{facts['url']}/dataset/{dataset['name']}/resource/{resource['id']}")
    assert "Días hábiles" in page.decode()


def test_without_a_token_nothing_is_written(anonymous, dataset):
    import ckanapi

    with pytest.raises(ckanapi.NotAuthorized):
        anonymous.call_action("package_patch", {"id": dataset["id"], "title": "otro"})
