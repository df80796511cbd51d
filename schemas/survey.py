"""Answers to perception surveys and what became of them: the restricted wing's tables of that mechanism.

What belongs here: one row an answer, and counts by question. What does not: petitions (`schemas.records`), and what may
be published, which has to pass the door.
"""

import ibis.expr.datatypes as dt
import pandera.ibis as pa

from pipeline.contract import Contract, PrivacyClass, column

_P = PrivacyClass
_STATES = ["valida", "ausente", "no_valida", "no_preguntada"]
_KINDS = ["cerrada", "likert", "abierta"]


class Answer(pa.DataFrameModel):
    """Una respuesta de una encuesta de percepción, con el archivo y la fila de donde viene."""

    periodo: dt.String = column(description="Semestre en que se cargó, como 2026-S1", privacy=_P.INTERNAL)
    encuesta: dt.String = column(description="Encuesta declarada en el perfil", privacy=_P.INTERNAL)
    mecanismo: dt.String = column(description="Mecanismo de recolección", privacy=_P.INTERNAL, codes="mecanismo")
    archivo: dt.String = column(description="Archivo de origen", privacy=_P.INTERNAL)
    archivo_sha256: dt.String = column(description="Huella del archivo de origen", privacy=_P.INTERNAL)
    fila: dt.Int64 = column(description="Número de fila: una persona encuestada", privacy=_P.INTERNAL, ge=1)
    pregunta: dt.String = column(description="Pregunta declarada en el perfil", privacy=_P.INTERNAL)
    tipo: dt.String = column(description="Clase de pregunta", privacy=_P.INTERNAL, isin=_KINDS)
    estado: dt.String = column(
        description="Si la respuesta vale, falta, no es de las admitidas, o no se preguntó",
        privacy=_P.INTERNAL,
        isin=_STATES,
    )
    opcion: dt.String = column(description="Opción de una pregunta cerrada", privacy=_P.QUASI, nullable=True)
    valor: dt.Int64 = column(description="Paso de una escala, 1 el peor", privacy=_P.QUASI, nullable=True, ge=1, le=10)
    texto: dt.String = column(description="Texto de una pregunta abierta", privacy=_P.FREE_TEXT, nullable=True)

    class Config:
        """Strict and ordered; a person answers a question once."""

        strict = True
        ordered = True
        unique = ["periodo", "archivo", "fila", "pregunta"]


class AnswerCount(pa.DataFrameModel):
    """Cuántas respuestas tuvo cada pregunta, por opción o paso, con las que faltan y las no válidas."""

    periodo: dt.String = column(description="Semestre en que se cargó, como 2026-S1", privacy=_P.INTERNAL)
    encuesta: dt.String = column(description="Encuesta declarada en el perfil", privacy=_P.INTERNAL)
    pregunta: dt.String = column(description="Pregunta declarada en el perfil", privacy=_P.INTERNAL)
    tipo: dt.String = column(description="Clase de pregunta", privacy=_P.INTERNAL, isin=_KINDS)
    estado: dt.String = column(description="Qué fue de la respuesta", privacy=_P.INTERNAL, isin=_STATES)
    respuesta: dt.String = column(description="Opción o paso; vacía en lo demás y en las abiertas", privacy=_P.QUASI)
    respuestas: dt.Int64 = column(description="Número de respuestas", privacy=_P.STATISTIC, ge=1)

    class Config:
        """Strict and ordered; a question's answer is counted once."""

        strict = True
        ordered = True
        unique = ["periodo", "encuesta", "pregunta", "estado", "respuesta"]


ANSWERS = Contract.of(Answer, "respuestas_encuesta", "Respuestas de encuestas")
ANSWER_COUNTS = Contract.of(AnswerCount, "conteo_encuesta", "Conteo de respuestas")
