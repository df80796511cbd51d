"""Rules on persons: k recounted over every published column, the attested figures, markers, identifiers.

What belongs here: what public bytes can show. What does not: counting persons, which needs data that is not published;
the release attests it and these rules check that what it attests is possible and enough.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.privacy import detectors, floors
from pipeline.release import data, documents
from pipeline.release.folder import Check, Finding, Folder
from pipeline.release.inputs import ReleaseError
from pipeline.release.rules.web import embedded
from schemas.characterized import INDICATORS, SEGMENTS
from schemas.published import MICRODATA, SUPPRESSED, TABLES

_EVIDENCE = "privacidad/privacidad.json"
_MARKED = {
    TABLES.name: {"valor_1", "valor_2", "estado_celda"},
    SEGMENTS.name: {"codigo", "estado_celda"},
    INDICATORS.name: {"valor_dimension"},
}
_MISSING_WORDS = {
    "na",
    "n/a",
    "nan",
    "null",
    "none",
    "nulo",
    "-",
    "*",
    "?",
    "<5",
    "suprimida",
    "oculto",
    "confidencial",
}
_NUMBER = re.compile(r"-?\d{1,19}(\.\d{1,20})?(e-?\d{1,2})?")
_BLOCK = 50_000
MAX_COUNT = 9_999_999
"""Requests of a municipality never reach eight digits; a document number does."""


def smallest_classes(table: pa.Table) -> dict[str, tuple[int, int]]:
    """Per period, the rows of the smallest class over every column, and how many classes there are."""
    classes = table.group_by(table.column_names).aggregate([([], "count_all")])
    per_period = classes.group_by("periodo").aggregate([("count_all", "min"), ("count_all", "count")])
    return {
        row["periodo"]: (int(row["count_all_min"]), int(row["count_all_count"]))
        for row in sorted(per_period.to_pylist(), key=lambda r: str(r["periodo"]))
    }


def enough_rows(folder: Folder) -> Iterator[Finding]:
    """Every combination of published values has at least k rows in its period; k is never below the floor."""
    k = int(folder.privacy["metas"]["k"])
    if k < floors.K_PERSONS:
        yield Finding("k_filas", _EVIDENCE, f"Declara un k menor que el piso de {floors.K_PERSONS} personas.")
    if folder.microdata is None:
        return
    needed = max(k, floors.K_PERSONS)
    for period, (smallest, _) in smallest_classes(folder.microdata.text).items():
        if smallest < needed:
            why = f"{period}: hay una combinación de valores con menos de {needed} filas"
            yield Finding("k_filas", folder.microdata.file, f"{why}, contando todas las columnas.")


def attested(folder: Folder) -> Iterator[Finding]:
    """What the publisher attests per period is there, is enough, and is possible given the rows."""
    if not folder.of_semesters:
        return
    rows = smallest_classes(folder.microdata.text) if folder.microdata else {}
    for period in folder.manifest.periods:
        said = folder.privacy["periodos"].get(period)
        if said is None or bool(said["publicado"]) != (period in rows):
            yield Finding("atestacion", _EVIDENCE, f"{period}: lo que dice no es lo que se publica.")
            continue
        if period not in rows:
            continue
        persons, published = int(said["k_minimo"]), int(said["filas_publicadas"])
        if persons < max(int(folder.privacy["metas"]["k"]), floors.K_PERSONS):
            yield Finding("atestacion", _EVIDENCE, f"{period}: el mínimo de personas no llega a la meta.")
        if persons > rows[period][0]:
            yield Finding("atestacion", _EVIDENCE, f"{period}: atesta más personas que filas en un grupo.")
        table = folder.microdata.of_period(period) if folder.microdata else pa.table({})
        if published != table.num_rows:
            yield Finding("atestacion", _EVIDENCE, f"{period}: atesta otro número de filas.")
        for name, cells in said.get("celdas_suprimidas", {}).items():
            marked = pc.sum(pc.equal(table[name], SUPPRESSED)).as_py() if name in table.column_names else None
            if isinstance(cells, int) and cells != (marked or 0):
                yield Finding("atestacion", _EVIDENCE, f"{period}: «{name}» tiene otro número de celdas suprimidas.")


def targets(folder: Folder) -> Iterator[Finding]:
    """The declared targets are not below the floors that no profile may lower."""
    said = folder.privacy["metas"]
    low = {
        "umbral_tabla": floors.TABLE_PERSONS,
        "umbral_tabla_sensible": floors.SENSITIVE_TABLE_PERSONS,
        "l_tema": floors.DISTINCT_TOPICS,
    }
    high = {"riesgo_promedio_max": floors.AVERAGE_RISK, "confianza_max": floors.CONFIDENCE}
    for name in (*low, *high):
        value = float(said[name])
        if (name in low and value < low[name]) or (name in high and value > high[name]):
            yield Finding("metas", _EVIDENCE, f"La meta «{name}» es más laxa que el piso.")
    if not str(folder.privacy.get("firma_juridica", "")).strip():
        yield Finding("metas", _EVIDENCE, "No dice quién aprobó las metas ni que están pendientes de firma.")


def one_marker(folder: Folder) -> Iterator[Finding]:
    """One word for «withheld», only in the columns that may hold it, and no other word for «missing»."""
    for table in folder.tables.values():
        enums = {f["name"]: set(f.get("constraints", {}).get("enum", ())) for f in table.schema["fields"]}
        for name in table.text.column_names:
            allowed = _MARKED.get(table.name, set())
            if table.name == MICRODATA.name and SUPPRESSED in enums.get(name, ()):
                allowed = {name}
            for value in pc.unique(table.text[name].drop_null()).to_pylist():
                plain = value.strip().casefold()
                marker = plain == SUPPRESSED.casefold()
                if (marker and (value != SUPPRESSED or name not in allowed)) or (
                    plain in _MISSING_WORDS and value not in enums.get(name, ())
                ):
                    yield Finding("marcador", table.file, f"Columna «{name}»: un marcador donde no puede haberlo.")
                    break


def no_identifiers(folder: Folder) -> Iterator[Finding]:
    """No text of any file, no file name, no Parquet footer looks like somebody's data."""
    allowed = _contact(folder.package)
    for path in folder.files:
        for rule in detectors.scan(PurePosixPath(path).name):
            yield Finding("identificadores", "(nombre de archivo)", f"Un nombre de archivo parece {rule}.")
        if (folder.path / path).is_symlink():
            continue
        if path.endswith(".parquet"):
            yield from _footer(folder, path)
            continue
        for hit in detectors.scan_file(folder.path / path, allowed=allowed):
            yield Finding("identificadores", path, f"{hit.rows} textos parecen {hit.rule}{_part(path, hit.column)}.")
        if path.endswith(".json"):
            yield from _numbers(folder, path)
        if path.endswith(".csv"):
            yield from _counts(folder, path)
        if path.endswith(".html"):
            yield from _inside(folder, path, allowed)


