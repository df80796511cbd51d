"""The parts of publishing that need no portal: the zip of a release, the register of withdrawals, a dataset's card."""

import shutil
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipeline import portal, release
from pipeline.cli import main
from pipeline.portal import PortalError, publish, withdraw
from pipeline.portal.ckan import card, reader
from pipeline.portal.local import LocalPortal
from pipeline.portal.register import READMITTED, WITHDRAWN, Register
from pipeline.release import archive, manifest
from pipeline.release.inputs import ReleaseError
from tests import small_release as small
from tests.ckan_portal import accepts


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("entregas")
    release.build(small.inputs(place / "f", ("2025-S1",)), place / "2025.1.0")
    release.build(small.inputs(place / "f"), place / "2025.2.0")
    return place


def planned(folder: Path, tmp_path: Path, edition: int = 1) -> tuple[card.Resource, ...]:
    packed = tmp_path / f"{folder.name}.zip"
    archive.pack(folder, packed)
    town = small.profile()
    return card.resources(folder, packed, manifest.read(folder), town.portal, card.Edition(edition, "p"))


def shown(folder: Path, tmp_path: Path) -> dict[str, Any]:
    """A card as CKAN would show it."""
    town = small.profile()
    fields = card.dataset(folder, manifest.read(folder), town.entidad, town.portal, edition=1)
    rows = [{**r.fields(), "size": r.size, "url_type": "upload"} for r in planned(folder, tmp_path)]
    return {**fields, "resources": rows}


def test_a_release_comes_out_of_its_zip_as_it_went_in(built: Path, tmp_path: Path) -> None:
    archive.pack(built / "2025.2.0", tmp_path / "a.zip")
    archive.unpack(tmp_path / "a.zip", tmp_path / "fuera")
    assert manifest.sums_of(tmp_path / "fuera") == manifest.sums_of(built / "2025.2.0")


def test_the_zip_is_the_same_whenever_and_wherever_it_is_made(built: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copia"
    shutil.copytree(built / "2025.2.0", copy)
    for path in copy.rglob("*"):
        path.chmod(0o700)
    archive.pack(built / "2025.2.0", tmp_path / "a.zip")
    archive.pack(copy, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@pytest.mark.parametrize(
    "name", ["../fuera.txt", "/etc/fuera.txt", "a/../../fuera.txt", "a\\..\\fuera.txt", "carpeta/"]
)
def test_a_zip_that_would_write_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as made:
        made.writestr(name, "x")
    with pytest.raises(ReleaseError):
        archive.unpack(tmp_path / "t.zip", tmp_path / "aqui")
    assert not (tmp_path / "fuera.txt").exists()


def test_a_zip_with_a_link_or_with_one_name_twice_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("enlace")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "l.zip", "w") as made:
        made.writestr(link, "/etc/passwd")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(tmp_path / "d.zip", "w") as made:
        made.writestr("a", "x")
        made.writestr("a", "y")
    for name in ("l", "d"):
        with pytest.raises(ReleaseError):
            archive.unpack(tmp_path / f"{name}.zip", tmp_path / name)


def test_a_zip_larger_than_any_release_is_refused_before_it_fills_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a", b"0" * 100_000)
    with pytest.raises(ReleaseError, match="demasiado grande"):
        archive.unpack(tmp_path / "b.zip", tmp_path / "b")


@pytest.mark.parametrize("part", [0.0, 0.2, 0.4, 0.6, 0.8])
def test_a_zip_with_a_changed_byte_in_a_file_is_refused(built: Path, tmp_path: Path, part: float) -> None:
    archive.pack(built / "2025.1.0", tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as made:
        largest = max(made.infolist(), key=lambda entry: entry.compress_size)
    content = bytearray((tmp_path / "a.zip").read_bytes())
    # behind the local header: its fixed part, the name, and the extra field of large files
    start = largest.header_offset + 30 + len(largest.filename) + 20
    content[start + int((largest.compress_size - 1) * part)] ^= 0x55
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ReleaseError):
        archive.unpack(tmp_path / "a.zip", tmp_path / "fuera")


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "n.zip").write_bytes(b"PK no")
    with pytest.raises(ReleaseError):
        archive.unpack(tmp_path / "n.zip", tmp_path / "n")


