"""How a profile declares its surveys: which files, which questions, what each answer may be.

What belongs here: the shape of `encuestas.yaml` and its contradictions. What does not: reading the answers
(`pipeline.reading.survey`). The variable map across years is each question's `columnas`: every name under which its
column has come.
"""

import re
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import ProfileError
from pipeline.sources import Source, SourceColumn
from pipeline.spelling import fold

FILE = "encuestas.yaml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Question(_Strict):
    """One question: closed (`opciones`, or a code list of the profile), Likert (`escala` steps) or open.

    `codigo` finds the column by the code to which the question's text is glued («P3. ¿Cómo califica…?»). `etiquetas`
    are a Likert scale's words, lowest first; `invertida`: its first step is the best. `ausentes` mean no answer, as 0
    and 99 often do. `opcional`: some waves did not ask it, and there its absence is no missing answer.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    texto: str
    tipo: Literal["cerrada", "likert", "abierta"]
    columnas: tuple[str, ...] = ()
    codigo: str | None = None
    opciones: dict[str, tuple[str, ...]] = {}
    lista: str | None = None
    escala: int = Field(default=5, ge=2, le=10)
    etiquetas: tuple[str, ...] = ()
    invertida: bool = False
    ausentes: tuple[str, ...] = ()
    opcional: bool = False

    @property
    def name(self) -> str:
        """The column's name as this wave would have it; the code where only that is known."""
        return self.columnas[0] if self.columnas else str(self.codigo)

    def asked_by(self, header: str) -> bool:
        """Whether a column of this name holds the answers."""
        if fold(header) in map(fold, self.columnas):
            return True
        return (
            self.codigo is not None
            and re.match(rf"{re.escape(fold(self.codigo))}(?![a-z0-9])", fold(header)) is not None
        )


class Survey(_Strict):
    """One survey: its files, its questions, and the columns that are not answers."""

    id: str
    titulo: str
    archivos: str
    formato: Literal["csv", "xlsx", "json", "jsonl"] = "xlsx"
    codificacion: Literal["utf-8", "cp1252", "latin-1", "utf-16", "auto"] = "utf-8"
    delimitador: str = ","
    hoja: str | None = None
    hojas: tuple[str, ...] = ()
    fila_encabezado: int = 1
    filas_de_encabezado: int = Field(default=1, ge=1, le=5)
    preguntas: tuple[Question, ...] = Field(min_length=1)
    ignoradas: dict[str, str] = {}
    descartadas: dict[str, str] = {}

    def source(self, columns: dict[str, str]) -> Source:
        """What the readers need to know, with each question's column as this file names it."""
        shared = ("archivos", "formato", "codificacion", "delimitador", "hoja", "hojas", "fila_encabezado",
                  "filas_de_encabezado", "ignoradas", "descartadas")  # fmt: skip
        return Source.model_validate(
            {name: getattr(self, name) for name in shared}
            | {"id": self.id, "mecanismo": "encuesta", "formatos_fecha": [],
               "columnas": {question: SourceColumn(columna=name) for question, name in columns.items()}}
        )  # fmt: skip


def check(survey: Survey, lists: set[str]) -> None:
    """Raises `ProfileError` naming file and key where a survey contradicts itself."""
    ids = [question.id for question in survey.preguntas]
    for repeated in sorted({one for one in ids if ids.count(one) > 1}):
        raise ProfileError(f"{FILE}: «{survey.id}.preguntas.{repeated}» está dos veces.")
    for question in survey.preguntas:
        for key, problem in _of_a_question(question, lists):
            raise ProfileError(f"{FILE}: «{survey.id}.{question.id}.{key}»: {problem}.")


def _of_a_question(question: Question, lists: set[str]) -> Iterator[tuple[str, str]]:
    if not question.columnas and question.codigo is None:
        yield "columnas", "una pregunta se encuentra por «columnas» o por «codigo»"
    if (question.tipo == "cerrada") != (bool(question.opciones) != (question.lista is not None)):
        yield "opciones", "una pregunta cerrada, y solo ella, tiene «opciones» o «lista»"
    if question.lista is not None and question.lista not in lists:
        yield "lista", "no existe esa lista"
    if question.etiquetas and len(question.etiquetas) != question.escala:
        yield "etiquetas", f"la escala es de {question.escala} pasos"
    if question.tipo != "likert" and (question.etiquetas or question.invertida):
        yield "escala", "es de una pregunta likert"
    meant: dict[str, str] = {}
    for option, others in question.opciones.items():
        if any(meant.setdefault(fold(spelling), option) != option for spelling in (option, *others)):
            yield "opciones", "una respuesta corresponde a dos opciones"
