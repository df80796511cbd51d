"""The extract row: what a source said, as text, with where it said it.

What belongs here: provenance and the canonical field names that sources map onto. What does not: types, codes and
laws (`schemas.records`). Credit and debt data (Ley 1266/2008) have no column here, so they cannot be kept.
"""

import ibis.expr.datatypes as dt
import pandera.ibis as pa

from pipeline.contract import Contract, PrivacyClass, column

_P = PrivacyClass


class ExtractRow(pa.DataFrameModel):
    """Una fila de un extracto, como texto, con su archivo y su número de fila."""

    periodo: dt.String = column(description="Semestre en que se cargó, como 2026-S1", privacy=_P.INTERNAL)
    fuente: dt.String = column(description="Fuente declarada en el perfil", privacy=_P.INTERNAL)
    mecanismo: dt.String = column(
        description="Mecanismo de recolección (actividad 3)", privacy=_P.INTERNAL, codes="mecanismo"
    )
    archivo: dt.String = column(description="Nombre del archivo de origen", privacy=_P.INTERNAL)
    archivo_sha256: dt.String = column(description="Huella del archivo de origen", privacy=_P.INTERNAL)
    fila: dt.Int64 = column(
        description="Número de registro tal como lo muestra una hoja de cálculo", privacy=_P.INTERNAL, ge=1
    )
    defecto_lectura: dt.String = column(
        description="Defecto que impidió separar la fila en columnas; nulo si no hay",
        privacy=_P.INTERNAL,
        nullable=True,
        isin=[
            *("columnas_de_mas", "columnas_de_menos", "json_no_valido", "texto_no_valido", "identificador_truncado"),
        ],
    )
    radicado: dt.String = column(description="Número de radicado", privacy=_P.IDENTIFIER, nullable=True)
    fecha_recepcion: dt.String = column(description="Fecha y hora de recepción", privacy=_P.QUASI, nullable=True)
    fecha_respuesta: dt.String = column(description="Fecha y hora de respuesta", privacy=_P.QUASI, nullable=True)
    fecha_vencimiento: dt.String = column(description="Vencimiento según la fuente", privacy=_P.QUASI, nullable=True)
    fecha_traslado: dt.String = column(description="Fecha de traslado", privacy=_P.QUASI, nullable=True)
    prorroga_hasta: dt.String = column(description="Fin de la prórroga", privacy=_P.QUASI, nullable=True)
    fecha_requerimiento: dt.String = column(
        description="Fecha en que se pidió completar la petición", privacy=_P.QUASI, nullable=True
    )
    fecha_completada: dt.String = column(
        description="Fecha en que el peticionario la completó", privacy=_P.QUASI, nullable=True
    )
    tipo: dt.String = column(description="Tipo de petición", privacy=_P.QUASI, nullable=True)
    canal: dt.String = column(description="Canal o medio de entrada", privacy=_P.QUASI, nullable=True)
    dependencia: dt.String = column(description="Dependencia responsable", privacy=_P.QUASI, nullable=True)
    tema: dt.String = column(description="Tema", privacy=_P.QUASI, nullable=True)
    estado: dt.String = column(description="Estado", privacy=_P.QUASI, nullable=True)
    oportunidad_fuente: dt.String = column(
        description="Oportunidad según la fuente: a tiempo o vencida", privacy=_P.QUASI, nullable=True
    )
    trasladada_a: dt.String = column(description="Entidad a la que se trasladó", privacy=_P.QUASI, nullable=True)
    negada: dt.String = column(description="Acceso negado", privacy=_P.QUASI, nullable=True)
    causal_negacion: dt.String = column(description="Causal de la negación", privacy=_P.QUASI, nullable=True)
    anonima: dt.String = column(description="Petición anónima", privacy=_P.QUASI, nullable=True)
    autorizacion: dt.String = column(
        description="Autorización de tratamiento de datos", privacy=_P.INTERNAL, nullable=True
    )
    persona_tipo: dt.String = column(description="Tipo de persona", privacy=_P.QUASI, nullable=True)
    calidad_peticionario: dt.String = column(
        description="Calidad en que actúa el peticionario", privacy=_P.QUASI, nullable=True
    )
    documento_tipo: dt.String = column(description="Tipo de documento", privacy=_P.IDENTIFIER, nullable=True)
    documento_numero: dt.String = column(description="Número de documento", privacy=_P.IDENTIFIER, nullable=True)
    nombre: dt.String = column(description="Nombre o razón social", privacy=_P.IDENTIFIER, nullable=True)
    correo: dt.String = column(description="Correo electrónico", privacy=_P.IDENTIFIER, nullable=True)
    telefono: dt.String = column(description="Teléfono", privacy=_P.IDENTIFIER, nullable=True)
    direccion: dt.String = column(description="Dirección", privacy=_P.IDENTIFIER, nullable=True)
    comuna: dt.String = column(description="Comuna o corregimiento", privacy=_P.QUASI, nullable=True)
    codigo_postal: dt.String = column(description="Código postal", privacy=_P.QUASI, nullable=True)
    edad: dt.String = column(description="Edad en años", privacy=_P.QUASI, nullable=True)
    sexo: dt.String = column(description="Sexo", privacy=_P.QUASI, nullable=True)
    escolaridad: dt.String = column(description="Nivel educativo", privacy=_P.QUASI, nullable=True)
    estrato: dt.String = column(description="Estrato socioeconómico", privacy=_P.QUASI, nullable=True)
    grupo_etnico: dt.String = column(description="Pertenencia étnica", privacy=_P.SENSITIVE, nullable=True)
    discapacidad: dt.String = column(description="Discapacidad", privacy=_P.SENSITIVE, nullable=True)
    victima: dt.String = column(description="Víctima del conflicto", privacy=_P.SENSITIVE, nullable=True)
    satisfaccion: dt.String = column(description="Satisfacción de 1 a 5", privacy=_P.QUASI, nullable=True)
    asunto: dt.String = column(description="Asunto", privacy=_P.FREE_TEXT, nullable=True)
    descripcion: dt.String = column(description="Descripción", privacy=_P.FREE_TEXT, nullable=True)
    respuesta: dt.String = column(description="Texto de la respuesta", privacy=_P.FREE_TEXT, nullable=True)

    class Config:
        """Strict and ordered; a file's row appears once."""

        strict = True
        ordered = True
        unique = ["periodo", "archivo", "fila"]


