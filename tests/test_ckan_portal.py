"""Publishing to a real CKAN: what consumers get, what is refused, and what a second run writes (`make test-ckan`)."""

import csv
import hashlib
import io
import os
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from pipeline.portal import PortalConflict, PortalError, plan, prepare, publish, withdraw
from pipeline.portal.ckan import card, reader
from pipeline.portal.ckan.staging import Staging
from pipeline.portal.register import READMITTED, Register
from pipeline.release import manifest
from tests import small_release as small
from tests.ckan_portal import (
    Chain,
    Stack,
    accepts,
    anonymous_package,
    at_rest,
    portal_of,
    removed_afterwards,
    stack,
)

PUBLICATIONS = 50 if os.environ.get("FULL") else 6


@pytest.fixture
def place() -> Stack:
    return stack()


@pytest.fixture
def chain(place: Stack, tmp_path: Path) -> Iterator[Chain]:
    with removed_afterwards(place, Chain(tmp_path)) as made:
        yield made


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "work"


def put(place: Stack, chain: Chain, number: int, work: Path) -> str:
    return publish(portal_of(place.client(), work), chain.release(number), verify=accepts).state


def test_a_release_is_public_with_its_tables_dictionary_views_and_search(
    place: Stack, chain: Chain, work: Path
) -> None:
    assert put(place, chain, 1, work) == "publicada"
    assert at_rest(place, chain, 1, work) == []
    shown = anonymous_package(place, chain.dataset)
    assert shown is not None
    by_path = {r["ruta"]: r for r in shown["resources"]}
    assert {"datos/solicitudes.csv", "informe/informe.html", "esquema/diccionario.csv", "(zip)"} <= set(by_path)
    anyone = place.client().anonymous()
    info = anyone.read("datastore_info", id=by_path["datos/contabilidad.csv"]["id"])
    assert {f["id"]: f["type"] for f in info["fields"]}["filas"] == "int8"
    assert all(f["info"]["label"] and f["info"]["notes"] for f in info["fields"])
    views = anyone.read("resource_view_list", id=by_path["informe/informe.html"]["id"])
    assert [v["view_type"] for v in views] == ["webpage_view"]
    assert shown["organization"]["name"] == "alcaldia-santa-marta"
    assert [g["name"] for g in shown["groups"]] == ["participacion-ciudadana"]
    assert shown["license_id"] == "cc-by"


def test_the_second_run_makes_no_write(place: Stack, chain: Chain, work: Path) -> None:
    put(place, chain, 1, work)
    before = place.written()
    assert before > 0
    assert put(place, chain, 1, work) == "sin_cambios"
    assert place.written() == before


def test_a_dry_run_names_the_changes_and_writes_nothing(place: Stack, chain: Chain, work: Path) -> None:
    portal = portal_of(place.client(), work)
    put(place, chain, 1, work)
    before = place.written()
    same, other = plan(portal, chain.release(1)), plan(portal, chain.release(2))
    assert (same.state, same.changes) == ("sin_cambios", ())
    assert other.state == "nueva"
    assert {"reemplazar datos/contabilidad.csv", "reemplazar LEAME.md", "cambiar version"} <= set(other.changes)
    assert "reemplazar datos/solicitudes.csv" not in other.changes
    assert place.written() == before


def test_staging_shows_nothing_to_anybody_and_publishing_goes_on_from_it(
    place: Stack, chain: Chain, work: Path
) -> None:
    portal = portal_of(place.client(), work)
    assert prepare(portal, chain.release(1), verify=accepts).state == "preparada"
    anyone = place.client().anonymous()
    assert anyone.find("package_show", id=chain.dataset) is None
    publisher = (work / ".publicador").read_text()
    staged = card.Edition(1, publisher).staging_name(chain.made(1))
    assert anyone.find("package_show", id=staged) is None
    hidden = place.client().read("package_show", id=staged)
    assert requests.get(hidden["resources"][0]["url"], timeout=10).status_code in {403, 404}
    assert anyone.find("datastore_info", id=hidden["resources"][0]["id"]) is None
    assert anyone.read("package_search", fq=f'name:"{staged}"')["count"] == 0
    uploaded = {r["id"] for r in hidden["resources"]}
    assert put(place, chain, 1, work) == "publicada"
    shown = anonymous_package(place, chain.dataset)
    assert shown is not None
    assert {r["id"] for r in shown["resources"]} == uploaded
    assert at_rest(place, chain, 1, work) == []


