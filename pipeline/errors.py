"""Errors that people read: in Spanish, with file, row, column and rule, never with a cell's value.

What belongs here: the base class and the few errors that several rooms raise.
What does not: errors of one room only, and anything that carries data.
"""


class PqrsdError(Exception):
    """An expected failure whose message may be shown to anybody: it names things, never values."""


class TemporaryError(PqrsdError):
    """Something outside does not answer: the same act may succeed later, so it may be tried again."""


class ProfileError(PqrsdError):
    """The profile folder is incomplete or contradicts itself; names file and field."""


class ContractError(PqrsdError):
    """A table does not keep its contract.

    `failures` holds (column, rule, number of rows), nothing else.
    """

    def __init__(self, table: str, failures: list[tuple[str, str, int | None]]) -> None:
        self.table = table
        self.failures = failures
        detail = "; ".join(
            f"columna «{column}», regla «{rule}»" + (f", {count} filas" if count is not None else "")
            for column, rule, count in failures
        )
        super().__init__(f"La tabla «{table}» no cumple su contrato: {detail}.")
