"""The synthetic petitioners: who they are, where they live, and what identifies them.

What belongs here: one row per person, the same in every semester of a seed. What does not: what they ask
(`petitions`) and how it is written (`texts`).
"""

from collections.abc import Sequence

import numpy as np

from pipeline.profile import Profile
from pipeline.sampling import odds
from pipeline.sampling.draws import BLANK, Array, Columns, by_group, chance, distinct_numbers, one_of, weights_over

ORGANISATION_BAND = len(odds.AGE_BANDS)
"""The age band of those who have none: organisations use the last row of the odds by age."""


def codes_of(profile: Profile, name: str) -> tuple[str, ...]:
    """The codes of a list in its order."""
    return tuple(c.codigo for c in profile.listas[name])


def positions(profile: Profile, name: str, codes: Sequence[str]) -> Array:
    """Where codes stand in a list, as an array to index with."""
    known = {code: i for i, code in enumerate(codes_of(profile, name))}
    return np.asarray([known[code] for code in codes], dtype=np.int16)


def draw_people(rng: np.random.Generator, profile: Profile, size: int) -> Columns:
    """`size` petitioners with correlated traits and unique documents within their type."""
    kinds = positions(profile, "persona_tipo", list(odds.PERSON_KIND))
    kind = kinds[one_of(rng, list(odds.PERSON_KIND.values()), size)]
    natural = kind == positions(profile, "persona_tipo", ["natural"])[0]

    band = one_of(rng, [share for *_, share in odds.AGE_BANDS], size)
    first = np.asarray([low for low, *_ in odds.AGE_BANDS])[band]
    last = np.asarray([high for _, high, _ in odds.AGE_BANDS])[band]
    age = np.where(natural, first + (rng.random(size) * (last - first + 1)).astype(np.int16), BLANK).astype(np.int16)
    band = np.where(natural, band, ORGANISATION_BAND).astype(np.int16)

    schooling = positions(profile, "escolaridad", odds.SCHOOLING_LEVELS)[
        by_group(rng, np.asarray([*odds.SCHOOLING, odds.SCHOOLING[-1]]), band)
    ]
    sexes = positions(profile, "sexo", ["mujer", "hombre"])
    sex = sexes[one_of(rng, (0.54, 0.46), size)]
    place = positions(profile, "comuna", list(odds.COMUNA))[one_of(rng, list(odds.COMUNA.values()), size)]
    people: Columns = {
        "persona_tipo": kind,
        "natural": natural,
        "banda": band,
        "edad": age,
        "sexo": np.where(natural, sex, BLANK),
        "escolaridad": np.where(natural, schooling, BLANK),
        "comuna": place,
        "nombre_a": rng.integers(0, 900, size),
        "nombre_b": rng.integers(0, 900, size),
        "apellido_a": rng.integers(0, 1000, size),
        "apellido_b": rng.integers(0, 1000, size),
        "telefono": 3_000_000_000 + rng.integers(0, 24, size) * 10_000_000 + rng.integers(1_000_000, 9_999_999, size),
        "via": rng.integers(0, 6, size),
        "numero_a": rng.integers(1, 70, size),
        "numero_b": rng.integers(1, 60, size),
        "numero_c": rng.integers(1, 99, size),
    }
    people |= _circumstances(rng, profile, people)
    people |= _documents(rng, profile, people)
    return people


def _circumstances(rng: np.random.Generator, profile: Profile, people: Columns) -> Columns:
    """Stratum by place; ethnic group by place; disability by age; victim by place."""
    natural, place = people["natural"], people["comuna"]
    size = len(place)
    kinds = list(odds.STRATUM)
    kind_of_place = np.asarray([kinds.index(odds.PLACE_KIND.get(c, "medio")) for c in codes_of(profile, "comuna")])
    where = kind_of_place[place]
    stratum = positions(profile, "estrato", odds.STRATUM_CODES)[
        by_group(rng, np.asarray(list(odds.STRATUM.values())), where)
    ]
    rural = np.isin(place, positions(profile, "comuna", odds.RURAL))
    ethnic_codes = codes_of(profile, "grupo_etnico")
    ethnic = by_group(
        rng,
        np.asarray([weights_over(ethnic_codes, odds.ETHNIC), weights_over(ethnic_codes, odds.ETHNIC_RURAL)]),
        rural.astype(np.int64),
    )
    disability_codes = codes_of(profile, "discapacidad")
    which = one_of(rng, list(weights_over(disability_codes, odds.DISABILITY)), size)
    elderly = people["banda"] == ORGANISATION_BAND - 1
    disabled = chance(rng, np.where(elderly, 0.11, 0.03), size)
    none = disability_codes.index("ninguna")
    yes, no = positions(profile, "victima", ["si", "no"])
    popular = where == kinds.index("popular")
    victim = chance(rng, np.where(rural, 0.2, np.where(popular, 0.12, 0.04)), size)
    return {
        "lugar": where,
        "estrato": np.where(natural, stratum, BLANK),
        "grupo_etnico": np.where(natural, ethnic, BLANK),
        "discapacidad": np.where(natural, np.where(disabled, which, none), BLANK),
        "victima": np.where(natural, np.where(victim, yes, no), BLANK),
    }


def _documents(rng: np.random.Generator, profile: Profile, people: Columns) -> Columns:
    """Type and number, unique within the type: long cédulas for the young, short ones for those born before 1987."""
    age, natural = people["edad"], people["natural"]
    size = len(age)
    names = ("CC", "TI", "RC", "CE", "PPT", "PA", "NIT")
    cc, ti, rc, ce, ppt, pa, nit = positions(profile, "documento_tipo", names)
    adult = np.asarray([cc, ce, ppt, pa])[one_of(rng, (0.94, 0.02, 0.03, 0.01), size)]
    group = people["persona_tipo"] == positions(profile, "persona_tipo", ["grupo"])[0]
    kind = np.select([~natural & ~group, natural & (age < 7), natural & (age < 18), group], [nit, rc, ti, cc], adult)
    number = np.full(size, BLANK, dtype=np.int64)
    ranges = {
        cc: (1_000_000_000, 299_999_977),
        ti: (1_020_000_000, 159_999_949),
        rc: (1_100_000_000, 99_999_989),
        ce: (200_000, 799_991),
        ppt: (1_000_000, 5_999_993),
        pa: (100_000, 899_981),
        nit: (800_000_000, 199_999_991),
    }
    for code, (first, prime) in ranges.items():
        rows = np.flatnonzero(kind == code)
        number[rows] = distinct_numbers(rng, len(rows), first, prime)
    old = np.flatnonzero((kind == cc) & (age >= 38))
    number[old] = distinct_numbers(rng, len(old), 12_000_000, 79_999_987)
    return {"documento_tipo": kind.astype(np.int16), "documento": number}