def test_a_later_version_keeps_the_address_and_offers_the_former_ones_whole(
    place: Stack, chain: Chain, work: Path, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        put(place, chain, number, work)
    assert at_rest(place, chain, 3, work) == []
    shown = anonymous_package(place, chain.dataset)
    assert shown is not None
    assert list(reader.archives(shown)) == ["2003.1.0", "2002.1.0", "2001.1.0"]
    for number, resource in ((1, "2001.1.0"), (2, "2002.1.0")):
        got = reader.fetch_release(place.client().anonymous(), reader.archives(shown)[resource], tmp_path / "leido")
        assert manifest.sums_of(got) == manifest.sums_of(chain.release(number))


def test_an_earlier_version_that_comes_late_does_not_become_the_current_one(
    place: Stack, chain: Chain, work: Path
) -> None:
    put(place, chain, 2, work)
    assert put(place, chain, 1, work) == "publicada"
    assert at_rest(place, chain, 2, work) == []
    shown = anonymous_package(place, chain.dataset)
    assert shown is not None
    assert list(reader.archives(shown)) == ["2002.1.0", "2001.1.0"]
    assert put(place, chain, 1, work) == "sin_cambios"


def test_a_version_with_another_content_is_refused(place: Stack, chain: Chain, work: Path, tmp_path: Path) -> None:
    put(place, chain, 1, work)
    other = tmp_path / "otra"
    shutil.copytree(chain.release(1), other)
    small.change(other / "LEAME.md", lambda text: f"{text}\n")
    small.make_consistent(other)
    before = place.written()
    with pytest.raises(PortalError, match="otro contenido"):
        publish(portal_of(place.client(), work), other, verify=accepts)
    assert place.written() == before


def test_a_release_that_does_not_verify_leaves_nothing_behind(place: Stack, chain: Chain, work: Path) -> None:
    put(place, chain, 1, work)

    def refuses(*_: object) -> object:
        return type("V", (), {"ok": False, "findings": []})()

    with pytest.raises(PortalError, match="no pasan la verificación"):
        publish(portal_of(place.client(), work), chain.release(2), verify=refuses)  # type: ignore[arg-type]
    assert at_rest(place, chain, 1, work) == []


@pytest.mark.parametrize("field", ["title", "notes", "tags", "extras", "resource"])
def test_an_edit_by_somebody_else_is_detected_and_not_overwritten(
    place: Stack, chain: Chain, work: Path, field: str
) -> None:
    put(place, chain, 1, work)
    client = place.client()
    shown = client.read("package_show", id=chain.dataset)
    edits = {
        "title": {"title": "Otro título"},
        "notes": {"notes": "Otra descripción"},
        "tags": {"tags": [{"name": "otra"}]},
        "extras": {"extras": [*shown["extras"], {"key": "nota", "value": "x"}]},
    }
    if field == "resource":
        client.write("resource_patch", {"id": shown["resources"][0]["id"], "name": "x"}, look=lambda: None)
    else:
        client.write("package_patch", {"id": shown["id"], **edits[field]}, look=lambda: None)
    edited = client.read("package_show", id=chain.dataset)
    with pytest.raises(PortalConflict, match="fue editada"):
        put(place, chain, 2, work)
    now = client.read("package_show", id=chain.dataset)
    assert (now["title"], now["notes"], now["resources"]) == (edited["title"], edited["notes"], edited["resources"])
    verdict = reader.verify_dataset(place.client().anonymous(), chain.dataset, work / "v")
    assert "ficha" in {f.rule for f in verdict.findings}


def test_two_publishers_at_once_publish_once(place: Stack, chain: Chain, tmp_path: Path) -> None:
    put(place, chain, 1, tmp_path / "w0")
    chain.release(2)
    outcomes: list[str] = []

    def run(number: int) -> None:
        try:
            outcomes.append(put(place, chain, 2, tmp_path / f"w{number}"))
        except PortalError:
            outcomes.append("cedió")

    threads = [threading.Thread(target=run, args=(n,)) for n in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 3
    put(place, chain, 2, tmp_path / "w0")
    assert at_rest(place, chain, 2, tmp_path / "w0") == []


def test_a_withdrawn_dataset_is_gone_everywhere_and_does_not_come_back_by_itself(
    place: Stack, chain: Chain, work: Path, tmp_path: Path
) -> None:
    register = Register(tmp_path / "retiros.jsonl")
    put(place, chain, 1, work)
    shown = anonymous_package(place, chain.dataset)
    assert shown is not None
    portal = portal_of(place.client(), work)
    assert "no es público" in withdraw(portal, register, chain.dataset, None, "prueba")
    anyone = place.client().anonymous()
    assert anonymous_package(place, chain.dataset) is None
    assert anyone.read("package_search", fq=f'name:"{chain.dataset}"')["count"] == 0
    for resource in shown["resources"]:
        assert requests.get(resource["url"], timeout=10).status_code in {403, 404}
        assert anyone.find("datastore_info", id=resource["id"]) is None
        assert not list((place.storage / "resources").glob(f"{resource['id'][:3]}/{resource['id'][3:6]}/*"))
    with pytest.raises(PortalError, match="no vuelve sola"):
        publish(portal, chain.release(1), verify=accepts, withdrawn=register.withdrawn())
    register.record(READMITTED, chain.dataset, "2001.1.0", chain.made(1).digest, "fin de la prueba")
    publish(portal, chain.release(1), verify=accepts, withdrawn=register.withdrawn())
    assert at_rest(place, chain, 1, work) == []


def test_a_former_version_can_be_withdrawn_alone(place: Stack, chain: Chain, work: Path, tmp_path: Path) -> None:
    put(place, chain, 1, work)
    put(place, chain, 2, work)
    portal = portal_of(place.client(), work)
    said = withdraw(portal, Register(tmp_path / "r.jsonl"), chain.dataset, "2001.1.0", "prueba")
    assert "las demás siguen" in said
    assert at_rest(place, chain, 2, work) == []
    shown = anonymous_package(place, chain.dataset)
    assert shown is not None
    assert list(reader.archives(shown)) == ["2002.1.0"]


def test_a_withdrawal_that_dies_before_it_erased_is_finished_by_the_next(
    place: Stack, chain: Chain, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(place, chain, 1, work)
    shown = anonymous_package(place, chain.dataset)
    assert shown is not None
    register = Register(tmp_path / "retiros.jsonl")

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Staging, "sweep", dies)
        with pytest.raises(KeyboardInterrupt):
            withdraw(portal_of(place.client(), work), register, chain.dataset, None, "prueba")
    assert anonymous_package(place, chain.dataset) is None
    portal = portal_of(place.client(), work)
    with portal.exclusive():
        portal.withdraw(chain.dataset, None)
    anyone = place.client().anonymous()
    for resource in shown["resources"]:
        assert anyone.find("datastore_info", id=resource["id"]) is None
        assert not _stored(place, resource["id"]).exists()


def _stored(place: Stack, resource_id: str) -> Path:
    return place.storage / "resources" / resource_id[:3] / resource_id[3:6] / resource_id[6:]


def test_a_byte_changed_in_the_portals_storage_is_found_and_repaired(place: Stack, chain: Chain, work: Path) -> None:
    put(place, chain, 1, work)
    shown = anonymous_package(place, chain.dataset)
    assert shown is not None
    victim = next(r for r in shown["resources"] if r["ruta"] == "datos/tablas.csv")
    stored = _stored(place, victim["id"])
    stored.write_bytes(stored.read_bytes().replace(b"2", b"3", 1))
    verdict = reader.verify_dataset(place.client().anonymous(), chain.dataset, work / "v")
    assert ("recurso", "datos/tablas.csv") in {(f.rule, f.file) for f in verdict.findings}
    assert put(place, chain, 1, work) == "publicada"
    assert at_rest(place, chain, 1, work) == []


def test_a_row_changed_in_the_datastore_is_found(place: Stack, chain: Chain, work: Path) -> None:
    put(place, chain, 1, work)
    shown = anonymous_package(place, chain.dataset)
    assert shown is not None
    table = next(r for r in shown["resources"] if r["ruta"] == "datos/contabilidad.csv")
    before = reader.verify_dataset(place.client().anonymous(), chain.dataset, work / "v0")
    assert "tabla" not in {f.rule for f in before.findings}
    row = {"periodo": "2025-S1", "fuente": "sigob", "destino": "aceptada", "regla": None, "filas": 7}
    place.client().write(
        "datastore_upsert",
        {"resource_id": table["id"], "force": True, "method": "insert", "records": [row]},
        look=lambda: None,
    )
    verdict = reader.verify_dataset(place.client().anonymous(), chain.dataset, work / "v1")
    assert ("tabla", "datos/contabilidad.csv") in {(f.rule, f.file) for f in verdict.findings}


class _Reader(threading.Thread):
    """Somebody who reads card, files, table and search over and over, and notes what does not fit together."""

    def __init__(self, place: Stack, chain: Chain, digests: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self._client = place.client().anonymous()
        self._dataset, self._digests = chain.dataset, digests
        self._session = requests.Session()
        self.seen: Counter[str] = Counter()
        self.torn: list[str] = []
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            self.look()

    def look(self) -> None:
        shown = reader.package(self._client, self._dataset)
        if shown is None:
            self.torn.append("la ficha desapareció")
            return
        if not reader.whole(shown):
            self.seen["ficha a medias, que ella misma dice: leerla otra vez"] += 1
            return
        self.seen["fichas"] += 1
        self._card("ficha", shown)
        found = self._client.read("package_search", fq=f'name:"{self._dataset}"')["results"]
        if len(found) != 1:
            self.torn.append(f"el buscador da {len(found)}")
        else:
            self.seen["búsquedas"] += 1
            self._card("buscador", found[0])
        for resource in shown["resources"]:
            self._file(resource)
        table = next(r for r in shown["resources"] if r["ruta"] == "datos/contabilidad.csv")
        self._table(table, int(str(shown["version"])[:4]) - 2000)

    def _card(self, where: str, shown: dict[str, object]) -> None:
        """One version through and through, and that version's digest."""
        version = str(shown["version"])
        extras = card.extras_of(shown)
        whole = [r for r in shown["resources"] if r["ruta"] != card.ARCHIVE]  # type: ignore[attr-defined]
        said = {version, extras[card.VERSION], *(r[card.VERSION] for r in whole)}
        if len(said) != 1 or extras[card.DIGEST] != self._digests[version] or len(whole) < 10:
            self.torn.append(f"{where} con {len(said)} versiones")

    def _file(self, resource: dict[str, str]) -> None:
        answer = self._session.get(resource["url"], timeout=15)
        if answer.status_code in {403, 404}:
            self.seen["403 o 404: leer otra vez la ficha"] += 1
        elif hashlib.sha256(answer.content).hexdigest() != resource["hash"]:
            self.torn.append(f"{resource['ruta']} no es el de su ficha")
        else:
            self.seen["archivos"] += 1

    def _table(self, resource: dict[str, str], number: int) -> None:
        rows = self._client.find("datastore_search", resource_id=resource["id"], limit=100)
        if rows is None:
            self.seen["403 o 404: leer otra vez la ficha"] += 1
        elif sorted(r["filas"] for r in rows["records"]) != sorted([number, 2]):
            self.torn.append("la tabla no es la de su ficha")
        else:
            self.seen["tablas"] += 1


@pytest.mark.timeout(0 if PUBLICATIONS > 10 else 600)
def test_readers_never_see_two_versions_mixed(
    place: Stack, chain: Chain, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digests = {chain.made(n).version: chain.made(n).digest for n in range(1, PUBLICATIONS + 2)}
    put(place, chain, 1, work)
    readers = [_Reader(place, chain, digests) for _ in range(2)]
    for one in readers:
        one.start()
    try:
        for number in range(2, PUBLICATIONS + 2):
            put(place, chain, number, work)
            # the former ones would make every publication longer than the one before
            if number > 3:
                portal = portal_of(place.client(), work)
                with portal.exclusive():
                    portal.withdraw(chain.dataset, f"{2000 + number - 2}.1.0")
    finally:
        for one in readers:
            one.stop.set()
        for one in readers:
            one.join()
    total = sum((one.seen for one in readers), Counter())
    with capsys.disabled():
        counted = ", ".join(f"{n} {what}" for what, n in sorted(total.items()))
        print(  # noqa: T201 - the figure is what this test is for
            f"\n{PUBLICATIONS} publicaciones; {counted}; mezclas: {sum(len(r.torn) for r in readers)}"
        )
    assert [torn for one in readers for torn in one.torn] == []
    assert total["fichas"] > PUBLICATIONS
    assert total["tablas"] > PUBLICATIONS


def test_the_published_csv_reads_as_the_release_says(place: Stack, chain: Chain, work: Path) -> None:
    put(place, chain, 1, work)
    shown = anonymous_package(place, chain.dataset)
    assert shown is not None
    url = next(r["url"] for r in shown["resources"] if r["ruta"] == "datos/solicitudes.csv")
    rows = list(csv.DictReader(io.StringIO(requests.get(url, timeout=10).content.decode("utf-8"))))
    assert len(rows) == 36
