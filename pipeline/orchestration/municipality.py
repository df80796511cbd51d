"""Which municipality and which folders a code location works for.

What belongs here: reading the deployment's settings from the environment (see .env.example). What does not: secrets.
"""

import os
from pathlib import Path

from pipeline.layout import Layout
from pipeline.orchestration.resources import Municipality

DEFAULT_PROFILE = "santa_marta"


def from_environment() -> Municipality:
    """The municipality that PQRSD_PROFILE, PQRSD_DATA, PQRSD_LANDING, PQRSD_PORTAL and PQRSD_MEMORY describe."""
    return municipality(os.environ.get("PQRSD_PROFILE", DEFAULT_PROFILE), Layout.at())


def municipality(profile: str, layout: Layout, landing: Path | None = None, portal: str | None = None) -> Municipality:
    """The municipality of a profile in a data folder; what is not given comes from the environment."""
    return Municipality(
        profile_name=profile,
        data=str(layout.data),
        landing=str(landing or os.environ.get("PQRSD_LANDING", "")),
        portal=(portal or os.environ.get("PQRSD_PORTAL", "")),
        memory=os.environ.get("PQRSD_MEMORY", "4GB"),
    )
