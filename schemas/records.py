"""The canonical petition, the rejected row and the row accounting: the restricted wing's typed tables.

What belongs here: one row per petition with what characterisation needs. What does not: names, addresses and free
text, which stay in the extracts (data minimisation, Ley 1581/2012 art. 4), and what is published
(`schemas.published`).
"""

import ibis.expr.datatypes as dt
import pandera.ibis as pa

from pipeline.contract import Contract, PrivacyClass, column

_P = PrivacyClass


class Petition(pa.DataFrameModel):
    """Una petición aceptada: tipos, códigos, términos y oportunidad a la fecha de corte."""

    periodo: dt.String = column(description="Semestre de recepción, como 2026-S1", privacy=_P.QUASI)
    radicado: dt.String = column(description="Número de radicado", privacy=_P.IDENTIFIER)
    fuente: dt.String = column(description="Fuente declarada en el perfil", privacy=_P.INTERNAL)
    mecanismo: dt.String = column(description="Mecanismo de recolección", privacy=_P.INTERNAL, codes="mecanismo")
    archivo: dt.String = column(description="Archivo de la primera fila", privacy=_P.INTERNAL)
    fila: dt.Int64 = column(description="Número de la primera fila", privacy=_P.INTERNAL)
    filas_fusionadas: dt.Int64 = column(description="Filas adicionales de la misma petición", privacy=_P.INTERNAL, ge=0)
    persona_clave: dt.String = column(
        description="Seudónimo interno de la persona (HMAC); nulo si no se identificó",
        privacy=_P.PSEUDONYM,
        nullable=True,
    )
    anonima: dt.Boolean = column(description="Presentada sin identificación", privacy=_P.QUASI)
    autorizacion_datos: dt.Boolean = column(description="Autorizó el tratamiento de sus datos", privacy=_P.INTERNAL)
    persona_tipo: dt.String = column(description="Tipo de persona", privacy=_P.QUASI, codes="persona_tipo")
    calidad_peticionario: dt.String = column(
        description="Calidad en que actúa", privacy=_P.QUASI, codes="calidad_peticionario"
    )
    menor: dt.String = column(
        description="Menor de edad por edad, documento o calidad: si, no o desconocido",
        privacy=_P.SENSITIVE,
        isin=["si", "no", "desconocido"],
    )
    fecha_recepcion: dt.Timestamp = column(description="Fecha y hora de recepción", privacy=_P.QUASI)
    tipo: dt.String = column(description="Tipo de petición", privacy=_P.QUASI, codes="tipo")
    canal: dt.String = column(description="Medio de entrada", privacy=_P.QUASI, codes="canal")
    dependencia: dt.String = column(description="Dependencia responsable", privacy=_P.QUASI, codes="dependencia")
    tema: dt.String = column(description="Tema", privacy=_P.QUASI, codes="tema")
    estado: dt.String = column(description="Estado a la fecha de corte", privacy=_P.QUASI, codes="estado")
    estado_fuente: dt.String = column(
        description="Estado que declaró la fuente, sin ajustar a la fecha de corte",
        privacy=_P.INTERNAL,
        codes="estado",
        nullable=True,
    )
    fecha_respuesta: dt.Timestamp = column(
        description="Fecha y hora de respuesta; nula si no hay o es posterior al corte",
        privacy=_P.QUASI,
        nullable=True,
    )
    regla_termino: dt.String = column(
        description="Regla legal aplicada (tabla de términos); nula sin término", privacy=_P.INTERNAL, nullable=True
    )
    termino_dias: dt.Int64 = column(
        description="Término legal en días; nulo si se cuenta en horas",
        privacy=_P.INTERNAL,
        unit="días",
        nullable=True,
        ge=0,
    )
    fecha_vencimiento: dt.Date = column(
        description="Vencimiento calculado con el calendario", privacy=_P.QUASI, nullable=True
    )
    fecha_vencimiento_fuente: dt.Date = column(
        description="Vencimiento que declaró la fuente", privacy=_P.QUASI, nullable=True
    )
    dias_respuesta: dt.Int64 = column(
        description="Días hábiles entre recepción y respuesta",
        privacy=_P.QUASI,
        unit="días hábiles",
        nullable=True,
        ge=0,
    )
    oportunidad: dt.String = column(
        description="Oportunidad a la fecha de corte", privacy=_P.QUASI, codes="oportunidad"
    )
    motivo_no_evaluable: dt.String = column(
        description="Por qué no se pudo evaluar la oportunidad; nulo si se evaluó o no aplica",
        privacy=_P.INTERNAL,
        nullable=True,
        isin=[
            *("la_fuente_no_dice_respuestas", "orden_imposible", "cerrada_sin_fecha", "sin_termino_vigente"),
            "requerimiento_sin_completar",
        ],
    )
    trasladada: dt.Boolean = column(description="Trasladada por competencia", privacy=_P.QUASI)
    acceso_informacion: dt.Boolean = column(description="Solicitud de acceso a información pública", privacy=_P.QUASI)
    negada: dt.Boolean = column(description="Acceso negado", privacy=_P.QUASI)
    comuna: dt.String = column(description="Comuna o corregimiento", privacy=_P.QUASI, codes="comuna")
    edad: dt.Int64 = column(description="Edad", privacy=_P.QUASI, unit="años", nullable=True, ge=0, le=120)
    edad_banda: dt.String = column(description="Banda de edad", privacy=_P.QUASI, codes="edad_banda")
    sexo: dt.String = column(description="Sexo", privacy=_P.QUASI, codes="sexo")
    escolaridad: dt.String = column(description="Nivel educativo", privacy=_P.QUASI, codes="escolaridad")
    estrato: dt.String = column(description="Estrato socioeconómico", privacy=_P.QUASI, codes="estrato")
    grupo_etnico: dt.String = column(description="Pertenencia étnica", privacy=_P.SENSITIVE, codes="grupo_etnico")
    discapacidad: dt.String = column(description="Discapacidad", privacy=_P.SENSITIVE, codes="discapacidad")
    victima: dt.String = column(description="Víctima del conflicto", privacy=_P.SENSITIVE, codes="victima")
    satisfaccion: dt.Int64 = column(
        description="Satisfacción declarada", privacy=_P.QUASI, unit="escala 1 a 5", nullable=True, ge=1, le=5
    )

    class Config:
        """Strict and ordered; a radicado is one petition of its period."""

        strict = True
        ordered = True
        unique = ["periodo", "radicado"]


