"""A municipality's decisions as data: loads a profile folder and refuses one that contradicts itself.

What belongs here: the shape of each profile file and the checks between them. What does not: what the machinery does
with a decision, and constants of law that no entity may change (`pipeline.privacy.floors`).
"""

import csv
import hashlib
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline import sources, surveys
from pipeline.errors import ProfileError
from pipeline.periods import Semester
from pipeline.sources import Source
from pipeline.surveys import Survey

PROFILES = Path(__file__).resolve().parent.parent / "profiles"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entity(_Strict):
    """Who publishes: names, place and contact as datos.gov.co and DCAT ask for them."""

    slug: str
    nombre: str
    municipio: str
    departamento: str
    divipola: str = Field(pattern=r"^\d{5}$")
    orden: str
    sector: str
    dependencia: str
    contacto_nombre: str
    contacto_correo: str
    sitio: str
    licencia: str
    licencia_url: str
    zona_horaria: str = "America/Bogota"
    conjunto_solicitudes: str
    titulo_solicitudes: str
    descripcion_solicitudes: str
    conjunto_anual: str
    titulo_anual: str
    descripcion_anual: str
    etiquetas: list[str]


class CatalogGroup(_Strict):
    """A group of the portal's catalogue."""

    slug: str = Field(pattern=r"^[a-z0-9_-]{2,100}$")
    titulo: str


class Catalog(_Strict):
    """How the datasets stand in a portal's catalogue; addresses are terms of the EU vocabularies that DCAT-AP names."""

    grupos: list[CatalogGroup] = []
    tema: str = "http://publications.europa.eu/resource/authority/data-theme/GOVE"
    idioma: str = "http://publications.europa.eu/resource/authority/language/SPA"
    frecuencia_solicitudes: str = "http://publications.europa.eu/resource/authority/frequency/ANNUAL_2"
    frecuencia_anual: str = "http://publications.europa.eu/resource/authority/frequency/ANNUAL"
    licencia_dcat: str = "http://publications.europa.eu/resource/authority/licence/CC_BY_4_0"
    licencia_ckan: str = "cc-by"
    graficos: list[str] = []


class Term(_Strict):
    """A legal term with its validity; `tipo` is a code of the list `tipo`.

    `calidad`, a code of `calidad_peticionario`, makes it the term of who asks for that in that quality.
    `en_curso`: it also reached petitions that were under way when it began. Terms in hours run day and night.
    """

    regla: str
    tipo: str
    calidad: str | None = None
    dias: int = Field(gt=0)
    unidad: Literal["habiles", "calendario", "horas"]
    desde: date
    hasta: date | None
    en_curso: bool = False
    norma: str


class CivicDay(_Strict):
    """A non-working day or suspension of terms that the entity ordered, with its act."""

    desde: date
    hasta: date
    motivo: str
    acto: str


class Calendar(_Strict):
    """How days are counted, by the holidays of which country, and when a period is frozen."""

    pais: str = Field(default="CO", pattern=r"^[A-Z]{2}$")
    subdivision: str | None = None
    recepcion_inhabil_desde_siguiente_habil: bool
    hora_cierre: int = 24
    corte_dias_tras_cierre: int
    fechas_corte: dict[str, date] = {}
    fecha_legal_dias_tras_cierre: int
    dias_civicos: list[CivicDay] = []


class Soundness(_Strict):
    """How many rows of a semester may fail before people must look."""

    rechazo_advertencia: float = Field(default=0.05, ge=0, le=1)
    rechazo_maximo: float = Field(default=0.20, ge=0, le=1)
    sin_clasificar_advertencia: float = Field(default=0.02, ge=0, le=1)


class PublishedColumn(_Strict):
    """One microdata column: the record field it generalises, its hierarchy's level, and what hiding it costs."""

    campo: str
    nivel: int = Field(ge=0)
    costo: float = Field(gt=0)


class Privacy(_Strict):
    """Targets of the door; floors that may not be lowered are in `pipeline.privacy.floors`."""

    k: int
    riesgo_promedio_max: float
    l_tema: int
    confianza_max: float
    filas_perdidas_max: float
    celdas_suprimidas_max: float
    umbral_tabla: int
    umbral_tabla_sensible: int
    persona: str
    columnas: dict[str, PublishedColumn]
    columnas_demograficas: list[str]
    firma_juridica: str


