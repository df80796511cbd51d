"""From dirty extracts to a verified release: what the demo promises, at a size that a test can afford."""

import json
import os
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from pipeline.release.verify import verify
from tests.whole_run import Place

ROWS = 20_000 if os.environ.get("FULL") else 8_000
DATASETS = {"pqrsd-solicitudes": ("2025.1.0", "2025.2.0"), "pqrsd-caracterizacion": ("2025.0.0",)}


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, dict[str, dict[str, object]], str]:
    """Both semesters and the year 2025, run as the demo does."""
    place = Place(tmp_path_factory.mktemp("anio"))
    truth = {label: place.sample(label, ROWS, seed) for seed, label in enumerate(("2025-S1", "2025-S2"), start=1)}
    done = place.pqrsd("run", "--year", "2025")
    assert done.returncode == 0, done.stderr.decode()
    return place, truth, done.stdout.decode()


def digests(folder: Path) -> dict[str, str]:
    return {str(path.parent.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("SHA256SUMS"))}


def test_rows_read_and_their_ends_equal_the_planted_truth(
    year: tuple[Place, dict[str, dict[str, object]], str],
) -> None:
    place, truth, _ = year
    accounting = place.data / "portal" / "pqrsd-solicitudes" / "2025.2.0" / "datos" / "contabilidad.csv"
    rows = duckdb.sql(
        f"SELECT periodo, destino, regla, filas FROM read_csv('{accounting}', all_varchar=true)"
    ).fetchall()
    for label, planted in truth.items():
        ends: Counter[str] = Counter()
        rules: Counter[str] = Counter()
        for period, end, rule, count in rows:
            if period == label:
                ends[end] += int(count)
                if end == "rechazada":
                    rules[rule] += int(count)
        total = planted["total"]
        assert isinstance(total, dict)
        planted_rules: Counter[str] = Counter()
        for name, count in total["rechazadas"].items():
            planted_rules[name.split("/")[0]] += count
        assert sum(ends.values()) == total["leidas"]
        assert ends["aceptada"] == total["aceptadas"]
        assert ends["fusionada"] == total["fusionadas"]
        assert ends["duplicada"] == total["duplicadas"]
        assert rules == +planted_rules


def test_the_run_says_in_spanish_what_happened_and_what_to_open(
    year: tuple[Place, dict[str, dict[str, object]], str],
) -> None:
    _, truth, said = year
    for label in truth:
        assert f"{label}: " in said
    for word in ("leídas", "aceptadas", "fusionadas", "duplicadas", "rechazadas", "suprimidas", "informe", "portal"):
        assert word in said


@pytest.mark.parametrize(("dataset", "versions"), DATASETS.items(), ids=DATASETS.keys())
def test_every_published_release_verifies(
    year: tuple[Place, dict[str, dict[str, object]], str], dataset: str, versions: tuple[str, ...]
) -> None:
    place, _, _ = year
    folder = place.data / "portal" / dataset
    for version in versions:
        verdict = verify(folder / version, folder)
        assert verdict.ok, [finding.rule for finding in verdict.findings]


def test_a_second_run_changes_no_byte_of_the_portal(year: tuple[Place, dict[str, dict[str, object]], str]) -> None:
    place, _, _ = year
    portal = place.data / "portal"
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in portal.rglob("*") if path.is_file()}
    done = place.pqrsd("run", "--semester", "2025-S1")
    assert done.returncode == 0, done.stderr.decode()
    after = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in portal.rglob("*") if path.is_file()}
    assert after == before


def test_another_machine_folder_and_time_zone_give_the_same_bytes(
    year: tuple[Place, dict[str, dict[str, object]], str], tmp_path: Path
) -> None:
    place, _, _ = year
    other = Place(tmp_path / "otra carpeta", {"TZ": "Asia/Tokyo", "LANG": "C.UTF-8", "PYTHONHASHSEED": "7"})
    periods = ["2025-S1", "2025-S2"] if os.environ.get("FULL") else ["2025-S1"]
    for label in periods:
        shutil.copytree(place.data / "aterrizaje" / label, other.data / "aterrizaje" / label)
        done = other.pqrsd("run", "--semester", label)
        assert done.returncode == 0, done.stderr.decode()
    made = digests(other.data / "portal")
    assert len(made) == len(periods)
    assert made.items() <= digests(place.data / "portal").items()


