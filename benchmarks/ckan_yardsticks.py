"""What publishing to a CKAN is compared with: `ckanapi load`, the bare upload of the CSV, the bare DataStore load.

What belongs here: those three, as plainly as their tools allow, and erasing what a measurement left in the CKAN. What
does not: our own publishing (`ckan_ours`). Nothing of the pipeline is imported: what its modules take is not theirs.
"""

import csv
import functools
import http.server
import itertools
import json
import os
import resource
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from benchmarks import ckan_task
from benchmarks.ckan_task import Task

BATCH = 20_000
"""Rows a request, as in `pipeline.portal.ckan.tables`."""

_KEPT = ("name", "description", "format", "mimetype", "hash", "ruta")


class Api:
    """A CKAN's API without any care: a call answers or raises."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url.rstrip("/"), token

    def __call__(self, action: str, **data: Any) -> Any:
        """The result of an action."""
        answer = requests.post(self._at(action), json=data, headers={"Authorization": self.token}, timeout=600)
        return _result(action, answer)

    def upload(self, action: str, data: dict[str, str], file: Path, media_type: str) -> Any:
        """The result of an action with a file, sent as requests sends it: whole, from memory."""
        with file.open("rb") as stream:
            answer = requests.post(
                self._at(action),
                data=data,
                files={"upload": (file.name, stream, media_type)},
                headers={"Authorization": self.token},
                timeout=600,
            )
        return _result(action, answer)

    def _at(self, action: str) -> str:
        return f"{self.url}/api/3/action/{action}"


def _result(action: str, answer: requests.Response) -> Any:
    if not answer.ok:
        raise SystemExit(f"El CKAN respondió {answer.status_code} a «{action}».")
    return answer.json()["result"]


def of_this_machine(url: str) -> bool:
    """Whether the address is on loopback: a measurement erases datasets, and ckanapi shows the token to `ps`."""
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


def upload_csv(task: Task) -> dict[str, Any]:
    """The CSV of the rows, by one multipart request."""
    api, plan = Api(task.url, task.token), task.plan
    package = api("package_create", name=f"{plan['dataset']}-http", owner_org=plan["organization"])
    data = {"package_id": package["id"], "name": "solicitudes"}
    api.upload("resource_create", data, task.release / plan["csv"], "text/csv")
    return {"archivos": 1}


def fill_table(task: Task) -> dict[str, Any]:
    """The rows in a DataStore table of their own, and how many CKAN says it has."""
    api, plan = Api(task.url, task.token), task.plan
    package = api("package_create", name=f"{plan['dataset']}-tabla", owner_org=plan["organization"])
    made = api("datastore_create", resource={"package_id": package["id"]}, fields=plan["fields"], force=True)
    with (task.release / plan["csv"]).open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        while batch := list(itertools.islice(rows, BATCH)):
            api("datastore_upsert", resource_id=made["resource_id"], method="insert", records=batch, force=True)
    return {"en_tabla": int(api("datastore_info", id=made["resource_id"])["meta"]["count"])}


def load_with_ckanapi(task: Task) -> dict[str, Any]:
    """`ckanapi load datasets --upload-resources` of the dataset that we published; how many files arrived.

    It fetches each file from the address that the dataset gives, so they are served here. It makes no DataStore table,
    verifies nothing, is public from its first file on and leaves a half-loaded dataset where it stops.
    """
    api, plan = Api(task.url, task.token), task.plan
    ours = api("package_show", id=plan["dataset"])
    name = f"{plan['dataset']}-ckanapi"
    with _served(task.work) as address:
        resources = [
            {k: v for k, v in r.items() if k in _KEPT}
            | {"id": str(uuid.uuid4()), "url": f"{address}/{plan['files'].get(r['ruta'])}", "url_type": "upload"}
            for r in ours["resources"]
        ]
        dataset = {k: ours[k] for k in ("title", "notes", "license_id", "tags", "extras")}
        dataset |= {"name": name, "owner_org": plan["organization"], "resources": resources}
        lines = task.work / "ckanapi.jsonl"
        lines.write_text(json.dumps(dataset) + "\n", encoding="utf-8")
        subprocess.run(
            [Path(sys.executable).with_name("ckanapi"), "load", "datasets", "--upload-resources", "--create-only",
             "--quiet", "-I", lines, "-r", task.url, "-a", task.token],
            # ckanapi starts its worker by name
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            check=True,
        )  # fmt: skip
    there = {r["ruta"]: int(r["size"] or 0) for r in api("package_show", id=name)["resources"]}
    sizes = {path: (task.work / file).stat().st_size for path, file in plan["files"].items()}
    return {"archivos": sum(size == sizes.get(path) for path, size in there.items())}


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def prepare(api: Api, plan: dict[str, Any]) -> None:
    """An organisation of the measurement's own, empty; what an interrupted one left is erased first."""
    clean(api, plan)
    api("organization_create", name=plan["organization"], title="Medición: se borra al terminar")


def clean(api: Api, plan: dict[str, Any]) -> None:
    """Erases the measurement's datasets with their files, their DataStore tables and the organisation."""
    if plan["organization"] not in api("organization_list"):
        return
    owner = api("organization_show", id=plan["organization"], include_datasets=False)
    shown = api(
        "package_search", fq=f'+owner_org:"{owner["id"]}" +state:*', include_private=True, include_drafts=True,
        include_deleted=True, rows=1000,
    )  # fmt: skip
    for package in shown["results"]:
        _erase(api, package["id"])
    api("organization_purge", id=owner["id"])


def _erase(api: Api, package: str) -> None:
    # CKAN keeps the file and the table of a purged resource
    for held in api("package_show", id=package)["resources"]:
        if held.get("datastore_active"):
            api("datastore_delete", resource_id=held["id"], force=True)
        if held.get("url_type") == "upload":
            api("resource_patch", id=held["id"], url="borrado", url_type="", clear_upload=True)
    api("dataset_purge", id=package)


if __name__ == "__main__":
    ckan_task.run(
        {"ckanapi": load_with_ckanapi, "http": upload_csv, "tabla": fill_table},
        whose=resource.RUSAGE_CHILDREN if "ckanapi" in sys.argv[1:2] else resource.RUSAGE_SELF,
    )
