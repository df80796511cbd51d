"""The synthetic petitions: who asks for what, through which channel, of which office, and what the form shows.

What belongs here: one clean row per petition, codes only. What does not: dates (`times`), planted dirt (`dirt`).
"""

from dataclasses import dataclass

import numpy as np

from pipeline.errors import PqrsdError
from pipeline.periods import Semester
from pipeline.profile import Profile
from pipeline.sampling import odds
from pipeline.sampling.draws import BLANK, Array, Columns, by_group, chance, one_of, stream, take, weights_over
from pipeline.sampling.people import ORGANISATION_BAND, codes_of, draw_people, positions
from pipeline.sampling.terms import Terms
from pipeline.sampling.times import draw_arrivals, draw_outcomes

_ELDERLY, _YOUNG = ORGANISATION_BAND - 1, 2
_CLASSES: tuple[dict[str, float], ...] = ({}, odds.TOPIC_OF_YOUNG, odds.TOPIC_OF_ELDERLY, odds.TOPIC_OF_ORGANISATIONS)
# Rows left for planted dirt in the workbook, which stops at its cap.
_WORKBOOK_CLEAN = int(odds.WORKBOOK_ROWS * 0.9)


@dataclass(frozen=True)
class Draw:
    """What identifies a draw: profile, semester, seed, and the legal terms around the semester."""

    profile: Profile
    semester: Semester
    seed: int
    terms: Terms

    def stream(self, name: str) -> np.random.Generator:
        """The generator of one part of this semester's work."""
        return stream(name, self.seed, self.semester.year, self.semester.half)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources' ids; a petition's `fuente` is a position here."""
        return tuple(s.id for s in self.profile.fuentes)

    def code(self, name: str, code: str) -> int:
        """A code's position in its list."""
        return codes_of(self.profile, name).index(code)


def draw_petitions(draw: Draw, size: int) -> tuple[Columns, Columns]:
    """`size` clean petitions, and the people who may have sent them (`persona` is a position among these)."""
    unknown = set(draw.sources) ^ set(odds.SOURCE_SHARE)
    if unknown:
        raise PqrsdError(f"fuentes.yaml: el generador no sabe imitar las fuentes {sorted(unknown)}.")
    # The same people in both semesters of a seed: a semester hears from some of them.
    people = draw_people(stream("personas", draw.seed), draw.profile, size + 50)
    rng = draw.stream("peticiones")
    person = _who(draw.stream("seleccion"), len(people["edad"]), size)
    who = take(people, person)

    month = one_of(rng, odds.MONTH[6 * draw.semester.half - 6 : 6 * draw.semester.half], size)
    topic = _topics(rng, draw, who, person, month)
    band = who["banda"]
    source = by_group(rng, np.asarray(odds.SOURCE_BY_AGE), band)
    source = np.asarray([draw.sources.index(s) for s in odds.SOURCE_SHARE])[source].astype(np.int8)
    desk, rest = draw.sources.index("ventanilla"), draw.sources.index("orfeo")
    source[rng.permutation(np.flatnonzero(source == desk))[_WORKBOOK_CLEAN:]] = rest

    petitions: Columns = {"persona": person, "fuente": source, "mes": month, "tema": topic}
    petitions |= _kinds(rng, draw, who, topic)
    petitions["canal"] = _channels(rng, draw, source, band)
    petitions["anonimo"] = _anonymous(rng, draw, who, topic)
    petitions |= draw_arrivals(draw, petitions)
    petitions |= draw_outcomes(draw, petitions)
    petitions |= _visible(draw, who, petitions)
    order = np.lexsort((petitions["recepcion_seg"], petitions["recepcion_dia"]))
    number = np.empty(size, dtype=np.int64)
    number[order] = np.arange(1, size + 1)
    petitions["radicado"] = number
    petitions["estilo"] = rng.integers(0, 2**63, size, dtype=np.uint64)
    return petitions, people


