"""How often things happen in the synthetic city, and what goes with what.

What belongs here: weights by code of the profile's lists. What does not: draws, and figures about the real city: these
odds are invented to look plausible and to concentrate as real extracts do; no statistic may be read from them.
"""

from typing import Final

SOURCE_SHARE: Final = {"orfeo": 0.6, "portal": 0.3, "ventanilla": 0.1}
WORKBOOK_ROWS: Final = 5_000

# Petitions per person within a semester: one, two, three, then a tail.
REPEATS: Final = {1: 0.75, 2: 0.12, 3: 0.06, 4: 0.035, 6: 0.02, 9: 0.01, 14: 0.005}

PERSON_KIND: Final = {"natural": 0.86, "juridica": 0.09, "entidad_publica": 0.03, "grupo": 0.02}

AGE_BANDS: Final = ((3, 11, 0.006), (12, 17, 0.024), (18, 28, 0.22), (29, 44, 0.33), (45, 59, 0.25), (60, 93, 0.17))
"""First age, last age, share."""

SCHOOLING_LEVELS: Final = (
    "ninguna", "preescolar", "primaria", "secundaria", "media", "tecnica", "tecnologica", "universitaria", "posgrado",
)  # fmt: skip
# One row per age band: the older, the fewer years at school.
SCHOOLING: Final = (
    (0.05, 0.25, 0.70, 0, 0, 0, 0, 0, 0),
    (0.01, 0, 0.12, 0.62, 0.25, 0, 0, 0, 0),
    (0.01, 0, 0.03, 0.09, 0.40, 0.15, 0.11, 0.19, 0.02),
    (0.01, 0, 0.07, 0.10, 0.30, 0.16, 0.10, 0.20, 0.06),
    (0.03, 0, 0.19, 0.16, 0.28, 0.10, 0.05, 0.14, 0.05),
    (0.09, 0, 0.40, 0.17, 0.18, 0.04, 0.02, 0.08, 0.02),
)

COMUNA: Final = {
    "c1": 0.10, "c2": 0.10, "c3": 0.09, "c4": 0.12, "c5": 0.17, "c6": 0.13, "c7": 0.10, "c8": 0.05, "c9": 0.07,
    "bonda": 0.018, "guachaca": 0.012, "minca": 0.008, "taganga": 0.016, "fuera": 0.016,
}  # fmt: skip
RURAL: Final = ("bonda", "guachaca", "minca", "taganga")
# Strata 1 to 6 and rural by kind of place.
STRATUM_CODES: Final = ("1", "2", "3", "4", "5", "6", "rural")
STRATUM: Final = {
    "popular": (0.52, 0.33, 0.12, 0.02, 0.005, 0.005, 0),
    "medio": (0.12, 0.30, 0.38, 0.15, 0.04, 0.01, 0),
    "alto": (0.06, 0.14, 0.27, 0.25, 0.16, 0.12, 0),
    "rural": (0.35, 0.08, 0.02, 0, 0, 0, 0.55),
}
PLACE_KIND: Final = {
    "c1": "popular", "c2": "medio", "c3": "popular", "c4": "medio", "c5": "popular", "c6": "popular", "c7": "alto",
    "c8": "alto", "c9": "medio", "bonda": "rural", "guachaca": "rural", "minca": "rural", "taganga": "rural",
    "fuera": "medio",
}  # fmt: skip
ETHNIC: Final = {"ninguno": 0.83, "afro": 0.11, "indigena": 0.03, "raizal": 0.012, "palenquero": 0.012, "rrom": 0.006}
ETHNIC_RURAL: Final = {
    "ninguno": 0.60,
    "afro": 0.10,
    "indigena": 0.28,
    "raizal": 0.01,
    "palenquero": 0.006,
    "rrom": 0.004,
}
DISABILITY: Final = {
    "fisica": 0.45, "visual": 0.18, "auditiva": 0.13, "intelectual": 0.10, "psicosocial": 0.08, "multiple": 0.06,
}  # fmt: skip

