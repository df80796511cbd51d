"""Both code locations hold together and show people what they need: snapshots of the graph's promises."""

import re
from pathlib import Path

import dagster as dg
import pytest
import yaml

from pipeline import open as open_location
from pipeline import restricted as restricted_location
from pipeline.layout import REPOSITORY, Layout
from pipeline.orchestration import instance as instances
from pipeline.orchestration.municipality import municipality

WINGS = {"restringido": restricted_location, "abierto": open_location}
GROUPS = {
    "restringido": {"restringido_lectura", "restringido_registros", "puerta"},
    "abierto": {"abierto_caracterizacion", "abierto_informes", "abierto_publicacion", "abierto_anual"},
}


@pytest.fixture(params=WINGS, ids=list(WINGS))
def wing(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dg.Definitions]:
    town = municipality("santa_marta", Layout.at(tmp_path))
    return request.param, WINGS[request.param].build_defs({"municipality": town})


def test_each_location_is_loadable(wing: tuple[str, dg.Definitions]) -> None:
    dg.Definitions.validate_loadable(wing[1])


def test_every_asset_says_in_spanish_what_it_is_who_answers_for_it_and_where_it_belongs(
    wing: tuple[str, dg.Definitions],
) -> None:
    name, definitions = wing
    specs = [s for s in definitions.resolve_all_asset_specs() if s.partitions_def is not None]
    assert {s.group_name for s in specs} == GROUPS[name]
    for spec in specs:
        assert spec.description and spec.description.endswith("."), spec.key
        assert spec.owners, spec.key
        assert spec.kinds, spec.key


def test_every_check_has_a_description_and_the_partitions_of_its_asset(wing: tuple[str, dg.Definitions]) -> None:
    graph = wing[1].resolve_asset_graph()
    assert graph.asset_check_keys
    for key in graph.asset_check_keys:
        check = graph.get(key)
        assert check.description, key
        assert check.partitions_def == graph.get(key.asset_key).partitions_def, key


def test_only_the_restricted_location_has_the_key(tmp_path: Path) -> None:
    town = municipality("santa_marta", Layout.at(tmp_path))
    assert "restricted" in (restricted_location.build_defs({"municipality": town}).resources or {})
    assert set(open_location.build_defs({"municipality": town}).resources or {}) == {"open_wing"}
    assert not town.layout.key_file.exists()


def test_steps_run_in_one_process_and_one_run_at_a_time() -> None:
    settings = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text(encoding="utf-8"))
    assert settings["concurrency"]["runs"]["max_concurrent_runs"] == 1
    assert settings["telemetry"]["enabled"] is False
    for module in WINGS.values():
        assert module.build_defs().executor is dg.in_process_executor


def test_the_workspace_lists_both_locations() -> None:
    workspace = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text(encoding="utf-8"))
    listed = [entry["python_module"] for entry in workspace["load_from"]]
    assert [entry["location_name"] for entry in listed] == ["restringido", "abierto"]
    assert [entry["module_name"] for entry in listed] == ["pipeline.restricted", "pipeline.open"]


def test_the_instance_lives_below_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    home = instances.prepare(Layout.at(tmp_path))
    assert home == tmp_path / "dagster"
    assert "base_dir:" not in (home / "dagster.yaml").read_text(encoding="utf-8").split("#", 1)[1].split("\n", 3)[3]
    with dg.DagsterInstance.get() as instance:
        assert Path(instance.root_directory) == home
        assert instance.telemetry_enabled is False


def test_modules_that_dagster_inspects_do_not_postpone_annotations() -> None:
    postponed = re.compile(r"^from __future__ import annotations", re.MULTILINE)
    inspected = [*(REPOSITORY / "assets").glob("*.py"), *(REPOSITORY / "checks").glob("*.py")]
    inspected += (REPOSITORY / "pipeline" / "orchestration").glob("*.py")
    assert [p.name for p in inspected if postponed.search(p.read_text(encoding="utf-8"))] == []


def test_every_runbook_link_of_a_check_exists() -> None:
    headings = {
        line.removeprefix("## ").strip().lower().replace(" ", "-")
        for line in (REPOSITORY / "docs" / "operacion.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("## ")
    }
    cited = {
        section
        for path in (REPOSITORY / "checks").glob("*.py")
        for section in re.findall(r'section="([^"]+)"', path.read_text(encoding="utf-8"))
    }
    assert cited
    assert cited <= headings
