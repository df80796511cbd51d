"""The joint audit of a period: one linear system over every table, the sums of hierarchies, the microdata and the law.

What belongs here: which sums an attacker can write from all that is published of a period, and which cells have to be
hidden in them. What does not: solving (`pipeline.privacy.intervals`), choosing companions (`companions`), one table's
own rules (`tables`).

Cells are requests and persons by who they count (`grids.key_of`). Requests add up, within a table and from a detail to
the value above it; of persons no part exceeds its total, no total the sum of its parts, and none the requests. Beside
them stand the rows that the microdata hide: what a detail adds up to, less the microdata's count of the value above.
Those few are cells like any other, although nobody publishes them: between 1 and threshold − 1 persons must not be seen
by subtraction. Counts that a law orders bound the characterisable ones from above.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import pandas as pd
import pyarrow as pa

from pipeline.privacy import companions, hierarchies, judges
from pipeline.privacy.companions import UnprotectableError
from pipeline.privacy.grids import DETAIL, TOTAL, Key, key_of, may_hide
from pipeline.privacy.intervals import Interval, exposed
from pipeline.privacy.linear import INFINITE, Relation, System
from pipeline.profile import Profile, TableSpec

REQUESTS, PERSONS, HIDDEN = "solicitudes", "personas", "ocultas"
_EVERYBODY: Key = ("",)
LAW = "base legal"
"""Relations to counts that a law orders, which nothing may withhold."""


@dataclass(frozen=True)
class Rules:
    """What a profile says of its tables: their specs and thresholds, and (detail, leaf) → (variable, value above)."""

    specs: Mapping[str, TableSpec]
    thresholds: Mapping[str, int]
    hierarchy: Mapping[tuple[str, str], tuple[str, str]]

    @classmethod
    def of(cls, profile: Profile, sensitive: set[str]) -> "Rules":
        """Those of a profile; `sensitive` names tables besides those that the classification knows."""
        hierarchy = {
            (f"{name}{DETAIL}", leaf): (name, value)
            for name, column in profile.privacidad.columnas.items()
            for leaf, value in hierarchies.mapping(profile.jerarquias[name], column.nivel).items()
        }
        specs = {spec.id: spec for spec in profile.caracterizacion.tablas}
        return cls(specs, judges.thresholds_of(profile, sensitive), hierarchy)


@dataclass(frozen=True)
class Surroundings:
    """What stands beside the tables: the microdata as published (None: there are none).

    `few_hidden` are the values of the microdata whose hidden rows are too few persons to be seen by subtraction.
    """

    microdata: pa.Table | None = None
    few_hidden: frozenset[Key] = frozenset()


@dataclass
class Joint:
    """The system of one period, with the numbers of its cells by what they are."""

    system: System
    cells: dict[tuple[str, Key], int]
    thresholds: dict[int, int]
    edition: str = ""

    def add(self, measure: str, key: Key, value: int | None, *, published: bool) -> int:
        """Adds a cell under its measure and key, with the edition where several share the system."""
        name = (self.edition, measure, key) if self.edition else (measure, key)
        self.cells[measure, key] = self.system.add(name, value, published=published)
        return self.cells[measure, key]

    def audited(self) -> dict[int, int]:
        """The withheld cells that have to be hidden, and their thresholds."""
        return {n: t for n, t in self.thresholds.items() if not self.system.published[n]}

    def costs(self) -> tuple[dict[int, float], dict[int, tuple[int, ...]]]:
        """What withholding a published cell loses, and which numbers go with it: a cell's requests and persons."""
        costs: dict[int, float] = {}
        together: dict[int, tuple[int, ...]] = {}
        for (measure, key), n in self.cells.items():
            if measure == HIDDEN or not self.system.published[n] or not may_hide(key):
                continue
            both = [self.cells[m, key] for m in (REQUESTS, PERSONS) if (m, key) in self.cells]
            costs[n] = 1.0 + max(self.system.values[m] or 0 for m in both)
            together[n] = tuple(both)
        return costs, together


def build(
    cells: pd.DataFrame,
    rules: Rules,
    around: Surroundings,
    truth: Mapping[tuple[str, Key], int] | None = None,
    into: tuple[System, str] | None = None,
) -> Joint:
    """The system of a period's tables; `cells` as in the contract TABLES, `valor` empty where withheld.

    `truth`, the withheld cells' own values, chooses companions and changes no interval.
    `into`: a system that other editions of the period are in already, and the name of this one.
    """
    system, edition = into or (System(), "")
    joint = Joint(system, {}, {}, edition)
    counted = _keyed(cells, rules.specs)
    for (table_id, _), rows in counted.groupby(["tabla", "medida"], sort=True):
        spec = rules.specs[str(table_id)]
        if spec.base != "legal" and not (spec.base == "solicitudes" and around.microdata is not None):
            names = zip(rows["medida"], rows["clave"], strict=True)
            known = rows.assign(verdad=_objects([truth[name] if truth else None for name in names], rows))
            _add_table(joint, spec, known, rules.thresholds[spec.id])
    _persons_within_requests(joint)
    _add_families(joint, rules, around)
    _add_law(joint, counted, rules.specs)
    return joint


