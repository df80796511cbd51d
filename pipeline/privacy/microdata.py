"""Cell suppression at fixed levels: full-row k in persons, then diversity of the topic.

What belongs here: which cells are hidden so that every published row shares all its values with at least k persons.
What does not: levels and costs (the profile), judging the outcome (`pipeline.privacy.gate`), sealing.

Method: rows are generalised to the profile's levels and hidden by the mechanism of `pipeline.privacy.masks`, the sets
of columns ordered by what the profile says that hiding them costs. Persons are distinct `persona_clave`; filings
without identity count as one person per class altogether. Values and pseudonyms stay in temporary tables of the engine
that holds the petitions, dropped at the end; what leaves it meanwhile are codes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from pipeline.privacy import hierarchies, masks
from pipeline.privacy.floors import TOPIC
from pipeline.privacy.grouped import Persons
from pipeline.privacy.packing import Packing
from pipeline.profile import Profile
from schemas.published import MICRODATA

_ROWS, _PAIRS, _HIDDEN, _CLASSES = (f"_puerta_{name}" for name in ("filas", "pares", "patrones", "clases"))
UNIDENTIFIED = 0
"""The one person that all filings without identity are, within a class."""


@dataclass(frozen=True)
class Anonymised:
    """Rows as they would be published, sorted, and beside them each row's person (internal number, never published)."""

    rows: pa.Table
    person: pa.ChunkedArray
    k: int
    eligible: int
    suppressed: dict[str, int]
    levels: dict[str, int]

    @property
    def lost(self) -> int:
        """Eligible rows that no pattern could make safe."""
        return self.eligible - self.rows.num_rows

    @property
    def cells(self) -> int:
        """Cells that could have been hidden: rows published × columns, the period apart, which is never hidden."""
        return self.rows.num_rows * len(self.levels)


@dataclass(frozen=True)
class Suppressor:
    """One period's eligible petitions, coded once, to be suppressed for a given k."""

    con: ibis.BaseBackend
    items: masks.Items
    packing: Packing
    profile: Profile
    period: str
    eligible: int

    def suppress(self, k: int) -> Anonymised:
        """The rows with the fewest costly cells hidden that this greedy search finds for k persons."""
        self._hide_until_safe(k)
        self._diversify()
        rows, person = self._published()
        levels = {name: self.profile.privacidad.columnas[name].nivel for name in self.packing.columns}
        return Anonymised(rows, person, k, self.eligible, self._hidden_cells(), levels)

    def _run(self, sql: str) -> None:
        self.con.raw_sql(sql)

    def _fetch(self, sql: str) -> list[tuple[int, ...]]:
        return list(self.con.raw_sql(sql).fetchall())

    def _replace(self, name: str, select: str) -> int:
        """Makes a temporary table and tells how many rows it has."""
        return int(self._fetch(f"CREATE OR REPLACE TEMP TABLE {name} AS {select}")[0][0])

    def _hide_until_safe(self, k: int) -> None:
        """The mechanism of `pipeline.privacy.masks`; what it places nowhere is not published."""
        costs = {name: column.costo for name, column in self.profile.privacidad.columnas.items()}
        place = {name: number for number, name in enumerate(self.packing.columns)}
        patterns = [
            masks.Pattern(
                tuple(place[name] for name in hidden), self.packing.keep(hidden), sum(costs[c] for c in hidden)
            )
            for hidden in self.packing.patterns(costs)
        ]
        found = masks.place(self.items, patterns, k)
        table = pa.table({"clave": self.items.key[found.item], "publicada": found.key})
        self._run(f"DROP TABLE IF EXISTS {_HIDDEN}")
        self.con.create_table(_HIDDEN, ibis.memtable(table), temp=True)

    def _diversify(self) -> None:
        """Hides a demographic column where that is cheaper and enough, otherwise the topic, in undiverse classes.

        Rows of one full class lie in one demographic class and move together, so k persons are kept.
        """
        privacy = self.profile.privacidad
        demographic = self.packing.field(privacy.columnas_demograficas)
        topic_cost = privacy.columnas[TOPIC].costo
        cheaper = sorted(
            (privacy.columnas[name].costo, name)
            for name in privacy.columnas_demograficas
            if privacy.columnas[name].costo < topic_cost
        )
        undiverse = self._undiverse("publicada")
        for _, name in cheaper:
            if not undiverse:
                return
            field = self.packing.field([name])
            moved = _among(f"publicada & {demographic}", [c for c in undiverse if c & field])
            still = self._undiverse(f"CASE WHEN {moved} THEN publicada & ~{field} ELSE publicada END")
            accepted = [c for c in undiverse if c & field and c & ~field not in still]
            self._run(
                f"UPDATE {_HIDDEN} SET publicada = publicada & ~{field}"
                f" WHERE {_among(f'publicada & {demographic}', accepted)}"
            )
            undiverse = self._undiverse("publicada")
        self._run(
            f"UPDATE {_HIDDEN} SET publicada = publicada & ~{self.packing.field([TOPIC])}"
            f" WHERE {_among(f'publicada & {demographic}', sorted(undiverse))}"
        )

    def _undiverse(self, key: str) -> set[int]:
        """Demographic classes whose revealed topics are too few or too concentrated, in filings or in persons.

        Hidden topics do not count: whoever is hidden protects nobody whose topic is shown.
        """
        privacy = self.profile.privacidad
        demographic = self.packing.field(privacy.columnas_demograficas)
        topic = self.packing.field([TOPIC])
        found = self._fetch(
            f"WITH vistas AS (SELECT {key} & {demographic} AS clase, {key} & {topic} AS tema, persona, filas"
            f" FROM {_PAIRS} JOIN {_HIDDEN} USING (clave) WHERE {key} & {topic} <> 0),"
            " temas AS (SELECT clase, tema, sum(filas) AS filas, count(DISTINCT persona) AS personas"
            " FROM vistas GROUP BY 1, 2),"
            " clases AS (SELECT clase, sum(filas) AS filas, count(DISTINCT persona) AS personas FROM vistas GROUP BY 1)"
            " SELECT t.clase FROM temas t JOIN clases c USING (clase) GROUP BY t.clase, c.filas, c.personas"
            f" HAVING count(*) < {privacy.l_tema} OR max(t.filas)::DOUBLE / c.filas > {privacy.confianza_max}"
            f" OR max(t.personas)::DOUBLE / c.personas > {privacy.confianza_max}"
        )
        return {int(row[0]) for row in found}

    def _published(self) -> tuple[pa.Table, pa.ChunkedArray]:
        keys = [int(row[0]) for row in self._fetch(f"SELECT DISTINCT publicada FROM {_HIDDEN}")]
        values = sorted((tuple(self.packing.unpack(name, key) for name in self.packing.columns), key) for key in keys)
        self._load_classes([key for _, key in values])
        placed = self.con.raw_sql(
            f"SELECT orden, persona FROM {_ROWS} JOIN {_HIDDEN} USING (clave) JOIN {_CLASSES} USING (publicada)"
            " ORDER BY orden"
        ).to_arrow_table()
        position = placed["orden"]
        columns: dict[str, pa.Array | pa.ChunkedArray] = {
            name: pa.array([row[i] for row, _ in values], pa.string()).take(position)
            for i, name in enumerate(self.packing.columns)
        }
        columns["periodo"] = pa.array([self.period], pa.string()).take(pa.array([0] * placed.num_rows, pa.int64()))
        return pa.table({name: columns[name] for name in MICRODATA.names}), placed["persona"]

    def _load_classes(self, keys: list[int]) -> None:
        self._replace(_CLASSES, f"SELECT unnest({keys}::BIGINT[]) AS publicada, unnest(range({len(keys)})) AS orden")

    def _hidden_cells(self) -> dict[str, int]:
        sums = ", ".join(
            f"coalesce(sum(filas) FILTER (publicada & {self.packing.field([name])} = 0), 0)"
            for name in self.packing.columns
        )
        (counts,) = self._fetch(f"SELECT {sums} FROM {_PAIRS} JOIN {_HIDDEN} USING (clave)")
        return dict(zip(self.packing.columns, map(int, counts), strict=True))


