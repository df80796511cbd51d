"""Which rows of a table are its header, and whether its columns are the ones that the profile declares.

What belongs here: finding, joining and checking headers. What does not: parsing files, and translating cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.reading.chunks import MAX_COLUMNS, heading
from pipeline.reading.errors import HeaderError
from pipeline.sources import Source

SEARCHED_ROWS = 50
"""How many rows are looked at for a header, declared or searched."""

_LONGEST_NAME = 2_000
_SHOWN = 20
Span = tuple[int, int, int]
"""A merged range of the header: row, first column, last column; all from 0."""


@dataclass(frozen=True)
class Header:
    """Column names as the file writes them, and the last row (from 1) that the header takes."""

    names: list[str]
    row: int


def found(source: Source, name: str, rows: Sequence[Sequence[object]], merged: Sequence[Span] | None = None) -> Header:
    """The header among the first rows of a table; `HeaderError` where there is none.

    A header of several rows joins what stands above each other: «Solicitante / Sexo». `merged` says which cells of
    upper rows span columns; without it (text files cannot say it) a blank one belongs to the one on its left.
    """
    spans = source.filas_de_encabezado
    if source.fila_encabezado == "buscar":
        known = _known(source)
        for end in range(spans, len(rows) + 1):
            names = _joined(rows[end - spans : end], end - spans, merged)
            if 2 * len(known & set(names)) >= len(known):
                return Header(_bounded(source, name, names), end)
        raise HeaderError(
            f"{name}: ninguna de las primeras {len(rows)} filas es el encabezado que declara «{source.id}»."
        )
    end = source.header_end
    if len(rows) < end:
        raise HeaderError(f"{name}: no hay encabezado en la fila {end}.")
    return Header(_bounded(source, name, _joined(rows[end - spans : end], end - spans, merged)), end)


def check(source: Source, name: str, header: Sequence[str], row: int) -> None:
    """Raises `HeaderError` naming the columns that are missing, unknown or repeated.

    A column under a declared alias is not missing; a column and its alias together are a repetition.
    """
    known = _known(source)
    present = known & set(header)
    wanted = source.headers
    # Fewer than half: the row is probably not a header but data, whose cells must not be named.
    if 2 * len(present) < len(wanted):
        raise HeaderError(
            f"{name}: la fila {row} no es el encabezado que declara la fuente «{source.id}»"
            f" (aparecen {len(present)} de {len(wanted)} columnas)."
        )
    spellings = [{heading(first), *map(heading, others)} for first, others in wanted]
    absent = [heading(first) for (first, _), names in zip(wanted, spellings, strict=True) if not names & present]
    repeated = {c for c in known if header.count(c) > 1}
    repeated |= {c for names in spellings if len(names & present) > 1 for c in names & present}
    # what stands in the header's place may be data, so that only declared names are repeated in a message
    strange = [f"{n} ({_letters(n)})" for n, column in enumerate(header, start=1) if column not in known]
    problems = [
        ("faltan", listed(sorted(set(absent)))),
        (
            "no está en el perfil la columna" if len(strange) == 1 else "no están en el perfil las columnas",
            _some(strange),
        ),
        ("están repetidas", listed(sorted(repeated))),
    ]
    said = [f"{what}: {names}" for what, names in problems if names]
    if said:
        raise HeaderError(
            f"{name}: las columnas no son las de la fuente «{source.id}»; {'; '.join(said)}."
            " Ajuste fuentes.yaml (un nombre nuevo va en «alias») o pida el extracto de nuevo."
        )


def position(header: Sequence[str], name: str, aliases: Sequence[str]) -> int:
    """Where a checked header has a column, by its name or one of its aliases."""
    return next(header.index(heading(other)) for other in (name, *aliases) if heading(other) in header)


def listed(names: Sequence[str]) -> str:
    """Declared names for a message; the nameless one is said to be so."""
    return _some([f"«{name or '(sin nombre)'}»" for name in names])


def _some(shown: Sequence[str]) -> str:
    return ", ".join(shown) if len(shown) <= _SHOWN else f"{', '.join(shown[:_SHOWN])} y {len(shown) - _SHOWN} más"


def _letters(number: int) -> str:
    """The column's letters in a spreadsheet: 28 is AB."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _known(source: Source) -> set[str]:
    return {heading(other) for name, aliases in source.headers for other in (name, *aliases)}


def _joined(rows: Sequence[Sequence[object]], first: int, merged: Sequence[Span] | None) -> list[str]:
    width = max((len(row) for row in rows), default=0)
    above: list[list[str]] = []
    for number, row in enumerate(rows):
        names = [heading(cell) for cell in row] + [""] * (width - len(row))
        if number < len(rows) - 1:
            names = _spread(names, first + number, merged)
        above.append(names)
    return [" / ".join(dict.fromkeys(part for part in column if part)) for column in zip(*above, strict=True)]


def _spread(names: list[str], row: int, merged: Sequence[Span] | None) -> list[str]:
    if merged is None:
        for i in range(1, len(names)):
            names[i] = names[i] or names[i - 1]
        return names
    for at, start, end in merged:
        if at == row and start < len(names):
            for i in range(start, min(end + 1, len(names))):
                names[i] = names[start]
    return names


def _bounded(source: Source, name: str, names: list[str]) -> list[str]:
    if len(names) > MAX_COLUMNS:
        raise HeaderError(f"{name}: la fila del encabezado tiene {len(names)} columnas; el máximo es {MAX_COLUMNS}.")
    if any(len(column) > _LONGEST_NAME for column in names):
        raise HeaderError(f"{name}: la fila {source.header_end} no es un encabezado: hay nombres de miles de letras.")
    return names
