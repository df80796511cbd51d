"""What is true of synthetic extracts: where each row goes, what the accepted petitions are, and the canaries.

What belongs here: counts from what was planted. What does not: anything computed by the pipeline under test.
"""

from typing import Any

import numpy as np

from pipeline.sampling.dirt import Planted
from pipeline.sampling.draws import BLANK, NO_DAY, Array, Columns, take
from pipeline.sampling.people import codes_of
from pipeline.sampling.petitions import Draw
from pipeline.sampling.rows import Fate, Rows

_FATES = {
    Fate.ACEPTADA: "aceptadas",
    Fate.FUSIONADA: "fusionadas",
    Fate.DUPLICADA: "duplicadas",
}
_BLANK_CODE = {"canal": "sin_dato", "dependencia": "sin_dato", "tema": "sin_dato", "estado": "sin_dato"}
_ORGANISATIONS = ("juridica", "entidad_publica")
_ONLY_NATURAL = ("sexo", "escolaridad", "estrato", "grupo_etnico", "discapacidad", "victima")


def tell(draw: Draw, planted: Planted, size: int) -> dict[str, Any]:
    """The truth of a semester's extracts, ready to be written as JSON."""
    rows = planted.rows
    files = {}
    for number, file in enumerate(planted.files):
        here = rows.columns["archivo"] == number
        files[file.name] = {"fuente": draw.sources[file.source]} | _fates(rows, here)
    accepted = take(rows.columns, rows.columns["destino"] == Fate.ACEPTADA)
    accepted |= {"respuesta_dia": accepted["respuesta_final"], "estado": accepted["estado_final"]}
    return {
        "perfil": draw.profile.nombre,
        "periodo": draw.semester.label,
        "semilla": draw.seed,
        "peticiones_pedidas": size,
        "fecha_corte": draw.profile.cutoff(draw.semester).isoformat(),
        "archivos": files,
        "total": _fates(rows, np.ones(len(rows), dtype=bool)),
        "peticiones": _petitions(draw, accepted),
        "intercambios_detectables": planted.found_swaps,
        "intercambios_no_detectables": planted.unnoticed_swaps,
        "canarios": {field: sorted(texts) for field, texts in sorted(planted.canaries.items())},
    }


def _fates(rows: Rows, here: Array) -> dict[str, Any]:
    fate, rule = rows.columns["destino"][here], rows.columns["regla"][here]
    rejected = np.bincount(rule[fate == Fate.RECHAZADA], minlength=len(rows.rules))
    by_rule = {name: int(n) for name, n in sorted(zip(rows.rules, rejected, strict=True)) if n}
    counts = {name: int((fate == code).sum()) for code, name in _FATES.items()}
    return {"leidas": int(here.sum())} | counts | {"rechazadas": by_rule}


def _petitions(draw: Draw, accepted: Columns) -> dict[str, Any]:
    profile = draw.profile
    organisation = np.isin(
        accepted["persona_tipo"], [codes_of(profile, "persona_tipo").index(code) for code in _ORGANISATIONS]
    )
    anonymous = (accepted["persona_tipo"] == draw.code("persona_tipo", "anonima")) | (accepted["anonima"] == 1)
    authorised = accepted["autorizacion"] == 1
    minors = _minors(draw, accepted, organisation)
    document, kind = accepted["documento"], accepted["documento_tipo"]
    identified = document != BLANK
    people = np.unique(np.stack([kind[identified], document[identified]], axis=1), axis=0)
    told: dict[str, Any] = {
        "total": len(anonymous),
        "anonimas": int(anonymous.sum()),
        "menores": {name: int((minors == name).sum()) for name in ("si", "no", "desconocido")},
        "autorizadas": int(authorised.sum()),
        "sin_autorizacion": int((~authorised & ~anonymous).sum()),
        "caracterizables": int((authorised | anonymous).sum()),
        "microdatos": int(((authorised | anonymous) & (minors != "si")).sum()),
        "personas": len(people),
        "sin_persona": int((~identified).sum()),
        "trasladadas": int((accepted["traslado_dia"] != NO_DAY).sum()),
        "negadas": int(accepted["negada"].sum()),
        "con_respuesta": int((accepted["respuesta_dia"] != NO_DAY).sum()),
    }
    for name in ("tipo", "canal", "dependencia", "tema", "estado", "comuna", "persona_tipo", "calidad_peticionario"):
        told[f"por_{name}"] = _by_code(draw, name, accepted[name])
    for name in _ONLY_NATURAL:
        told[f"por_{name}"] = _by_code(draw, name, accepted[name], organisation)
    told["por_edad_banda"] = _bands(draw, accepted["edad"], organisation)
    if draw.terms.certain:
        told["por_oportunidad"] = _by_code(draw, "oportunidad", draw.terms.timeliness(accepted))
    told["identidades"] = {
        "documentos": len(people),
        "nombres": int(accepted["con_nombre"].sum()),
        "correos": int(accepted["con_correo"].sum()),
        "telefonos": int(accepted["con_telefono"].sum()),
        "direcciones": int(accepted["con_direccion"].sum()),
    }
    return told


def _by_code(draw: Draw, name: str, values: Array, not_applicable: Array | None = None) -> dict[str, int]:
    codes = codes_of(draw.profile, name)
    blank = codes.index(_BLANK_CODE.get(name, "no_informa")) if BLANK in values else 0
    filled = np.where(values == BLANK, blank, values)
    if not_applicable is not None:
        filled = np.where(not_applicable, codes.index("no_aplica"), filled)
    counts = np.bincount(filled.astype(np.int64), minlength=len(codes))
    return {code: int(n) for code, n in zip(codes, counts, strict=True) if n}


def _bands(draw: Draw, age: Array, organisation: Array) -> dict[str, int]:
    found = {}
    for code in codes_of(draw.profile, "edad_banda"):
        low, _, high = code.partition("_")
        if not low.isdigit():
            continue
        inside = ~organisation & (age >= int(low)) & (age <= (int(high) if high.isdigit() else 120))
        found[code] = int(inside.sum())
    found["no_informa"] = int((~organisation & (age == BLANK)).sum())
    found["no_aplica"] = int(organisation.sum())
    return {code: n for code, n in found.items() if n}


def _minors(draw: Draw, accepted: Columns, organisation: Array) -> Array:
    kinds = codes_of(draw.profile, "documento_tipo")
    age = np.where(organisation, BLANK, accepted["edad"])
    kind = accepted["documento_tipo"]
    child = np.isin(kind, [kinds.index("RC"), kinds.index("TI")])
    declared = accepted["calidad_peticionario"] == draw.code("calidad_peticionario", "menor")
    adult = np.isin(kind, [kinds.index("CC"), kinds.index("NIT")])
    yes = ((age != BLANK) & (age < 18)) | child | declared
    no = (age >= 18) | organisation | adult
    return np.where(yes, "si", np.where(no, "no", "desconocido"))