def _contact(package: dict[str, Any]) -> list[str]:
    """The one address that the publisher offers for writing to it."""
    mails = [c.get("email") for c in package.get("contributors", []) if "contactPoint" in c.get("roles", ())]
    return [str(mails[0])] if len(mails) == 1 and mails[0] else []


def _part(path: str, column: str) -> str:
    """Where in the file; a name that the project did not choose is not repeated."""
    known = {*MICRODATA.names, *TABLES.names, *INDICATORS.names, *SEGMENTS.names}
    return f", en «{column}»" if path.endswith(".csv") and column in known else ""


def _footer(folder: Folder, path: str) -> Iterator[Finding]:
    try:
        meta = pq.read_metadata(folder.path / path)
    except (OSError, pa.ArrowException):
        yield Finding("identificadores", path, "No se puede leer.")
        return
    if meta.metadata:
        yield Finding("identificadores", path, "El pie trae metadatos que no son del formato.")
    chunks = [meta.row_group(g).column(c) for g in range(meta.num_row_groups) for c in range(meta.num_columns)]
    stated = [v for chunk in chunks if chunk.statistics for v in (chunk.statistics.min, chunk.statistics.max)]
    texts = [*meta.schema.names, *(str(v) for v in stated if isinstance(v, str | bytes))]
    rules = sorted({rule for text in texts for rule in detectors.scan(text)})
    if any(isinstance(v, int) and v > MAX_COUNT for v in stated):
        rules.append("cedula")
    for rule in rules:
        yield Finding("identificadores", path, f"El pie del Parquet trae un valor que parece {rule}.")


def _numbers(folder: Folder, path: str) -> Iterator[Finding]:
    """Numbers in JSON have no text to look at; one of eight digits counts nothing that is published here."""

    def large(value: Any, key: str = "") -> bool:
        if isinstance(value, dict):
            return any(large(inner, str(name)) for name, inner in value.items())
        if isinstance(value, list):
            return any(large(inner, key) for inner in value)
        return isinstance(value, int | float) and abs(value) > MAX_COUNT and key != "bytes"

    if large(folder.json(path)):
        yield Finding("identificadores", path, "Trae un número que parece cedula.")


def _counts(folder: Folder, path: str) -> Iterator[Finding]:
    """Columns named like counts, which the detectors leave alone, hold numbers of a credible size or harmless words."""
    strange: set[str] = set()
    try:
        for rows in data.blocks(folder.path / path, _BLOCK):
            for name in (detectors.COUNTS & set(rows.column_names)) - strange:
                values = pc.unique(rows[name].drop_null()).to_pylist()
                if any(detectors.scan(v) if not _NUMBER.fullmatch(v) else abs(float(v)) > MAX_COUNT for v in values):
                    strange.add(name)
    except ReleaseError:
        return
    for name in sorted(strange):
        yield Finding("identificadores", path, f"Columna «{name}»: un valor que parece cedula.")


def _inside(folder: Folder, path: str, allowed: list[str]) -> Iterator[Finding]:
    text = (folder.path / path).read_text(encoding="utf-8", errors="replace")
    read = [piece for image in embedded(text) for piece in detectors.visible(image)]
    rules = {r for piece in read for r in detectors.scan(piece, prose=True, allowed=allowed)}
    for rule in sorted(rules):
        yield Finding("identificadores", path, f"Una figura incrustada trae un texto que parece {rule}.")


def forbidden_reidentification(folder: Folder) -> Iterator[Finding]:
    """The licence text and the read-me tell people not to try."""
    for path in ("LICENCIA.txt", "LEAME.md"):
        text = (folder.path / path).read_text(encoding="utf-8", errors="replace").casefold()
        if documents.PROHIBITION not in text:
            yield Finding("advertencia", path, "No dice que está prohibido intentar identificar a las personas.")


CHECKS: tuple[Check, ...] = (
    enough_rows,
    attested,
    targets,
    one_marker,
    no_identifiers,
    forbidden_reidentification,
)