class RejectedRow(pa.DataFrameModel):
    """Una fila que no entró, con la regla que no cumplió; su contenido sigue en los extractos."""

    periodo: dt.String = column(description="Semestre en que se cargó", privacy=_P.INTERNAL)
    fuente: dt.String = column(description="Fuente declarada en el perfil", privacy=_P.INTERNAL)
    archivo: dt.String = column(description="Archivo de origen", privacy=_P.INTERNAL)
    fila: dt.Int64 = column(description="Número de fila", privacy=_P.INTERNAL)
    regla: dt.String = column(description="Primera regla que no cumplió", privacy=_P.INTERNAL)
    columna: dt.String = column(description="Columna de la regla", privacy=_P.INTERNAL)

    class Config:
        """Strict and ordered; a row is rejected once."""

        strict = True
        ordered = True
        unique = ["periodo", "archivo", "fila"]


class RowCount(pa.DataFrameModel):
    """Contabilidad de filas: leídas = aceptadas + fusionadas + duplicadas + rechazadas, por archivo."""

    periodo: dt.String = column(description="Semestre en que se cargó", privacy=_P.INTERNAL)
    fuente: dt.String = column(description="Fuente declarada en el perfil", privacy=_P.INTERNAL)
    archivo: dt.String = column(description="Archivo de origen", privacy=_P.INTERNAL)
    destino: dt.String = column(
        description="Qué pasó con las filas",
        privacy=_P.INTERNAL,
        isin=["aceptada", "fusionada", "duplicada", "rechazada"],
    )
    regla: dt.String = column(description="Regla de rechazo; vacía en los demás destinos", privacy=_P.INTERNAL)
    filas: dt.Int64 = column(description="Número de filas", privacy=_P.STATISTIC, ge=0)

    class Config:
        """Strict and ordered; one row per file, destination and rule."""

        strict = True
        ordered = True
        unique = ["periodo", "archivo", "destino", "regla"]


class Alert(pa.DataFrameModel):
    """Algo extraño en una fila o petición que no basta para rechazarla; se marca y no se corrige."""

    periodo: dt.String = column(description="Semestre en que se cargó", privacy=_P.INTERNAL)
    fuente: dt.String = column(description="Fuente declarada en el perfil", privacy=_P.INTERNAL)
    archivo: dt.String = column(description="Archivo de origen", privacy=_P.INTERNAL)
    fila: dt.Int64 = column(description="Número de fila", privacy=_P.INTERNAL)
    alerta: dt.String = column(description="Qué es extraño", privacy=_P.INTERNAL)
    columna: dt.String = column(description="Columna de la alerta", privacy=_P.INTERNAL)
    evidencia: dt.String = column(description="En qué se apoya; vacía si la alerta lo dice", privacy=_P.INTERNAL)

    class Config:
        """Strict and ordered; a row has each alert once."""

        strict = True
        ordered = True
        unique = ["periodo", "archivo", "fila", "alerta", "columna", "evidencia"]


class CalendarDay(pa.DataFrameModel):
    """Un día del calendario con que se contaron los términos del semestre, congelado con él."""

    periodo: dt.String = column(description="Semestre", privacy=_P.INTERNAL)
    fecha: dt.Date = column(description="Día", privacy=_P.INTERNAL)
    habil: dt.Boolean = column(description="Si la entidad trabaja", privacy=_P.INTERNAL)
    motivo: dt.String = column(
        description="Por qué no: fin de semana, festivo, día cívico o suspensión", privacy=_P.INTERNAL, nullable=True
    )
    norma: dt.String = column(description="Norma o acto que lo ordena", privacy=_P.INTERNAL, nullable=True)

    class Config:
        """Strict and ordered; a day appears once."""

        strict = True
        ordered = True
        unique = ["periodo", "fecha"]


PETITIONS = Contract.of(Petition, "peticiones", "Peticiones canónicas")
REJECTED_ROWS = Contract.of(RejectedRow, "filas_rechazadas", "Filas rechazadas")
ROW_COUNTS = Contract.of(RowCount, "conteo_filas", "Contabilidad de filas")
ALERTS = Contract.of(Alert, "alertas", "Alertas")
CALENDAR = Contract.of(CalendarDay, "calendario", "Calendario de términos")