def _among(expression: str, keys: list[int]) -> str:
    return f"{expression} IN ({', '.join(map(str, keys))})" if keys else "false"


def _items(con: ibis.BaseBackend) -> masks.Items:
    """The distinct keys with their rows and persons, as numbers."""
    pairs = con.raw_sql(f"SELECT clave, persona, filas FROM {_PAIRS} ORDER BY clave, persona").fetchnumpy()
    key, member = np.unique(pairs["clave"], return_inverse=True)
    rows = np.bincount(member, weights=pairs["filas"]).astype(np.int64)
    return masks.Items(key, rows, Persons.of(member, pairs["persona"], len(key)))


@contextmanager
def suppressor(eligible: ir.Table, profile: Profile, period: str) -> Iterator[Suppressor]:
    """The suppressor of one period's eligible petitions; its temporary tables live as long as the context.

    Raises `HierarchyError` where a petition has a value that its hierarchy does not know.
    """
    hierarchies.check_seen(eligible, profile)
    columns = {name: profile.privacidad.columnas[name] for name in MICRODATA.names if name != "periodo"}
    levels = {name: hierarchies.mapping(profile.jerarquias[name], c.nivel) for name, c in columns.items()}
    packing = Packing.of({name: sorted(set(level.values())) for name, level in levels.items()})
    key = packing.key({name: (eligible[c.campo], levels[name]) for name, c in columns.items()})
    con = eligible.get_backend()
    try:
        con.create_table("_puerta_crudas", eligible.select(clave=key, seudonimo=eligible.persona_clave), temp=True)
        con.raw_sql(
            "CREATE OR REPLACE TEMP TABLE _puerta_personas AS SELECT seudonimo, row_number() OVER () AS persona"
            " FROM (SELECT DISTINCT seudonimo FROM _puerta_crudas WHERE seudonimo IS NOT NULL)"
        )
        con.raw_sql(
            f"CREATE OR REPLACE TEMP TABLE {_ROWS} AS SELECT clave, coalesce(persona, {UNIDENTIFIED}) AS persona"
            " FROM _puerta_crudas LEFT JOIN _puerta_personas USING (seudonimo)"
        )
        con.raw_sql(
            f"CREATE OR REPLACE TEMP TABLE {_PAIRS} AS SELECT clave, persona, count(*) AS filas"
            f" FROM {_ROWS} GROUP BY 1, 2"
        )
        ((rows,),) = con.raw_sql(f"SELECT count(*) FROM {_ROWS}").fetchall()
        yield Suppressor(con, _items(con), packing, profile, period, int(rows))
    finally:
        temporary = (_ROWS, _PAIRS, _HIDDEN, _CLASSES, "_puerta_crudas", "_puerta_personas")
        for name in temporary:
            con.raw_sql(f"DROP TABLE IF EXISTS {name}")