class TableSpec(_Strict):
    """One published table: its variables, what it counts and from where.

    `filtro` is `variable = código` and nothing more; `hallazgo` is the chart's title: {mayor}, {porcentaje}, {valor}.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    titulo: str
    base: Literal["solicitudes", "peticiones", "legal"]
    dimensiones: list[str] = Field(min_length=1, max_length=2)
    medidas: list[Literal["solicitudes", "personas", "mediana_dias_habiles"]] = Field(min_length=1)
    filtro: str | None = Field(default=None, pattern=r"^[a-z_]+ = [a-z0-9_]+$")
    base_legal: str | None = None
    hallazgo: str | None = None
    grafico: Literal["auto", "ninguno"] = "auto"


class IndicatorSpec(_Strict):
    """A count, a median or a ratio of two sums of published cells, with its goal.

    A variable without codes takes its margin; `por` repeats the indicator over each code of one variable.
    """

    id: str
    nombre: str
    formula: str
    tabla: str
    numerador: dict[str, list[str]] = {}
    denominador: dict[str, list[str]] | None = None
    no_evaluables: dict[str, list[str]] | None = None
    por: str | None = None
    medida: Literal["solicitudes", "mediana_dias_habiles"] = "solicitudes"
    comparado_con: Literal["periodo_anterior", "mismo_periodo_ano_anterior"] | None = None
    unidad: Literal["proporcion", "solicitudes", "dias_habiles"]
    meta: float | None = None
    alerta: float | None = None
    sentido: Literal["mayor", "menor", "ninguno"] = "ninguno"


class SectorSpec(_Strict):
    """A very general grouping of citizens: a readable rule over published microdata columns."""

    id: str
    nombre: str
    regla: dict[str, list[str]]


class SegmentSpec(_Strict):
    """A segment: its sector's rule and, besides, its own."""

    id: str
    sector: str
    nombre: str
    regla: dict[str, list[str]]


class RecommendationRule(_Strict):
    """If an indicator passes a threshold, what is recommended, along which line of action and to whom.

    `relativo_a` names an indicator whose value multiplies the threshold.
    """

    id: str
    indicador: str
    condicion: Literal["menor", "mayor"]
    umbral: float
    relativo_a: str | None = None
    n_minimo: int
    texto: str
    linea_accion: str
    responsable: str


class DayBands(_Strict):
    """Equal-width bands of working days: `ancho` each up to `maximo`, then one open band."""

    ancho: int = Field(default=5, gt=0)
    maximo: int = Field(default=60, gt=0)


class Characterization(_Strict):
    """Tables, indicators, sectors, segments and recommendation rules of the entity."""

    dias_respuesta: DayBands = DayBands()
    protegido_maximo: float = Field(default=0.05, ge=0, le=1)
    tablas: list[TableSpec]
    indicadores: list[IndicatorSpec]
    sectores: list[SectorSpec]
    segmentos: list[SegmentSpec]
    recomendaciones: list[RecommendationRule]


class Code(_Strict):
    """One code of a list: its label, its spellings in the sources."""

    codigo: str
    etiqueta: str
    alias: tuple[str, ...] = ()


class Profile(_Strict):
    """Everything that a municipality decides, validated as a whole."""

    nombre: str
    carpeta: Path
    entidad: Entity
    fuentes: list[Source]
    encuestas: list[Survey] = []
    listas: dict[str, tuple[Code, ...]]
    jerarquias: dict[str, tuple[tuple[str, ...], ...]]
    terminos: list[Term]
    traslados: list[Term]
    calendario: Calendar
    privacidad: Privacy
    caracterizacion: Characterization
    calidad: Soundness = Soundness()
    portal: Catalog = Catalog()

    @cached_property
    def codes(self) -> dict[str, tuple[str, ...]]:
        """Code lists as `Contract.bind` wants them, with the published columns' values at their levels."""
        lists = {name: tuple(c.codigo for c in codes) for name, codes in self.listas.items()}
        for name, published in self.privacidad.columnas.items():
            rows = self.jerarquias[name]
            values = sorted({row[published.nivel] for row in rows})
            lists[f"publicado_{name}"] = (*values, "Suprimido")
        return lists

    def label(self, codes: str, code: str) -> str:
        """The Spanish label of a code, or the code itself where the list has none."""
        return next((c.etiqueta for c in self.listas.get(codes, ()) if c.codigo == code), code)

    def published_label(self, column: str, code: str) -> str:
        """The Spanish label of a code of a microdata column at its published level."""
        if code == "Suprimido":
            return "Detalle protegido"
        published = self.privacidad.columnas[column]
        key = f"{column}.{published.nivel}.{code}"
        above = self.label("publicado_etiquetas", key)
        return above if above != key else self.label(published.campo, code)

    def cutoff(self, semester: Semester) -> date:
        """The fecha de corte that freezes states, pendings and overdue of a semester."""
        ruled = semester.end + timedelta(days=self.calendario.corte_dias_tras_cierre)
        return self.calendario.fechas_corte.get(semester.label, ruled)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over every file of the profile folder: the configuration's fingerprint in ledger and release."""
        whole = hashlib.sha256()
        for path in sorted(p for p in self.carpeta.rglob("*") if p.is_file()):
            whole.update(f"{path.relative_to(self.carpeta).as_posix()}\0".encode())
            whole.update(hashlib.sha256(path.read_bytes()).digest())
        return whole.hexdigest()


