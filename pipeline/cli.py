"""`pqrsd`: what people run. Exit 0 good, 1 found something wrong, 2 could not run.

What belongs here: arguments, printing and exit codes. What does not: any work; heavy imports happen inside commands, so
that `--help` answers at once.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipeline.errors import PqrsdError

if TYPE_CHECKING:
    from pipeline.orchestration.resources import Municipality


class Commands(Protocol):
    """Where a command is added."""

    def add_parser(self, name: str, *, help: str) -> argparse.ArgumentParser:
        """A parser for one command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except PqrsdError as known:
        print(f"pqrsd: {known}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("pqrsd: interrumpido.", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pqrsd", description="De los extractos PQRSDF a datos abiertos anonimizados y verificables."
    )
    commands = parser.add_subparsers(required=True, metavar="orden")

    sample = commands.add_parser("sample", help="genera extractos sintéticos con su verdad conocida")
    sample.add_argument("--profile", default="santa_marta", help="perfil en profiles/ o ruta de su carpeta")
    sample.add_argument("--semester", required=True, help="semestre, como 2026-S1")
    sample.add_argument("--rows", type=int, default=20_000, help="peticiones antes de añadir suciedad")
    sample.add_argument("--seed", type=int, default=1, help="semilla: la misma da los mismos bytes")
    sample.add_argument("--out", type=Path, required=True, help="carpeta donde escribir")
    sample.set_defaults(command=_sample)

    run = commands.add_parser("run", help="ejecuta un semestre o un año completo, sin la interfaz")
    run.add_argument("--profile", default="santa_marta", help="perfil en profiles/ o ruta de su carpeta")
    period = run.add_mutually_exclusive_group(required=True)
    period.add_argument("--semester", help="semestre, como 2026-S1")
    period.add_argument("--year", type=int, help="año: sus dos semestres y los productos anuales")
    run.add_argument("--data", type=Path, help="carpeta de datos (por defecto data/)")
    run.add_argument("--landing", type=Path, help="carpeta de aterrizaje, con una subcarpeta por semestre")
    run.add_argument("--portal", help="carpeta donde publicar, o dirección de un CKAN (por defecto data/portal/)")
    run.add_argument("--wing", choices=["ambas", "abierto"], default="ambas", help=argparse.SUPPRESS)
    run.set_defaults(command=_run)

    diff = commands.add_parser("diff", help="muestra en qué cambiaron los extractos frente al semestre anterior")
    diff.add_argument("--profile", default="santa_marta", help="perfil en profiles/ o ruta de su carpeta")
    diff.add_argument("--semester", required=True, help="semestre, como 2026-S1")
    diff.add_argument("--data", type=Path, help="carpeta de datos (por defecto data/)")
    diff.add_argument("--json", action="store_true", help="cambios en JSON")
    diff.set_defaults(command=_diff)

    verify = commands.add_parser("verify", help="vuelve a comprobar una entrega solo con sus bytes públicos")
    verify.add_argument("release", help="carpeta de la entrega, o dirección de la página de un conjunto en CKAN")
    verify.add_argument("--history", type=Path, help="carpeta del conjunto, con las entregas anteriores")
    verify.add_argument("--json", action="store_true", help="veredicto en JSON")
    verify.set_defaults(command=_verify)

    _add_portal(commands)
    _add_privacy(commands)
    return parser


def _add_portal(commands: Commands) -> None:
    publish = commands.add_parser("publish", help="publica una entrega ya construida")
    publish.add_argument("release", type=Path, help="carpeta de la entrega")
    publish.add_argument("--dry-run", action="store_true", help="dice qué cambiaría y no escribe nada")
    publish.add_argument("--readmitir", action="store_true", help="admite otra vez una versión que fue retirada")
    publish.add_argument("--motivo", default="", help="por qué se readmite; queda en el registro")
    publish.set_defaults(command=_publish)

    withdraw = commands.add_parser("withdraw", help="retira del portal una versión o un conjunto")
    withdraw.add_argument("dataset", help="nombre del conjunto, como pqrsd-solicitudes")
    withdraw.add_argument("--version", help="solo esta versión; sin ella, el conjunto entero")
    withdraw.add_argument("--motivo", required=True, help="por qué se retira; queda en el registro")
    withdraw.set_defaults(command=_withdraw)

    recheck = commands.add_parser("recheck", help="verifica otra vez lo público y retira lo que fue alterado")
    recheck.set_defaults(command=_recheck)
    for command in (publish, withdraw, recheck):
        command.add_argument("--profile", default="santa_marta", help="perfil en profiles/ o ruta de su carpeta")
        command.add_argument("--portal", help="carpeta o dirección de un CKAN (por defecto data/portal/)")
        command.add_argument("--data", type=Path, help="carpeta de datos (por defecto data/)")


