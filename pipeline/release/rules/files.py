"""Rules on files: the folder is its manifest, byte by byte, and its descriptor describes it.

What belongs here: presence, kinds, hashes, digest, datapackage.json. What does not: what the files say.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from pipeline.release.folder import Check, Finding, Folder
from pipeline.release.manifest import MANIFEST, MEDIA_TYPES, SUMS, digest_of, sha256_of

_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_REQUIRED = (
    "datapackage.json",
    "LEAME.md",
    "CAMBIOS.md",
    "LICENCIA.txt",
    "CITATION.cff",
    "privacidad/privacidad.json",
    "calidad/calidad.json",
    "calidad/calidad.html",
    "informe/informe.html",
    "esquema/diccionario.csv",
    SUMS,
)


def exactly_the_manifest(folder: Folder) -> Iterator[Finding]:
    """None missing, none extra, none that is a link or of another kind."""
    listed = {e.path for e in folder.manifest.entries}
    present = set(folder.files) - {MANIFEST, SUMS}
    for path in sorted(listed - present):
        yield Finding("archivos", path, "Está en el manifiesto y no en la carpeta.")
    for path in sorted(present - listed):
        yield Finding("archivos", _shown(path), "Está en la carpeta y no en el manifiesto.")
    for path in folder.files:
        if (folder.path / path).is_symlink():
            yield Finding("archivos", _shown(path), "Es un enlace y no un archivo.")
        if PurePosixPath(path).suffix not in MEDIA_TYPES and path != SUMS:
            yield Finding("archivos", _shown(path), "Es de una clase que una publicación no lleva.")
    for path in _REQUIRED:
        if path not in folder.files:
            yield Finding("archivos", path, "Toda publicación lo lleva.")


def hashes(folder: Folder) -> Iterator[Finding]:
    """Each file has the bytes that the manifest says."""
    for entry in folder.manifest.entries:
        path = folder.path / entry.path
        if not path.is_file() or path.is_symlink():
            continue
        if path.stat().st_size != entry.size:
            yield Finding("huellas", entry.path, "No tiene el tamaño que dice el manifiesto.")
        elif sha256_of(path) != entry.sha256:
            yield Finding("huellas", entry.path, "Sus bytes no son los que dice el manifiesto.")


def sums(folder: Folder) -> Iterator[Finding]:
    """SHA256SUMS names the same files with the same hashes, and the manifest."""
    listing = folder.path / SUMS
    lines = listing.read_text(encoding="utf-8", errors="replace").splitlines() if listing.is_file() else []
    said = {path: sha256 for sha256, _, path in (line.partition("  ") for line in lines)}
    due = {e.path: e.sha256 for e in folder.manifest.entries} | {MANIFEST: sha256_of(folder.path / MANIFEST)}
    if said != due or len(lines) != len(due):
        yield Finding("sumas", SUMS, "No dice lo mismo que el manifiesto.")


def digest(folder: Folder) -> Iterator[Finding]:
    """The release's digest is that of its files, and its size and kind columns are right."""
    if folder.manifest.digest != digest_of((e.path, e.sha256) for e in folder.manifest.entries):
        yield Finding("huella_publicacion", MANIFEST, "La huella no es la de los archivos que lista.")
    for entry in folder.manifest.entries:
        if entry.media_type != MEDIA_TYPES.get(PurePosixPath(entry.path).suffix):
            yield Finding("huella_publicacion", entry.path, "El manifiesto le da otro tipo de archivo.")


def descriptor(folder: Folder) -> Iterator[Finding]:
    """datapackage.json is a Data Package v2 that describes these tables and agrees with the manifest."""
    package, name = folder.package, "datapackage.json"
    for key in ("$schema", "name", "title", "version", "licenses", "contributors", "resources"):
        if not package.get(key):
            yield Finding("paquete", name, f"Falta la propiedad «{key}».")
    made = folder.manifest
    said = (package.get("name"), package.get("version"), package.get("title"), package.get("fecha_corte"))
    if said != (made.dataset, made.version, made.title, made.cut_off):
        yield Finding("paquete", name, "Conjunto, versión, título o fecha de corte no son los del manifiesto.")
    if tuple(package.get("periodos", ())) != made.periods:
        yield Finding("paquete", name, "Los periodos no son los del manifiesto.")
    resources = package.get("resources", [])
    described = [str(r.get("path")) for r in resources]
    due = [p for p in folder.files if p.startswith("datos/") or p.endswith(".csv")]
    if sorted(described) != sorted(due):
        yield Finding("paquete", name, "No describe exactamente los datos, las listas y las figuras.")
    if len({r.get("name") for r in resources}) != len(resources):
        yield Finding("paquete", name, "Dos recursos tienen el mismo nombre.")
    known = {e.path: e for e in made.entries}
    for resource in resources:
        entry = known.get(str(resource.get("path")))
        if entry is None:
            continue
        if not _HASH.fullmatch(str(resource.get("hash"))) or resource["hash"] != f"sha256:{entry.sha256}":
            yield Finding("paquete", entry.path, "Su huella no es la del manifiesto.")
        if resource.get("bytes", entry.size) != entry.size or resource.get("mediatype") != entry.media_type:
            yield Finding("paquete", entry.path, "Su tamaño o su tipo no son los del manifiesto.")
        schema = resource.get("schema")
        if entry.path.startswith("datos/") and entry.path.endswith(".csv") and schema not in known:
            yield Finding("paquete", entry.path, "No dice su esquema.")


def one_version(folder: Folder) -> Iterator[Finding]:
    """Every file that states the version states the same one."""
    version = folder.manifest.version
    for path in ("privacidad/privacidad.json", "calidad/calidad.json"):
        content = folder.json(path)
        if (content.get("version"), content.get("conjunto")) != (version, folder.manifest.dataset):
            yield Finding("version", path, "Habla de otra versión o de otro conjunto.")
    for path in ("CITATION.cff", "LEAME.md", "CAMBIOS.md"):
        if version not in (folder.path / path).read_text(encoding="utf-8", errors="replace"):
            yield Finding("version", path, "No nombra la versión de esta publicación.")


def judged(folder: Folder) -> Iterator[Finding]:
    """The release's own quality control has no critical failure, and was made."""
    results = folder.json("calidad/calidad.json").get("resultados", [])
    if not results:
        yield Finding("calidad", "calidad/calidad.json", "No trae ninguna comprobación.")
    failed = sorted({str(r["regla"]) for r in results if r["gravedad"] == "critica" and not r["cumple"]})
    for rule in failed:
        yield Finding("calidad", "calidad/calidad.json", f"No se cumple la regla crítica «{rule}».")


def _shown(path: str) -> str:
    """A file name that nobody vouched for: only its folder is repeated."""
    parent = PurePosixPath(path).parent.as_posix()
    return f"{'' if parent == '.' else parent + '/'}(archivo sin listar)"


CHECKS: tuple[Check, ...] = (exactly_the_manifest, hashes, sums, digest, descriptor, one_version, judged)
