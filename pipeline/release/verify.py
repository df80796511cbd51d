"""Public verification: everything that can be checked from a release's own bytes, by anybody.

What belongs here: running the rules and the verdict. What does not: the rules (`rules`), and publishing.

It never raises for what it finds and never quotes what it read: a rule that stumbles is itself a finding.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import PqrsdError
from pipeline.release.folder import Finding, Folder
from pipeline.release.rules import data, files, privacy, tables, web
from pipeline.release.rules.history import history as keeps_history
from pipeline.release.rules.privacy import smallest_classes

CHECKS = (*files.CHECKS, *data.CHECKS, *tables.CHECKS, *privacy.CHECKS, *web.CHECKS)


@dataclass(frozen=True)
class Verdict:
    """Whether a release holds, what was found, and figures that anybody can recount."""

    ok: bool
    findings: list[Finding]
    facts: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The verdict for programs."""
        found = [{"rule": f.rule, "file": f.file, "detail": f.detail} for f in self.findings]
        return {"ok": self.ok, "findings": found, "facts": self.facts}

    def in_words(self) -> str:
        """The verdict for people, in Spanish."""
        name = f"{self.facts.get('conjunto', 'La publicación')} {self.facts.get('version', '')}".strip()
        if not self.ok:
            lines = [f"  {f.file}: {f.detail} (regla «{f.rule}»)" for f in self.findings]
            return "\n".join([f"{name} NO pasa la verificación pública: {_found(len(lines))}.", *lines])
        lines = [f"  {period}: {_rows(figures)}" for period, figures in self.facts.get("periodos", {}).items()]
        checked = f"{self.facts.get('reglas')} comprobaciones sobre {self.facts.get('archivos')} archivos"
        return "\n".join(
            [f"{name} pasa la verificación pública: {checked}.", f"  Huella: {self.facts.get('huella')}", *lines]
        )


def verify(folder: Path, history: Path | None = None) -> Verdict:
    """Verifies a release folder, and against the dataset's other versions below `history` when given."""
    release = Folder(folder)
    findings = [f for check in CHECKS for f in _run(check.__name__, lambda c=check: c(release))]  # type: ignore[misc]
    if history is not None:
        findings += _run("history", lambda: keeps_history(release, history))
    return Verdict(not findings, sorted(set(findings)), _facts(release))


def _run(name: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(check())
    except PqrsdError as caught:
        found.append(Finding("lectura", "(publicación)", f"La comprobación «{name}» no pudo leer: {caught}"))
    except Exception as caught:
        # What was read is hostile until proven otherwise: of its errors only the class is repeated.
        why = f"La comprobación «{name}» no pudo terminar ({type(caught).__name__})."
        found.append(Finding("lectura", "(publicación)", why))
    return found


def _facts(release: Folder) -> dict[str, Any]:
    """Figures of a release; what cannot be read is left out."""
    found: dict[str, Any] = {"reglas": len(CHECKS), "archivos": 0, "periodos": {}}
    try:
        made = release.manifest
        found |= {"conjunto": made.dataset, "version": made.version, "huella": made.digest}
        found["archivos"] = len(release.files)
        found["bytes"] = sum(e.size for e in made.entries)
        classes = smallest_classes(release.microdata.text) if release.microdata else {}
        for period in made.periods:
            said = release.privacy["periodos"].get(period, {})
            if period in classes:
                rows = release.microdata.of_period(period).num_rows if release.microdata else 0
                smallest, count = classes[period]
                found["periodos"][period] = {
                    "filas": rows,
                    "grupos": count,
                    "minimo_filas_por_grupo": smallest,
                    "minimo_personas_atestado": int(said["k_minimo"]),
                }
            else:
                found["periodos"][period] = {"filas": 0}
    except Exception:
        return found  # the findings already say what could not be read
    return found


def _rows(figures: dict[str, Any]) -> str:
    if not figures["filas"]:
        return "sin solicitudes una a una"
    return (
        f"{figures['filas']} solicitudes en {figures['grupos']} grupos; el menor tiene "
        f"{figures['minimo_filas_por_grupo']} filas (recontado) y {figures['minimo_personas_atestado']} personas o más "
        "(atestado por la entidad)"
    )


def _found(count: int) -> str:
    return "un hallazgo" if count == 1 else f"{count} hallazgos"
