"""How a check speaks: in Spanish, with counts, the next step and the runbook's section. Never a value.

What belongs here: building `AssetCheckResult`. What does not: deciding anything.
"""

import dagster as dg

RUNBOOK = "docs/operacion.md"


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
