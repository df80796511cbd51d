"""A microdata row as one integer: every published column a bit field, the marker its zero.

What belongs here: packing values into a key, masks of column subsets, and unpacking. What does not: deciding which
cells to hide (`pipeline.privacy.microdata`). Masking a set of columns is one AND, so a group-by over any subset of
columns is a group-by over one integer; the marker, being a value of its own, never matches another.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import ibis
import ibis.expr.types as ir

from pipeline.errors import PqrsdError
from schemas.published import SUPPRESSED

_KEY_BITS = 62  # a signed 64-bit integer, with room to spare
_MAX_COLUMNS = 12


@dataclass(frozen=True)
class Packing:
    """Where each column's field lies in the key; `values[c]` holds its values in code order, code 0 the marker."""

    columns: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]]
    shift: Mapping[str, int]
    bits: Mapping[str, int]

    @classmethod
    def of(cls, values: Mapping[str, Sequence[str]]) -> "Packing":
        """The packing of columns with these possible values; raises `PqrsdError` where they do not fit."""
        shift: dict[str, int] = {}
        bits: dict[str, int] = {}
        used = 0
        for name, found in values.items():
            bits[name] = len(found).bit_length()
            shift[name] = used
            used += bits[name]
        if used > _KEY_BITS or len(values) > _MAX_COLUMNS:
            raise PqrsdError("Los microdatos tienen demasiadas columnas o valores: suba niveles en privacidad.yaml.")
        return cls(tuple(values), {name: tuple(found) for name, found in values.items()}, shift, bits)

    def field(self, columns: Iterable[str]) -> int:
        """The bits that these columns occupy."""
        return sum(((1 << self.bits[name]) - 1) << self.shift[name] for name in columns)

    def keep(self, hidden: Iterable[str]) -> int:
        """The mask that turns `hidden` columns into the marker."""
        return self.field(self.columns) & ~self.field(hidden)

    def key(self, coded: Mapping[str, tuple[ir.StringValue, Mapping[str, str]]]) -> ir.IntegerValue:
        """The key of a row, given for each column its raw field and the raw value's published value.

        Null where a value is unknown.
        """
        total: ir.IntegerValue = ibis.literal(0, "int64")
        for name in self.columns:
            column, published = coded[name]
            code = {value: (position + 1) << self.shift[name] for position, value in enumerate(self.values[name])}
            pairs = [(raw, ibis.literal(code[value], "int64")) for raw, value in published.items()]
            total = total + column.cases(*pairs, else_=ibis.null("int64"))
        return total

    def unpack(self, name: str, key: int) -> str:
        """The published value of a column in a key."""
        code = (key >> self.shift[name]) & ((1 << self.bits[name]) - 1)
        return self.values[name][code - 1] if code else SUPPRESSED

    def patterns(self, costs: Mapping[str, float]) -> list[tuple[str, ...]]:
        """Every set of columns that may be hidden together, cheapest first; never all of them.

        Ties: fewer columns, then column order, so that the order is the same everywhere.
        """
        sets = [s for size in range(len(self.columns)) for s in combinations(self.columns, size)]
        place = {name: position for position, name in enumerate(self.columns)}
        return sorted(sets, key=lambda s: (round(sum(costs[c] for c in s), 9), len(s), [place[c] for c in s]))
