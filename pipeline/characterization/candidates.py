"""Candidate tables: every cell that the profile asks for, with its margins and its persons, before the door judges.

What belongs here: counting. What does not: suppressing, which is the door's; nothing here may be published as it is.
Cells without requests are there with 0, so that a withheld cell does not stand out by being the only one present.
"""

from dataclasses import dataclass

import duckdb
import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from pipeline.characterization.variables import TOTAL, Variable, check, recorded, resolve
from pipeline.errors import PqrsdError
from pipeline.profile import Profile, TableSpec

COLUMNS = ["tabla", "dimension_1", "valor_1", "dimension_2", "valor_2", "medida", "valor", "personas"]


def candidates(petitions: ir.Table, microdata: pa.Table | None, profile: Profile, period: str) -> pd.DataFrame:
    """Every cell of every table of the profile for one semester; columns as in `COLUMNS`.

    `valor` counts requests or persons, or is a median in whole working days; `personas` are distinct persons plus one
    for all unidentified filings together, empty where the cell comes from the microdata, which is already public.
    Raises `ProfileError` for a table that would undo the microdata's suppression.
    """
    check(profile)
    everything = petitions.filter(petitions.periodo == period)
    universe = everything.filter(everything.autorizacion_datos | everything.anonima)
    with duckdb.connect() as con:
        rows = None
        if microdata is not None:
            con.register("solicitudes", microdata)
            rows = ibis.duckdb.from_connection(con).table("solicitudes")
        sources = _Sources(everything, universe, rows)
        frames = [_table(spec, sources, profile, period) for spec in profile.caracterizacion.tablas]
    return pd.concat(frames, ignore_index=True).sort_values(
        ["tabla", "medida", "valor_1", "valor_2"], kind="stable", ignore_index=True
    )


@dataclass(frozen=True)
class _Sources:
    """What each base counts: all petitions, the characterisable ones, and the microdata where there are any."""

    everything: ir.Table
    universe: ir.Table
    microdata: ir.Table | None


def _table(spec: TableSpec, sources: _Sources, profile: Profile, period: str) -> pd.DataFrame:
    variables = resolve(spec, profile, period)
    rows = sources.microdata
    if spec.base == "solicitudes" and rows is not None:
        coded = rows.select(**{f"valor_{i}": rows[v.name] for i, v in enumerate(variables, 1)})
        return _complete(spec, variables, _count(coded, len(variables), persons=False), persons=False)
    source = sources.everything if spec.base == "legal" else sources.universe
    if spec.filtro:
        name, code = spec.filtro.split(" = ")
        source = source.filter(recorded(name, profile, period).read(source) == code)
    coded = source.select(
        "persona_clave", "dias_respuesta", **{f"valor_{i}": v.read(source) for i, v in enumerate(variables, 1)}
    )
    return _complete(spec, variables, _count(coded, len(variables), persons=True), persons=True)


def _count(coded: ir.Table, dimensions: int, *, persons: bool) -> pd.DataFrame:
    """One row per cell and margin: a row counts under its code and under the margin of every variable."""
    keys = [f"valor_{i}" for i in range(1, dimensions + 1)]
    for key in keys:
        coded = coded.mutate(**{key: ibis.array([coded[key], ibis.literal(TOTAL)]).unnest()})
    measures = {"solicitudes": coded.count()}
    if persons:
        answered = coded.dias_respuesta.notnull()
        measures |= {
            "personas": _persons(coded, ibis.literal(True)),
            "personas_respondidas": _persons(coded, answered),
            "mediana_dias_habiles": (coded.dias_respuesta.median(where=answered) + 0.5).floor().cast("int64"),
        }
    return coded.group_by(keys).aggregate(**measures).to_pandas()


def _persons(coded: ir.Table, where: ir.BooleanValue) -> ir.IntegerValue:
    unidentified = (coded.persona_clave.isnull() & where).any().cast("int64")
    return coded.persona_clave.nunique(where=where) + unidentified.fill_null(0)


def _complete(spec: TableSpec, variables: list[Variable], counted: pd.DataFrame, *, persons: bool) -> pd.DataFrame:
    keys = [f"valor_{i}" for i in range(1, len(variables) + 1)]
    domain = pd.MultiIndex.from_product([[*v.codes, TOTAL] for v in variables], names=keys)
    counted = counted.set_index(keys if len(keys) > 1 else keys[0])
    if not counted.index.isin(domain if len(keys) > 1 else domain.get_level_values(0)).all():
        raise PqrsdError(f"La tabla «{spec.id}» encontró un código que su lista no tiene: sus márgenes no sumarían.")
    cells = counted.reindex(domain if len(keys) > 1 else domain.get_level_values(0)).reset_index()
    frames = []
    for measure in spec.medidas:
        found = cells[keys].copy()
        found["valor"] = cells[measure].astype("Int64")
        people = "personas_respondidas" if measure == "mediana_dias_habiles" else "personas"
        found["personas"] = cells[people].astype("Int64") if persons else pd.array([pd.NA] * len(cells), dtype="Int64")
        if measure == "mediana_dias_habiles":
            found = found[found.valor.notna()]  # without answers there is no median, not a median of 0
        else:
            found["valor"] = found.valor.fillna(0)
            found["personas"] = found.personas.fillna(0) if persons else found.personas
        found["medida"] = measure
        frames.append(found)
    whole = pd.concat(frames, ignore_index=True)
    whole["tabla"] = spec.id
    whole["dimension_1"] = variables[0].name
    whole["dimension_2"] = variables[1].name if len(variables) > 1 else None
    if len(variables) == 1:
        whole["valor_2"] = None
    return whole[COLUMNS]