def _who(rng: np.random.Generator, people: int, size: int) -> Array:
    """One person per petition: most ask once, some several times."""
    times = np.asarray(list(odds.REPEATS))[one_of(rng, list(odds.REPEATS.values()), people)]
    chosen = np.repeat(rng.permutation(people), times)[:size]
    return np.asarray(rng.permutation(chosen), dtype=np.int32)


def _topics(rng: np.random.Generator, draw: Draw, who: Columns, person: Array, month: Array) -> Array:
    """Topic by month, place and kind of petitioner; who comes back often comes back with the same."""
    codes = codes_of(draw.profile, "tema")
    base = weights_over(codes, odds.TOPIC)
    ones = np.ones(len(codes))
    table = [
        base
        * [odds.SEASON.get(code, (1.0,) * 12)[m + 6 * draw.semester.half - 6] for code in codes]
        * np.where(weights_over(codes, by_place), weights_over(codes, by_place), ones)
        * np.where(weights_over(codes, by_class), weights_over(codes, by_class), ones)
        for m in range(6)
        for by_place in odds.TOPIC_BY_PLACE.values()
        for by_class in _CLASSES
    ]
    band = who["banda"]
    petitioner = np.select([band == ORGANISATION_BAND, band == _ELDERLY, band <= _YOUNG], [3, 2, 1], 0)
    group = (month.astype(np.int64) * len(odds.TOPIC_BY_PLACE) + who["lugar"]) * len(_CLASSES) + petitioner
    topic = by_group(rng, np.asarray(table), group)
    _, first, again = np.unique(person, return_index=True, return_inverse=True)
    return np.where(chance(rng, 0.4, len(topic)), topic[first][again], topic).astype(np.int8)


def _kinds(rng: np.random.Generator, draw: Draw, who: Columns, topic: Array) -> Columns:
    """Kind of petition by topic (authorities write as such), and the office that the topic belongs to."""
    kinds, topics = codes_of(draw.profile, "tipo"), codes_of(draw.profile, "tema")
    table = [weights_over(kinds, odds.KIND_OF_TOPIC.get(code, odds.KIND_DEFAULT)) for code in topics]
    table.append(weights_over(kinds, odds.KIND_OF_AUTHORITIES))
    authority = who["persona_tipo"] == draw.code("persona_tipo", "entidad_publica")
    kind = by_group(rng, np.asarray(table), np.where(authority, len(topics), topic))
    size = len(topic)
    unclassified = chance(rng, 0.005, size)
    offices = codes_of(draw.profile, "dependencia")
    own = np.asarray([offices.index(odds.OFFICE_OF_TOPIC.get(code, "general")) for code in topics])[topic]
    kept = chance(rng, odds.OTHER_OFFICE, size)
    return {
        "tipo": np.where(unclassified, kinds.index("sin_clasificar"), kind).astype(np.int8),
        "dependencia": np.where(kept, offices.index("general"), own).astype(np.int8),
    }


def _channels(rng: np.random.Generator, draw: Draw, source: Array, band: Array) -> Array:
    """Channel by source and age: the portal is the web, the counter is itself, the rest comes by every way."""
    bands = ORGANISATION_BAND + 1
    counter = [float(c == "ventanilla") for c in odds.CHANNELS]
    tables = {
        "orfeo": odds.CHANNEL_ORFEO,
        "portal": [odds.CHANNEL_PORTAL] * bands,
        "ventanilla": [counter] * bands,
    }
    table = np.concatenate([np.asarray(tables[name]) for name in draw.sources])
    drawn = by_group(rng, table, source.astype(np.int64) * bands + band)
    return positions(draw.profile, "canal", odds.CHANNELS)[drawn].astype(np.int8)


