"""The persistent Dagster instance below the data folder.

What belongs here: preparing DAGSTER_HOME and the environments of the two wings. What does not: running anything.
"""

import os
import shutil
from pathlib import Path

from pipeline.layout import REPOSITORY, Layout

# What the open wing's process inherits: enough to find Python, its libraries and its data folder, and no secret:
# of the portal's token, only the path of its file.
_INHERITED = (
    "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV", "HOME",
    "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PQRSD_CKAN_TOKEN_FILE",
)  # fmt: skip


def prepare(layout: Layout) -> Path:
    """Makes DAGSTER_HOME with this repository's dagster.yaml and points this process to it."""
    layout.prepare()
    home = layout.dagster_home
    shutil.copyfile(REPOSITORY / "dagster.yaml", home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    return home


def scrubbed(layout: Layout, **more: str) -> dict[str, str]:
    """The environment of the open wing: an allow-list, so that no secret can be inherited by oversight."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return kept | {
        "DAGSTER_HOME": str(layout.dagster_home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "PQRSD_DATA": str(layout.data),
        **more,
    }