TOPIC: Final = {
    "predial": 0.165, "acueducto": 0.125, "transito": 0.105, "vias": 0.07, "certificados": 0.065,
    "alcantarillado": 0.06,
    "alumbrado": 0.05, "aseo": 0.05, "subsidios": 0.05, "sisben": 0.045, "espacio_publico": 0.03, "seguridad": 0.03,
    "industria_comercio": 0.028, "cupos_escolares": 0.025, "convivencia": 0.018, "licencias": 0.018, "ruido": 0.018,
    "aseguramiento": 0.018, "atencion": 0.013, "salud_publica": 0.012, "victimas": 0.012, "adulto_mayor": 0.010,
    "arbolado": 0.009, "playas": 0.009, "transporte": 0.009, "contratacion": 0.008, "transporte_escolar": 0.005,
    "turismo": 0.005, "otro": 0.018,
}  # fmt: skip
# By calendar month, January first: property tax early in the year, school places in December and January, dry and
# rainy seasons, holidays at the beach.
SEASON: Final = {
    "predial": (1.6, 2.0, 1.8, 1.4, 1.0, 0.8, 0.7, 0.6, 0.6, 0.6, 0.7, 0.9),
    "industria_comercio": (1.0, 1.6, 2.2, 1.8, 0.9, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7),
    "cupos_escolares": (3.0, 2.2, 0.8, 0.5, 0.4, 0.5, 0.7, 0.5, 0.5, 0.8, 1.6, 2.6),
    "acueducto": (1.5, 1.6, 1.5, 1.2, 0.8, 0.8, 1.3, 1.2, 0.8, 0.6, 0.6, 0.9),
    "alcantarillado": (0.5, 0.5, 0.6, 0.9, 1.3, 1.2, 0.8, 1.1, 1.5, 1.9, 1.6, 0.8),
    "vias": (0.8, 0.8, 0.8, 0.9, 1.2, 1.1, 0.9, 1.0, 1.2, 1.5, 1.4, 1.0),
    "playas": (2.2, 0.8, 1.2, 1.4, 0.6, 1.5, 1.6, 0.7, 0.5, 0.9, 0.7, 2.4),
    "turismo": (2.0, 0.8, 1.0, 1.4, 0.6, 1.4, 2.2, 0.8, 0.6, 0.9, 0.8, 2.2),
}
TOPIC_BY_PLACE: Final = {
    "popular": {"acueducto": 1.6, "alcantarillado": 1.6, "sisben": 1.6, "subsidios": 1.5, "predial": 0.7},
    "medio": {"predial": 1.3, "espacio_publico": 1.8, "transito": 1.2, "sisben": 0.7},
    "alto": {"predial": 1.7, "playas": 4.0, "ruido": 3.0, "turismo": 3.0, "licencias": 2.0, "sisben": 0.3},
    "rural": {"vias": 2.4, "acueducto": 1.8, "transporte_escolar": 4.0, "predial": 0.6, "playas": 2.0, "ruido": 0.4},
}
TOPIC_OF_ORGANISATIONS: Final = {
    "industria_comercio": 8.0, "contratacion": 9.0, "licencias": 3.0, "certificados": 1.6, "sisben": 0.02,
    "subsidios": 0.1, "cupos_escolares": 0.1, "adulto_mayor": 0.05, "victimas": 0.2, "aseguramiento": 0.4,
}  # fmt: skip
TOPIC_OF_ELDERLY: Final = {"adulto_mayor": 5.0, "predial": 1.4, "cupos_escolares": 0.2, "transito": 0.5}
TOPIC_OF_YOUNG: Final = {"cupos_escolares": 2.0, "transito": 1.5, "adulto_mayor": 0.1, "predial": 0.5}

OFFICE_OF_TOPIC: Final = {
    "predial": "hacienda", "industria_comercio": "hacienda", "acueducto": "servicios_publicos",
    "alcantarillado": "servicios_publicos", "aseo": "servicios_publicos", "alumbrado": "servicios_publicos",
    "vias": "infraestructura", "transito": "movilidad", "transporte": "movilidad", "licencias": "planeacion",
    "espacio_publico": "gobierno", "ruido": "ambiente", "arbolado": "ambiente", "playas": "ambiente",
    "salud_publica": "salud", "aseguramiento": "salud", "cupos_escolares": "educacion",
    "transporte_escolar": "educacion", "seguridad": "seguridad", "convivencia": "gobierno",
    "subsidios": "promocion_social", "victimas": "promocion_social", "adulto_mayor": "promocion_social",
    "sisben": "planeacion", "certificados": "general", "contratacion": "general", "atencion": "general",
    "turismo": "cultura", "otro": "general",
}  # fmt: skip
OTHER_OFFICE: Final = 0.03
"""Share that the front desk keeps for itself («general») whatever the topic."""

