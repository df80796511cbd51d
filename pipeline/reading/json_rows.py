"""JSON and JSON Lines → chunks of cells as text, by the paths that the profile declares.

What belongs here: records, nesting and row numbers of JSON. What does not: what a column means. Numbers keep the text
in which they were written, logical values are si and no, and a list of plain values is one cell («a|b»).
A path is keys between points and indexes between brackets: `solicitante.documentos[0].numero`.
"""

import json
import re
from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa

from pipeline.reading import header
from pipeline.reading.chunks import MAX_RECORD, Chunk, heading, rows_at_once, texts
from pipeline.reading.errors import BrokenFileError, HeaderError
from pipeline.reading.text import Decoder
from pipeline.sources import Source

BROKEN = "json_no_valido"
_SPACE = re.compile(r"[ \t\r\n]*")
_KEPT = 1 << 20
_MAX_PATHS = 2_000
_UNREADABLE = (ValueError, RecursionError)
_Record = tuple[int, object]
_UNREAD = object()


class JsonFile:
    """One file of records; which columns it has is known, and checked, when all of it was read."""

    def __init__(self, source: Source, name: str, content: IO[bytes]) -> None:
        self.name = name
        self._source = source
        self._text = Decoder(content, source.codificacion, name)
        self._primary = {heading(o): heading(first) for first, others in source.headers for o in (first, *others)}
        self.header = list(dict.fromkeys(self._primary.values()))
        self.header_row = 0
        self._inner = {_above(path) for path in self._primary} | {
            path[: at.start()] for path in self._primary for at in re.finditer(r"[.\[]", path)
        }
        self._discarded = {heading(name) for name in source.descartadas}
        self._seen: set[str] = set()
        self._strange: dict[str, int] = {}
        self._number = 0
        self._repeated = False

    def chunks(self) -> Iterator[Chunk]:
        """Every record; one that is no object, or repeats a key, is a defect."""
        records = self._lines() if self._source.formato == "jsonl" else self._document()
        size = rows_at_once(len(self.header))
        batch: list[_Record] = []
        for record in records:
            batch.append(record)
            if len(batch) >= size:
                yield self._chunk(batch)
                batch = []
        yield self._chunk(batch)
        if self._seen or self._strange:
            self._check()

    def _check(self) -> None:
        """A key may be data, so that an unknown one is told by its record."""
        if self._strange:
            raise HeaderError(
                f"{self.name}: {len(self._strange)} claves no están en el perfil; la primera, en el registro"
                f" {min(self._strange.values())}. Ajuste fuentes.yaml (un nombre nuevo va en «alias»)."
            )
        header.check(self._source, self.name, sorted(self._seen), 1)

    def _chunk(self, records: list[_Record]) -> Chunk:
        at = {path: i for i, path in enumerate(self.header)}
        rows: list[list[str | None]] = []
        defects: list[str | None] = []
        for self._number, record in records:
            row: list[str | None] = [None] * len(self.header)
            self._repeated = False
            if isinstance(record, dict):
                self._flatten("", record, row, at)
            whole = isinstance(record, dict) and not self._repeated
            rows.append(row if whole else [None] * len(self.header))
            defects.append(None if whole else BROKEN)
        cells, broken = texts(rows, len(self.header))
        defects = ["texto_no_valido" if bad else defect for bad, defect in zip(broken, defects, strict=True)]
        return Chunk(pa.array([n for n, _ in records], pa.int64()), pa.array(defects, pa.string()), cells)

    def _flatten(self, path: str, value: object, row: list[str | None], at: dict[str, int]) -> None:
        known = self._primary.get(path)
        if isinstance(value, _Repeated):
            self._repeated = True
        elif known is not None:
            self._seen.add(path)
            row[at[known]] = None if path in self._discarded else _as_text(value)
        elif isinstance(value, dict) and (value or path in self._inner):
            for key, inside in value.items():
                self._flatten(f"{path}.{heading(key)}" if path else heading(key), inside, row, at)
        elif isinstance(value, list) and path in self._inner:
            for i, inside in enumerate(value):
                self._flatten(f"{path}[{i}]", inside, row, at)
        elif not (value is None and path in self._inner):
            if len(self._strange) > _MAX_PATHS:
                raise BrokenFileError(f"{self.name}: los registros tienen más de {_MAX_PATHS} columnas distintas.")
            self._strange.setdefault(path, self._number)

    def _lines(self) -> Iterator[_Record]:
        for number, line in enumerate(_split(self._text, self.name), start=1):
            if line.strip():
                yield number, _loaded(line)

    def _document(self) -> Iterator[_Record]:
        scanner = _Scanner(self._text, self.name)
        steps = [step for step in self._source.registros.split(".") if step]
        yield from enumerate(scanner.records(steps), start=1)
        scanner.finish()


