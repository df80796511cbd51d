"""A one-source town whose extract columns are called like the canonical fields, and the way from rows to records."""

import csv
from pathlib import Path

import duckdb
import pandas as pd

from pipeline import profile, reading, records
from pipeline.periods import Semester
from pipeline.profile import Profile
from pipeline.sources import Source, SourceColumn
from pipeline.stores.tables import Tables
from schemas.extracts import EXTRACTS, FIELDS

KEY = b"una clave de prueba de 32 bytes."
SANTA_MARTA = profile.load("santa_marta")


def source(**changes: object) -> Source:
    """A comma-separated source that maps every field onto a column of its own name."""
    plain = {
        "id": "prueba",
        "mecanismo": "pqrsdf",
        "archivos": "prueba_*.csv",
        "formato": "csv",
        "formatos_fecha": ["%Y-%m-%d %H:%M", "%Y-%m-%d"],
        "columnas": {name: SourceColumn(columna=name) for name in FIELDS},
    }
    return Source.model_validate(plain | changes)


def town(*sources: Source, **changes: object) -> Profile:
    """Santa Marta's lists and terms with other sources."""
    parts = {name: getattr(SANTA_MARTA, name) for name in Profile.model_fields}
    return Profile.model_construct(**parts | {"fuentes": list(sources) or [source()]} | changes)


def memory() -> Tables:
    """An empty store that lives in memory."""
    con = duckdb.connect()
    con.execute("ATTACH ':memory:' AS almacen")
    return Tables(con, "almacen")


def write_rows(folder: Path, rows: list[dict[str, str]], name: str = "prueba_1.csv") -> Path:
    """The rows as a comma-separated file with a column for every field."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, FIELDS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def read(folder: Path, *sources: Source, period: str = "2025-S1") -> pd.DataFrame:
    """What `extractos` holds after reading the folder."""
    tables = memory()
    reading.load(town(*sources), folder, period, tables)
    return tables.table(EXTRACTS).order_by("archivo", "fila").to_pandas()


def build(folder: Path, municipality: Profile | None = None, period: str = "2025-S1") -> records.Records:
    """The records of what the folder holds."""
    municipality = municipality or town()
    tables = memory()
    reading.load(municipality, folder, period, tables)
    return records.build(municipality, Semester.parse(period), tables, KEY)


def petition(**fields: str) -> dict[str, str]:
    """A row that is accepted as it stands, with the given fields instead."""
    return {"radicado": "R-1", "fecha_recepcion": "2025-03-03 10:00", "tipo": "queja", "nombre": "Ana"} | fields


def petitions_of(folder: Path, *rows: dict[str, str], **how: object) -> pd.DataFrame:
    """The accepted petitions of some rows, by file and row."""
    return build(write_rows(folder, list(rows)), **how).petitions.order_by("archivo", "fila").to_pandas()


def destinies_of(folder: Path, *rows: dict[str, str], **how: object) -> dict[int, tuple[str, str]]:
    """Row number → (rule, column) of the rejected rows."""
    rejected = build(write_rows(folder, list(rows)), **how).rejected.to_pandas()
    return {int(r.fila): (r.regla, r.columna) for r in rejected.itertuples()}
