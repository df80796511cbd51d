"""How a check speaks: in Spanish, with counts, the next step and the runbook's section. Never a value.

What belongs here: declaring a check of a partition and building its result. What does not: deciding anything.
"""

import warnings
from collections.abc import Callable, Sequence

import dagster as dg

CheckFunction = Callable[..., dg.AssetCheckResult]

RUNBOOK = "docs/operacion.md"


def partition_check(
    *,
    asset: dg.AssetsDefinition | Sequence[str],
    partitions: dg.PartitionsDefinition,
    description: str,
    blocking: bool = False,
) -> Callable[[CheckFunction], dg.AssetChecksDefinition]:
    """An asset check whose results belong to a partition.

    `partitions_def` on checks is a preview in Dagster 1.13 and says so at each declaration; without it every run of a
    partitioned asset leaves an unresolved row. tests/test_definitions.py pins that it works.
    """

    def declare(function: CheckFunction) -> dg.AssetChecksDefinition:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.PreviewWarning)
            declared = dg.asset_check(
                asset=asset, blocking=blocking, partitions_def=partitions, description=description
            )
            return declared(function)

    return declare


def result(
    *,
    passed: bool,
    says: str,
    next_step: str,
    section: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    **counts: int | float | str,
) -> dg.AssetCheckResult:
    """What was found and, where it failed, what to do next; `counts` are figures and names of rules only."""
    description = says if passed else f"{says} Siguiente paso: {next_step}"
    metadata: dict[str, dg.MetadataValue] = {
        name: dg.MetadataValue.text(value) if isinstance(value, str) else dg.MetadataValue.float(float(value))
        for name, value in counts.items()
    }
    metadata["guía"] = dg.MetadataValue.text(f"{RUNBOOK}#{section}")
    return dg.AssetCheckResult(passed=passed, severity=severity, description=description, metadata=metadata)
