"""A small release made of visible frames: what the tests of release, verification and portal start from.

What belongs here: frames, and the honest attacker who makes a tampered folder consistent again. What does not: tests.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import date
from itertools import product
from pathlib import Path

import pyarrow as pa

from pipeline import release
from pipeline.profile import Profile, load
from pipeline.release import data, manifest
from schemas.characterized import INDICATORS, SEGMENTS
from schemas.published import MICRODATA, ROW_SUMMARY, TABLES

SEMESTERS = ("2025-S1", "2025-S2")
CLASSES = {
    ("peticion", "virtual", "social", "social", "en_termino", "urbano", "18_59", "mujer"): 14,
    ("inconformidad", "virtual", "desarrollo", "ciudad", "fuera_termino", "urbano", "18_59", "hombre"): 12,
    ("inconformidad", "presencial", "desarrollo", "ciudad", "en_termino", "rural", "60_mas", "Suprimido"): 10,
}
"""Microdata classes and their rows, the same in every semester."""

COLUMNS = ("tipo", "canal", "dependencia", "tema", "oportunidad", "territorio", "edad", "sexo")
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10" role="img"><title>Barras: peticiones 14 de 36</title>'
    '<path d="M 0 0 L 123456.789 10"/></svg>'
)
REPORT = (
    '<!DOCTYPE html><html lang="es-CO"><head><meta charset="utf-8"><title>Informe</title></head><body>'
    '<h1>Informe</h1><p>Se recibieron 121.145 solicitudes. <a href="https://ejemplo.invalid/">Sitio</a></p>'
    "</body></html>"
)


def profile() -> Profile:
    """The municipality's own profile."""
    return load("santa_marta")


def microdata(periods: tuple[str, ...] = SEMESTERS) -> pa.Table:
    """Rows in the order of their classes."""
    rows = [(p, *values) for p in periods for values, n in CLASSES.items() for _ in range(n)]
    return pa.table(dict(zip(("periodo", *COLUMNS), map(list, zip(*rows, strict=True)), strict=True)))


def cells(periods: tuple[str, ...] = SEMESTERS, *, annual: bool = False) -> pa.Table:
    """Two tables of the microdata, one of petitions with a withheld pair, one by law."""
    found = [c for p in periods for c in ([] if annual else _counted(p)) + _others(p, len(periods) if annual else 1)]
    return pa.Table.from_pylist(found, schema=TABLES.ibis_schema().to_pyarrow())


def _cell(period: str, table: str, first: tuple[str, str], second: tuple[str | None, str | None], measure: str,
          value: int | None) -> dict[str, object]:  # fmt: skip
    return {
        "periodo": period, "tabla": table, "dimension_1": first[0], "valor_1": first[1], "dimension_2": second[0],
        "valor_2": second[1], "medida": measure, "valor": value,
        "estado_celda": "Suprimido" if value is None else "publicada",
    }  # fmt: skip


def _counted(period: str) -> list[dict[str, object]]:
    at = {name: i for i, name in enumerate(COLUMNS)}
    found = []
    for table, dimensions in (("tipo", ("tipo",)), ("tema_territorio", ("tema", "territorio"))):
        codes = [[*sorted({c[at[d]] for c in CLASSES}), "total"] for d in dimensions]
        for values in product(*codes):
            n = sum(
                rows for c, rows in CLASSES.items()
                if all(v in ("total", c[at[d]]) for d, v in zip(dimensions, values, strict=True))
            )  # fmt: skip
            second = (dimensions[1], values[1]) if len(dimensions) > 1 else (None, None)
            found.append(_cell(period, table, (dimensions[0], values[0]), second, "solicitudes", n))
    return found


def _others(period: str, times: int) -> list[dict[str, object]]:
    by_ethnicity = {"afro": None, "indigena": None, "ninguno": 20 * times, "total": 40 * times}
    by_law = {"peticion_general": 30 * times, "queja": 20 * times, "total": 50 * times}
    return [
        _cell(period, table, (dimension, code), (None, None), measure, value)
        for table, dimension, values, measure in (
            ("grupo_etnico", "grupo_etnico", by_ethnicity, "solicitudes"),
            ("grupo_etnico", "grupo_etnico", by_ethnicity, "personas"),
            ("legal_tipo", "tipo_detalle", by_law, "solicitudes"),
        )
        for code, value in values.items()
    ]


def indicators(periods: tuple[str, ...]) -> pa.Table:
    """One count per period."""
    row = {
        "indicador": "I1", "nombre": "Peticiones recibidas", "formula": "Total de peticiones recibidas",
        "tabla": "legal_tipo", "dimension": None, "valor_dimension": "total", "numerador": 50, "denominador": None,
        "valor": 50.0, "unidad": "solicitudes", "meta": None, "semaforo": "sin_meta", "no_evaluables": 0,
        "detalle_protegido": 0, "estado": "evaluado",
    }  # fmt: skip
    return pa.Table.from_pylist([{"periodo": p} | row for p in periods], schema=INDICATORS.ibis_schema().to_pyarrow())


def segments(periods: tuple[str, ...]) -> pa.Table:
    """One sector per period."""
    row = {
        "sector": "adultos", "segmento": "total", "nombre": "Personas de 18 a 59 años", "regla": "Edad: 18 a 59",
        "variable": "tamano", "codigo": "total", "solicitudes": 26, "base": 36, "participacion": 0.7222, "veces": 1.0,
        "estado_celda": "publicada",
    }  # fmt: skip
    return pa.Table.from_pylist([{"periodo": p} | row for p in periods], schema=SEGMENTS.ibis_schema().to_pyarrow())