def test_resource_ids_follow_from_content_and_from_whose_try_it_is(built: Path, tmp_path: Path) -> None:
    first = {r.path: r.id for r in planned(built / "2025.1.0", tmp_path)}
    assert first == {r.path: r.id for r in planned(built / "2025.1.0", tmp_path)}
    assert not set(first.values()) & {r.id for r in planned(built / "2025.1.0", tmp_path, edition=2)}
    assert not set(first.values()) & {r.id for r in planned(built / "2025.2.0", tmp_path)}
    assert len(set(first.values())) == len(first)


def test_a_card_names_licence_contact_periods_and_how_to_follow_versions(built: Path) -> None:
    town = small.profile()
    folder = built / "2025.2.0"
    fields = card.dataset(folder, manifest.read(folder), town.entidad, town.portal, edition=3)
    extras = card.extras_of(fields)
    assert extras["temporal_start"] == "2025-01-01"
    assert extras["temporal_end"] == "2025-12-31"
    assert extras["frequency"].endswith("/ANNUAL_2")
    assert extras[card.DIGEST] == manifest.read(folder).digest
    assert fields["license_id"] == "cc-by"
    assert fields["maintainer_email"] == town.entidad.contacto_correo
    for promise in ("prohibido intentar identificar", "package_show?id=", "404", "version_datos", "SHA256SUMS"):
        assert promise in fields["notes"]


def test_the_fingerprint_shows_any_edit_of_what_was_written_and_nothing_else(built: Path, tmp_path: Path) -> None:
    public = shown(built / "2025.2.0", tmp_path)
    before = card.fingerprint(public)
    public["metadata_modified"] = "2026-01-01"
    public["extras"] = [*reversed(public["extras"]), {"key": card.CARD, "value": before}]
    public["tags"] = [{"name": t["name"], "state": "active"} for t in reversed(public["tags"])]
    assert card.fingerprint(public) == before
    for edit in (
        {"title": "otro"},
        {"license_id": "cc-zero"},
        {"tags": public["tags"][1:]},
        {"resources": public["resources"][1:]},
        {"resources": [{**public["resources"][0], "hash": "0" * 64}, *public["resources"][1:]]},
        {"extras": [*public["extras"], {"key": "otra", "value": "x"}]},
    ):
        assert card.fingerprint(public | edit) != before
        assert card.edited(public | edit, public)
    assert card.edited(public, public) == []


def test_a_card_caught_in_mid_switch_says_so() -> None:
    whole = {
        "extras": [{"key": card.VERSION, "value": "2025.2.0"}],
        "resources": [
            {"ruta": "datos/a.csv", card.VERSION: "2025.2.0"},
            {"ruta": card.ARCHIVE, card.VERSION: "2025.1.0"},
        ],
    }
    assert reader.whole(whole)
    whole["resources"][0][card.VERSION] = "2025.1.0"
    assert not reader.whole(whole)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("http://h:5/dataset/x", ("http://h:5", "x")),
        ("https://h/datos/dataset/x/", ("https://h/datos", "x")),
        ("https://h/dataset/x/resource/y", None),
        ("data/portal/x", None),
        ("ftp://h/dataset/x", None),
    ],
)
def test_a_dataset_is_found_by_its_pages_address(address: str, parts: tuple[str, str] | None) -> None:
    assert reader.dataset_of(address) == parts


def test_withdrawals_are_remembered_until_they_are_readmitted(tmp_path: Path) -> None:
    register = Register(tmp_path / "r.jsonl")
    assert register.withdrawn() == set()
    register.record(WITHDRAWN, "x", "2025.1.0", "aaa", "motivo")
    register.record(WITHDRAWN, "x", "2025.2.0", "bbb", "motivo")
    register.record(READMITTED, "x", "2025.1.0", "aaa", "motivo")
    assert Register(tmp_path / "r.jsonl").withdrawn() == {"bbb"}


def test_a_withdrawal_needs_a_reason_and_a_broken_register_stops_publishing(tmp_path: Path) -> None:
    register = Register(tmp_path / "r.jsonl")
    with pytest.raises(PortalError, match="motivo"):
        register.record(WITHDRAWN, "x", "2025.1.0", "aaa", "  ")
    (tmp_path / "r.jsonl").write_text('{"acto": "retirada"', encoding="utf-8")
    with pytest.raises(PortalError, match="no se publica nada"):
        register.withdrawn()