def _add_privacy(commands: Commands) -> None:
    anonymize = commands.add_parser("anonymize", help="anonimiza cualquier tabla según un archivo SPEC.yaml")
    anonymize.add_argument("--spec", type=Path, required=True, help="archivo YAML con tabla, jerarquías y metas")
    anonymize.add_argument("--out", type=Path, required=True, help="tabla anonimizada (CSV, o Parquet por su nombre)")
    anonymize.add_argument("--report", type=Path, required=True, help="informe JSON")
    anonymize.set_defaults(command=_anonymize)

    measure = commands.add_parser("measure", help="mide k, l, t y riesgos de una tabla tal como está")
    measure.add_argument("--spec", type=Path, required=True, help="archivo YAML con tabla, jerarquías y metas")
    measure.add_argument("--json", action="store_true", help="informe en JSON")
    measure.set_defaults(command=_measure)

    levels = commands.add_parser("levels", help="busca los mejores niveles fijos para los datos de un perfil")
    levels.add_argument("--profile", default="santa_marta", help="perfil en profiles/ o ruta de su carpeta")
    levels.add_argument("--data", type=Path, help="carpeta de datos (por defecto data/)")
    levels.add_argument("--count", type=int, default=5, help="cuántos candidatos mostrar")
    levels.add_argument("--json", action="store_true", help="candidatos en JSON")
    levels.set_defaults(command=_levels)

    cells = commands.add_parser("audit-cells", help="acota cada celda retenida de un sistema lineal de tablas")
    cells.add_argument("cells", type=Path, metavar="CELLS.json", help="celdas publicadas y retenidas, y sus sumas")
    cells.add_argument("--json", action="store_true", help="intervalos en JSON")
    cells.set_defaults(command=_audit_cells)


def _sample(options: argparse.Namespace) -> int:
    from pipeline import profile, sample
    from pipeline.periods import Semester

    semester = Semester.parse(options.semester)
    truth = sample.generate(profile.load(options.profile), semester, options.rows, options.seed, options.out)
    total = truth["total"]
    print(f"{semester.label}: {total['leidas']} filas en {options.out}; la verdad está en truth.json.")
    return 0


def _run(options: argparse.Namespace) -> int:
    from pipeline.layout import Layout
    from pipeline.orchestration import runner
    from pipeline.periods import Semester, semesters_of

    layout = Layout.at(options.data)
    portal = _portal(options.portal)
    semesters = (Semester.parse(options.semester),) if options.semester else semesters_of(options.year)
    request = runner.Request(options.profile, semesters, options.year, layout, options.landing, portal)
    if options.wing == "abierto":
        from pipeline.confinement import confine

        request.municipality.prepare()
        confine(layout.closed_to_open_wing)
        runner.run_open(request)
        return 0
    print(f"Ala restringida: {', '.join(s.label for s in semesters)}", file=sys.stderr)
    runner.run_restricted(request)
    print("Ala abierta (proceso sin clave y confinado)", file=sys.stderr)
    runner.spawn_open(request)
    from pipeline import summary

    print(summary.of_run(request.municipality.profile, layout, portal or str(layout.portal), semesters, options.year))
    return 0


def _portal(text: str | None) -> str | None:
    """A CKAN's address as it is, a folder with its whole path."""
    if not text or text.startswith(("http://", "https://")):
        return text or None
    return str(Path(text).resolve())


