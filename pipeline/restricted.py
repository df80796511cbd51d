"""The code location `restringido`: extracts, records and the door's writing side. It holds the key.

What belongs here: `build_defs` and nothing else. What does not: any open asset; those live in `pipeline.open`.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_duckdb import DuckDBResource

from assets import door, extracts, records, surveys
from checks import restricted as restricted_checks
from pipeline.orchestration.jobs import RESTRICTED_SEMESTER
from pipeline.orchestration.municipality import from_environment
from pipeline.orchestration.progress import progress
from pipeline.orchestration.resources import Municipality, OpenWing, RestrictedWing
from pipeline.orchestration.schedules import semester_closing


def build_defs(overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The location's definitions; `overrides` replaces resources by name (`municipality`, `restricted`, …)."""
    chosen = dict(overrides or {})
    town: Municipality = chosen.pop("municipality", None) or from_environment()
    memory = DuckDBResource(database=":memory:")
    resources: dict[str, Any] = {
        "restricted": RestrictedWing(municipality=town, duckdb=memory),
        "open_wing": OpenWing(municipality=town, duckdb=memory),
    }
    return dg.Definitions(
        assets=dg.load_assets_from_modules([extracts, surveys, records, door]),
        asset_checks=dg.load_asset_checks_from_modules([restricted_checks]),
        jobs=[RESTRICTED_SEMESTER],
        schedules=[semester_closing],
        resources=resources | chosen,
        loggers={"progreso": progress},
        executor=dg.in_process_executor,
    )


def code_location() -> dg.Definitions:
    """What workspace.yaml loads."""
    from_environment().prepare()
    return build_defs()
