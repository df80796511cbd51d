"""What a release is made from: plain tables, texts and figures, and what they must agree on before anything is written.

What belongs here: `ReleaseInputs` and the contradictions that refuse it. What does not: where the tables come from
(assets read the open store), and the bytes (`pipeline.release.build`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contract import Contract
from pipeline.errors import PqrsdError
from pipeline.periods import Semester
from pipeline.profile import Profile
from schemas.published import MICRODATA

_VERSION = re.compile(r"(\d{4})\.([012])\.(\d+)")


class ReleaseError(PqrsdError):
    """A release cannot be built or read; names file, column, period or rule, never a value."""


class Product(StrEnum):
    """Which dataset a release belongs to."""

    SEMESTER = "semestral"
    YEAR = "anual"


@dataclass(frozen=True)
class Frame:
    """One published table: its contract (not yet bound to code lists) and its rows."""

    contract: Contract
    rows: pa.Table = field(repr=False)


@dataclass(frozen=True)
class Change:
    """One entry of the change log: the data version and what it changed, in Spanish."""

    version: str
    reason: str


@dataclass(frozen=True)
class ReleaseInputs:
    """Everything that a release is a function of.

    `periods` are all published ones in order (`2025-S1`, or `2025` in the annual product), also those without
    microdata; `privacy` holds the door's evidence of each period; `cut_off` is the last period's; `changes` runs from
    the newest version to the oldest; `previous` is the folder of the version before this one.
    """

    profile: Profile
    product: Product
    version: str
    periods: tuple[str, ...]
    cut_off: date
    frames: tuple[Frame, ...]
    report_html: str = field(repr=False)
    charts: tuple[Path, ...] = ()
    privacy: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    previous: Path | None = None

    @property
    def dataset(self) -> str:
        """The dataset's slug: one per product, for ever."""
        town = self.profile.entidad
        return town.conjunto_solicitudes if self.product is Product.SEMESTER else town.conjunto_anual

    @property
    def title(self) -> str:
        """The dataset's title, without years (Guía MinTIC, criterio de trazabilidad)."""
        town = self.profile.entidad
        return town.titulo_solicitudes if self.product is Product.SEMESTER else town.titulo_anual

    @property
    def description(self) -> str:
        """The dataset's description."""
        town = self.profile.entidad
        return town.descripcion_solicitudes if self.product is Product.SEMESTER else town.descripcion_anual

    @property
    def without_microdata(self) -> dict[str, str]:
        """The semesters that publish no rows, with the door's reason."""
        if self.product is Product.YEAR:
            return {}
        return {p: str(self.privacy[p].get("motivo") or "") for p in self.periods if not self.privacy[p]["publicado"]}


def check(inputs: ReleaseInputs) -> None:
    """Raises `ReleaseError` where version, periods, evidence and rows contradict each other."""
    _check_version(inputs)
    names = [f.contract.name for f in inputs.frames]
    if len(set(names)) != len(names):
        raise ReleaseError("Dos tablas de la publicación tienen el mismo nombre.")
    for frame in inputs.frames:
        if "periodo" not in frame.rows.column_names:
            raise ReleaseError(f"La tabla «{frame.contract.name}» no tiene la columna «periodo».")
        if _periods_of(frame.rows) - set(inputs.periods):
            raise ReleaseError(f"La tabla «{frame.contract.name}» trae filas de un periodo que no se publica.")
    if inputs.product is Product.SEMESTER:
        _check_microdata(inputs)
    for chart in inputs.charts:
        if chart.suffix not in {".svg", ".csv"}:
            raise ReleaseError(f"La figura «{chart.name}» no es SVG ni CSV.")


def _check_version(inputs: ReleaseInputs) -> None:
    found = _VERSION.fullmatch(inputs.version)
    if not found:
        raise ReleaseError(f"Versión de datos no válida: «{inputs.version}». Se escribe AAAA.S.N.")
    if not inputs.periods or list(inputs.periods) != sorted(set(inputs.periods)):
        raise ReleaseError("Los periodos de una publicación van en orden y sin repetir.")
    last = inputs.periods[-1]
    whole = Semester.parse(last).data_version if inputs.product is Product.SEMESTER else f"{last}.0"
    if f"{found[1]}.{found[2]}" != whole:
        raise ReleaseError(f"La versión {inputs.version} no corresponde al último periodo publicado, {last}.")
    if not inputs.changes or inputs.changes[0].version != inputs.version:
        raise ReleaseError(f"El registro de cambios no explica la versión {inputs.version}.")


def _check_microdata(inputs: ReleaseInputs) -> None:
    rows = next((f.rows for f in inputs.frames if f.contract.name == MICRODATA.name), None)
    present = _periods_of(rows) if rows is not None else set()
    for period in inputs.periods:
        evidence = inputs.privacy.get(period)
        if evidence is None:
            raise ReleaseError(f"Falta la evidencia de privacidad del periodo {period}.")
        if bool(evidence["publicado"]) != (period in present):
            raise ReleaseError(f"Las solicitudes del periodo {period} no coinciden con la decisión de la puerta.")
        if not evidence["publicado"] and not evidence.get("motivo"):
            raise ReleaseError(f"El periodo {period} no publica solicitudes y no dice por qué.")


def _periods_of(rows: pa.Table) -> set[str]:
    return set(pc.unique(rows["periodo"]).to_pylist())
