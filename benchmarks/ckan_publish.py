"""Publishing N rows to a CKAN of this machine: time and memory, beside what others do with the same bytes.

What belongs here: the order of the measurements and the table. What does not: our publishing (`ckan_ours`), what it is
compared with (`ckan_yardsticks`), making rows (`large_release`).

Each measurement is a process of its own (`ckan_task`): importing and building are not counted, its memory is its
highest resident set. They run one after the other in one run, so that their ratios share whatever else the machine was
doing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import ckan_yardsticks as yardsticks
from benchmarks.ckan_task import Task

TASKS = {
    "http": ("benchmarks.ckan_yardsticks", "solo subir el CSV por HTTP"),
    "tabla": ("benchmarks.ckan_yardsticks", "solo cargar el DataStore"),
    "nuestra": ("benchmarks.ckan_ours", "pqrsd: publicar"),
    "repetida": ("benchmarks.ckan_ours", "pqrsd: publicar otra vez"),
    "ckanapi": ("benchmarks.ckan_yardsticks", "ckanapi load --upload-resources"),
}
"""What is measured, in this order (ckanapi loads what we published): the module, and its name in the table."""

BESIDE = ("ckanapi", "http", "tabla")
"""What the others are divided by."""

ACTS = {
    "stage": "preparar: zip, subida, DataStore y releer lo guardado",
    "load": "de ello, el DataStore",
    "history": "descargar las versiones anteriores",
    "verify": "verificación pública",
    "switch": "cambio",
    "differences": "releer todo como cualquiera",
    "settle": "cierre",
}
"""The acts of the protocol by their names in `pipeline.portal.Portal`, and the filling of tables inside the first."""

NOTES = (
    "ckanapi carga la misma ficha con los mismos archivos; no crea la tabla del DataStore, no verifica nada, es pública"
    " desde el primer archivo, no cambia de una vez, y recibe el token como argumento (a la vista en «ps»).",
    "Las otras dos suben o cargan solo las solicitudes, en un conjunto vacío, sin leer nada de vuelta.",
    "«verificadas»: filas que pasaron la verificación pública con los bytes que devolvió el portal.",
)


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; 0 done, 2 could not run."""
    options = _options(arguments)
    if options.url is None or options.token_file is None:
        print("No hay un CKAN de este proyecto: haga «make ckan-up», o indique --url y --token-file.", file=sys.stderr)
        return 2
    if not yardsticks.of_this_machine(options.url):
        print("Solo se mide contra un CKAN de esta máquina: la medición crea y borra conjuntos.", file=sys.stderr)
        return 2
    found = [figure for rows in options.rows for figure in _run(rows, options)]
    print(table(found))
    if options.json:
        options.json.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    stack = Path(os.environ.get("PQRSD_CKAN_DIR", "data/ckan")) / "stack.json"
    here = json.loads(stack.read_text(encoding="utf-8")) if stack.is_file() else {}
    parser = argparse.ArgumentParser(description="Mide publicar N filas en un CKAN de esta máquina.")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000], help="filas de cada medición")
    parser.add_argument("--url", default=here.get("url"), help="dirección (por defecto, el CKAN de «make ckan-up»)")
    parser.add_argument("--token-file", type=Path, default=here.get("token_file"), help="token de administrador")
    parser.add_argument("--json", type=Path, help="archivo para las cifras")
    return parser.parse_args(arguments)


def _run(rows: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="medicion-") as folder:
        shared = Task("construir", rows, options.url, Path(options.token_file).resolve(), Path(folder))
        _in_a_process("benchmarks.ckan_ours", shared)
        api = yardsticks.Api(options.url, shared.token)
        yardsticks.prepare(api, shared.plan)
        found = []
        try:
            for name, (module, title) in TASKS.items():
                print(f"{rows:,} filas: {title}…".replace(",", "."), file=sys.stderr, flush=True)
                task = Task(name, rows, options.url, shared.token_file, shared.work)
                found.append({"tarea": name, "filas": rows} | _in_a_process(module, task))
        finally:
            yardsticks.clean(api, shared.plan)
        return found


def _in_a_process(module: str, task: Task) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", module, *task.command()], check=True, stdout=subprocess.PIPE, text=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def table(found: list[dict[str, Any]]) -> str:
    """The figures as a Markdown table, with each ratio's divisor from the same run, and the time of each act."""
    beside = [f"× {TASKS[name][1]}" for name in BESIDE]
    heads = ["tarea", "filas", "segundos", *beside, "CPU del cliente (s)", "memoria (MB)", "archivos",
             "filas en la tabla", "verificadas"]  # fmt: skip
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1)]
    for figure in found:
        same = {f["tarea"]: f["segundos"] for f in found if f["filas"] == figure["filas"]}
        ratios = [_number(figure["segundos"] / same[name], 2) for name in BESIDE]
        counts = [_number(figure.get(key, 0)) for key in ("archivos", "en_tabla", "verificadas")]
        lines.append(
            [TASKS[figure["tarea"]][1], _number(figure["filas"]), _number(figure["segundos"], 1), *ratios,
             _number(figure["cpu"], 1), _number(figure["memoria_mb"]), *counts]
        )  # fmt: skip
    acts = [["acto", *(f"{TASKS[f['tarea']][1]}, {_number(f['filas'])} (s)" for f in found if "actos" in f)]]
    acts.append(["---"] + ["---:"] * (len(acts[0]) - 1))
    acts += [
        [title, *(_number(f["actos"].get(act, 0), 1) for f in found if "actos" in f)] for act, title in ACTS.items()
    ]
    return "\n\n".join([_drawn(lines), _drawn(acts), "\n".join(f"- {note}" for note in NOTES)])


def _drawn(rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _number(value: float, decimals: int = 0) -> str:
    """As it is written in Colombia: 1.000.000,5."""
    return f"{value:,.{decimals}f}".translate(str.maketrans(",.", ".,"))


if __name__ == "__main__":
    sys.exit(main())
