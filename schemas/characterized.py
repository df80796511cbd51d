"""What the open wing computes from published data alone: indicators, and sectors with their segments.

What belongs here: columns that a consumer downloads, derivable again from tables and microdata.
What does not: anything that needs a petition (`schemas.records`) or passes the door (`schemas.published`).
"""

import ibis.expr.datatypes as dt
import pandera.ibis as pa

from pipeline.contract import Contract, PrivacyClass, column
from schemas.published import SUPPRESSED

_P = PrivacyClass
_PERIOD = r"\d{4}(-S[12])?$"


class Indicator(pa.DataFrameModel):
    """Un indicador de un periodo, o de un grupo dentro de él, con las cifras de que sale."""

    periodo: dt.String = column(
        description="Semestre, o año en los productos anuales", privacy=_P.STATISTIC, str_matches=_PERIOD
    )
    indicador: dt.String = column(description="Identificador del indicador", privacy=_P.STATISTIC)
    nombre: dt.String = column(description="Nombre del indicador", privacy=_P.STATISTIC)
    formula: dt.String = column(description="Cómo se calcula", label="Fórmula", privacy=_P.STATISTIC)
    tabla: dt.String = column(description="Tabla publicada de la que sale", privacy=_P.STATISTIC)
    dimension: dt.String = column(
        description="Variable por la que se repite; vacía si es uno solo", privacy=_P.STATISTIC, nullable=True
    )
    valor_dimension: dt.String = column(
        description="Código de la variable; «total» si es uno solo", privacy=_P.STATISTIC
    )
    numerador: dt.Int64 = column(
        description="Suma de celdas publicadas; vacía si alguna está protegida", privacy=_P.STATISTIC, nullable=True
    )
    denominador: dt.Int64 = column(
        description="Suma de celdas publicadas; vacía en los conteos o si alguna está protegida",
        privacy=_P.STATISTIC,
        nullable=True,
    )
    valor: dt.Float64 = column(
        description="Valor con cuatro decimales; las proporciones van de 0 a 1", privacy=_P.STATISTIC, nullable=True
    )
    unidad: dt.String = column(
        description="Unidad del valor", privacy=_P.STATISTIC, isin=["proporcion", "solicitudes", "dias_habiles"]
    )
    meta: dt.Float64 = column(description="Meta de la entidad", privacy=_P.STATISTIC, nullable=True)
    semaforo: dt.String = column(
        description="Comparación con la meta: verde la cumple, amarillo pasa la alerta, rojo no",
        label="Semáforo",
        privacy=_P.STATISTIC,
        isin=["verde", "amarillo", "rojo", "sin_meta", "no_evaluable"],
    )
    no_evaluables: dt.Int64 = column(
        description="Solicitudes que el indicador no pudo evaluar", privacy=_P.STATISTIC, nullable=True, ge=0
    )
    detalle_protegido: dt.Int64 = column(
        description="Solicitudes fuera del cálculo porque su detalle está protegido",
        privacy=_P.STATISTIC,
        nullable=True,
        ge=0,
    )
    estado: dt.String = column(
        description="evaluado, o no_evaluable si falta o está protegida una cifra",
        privacy=_P.STATISTIC,
        isin=["evaluado", "no_evaluable"],
    )

    class Config:
        """Strict and ordered; an indicator has one row per period and group."""

        strict = True
        ordered = True
        unique = ["periodo", "indicador", "valor_dimension"]


class Segment(pa.DataFrameModel):
    """Un sector o segmento de la ciudadanía: su regla, su tamaño y en qué se distingue."""

    periodo: dt.String = column(
        description="Semestre, o año en los productos anuales", privacy=_P.STATISTIC, str_matches=_PERIOD
    )
    sector: dt.String = column(description="Sector: agrupación muy general", privacy=_P.STATISTIC)
    segmento: dt.String = column(description="Segmento del sector; «total» es el sector entero", privacy=_P.STATISTIC)
    nombre: dt.String = column(description="Nombre del sector o segmento", privacy=_P.STATISTIC)
    regla: dt.String = column(description="Quiénes lo forman, en palabras", privacy=_P.STATISTIC)
    variable: dt.String = column(
        description="tamano, o la variable que se describe dentro del grupo",
        privacy=_P.STATISTIC,
        isin=["tamano", "tema", "canal", "tipo"],
    )
    codigo: dt.String = column(description="Código de la variable; «total» en el tamaño", privacy=_P.STATISTIC)
    solicitudes: dt.Int64 = column(
        description="Solicitudes anonimizadas; vacía si está protegida", privacy=_P.STATISTIC, nullable=True, ge=0
    )
    base: dt.Int64 = column(
        description="Solicitudes con las que se compara: todas en el tamaño, las del grupo con dato en lo demás",
        privacy=_P.STATISTIC,
        nullable=True,
        ge=0,
    )
    participacion: dt.Float64 = column(
        description="solicitudes ÷ base, con cuatro decimales",
        label="Participación",
        privacy=_P.STATISTIC,
        nullable=True,
    )
    veces: dt.Float64 = column(
        description="Participación en el grupo ÷ participación en todas las solicitudes, con dos decimales",
        privacy=_P.STATISTIC,
        nullable=True,
    )
    estado_celda: dt.String = column(
        description="publicada o Suprimido", privacy=_P.STATISTIC, isin=["publicada", SUPPRESSED]
    )

    class Config:
        """Strict and ordered; a group has one row per variable and code."""

        strict = True
        ordered = True
        unique = ["periodo", "sector", "segmento", "variable", "codigo"]


INDICATORS = Contract.of(Indicator, "indicadores", "Indicadores")
SEGMENTS = Contract.of(Segment, "segmentos", "Sectores y segmentos")