def _diff(options: argparse.Namespace) -> int:
    from pipeline import profile
    from pipeline.layout import Layout
    from pipeline.periods import Semester
    from pipeline.reading import shown

    town, semester = profile.load(options.profile), Semester.parse(options.semester)
    found = shown.changes(town, Layout.at(options.data), semester)
    print(json.dumps(found, ensure_ascii=False, indent=2) if options.json else shown.in_words(found))
    return 1 if found else 0


def _verify(options: argparse.Namespace) -> int:
    from pipeline.portal.ckan import reader
    from pipeline.release import verify

    if reader.dataset_of(options.release):
        verdict = reader.verify_address(options.release)
    else:
        verdict = verify.verify(Path(options.release), options.history)
    if options.json:
        print(json.dumps(verdict.as_dict(), ensure_ascii=False, indent=2, sort_keys=True))
    else:
        print(verdict.in_words())
    return 0 if verdict.ok else 1


def _publish(options: argparse.Namespace) -> int:
    from pipeline import portal
    from pipeline.orchestration import portals
    from pipeline.portal.register import READMITTED
    from pipeline.release import manifest

    town = _town(options)
    place, register = portals.portal_of(town, _told), portals.register_of(town)
    if options.dry_run:
        plan = portal.plan(place, options.release)
        print("\n".join([f"{plan.state} {plan.reason}".strip(), *(f"  {line}" for line in plan.changes)]))
        return 1 if plan.state == "rechazada" else 0
    if options.readmitir:
        made = manifest.read(options.release)
        register.record(READMITTED, made.dataset, made.version, made.digest, options.motivo)
    result = portal.publish(place, options.release, withdrawn=register.withdrawn())
    print(f"{result.state}: {result.location} (huella {result.digest})")
    return 0


def _withdraw(options: argparse.Namespace) -> int:
    from pipeline.orchestration import portals

    town = _town(options)
    said = portals.withdraw_from(town, portals.portal_of(town), options.dataset, options.version, options.motivo)
    print(f"{options.dataset}: {said}.")
    return 0


def _recheck(options: argparse.Namespace) -> int:
    from pipeline.orchestration import portals

    found = portals.recheck(_town(options))
    for seen in found:
        print(f"{seen.dataset}: " + (f"FALLA en {', '.join(seen.problems)}; " if seen.problems else "") + seen.outcome)
    return 1 if any(seen.problems for seen in found) else 0


def _town(options: argparse.Namespace) -> "Municipality":
    from pipeline.layout import Layout
    from pipeline.orchestration.municipality import municipality

    town = municipality(options.profile, Layout.at(options.data), portal=_portal(options.portal))
    town.prepare()
    return town


def _told(what: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r  {what[:60]:<60} {100 * done // max(total, 1):>3} %", end="", file=sys.stderr, flush=True)
    elif done >= total:
        print(f"  {what}: listo", file=sys.stderr)


def _anonymize(options: argparse.Namespace) -> int:
    from pipeline.privacy import anonymize, spec, wording

    task = spec.load(options.spec)
    made = anonymize.anonymise(task)
    anonymize.write(made, task, options.out, options.report)
    print(wording.of_report(made.report))
    return 0


def _measure(options: argparse.Namespace) -> int:
    from pipeline.privacy import anonymize, spec, wording

    task = spec.load(options.spec)
    report = anonymize.measure(task)
    problems = anonymize.shortfalls(report, task)
    if options.json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        print("\n".join([wording.of_report(report), *(f"No cumple: {problem}." for problem in problems)]))
    return 1 if problems else 0


def _levels(options: argparse.Namespace) -> int:
    from pipeline import levels

    found = levels.find(options.profile, options.data, options.count)
    print(json.dumps(found.as_dict(), ensure_ascii=False, indent=2) if options.json else found.in_words())
    return 0 if found.publishes_all else 1


def _audit_cells(options: argparse.Namespace) -> int:
    from pipeline.privacy import audit

    found = audit.audit(options.cells)
    print(json.dumps(found.as_dict(), ensure_ascii=False, indent=2) if options.json else found.in_words())
    return 0 if found.ok else 1


if __name__ == "__main__":
    sys.exit(main())