def test_a_version_withdrawn_from_a_folder_is_gone_and_the_former_one_is_current_again(
    built: Path, tmp_path: Path
) -> None:
    place, register = LocalPortal(tmp_path / "p"), Register(tmp_path / "r.jsonl")
    for version in ("2025.1.0", "2025.2.0"):
        publish(place, built / version, verify=accepts)
    assert "2025.1.0" in withdraw(place, register, "pqrsd-solicitudes", "2025.2.0", "prueba")
    home = tmp_path / "p" / "pqrsd-solicitudes"
    assert not (home / "2025.2.0").exists()
    assert '"version": "2025.1.0"' in (home / "vigente.json").read_text(encoding="utf-8")
    assert "2025.2.0" not in (tmp_path / "p" / "index.html").read_text(encoding="utf-8")
    with pytest.raises(PortalError, match="no vuelve sola"):
        publish(place, built / "2025.2.0", verify=accepts, withdrawn=register.withdrawn())
    withdraw(place, register, "pqrsd-solicitudes", None, "todo")
    assert sorted(p.name for p in home.iterdir()) == []


def test_a_dry_run_on_a_folder_lists_what_would_change_and_writes_no_release(built: Path, tmp_path: Path) -> None:
    place = LocalPortal(tmp_path / "p")
    first = portal.plan(place, built / "2025.1.0")
    assert (first.state, first.changes[0]) == ("nueva", "crear el conjunto pqrsd-solicitudes")
    assert not list((tmp_path / "p").rglob("MANIFIESTO.json"))
    publish(place, built / "2025.1.0", verify=accepts)
    assert portal.plan(place, built / "2025.1.0").state == "sin_cambios"
    later = portal.plan(place, built / "2025.2.0")
    assert "reemplazar datos/solicitudes.csv" in later.changes


def test_the_command_line_publishes_withdraws_and_readmits(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--portal", str(tmp_path / "p"), "--data", str(tmp_path / "d")]
    folder = str(built / "2025.1.0")
    assert main(["publish", folder, *common, "--dry-run"]) == 0
    assert "nueva" in capsys.readouterr().out
    assert main(["publish", folder, *common]) == 0
    assert main(["verify", str(tmp_path / "p" / "pqrsd-solicitudes" / "2025.1.0")]) == 0
    assert main(["withdraw", "pqrsd-solicitudes", "--motivo", "prueba", *common]) == 0
    assert main(["publish", folder, *common]) == 2
    assert "no vuelve sola" in capsys.readouterr().err
    assert main(["publish", folder, *common, "--readmitir", "--motivo", "fin"]) == 0


def test_the_recheck_withdraws_what_was_altered_and_says_so(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--portal", str(tmp_path / "p"), "--data", str(tmp_path / "d")]
    assert main(["publish", str(built / "2025.1.0"), *common]) == 0
    assert main(["recheck", *common]) == 0
    assert "intacto" in capsys.readouterr().out
    small.change(tmp_path / "p" / "pqrsd-solicitudes" / "2025.1.0" / "LEAME.md", lambda text: f"{text} ")
    assert main(["recheck", *common]) == 1
    assert "huellas" in capsys.readouterr().out
    assert not (tmp_path / "p" / "pqrsd-solicitudes" / "2025.1.0").exists()


def test_an_alteration_that_keeps_the_public_files_consistent_is_found_by_the_digest(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--portal", str(tmp_path / "p"), "--data", str(tmp_path / "d")]
    kept = tmp_path / "d" / "abierto" / "trabajo" / "entregas" / "pqrsd-solicitudes" / "2025.1.0"
    shutil.copytree(built / "2025.1.0", kept)
    assert main(["publish", str(kept), *common]) == 0
    public = tmp_path / "p" / "pqrsd-solicitudes" / "2025.1.0"
    small.change(public / "LEAME.md", lambda text: f"{text}\nOtra cosa.\n")
    small.make_consistent(public)
    assert main(["recheck", *common]) == 1
    assert "FALLA en huella" in capsys.readouterr().out
