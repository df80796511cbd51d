"""What rows and tables as published break: rules that hold of public bytes alone.

What belongs here: the judgements that the gate makes before it seals and that checks and `verify` repeat later. What
does not: sealing, persons (only the gate knows them) and making anything safe. Every problem is Spanish and names rules
and counts, never a value.
"""

from collections.abc import Mapping

import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contract import Contract
from pipeline.errors import ContractError
from pipeline.privacy import classification, detectors, floors, measure, tables
from pipeline.privacy.floors import TOPIC
from pipeline.profile import Profile
from schemas.published import MICRODATA, SUPPRESSED, TABLES


def problems_of_microdata(rows: pa.Table | ir.Table, profile: Profile) -> list[str]:
    """What rows as published break, in Spanish: rules and counts. Empty when they pass.

    Counts rows, not persons: whoever has only the public bytes can repeat it, and k rows is necessary for k persons.
    """
    table = rows if isinstance(rows, pa.Table) else rows.to_pyarrow()
    if table.num_rows == 0:
        return []
    privacy = profile.privacidad
    problems = contract_problems(MICRODATA, table, profile) + detector_problems(table)
    for measured in (measure.recount(table, MICRODATA.names), measure.recount_in_numpy(table, MICRODATA.names)):
        if measured.k_rows < privacy.k:
            problems.append(f"regla «k», clase de {measured.k_rows} filas y no de {privacy.k}")
    topics = measure.diversity(table, ["periodo", *privacy.columnas_demograficas], TOPIC)
    problems += diversity_problems(topics, profile)
    minors = pc.sum(pc.is_in(table["edad"], pa.array(_minor_values(profile), pa.string()))).as_py()
    if minors:
        problems.append(f"regla «menores», {minors} filas")
    return sorted(set(problems))


def problems_of_tables(rows: pa.Table | ir.Table, profile: Profile, sensitive: set[str]) -> list[str]:
    """What tables as published break, in Spanish: contract, personal data, lines that give a withheld cell away."""
    table = rows if isinstance(rows, pa.Table) else rows.to_pyarrow()
    problems = contract_problems(TABLES, table, profile) + detector_problems(table)
    cells = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    marked = (cells["estado_celda"] == SUPPRESSED) != cells["valor"].isna()
    if marked.any():
        problems.append(f"regla «marcador», {int(marked.sum())} celdas con valor y marcador, o sin ninguno")
    specs = {spec.id for spec in profile.caracterizacion.tablas}
    unknown = sorted(set(cells["tabla"]) - specs)
    if unknown:
        return [*problems, f"regla «tabla_desconocida», {len(unknown)} tablas"]
    thresholds = thresholds_of(profile, sensitive)
    for name, lines in tables.recoverable(cells, thresholds).items():
        problems.append(f"regla «supresion_complementaria», tabla «{name}», {lines} líneas")
    return problems + _small_counts(cells, thresholds, profile)


def _small_counts(cells: pd.DataFrame, thresholds: Mapping[str, int], profile: Profile) -> list[str]:
    """Published counts below the threshold: there are never more persons than requests, so they are too few as well."""
    least = dict(thresholds) | {
        spec.id: min(thresholds[spec.id], profile.privacidad.k)
        for spec in profile.caracterizacion.tablas
        if spec.base == "solicitudes"
    }
    exempt = [spec.id for spec in profile.caracterizacion.tablas if spec.base == "legal"]
    counts = cells[cells["medida"].isin(tables.COUNTED) & cells["valor"].notna() & ~cells["tabla"].isin(exempt)]
    small = int(((counts["valor"] > 0) & (counts["valor"] < counts["tabla"].map(least))).sum())
    return [f"regla «umbral_tabla», {small} celdas"] if small else []


def contract_problems(contract: Contract, table: pa.Table, profile: Profile) -> list[str]:
    """The rules of the bound contract that some row breaks."""
    with measure.in_engine(table) as rows:
        try:
            contract.bind(profile.codes).gate(rows)
        except ContractError as broken:
            return [f"regla «{rule}», columna «{column}»" for column, rule, _ in broken.failures]
    return []


def detector_problems(table: pa.Table) -> list[str]:
    """The detectors that fire on some text of the table."""
    return [f"regla «{f.rule}», columna «{f.column}», {f.rows} filas" for f in detectors.scan_table(table)]


def diversity_problems(found: measure.Diversity, profile: Profile) -> list[str]:
    """Where topics within demographic classes are too few or too concentrated."""
    privacy = profile.privacidad
    problems = []
    if found.distinct is not None and found.distinct < privacy.l_tema:
        problems.append(f"regla «l_tema», clase con {found.distinct} temas y no {privacy.l_tema}")
    if found.confidence > privacy.confianza_max:
        problems.append(f"regla «confianza», un tema reúne {percent(found.confidence)} de una clase")
    return problems


def _minor_values(profile: Profile) -> list[str]:
    """Published age values all of whose leaves are bands below the adult age (bands are written `low_high`)."""
    level = profile.privacidad.columnas["edad"].nivel
    leaves: dict[str, list[bool]] = {}
    for row in profile.jerarquias["edad"]:
        high = row[0].rpartition("_")[2]
        leaves.setdefault(row[level], []).append(high.isdigit() and int(high) < floors.ADULT_AGE)
    return [value for value, young in leaves.items() if all(young)]


def sensitive_tables(profile: Profile) -> set[str]:
    """Tables that the classification itself calls sensitive."""
    return {spec.id for spec in profile.caracterizacion.tablas if classification.is_sensitive(spec)}


def thresholds_of(profile: Profile, sensitive: set[str]) -> dict[str, int]:
    """Persons that a published cell of each table needs; `sensitive` besides those that the classification knows."""
    found = {spec.id: profile.privacidad.umbral_tabla for spec in profile.caracterizacion.tablas}
    return found | dict.fromkeys(sensitive_tables(profile) | sensitive, profile.privacidad.umbral_tabla_sensible)


def percent(share: float) -> str:
    """A share as people read it, with a decimal comma."""
    return f"{share * 100:.2f} %".replace(".", ",")
