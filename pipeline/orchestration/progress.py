"""The progress lines of `pqrsd run`: one per finished asset, in Spanish, without values.

What belongs here: a Dagster logger for the terminal. What does not: Dagster's own event log.
"""

import logging
import sys
from typing import TextIO

import dagster as dg


class _Progress(logging.Handler):
    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_event", None)
        if event is None or not event.is_step_success:
            return
        seconds = event.step_success_data.duration_ms / 1000
        name = str(event.step_key).replace("__", "/")
        self._stream.write(f"  ✓ {name:<60} {seconds:5.1f} s\n".replace(".", ",", 1))
        self._stream.flush()


@dg.logger(None, description="Una línea por paso terminado.")
def progress(context: dg.InitLoggerContext) -> logging.Logger:
    """A logger that writes one line per finished step to standard error."""
    logger = logging.Logger("pqrsd.progreso", level=logging.DEBUG)
    logger.addHandler(_Progress(sys.stderr))
    return logger