KIND_DEFAULT: Final = {
    "peticion_particular": 0.74, "informacion": 0.08, "queja": 0.05, "reclamo": 0.05, "peticion_general": 0.04,
    "documentos": 0.02, "consulta": 0.01, "denuncia": 0.006, "sugerencia": 0.003, "felicitacion": 0.001,
}  # fmt: skip
KIND_OF_NUISANCE: Final = {
    "queja": 0.34, "reclamo": 0.24, "peticion_particular": 0.26, "peticion_general": 0.07, "denuncia": 0.05,
    "informacion": 0.03, "sugerencia": 0.01,
}  # fmt: skip
KIND_OF_ACCUSATION: Final = {
    "denuncia": 0.40, "queja": 0.38, "peticion_particular": 0.14, "peticion_general": 0.05, "informacion": 0.03,
}  # fmt: skip
KIND_OF_PAPERS: Final = {
    "documentos": 0.46, "peticion_particular": 0.36, "informacion": 0.15, "queja": 0.02, "consulta": 0.01,
}  # fmt: skip
KIND_OF_SERVICE: Final = {
    "queja": 0.66, "sugerencia": 0.12, "felicitacion": 0.12, "reclamo": 0.07, "peticion_particular": 0.03,
}  # fmt: skip
KIND_OF_TOPIC: Final = {
    "acueducto": KIND_OF_NUISANCE, "alcantarillado": KIND_OF_NUISANCE, "aseo": KIND_OF_NUISANCE,
    "alumbrado": KIND_OF_NUISANCE, "ruido": KIND_OF_ACCUSATION, "espacio_publico": KIND_OF_ACCUSATION,
    "seguridad": KIND_OF_ACCUSATION, "convivencia": KIND_OF_ACCUSATION, "certificados": KIND_OF_PAPERS,
    "contratacion": KIND_OF_PAPERS, "atencion": KIND_OF_SERVICE, "playas": KIND_OF_ACCUSATION,
}  # fmt: skip
KIND_OF_AUTHORITIES: Final = {"entre_autoridades": 0.7, "informacion": 0.2, "documentos": 0.1}

# By age band, the last row for organisations: how the person enters.
SOURCE_BY_AGE: Final = (
    (0.50, 0.42, 0.08), (0.42, 0.53, 0.05), (0.50, 0.46, 0.04), (0.58, 0.35, 0.07), (0.65, 0.22, 0.13),
    (0.66, 0.08, 0.26), (0.70, 0.24, 0.06),
)  # fmt: skip
CHANNELS: Final = ("web", "correo", "chat", "app", "redes", "ventanilla", "buzon", "correspondencia", "callcenter")
CHANNEL_ORFEO: Final = (
    (0.06, 0.55, 0, 0, 0.16, 0.10, 0.02, 0.04, 0.07), (0.06, 0.58, 0, 0, 0.18, 0.08, 0.02, 0.02, 0.06),
    (0.05, 0.62, 0, 0, 0.13, 0.10, 0.01, 0.03, 0.06), (0.04, 0.58, 0, 0, 0.06, 0.16, 0.01, 0.06, 0.09),
    (0.02, 0.42, 0, 0, 0.03, 0.27, 0.02, 0.12, 0.12), (0.01, 0.18, 0, 0, 0.01, 0.43, 0.03, 0.20, 0.14),
    (0.02, 0.66, 0, 0, 0.01, 0.05, 0.00, 0.26, 0.00),
)  # fmt: skip
CHANNEL_PORTAL: Final = (0.84, 0, 0.05, 0.11, 0, 0, 0, 0, 0)
VIRTUAL: Final = ("web", "correo", "chat", "app", "redes")
WEEKEND: Final = {5: 0.30, 6: 0.16}
"""Weight of a Saturday and a Sunday for virtual channels (a working day weighs 1)."""
MONTH: Final = (1.05, 1.10, 1.05, 1.0, 0.98, 0.85, 1.0, 1.0, 1.05, 1.05, 0.98, 0.75)

ANONYMOUS: Final = {"ruido": 0.30, "seguridad": 0.32, "espacio_publico": 0.26, "convivencia": 0.25, "playas": 0.15}
ANONYMOUS_OTHERWISE: Final = 0.035

LATE: Final = {"infraestructura": 0.19, "hacienda": 0.14, "servicios_publicos": 0.10, "planeacion": 0.12}
LATE_OTHERWISE: Final = 0.07
NEVER_ANSWERED: Final = 0.038
EXTENDED: Final = 0.025
TRANSFERRED: Final = {"servicios_publicos": 0.09, "salud": 0.06, "seguridad": 0.05}
TRANSFERRED_OTHERWISE: Final = 0.025
DENIED: Final = 0.03
NO_AUTHORISATION: Final = 0.04
WITHOUT_DOCUMENT: Final = 0.02

# How often each source fills in who the person is (place; age and sex together; schooling and stratum; sensitive data).
FILLED: Final = {
    "orfeo": (0.66, 0.44, 0.30, 0.18),
    "portal": (0.93, 0.90, 0.85, 0.70),
    "ventanilla": (0.90, 0.82, 0.70, 0.55),
}