class FileRead(pa.DataFrameModel):
    """Una tabla leída: su archivo, cuándo se extrajo, cuántas filas dio y qué se hizo con el archivo."""

    periodo: dt.String = column(description="Semestre en que se cargó, como 2026-S1", privacy=_P.INTERNAL)
    fuente: dt.String = column(description="Fuente declarada en el perfil", privacy=_P.INTERNAL)
    mecanismo: dt.String = column(description="Mecanismo de recolección", privacy=_P.INTERNAL, codes="mecanismo")
    archivo: dt.String = column(
        description="Archivo de origen; tras «#», su hoja o miembro si tiene varios", privacy=_P.INTERNAL
    )
    archivo_sha256: dt.String = column(description="Huella del archivo de origen", privacy=_P.INTERNAL)
    bytes: dt.Int64 = column(description="Tamaño del archivo", privacy=_P.INTERNAL, ge=0)
    extraido_en: dt.Timestamp = column(description="Momento de la extracción", privacy=_P.INTERNAL)
    extraido_segun: dt.String = column(
        description="Quién dice el momento: el nombre del archivo, el archivo o la lectura",
        privacy=_P.INTERNAL,
        isin=["nombre", "archivo", "lectura"],
    )
    filas: dt.Int64 = column(description="Filas leídas, con defectos y todo", privacy=_P.INTERNAL, ge=0)
    tras_cargar: dt.String = column(
        description="Qué se hizo con el archivo una vez cargado",
        privacy=_P.INTERNAL,
        isin=["conservar", "custodiar", "purgar"],
    )

    class Config:
        """Strict and ordered; a table of a file is read once."""

        strict = True
        ordered = True
        unique = ["periodo", "archivo"]


