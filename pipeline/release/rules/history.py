"""Rules on a dataset's versions: what was published stays as it was, and a change is told.

What belongs here: comparing a release with the folder of its dataset's versions. What does not: single releases.
"""

from collections.abc import Iterator
from pathlib import Path

from pipeline.release import manifest
from pipeline.release.folder import Finding, Folder
from pipeline.release.inputs import ReleaseError

Version = tuple[int, ...]


def parsed(version: str) -> Version:
    """`2025.2.0` as numbers; raises `ReleaseError` for anything else."""
    try:
        year, half, correction = (int(part) for part in version.split("."))
    except ValueError:
        raise ReleaseError("Una versión no se escribe AAAA.S.N.") from None
    return year, half, correction


def versions(history: Path, dataset: str) -> list[Folder]:
    """The dataset's published versions below `history`, oldest first; hidden folders are not published."""
    found = [Folder(p.parent) for p in sorted(history.glob(f"[0-9]*/{manifest.MANIFEST}"))]
    return sorted((f for f in found if f.manifest.dataset == dataset), key=lambda f: parsed(f.manifest.version))


def history(folder: Folder, past: Path) -> Iterator[Finding]:
    """Published versions keep their bytes; later ones keep every period, and name a period whose rows they change."""
    mine = folder.manifest
    others = versions(past, mine.dataset)
    for other in others:
        said = other.manifest
        if said.digest != manifest.digest_of((e.path, e.sha256) for e in manifest.entries_of(other.path)):
            yield Finding("historia", said.version, "Los bytes de esta versión publicada cambiaron.")
        if said.version == mine.version:
            if said.digest != mine.digest:
                yield Finding("historia", said.version, "Esta versión ya está publicada con otro contenido.")
            continue
        older, newer = sorted((said, mine), key=lambda m: parsed(m.version))
        if set(older.periods) - set(newer.periods):
            yield Finding("historia", newer.version, f"No trae todos los periodos de {older.version}.")
    before = [f for f in others if parsed(f.manifest.version) < parsed(mine.version)]
    if before:
        yield from _told(before[-1], folder)


def _told(before: Folder, now: Folder) -> Iterator[Finding]:
    """A period that both have and that differs is named in CAMBIOS.md under the new version."""
    text = (now.path / "CAMBIOS.md").read_text(encoding="utf-8", errors="replace")
    entry = text.partition(f"## {now.manifest.version}")[2].partition("\n## ")[0]
    for name, table in before.tables.items():
        for period in before.manifest.periods:
            same = name in now.tables and table.of_period(period).equals(now.tables[name].of_period(period))
            if not same and period not in entry:
                why = f"{period} cambió frente a {before.manifest.version} y CAMBIOS.md no lo dice"
                yield Finding("historia", table.file, f"{why}.")
