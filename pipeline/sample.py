"""Synthetic Santa Marta extracts with known truth: the public face of `pipeline.sampling`.

What belongs here: one semester from a seed to files. What does not: odds, dirt and spellings (`pipeline.sampling`).
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import PqrsdError
from pipeline.periods import Semester
from pipeline.profile import Profile
from pipeline.sampling.dirt import plant, spare_rows
from pipeline.sampling.petitions import Draw, draw_petitions
from pipeline.sampling.terms import Terms
from pipeline.sampling.texts import Texts
from pipeline.sampling.truth import tell
from pipeline.sampling.writing import write_file

TRUTH = "truth.json"
_FEWEST = 200
_DAYS = ("recepcion_dia", "respuesta_dia", "traslado_dia", "prorroga_dia", "vencimiento_dia")


def generate(profile: Profile, semester: Semester, rows: int, seed: int, out: Path) -> dict[str, Any]:
    """Writes a semester's extracts and `truth.json` into `out`, and gives that truth.

    `rows` is the number of petitions that stand (accepted); rejected rows, exact copies and further rows of one
    petition come on top, about 5 %. The same arguments give the same bytes; both semesters of a seed share petitioners.
    Raises `PqrsdError` for fewer than 200 rows or a profile whose sources the generator cannot imitate.
    """
    if rows < _FEWEST:
        raise PqrsdError(f"El generador necesita al menos {_FEWEST} peticiones.")
    if seed < 0:
        raise PqrsdError("La semilla no puede ser negativa.")
    draw = Draw(profile, semester, seed, Terms(profile, semester))
    petitions, people = draw_petitions(draw, rows + spare_rows(rows))
    planted = plant(draw, petitions, rows)
    columns = planted.rows.columns
    texts = Texts(draw, people, np.concatenate([columns[name] for name in _DAYS]))
    out.mkdir(parents=True, exist_ok=True)
    for number in range(len(planted.files)):
        write_file(draw, planted, number, texts, out)
    truth = tell(draw, planted, rows)
    (out / TRUTH).write_text(json.dumps(truth, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return truth