def cells_of(tables: pa.Table) -> pd.DataFrame:
    """Rows of the contract TABLES with whole numbers, missing where withheld."""
    return tables.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)


def truth_of(candidates: pd.DataFrame, specs: Mapping[str, TableSpec]) -> dict[tuple[str, Key], int]:
    """The counted value of every cell, requests and persons."""
    counted = _keyed(candidates, specs)
    return {(m, key): int(v) for m, key, v in zip(counted.medida, counted.clave, counted.valor, strict=True)}


def _keyed(cells: pd.DataFrame, specs: Mapping[str, TableSpec]) -> pd.DataFrame:
    """The rows that count, with who each counts."""
    counted = cells[cells["medida"].isin((REQUESTS, PERSONS))]
    pairs = zip(counted["tabla"], counted["valor_1"], counted["valor_2"], strict=True)
    keys = [key_of(specs[t], (a, b)[: len(specs[t].dimensiones)]) for t, a, b in pairs]
    return counted.assign(clave=_objects(keys, counted))


def _objects(values: list[Any], like: pd.DataFrame) -> pd.Series:
    return pd.Series(values, index=like.index, dtype=object)


def _add_table(joint: Joint, spec: TableSpec, rows: pd.DataFrame, threshold: int) -> None:
    system = joint.system
    (measure,) = {str(m) for m in rows["medida"]}
    for key, published, true in zip(rows["clave"], rows["valor"], rows["verdad"], strict=True):
        shown = not pd.isna(published)
        value = int(published) if shown else true
        if (measure, key) not in joint.cells:
            joint.add(measure, key, value, published=shown)
        n = joint.cells[measure, key]
        if shown and not system.published[n]:
            system.published[n], system.values[n] = True, value
        joint.thresholds[n] = max(joint.thresholds.get(n, 0), threshold)
    for *parts, total in _lines(spec, rows):
        numbers = [joint.cells[measure, key] for key in parts]
        whole = joint.cells[measure, total]
        if measure == REQUESTS:
            system.total(f"tabla {spec.id}", whole, numbers)
        else:
            system.at_most(f"personas de la tabla {spec.id}", [whole], numbers)
            for n in numbers:
                system.at_most(f"personas de la tabla {spec.id}", [n], [whole])


def _lines(spec: TableSpec, rows: pd.DataFrame) -> Iterator[list[Key]]:
    """Every sum inside a table, the margin last."""
    axes = [sorted({str(v) for v in rows[f"valor_{i}"]} - {TOTAL}) for i in range(1, len(spec.dimensiones) + 1)]
    if len(axes) == 1:
        yield [key_of(spec, (value,)) for value in (*axes[0], TOTAL)]
        return
    first, second = axes
    for a in (*first, TOTAL):
        yield [key_of(spec, (a, b)) for b in (*second, TOTAL)]
    for b in (*second, TOTAL):
        yield [key_of(spec, (a, b)) for a in (*first, TOTAL)]


def _persons_within_requests(joint: Joint) -> None:
    for (measure, key), n in joint.cells.items():
        if measure == PERSONS and (REQUESTS, key) in joint.cells:
            joint.system.at_most("personas y solicitudes", [n], [joint.cells[REQUESTS, key]])


def _add_families(joint: Joint, rules: Rules, around: Surroundings) -> None:
    """Details add up to the value above them: another table's cell, or the microdata's count and what they hide."""
    leaves: dict[tuple[str, str], int] = {}
    for above in rules.hierarchy.values():
        leaves[above] = leaves.get(above, 0) + 1
    families: dict[tuple[Key, tuple[str, ...]], list[int]] = {}
    for (measure, key), n in joint.cells.items():
        if measure == REQUESTS:
            for target, finer in _coarser(key, rules.hierarchy):
                families.setdefault((target, finer), []).append(n)
    seen = _Counted(around.microdata)
    for (target, finer), parts in sorted(families.items(), key=repr):
        complete = 1
        for variable, value in target[1:]:
            complete *= leaves[variable, value] if variable in finer else 1
        if len(parts) != complete:
            continue
        above_cell = joint.cells.get((REQUESTS, target))
        if above_cell is not None:
            joint.system.total("jerarquía", above_cell, parts)
        elif seen.has(target):
            _add_hidden(joint, target, parts, seen.count(target))
            if target in around.few_hidden:
                joint.thresholds[joint.cells[HIDDEN, target]] = min(rules.thresholds.values())


def _coarser(key: Key, hierarchy: Mapping[tuple[str, str], tuple[str, str]]) -> Iterator[tuple[Key, tuple[str, ...]]]:
    """Every key that some of this one's details belong to, and the names of the variables that became coarser."""
    filtered, *pairs = key
    details = [n for n, pair in enumerate(pairs) if pair in hierarchy]
    for size in range(1, len(details) + 1):
        for chosen in combinations(details, size):
            made = [hierarchy[pair] if n in chosen else pair for n, pair in enumerate(pairs)]
            yield (filtered, *sorted(made)), tuple(sorted(hierarchy[pairs[n]][0] for n in chosen))


