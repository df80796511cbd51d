"""What a dataset says of itself in CKAN, derived from the release's own bytes and the profile's catalogue.

What belongs here: dataset fields, the list of resources, and the fingerprint that shows whether somebody edited them.
What does not: sending any of it (`portal`), and the rows of tables (`tables`).
"""

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.periods import Semester
from pipeline.profile import Catalog, Entity
from pipeline.release.folder import CONTRACTS, Folder
from pipeline.release.manifest import MANIFEST, SUMS, Manifest, sha256_of
from pipeline.spanish import day, listing, period

DIGEST, VERSION, EDITION, CARD = "huella_publicacion", "version_datos", "edicion", "huella_ficha"
"""Extras of the dataset: which release it is, how many times this place was switched, and what was written."""

ARCHIVE = "(zip)"
"""The path of a whole release among resources."""

_NAMESPACE = uuid.UUID("2f0c8a51-6a4e-5b86-9d0f-5b1c0ce0a7f3")
_SHA256 = "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"
_FORMATS = {".csv": "CSV", ".parquet": "Parquet", ".html": "HTML", ".json": "JSON", ".svg": "SVG", ".md": "Markdown"}
_DOCUMENTS = {
    "informe/informe.html": ("Informe", "El informe con sus figuras, su texto y sus recomendaciones, para leer."),
    "esquema/diccionario.csv": (
        "Diccionario de datos",
        "Cada columna de cada tabla: qué significa, su tipo, sus valores y cómo se protegió.",
    ),
    "LEAME.md": ("Léame", "Cómo abrir los archivos, cómo leerlos bien y qué no dicen."),
    "calidad/calidad.html": ("Control de calidad", "Las comprobaciones hechas sobre estos archivos ya escritos."),
    "privacidad/privacidad.json": ("Privacidad", "Cómo se anonimizó, con qué metas y qué se midió."),
    "datapackage.json": ("Descripción para programas", "Data Package v2: archivos, esquemas, licencia y huellas."),
    MANIFEST: ("Manifiesto", "Todos los archivos de la entrega con su tamaño y su SHA-256."),
    SUMS: ("Huellas SHA-256", "Para «sha256sum -c» dentro de la entrega completa."),
}
_RESOURCE_FIELDS = (
    "id",
    "name",
    "description",
    "format",
    "mimetype",
    "hash",
    "size",
    "url_type",
    "license",
    "ruta",
    VERSION,
    DIGEST,
)
_DATASET_FIELDS = (
    "title",
    "notes",
    "url",
    "version",
    "license_id",
    "author",
    "author_email",
    "maintainer",
    "maintainer_email",
)


@dataclass(frozen=True)
class Resource:
    """One resource to publish: its path in the release (`ARCHIVE` for the whole of it) and how CKAN shows it."""

    id: str
    path: str
    name: str
    description: str
    format: str
    media_type: str
    size: int
    sha256: str
    version: str
    license: str = ""

    @property
    def table(self) -> str | None:
        """The contract whose rows go to the DataStore too, if this is their CSV."""
        name = Path(self.path)
        return name.stem if name.suffix == ".csv" and name.parts[0] == "datos" and name.stem in CONTRACTS else None

    @property
    def filename(self) -> str:
        """The last part of its address; CKAN lowers it."""
        return Path(self.path).name if self.path != ARCHIVE else f"{self.version}.zip"

    def fields(self) -> dict[str, str]:
        """What `resource_create` is told beside the file."""
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "format": self.format,
            "mimetype": self.media_type,
            "hash": self.sha256,
            "hash_algorithm": _SHA256,
            "license": self.license,
            "ruta": self.path,
            VERSION: self.version,
        }


@dataclass(frozen=True)
class Edition:
    """One try to switch a dataset: how many switches came before, and whose try it is.

    Two publishers must not stage in one place: CKAN 2.12 loses count of a dataset's resources when two requests add to
    it at the same time, and refuses every later one.
    """

    number: int
    publisher: str

    def staging_name(self, made: Manifest) -> str:
        """The private dataset in which a release waits."""
        return f"{made.dataset}-preparacion-{self.number}-{made.digest[:8]}-{self.publisher[:8]}"


