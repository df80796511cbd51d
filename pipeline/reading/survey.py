"""The survey files of a period → one row an answer, every answer accounted for.

What belongs here: finding each question's column, reading scales and options, counting. What does not: how a file is
read (`formats`) and petitions (`load`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from pipeline.errors import PqrsdError, ProfileError
from pipeline.periods import Semester
from pipeline.profile import Profile
from pipeline.reading import formats, header, landing
from pipeline.reading.chunks import heading
from pipeline.reading.errors import HeaderError, ReadingError
from pipeline.reading.landing import Extract
from pipeline.spelling import fold, folded
from pipeline.stores.tables import Tables
from pipeline.surveys import Question, Survey
from schemas.survey import ANSWER_COUNTS, ANSWERS

_PLACE = ("archivo", "archivo_sha256", "fila", "defecto")
_STREAM = "_encuesta_lectura"
_WIDE = "_encuesta_filas"
_NUMBER = r"^\s*(\d{1,2})(?:[.,]0+)?(?:[^\d.,].*|[.,](?:\D.*)?)?$"
_GLUED = r"^\s*\d+\s*[.,)\-:]*\s*"
_NOT_ASKED = "\x1dno preguntada"


@dataclass(frozen=True)
class SurveyRead:
    """What was read: tables of files, persons who answered, rows that could not be split into columns."""

    files: int = 0
    rows: int = 0
    defects: int = 0
    answers: int = 0


def load(profile: Profile, folder: Path, period: str, tables: Tables) -> SurveyRead:
    """Replaces the period's answers by those of every survey file in `folder`, in one transaction.

    A period without survey files has none. Raises `ReadingError` for a file that is not as the profile says; the former
    answers then stay.
    """
    Semester.parse(period)
    found = SurveyRead()
    parts: list[ir.Table] = []
    temporary: list[str] = []
    try:
        for number, survey in enumerate(profile.encuestas):
            name = f"{_WIDE}{number}"
            temporary.append(name)
            found = _read(survey, landing.survey_files(profile, folder, survey), name, tables, found)
            rows = tables.ibis.table(name, database="temp.main")
            parts.append(_answers(rows.filter(rows.defecto.isnull()), survey, profile, period))
        if not parts:
            return found
        long = reduce(lambda one, other: one.union(other), parts)
        counts = _counts(long)
        written = tables.replace_all(
            [(ANSWERS, long, {"periodo": period}), (ANSWER_COUNTS, counts, {"periodo": period})]
        )
        return SurveyRead(found.files, found.rows, found.defects, written[0])
    finally:
        for name in temporary:
            tables.con.execute(f'DROP TABLE IF EXISTS temp.main."{name}"')


def _read(survey: Survey, files: list[Extract], name: str, tables: Tables, before: SurveyRead) -> SurveyRead:
    """The rows of a survey's files in a temporary table with one text column for each question."""
    schema = pa.schema([(c, pa.int64() if c == "fila" else pa.string()) for c in (*_PLACE, *_ids(survey))])
    reading = _Reading(survey, files, schema)
    tables.con.register(_STREAM, pa.RecordBatchReader.from_batches(schema, reading.batches()))
    failure: PqrsdError | None = None
    try:
        tables.con.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS SELECT * FROM {_STREAM}')
    except (duckdb.Error, pa.ArrowException) as caught:
        failure = reading.failure or ReadingError(f"«{survey.id}»: la carga se interrumpió ({type(caught).__name__}).")
    finally:
        tables.con.unregister(_STREAM)
    if failure is not None:
        raise failure
    counted = tables.con.execute(f'SELECT count(*), count(defecto) FROM temp.main."{name}"').fetchone() or (0, 0)
    return SurveyRead(before.files + reading.tables, before.rows + counted[0], before.defects + counted[1])


def _ids(survey: Survey) -> list[str]:
    return [question.id for question in survey.preguntas]


