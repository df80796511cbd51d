"""The release's prose and evidence: LEAME, CAMBIOS, LICENCIA, CITATION, privacidad.json.

What belongs here: the facts that those texts need, and rendering them. What does not: the wording, which is in
`plantillas/`, and the semester report, which is given.
"""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from pipeline.contract import Contract
from pipeline.release.inputs import Product, ReleaseInputs
from schemas.published import SUPPRESSED

PROHIBITION = "está prohibido intentar identificar"
"""What the licence and the read-me must say, in lower case; `rules.privacy` looks for it."""

TEMPLATES = Path(__file__).parent / "plantillas"


def environment(templates: Path = TEMPLATES) -> Environment:
    """Templates that fail on a missing name and escape in HTML."""
    env = Environment(
        loader=FileSystemLoader(templates),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters |= {"miles": thousands, "peso": size}
    return env


def thousands(number: int) -> str:
    """An integer as es-CO writes it: 12.345."""
    return f"{number:,}".replace(",", ".")


def size(count: int) -> str:
    """A number of bytes as people read it: «36 kB», «1,2 MB»."""
    for unit, base in (("MB", 1_000_000), ("kB", 1_000)):
        if count >= base:
            amount = count / base
            return f"{amount:.1f} {unit}".replace(".", ",") if amount < 10 else f"{amount:.0f} {unit}"
    return f"{count} bytes"


def write(folder: Path, inputs: ReleaseInputs, contracts: dict[str, Contract]) -> None:
    """Writes the four texts that go with the data."""
    facts = {
        "inputs": inputs,
        "entidad": inputs.profile.entidad,
        "privacidad": inputs.profile.privacidad,
        "tablas": [contracts[name] for name in sorted(contracts)],
        "anual": inputs.product is Product.YEAR,
        "con_solicitudes": (folder / "datos" / "solicitudes.csv").exists(),
        "marcador": SUPPRESSED,
    }
    env = environment()
    for name in ("LEAME.md", "CAMBIOS.md", "LICENCIA.txt", "CITATION.cff"):
        text = env.get_template(f"{name}.j2").render(facts)
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def privacy(inputs: ReleaseInputs) -> dict[str, Any]:
    """privacidad.json: targets, what was measured per period, what only the publisher can attest, what awaits a
    signature."""
    targets = inputs.profile.privacidad
    return {
        "conjunto": inputs.dataset,
        "version": inputs.version,
        "marcador": SUPPRESSED,
        "metas": {
            "k": targets.k,
            "riesgo_promedio_max": targets.riesgo_promedio_max,
            "l_tema": targets.l_tema,
            "confianza_max": targets.confianza_max,
            "filas_perdidas_max": targets.filas_perdidas_max,
            "celdas_suprimidas_max": targets.celdas_suprimidas_max,
            "umbral_tabla": targets.umbral_tabla,
            "umbral_tabla_sensible": targets.umbral_tabla_sensible,
        },
        "persona": (
            "Quien presenta la solicitud, por su identificación interna, que no se publica. Las solicitudes sin "
            "identificación cuentan juntas como una sola persona en cada grupo."
        ),
        "atestado": (
            "El mínimo de personas por grupo (k_minimo) lo midió la entidad sobre datos que no se publican. Con estos "
            "archivos se puede recontar el mínimo de filas por grupo, que nunca es menor que el de personas."
        ),
        "firma_juridica": targets.firma_juridica,
        "periodos": {period: dict(evidence) for period, evidence in sorted(inputs.privacy.items())},
        "sin_solicitudes": inputs.without_microdata,
    }