def accounts(periods: tuple[str, ...]) -> pa.Table:
    """Fifty accepted rows and two rejected per period."""
    rows = [
        {"periodo": p, "fuente": "sigob", "destino": d, "regla": r, "filas": n}
        for p in periods
        for d, r, n in (("aceptada", None, 50), ("rechazada", "fecha_futura", 2))
    ]
    return pa.Table.from_pylist(rows, schema=ROW_SUMMARY.ibis_schema().to_pyarrow())


def evidence(period: str) -> dict[str, object]:
    """What the door attests of a period of `microdata`."""
    return {
        "periodo": period, "publicado": True, "motivo": None, "k_minimo": 10, "k_objetivo": 10, "filas_publicadas": 36,
        "celdas_suprimidas": {"sexo": 10}, "riesgo_promedio": 0.04, "clases": 3, "l_tema": 3, "confianza_max": 0.5,
    }  # fmt: skip


WITHHELD = {"publicado": False, "motivo": "Ningún grupo del periodo reúne 10 personas.", "k_objetivo": 10}


def inputs(
    folder: Path,
    periods: tuple[str, ...] = SEMESTERS,
    *,
    without: tuple[str, ...] = (),
    correction: int = 0,
    reason: str = "Primera publicación del semestre.",
    previous: Path | None = None,
) -> release.ReleaseInputs:
    """The inputs of a semester release; `without` are periods that publish no rows."""
    folder.mkdir(parents=True, exist_ok=True)
    charts = (folder / "tipo.svg", folder / "tipo.csv")
    charts[0].write_text(SVG, encoding="utf-8")
    charts[1].write_text("mes,solicitudes\n2025-01,14\n2025-02,22\ntotal,36\n", encoding="utf-8")
    shown = tuple(p for p in periods if p not in without)
    rows = microdata(shown) if shown else microdata(SEMESTERS[:1]).slice(0, 0)
    counts = cells(periods)
    version = f"{periods[-1].replace('-S', '.')}.{correction}"
    return release.ReleaseInputs(
        profile=profile(),
        product=release.Product.SEMESTER,
        version=version,
        periods=periods,
        cut_off=date(2026, 1, 14),
        frames=(
            release.Frame(MICRODATA, rows),
            release.Frame(TABLES, counts),
            release.Frame(INDICATORS, indicators(periods)),
            release.Frame(SEGMENTS, segments(shown)),
            release.Frame(ROW_SUMMARY, accounts(periods)),
        ),
        report_html=REPORT,
        charts=charts,
        privacy={p: WITHHELD if p in without else evidence(p) for p in periods},
        changes=(release.Change(version, reason),),
        previous=previous,
    )


def annual(folder: Path) -> release.ReleaseInputs:
    """The inputs of an annual release: its own tables and no rows."""
    whole = inputs(folder)
    return release.ReleaseInputs(
        profile=whole.profile,
        product=release.Product.YEAR,
        version="2025.0.0",
        periods=("2025",),
        cut_off=whole.cut_off,
        frames=(
            release.Frame(TABLES, cells(("2025",), annual=True)),
            release.Frame(INDICATORS, indicators(("2025",))),
            release.Frame(SEGMENTS, segments(("2025",))),
        ),
        report_html=REPORT,
        privacy=whole.privacy,
        changes=(release.Change("2025.0.0", "Primera publicación de la caracterización de 2025."),),
    )


def bytes_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    found = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def change(path: Path, edit: Callable[[str], str]) -> None:
    """Edits a text file and asserts that it changed."""
    before = path.read_text(encoding="utf-8")
    after = edit(before)
    assert after != before
    path.write_text(after, encoding="utf-8", newline="")


def rewrite_rows(folder: Path, name: str, edit: Callable[[pa.Table], pa.Table]) -> None:
    """Changes a table the way an insider would: sorted, and in CSV and Parquet alike."""
    path = folder / "datos" / f"{name}.csv"
    types = {
        f["name"]: data.ARROW_TYPES[f["type"]]
        for f in json.loads((folder / "esquema" / f"{name}.tableschema.json").read_text(encoding="utf-8"))["fields"]
    }
    rows = data.ordered(edit(data.read_csv(path.read_bytes(), types)))
    data.write_csv(rows, path)
    if path.with_suffix(".parquet").exists():
        data.write_parquet(rows, path.with_suffix(".parquet"))


def make_consistent(folder: Path) -> None:
    """Recomputes every hash, as an attacker who knows the format would: only what the content says remains wrong."""
    path = folder / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    for resource in package["resources"]:
        target = folder / resource["path"]
        if target.exists():
            resource["hash"] = f"sha256:{manifest.sha256_of(target)}"
            resource.update({"bytes": target.stat().st_size} if "bytes" in resource else {})
    path.write_text(json.dumps(package, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    former = manifest.read(folder)
    entries = manifest.entries_of(folder)
    digest = manifest.digest_of((e.path, e.sha256) for e in entries)
    manifest.write(folder, manifest.Manifest(**{**vars(former), "entries": entries, "digest": digest}))
