"""Runs periods without the UI: the restricted wing here, the open wing in a scrubbed and confined child process.

What belongs here: the order of runs, their progress and their outcome. What does not: arguments and printing
(`pipeline.cli`), and the assets themselves.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from pipeline.errors import PqrsdError
from pipeline.layout import Layout
from pipeline.orchestration import instance as instances
from pipeline.orchestration.municipality import municipality
from pipeline.orchestration.partitions import key_of
from pipeline.orchestration.resources import Municipality
from pipeline.periods import Semester, semesters_of


@dataclass(frozen=True)
class Request:
    """What to run and where: a profile, semesters in order, and the year they complete, if any."""

    profile: str
    semesters: tuple[Semester, ...]
    year: int | None
    layout: Layout
    landing: Path | None
    portal: str | None

    @classmethod
    def of_year(cls, profile: str, year: int, layout: Layout, landing: Path | None, portal: str | None) -> "Request":
        """Both semesters of a year, then the year."""
        return cls(profile, semesters_of(year), year, layout, landing, portal)

    @property
    def municipality(self) -> Municipality:
        """The same as a Dagster resource."""
        return municipality(self.profile, self.layout, self.landing, self.portal)


def run_restricted(request: Request) -> None:
    """Reads, validates and discloses each semester; raises `PqrsdError` with the first failed step's message."""
    from pipeline.restricted import build_defs

    instances.prepare(request.layout)
    definitions = build_defs({"municipality": request.municipality})
    for semester in request.semesters:
        _execute(definitions, "semestre_restringido", key_of(semester), semester.label)


def run_open(request: Request) -> None:
    """Reports and publishes each semester and the year, in this process, which must already be confined."""
    from pipeline.open import build_defs

    instances.prepare(request.layout)
    definitions = build_defs({"municipality": request.municipality})
    for semester in request.semesters:
        _execute(definitions, "semestre_abierto", key_of(semester), semester.label)
    if request.year is not None:
        _execute(definitions, "anio_abierto", key_of(request.year), str(request.year))


def spawn_open(request: Request) -> None:
    """Starts the open wing as a child without key or secrets in its environment and waits; raises if it failed."""
    command = [sys.executable, "-m", "pipeline.cli", "run", "--wing", "abierto", "--profile", request.profile]
    command += ["--data", str(request.layout.data)]
    command += ["--year", str(request.year)] if request.year else ["--semester", request.semesters[0].label]
    command += ["--portal", request.portal] if request.portal else []
    done = subprocess.run(command, env=instances.scrubbed(request.layout), check=False)  # noqa: S603
    if done.returncode != 0:
        raise PqrsdError("El ala abierta no terminó: el motivo está en las líneas anteriores.")


def _execute(definitions: dg.Definitions, job: str, partition_key: str, label: str) -> None:
    with dg.DagsterInstance.get() as instance:
        result = definitions.resolve_job_def(job).execute_in_process(
            partition_key=partition_key,
            instance=instance,
            raise_on_error=False,
            tags={"periodo": label},
            run_config={"loggers": {"progreso": {}}},
        )
    if not result.success:
        raise PqrsdError(f"{label}: {_reason(result)}")


def _reason(result: dg.ExecuteInProcessResult) -> str:
    """What the first failed check or step says; other error texts may quote values and stay in their class name."""
    for event in result.all_events:
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR:
                return f"{check.asset_key.to_user_string()}, {check.check_name}: {check.description}"
        if event.is_step_failure:
            data = event.step_failure_data
            step = str(event.step_key).replace("__", "/")
            if data.user_failure_data and data.user_failure_data.description:
                return f"{step}: {data.user_failure_data.description}"
            return f"{step}: {data.error.cls_name if data.error else 'error'}"
    return "la ejecución no terminó"
