"""How numbers, dates and periods are written for people in Colombia: «1.234,5 %», «30 de junio de 2026».

What belongs here: formatting, independent of the machine's locale. What does not: wording, which each room keeps.
"""

from collections.abc import Sequence
from datetime import date

MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
_HALVES = {"1": "primer", "2": "segundo"}


def thousands(number: int) -> str:
    """An integer with the point between thousands: «1.234»."""
    return f"{number:,}".replace(",", ".")


def decimal(number: float, places: int = 1) -> str:
    """A number with the decimal comma: «1.234,5»."""
    return f"{number:,.{places}f}".translate(str.maketrans(",.", ".,"))


def percent(share: float, places: int = 1) -> str:
    """A share of 1 as a percentage, with a no-break space: «46,2 %»."""
    return f"{decimal(share * 100, places)}\u00a0%"


def day(when: date) -> str:
    """«30 de junio de 2026»."""
    return f"{when.day} de {MONTHS[when.month - 1]} de {when.year}"


def month(label: str) -> str:
    """`2026-06` as «junio de 2026»."""
    return f"{MONTHS[int(label[5:7]) - 1]} de {label[:4]}"


def period(label: str) -> str:
    """`2026-S1` as «primer semestre de 2026», `2026` as «año 2026»."""
    return f"{_HALVES[label[6]]} semestre de {label[:4]}" if "-S" in label else f"año {label}"


def listing(items: Sequence[str]) -> str:
    """«a», «a y b», «a, b y c»."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} y {items[-1]}" if items else ""


def sentence(text: str) -> str:
    """The text with its first letter in capitals, the others as they are."""
    return text[:1].upper() + text[1:]