class _Scanner:
    """Walks a JSON document to its list of records and yields them one by one, holding one at a time."""

    def __init__(self, text: Decoder, name: str) -> None:
        self._decoder = text
        self._name = name
        self._buffer = ""
        self._at = 0
        self._ended = False

    def records(self, steps: list[str]) -> Iterator[object]:
        """The elements of the list at the end of the path; what surrounds it must be JSON too."""
        if steps:
            self._expect("{", f"no es un objeto con «{steps[0]}»")
            found = False
            while self._peek() != "}":
                key = self._value()
                self._expect(":", "está dañado")
                if key == steps[0] and not found:
                    found = True
                    yield from self.records(steps[1:])
                else:
                    self._value()
                if self._peek() != "}":
                    self._expect(",", "está dañado")
            self._expect("}", "está dañado")
            if not found:
                raise BrokenFileError(f"{self._name}: el documento no tiene «{steps[0]}», que declara «registros».")
        else:
            self._expect("[", "no es una lista de registros; declare su ruta en «registros»")
            first = True
            while self._peek() != "]":
                if not first:
                    self._expect(",", "está dañado o incompleto")
                first = False
                yield self._value()
            self._expect("]", "está dañado o incompleto")

    def finish(self) -> None:
        """Raises `BrokenFileError` where something follows the document."""
        while not self._ended or self._buffer[self._at :].strip():
            if self._buffer[self._at :].strip():
                raise BrokenFileError(f"{self._name}: después del documento JSON hay algo más.")
            self._at = len(self._buffer)
            self._more()

    def _peek(self) -> str:
        while True:
            space = _SPACE.match(self._buffer, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                raise BrokenFileError(f"{self._name}: el documento JSON está incompleto.")

    def _expect(self, letter: str, otherwise: str) -> None:
        if self._peek() != letter:
            raise BrokenFileError(f"{self._name}: el documento JSON {otherwise}.")
        self._at += 1

    def _value(self) -> object:
        self._peek()
        wanted = _KEPT
        while True:
            failed = False
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except _UNREADABLE:
                failed = True
            # a number at the end of the buffer may go on
            if not failed and (end < len(self._buffer) or self._ended):
                self._at = end
                self._forget()
                return value
            if self._ended and failed:
                raise BrokenFileError(f"{self._name}: el documento JSON está dañado o incompleto.")
            if len(self._buffer) - self._at > MAX_RECORD:
                raise BrokenFileError(f"{self._name}: un registro está dañado o pasa de {MAX_RECORD >> 20} MB.")
            while len(self._buffer) - self._at < wanted and self._more():
                pass
            wanted *= 2

    def _more(self) -> bool:
        text = None if self._ended else self._decoder.next()
        if text is None:
            self._ended = True
            return False
        self._buffer = self._buffer[self._at :] + text
        self._at = 0
        return True

    def _forget(self) -> None:
        if self._at > _KEPT:
            self._buffer = self._buffer[self._at :]
            self._at = 0


def _split(text: Decoder, name: str) -> Iterator[str]:
    rest = ""
    while (more := text.next()) is not None:
        lines = (rest + more).split("\n")
        rest = lines.pop()
        if len(rest) > MAX_RECORD:
            raise BrokenFileError(f"{name}: una línea pasa de {MAX_RECORD >> 20} MB.")
        yield from lines
    yield rest


class _Repeated:
    """Stands for an object that says one thing twice: it says nothing certain."""


def _unique(pairs: list[tuple[str, Any]]) -> object:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Repeated()


_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_unique)


def _loaded(line: str) -> object:
    try:
        return _DECODER.decode(line)
    except _UNREADABLE:
        return _UNREAD


def _as_text(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "si" if value else "no"
        case str():
            return value
        case list() if all(isinstance(inside, str | bool | None) for inside in value):
            return "|".join(text for inside in value if (text := _as_text(inside)))
        case _Repeated():
            return None
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=lambda _: None)


def _above(path: str) -> str:
    return path.rpartition(".")[0]
