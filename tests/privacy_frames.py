"""Synthetic petitions with correlations for the door's tests; nobody real, nothing read from outside.

What belongs here: frames of the PETITIONS contract made from a seed. What does not: synthetic extracts
(`pipeline.sample`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import duckdb
import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from pipeline import profile
from pipeline.periods import Semester
from pipeline.profile import Profile
from schemas.records import PETITIONS

SANTA_MARTA = profile.load("santa_marta")

_TOPICS = {
    "predial": ("hacienda", 11), "industria_comercio": ("hacienda", 4), "acueducto": ("servicios_publicos", 9),
    "alcantarillado": ("servicios_publicos", 5), "aseo": ("servicios_publicos", 6), "alumbrado": ("infraestructura", 7),
    "vias": ("infraestructura", 8), "transito": ("movilidad", 9), "transporte": ("movilidad", 3),
    "licencias": ("planeacion", 5), "espacio_publico": ("gobierno", 5), "ruido": ("ambiente", 4),
    "arbolado": ("ambiente", 3), "playas": ("ambiente", 1), "salud_publica": ("salud", 3),
    "aseguramiento": ("salud", 4), "cupos_escolares": ("educacion", 4), "seguridad": ("seguridad", 4),
    "convivencia": ("gobierno", 4), "subsidios": ("promocion_social", 5), "victimas": ("promocion_social", 2),
    "adulto_mayor": ("promocion_social", 2), "sisben": ("planeacion", 6), "certificados": ("general", 7),
    "atencion": ("general", 3), "turismo": ("cultura", 1), "otro": ("general", 3), "sin_dato": ("sin_dato", 1),
}  # fmt: skip
_COMUNAS = {
    "c1": 8,
    "c2": 10,
    "c3": 8,
    "c4": 8,
    "c5": 12,
    "c6": 12,
    "c7": 9,
    "c8": 4,
    "c9": 7,
    "bonda": 3,
    "guachaca": 2,
    "minca": 1,
    "taganga": 2,
    "fuera": 4,
}
_TYPES = {
    "peticion_particular": 34, "peticion_general": 12, "informacion": 10, "documentos": 8, "consulta": 4, "queja": 9,
    "reclamo": 14, "sugerencia": 2, "denuncia": 3, "felicitacion": 1, "entre_autoridades": 2, "sin_clasificar": 1,
}  # fmt: skip
_CHANNELS = {
    "web": 33,
    "correo": 25,
    "ventanilla": 26,
    "callcenter": 6,
    "chat": 2,
    "app": 3,
    "redes": 2,
    "correspondencia": 2,
    "sin_dato": 1,
}
_BANDS = {"12_17": 1, "18_28": 15, "29_44": 34, "45_59": 27, "60_mas": 23}
_ON_TIME = {
    "en_termino": 62,
    "fuera_termino": 22,
    "pendiente_en_termino": 5,
    "pendiente_vencida": 8,
    "no_evaluable": 2,
    "no_aplica": 1,
}


def _draw(rng: np.random.Generator, weights: dict[str, float], size: int) -> np.ndarray:
    share = np.array(list(weights.values()), dtype=float)
    return rng.choice(np.array(list(weights), dtype=object), size=size, p=share / share.sum())


def petitions(rows: int, seed: int = 1, period: str = "2025-S1") -> pa.Table:
    """`rows` petitions of about three persons for four filings, one filing in ten without identity."""
    rng = np.random.default_rng(seed)
    people = max(1, int(rows * 0.75))
    comuna, banda = _draw(rng, _COMUNAS, people), _draw(rng, _BANDS, people)
    sexo = _draw(rng, {"mujer": 55, "hombre": 45}, people)
    silent = rng.random(people) < 0.10
    comuna[silent | (rng.random(people) < 0.05)] = "no_informa"
    banda[silent | (rng.random(people) < 0.08)] = "no_informa"
    sexo[silent | (rng.random(people) < 0.03)] = "no_informa"
    company = rng.random(people) < 0.08
    banda[company], sexo[company] = "no_aplica", "no_aplica"

    who = np.minimum((people * rng.random(rows) ** 1.15).astype(int), people - 1)
    topic = _draw(rng, {name: weight for name, (_, weight) in _TOPICS.items()}, rows)
    office = np.array([_TOPICS[name][0] for name in topic], dtype=object)
    astray = rng.random(rows) < 0.12
    office[astray] = _draw(rng, {"general": 5, "gobierno": 3, "hacienda": 2, "planeacion": 2}, int(astray.sum()))
    anonymous = rng.random(rows) < 0.10
    # whoever is anonymous says where the problem is, not who they are
    place = np.where(anonymous, _draw(rng, _COMUNAS | {"no_informa": 60.0}, rows), comuna[who])
    band = np.where(anonymous, "no_informa", banda[who])
    minor = np.where(band == "12_17", "si", np.where(band == "no_informa", "desconocido", "no"))
    person = [None if a else f"{p:064x}" for a, p in zip(anonymous, who, strict=True)]
    text = {
        "periodo": np.full(rows, period), "radicado": [f"S-{i}" for i in range(rows)],
        "fuente": np.full(rows, "gestor"),
        "mecanismo": np.full(rows, "pqrsdf"), "archivo": np.full(rows, "extracto.csv"), "persona_clave": person,
        "persona_tipo": np.where(anonymous, "anonima", np.where(company[who], "juridica", "natural")),
        "calidad_peticionario": np.full(rows, "propio"), "menor": minor, "tipo": _draw(rng, _TYPES, rows),
        "canal": _draw(rng, _CHANNELS, rows), "dependencia": office, "tema": topic,
        "estado": np.full(rows, "respondida"), "oportunidad": _draw(rng, _ON_TIME, rows), "comuna": place,
        "edad_banda": band, "sexo": np.where(anonymous, "no_informa", sexo[who]),
        "escolaridad": np.full(rows, "no_informa"), "estrato": np.full(rows, "no_informa"),
        "grupo_etnico": np.full(rows, "no_informa"), "discapacidad": np.full(rows, "no_informa"),
        "victima": np.full(rows, "no_informa"),
    }  # fmt: skip
    flags = {
        "anonima": anonymous, "autorizacion_datos": rng.random(rows) < 0.93, "trasladada": np.zeros(rows, bool),
        "acceso_informacion": np.zeros(rows, bool), "negada": np.zeros(rows, bool),
    }  # fmt: skip
    return _as_petitions(rows, {**text, **flags, "fila": np.arange(2, rows + 2)})


def from_rows(*rows: dict[str, object], times: int = 1, period: str = "2025-S1") -> pa.Table:
    """Petitions with these fields, each row `times` times with its own person unless it says `persona_clave`."""
    base: dict[str, object] = {
        "periodo": period, "fuente": "gestor", "mecanismo": "pqrsdf", "archivo": "extracto.csv",
        "persona_tipo": "natural", "calidad_peticionario": "propio", "menor": "no", "tipo": "queja", "canal": "web",
        "dependencia": "hacienda", "tema": "predial", "estado": "respondida", "oportunidad": "en_termino",
        "comuna": "c1", "edad_banda": "29_44", "sexo": "mujer", "escolaridad": "no_informa", "estrato": "no_informa",
        "grupo_etnico": "no_informa", "discapacidad": "no_informa", "victima": "no_informa", "anonima": False,
        "autorizacion_datos": True, "trasladada": False, "acceso_informacion": False, "negada": False,
    }  # fmt: skip
    made = [
        base | {"persona_clave": f"{number}-{copy}"} | row for number, row in enumerate(rows) for copy in range(times)
    ]
    names = {name for row in made for name in row}
    columns = {name: [row[name] for row in made] for name in names}
    return _as_petitions(
        len(made), columns | {"radicado": [f"S-{i}" for i in range(len(made))], "fila": list(range(2, len(made) + 2))}
    )


def _as_petitions(rows: int, columns: dict[str, object]) -> pa.Table:
    first = Semester.parse(str(next(iter(columns["periodo"])))).start
    received = datetime(first.year, first.month + 1, 3, 10)
    schema = PETITIONS.ibis_schema().to_pyarrow()
    arrays = []
    for field in schema:
        if field.name in columns:
            arrays.append(pa.array(list(columns[field.name]), field.type))
        elif field.name == "filas_fusionadas":
            arrays.append(pa.array([0] * rows, field.type))
        elif field.name == "fecha_recepcion":
            arrays.append(pa.array([received] * rows, field.type))
        else:
            arrays.append(pa.nulls(rows, field.type))
    return pa.table(arrays, names=schema.names)


@contextmanager
def engine(table: pa.Table, threads: int = 2) -> Iterator[ir.Table]:
    """The table inside a DuckDB of its own."""
    con = duckdb.connect(config={"threads": threads})
    try:
        con.register("peticiones", table)
        yield ibis.duckdb.from_connection(con).table("peticiones")
    finally:
        con.close()


def relaxed(**changes: object) -> Profile:
    """Santa Marta with limits of usefulness that a handful of rows can meet; its floors stay."""
    shown = {"filas_perdidas_max": 1.0, "celdas_suprimidas_max": 1.0} | changes
    return SANTA_MARTA.model_copy(update={"privacidad": SANTA_MARTA.privacidad.model_copy(update=shown)})
