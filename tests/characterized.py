"""A small synthetic semester for the tests of characterisation and reporting: no real person, no random number."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from pipeline.profile import Profile
from schemas.published import MICRODATA, SUPPRESSED, TABLES
from schemas.records import PETITIONS

PERIOD = "2025-S1"
_ODD = {"edad_banda": "29_44", "sexo": "mujer"}


def petition(i: int = 0, **given: Any) -> dict[str, Any]:
    """One accepted petition; whatever is given replaces the defaults."""
    row: dict[str, Any] = {
        "periodo": PERIOD, "radicado": f"R{i}", "fuente": "sintetica", "mecanismo": "pqrsdf", "archivo": "a.csv",
        "fila": i + 2, "filas_fusionadas": 0, "persona_clave": f"p{i}", "anonima": False, "autorizacion_datos": True,
        "persona_tipo": "natural", "calidad_peticionario": "propio", "menor": "no",
        "fecha_recepcion": datetime(2025, 1, 7) + timedelta(days=i % 170), "tipo": "peticion_particular",
        "canal": "web", "dependencia": "hacienda", "tema": "predial", "estado": "respondida",
        "fecha_respuesta": datetime(2025, 7, 1), "regla_termino": "general", "termino_dias": 15,
        "fecha_vencimiento": None, "fecha_vencimiento_fuente": None, "dias_respuesta": 8, "oportunidad": "en_termino",
        "trasladada": False, "acceso_informacion": False, "negada": False, "comuna": "c1", "edad": 33,
        "edad_banda": "29_44", "sexo": "mujer", "escolaridad": "media", "estrato": "2", "grupo_etnico": "ninguno",
        "discapacidad": "ninguna", "victima": "no", "satisfaccion": None,
    }  # fmt: skip
    return row | given


def petitions(rows: list[dict[str, Any]]) -> ir.Table:
    """Petitions as the restricted wing hands them over."""
    arrow = PETITIONS.ibis_schema().to_pyarrow()
    return ibis.memtable(pa.Table.from_pylist(rows, schema=arrow))


def town(n: int = 600, period: str = PERIOD) -> list[dict[str, Any]]:
    """A semester of `n` petitions whose mix is fixed arithmetic, with every code of the main lists somewhere."""
    start = datetime(2025, 1, 7) if period.endswith("S1") else datetime(2025, 7, 7)
    pick = lambda i, *codes: codes[(i * 7 + i // 11) % len(codes)]  # noqa: E731
    rows = []
    for i in range(n):
        kind = pick(i, "peticion_particular", "queja", "informacion", "reclamo", "documentos", "peticion_general",
                    "denuncia", "sugerencia", "consulta", "felicitacion")  # fmt: skip
        late, pending = i % 9 == 0, i % 13 == 0
        timeliness = "pendiente_vencida" if pending and late else "pendiente_en_termino" if pending else \
            "no_aplica" if kind == "felicitacion" else "fuera_termino" if late else \
            "no_evaluable" if i % 41 == 0 else "en_termino"  # fmt: skip
        juridical = i % 8 == 3
        anonymous = i % 17 == 5
        rows.append(
            petition(
                i,
                periodo=period,
                persona_clave=None if anonymous else f"p{i * 3 % (n * 3 // 4)}",
                anonima=anonymous,
                autorizacion_datos=i % 29 != 1,
                tipo=kind,
                fecha_recepcion=start + timedelta(days=i * 5 % 170),
                canal=pick(i + 3, "web", "ventanilla", "correo", "callcenter", "web", "chat", "correspondencia"),
                dependencia=pick(
                    i + 1,
                    "hacienda",
                    "salud",
                    "movilidad",
                    "infraestructura",
                    "educacion",
                    "servicios_publicos",
                    "hacienda",
                    "planeacion",
                    "gobierno",
                    "general",
                    "cultura",
                ),
                tema=pick(
                    i + 5,
                    "predial",
                    "aseo",
                    "vias",
                    "salud_publica",
                    "alumbrado",
                    "cupos_escolares",
                    "seguridad",
                    "acueducto",
                    "sisben",
                    "predial",
                    "turismo",
                    "ruido",
                    "certificados",
                ),
                dias_respuesta=None if pending or i % 41 == 0 else (i * 13 % 22) + (18 if late else 0),
                oportunidad=timeliness,
                trasladada=i % 19 == 0,
                acceso_informacion=kind in ("informacion", "documentos"),
                negada=kind == "documentos" and i % 7 == 0,
                comuna=pick(i + 2, "c1", "c2", "c3", "c5", "c6", "c7", "no_informa", "c9", "bonda", "minca", "fuera"),
                persona_tipo="juridica" if juridical else "natural",
                edad=None if juridical or i % 5 == 1 else 20 + i * 3 % 60,
                edad_banda="no_aplica"
                if juridical
                else "no_informa"
                if i % 5 == 1
                else pick(i, "18_28", "29_44", "45_59", "60_mas", "29_44"),
                sexo="no_aplica" if juridical else pick(i, "mujer", "hombre", "mujer", "no_informa", "mujer"),
                escolaridad="no_aplica" if juridical else pick(i, "media", "universitaria", "primaria", "no_informa"),
                estrato="no_aplica" if juridical else pick(i, "1", "2", "3", "2", "no_informa", "4"),
                grupo_etnico="no_aplica"
                if juridical
                else "afro"
                if i % 12 == 0
                else "rrom"
                if i % 300 == 1
                else pick(i, "ninguno", "no_informa", "ninguno"),
                victima="no_aplica" if juridical else "si" if i % 14 == 0 else "no",
                discapacidad="no_aplica" if juridical else "visual" if i % 90 == 2 else "ninguna",
                satisfaccion=None if i % 3 else 1 + i % 5,
            )
        )
    return rows


def microdata(rows: list[dict[str, Any]], profile: Profile) -> pa.Table:
    """The rows at the published levels, some topics hidden: what the door would let out, without its tests."""
    out: dict[str, list[Any]] = {name: [] for name in MICRODATA.names}
    for i, row in enumerate(rows):
        if not (row["autorizacion_datos"] or row["anonima"]):
            continue
        out["periodo"].append(row["periodo"])
        for name, column in profile.privacidad.columnas.items():
            levels = {r[0]: r[column.nivel] for r in profile.jerarquias[name]}
            hidden = name == "tema" and i % 25 == 0
            out[name].append(SUPPRESSED if hidden else levels[row[column.campo]])
    return pa.table(out)


def door(cells: pd.DataFrame, period: str, threshold: int = 5) -> pd.DataFrame:
    """Candidate cells as the open table would have them, small ones withheld (primary suppression only)."""
    frame = cells.copy()
    legal = frame.tabla.str.startswith("legal_")
    few = frame.personas.between(1, threshold - 1).fillna(False).astype(bool) & ~legal
    frame.insert(0, "periodo", period)
    frame["valor"] = frame.valor.mask(few)
    frame["estado_celda"] = few.map({True: SUPPRESSED, False: "publicada"})
    return frame[TABLES.names]


def table(frame: pd.DataFrame) -> ir.Table:
    """Open cells as an expression, typed as their contract says."""
    return ibis.memtable(pa.Table.from_pandas(frame, schema=TABLES.ibis_schema().to_pyarrow(), preserve_index=False))


def repository() -> Path:
    """The clone."""
    return Path(__file__).resolve().parent.parent
