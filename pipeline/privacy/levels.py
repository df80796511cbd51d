"""The fixed levels of a profile's microdata: which ones publish all the periods at hand and lose least.

What belongs here: the search over the petitions of every period, and what the gate would say of the best levels. What
does not: opening the restricted store (`pipeline.levels`) and changing a profile, which people do.

All periods are searched at once, the period a column that is never hidden: levels are fixed per dataset, classes are
per period. The search ranks levels by what the profile says that a cell is worth; the gate, the same that publishes,
then judges the best of them with every target, so that nothing is promised that it would refuse.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir

from pipeline.privacy import cells, classification, floors, gate, grouped, hierarchies
from pipeline.privacy.floors import PERSON
from pipeline.privacy.transform import Targets
from pipeline.profile import Profile

_PERIOD = "periodo"


@dataclass(frozen=True)
class Cost:
    """What levels cost, over the periods at hand.

    `loss` is the mean share of detail lost per cell, weighted by the profile's costs; `hidden` and `lost` the largest
    share of cells hidden and of rows lost in any period, `risk` the highest average risk; `withheld` the periods that
    would get no microdata. None of these where every period is withheld before it is measured.
    """

    levels: dict[str, int]
    loss: float
    hidden: float | None
    lost: float | None
    risk: float | None
    persons: int | None
    withheld: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same with Spanish names, as the command prints it."""
        return {
            "niveles": self.levels,
            "perdida": round(self.loss, 6),
            "celdas_suprimidas_max": self.hidden,
            "filas_perdidas_max": self.lost,
            "riesgo_promedio_max": self.risk,
            "k_minimo": self.persons,
            "periodos_sin_microdatos": list(self.withheld),
        }


def search(petitions: ir.Table, profile: Profile, count: int) -> tuple[list[Cost], Cost]:
    """The `count` best levels for the profile's petitions of all periods, best first, and what its own levels cost.

    Those that publish every period come before those that withhold some. Raises what the gate raises.
    """
    floors.check(profile.privacidad)
    hierarchies.check(profile)
    eligible = classification.eligible(petitions)
    hierarchies.check_seen(eligible, profile)
    columns = profile.privacidad.columnas
    named = {name: eligible[column.campo] for name, column in columns.items()}
    table = eligible.select(**{_PERIOD: eligible[_PERIOD], PERSON: eligible[PERSON]}, **named).to_pyarrow()
    if not table.num_rows:
        return [], _judged(petitions, profile, [], own_levels(profile), 1.0)
    trees = {_PERIOD: None} | {name: profile.jerarquias[name] for name in columns}
    data = grouped.group(table, trees, PERSON)
    # the period weighs nothing: it is neither generalised nor hidden
    weights = (1e-9, *(column.costo for column in columns.values()))
    own = own_levels(profile)
    terms = cells.Terms(profile.privacidad.celdas_suprimidas_max, weights, frozenset({0}), first=(0, *own.values()))
    targets = Targets(profile.privacidad.k, {})
    scale = sum(weights) / sum(weights[1:])
    found = cells.candidates(data, targets, terms, count)
    periods = sorted(set(table[_PERIOD].to_pylist()))
    judged = [
        _judged(petitions, profile, periods, dict(zip(columns, one.levels[1:], strict=True)), one.loss * scale)
        for one in found
    ]
    judged.sort(key=lambda cost: (len(cost.withheld), cost.loss, list(cost.levels.values())))
    loss = cells.loss_at(data, targets, terms, (0, *own.values())) * scale
    return judged, _judged(petitions, profile, periods, own, loss)


def own_levels(profile: Profile) -> dict[str, int]:
    """The levels in force in the profile."""
    return {name: column.nivel for name, column in profile.privacidad.columnas.items()}


def _judged(petitions: ir.Table, profile: Profile, periods: Sequence[str], levels: dict[str, int], loss: float) -> Cost:
    """What the gate says of each period at these levels; nothing is sealed into any store."""
    columns = {
        name: column.model_copy(update={"nivel": levels[name]}) for name, column in profile.privacidad.columnas.items()
    }
    changed = profile.model_copy(update={"privacidad": profile.privacidad.model_copy(update={"columnas": columns})})
    changed.__dict__.pop("codes", None)  # computed from the levels
    told = [gate.disclose_microdata(petitions, changed, period) for period in periods]
    evidence = [one.evidence for one in told if one.evidence.get("celdas_total")]
    return Cost(
        levels,
        loss,
        hidden=_largest([sum(e["celdas_suprimidas"].values()) / e["celdas_total"] for e in evidence]),
        lost=_largest([e["filas_perdidas"] / max(e["filas_perdidas"] + _rows(e), 1) for e in evidence]),
        risk=_largest([e["riesgo_promedio"] for e in evidence]),
        persons=min((e["k_minimo"] for e in evidence), default=None),
        withheld=tuple(period for period, one in zip(periods, told, strict=True) if one.reason),
    )


def _rows(evidence: dict[str, Any]) -> int:
    """Rows that the suppression kept, whether or not the period was published."""
    return int(evidence["celdas_total"] // max(len(evidence["celdas_suprimidas"]), 1))


def _largest(values: Sequence[float]) -> float | None:
    return round(max(values), 6) if values else None