def _anonymous(rng: np.random.Generator, draw: Draw, who: Columns, topic: Array) -> Array:
    """Who does not say who they are: mostly those who accuse."""
    table = [odds.ANONYMOUS.get(code, odds.ANONYMOUS_OTHERWISE) for code in codes_of(draw.profile, "tema")]
    return np.asarray(who["natural"] & chance(rng, np.asarray(table)[topic], len(topic)))


def _visible(draw: Draw, who: Columns, petitions: Columns) -> Columns:
    """What the form shows of the petitioner, which is less than there is to know."""
    rng = draw.stream("visibles")
    size, natural, hidden = len(petitions["fuente"]), who["natural"], petitions["anonimo"]
    filled = np.asarray([odds.FILLED[name] for name in draw.sources])[petitions["fuente"]]
    place, age_and_sex, studies, sensitive = (
        chance(rng, filled[:, i] * np.where(hidden, 0.5 if i == 0 else 0.0, 1.0), size) for i in range(4)
    )
    # Whoever gives schooling or sensitive data gave age and sex before.
    studies, sensitive = studies & age_and_sex, sensitive & age_and_sex
    named = ~hidden
    with_document = named & ~chance(rng, odds.WITHOUT_DOCUMENT, size)
    columns: Columns = {
        "comuna": np.where(place, who["comuna"], BLANK),
        "edad": np.where(age_and_sex, who["edad"], BLANK),
        "sexo": np.where(age_and_sex, who["sexo"], BLANK),
        "escolaridad": np.where(studies, who["escolaridad"], BLANK),
        "estrato": np.where(studies, who["estrato"], BLANK),
        "grupo_etnico": np.where(sensitive, who["grupo_etnico"], BLANK),
        "discapacidad": np.where(sensitive, who["discapacidad"], BLANK),
        "victima": np.where(sensitive, who["victima"], BLANK),
        "documento_tipo": np.where(with_document, who["documento_tipo"], BLANK),
        "persona_tipo": np.where(hidden, draw.code("persona_tipo", "anonima"), who["persona_tipo"]),
    }
    columns = {name: values.astype(np.int16) for name, values in columns.items()}
    forgotten = natural & named & chance(rng, 0.02, size)
    columns["persona_tipo"][forgotten] = BLANK
    columns["documento"] = np.where(with_document, who["documento"], BLANK).astype(np.int64)
    columns["con_nombre"] = named
    columns["con_correo"] = named & chance(rng, 0.8, size)
    columns["con_telefono"] = named & chance(rng, 0.85, size)
    columns["con_direccion"] = named & chance(rng, 0.75, size)
    columns["anonima"] = np.where(hidden, chance(rng, 0.85, size).astype(np.int8), 0).astype(np.int8)
    agreed = named & ~chance(rng, odds.NO_AUTHORISATION, size)
    columns["autorizacion"] = agreed.astype(np.int8)
    columns["calidad_peticionario"] = _capacity(rng, draw, who, hidden)
    return columns


def _capacity(rng: np.random.Generator, draw: Draw, who: Columns, hidden: Array) -> Array:
    """In what capacity the petitioner acts."""
    codes = codes_of(draw.profile, "calidad_peticionario")
    size = len(hidden)
    table = np.asarray(
        [
            weights_over(codes, {"propio": 0.9, "apoderado": 0.04, "representante": 0.04, "veedor": 0.012,
                                 "periodista": 0.007, "congresista": 0.001}),
            weights_over(codes, {"menor": 0.6, "propio": 0.2, "representante": 0.2}),
            weights_over(codes, {"representante": 0.85, "apoderado": 0.15}),
            weights_over(codes, {"autoridad": 1.0}),
        ]
    )  # fmt: skip
    authority = who["persona_tipo"] == draw.code("persona_tipo", "entidad_publica")
    minor = who["natural"] & (who["edad"] < 18)
    group = np.select([authority, ~who["natural"], minor], [3, 2, 1], 0)
    drawn = by_group(rng, table, group)
    return np.where(hidden | chance(rng, 0.06, size), BLANK, drawn).astype(np.int8)
