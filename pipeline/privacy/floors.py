"""The floors of anonymity that no profile may lower.

What belongs here: the constants and the check that refuses a profile below them. What does not: a profile's own targets
(`profiles/*/privacidad.yaml`), which may only be stricter, and limits of usefulness (rows and cells lost), which are
the entity's choice.

They are this project's, stricter than the k = 3 often quoted: Ley 1581/2012 art. 6(e) asks for «medidas conducentes a
la supresión de identidad» and names no figure. Open data has no access control, so the prosecutor risk is 1/k.
"""

from pipeline.errors import PqrsdError
from pipeline.profile import Privacy

K_PERSONS = 10
"""Persons that share every published value of a microdata row."""

TABLE_PERSONS = 5
"""Persons in a published table cell."""

SENSITIVE_TABLE_PERSONS = 10
"""Persons in a published cell of a table with a sensitive attribute (Ley 1581/2012 art. 5)."""

MEDIAN_PERSONS = 10
"""Persons behind a published median: twice those of a cell, so that as many may stand on either side."""

DISTINCT_TOPICS = 3
"""Different topics within a demographic class."""

CONFIDENCE = 0.8
"""Largest share of one topic within a demographic class."""

AVERAGE_RISK = 0.05
"""Mean over the rows of 1 / persons in the row's class."""

ADULT_AGE = 18
"""Years; below it no row leaves (Ley 1581/2012 art. 7)."""

PERSON = "persona_clave"
"""The petition's column that identifies a person inside the restricted wing."""

TOPIC = "tema"
"""The published column whose inference from demographic columns is limited."""

_AT_LEAST = {
    "k": K_PERSONS,
    "umbral_tabla": TABLE_PERSONS,
    "umbral_tabla_sensible": SENSITIVE_TABLE_PERSONS,
    "l_tema": DISTINCT_TOPICS,
}
_AT_MOST = {"riesgo_promedio_max": AVERAGE_RISK, "confianza_max": CONFIDENCE}
_SHARES = ("filas_perdidas_max", "celdas_suprimidas_max", "riesgo_promedio_max", "confianza_max")


class FloorError(PqrsdError):
    """The profile asks for less than the floor; names the key and the floor."""


def check(privacy: Privacy) -> None:
    """Raises `FloorError` naming the first key of `privacidad.yaml` that is below its floor or makes no sense."""
    for key, floor in _AT_LEAST.items():
        if getattr(privacy, key) < floor:
            raise FloorError(f"privacidad.yaml: «{key}» no puede ser menor que {floor}.")
    for key, ceiling in _AT_MOST.items():
        if not getattr(privacy, key) <= ceiling:
            raise FloorError(f"privacidad.yaml: «{key}» no puede ser mayor que {ceiling}.")
    for key in _SHARES:
        if not 0 <= getattr(privacy, key) <= 1:
            raise FloorError(f"privacidad.yaml: «{key}» debe estar entre 0 y 1.")
    if privacy.persona != PERSON:
        raise FloorError(f"privacidad.yaml: «persona» debe ser «{PERSON}»; contar filas no protege a quien repite.")
    if TOPIC not in privacy.columnas:
        raise FloorError(f"privacidad.yaml: «columnas» debe tener «{TOPIC}»: su diversidad es uno de los pisos.")
    demographic = set(privacy.columnas_demograficas)
    if not demographic or not demographic <= set(privacy.columnas) - {TOPIC}:
        raise FloorError("privacidad.yaml: «columnas_demograficas» debe nombrar columnas publicadas, sin el tema.")
    if not privacy.firma_juridica.strip():
        raise FloorError("privacidad.yaml: «firma_juridica» debe decir quién aprobó las metas o que están pendientes.")
