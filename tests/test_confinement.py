"""The open process tries every way to the restricted wing, and each is refused."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pipeline.layout import Layout
from pipeline.orchestration.instance import scrubbed
from pipeline.stores import keys


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout.at(tmp_path / "data")
    layout.prepare()
    keys.load_or_create(layout.key_file)
    layout.restricted_db.write_bytes(b"not opened by anybody here")
    (layout.landing / "2025-S1").mkdir()
    (layout.landing / "2025-S1" / "orfeo_1.csv").write_text("radicado\n1\n")
    return layout


def confined(layout: Layout, attempt: str) -> subprocess.CompletedProcess[str]:
    """Runs `attempt` in a process confined as the open wing is; prints ALLOWED if it got through."""
    program = textwrap.dedent(
        """
        import duckdb, os, subprocess, sys
        from pipeline.confinement import confine
        from pipeline.layout import Layout
        layout = Layout.at()
        level = confine(layout.closed_to_open_wing)
        try:
            {attempt}
        except (OSError, duckdb.Error, subprocess.CalledProcessError, KeyError) as refused:
            print(level, "refused", type(refused).__name__)
        else:
            print(level, "ALLOWED")
        """
    ).format(attempt=attempt)
    return subprocess.run(
        [sys.executable, "-c", program], env=scrubbed(layout), capture_output=True, text=True, check=True
    )


ATTEMPTS = {
    "reads the key file": "open(layout.key_file).read()",
    "finds the key in its environment": "os.environ['PQRSD_KEY']",
    "reads the landing folder": "open(layout.landing / '2025-S1' / 'orfeo_1.csv').read()",
    "lists the landing folder": "os.listdir(layout.landing)",
    "opens the restricted database as a file": "open(layout.restricted_db, 'rb').read()",
    "goes through a symbolic link": (
        "os.symlink(layout.key_file, layout.open / 'enlace'); open(layout.open / 'enlace').read()"
    ),
}
NATIVE_ATTEMPTS = {
    "attaches the restricted store in a new DuckDB": "duckdb.connect().execute(f\"ATTACH '{layout.restricted_db}'\")",
    "reads the landing folder with a new DuckDB": (
        "duckdb.sql(f\"FROM read_csv('{layout.landing}/2025-S1/*.csv')\").fetchall()"
    ),
    "asks another program to read the key": "subprocess.run(['cat', layout.key_file], check=True)",
}


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS.keys())
def test_the_open_process_is_refused_when_it(layout: Layout, attempt: str) -> None:
    done = confined(layout, attempt)
    assert "refused" in done.stdout
    assert keys.load_or_create(layout.key_file).hex() not in done.stdout + done.stderr


@pytest.mark.parametrize("attempt", NATIVE_ATTEMPTS.values(), ids=NATIVE_ATTEMPTS.keys())
def test_the_kernel_refuses_native_code_when_it(layout: Layout, attempt: str) -> None:
    done = confined(layout, attempt)
    if done.stdout.startswith("interprete"):
        pytest.skip("this kernel has no Landlock: native code is stopped by the operating-system user alone")
    assert "refused" in done.stdout


def test_the_open_folder_stays_usable_and_children_still_find_the_package(layout: Layout) -> None:
    done = confined(
        layout,
        "(layout.open / 'x').write_text('y'); (layout.open / 'x').rename(layout.work / 'x');"
        " subprocess.run([sys.executable, '-c', 'import pipeline, assets'], check=True)",
    )
    assert "ALLOWED" in done.stdout, done.stderr


def test_a_child_of_a_confined_process_may_ask_for_confinement_again(layout: Layout) -> None:
    """Dagster's run workers are children of the code server, and load the code location once more."""
    done = confined(
        layout,
        "subprocess.run([sys.executable, '-c', 'from pipeline.confinement import confine;"
        " from pipeline.layout import Layout; print(confine(Layout.at().closed_to_open_wing))'], check=True)",
    )
    assert "ALLOWED" in done.stdout, done.stderr


def test_no_secret_of_this_process_reaches_the_open_environment(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PQRSD_KEY_FILE", "/somewhere/clave")
    monkeypatch.setenv("CKAN_TOKEN", "secret")
    environment = scrubbed(layout)
    assert "PQRSD_KEY_FILE" not in environment
    assert "secret" not in environment.values()
    assert set(environment) <= set(os.environ) | {"DAGSTER_HOME", "DAGSTER_DISABLE_TELEMETRY", "PQRSD_DATA"}