def load(name: str | Path) -> Profile:
    """The profile called `name` under `profiles/`, or at a path; raises `ProfileError` naming file and field."""
    folder = Path(name) if Path(name).is_dir() else PROFILES / str(name)
    if not folder.is_dir():
        raise ProfileError(f"No existe el perfil «{name}». Los perfiles están en la carpeta profiles/.")
    parts: dict[str, Any] = {
        "nombre": folder.name,
        "carpeta": folder.resolve(),
        "listas": {p.stem: _codes(p) for p in sorted((folder / "listas").glob("*.csv"))},
        "jerarquias": {p.stem: _rows(p) for p in sorted((folder / "jerarquias").glob("*.csv"))},
    }
    terms = _terms(folder / "terminos.csv")
    # «traslado» is no type of petition: it is the term to send one on to whom it concerns (Ley 1755/2015 art. 21)
    parts["terminos"] = [t for t in terms if t.get("tipo") != "traslado"]
    parts["traslados"] = [t for t in terms if t.get("tipo") == "traslado"]
    for key in ("entidad", "fuentes", "calendario", "privacidad", "caracterizacion"):
        parts[key] = _yaml(folder / f"{key}.yaml")
    for key in ("calidad", "encuestas", "portal"):
        if (folder / f"{key}.yaml").is_file():
            parts[key] = _yaml(folder / f"{key}.yaml")
    try:
        profile = Profile.model_validate(parts)
    except ValidationError as caught:
        where = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in caught.errors()[:5])
        raise ProfileError(f"El perfil «{folder.name}» no es válido: {where}.") from None
    for source in profile.fuentes:
        sources.check(source)
    for survey in profile.encuestas:
        surveys.check(survey, set(profile.listas))
    _cross_check(profile)
    return profile


def _yaml(path: Path) -> Any:
    if not path.is_file():
        raise ProfileError(f"Falta el archivo {path.name} en el perfil «{path.parent.name}».")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _rows(path: Path) -> tuple[tuple[str, ...], ...]:
    with path.open(encoding="utf-8", newline="") as lines:
        return tuple(tuple(row) for row in csv.reader(lines) if row)


def _codes(path: Path) -> tuple[Code, ...]:
    header, *rows = _rows(path)
    if header[:2] != ("codigo", "etiqueta"):
        raise ProfileError(f"La lista {path.name} debe empezar con las columnas codigo,etiqueta.")
    return tuple(
        Code(codigo=r[0], etiqueta=r[1], alias=tuple(a for a in (r[2].split("|") if len(r) > 2 else ()) if a))
        for r in rows
    )


def _terms(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise ProfileError(f"Falta el archivo {path.name} en el perfil «{path.parent.name}».")
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [
        row
        | {
            "hasta": row.get("hasta") or None,
            "calidad": row.get("calidad") or None,
            "en_curso": row["en_curso"] == "si",
        }
        for row in rows
    ]


def _cross_check(profile: Profile) -> None:
    _check_terms(profile)
    for name, published in profile.privacidad.columnas.items():
        rows = profile.jerarquias.get(name)
        if rows is None:
            raise ProfileError(f"privacidad.yaml: la columna «{name}» no tiene jerarquía jerarquias/{name}.csv.")
        if any(published.nivel >= len(row) for row in rows):
            raise ProfileError(f"privacidad.yaml: el nivel de «{name}» no existe en su jerarquía.")
    tables = {t.id for t in profile.caracterizacion.tablas}
    for indicator in profile.caracterizacion.indicadores:
        if indicator.tabla not in tables:
            raise ProfileError(f"caracterizacion.yaml: el indicador «{indicator.id}» usa una tabla que no existe.")
    indicators = {i.id for i in profile.caracterizacion.indicadores}
    lines = {c.codigo for c in profile.listas.get("linea_accion", ())}
    for rule in profile.caracterizacion.recomendaciones:
        if rule.indicador not in indicators or (rule.relativo_a or rule.indicador) not in indicators:
            raise ProfileError(f"caracterizacion.yaml: la recomendación «{rule.id}» usa un indicador que no existe.")
        if rule.linea_accion not in lines:
            raise ProfileError(f"caracterizacion.yaml: la recomendación «{rule.id}» no usa una línea de acción.")
    sectors = {s.id for s in profile.caracterizacion.sectores}
    for segment in profile.caracterizacion.segmentos:
        if segment.sector not in sectors:
            raise ProfileError(f"caracterizacion.yaml: el segmento «{segment.id}» es de un sector que no existe.")


def _check_terms(profile: Profile) -> None:
    kinds = {c.codigo for c in profile.listas.get("tipo", ())}
    qualities = {c.codigo for c in profile.listas.get("calidad_peticionario", ())}
    for term in profile.terminos:
        if term.tipo not in kinds:
            raise ProfileError(f"terminos.csv: «{term.regla}» es de un tipo que no está en listas/tipo.csv.")
        if term.calidad is not None and term.calidad not in qualities:
            raise ProfileError(f"terminos.csv: «{term.regla}» es de una calidad que no está en su lista.")