STEPS = (
    "restringido/extractos", "registros", "puerta", "caracterizacion", "graficos", "informe_semestral",
    "entrega_semestral",
)  # fmt: skip
KILLED = STEPS if os.environ.get("FULL") else ("registros", "informe_semestral")


@pytest.mark.parametrize("step", KILLED)
def test_killed_after_a_step_and_run_again_ends_in_the_same_bytes(
    year: tuple[Place, dict[str, dict[str, object]], str], tmp_path: Path, step: str
) -> None:
    """The kill comes while the next step runs; both processes die at once, as in a power cut."""
    place, _, _ = year
    other = Place(tmp_path)
    shutil.copytree(place.data / "aterrizaje" / "2025-S1", other.data / "aterrizaje" / "2025-S1")
    arguments = ("run", "--semester", "2025-S1")
    with subprocess.Popen(
        other.command(arguments), env=other.env(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        start_new_session=True, text=True,
    ) as run:  # fmt: skip
        assert run.stderr is not None
        seen = []
        for line in run.stderr:
            if step in line:
                seen.append(line)
                os.killpg(run.pid, signal.SIGKILL)
                break
    assert seen, f"no progress line names {step}"
    again = other.pqrsd(*arguments)
    assert again.returncode == 0, again.stderr.decode()
    first = digests(place.data / "portal")["pqrsd-solicitudes/2025.1.0"]
    assert digests(other.data / "portal") == {"pqrsd-solicitudes/2025.1.0": first}


def test_a_period_is_not_published_before_an_earlier_one_that_has_extracts(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.sample("2025-S1", 1_000)
    place.sample("2025-S2", ROWS, seed=2)
    done = place.pqrsd("run", "--semester", "2025-S2")
    assert done.returncode == 2
    assert "2025-S1" in done.stderr.decode()


def test_an_empty_landing_folder_is_said_and_nothing_is_published(tmp_path: Path) -> None:
    place = Place(tmp_path)
    done = place.pqrsd("run", "--semester", "2025-S1")
    assert done.returncode == 2
    assert "2025-S1" in done.stderr.decode()
    assert not list((place.data / "portal").rglob("MANIFIESTO.json"))


def test_the_verdict_is_machine_readable_and_the_exit_code_tells(
    year: tuple[Place, dict[str, dict[str, object]], str], tmp_path: Path
) -> None:
    place, _, _ = year
    copy = tmp_path / "2025.1.0"
    shutil.copytree(place.data / "portal" / "pqrsd-solicitudes" / "2025.1.0", copy)
    assert place.pqrsd("verify", str(copy), "--json").returncode == 0
    page = copy / "LEAME.md"
    page.write_text(page.read_text(encoding="utf-8") + "Cédula 1.082.911.245\n", encoding="utf-8")
    done = place.pqrsd("verify", str(copy), "--json")
    assert done.returncode == 1
    verdict = json.loads(done.stdout)
    assert {finding["rule"] for finding in verdict["findings"]}
    assert b"1.082.911.245" not in done.stdout + done.stderr


def test_a_correction_of_few_of_a_public_semester_waits_and_changes_no_public_byte(
    year: tuple[Place, dict[str, dict[str, object]], str], tmp_path: Path
) -> None:
    place, _, _ = year
    other = Place(tmp_path)
    shutil.copytree(place.data, other.data)
    before = digests(other.data / "portal")
    extract = max((other.data / "aterrizaje" / "2025-S1").glob("*.csv"), key=lambda path: path.stat().st_size)
    lines = extract.read_bytes().splitlines(keepends=True)
    extract.write_bytes(b"".join(lines[:200] + lines[203:]))
    done = other.pqrsd("run", "--semester", "2025-S1")
    assert done.returncode == 0, done.stderr.decode()
    assert "Se retiene la corrección de 2025-S1" in done.stdout.decode()
    assert digests(other.data / "portal") == before
    acts = [json.loads(line)["kind"] for line in (other.data / "abierto" / "libro.jsonl").read_text().splitlines()]
    assert acts[-1] == "retenido"
