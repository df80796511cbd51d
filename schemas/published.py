"""What may leave through the door: anonymised requests and counted tables.

What belongs here: columns that a consumer downloads, every one a quasi-identifier or a statistic.
What does not: any column of class identificador, seudonimo, sensible or texto_libre at row level.
The values of each microdata column are those of its hierarchy at the profile's level, or the marker.
"""

import ibis.expr.datatypes as dt
import pandera.ibis as pa

from pipeline.contract import Contract, PrivacyClass, column

_P = PrivacyClass

SUPPRESSED = "Suprimido"
"""The one marker of a withheld value, in microdata and tables alike."""


class Microdata(pa.DataFrameModel):
    """Una solicitud anonimizada: cada combinación de valores reúne al menos diez personas."""

    periodo: dt.String = column(description="Semestre de recepción", privacy=_P.QUASI, str_matches=r"\d{4}-S[12]$")
    tipo: dt.String = column(description="Clase de petición", privacy=_P.QUASI, codes="publicado_tipo")
    canal: dt.String = column(description="Clase de canal de entrada", privacy=_P.QUASI, codes="publicado_canal")
    dependencia: dt.String = column(
        description="Sector de la dependencia responsable", privacy=_P.QUASI, codes="publicado_dependencia"
    )
    tema: dt.String = column(description="Ámbito del tema", privacy=_P.QUASI, codes="publicado_tema")
    oportunidad: dt.String = column(
        description="Oportunidad de la respuesta a la fecha de corte",
        privacy=_P.QUASI,
        codes="publicado_oportunidad",
    )
    territorio: dt.String = column(
        description="Territorio del peticionario", privacy=_P.QUASI, codes="publicado_territorio"
    )
    edad: dt.String = column(
        description="Grupo de edad del peticionario", label="Grupo etario", privacy=_P.QUASI, codes="publicado_edad"
    )
    sexo: dt.String = column(description="Sexo del peticionario", privacy=_P.QUASI, codes="publicado_sexo")

    class Config:
        """Strict and ordered; rows repeat by design."""

        strict = True
        ordered = True


class PublishedTable(pa.DataFrameModel):
    """Una celda de una tabla publicada: cuántas solicitudes o personas hay en un cruce."""

    periodo: dt.String = column(
        description="Semestre, o año en los productos anuales", privacy=_P.QUASI, str_matches=r"\d{4}(-S[12])?$"
    )
    tabla: dt.String = column(description="Identificador de la tabla", privacy=_P.STATISTIC)
    dimension_1: dt.String = column(description="Primera variable", privacy=_P.STATISTIC)
    valor_1: dt.String = column(description="Código de la primera variable; «total» es el margen", privacy=_P.QUASI)
    dimension_2: dt.String = column(
        description="Segunda variable; vacía en tablas de una", privacy=_P.STATISTIC, nullable=True
    )
    valor_2: dt.String = column(
        description="Código de la segunda variable; «total» es el margen", privacy=_P.QUASI, nullable=True
    )
    medida: dt.String = column(
        description="Qué se cuenta",
        privacy=_P.STATISTIC,
        isin=["solicitudes", "personas", "mediana_dias_habiles"],
    )
    valor: dt.Int64 = column(description="Cantidad; vacía si está suprimida", privacy=_P.STATISTIC, nullable=True, ge=0)
    estado_celda: dt.String = column(
        description="publicada o Suprimido", privacy=_P.STATISTIC, isin=["publicada", SUPPRESSED]
    )

    class Config:
        """Strict and ordered; a cell appears once."""

        strict = True
        ordered = True
        unique = ["periodo", "tabla", "valor_1", "valor_2", "medida"]


class RowSummary(pa.DataFrameModel):
    """Contabilidad publicada de filas: leídas = aceptadas + fusionadas + duplicadas + rechazadas, por fuente."""

    periodo: dt.String = column(description="Semestre", privacy=_P.STATISTIC, str_matches=r"\d{4}-S[12]$")
    fuente: dt.String = column(description="Fuente declarada en el perfil", privacy=_P.STATISTIC)
    destino: dt.String = column(
        description="Qué pasó con las filas",
        privacy=_P.STATISTIC,
        isin=["aceptada", "fusionada", "duplicada", "rechazada"],
    )
    regla: dt.String = column(
        description="Regla de rechazo; vacía en los demás destinos", privacy=_P.STATISTIC, nullable=True
    )
    filas: dt.Int64 = column(description="Número de filas", privacy=_P.STATISTIC, unit="filas", ge=0)

    class Config:
        """Strict and ordered; one row per source, destination and rule."""

        strict = True
        ordered = True
        unique = ["periodo", "fuente", "destino", "regla"]


class Evidence(pa.DataFrameModel):
    """Lo que se midió en la puerta sobre una partición: cifras y huellas, nunca valores."""

    periodo: dt.String = column(description="Semestre o año", privacy=_P.STATISTIC)
    contrato: dt.String = column(description="Tabla de la que habla", privacy=_P.STATISTIC)
    sha256: dt.String = column(description="Huella de los bytes divulgados", privacy=_P.STATISTIC)
    filas: dt.Int64 = column(description="Filas divulgadas", privacy=_P.STATISTIC, ge=0)
    evidencia: dt.String = column(description="Mediciones, en JSON", privacy=_P.STATISTIC)

    class Config:
        """Strict and ordered; one piece of evidence per table and period."""

        strict = True
        ordered = True
        unique = ["periodo", "contrato"]


MICRODATA = Contract.of(Microdata, "solicitudes", "Solicitudes anonimizadas")
TABLES = Contract.of(PublishedTable, "tablas", "Tablas publicadas")
ROW_SUMMARY = Contract.of(RowSummary, "contabilidad", "Contabilidad de filas")
EVIDENCE = Contract.of(Evidence, "evidencia", "Evidencia de la puerta")
