"""Value hierarchies: that they are trees covering their lists, and generalisation as an Ibis expression.

What belongs here: the tree check, the mapping of a level and the expression that applies it. What does not: choosing
levels, and suppressing cells (`pipeline.privacy.microdata`).

A hierarchy is the rows of `jerarquias/<column>.csv`: position 0 the value, position n its value at level n.
"""

import hashlib
import json
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from pipeline.errors import PqrsdError
from pipeline.profile import Profile
from schemas.published import SUPPRESSED
from schemas.records import PETITIONS

Rows = Sequence[Sequence[str]]


class HierarchyError(PqrsdError):
    """A hierarchy is not a tree over its list, or data has a value it does not know; names column and level only."""


def check_tree(name: str, rows: Rows, codes: Sequence[str] = ()) -> None:
    """Raises `HierarchyError` unless `rows` is a tree with one root whose leaves cover `codes`."""
    file = f"jerarquias/{name}.csv"
    if any(not row[0].strip() for row in rows if row):
        raise HierarchyError(f"{file}: un valor está vacío o es el marcador de supresión.")
    check_rows(file, rows)
    missing = len(set(codes) - {row[0] for row in rows})
    if missing:
        raise HierarchyError(f"{file}: faltan {missing} códigos de la lista en el nivel 0.")


def check_rows(file: str, rows: Rows) -> None:
    """Raises `HierarchyError` unless `rows` is a tree with one root; level 0 may have the empty value, a null."""
    if not rows or len({len(row) for row in rows}) != 1 or not rows[0]:
        raise HierarchyError(f"{file}: todas las filas deben tener los mismos niveles.")
    leaves = [row[0] for row in rows]
    if len(set(leaves)) != len(leaves):
        raise HierarchyError(f"{file}: un valor aparece dos veces en el nivel 0.")
    if any(value == SUPPRESSED for row in rows for value in row) or any(not v.strip() for row in rows for v in row[1:]):
        raise HierarchyError(f"{file}: un valor está vacío o es el marcador de supresión.")
    for level in range(len(rows[0]) - 1):
        parents: dict[str, str] = {}
        if any(parents.setdefault(row[level], row[level + 1]) != row[level + 1] for row in rows):
            raise HierarchyError(f"{file}: un valor del nivel {level} tiene dos padres; no es un árbol.")
    if len({row[-1] for row in rows}) != 1:
        raise HierarchyError(f"{file}: el último nivel debe ser un solo valor.")


def check(profile: Profile) -> None:
    """Raises `HierarchyError` unless every published column's hierarchy is a tree that covers its field's list."""
    for name, published in profile.privacidad.columnas.items():
        if published.campo not in PETITIONS.names or PETITIONS[published.campo].codes is None:
            raise HierarchyError(f"privacidad.yaml: el campo de «{name}» no es un campo codificado de las peticiones.")
        codes = [c.codigo for c in profile.listas.get(str(PETITIONS[published.campo].codes), ())]
        check_tree(name, profile.jerarquias[name], codes)


def mapping(rows: Rows, level: int) -> dict[str, str]:
    """Each leaf's value at a level."""
    return {row[0]: row[level] for row in rows}


def generalise(column: ir.StringValue, rows: Rows, level: int) -> ir.StringValue:
    """The column's values at a level; null where the hierarchy does not know the value."""
    return column.cases(*mapping(rows, level).items(), else_=ibis.null("string"))


def check_seen(petitions: ir.Table, profile: Profile) -> None:
    """Raises `HierarchyError` naming the first column that has values outside its hierarchy, and how many rows."""
    columns = profile.privacidad.columnas
    unknown = {
        name: petitions[published.campo].notin([row[0] for row in profile.jerarquias[name]]).fill_null(True).sum()
        for name, published in columns.items()
    }
    counted = petitions.aggregate(**unknown).to_pyarrow()
    for name, published in columns.items():
        rows = int(counted[name][0].as_py() or 0)
        if rows:
            raise HierarchyError(
                f"La columna «{name}» (campo «{published.campo}») tiene {rows} filas con valores que no están en el "
                f"nivel 0 de su jerarquía; no se puede llevar al nivel {published.nivel}."
            )


def digest(profile: Profile) -> str:
    """SHA-256 of the hierarchies and levels in force."""
    content = {
        name: [published.nivel, profile.jerarquias[name]] for name, published in profile.privacidad.columnas.items()
    }
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
