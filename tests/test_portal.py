"""Publishing to a folder: verified before it is seen, atomic, repeatable after a kill, silent when nothing changed."""

import json
import multiprocessing
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline import portal, release
from pipeline.portal import PortalError, publish
from pipeline.portal.local import LocalPortal
from pipeline.release import manifest
from pipeline.release.folder import Finding
from pipeline.release.verify import Verdict
from tests import small_release as small

DATASET = "pqrsd-solicitudes"


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions and the annual one."""
    place = tmp_path_factory.mktemp("entregas")
    release.build(small.inputs(place / "f", ("2025-S1",)), place / "2025.1.0")
    release.build(small.inputs(place / "f"), place / "2025.2.0")
    release.build(small.annual(place / "f"), place / "2025.0.0")
    return place


def state_of(root: Path) -> dict[str, tuple[int, int]]:
    """Modification time and inode of everything below a folder, folders included."""
    return {p.relative_to(root).as_posix(): (p.stat().st_mtime_ns, p.stat().st_ino) for p in sorted(root.rglob("*"))}


def accepts(_: Path, __: Path | None) -> Verdict:
    """A verification that finds nothing: for tests about the order of publishing."""
    return Verdict(True, [])


def refuses(_: Path, __: Path | None) -> Verdict:
    """A verification that always finds something."""
    return Verdict(False, [Finding("k_filas", "datos/solicitudes.csv", "motivo")])


def current(root: Path, dataset: str = DATASET) -> dict[str, object]:
    """What `vigente.json` says."""
    return json.loads((root / dataset / "vigente.json").read_text(encoding="utf-8"))


def test_a_release_is_published_byte_by_byte_and_named_as_current(releases: Path, tmp_path: Path) -> None:
    result = publish(LocalPortal(tmp_path / "p"), releases / "2025.2.0")
    made = manifest.read(releases / "2025.2.0")
    assert result == portal.PublishResult("publicada", str(tmp_path / "p" / DATASET / "2025.2.0"), made.digest)
    assert small.bytes_of(Path(result.location)) == small.bytes_of(releases / "2025.2.0")
    assert current(tmp_path / "p")["version"] == "2025.2.0"
    assert current(tmp_path / "p")["huella_publicacion"] == made.digest


def test_publishing_the_same_release_again_writes_nothing(releases: Path, tmp_path: Path) -> None:
    place = LocalPortal(tmp_path / "p")
    publish(place, releases / "2025.2.0")
    before = state_of(tmp_path / "p")
    assert publish(place, releases / "2025.2.0").state == "sin_cambios"
    assert state_of(tmp_path / "p") == before


def test_versions_stand_beside_each_other_and_the_newest_is_current(releases: Path, tmp_path: Path) -> None:
    place = LocalPortal(tmp_path / "p")
    publish(place, releases / "2025.2.0", verify=accepts)
    publish(place, releases / "2025.1.0", verify=accepts)
    assert current(tmp_path / "p")["version"] == "2025.2.0"
    listed = json.loads((tmp_path / "p" / DATASET / "releases.json").read_text(encoding="utf-8"))["versiones"]
    assert [v["version"] for v in listed] == ["2025.2.0", "2025.1.0"]


def test_publishing_a_new_version_does_not_touch_the_former(releases: Path, tmp_path: Path) -> None:
    place = LocalPortal(tmp_path / "p")
    publish(place, releases / "2025.1.0")
    before = state_of(tmp_path / "p" / DATASET / "2025.1.0")
    publish(place, releases / "2025.2.0")
    assert state_of(tmp_path / "p" / DATASET / "2025.1.0") == before


def test_the_same_version_with_another_digest_is_refused(releases: Path, tmp_path: Path) -> None:
    place = LocalPortal(tmp_path / "p")
    publish(place, releases / "2025.2.0")
    before = state_of(tmp_path / "p")
    other = tmp_path / "otra"
    shutil.copytree(releases / "2025.2.0", other)
    small.change(other / "LEAME.md", lambda t: t + "\n")
    small.make_consistent(other)
    with pytest.raises(PortalError, match="ya está publicada con otro contenido"):
        publish(place, other)
    assert state_of(tmp_path / "p") == before


def test_a_release_that_does_not_verify_is_never_seen(releases: Path, tmp_path: Path) -> None:
    place = LocalPortal(tmp_path / "p")
    publish(place, releases / "2025.1.0")
    before = small.bytes_of(tmp_path / "p")
    with pytest.raises(PortalError, match="k_filas"):
        publish(place, releases / "2025.2.0", verify=refuses)
    assert small.bytes_of(tmp_path / "p") == before
    assert not list((tmp_path / "p").rglob(".preparacion-*"))


def test_the_real_verification_stops_a_tampered_release(releases: Path, tmp_path: Path) -> None:
    bad = tmp_path / "mala"
    shutil.copytree(releases / "2025.2.0", bad)
    small.change(bad / "LEAME.md", lambda t: t + "\nCédula 1.082.911.245\n")
    small.make_consistent(bad)
    with pytest.raises(PortalError, match="identificadores") as caught:
        publish(LocalPortal(tmp_path / "p"), bad)
    assert "911" not in str(caught.value)
    assert not list((tmp_path / "p").rglob("MANIFIESTO.json"))


def test_what_is_verified_is_the_staged_copy_and_not_the_source(releases: Path, tmp_path: Path) -> None:
    seen: list[Path] = []

    def look(folder: Path, history: Path | None) -> Verdict:
        seen.append(folder)
        assert folder.parent == history == tmp_path / "p" / DATASET
        assert folder.name.startswith(".")
        assert not (tmp_path / "p" / DATASET / "vigente.json").exists()
        return Verdict(True, [])

    publish(LocalPortal(tmp_path / "p"), releases / "2025.2.0", verify=look)
    assert len(seen) == 1


def test_a_copy_that_the_disk_spoils_is_not_published(
    releases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = shutil.copyfile

    def spoil(source: Path, target: Path, **kwargs: bool) -> None:
        copied(source, target, **kwargs)
        if target.name == "solicitudes.csv":
            target.write_bytes(target.read_bytes().replace(b"virtual", b"virtuaI", 1))

    monkeypatch.setattr("pipeline.portal.local.shutil.copyfile", spoil)
    with pytest.raises(PortalError, match="huellas"):
        publish(LocalPortal(tmp_path / "p"), releases / "2025.2.0")
    assert not list((tmp_path / "p").rglob("MANIFIESTO.json"))


class _Spoiling(LocalPortal):
    """A portal that serves other bytes than it was given."""

    def switch(self, staged: Path, made: manifest.Manifest) -> None:
        super().switch(staged, made)
        readme = self._root / made.dataset / made.version / "LEAME.md"
        readme.write_bytes(readme.read_bytes() + b"\n")


def test_a_portal_that_serves_other_bytes_goes_back_to_the_former_state(releases: Path, tmp_path: Path) -> None:
    publish(LocalPortal(tmp_path / "p"), releases / "2025.1.0")
    before = small.bytes_of(tmp_path / "p")
    with pytest.raises(PortalError, match="se retiró"):
        publish(_Spoiling(tmp_path / "p"), releases / "2025.2.0")
    assert small.bytes_of(tmp_path / "p") == before
    assert not (tmp_path / "p" / DATASET / "2025.2.0").exists()


def test_a_published_version_that_was_altered_is_put_back(releases: Path, tmp_path: Path) -> None:
    place = LocalPortal(tmp_path / "p")
    publish(place, releases / "2025.2.0")
    whole = small.bytes_of(tmp_path / "p")
    public = tmp_path / "p" / DATASET / "2025.2.0"
    (public / "intruso.txt").write_text("x", encoding="utf-8")
    small.change(public / "LEAME.md", lambda t: t + "\n")
    assert publish(place, releases / "2025.2.0", verify=accepts).state == "publicada"
    assert small.bytes_of(tmp_path / "p") == whole


def test_an_unreadable_published_manifest_stops_publishing_without_a_change(releases: Path, tmp_path: Path) -> None:
    place = LocalPortal(tmp_path / "p")
    publish(place, releases / "2025.2.0")
    (tmp_path / "p" / DATASET / "2025.2.0" / "MANIFIESTO.json").write_text("{", encoding="utf-8")
    before = small.bytes_of(tmp_path / "p")
    with pytest.raises(PortalError, match="no se puede leer"):
        publish(place, releases / "2025.2.0")
    assert small.bytes_of(tmp_path / "p") == before


# Every call through which publishing changes the disk.
CALLS = ("mkdir", "rename", "replace", "fsync", "unlink", "rmdir")


def _dying(root: Path, source: Path, at: int, after: bool, tell: Callable[[int], None]) -> None:
    """Publishes in this process and dies without any clean-up before or after change number `at`."""
    counted = 0

    def mortal(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def call(*args: object, **kwargs: object) -> object:
            nonlocal counted
            counted += 1
            if counted == at and not after:
                os._exit(9)
            try:
                return real(*args, **kwargs)
            finally:
                if counted == at:
                    os._exit(9)

        return call

    for name in CALLS:
        setattr(os, name, mortal(name))
    publish(LocalPortal(root), source, verify=accepts)
    tell(counted)
    os._exit(0)


def _in_child(root: Path, source: Path, at: int, *, after: bool) -> tuple[int, int]:
    """Exit code, and the number of changes that a whole publication makes (0 when it died)."""
    context = multiprocessing.get_context("fork")
    count = context.Value("i", 0)
    child = context.Process(target=_dying, args=(root, source, at, after, lambda n: setattr(count, "value", n)))
    child.start()
    child.join()
    return child.exitcode or 0, count.value


def consistent(root: Path, releases: Path) -> None:
    """What a consumer relies on at any instant: the current version is whole."""
    pointer = root / DATASET / "vigente.json"
    if pointer.exists():
        version = str(current(root)["version"])
        assert small.bytes_of(root / DATASET / version) == small.bytes_of(releases / version)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_change_and_run_again_it_ends_in_the_same_bytes(
    releases: Path, tmp_path: Path, after: bool
) -> None:
    whole = tmp_path / "whole"
    for version in ("2025.1.0", "2025.2.0"):
        publish(LocalPortal(whole), releases / version, verify=accepts)
    first = tmp_path / "first"
    publish(LocalPortal(first), releases / "2025.1.0", verify=accepts)
    code, changes = _in_child(shutil.copytree(first, tmp_path / "count"), releases / "2025.2.0", 10_000, after=after)
    assert code == 0
    assert changes > 40
    steps = [*range(1, changes + 1, 1 if os.environ.get("FULL") else 7), *range(max(1, changes - 14), changes + 1)]
    for at in steps:
        root = shutil.copytree(first, tmp_path / f"{at}")
        assert _in_child(root, releases / "2025.2.0", at, after=after)[0] == 9
        consistent(root, releases)
        publish(LocalPortal(root), releases / "2025.2.0", verify=accepts)
        assert small.bytes_of(root) == small.bytes_of(whole), at
        shutil.rmtree(root)


def test_two_publishers_at_once_publish_once(releases: Path, tmp_path: Path) -> None:
    results: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: results.append(
                publish(LocalPortal(tmp_path / "p"), releases / "2025.2.0", verify=accepts).state
            )
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["publicada", "sin_cambios", "sin_cambios", "sin_cambios"]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in {"href", "src"}]


def test_the_page_lists_both_datasets_in_spanish_and_every_link_opens_a_file(releases: Path, tmp_path: Path) -> None:
    place = LocalPortal(tmp_path / "p")
    for version in ("2025.1.0", "2025.2.0", "2025.0.0"):
        publish(place, releases / version, verify=accepts)
    page = (tmp_path / "p" / "index.html").read_text(encoding="utf-8")
    links = _Links()
    links.feed(page)
    assert '<html lang="es-CO">' in page
    for dataset in ("Solicitudes ciudadanas PQRSDF de Santa Marta", "Caracterización de la ciudadanía"):
        assert dataset in page
    assert len(links.found) > 15
    for link in links.found:
        assert (tmp_path / "p" / link).is_file(), link


def test_a_title_with_markup_is_escaped(releases: Path, tmp_path: Path) -> None:
    odd = tmp_path / "rara"
    shutil.copytree(releases / "2025.2.0", odd)
    manifest.write(odd, replace(manifest.read(odd), title="<b>Título</b>"))
    publish(LocalPortal(tmp_path / "p"), odd, verify=accepts)
    assert "<b>Título</b>" not in (tmp_path / "p" / "index.html").read_text(encoding="utf-8")