class ColumnRead(pa.DataFrameModel):
    """Una columna de una tabla leída: qué se hizo con ella y cuánto decía."""

    periodo: dt.String = column(description="Semestre en que se cargó, como 2026-S1", privacy=_P.INTERNAL)
    fuente: dt.String = column(description="Fuente declarada en el perfil", privacy=_P.INTERNAL)
    archivo: dt.String = column(description="Archivo de origen", privacy=_P.INTERNAL)
    columna: dt.String = column(description="Nombre de la columna en el archivo", privacy=_P.INTERNAL)
    campo: dt.String = column(description="Campo canónico; vacío si no se carga", privacy=_P.INTERNAL)
    uso: dt.String = column(
        description="Si se cargó, con su nombre o con un alias, o no se cargó",
        privacy=_P.INTERNAL,
        isin=["cargada", "alias", "descartada", "ignorada"],
    )
    filas: dt.Int64 = column(description="Filas de la tabla", privacy=_P.INTERNAL, ge=0)
    llenas: dt.Int64 = column(description="Celdas con dato en el campo", privacy=_P.INTERNAL, nullable=True, ge=0)
    reparadas: dt.Int64 = column(
        description="Celdas con una reparación declarada: decimales, ceros o entidades", privacy=_P.INTERNAL, ge=0
    )

    class Config:
        """Strict and ordered; a column may fill several fields."""

        strict = True
        ordered = True
        unique = ["periodo", "archivo", "columna", "campo"]


class CustodyBlock(pa.DataFrameModel):
    """Un trozo de un archivo de aterrizaje que se guarda dentro de la base cifrada."""

    periodo: dt.String = column(description="Semestre en que se cargó", privacy=_P.INTERNAL)
    archivo: dt.String = column(description="Archivo de origen", privacy=_P.INTERNAL)
    archivo_sha256: dt.String = column(description="Huella del archivo", privacy=_P.INTERNAL)
    bytes: dt.Int64 = column(description="Tamaño del archivo", privacy=_P.INTERNAL, ge=0)
    extraido_en: dt.Timestamp = column(description="Momento de la extracción", privacy=_P.INTERNAL)
    trozo: dt.Int64 = column(description="Número del trozo, desde 0", privacy=_P.INTERNAL, ge=0)
    contenido: dt.String = column(description="Bytes en base64", privacy=_P.FREE_TEXT)

    class Config:
        """Strict and ordered; a block is kept once."""

        strict = True
        ordered = True
        unique = ["periodo", "archivo", "trozo"]


class Drift(pa.DataFrameModel):
    """Lo que en los extractos de un semestre no es como en el anterior; los valores se ven con `pqrsd diff`."""

    periodo: dt.String = column(description="Semestre", privacy=_P.INTERNAL)
    periodo_anterior: dt.String = column(description="Semestre con que se compara", privacy=_P.INTERNAL)
    fuente: dt.String = column(description="Fuente declarada en el perfil", privacy=_P.INTERNAL)
    aspecto: dt.String = column(
        description="Qué cambió", privacy=_P.INTERNAL, isin=["columna", "codigo", "llenado", "volumen"]
    )
    novedad: dt.String = column(
        description="Cómo cambió", privacy=_P.INTERNAL, isin=["nueva", "desaparecida", "cambio"]
    )
    campo: dt.String = column(description="Columna o campo; vacío para el volumen", privacy=_P.INTERNAL)
    valor: dt.String = column(description="Texto del código", privacy=_P.QUASI, nullable=True)
    antes: dt.Float64 = column(
        description="Archivos, filas o parte llena del semestre anterior", privacy=_P.INTERNAL, ge=0
    )
    ahora: dt.Float64 = column(description="Lo mismo en este semestre", privacy=_P.INTERNAL, ge=0)

    class Config:
        """Strict and ordered; a change is said once."""

        strict = True
        ordered = True
        unique = ["periodo", "fuente", "aspecto", "novedad", "campo", "valor"]


EXTRACTS = Contract.of(ExtractRow, "extractos", "Extractos")
FILES_READ = Contract.of(FileRead, "archivos_leidos", "Archivos leídos")
COLUMNS_READ = Contract.of(ColumnRead, "columnas_leidas", "Columnas leídas")
DRIFT = Contract.of(Drift, "contraste_extractos", "Contraste con el semestre anterior")
CUSTODY = Contract.of(CustodyBlock, "archivos_custodiados", "Archivos en custodia")

_PROVENANCE = ("periodo", "fuente", "mecanismo", "archivo", "archivo_sha256", "fila", "defecto_lectura")
FIELDS = tuple(name for name in EXTRACTS.names if name not in _PROVENANCE)
"""The canonical text fields: what a source can map a column onto."""