def _add_hidden(joint: Joint, target: Key, parts: list[int], shown: int) -> None:
    system = joint.system
    values = [system.values[n] for n in parts]
    rest = None if any(v is None for v in values) else sum(v or 0 for v in values) - shown
    hidden = joint.add(HIDDEN, target, rest, published=False)
    system.relations.append(Relation("microdatos", {**dict.fromkeys(parts, 1), hidden: -1}, shown, shown))


class _Counted:
    """How many microdata rows show given values."""

    def __init__(self, rows: pa.Table | None) -> None:
        self._rows = rows
        self._counts: dict[tuple[str, ...], dict[tuple[str, ...], int]] = {}

    def has(self, key: Key) -> bool:
        names = self._rows.column_names if self._rows is not None else ()
        return key[0] == "" and len(key) > 1 and all(variable in names for variable, _ in key[1:])

    def count(self, key: Key) -> int:
        columns = tuple(variable for variable, _ in key[1:])
        if columns not in self._counts and self._rows is not None:
            found = self._rows.group_by(list(columns)).aggregate([([], "count_all")]).to_pylist()
            self._counts[columns] = {tuple(row[c] for c in columns): int(row["count_all"]) for row in found}
        return self._counts[columns].get(tuple(value for _, value in key[1:]), 0)


def _add_law(joint: Joint, counted: pd.DataFrame, specs: Mapping[str, TableSpec]) -> None:
    """Characterisable petitions are among all of them, which a law orders to count."""
    for table_id, measure, key, value in zip(counted.tabla, counted.medida, counted.clave, counted.valor, strict=True):
        inside = joint.cells.get((REQUESTS, key))
        if specs[str(table_id)].base == "legal" and measure == REQUESTS and inside is not None and not pd.isna(value):
            joint.system.relations.append(Relation(LAW, {inside: 1}, -INFINITE, int(value)))


@dataclass(frozen=True)
class Companions:
    """What the joint audit withholds besides, and which cells were exposed before.

    `by_law` are cells that stay exposed because a count that a law orders is that small.
    """

    keys: frozenset[Key]
    before: Mapping[Hashable, Interval]
    by_law: int


def protect(joint: Joint) -> Companions:
    """Withholds in the system what hides every withheld cell; zeros and the count of all go last.

    Raises `UnprotectableError` where nothing hides them, the law's counts apart.
    """
    system = joint.system
    costs, together = joint.costs()
    everybody = {joint.cells.get((measure, _EVERYBODY)) for measure in (REQUESTS, PERSONS)}
    with_somebody = {n: cost for n, cost in costs.items() if system.values[n] and n not in everybody}
    lawless = replace(system, relations=[r for r in system.relations if r.name != LAW])  # the same cells
    before, shown = exposed(system, joint.audited()), list(system.published)
    attempts = [(system, with_somebody), (system, costs), (lawless, costs)] if before else []
    for last, (tried, affordable) in enumerate(attempts, start=1):
        try:
            companions.protect(tried, joint.thresholds, affordable, together)
            break
        except UnprotectableError:
            if last == len(attempts):
                raise
    gone = {n for n, was in enumerate(shown) if was and not system.published[n]}
    keys = frozenset(key for (_, key), n in joint.cells.items() if n in gone)
    return Companions(keys, before, len(exposed(system, joint.audited())) if before else 0)


class Auditor:
    """The joint audit as `tables.protect` asks for it, and what it found."""

    def __init__(self, candidates: pd.DataFrame, rules: Rules, around: Surroundings) -> None:
        self._build = partial(build, rules=rules, around=around)
        self._truth = truth_of(candidates, rules.specs)
        self.by_law = 0
        self.exposed_before: Mapping[Hashable, Interval] = {}

    def __call__(self, cells: pd.DataFrame) -> frozenset[Key]:
        """Which cells to withhold besides those that `cells` withholds."""
        found = protect(self._build(cells, truth=self._truth))
        self.exposed_before = self.exposed_before or found.before
        self.by_law = found.by_law
        return found.keys

    def judge(self, public: pd.DataFrame) -> tuple[int, int]:
        """As `judge`, with what stands beside these tables."""
        return judge(self._build(public))


def judge(joint: Joint) -> tuple[int, int]:
    """How many withheld cells had to be hidden, and how many are not; of public rows alone."""
    return len(joint.audited()), len(exposed(joint.system, joint.audited()))


def judge_public(cells: pd.DataFrame, microdata: pa.Table, profile: Profile, sensitive: set[str]) -> tuple[int, int]:
    """As `judge`, of a period's published rows; no microdata rows: none are published."""
    around = Surroundings(microdata if microdata.num_rows else None)
    return judge(build(cells, Rules.of(profile, sensitive), around))
