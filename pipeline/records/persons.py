"""Who wrote a petition, as far as the records need to know: kind, age band, minority, pseudonym.

What belongs here: what follows from identity and demographic fields. What does not: identity itself, which stays in
the extracts, and what may be published (`pipeline.privacy`).
"""

import re
from itertools import pairwise

import ibis
import ibis.expr.types as ir

from pipeline.errors import ProfileError
from pipeline.profile import Profile
from pipeline.records.engine import Scratch
from pipeline.records.typed import blank_code

ADULT_AGE = 18
"""Years (Código Civil art. 34, Ley 27/1977)."""

_MINORS_DOCUMENTS = ("RC", "TI")
_ADULTS_DOCUMENTS = ("CC", "NIT")
_ORGANISATIONS = ("juridica", "entidad_publica")
_NOT_APPLICABLE = "no_aplica"
_ONLY_NATURAL = ("sexo", "escolaridad", "estrato", "grupo_etnico", "discapacidad", "victima")
_BAND = re.compile(r"(\d+)_(\d+|mas)")
_ENOUGH_YEARS = 200


def document_number(text: ir.StringValue) -> ir.StringValue:
    """A document number without dots, spaces, check digit or decimals; null where it holds no digit but zeros."""
    plain = text.upper().re_replace(r"^(\d+)\.0$", r"\1").re_replace(r"^([\d. ]+)-\s?\d$", r"\1")
    bare = plain.re_replace(r"[^A-Z0-9]", "")
    return ibis.ifelse(bare.re_search("[1-9]"), bare, ibis.null("string"))


def sources_with_identity(profile: Profile) -> list[str]:
    """The sources that say who the petitioner is: only there does a blank identity mean an anonymous petition."""
    return [s.id for s in profile.fuentes if {"documento_numero", "nombre"} & set(s.columnas)]


def described(petitions: ir.Table, profile: Profile) -> ir.Table:
    """The petitions with every field about the person in its contract's words; blank codes filled."""
    organisation = petitions.persona_tipo.isin(_ORGANISATIONS).fill_null(False)
    age = ibis.ifelse(organisation, ibis.null("int64"), petitions.edad)
    unidentified = petitions.documento_numero.isnull() & petitions.nombre.isnull()
    anonymous = (
        petitions.anonima.fill_null(False)
        | (petitions.persona_tipo == "anonima").fill_null(False)
        | (petitions.fuente.isin(sources_with_identity(profile)) & unidentified)
    )
    blanks = {name: blank_code(profile.codes[name]) or "" for name in _ONLY_NATURAL}
    filled = {
        name: ibis.ifelse(organisation, ibis.literal(_NOT_APPLICABLE), petitions[name].fill_null(blank))
        for name, blank in blanks.items()
    }
    return petitions.mutate(
        **filled,
        edad=age,
        edad_banda=_band(age, organisation, profile),
        menor=_minor(petitions, age, organisation),
        anonima=anonymous,
        autorizacion_datos=petitions.autorizacion.fill_null(False),
    )


def pseudonyms(scratch: Scratch, petitions: ir.Table, key: bytes) -> ir.Table:
    """`orden` and `clave`: HMAC-SHA-256 of document type and number, for the petitions that have both."""
    identified = petitions.filter(petitions.documento_tipo.notnull(), petitions.documento.notnull())
    messages = identified.select("orden", mensaje=identified.documento_tipo + "|" + identified.documento)
    return scratch.hmac_sha256("claves", messages, key)


def band_limits(profile: Profile) -> list[tuple[str, int]]:
    """The age bands and their last year, youngest first, as the codes of the list say (`18_28`, `60_mas`)."""
    found = [(code, _BAND.fullmatch(code)) for code in profile.codes["edad_banda"]]
    bands = [
        (int(match[1]), _ENOUGH_YEARS if match[2] == "mas" else int(match[2]), code) for code, match in found if match
    ]
    bands.sort()
    if not bands or bands[0][0] != 0 or any(b[0] != a[1] + 1 for a, b in pairwise(bands)):
        raise ProfileError("listas/edad_banda.csv: las bandas deben cubrir todas las edades desde 0, sin huecos.")
    return [(code, last) for _, last, code in bands]


def _band(age: ir.IntegerValue, organisation: ir.BooleanValue, profile: Profile) -> ir.StringValue:
    branches = [(age <= last, code) for code, last in band_limits(profile)]
    return ibis.cases((organisation, _NOT_APPLICABLE), *branches, else_=blank_code(profile.codes["edad_banda"]) or "")


def _minor(petitions: ir.Table, age: ir.IntegerValue, organisation: ir.BooleanValue) -> ir.StringValue:
    yes = (
        (age < ADULT_AGE)
        | petitions.documento_tipo.isin(_MINORS_DOCUMENTS)
        | (petitions.calidad_peticionario == "menor")
    )
    no = (age >= ADULT_AGE) | organisation | petitions.documento_tipo.isin(_ADULTS_DOCUMENTS)
    return ibis.cases((yes.fill_null(False), "si"), (no.fill_null(False), "no"), else_="desconocido")
