"""`ckan/up` and `ckan/down`: what a person runs. Exit 0 done, 2 could not; messages in Spanish."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ckan_local import install
from ckan_local.account import Account, service_account
from ckan_local.errors import StackError
from ckan_local.layout import DEFAULT, HERE, SERVICES, Layout, state_folder
from ckan_local.services import ADMIN, Services

PORT = 25050


def say(text: str) -> None:
    """One line to the person."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Clock:
    """Says what is done and when."""

    def __init__(self) -> None:
        self.start = time.monotonic()

    def __call__(self, text: str) -> None:
        """One finished step."""
        say(f"{time.monotonic() - self.start:6.1f} s  {text}")


def shown(path: Path) -> str:
    """A path as short as it can be written from here."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def arguments(doing: str, argv: list[str]) -> argparse.Namespace:
    """The options of both commands; each has an environment variable, for make and CI."""
    parser = argparse.ArgumentParser(prog=f"ckan/{doing}", description="CKAN 2.12 real, solo en esta máquina.")
    given = os.environ.get
    parser.add_argument("service", nargs="*", metavar="SERVICIO", help=f"solo estos: {', '.join(SERVICES)}")
    folder = given("PQRSD_CKAN_DIR")
    parser.add_argument("--dir", type=Path, default=Path(folder) if folder else None, help="carpeta (data/ckan)")
    if doing == "up":
        port = int(given("PQRSD_CKAN_PORT") or 0) or None
        parser.add_argument("--port", type=int, default=port, help=f"puerto de CKAN ({PORT}); los otros tres siguen")
        solr = given("PQRSD_CKAN_SOLR_URL") or None
        parser.add_argument("--solr", default=solr, metavar="URL", help="otro Solr 9 con el esquema de CKAN 2.12")
        workers = int(given("PQRSD_CKAN_WORKERS") or 2)
        parser.add_argument("--workers", type=int, default=workers, help="procesos de CKAN (2)")
        parser.add_argument("--fresh", action="store_true", help="borra los datos antes; conserva lo descargado")
    else:
        parser.add_argument("--kill", action="store_true", help="SIGKILL en vez de un cierre ordenado")
    options = parser.parse_args(argv)
    unknown = set(options.service) - set(SERVICES)
    if unknown:
        parser.error(f"no hay servicio {', '.join(sorted(unknown))}")
    return options


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """One up or down at a time on a folder."""
    with (root / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Espero a que termine otro ckan/up o ckan/down…")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Up:
    """One run of ckan/up."""

    def __init__(self, options: argparse.Namespace, root: Path, account: Account, clock: Clock) -> None:
        known = install.read_json(root / "stack.json")
        port = options.port or int(known.get("port") or PORT)  # where it was before, unless told otherwise
        self.layout = Layout(root=root, port=port)
        self.before = known
        self.options = options
        self.account = account
        self.clock = clock
        self.services = Services(self.layout, account, options.solr, options.workers)
        self.wanted = [s for s in SERVICES if not (s == "solr" and options.solr)]
        self.started: list[str] = []

    def prepared_for(self) -> dict[str, str]:
        """What the data depends on."""
        return {
            "venv": install.venv_digest(),
            "ini": install.digest(HERE / "config" / "ckan.ini"),
            "url": self.layout.url,
            "solr": self.services.solr_url(),
        }

    def start(self, service: str) -> None:
        """Start one and remember that this run did."""
        if self.services.start(service):
            self.started.append(service)

    def must_not_move(self) -> None:
        """The services that run are where this run looks for them."""
        running = [s for s in SERVICES if self.services.running(s)]
        if running and self.before.get("port", self.layout.port) != self.layout.port:
            where = self.before.get("url")
            raise StackError(f"ya está arriba en {where}: pare antes con ckan/down ({', '.join(running)})")

    def run(self) -> None:
        """Everything that is not yet as it should be."""
        options, services, layout = self.options, self.services, self.layout
        self.must_not_move()
        if options.fresh:
            for service in reversed(SERVICES):
                services.stop(service)
            for path in layout.data:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            self.clock("datos anteriores borrados")
        elif all(services.running(s) for s in self.wanted) and services.ckan_is_ready():
            say(f"CKAN ya está arriba en {layout.url}; no se hizo nada.")
            self.summary()
            return
        if options.service:
            self.some(options.service)
            return
        layout.prepare(self.account)
        lacking = install.lacking(self.account, layout, own_solr=not options.solr)
        for service in self.wanted:
            if not services.running(service):
                services.stop(service)  # what outlived a killed head
                services.port_must_be_free(service)
        services.render()
        self.together(lacking)
        facts = self.write_facts()
        self.clock(f"listo (Solr {facts['versions']['solr']}, {facts['solr']})")
        self.summary()

    def some(self, wanted: list[str]) -> None:
        """Only these services again, for experiments with failures."""
        if not self.layout.provisioned.exists():
            raise StackError("primero `ckan/up` sin más: todavía no hay nada preparado")
        for service in [s for s in self.wanted if s in wanted]:
            self.start(service)
            self.services.ready(service)
            say(f"{service}: arriba")

    def together(self, lacking: dict[str, str]) -> None:
        """Install, start and prepare, each as soon as what it needs is there."""
        with ThreadPoolExecutor(max_workers=5) as pool:
            packages = pool.submit(self.packages, lacking)
            database = pool.submit(self.after, packages, self.database)
            venv = pool.submit(self.after, packages if "python3" in lacking else None, self.venv)
            maven = {"default-jdk-headless", "maven"} & lacking.keys()
            jars = pool.submit(self.after, packages if maven else None, self.jars)
            database.result()
            venv.result()
            prepared = install.read_json(self.layout.provisioned) == self.prepared_for() and self.layout.token.exists()
            if prepared:
                # CKAN loads while Solr starts
                self.start("ckan")
                jars.result()
                self.solr()
            else:
                search = pool.submit(self.after, jars, self.solr)
                self.provision(search.result)
                search.result()
                self.start("ckan")
        self.services.ready("ckan")
        self.clock(f"CKAN responde en {self.layout.url}")

    def after(self, first: Future[None] | None, step: Callable[[], None]) -> None:
        """A step once another one has succeeded."""
        if first:
            first.result()
        step()

    def packages(self, lacking: dict[str, str]) -> None:
        """What Debian has to bring."""
        told = install.install_packages(lacking, self.account, self.layout, own_solr=not self.options.solr)
        self.clock(f"paquetes de Debian: {told}")

    def database(self) -> None:
        """PostgreSQL and redis."""
        services = self.services
        self.start("redis")
        self.start("postgres")
        services.ready("postgres")
        services.ready("redis")
        services.make_databases()
        self.clock(f"PostgreSQL y redis ({self.layout.port_of('postgres')}, {self.layout.port_of('redis')})")

    def venv(self) -> None:
        """CKAN's own environment."""
        if install.install_venv(self.account, self.layout):
            self.clock("CKAN instalado")

    def jars(self) -> None:
        """Solr's jars."""
        if not self.options.solr and install.install_solr(self.layout):
            self.clock("Solr 9 traído por Maven y comprobado")

    def solr(self) -> None:
        """Solr, ours or the other one."""
        if self.options.solr:
            if not self.services.solr_is_ready():
                raise StackError(f"no responde el Solr indicado: {self.options.solr}")
            return
        self.start("solr")
        self.services.ready("solr")
        self.clock(f"Solr ({self.layout.port_of('solr')})")

    def provision(self, search: Callable[[], None]) -> None:
        """Prepare the data; the index is written anew when addresses have changed."""
        before = install.read_json(self.layout.provisioned)
        now = self.prepared_for()
        moved = bool(before) and (before.get("url"), before.get("solr")) != (now["url"], now["solr"])
        reindex = moved or (bool(self.options.solr) and not before)
        if reindex:
            search()
        self.services.provision(reindex=reindex)
        self.layout.provisioned.write_text(json.dumps(now) + "\n", encoding="ascii")
        self.clock("tablas, permisos, administrador y token")

    def write_facts(self) -> dict[str, Any]:
        """stack.json: what runs, for the tests."""
        services, layout = self.services, self.layout
        status = services.ckan_status() or {}
        redis = install.redis_executable()
        program = [redis.replace("check-rdb", "cli")] if redis else install.redis_program()
        facts: dict[str, Any] = {
            "url": layout.url,
            "port": layout.port,
            "ports": {s: layout.port_of(s) for s in self.wanted},
            "admin": ADMIN,
            "token_file": str(layout.token),
            "access_log": str(layout.log("access")),
            "storage": str(layout.root / "storage"),
            "user": self.account.name,
            "solr": f"externo: {self.options.solr}" if self.options.solr else "propio, de Maven Central",
            "versions": {
                "ckan": status.get("ckan_version", "?"),
                "solr": services.solr_version(),
                "postgres": install.version_of([str(services.programs() / "postgres"), "--version"]),
                "redis": install.version_of([*(program or []), "--version"]),
            },
        }
        layout.facts.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return facts

    def summary(self) -> None:
        """How to use it."""
        facts = install.read_json(self.layout.facts)
        versions = facts.get("versions", {})
        say("")
        say(f"  CKAN {versions.get('ckan')}   {self.layout.url}   (solo en esta máquina; usuario {self.account.name})")
        say(f"  con PostgreSQL {versions.get('postgres')}, redis {versions.get('redis')}, Solr {versions.get('solr')}")
        say(f"  Solr: {facts.get('solr')}")
        say(f"  token de la API:   {shown(self.layout.token)}   (modo 600, administrador «{ADMIN}»)")
        say(f"  clave para la web: {shown(self.layout.password)}   (entre en {self.layout.url}/user/login)")
        say(f"  peticiones vistas: {shown(self.layout.log('access'))}")
        say("  para pararlo:      make ckan-down")