class _Reading:
    """The rows of all files of a survey as one stream; remembers what stopped it."""

    def __init__(self, survey: Survey, files: list[Extract], schema: pa.Schema) -> None:
        self._survey = survey
        self._files = files
        self._schema = schema
        self.tables = 0
        self.failure: PqrsdError | None = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Wide rows of every table in order."""
        try:
            for extract in self._files:
                for table in formats.tables(extract):
                    self.tables += 1
                    yield from self._rows(extract, table)
        except PqrsdError as caught:
            self.failure = caught
            raise
        except Exception as caught:
            self.failure = ReadingError(f"«{self._survey.id}»: la lectura se interrumpió ({type(caught).__name__}).")
            raise self.failure from None

    def _rows(self, extract: Extract, table: formats.Sheet) -> Iterator[pa.RecordBatch]:
        columns = _columns(self._survey, table.name, table.header)
        source = self._survey.source({question: table.header[at] for question, at in columns.items()})
        header.check(source, table.name, table.header, table.header_row)
        for chunk in table.chunks():
            size = len(chunk.fila)
            fixed = {"archivo": table.name, "archivo_sha256": extract.sha256}
            cells = {name: pa.repeat(pa.scalar(text, pa.string()), size) for name, text in fixed.items()}
            cells |= {"fila": chunk.fila, "defecto": chunk.defecto}
            for question in _ids(self._survey):
                asked = columns.get(question)
                cells[question] = (
                    chunk.cells[asked] if asked is not None else pa.repeat(pa.scalar(_NOT_ASKED, pa.string()), size)
                )
            yield pa.RecordBatch.from_arrays([cells[name] for name in self._schema.names], schema=self._schema)


def _columns(survey: Survey, name: str, columns: list[str]) -> dict[str, int]:
    """Question → its column; `HeaderError` for a question without one that is not optional, or with several."""
    others = {heading(other) for other in (*survey.ignoradas, *survey.descartadas)}
    found: dict[str, int] = {}
    for question in survey.preguntas:
        at = [i for i, column in enumerate(columns) if column not in others and question.asked_by(column)]
        if len(at) > 1:
            raise HeaderError(f"{name}: la pregunta «{question.id}» tiene {len(at)} columnas.")
        if at:
            found[question.id] = at[0]
        elif not question.opcional:
            raise HeaderError(
                f"{name}: falta la columna de la pregunta «{question.id}» ({header.listed([question.name])})."
            )
    return found


def _answers(rows: ir.Table, survey: Survey, profile: Profile, period: str) -> ir.Table:
    parts = [_of_question(rows, survey, question, profile, period) for question in survey.preguntas]
    return reduce(lambda one, other: one.union(other), parts)


def _of_question(rows: ir.Table, survey: Survey, question: Question, profile: Profile, period: str) -> ir.Table:
    text = rows[question.id]
    said = folded(text)
    nothing = text.isnull() | said.isin(["", *map(fold, question.ausentes)])
    option, value, free = ibis.null("string"), ibis.null("int64"), ibis.null("string")
    if question.tipo == "cerrada":
        option = _chosen(said, _spellings(question, profile))
        valid = option.notnull()
    elif question.tipo == "likert":
        value = _step(text, said, question)
        valid = value.notnull()
    else:
        free = ibis.ifelse(nothing | (text == _NOT_ASKED), ibis.null("string"), text)
        valid = ibis.literal(True)
    state = ibis.cases(
        (text == _NOT_ASKED, "no_preguntada"), (nothing, "ausente"), (valid, "valida"), else_="no_valida"
    )
    keep = state == "valida"
    values = {
        "periodo": ibis.literal(period), "encuesta": ibis.literal(survey.id), "mecanismo": ibis.literal("encuesta"),
        "archivo": rows.archivo, "archivo_sha256": rows.archivo_sha256, "fila": rows.fila,
        "pregunta": ibis.literal(question.id), "tipo": ibis.literal(question.tipo), "estado": state,
        "opcion": ibis.ifelse(keep, option, ibis.null("string")),
        "valor": ibis.ifelse(keep, value, ibis.null("int64")), "texto": free,
    }  # fmt: skip
    return rows.select(**{name: values[name] for name in ANSWERS.names})


def _spellings(question: Question, profile: Profile) -> dict[str, str]:
    """Folded spelling → option; a list's codes, labels and aliases where the question uses one."""
    if question.lista is None:
        return {fold(s): option for option, others in question.opciones.items() for s in (option, *others)}
    found: dict[str, str] = {}
    for code in profile.listas[question.lista]:
        for spelling in (code.codigo, code.etiqueta, *code.alias):
            if found.setdefault(fold(spelling), code.codigo) != code.codigo:
                raise ProfileError(f"listas/{question.lista}.csv: «{spelling}» corresponde a dos códigos.")
    return found


def _chosen(said: ir.StringValue, spellings: dict[str, str]) -> ir.StringValue:
    """The option; a code glued to its label («2. Web», «2 - Web») is the label's, or the code's where that is known."""
    bare = said.re_replace(r"^\s*\d+\s*[.)\-:]+\s*", "")
    code = said.re_extract(r"^\s*(\d+)\s*[.)\-:]", 1)
    known = [(spelling, ibis.literal(option)) for spelling, option in spellings.items()]

    def option(text: ir.StringValue) -> ir.StringValue:
        return ibis.cases(*[(text == spelling, option) for spelling, option in known], else_=ibis.null("string"))

    return ibis.coalesce(option(said), option(bare), option(code))


def _step(text: ir.StringValue, said: ir.StringValue, question: Question) -> ir.IntegerValue:
    """The step of a scale, 1 the worst: by its number, glued to words or not, or by its words alone."""
    number = text.re_extract(_NUMBER, 1).nullif("").try_cast("int64")
    step = number
    if question.etiquetas:
        bare = said.re_replace(_GLUED, "")
        words = [(bare == fold(label), ibis.literal(n, "int64")) for n, label in enumerate(question.etiquetas, start=1)]
        named = ibis.cases(*words, else_=ibis.null("int64"))
        # a number that its own words contradict is no answer
        step = ibis.ifelse(number != named, ibis.null("int64"), ibis.coalesce(number, named))
        step = ibis.ifelse(number.isnull(), named, ibis.ifelse(named.isnull(), number, step))
    inside = ibis.ifelse(step.between(1, question.escala), step, ibis.null("int64"))
    return question.escala + 1 - inside if question.invertida else inside


def _counts(answers: ir.Table) -> ir.Table:
    said = ibis.coalesce(answers.opcion, answers.valor.cast("string"), "")
    told = answers.mutate(respuesta=said)
    keys = ["periodo", "encuesta", "pregunta", "tipo", "estado", "respuesta"]
    return told.group_by(keys).aggregate(respuestas=told.count()).select(*ANSWER_COUNTS.names)
