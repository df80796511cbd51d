"""`make ui`: Dagster's webserver and daemon on loopback, over the persistent instance.

What belongs here: starting and ending both together. What does not: settings; those are in dagster.yaml.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from pipeline.layout import REPOSITORY, Layout
from pipeline.orchestration import instance as instances


def main() -> int:
    """Runs until interrupted or until either process ends."""
    layout = Layout.at()
    instances.prepare(layout)
    environment = os.environ | {"PQRSD_DATA": str(layout.data)}
    binaries = Path(sys.executable).parent
    workspace = ["-w", str(REPOSITORY / "workspace.yaml")]
    port = os.environ.get("PQRSD_UI_PORT", "3000")
    commands = [
        [str(binaries / "dagster-webserver"), *workspace, "-h", "127.0.0.1", "-p", port],
        [str(binaries / "dagster-daemon"), "run", *workspace],
    ]
    running = [subprocess.Popen(command, env=environment, cwd=REPOSITORY) for command in commands]  # noqa: S603
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        os.wait()
    except KeyboardInterrupt:
        pass
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(timeout=30)
    return 0


if __name__ == "__main__":
    sys.exit(main())
