"""`pqrsd`: what people run. Exit 0 good, 1 found something wrong, 2 could not run.

What belongs here: arguments, printing and exit codes. What does not: any work; heavy imports happen inside commands, so
that `--help` answers at once.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.errors import PqrsdError


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
    run.add_argument("--portal", help="carpeta donde publicar (por defecto data/portal/)")
    run.add_argument("--wing", choices=["ambas", "abierto"], default="ambas", help=argparse.SUPPRESS)
    run.set_defaults(command=_run)

    diff = commands.add_parser("diff", help="muestra en qué cambiaron los extractos frente al semestre anterior")
    diff.add_argument("--profile", default="santa_marta", help="perfil en profiles/ o ruta de su carpeta")
    diff.add_argument("--semester", required=True, help="semestre, como 2026-S1")
    diff.add_argument("--data", type=Path, help="carpeta de datos (por defecto data/)")
    diff.add_argument("--json", action="store_true", help="cambios en JSON")
    diff.set_defaults(command=_diff)

    verify = commands.add_parser("verify", help="vuelve a comprobar una entrega solo con sus bytes públicos")
    verify.add_argument("release", type=Path, help="carpeta de la entrega")
    verify.add_argument("--history", type=Path, help="carpeta del conjunto, con las entregas anteriores")
    verify.add_argument("--json", action="store_true", help="veredicto en JSON")
    verify.set_defaults(command=_verify)
    return parser


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

    print(summary.of_run(request.municipality.profile, layout, portal or layout.portal, semesters, options.year))
    return 0


def _portal(text: str | None) -> Path | None:
    if text and text.startswith(("http:", "https:")):
        raise PqrsdError("Este portal todavía no se admite: indique una carpeta local.")
    return Path(text).resolve() if text else None


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
    from pipeline.release import verify

    verdict = verify.verify(options.release, options.history)
    if options.json:
        print(json.dumps(verdict.as_dict(), ensure_ascii=False, indent=2, sort_keys=True))
    else:
        print(verdict.in_words())
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())
