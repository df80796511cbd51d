"""The last net under every asset and check: an unexpected error leaves without its message.

What belongs here: turning foreign exceptions into ones that carry names only. Database and validator messages quote
cell values, and Dagster writes messages into its event log, so only `PqrsdError` texts may pass.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from pipeline.errors import PqrsdError, TemporaryError
from pipeline.layout import REPOSITORY


class UnexpectedError(PqrsdError):
    """A defect: names the kind of error and the line of our code, never the message."""


@contextmanager
def values_stay_inside() -> Iterator[None]:
    """Runs the body; lets `PqrsdError` pass without its cause and replaces everything else."""
    try:
        yield
    except PqrsdError as known:
        known.__cause__ = None
        known.__context__ = None
        raise dg.Failure(description=str(known), allow_retries=isinstance(known, TemporaryError)) from None
    except Exception as foreign:
        where = _our_line(foreign)
        kind = type(foreign).__name__
        raise dg.Failure(
            description=f"Error inesperado ({kind}) en {where}. El detalle se omite porque podría contener datos."
            " Siguiente paso: repita la ejecución; si vuelve a ocurrir, avise a quien mantiene el sistema.",
            allow_retries=False,
        ) from None


def _our_line(error: BaseException) -> str:
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(REPOSITORY) and ".venv" not in path.parts:
            return f"{path.relative_to(REPOSITORY)}:{frame.lineno}"
    return "una biblioteca"
