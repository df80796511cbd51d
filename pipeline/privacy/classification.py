"""Which columns may leave and whose rows: privacy classes and the publishable universe.

What belongs here: the class check of a contract and of table variables, and the eligibility filters with their counts.
What does not: how rows are made anonymous (`pipeline.privacy.microdata`, `pipeline.privacy.tables`).
"""

from dataclasses import dataclass

import ibis.expr.types as ir

from pipeline.contract import Contract, PrivacyClass
from pipeline.errors import PqrsdError
from pipeline.profile import Privacy, TableSpec
from schemas.records import PETITIONS

PUBLISHABLE = (PrivacyClass.QUASI, PrivacyClass.STATISTIC)
_NEVER_COUNTED = (PrivacyClass.IDENTIFIER, PrivacyClass.PSEUDONYM, PrivacyClass.FREE_TEXT)


class ClassificationError(PqrsdError):
    """A column of a class that may not leave was about to; names the column and its class."""


@dataclass(frozen=True)
class Universe:
    """Petitions that entered, and how many were left out for each reason (one petition, one reason)."""

    received: int
    unauthorised: int
    minors: int

    @property
    def eligible(self) -> int:
        """Petitions whose anonymised row may be published."""
        return self.received - self.unauthorised - self.minors


def check_contract(contract: Contract) -> None:
    """Raises `ClassificationError` unless every column is a quasi-identifier or a statistic."""
    for column in contract.columns:
        if column.privacy not in PUBLISHABLE:
            raise ClassificationError(
                f"La columna «{column.name}» de «{contract.name}» es de clase «{column.privacy}» y no puede publicarse."
            )


def check_fields(privacy: Privacy) -> None:
    """Raises `ClassificationError` where a published column would carry, under its own name, a field that may not."""
    for name, column in privacy.columnas.items():
        if column.campo in PETITIONS.names and PETITIONS[column.campo].privacy not in PUBLISHABLE:
            raise ClassificationError(
                f"privacidad.yaml: «{name}» publicaría el campo «{column.campo}», de clase "
                f"«{PETITIONS[column.campo].privacy}», que no puede publicarse por filas."
            )


def check_variables(table: TableSpec) -> None:
    """Raises `ClassificationError` where a table counts by an identifier, a pseudonym or free text."""
    known = set(PETITIONS.names)
    for name in table.dimensiones:
        if name in known and PETITIONS[name].privacy in _NEVER_COUNTED:
            raise ClassificationError(
                f"La tabla «{table.id}» cuenta por «{name}», de clase «{PETITIONS[name].privacy}»: no puede publicarse."
            )


def is_sensitive(table: TableSpec) -> bool:
    """Whether a sensitive attribute (Ley 1581/2012 arts. 5 and 7) is a variable of the table or is in its filter."""
    sensitive = PETITIONS.of_class(PrivacyClass.SENSITIVE)
    return any(name in table.dimensiones or name in (table.filtro or "") for name in sensitive)


def characterisable(petitions: ir.Table) -> ir.Table:
    """Petitions that may be characterised: authorised by their holder, or anonymous (Ley 1581/2012 art. 9)."""
    return petitions.filter(petitions.autorizacion_datos | petitions.anonima)


def eligible(petitions: ir.Table) -> ir.Table:
    """Petitions whose anonymised row may be published: characterisable and not a minor's (art. 7)."""
    found = characterisable(petitions)
    return found.filter(found.menor != "si")


def universe(petitions: ir.Table) -> Universe:
    """How many petitions entered and how many each filter left out."""
    allowed = petitions.autorizacion_datos | petitions.anonima
    counted = petitions.aggregate(
        received=petitions.count(),
        unauthorised=(~allowed).sum().fill_null(0),
        minors=(allowed & (petitions.menor == "si")).sum().fill_null(0),
    ).to_pyarrow()
    return Universe(**{name: int(counted[name][0].as_py()) for name in counted.column_names})
