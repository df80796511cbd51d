"""Our side of the comparison: building the release, publishing it by the protocol, publishing it again.

What belongs here: the pipeline's own functions, called as `pqrsd publish` calls them, with the time of each step. What
does not: what they are compared with (`ckan_yardsticks`).
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import ckan_task, large_release
from benchmarks.ckan_task import Task
from pipeline.portal import publish
from pipeline.portal.ckan import card, tables
from pipeline.portal.ckan.client import Client, read_token
from pipeline.portal.ckan.portal import CkanPortal
from pipeline.profile import Profile
from pipeline.release import archive, manifest
from pipeline.release.verify import Verdict, verify
from schemas.published import MICRODATA
from tests import small_release as small


class _Timed:
    """A portal, and the seconds spent in each of its acts."""

    def __init__(self, portal: CkanPortal, spent: dict[str, float]) -> None:
        self._portal, self._spent = portal, spent

    def __getattr__(self, name: str) -> Any:
        return _timed(getattr(self._portal, name), name, self._spent)


def _timed(act: Callable[..., Any], name: str, spent: dict[str, float]) -> Callable[..., Any]:
    def measured(*given: Any) -> Any:
        start = time.perf_counter()
        try:
            return act(*given)
        finally:
            spent[name] = spent.get(name, 0) + time.perf_counter() - start

    return measured


NAME = "medicion-publicar"
"""Of the organisation and the dataset; without figures, which the verification would take for somebody's number."""


def _profile() -> Profile:
    """The municipality's profile under names that no real dataset has."""
    whole = small.profile()
    town = whole.entidad.model_copy(update={"slug": NAME, "conjunto_solicitudes": NAME})
    return whole.model_copy(update={"entidad": town, "portal": whole.portal.model_copy(update={"grupos": []})})


def build(task: Task) -> dict[str, Any]:
    """Makes the release, and says in `plan.json` what the others need to know of it."""
    profile = _profile()
    made = large_release.build(task.release, task.rows, profile)
    packed = task.work / "entrega.zip"
    archive.pack(task.release, packed)
    files = {path: task.release / path for path in manifest.files_of(task.release)} | {card.ARCHIVE: packed}
    plan = {
        "dataset": made.dataset,
        "organization": profile.entidad.slug,
        "csv": f"datos/{MICRODATA.name}.csv",
        "fields": MICRODATA.datastore_fields(),
        "files": {path: file.relative_to(task.work).as_posix() for path, file in files.items()},
    }
    (task.work / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    return {}


def publishing(task: Task) -> dict[str, Any]:
    """Publishes by the protocol, with the public verification; gives the seconds of each act and what was verified."""
    profile, spent, verdicts = _profile(), dict[str, float](), list[Verdict]()

    def verified(folder: Path, history: Path | None) -> Verdict:
        verdicts.append(verify(folder, history))
        return verdicts[-1]

    tables.load = _timed(tables.load, "load", spent)
    client = Client(task.url, read_token(task.token_file))
    portal = CkanPortal(client, profile.entidad, profile.portal, task.work / "trabajo")
    result = publish(_Timed(portal, spent), task.release, verify=_timed(verified, "verify", spent))
    rows = [sum(p["filas"] for p in v.facts["periodos"].values()) for v in verdicts if v.ok]
    shown = client.read("package_show", id=manifest.read(task.release).dataset)
    return {
        "estado": result.state,
        "verificadas": rows[0] if rows else 0,
        "archivos": len(shown["resources"]),
        "en_tabla": sum(
            client.read("datastore_info", id=r["id"])["meta"]["count"]
            for r in shown["resources"]
            if r["ruta"] == task.plan["csv"]
        ),
        "actos": {name: round(seconds, 2) for name, seconds in spent.items()},
    }


if __name__ == "__main__":
    ckan_task.run({"construir": build, "nuestra": publishing, "repetida": publishing})
