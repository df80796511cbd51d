"""What the measurement of publishing to a CKAN rests on: its release is a real one, its ratios are of one run."""

from pathlib import Path

import pyarrow.compute as pc
import pytest

from benchmarks import ckan_publish, large_release
from pipeline.release.verify import verify
from tests import small_release as small


def test_the_large_release_has_the_rows_that_were_asked_for_and_passes_the_public_verification(tmp_path: Path) -> None:
    large_release.build(tmp_path / "entrega", 2_001, small.profile())
    verdict = verify(tmp_path / "entrega")
    assert (verdict.ok, verdict.findings) == (True, [])
    assert {p: f["filas"] for p, f in verdict.facts["periodos"].items()} == {"2025-S1": 1_001, "2025-S2": 1_000}


def test_the_same_rows_are_made_every_time_and_none_is_rare() -> None:
    made = large_release.microdata(500, small.profile(), small.SEMESTERS)
    assert made.equals(large_release.microdata(500, small.profile(), small.SEMESTERS))
    sizes = made.group_by(made.column_names).aggregate([([], "count_all")])["count_all"]
    assert pc.sum(sizes).as_py() == 500
    assert pc.min(sizes).as_py() >= large_release.ROWS_A_CLASS


def test_each_ratio_is_taken_within_the_rows_of_its_own_measurement() -> None:
    seconds = {"http": 2.0, "tabla": 10.0, "nuestra": 15.0, "repetida": 1.0, "ckanapi": 5.0}
    found = [
        {"tarea": name, "filas": rows, "segundos": s * rows, "cpu": 0.1, "memoria_mb": 1234.5}
        for rows in (1, 3)
        for name, s in seconds.items()
    ]
    drawn = ckan_publish.table(found).splitlines()
    ours = [[cell.strip() for cell in line.split("|")[2:7]] for line in drawn if line.startswith("| pqrsd: publicar |")]
    assert ours == [["1", "15,0", "3,00", "7,50", "1,50"], ["3", "45,0", "3,00", "7,50", "1,50"]]
    assert "1.234" in drawn[2]


def test_a_ckan_of_another_machine_is_never_measured(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    told = ["--url", "https://datos.ejemplo.invalid", "--token-file", str(tmp_path / "no-se-lee")]
    assert ckan_publish.main(told) == 2
    assert "Solo se mide contra un CKAN de esta máquina" in capsys.readouterr().err
