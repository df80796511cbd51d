"""What the quality rules look at: counts that DuckDB makes from the release's re-read bytes.

What belongs here: measuring. What does not: deciding what is good (`quality`). Every figure is a count; no value of a
cell leaves this module, so no validator downstream has one to print.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir

from pipeline.characterization.variables import TOTAL
from pipeline.release import data
from schemas.characterized import SEGMENTS
from schemas.published import MICRODATA, SUPPRESSED, TABLES


@dataclass(frozen=True)
class Measure:
    """A count with the rule it is for: `found` of `total`, about a file and perhaps a column."""

    rule: str
    file: str
    column: str | None
    found: int
    total: int

    @property
    def key(self) -> str:
        """Its column in the profile that the quality tool sees."""
        return ".".join(filter(None, (self.rule, self.file, self.column)))


@dataclass(frozen=True)
class Published:
    """One re-read table and its schema."""

    name: str
    rows: ir.Table
    schema: dict[str, Any]

    @property
    def file(self) -> str:
        """Its CSV, inside the release."""
        return f"datos/{self.name}.csv"

    def count(self, rows: ir.Table | None = None) -> int:
        """How many rows."""
        return int((self.rows if rows is None else rows).count().execute())


def read(folder: Path) -> dict[str, Published]:
    """Every table of a release, as text, in an in-memory DuckDB of its own."""
    engine = duckdb.connect()
    con = ibis.duckdb.from_connection(engine)
    found = {}
    for path in sorted((folder / "datos").glob("*.csv")):
        schema = _json(folder / "esquema" / f"{path.stem}.tableschema.json")
        engine.register(path.stem, data.read_csv(path.read_bytes()))
        rows = con.table(path.stem)
        found[path.stem] = Published(path.stem, rows, schema)
    return found


def measure(folder: Path, previous: Path | None) -> list[Measure]:
    """Every measure of the release, in a fixed order."""
    tables = read(folder)
    declared = set(_json(folder / "datapackage.json")["periodos"])
    silent = set(_json(folder / "privacidad" / "privacidad.json")["sin_solicitudes"])
    found: list[Measure] = []
    for table in tables.values():
        found += _table(table)
    found += _periods(tables, declared, silent)
    found += _suppression(tables)
    found += _cross(tables, _bases(folder))
    if previous is not None:
        found += _against(tables, read(previous))
    return found


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _table(table: Published) -> Iterator[Measure]:
    total = table.count()
    yield Measure("con_filas", table.file, None, total, total)
    key = table.schema.get("uniqueKeys", [[]])[0]
    if key:
        yield Measure("clave_unica", table.file, None, total - table.count(table.rows.select(key).distinct()), total)
    for field in table.schema["fields"]:
        name, constraints = field["name"], field.get("constraints", {})
        column = table.rows[name]
        if constraints.get("required"):
            yield Measure("obligatoria_llena", table.file, name, table.count(table.rows.filter(column.isnull())), total)
        if "enum" in constraints:
            strange = table.rows.filter(column.notnull() & column.notin(constraints["enum"]))
            yield Measure("codigo_de_su_lista", table.file, name, table.count(strange), total)


def _periods(tables: dict[str, Published], declared: set[str], silent: set[str]) -> Iterator[Measure]:
    for table in tables.values():
        present = set(table.rows.periodo.execute())
        due = declared - silent if table.name in {MICRODATA.name, SEGMENTS.name} else declared
        yield Measure("periodos_completos", table.file, "periodo", len(due - present), len(due))
        yield Measure("periodos_declarados", table.file, "periodo", len(present - declared), len(present))


def _suppression(tables: dict[str, Published]) -> Iterator[Measure]:
    table = tables.get(MICRODATA.name)
    if table is not None:
        for name in table.rows.columns:
            hidden = table.count(table.rows.filter(table.rows[name] == SUPPRESSED))
            yield Measure("detalle_suficiente", table.file, name, hidden, table.count())
    cells = tables.get(TABLES.name)
    if cells is not None:
        hidden = cells.count(cells.rows.filter(cells.rows.estado_celda == SUPPRESSED))
        yield Measure("celdas_suficientes", cells.file, None, hidden, cells.count())
        empty = cells.rows.valor.isnull()
        muddled = cells.count(cells.rows.filter(empty != (cells.rows.estado_celda == SUPPRESSED)))
        yield Measure("celda_y_estado", cells.file, "valor", muddled, cells.count())


def _bases(folder: Path) -> dict[str, str]:
    """The base of each unfiltered table."""
    rows = data.read_csv((folder / "esquema" / "listas" / "tablas.csv").read_bytes()).to_pylist()
    return {r["tabla"]: r["base"] for r in rows if not r["filtro"]}


def _cross(tables: dict[str, Published], bases: dict[str, str]) -> Iterator[Measure]:
    """Grand totals that must be one number: each table of base solicitudes and the rows themselves."""
    cells = tables.get(TABLES.name)
    if cells is None:
        return
    t = cells.rows
    grand = t.filter(
        (t.medida == "solicitudes") & (t.valor_1 == TOTAL) & (t.valor_2.isnull() | (t.valor_2 == TOTAL))
    ).select("periodo", "tabla", "valor")
    totals = {(r.periodo, r.tabla): r.valor for r in grand.execute().itertuples()}
    rows = _per_period(tables.get(MICRODATA.name))
    checked = [(p, v) for (p, name), v in totals.items() if bases.get(name) == "solicitudes" and p in rows and v]
    unequal = sum(int(v) != rows[p] for p, v in checked)
    yield Measure("totales_iguales", cells.file, "valor", unequal, len(checked))
    accounts = tables.get("contabilidad")
    if accounts is not None and rows:
        a = accounts.rows
        kept = a.filter(a.destino == "aceptada").group_by("periodo").agg(n=a.filas.cast("int64").sum()).execute()
        accepted = dict(zip(kept.periodo, kept.n, strict=True))
        excess = sum(n > accepted.get(p, 0) for p, n in rows.items())
        yield Measure("no_mas_que_aceptadas", "datos/solicitudes.csv", None, excess, len(rows))


def _per_period(table: Published | None) -> dict[str, int]:
    if table is None:
        return {}
    counted = table.rows.group_by("periodo").agg(n=table.rows.count()).order_by("periodo").execute()
    return {str(p): int(n) for p, n in zip(counted.periodo, counted.n, strict=True)}


def _against(now: dict[str, Published], before: dict[str, Published]) -> Iterator[Measure]:
    """Against the previous version: tables and columns that vanished, and rows of each earlier period."""
    for name, old in before.items():
        new = now.get(name)
        gone = set(old.rows.columns) - set(new.rows.columns if new else ())
        yield Measure("columnas_conservadas", old.file, None, len(gone), len(old.rows.columns))
        was, is_now = _per_period(old), _per_period(new)
        for period, rows in was.items():
            yield Measure("volumen_estable", old.file, period, abs(rows - is_now.get(period, 0)), rows)