def running(argv: list[str], doing: str) -> int:
    """Carry one command out; errors become a sentence."""
    os.umask(0o022)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # like Ctrl-C: what was started is ended on the way out
    try:
        if not sys.platform.startswith("linux"):
            raise StackError("solo funciona en Linux; en otro sistema, ckan/compose.yaml")
        return bring_up(argv) if doing == "up" else bring_down(argv)
    except StackError as problem:
        sys.stderr.write(f"ckan/{doing}: {problem}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"ckan/{doing}: interrumpido\n")
        return 130


def bring_up(argv: list[str]) -> int:
    """`ckan/up`."""
    options = arguments("up", argv)
    clock = Clock()
    account = service_account()
    root = state_folder(options.dir, account)
    with alone(root):
        up = Up(options, root, account, clock)
        try:
            up.run()
        except BaseException:
            for service in reversed(up.started):  # what this run started does not stay behind half done
                up.services.stop(service)
            raise
    return 0


def bring_down(argv: list[str]) -> int:
    """`ckan/down`: exactly what up started."""
    options = arguments("down", argv)
    root = (options.dir or DEFAULT).absolute()
    if not (root / "run").is_dir():
        say("No hay ningún CKAN que parar.")
        return 0
    root = root.resolve()
    account = service_account() if os.geteuid() == 0 else Account("", os.geteuid(), os.getegid(), switched=False)
    services = Services(Layout(root=root, port=PORT), account, None, 1)
    with alone(root):
        done = {}
        for service in reversed(SERVICES):
            if not options.service or service in options.service:
                done[service] = services.stop(service, kill=options.kill)
    for service, what in done.items():
        if what:
            say(f"{service}: {what}")
    if not any(done.values()):
        say("No había nada arriba.")
    return 0