def resources(release: Path, archive: Path, made: Manifest, catalog: Catalog, edition: Edition) -> tuple[Resource, ...]:
    """The resources of a release in the order in which people look for them; ids follow from content and edition."""

    def one(path: str, name: str, description: str, *, file: Path, form: str, media_type: str) -> Resource:
        key = f"{made.dataset}/{made.version}/{made.digest}/{edition.number}/{edition.publisher}/{path}"
        return Resource(
            id=str(uuid.uuid5(_NAMESPACE, key)),
            path=path,
            name=name,
            description=description,
            format=form,
            media_type=media_type,
            size=file.stat().st_size,
            sha256=sha256_of(file),
            version=made.version,
            license=catalog.licencia_dcat,
        )

    listed = {e.path: e.media_type for e in made.entries} | {MANIFEST: "application/json", SUMS: "text/plain"}
    found = [
        one(path, name, text, file=release / path, form=form, media_type=listed[path])
        for path, name, text, form in _wanted(release, catalog)
        if path in listed
    ]
    title = f"Versión {made.version} completa"
    text = (
        f"Todos los archivos de la versión {made.version} ({listing([period(p) for p in made.periods])}), con sus"
        " huellas. No cambia nunca."
    )
    found.append(one(ARCHIVE, title, text, file=archive, form="ZIP", media_type="application/zip"))
    return tuple(found)


def _wanted(release: Path, catalog: Catalog) -> Iterable[tuple[str, str, str, str]]:
    for name, contract in CONTRACTS.items():
        for suffix, form in ((".csv", "CSV"), (".parquet", "Parquet")):
            title = contract.title if form == "CSV" else f"{contract.title} ({form})"
            yield f"datos/{name}{suffix}", title, contract.description, form
    for path, (name, text) in _DOCUMENTS.items():
        yield path, name, text, _FORMATS.get(Path(path).suffix, "TXT")
    for figure in catalog.graficos:
        path = f"informe/figuras/{figure}.svg"
        if (release / path).is_file():
            yield (
                path,
                f"Gráfico: {_title(release / path)}",
                f"Sus cifras están en informe/figuras/{figure}.csv de la entrega.",
                "SVG",
            )


def _title(figure: Path) -> str:
    found = re.search(r"<title>([^<]+)</title>", figure.read_text(encoding="utf-8"))
    return found.group(1) if found else figure.stem


def dataset(release: Path, made: Manifest, town: Entity, catalog: Catalog, *, edition: int) -> dict[str, Any]:
    """The fields of the public dataset, without resources and without the fingerprint."""
    folder = Folder(release)
    package = folder.package
    contact, publisher = _contributor(package, "contactPoint"), _contributor(package, "publisher")
    first, last = _span(made.periods)
    extras = {
        DIGEST: made.digest,
        VERSION: made.version,
        EDITION: str(edition),
        "periodos": ", ".join(made.periods),
        "fecha_corte": made.cut_off,
        "identifier": made.dataset,
        "theme": json.dumps([catalog.tema]),
        "language": json.dumps([catalog.idioma]),
        "frequency": catalog.frecuencia_solicitudes if folder.of_semesters else catalog.frecuencia_anual,
        "temporal_start": first.isoformat(),
        "temporal_end": last.isoformat(),
        "modified": made.cut_off,
        "spatial_text": f"{town.municipio}, {town.departamento} (DIVIPOLA {town.divipola})",
        "access_rights": "http://publications.europa.eu/resource/authority/access-right/PUBLIC",
        "publisher_name": str(publisher.get("title", "")),
        "publisher_url": str(publisher.get("path", "")),
        "contact_name": str(contact.get("title", "")),
        "contact_email": str(contact.get("email", "")),
        "provenance": "Extractos del sistema de PQRSDF, anonimizados y verificados antes de publicarse.",
        "version_notes": f"Vea CAMBIOS.md dentro de la versión {made.version} completa.",
    }
    return {
        "title": str(package["title"]),
        "notes": _notes(package, made),
        "url": str(package["homepage"]),
        "version": made.version,
        "license_id": catalog.licencia_ckan,
        "author": str(publisher.get("title", "")),
        "author_email": "",
        "maintainer": str(contact.get("title", "")),
        "maintainer_email": str(contact.get("email", "")),
        "tags": [{"name": tag} for tag in sorted(package["keywords"])],
        "groups": [{"name": group.slug} for group in catalog.grupos],
        "extras": [{"key": key, "value": value} for key, value in sorted(extras.items()) if value],
    }


