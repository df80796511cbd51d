"""A published semester whose data change: a correction, an erasure, late rows. What may follow, what is held, and why.

What belongs here: the synthetic events and the door's answer to each, for benchmark and tests alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import characterization
from pipeline.privacy import corrections, gate
from pipeline.privacy.corrections import Decision, Edition
from pipeline.privacy.gate import Outcome
from pipeline.profile import Profile
from tests.privacy_cases import PERIOD, changed, santa_marta, with_tables
from tests.privacy_frames import engine, petitions

Event = Callable[[pa.Table], pa.Table]


def town() -> Profile:
    """Santa Marta without the month, which these petitions lack, at a k that meets the average risk at once."""
    profile = with_tables(*(table for table in santa_marta().caracterizacion.tablas if table.id != "mes"))
    targets = {"celdas_suprimidas_max": 1.0, "k": 20}
    return changed(profile, privacidad=profile.privacidad.model_copy(update=targets))


@dataclass(frozen=True)
class Made:
    """What the gate makes of petitions."""

    edition: Edition
    microdata: Outcome


def made(rows: pa.Table, profile: Profile) -> Made:
    """Runs the gate on the petitions of one semester."""
    sensitive = characterization.sensitive_tables(profile)
    with engine(rows) as found:
        microdata = gate.disclose_microdata(found, profile, PERIOD)
        counted = characterization.candidates(found, microdata.rows(), profile, PERIOD)
    tables = gate.disclose_tables(counted, profile, PERIOD, sensitive=sensitive, microdata=microdata)
    return Made(Edition(microdata.disclosed.table(), tables.table()), microdata)


def decide(before: Made, after: Made, profile: Profile) -> Decision:
    """The door's answer to the second edition of the semester."""
    return corrections.decide(
        [before.edition],
        after.edition,
        profile,
        PERIOD,
        sensitive=characterization.sensitive_tables(profile),
        few_hidden=after.microdata.few_hidden,
    )


def recoded(column: str, old: str, new: str, most: int) -> Event:
    """The first `most` petitions with one code get another."""

    def event(rows: pa.Table) -> pa.Table:
        values = np.array(rows[column].to_pylist(), dtype=object)
        values[np.flatnonzero(values == old)[:most]] = new
        place = rows.column_names.index(column)
        return rows.set_column(place, rows.schema.field(column), pa.array(list(values), pa.string()))

    return event


def erased(persons: int) -> Event:
    """Every petition of some persons goes."""

    def event(rows: pa.Table) -> pa.Table:
        gone = pc.unique(rows["persona_clave"].drop_null())[:persons]
        stays = pc.invert(pc.fill_null(pc.is_in(rows["persona_clave"], gone), False))
        return rows.filter(stays)

    return event


def late(count: int) -> Event:
    """Petitions that arrive after publication, each of a person of its own, drawn as the others were."""

    def event(rows: pa.Table) -> pa.Table:
        more = petitions(count, seed=99)
        keys = pa.array([None if key is None else f"tarde-{key}" for key in more["persona_clave"].to_pylist()])
        place = more.column_names.index("persona_clave")
        return pa.concat_tables([rows, more.set_column(place, more.schema.field("persona_clave"), keys)])

    return event


EVENTS: Mapping[str, Event] = {
    "sin cambios": lambda rows: rows,
    "corrección de 3 comunas": recoded("comuna", "c1", "c5", 3),
    "corrección de 300 comunas": recoded("comuna", "c1", "c5", 300),
    "supresión de una persona": erased(1),
    "supresión de 40 personas": erased(40),
    "2 filas tardías": late(2),
    "500 filas tardías": late(500),
}
