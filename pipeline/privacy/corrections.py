"""A period that is public already and has other data now: published again, or held, and why.

What belongs here: comparing what would be published with everything published before of the same period. What does not:
making either (`pipeline.privacy.gate`), keeping it (`archive`, `ledger`), and deciding anything about a first release.

Whoever keeps the earlier files subtracts them. So a cell may differ by nothing or by at least the threshold, in
requests and, where they are counted, in persons; a group of microdata rows, over every set of columns, by nothing or by
k rows; and all editions together, in one linear system, must hide every cell that one of them withholds. How many
persons are behind a difference of a table that counts no persons is not known here: it is judged by its requests.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.privacy import joint, tables
from pipeline.privacy.grids import Key
from pipeline.privacy.intervals import Interval, exposed
from pipeline.privacy.linear import INFINITE, Relation, System
from pipeline.privacy.packing import Packing
from pipeline.profile import Profile

FIRST, SAME, AGAIN, HELD = "primera", "sin_cambios", "reentrega", "retenida"
_CHANGE = "cambio"


@dataclass(frozen=True)
class Edition:
    """What is or would be public of a period: microdata (no rows where none are published) and tables."""

    microdata: pa.Table
    tables: pa.Table

    @property
    def cells(self) -> pd.DataFrame:
        """The tables with whole numbers, missing where withheld."""
        return joint.cells_of(self.tables)


@dataclass(frozen=True)
class Decision:
    """What to do with a period, why in Spanish, and the figures of the audit: counts of cells, never values."""

    kind: str
    reason: str
    figures: dict[str, int] = field(default_factory=dict)

    @property
    def publishes(self) -> bool:
        """Whether what was made now becomes what is public."""
        return self.kind != HELD


def decide(
    earlier: Sequence[Edition],
    new: Edition,
    profile: Profile,
    period: str,
    *,
    sensitive: set[str],
    few_hidden: frozenset[Key] = frozenset(),
) -> Decision:
    """Whether `new` may follow the editions of the same period published before, withdrawn ones included.

    `sensitive` and `few_hidden` are what the gate used for `new`.
    """
    if not earlier:
        return Decision(FIRST, f"Primera publicación de {period}.")
    if new.microdata.equals(earlier[-1].microdata) and new.tables.equals(earlier[-1].tables):
        return unchanged(period)
    if any(bool(e.microdata.num_rows) != bool(new.microdata.num_rows) for e in earlier):
        why = "unas ediciones tienen microdatos y otras no, y sus tablas cuentan filas distintas"
        return Decision(HELD, _held(period, [why]), {"ediciones_anteriores": len(earlier)})
    rules = joint.Rules.of(profile, sensitive)
    figures = {"ediciones_anteriores": len(earlier)}
    for edition in earlier:
        shown = _Shown(edition.cells, new.cells, rules.thresholds)
        rows = few_row_groups(edition.microdata, new.microdata, profile.privacidad.k)
        found = {"celdas_que_cambian": shown.changed, "celdas_que_delatan": shown.few, "grupos_que_delatan": rows}
        figures |= {name: figures.get(name, 0) + count for name, count in found.items()}
    audit = _Together(earlier, new, rules, few_hidden)
    figures["cambios_deducibles"], figures["retenidas_al_descubierto"] = audit.deduced_changes(), audit.uncovered()
    reasons = [
        f"{figures[name]} {says}"
        for name, says in (
            ("celdas_que_delatan", "celdas cambiarían, pero menos que el umbral en solicitudes o en personas"),
            ("cambios_deducibles", "celdas retenidas mostrarían por diferencia un cambio menor que el umbral"),
            ("retenidas_al_descubierto", "celdas retenidas quedarían al descubierto junto con lo ya publicado"),
            ("grupos_que_delatan", f"grupos de microdatos cambiarían en menos de {profile.privacidad.k} filas"),
        )
        if figures[name]
    ]
    if reasons:
        return Decision(HELD, _held(period, reasons), figures)
    says = f"{figures['celdas_que_cambian']} celdas cambian, cada una en el umbral o más, y nada retenido se descubre"
    return Decision(AGAIN, f"Se puede volver a publicar {period}: {says}.", figures)


def unchanged(period: str) -> Decision:
    """Nothing to decide: what would be published is public."""
    return Decision(SAME, f"{period} no cambia frente a lo publicado.")


def only_accounting(period: str) -> Decision:
    """Rows came or went that are no petitions (rejected, duplicated): no reason to touch what is public."""
    return Decision(
        HELD, _held(period, ["solo cambia la contabilidad de filas, no lo que se publica de las peticiones"])
    )


def _held(period: str, reasons: Sequence[str]) -> str:
    return (
        f"Se retiene la corrección de {period}: {'; '.join(reasons)}. Lo publicado queda como está; la corrección rige "
        "en el ala restringida y espera a otra con suficientes cambios, o para siempre."
    )


class _Shown:
    """What two editions of the tables show by plain subtraction."""

    def __init__(self, before: pd.DataFrame, after: pd.DataFrame, thresholds: Mapping[str, int]) -> None:
        keys = ["tabla", "valor_1", "valor_2", "medida"]
        old, now = (cells[[*keys, "valor"]].fillna({"valor_2": ""}) for cells in (before, after))
        both = old.merge(now, on=keys, suffixes=("_antes", "_ahora"))
        both = both[both["valor_antes"].notna() & both["valor_ahora"].notna() & both["medida"].isin(tables.COUNTED)]
        both = both.assign(cambio=(both["valor_ahora"] - both["valor_antes"]).abs().astype(int))
        cells = both.pivot_table(index=keys[:3], columns="medida", values="cambio", dropna=False, observed=True)
        cells = cells.reindex(columns=list(tables.COUNTED))
        least = cells.index.get_level_values("tabla").map(thresholds)
        any_change = (cells.fillna(0) > 0).any(axis=1)
        self.changed = int(any_change.sum())
        self.few = int((any_change & (cells.fillna(np.inf).min(axis=1) < least)).sum())


def few_row_groups(before: pa.Table, after: pa.Table, k: int) -> int:
    """How many groups of rows, by the values of any set of columns, differ in number by 1 to k − 1."""
    columns = [name for name in before.column_names if name != "periodo"]
    if not before.num_rows or before.equals(after):
        return 0
    counts = [rows.group_by(columns).aggregate([([], "count_all")]).to_pandas() for rows in (before, after)]
    both = pd.concat([counts[0].assign(count_all=-counts[0]["count_all"]), counts[1]], ignore_index=True)
    values = {name: sorted(set(both[name])) for name in columns}
    packing = Packing.of(values)
    key = np.zeros(len(both), dtype=np.int64)
    for name in columns:
        code = {value: position + 1 for position, value in enumerate(values[name])}
        key |= both[name].map(code).to_numpy(dtype=np.int64) << packing.shift[name]
    classes, place = np.unique(key, return_inverse=True)
    change = np.bincount(place, both["count_all"], len(classes)).astype(np.int64)
    classes, change = classes[change != 0], change[change != 0]
    few = 0
    for size in range(len(columns) + 1):
        for hidden in combinations(columns, size):
            _, place = np.unique(classes & packing.keep(hidden), return_inverse=True)
            net = np.abs(np.bincount(place, change)) if len(classes) else np.zeros(0)
            few += int(((net > 0) & (net < k)).sum())
    return few


class _Together:
    """Every edition in one linear system, with the change of each cell between an earlier one and the new."""

    def __init__(
        self,
        earlier: Sequence[Edition],
        new: Edition,
        rules: joint.Rules,
        few_hidden: frozenset[Key],
    ) -> None:
        self.system = System()
        self.audited: dict[int, int] = {}
        self.changes: dict[int, int] = {}
        made = []
        for number, edition in enumerate((*earlier, new)):
            few = few_hidden if edition is new else frozenset()
            around = joint.Surroundings(edition.microdata if edition.microdata.num_rows else None, few)
            made.append(joint.build(edition.cells, rules, around, into=(self.system, f"edición {number}")))
            self.audited |= made[-1].audited()
        for number, before in enumerate(made[:-1]):
            self._compare(number, before, made[-1])

    def _compare(self, number: int, before: joint.Joint, after: joint.Joint) -> None:
        shared = [cell for cell in before.cells if cell[0] == joint.REQUESTS and cell in after.cells]
        known = [
            (self.system.values[after.cells[c]] or 0) - (self.system.values[before.cells[c]] or 0)
            for c in shared
            if self.system.published[before.cells[c]] and self.system.published[after.cells[c]]
        ]
        gains, losses = max(known, default=0) > 0, min(known, default=0) < 0
        for cell in shared:
            then, now = before.cells[cell], after.cells[cell]
            if not gains and not losses:  # whoever sees no change anywhere takes the data for the same
                self.system.relations.append(Relation("ediciones", {now: 1, then: -1}))
                continue
            # only gains, or only losses, say that nowhere there is the opposite
            change = self.system.add(
                (_CHANGE, number, cell), None, published=False, least=-INFINITE if gains and losses else 0
            )
            sign = -1 if losses and not gains else 1
            self.system.relations.append(Relation("ediciones", {now: sign, then: -sign, change: -1}))
            self.changes[change] = max(before.thresholds.get(then, 0), after.thresholds.get(now, 0))

    def uncovered(self) -> int:
        """Withheld cells that all editions together expose."""
        return len(exposed(self.system, self.audited))

    def deduced_changes(self) -> int:
        """Changes, of cells that some edition withholds, that are known to be few and not none."""
        open_changes = {n: t for n, t in self.changes.items() if not self._plain(n)}
        return sum(self._few(found, t) for found, t in self._exposed(open_changes))

    def _exposed(self, changes: Mapping[int, int]) -> Iterator[tuple[Interval, int]]:
        for name, interval in exposed(self.system, changes).items():
            yield interval, changes[self.system.place[name]]

    def _plain(self, change: int) -> bool:
        (relation,) = (r for r in self.system.relations if change in r.terms)
        return all(self.system.published[n] for n in relation.terms if n != change)

    @staticmethod
    def _few(found: Interval, threshold: int) -> bool:
        least = 0.0 if found.low <= 0 <= found.high else min(abs(found.low), abs(found.high))
        return found != Interval(0, 0) and least < threshold
