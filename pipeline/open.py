"""The code location `abierto`: indicators, charts, reports, releases, portal. It has no key and reads no extract.

What belongs here: `build_defs`, and the confinement that comes before it. What does not: any restricted resource.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_duckdb import DuckDBResource

from assets import annual, characterization, publication, release, reports
from checks import open as open_checks
from pipeline.confinement import confine
from pipeline.orchestration.jobs import OPEN_SEMESTER, OPEN_YEAR, RECHECK, WITHDRAWAL
from pipeline.orchestration.municipality import from_environment
from pipeline.orchestration.progress import progress
from pipeline.orchestration.resources import Municipality, OpenWing
from pipeline.orchestration.schedules import annual_closing, weekly_recheck
from pipeline.orchestration.sensors import follow_the_door


def build_defs(overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The location's definitions; `overrides` replaces resources by name (`municipality`, `open_wing`)."""
    chosen = dict(overrides or {})
    town: Municipality = chosen.pop("municipality", None) or from_environment()
    resources: dict[str, Any] = {"open_wing": OpenWing(municipality=town, duckdb=DuckDBResource(database=":memory:"))}
    return dg.Definitions(
        assets=dg.load_assets_from_modules([characterization, reports, release, annual, publication]),
        asset_checks=dg.load_asset_checks_from_modules([open_checks]),
        jobs=[OPEN_SEMESTER, OPEN_YEAR, RECHECK, WITHDRAWAL],
        schedules=[annual_closing, weekly_recheck],
        sensors=[follow_the_door],
        resources=resources | chosen,
        loggers={"progreso": progress},
        executor=dg.in_process_executor,
    )


def code_location() -> dg.Definitions:
    """What workspace.yaml loads: first the process closes the restricted wing to itself, then it defines its assets."""
    town = from_environment()
    town.prepare()
    confine(town.layout.closed_to_open_wing)
    return build_defs()