def _contributor(package: Mapping[str, Any], role: str) -> dict[str, Any]:
    return next((c for c in package["contributors"] if role in c["roles"]), {})


def _span(periods: tuple[str, ...]) -> tuple[date, date]:
    if all("-S" in p for p in periods):
        semesters = [Semester.parse(p) for p in periods]
        return min(s.start for s in semesters), max(s.end for s in semesters)
    years = [int(p[:4]) for p in periods]
    return date(min(years), 1, 1), date(max(years), 12, 31)


def _notes(package: Mapping[str, Any], made: Manifest) -> str:
    return "\n\n".join(
        [
            str(package["description"]),
            f"**Versión {made.version}**, con {listing([period(p) for p in made.periods])}. Los estados son los del"
            f" {day(date.fromisoformat(made.cut_off))}.",
            "**Está prohibido intentar identificar a las personas** que hay detrás de estos datos. «Suprimido»"
            " significa que el dato existe y no se muestra para protegerlas; no es cero ni «sin dato». Antes de usar"
            " las cifras, lea el recurso «Léame».",
            "**Para programas.** Esta dirección no cambia; los identificadores de los recursos sí, con cada versión."
            f" Lea la ficha (`/api/3/action/package_show?id={made.dataset}`), tome el recurso cuyo campo `ruta` sea,"
            " por ejemplo, `datos/solicitudes.csv`, y use su `url` o su `id` con `datastore_search`. Si una lectura"
            " responde 403 o 404, o si el campo `version_datos` de un recurso no es el de la ficha, está llegando una"
            " versión nueva: vuelva a leer la ficha.",
            "**Para comprobar.** El campo `hash` de cada recurso es su SHA-256. «Versión … completa» es la entrega"
            " entera con `SHA256SUMS`; las anteriores siguen disponibles y no cambian.",
        ]
    )


def extras_of(package: Mapping[str, Any]) -> dict[str, str]:
    """The extras of a dataset as a mapping."""
    return {str(e["key"]): str(e["value"]) for e in package.get("extras", ())}


def fingerprint(package: Mapping[str, Any]) -> str:
    """SHA-256 over everything that this project writes in a dataset, as CKAN shows it."""
    whole = json.dumps(_written(package), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(whole.encode()).hexdigest()


def edited(public: Mapping[str, Any], written: Mapping[str, Any] | None) -> list[str]:
    """Names of what differs between a public dataset and what was written, for people; never the content."""
    ours, theirs = _written(written or {}), _written(public)
    return [name for name in ours | theirs if ours.get(name) != theirs.get(name)]


def _written(package: Mapping[str, Any]) -> dict[str, Any]:
    """What is compared; empty fields are left out, so that a later field of ours is no edit of an earlier card."""
    return _filled(package, _DATASET_FIELDS) | {
        "tags": sorted(t["name"] for t in package.get("tags", ())),
        "groups": sorted(g["name"] for g in package.get("groups", ())),
        "extras": {k: v for k, v in extras_of(package).items() if k != CARD},
        "resources": [_filled(r, _RESOURCE_FIELDS) for r in package.get("resources", ())],
    }


def _filled(fields: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    texts = {name: str(fields.get(name) or "").replace("\r\n", "\n").strip() for name in names}
    return {name: text for name, text in texts.items() if text}
