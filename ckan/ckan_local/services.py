"""The four services: how each is prepared, started, known to be ready, and ended."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import string
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ckan_local import install
from ckan_local.account import Account
from ckan_local.errors import StackError
from ckan_local.layout import HERE, Layout
from ckan_local.processes import Process, end, everything, spawn

ADMIN = "admin"
PATIENCE = 90.0  # seconds that a service has to become ready

# Loopback is never asked through a proxy
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def write_private(path: Path, text: str) -> None:
    """A file of mode 600 from its first byte on."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def answer(url: str, timeout: float = 5) -> str | None:
    """The body of a 200, otherwise nothing."""
    try:
        with HTTP.open(url, timeout=timeout) as response:
            return response.read().decode("utf-8", "replace") if response.status == 200 else None
    except (OSError, urllib.error.URLError):
        return None


def port_is_free(port: int) -> bool:
    """Whether a service could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger from before do no harm
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Services:
    """Starts and ends the services of one layout."""

    def __init__(self, layout: Layout, account: Account, external_solr: str | None, workers: int) -> None:
        self.layout = layout
        self.account = account
        self.external_solr = external_solr
        self.workers = workers

    # --- common -------------------------------------------------------------------------------------------------------

    def environment(self, **more: str) -> dict[str, str]:
        """What the services see: nothing of the caller's environment, whose CKAN_* would override the settings."""
        return {
            "PATH": os.defpath,
            "HOME": str(self.layout.root / "home"),
            "LANG": "C.UTF-8",
            "PYTHONNOUSERSITE": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
        }

    def spawn(self, service: str, command: list[str], folder: Path, errors: Path | None = None, **more: str) -> None:
        """Start a service as the services' user."""
        child = spawn(
            command,
            record=self.layout.record(service),
            folder=folder,
            environment=self.environment(**more),
            credentials=self.account.credentials(),
            output=self.layout.log("access") if errors else self.layout.log(service),
            errors=errors,
        )
        child.returncode = 0  # it outlives this program, which is not to warn about that

    def wait(self, service: str, ready: Callable[[], bool]) -> None:
        """Until it is ready; an early end or a time-out is an error with the end of its log."""
        deadline = time.monotonic() + PATIENCE
        while not ready():
            problem = ""
            if not self.layout.record(service).running():
                problem = "terminó al arrancar"
            elif time.monotonic() > deadline:
                problem = f"no respondió en {PATIENCE:.0f} s"
            if problem:
                log = self.layout.log(service)
                raise StackError(f"{service} {problem} (vea {log}):\n{install.last_lines(log)}")
            time.sleep(0.05)

    def running(self, service: str) -> Process | None:
        """The service's main process."""
        return self.layout.record(service).running()

    def port_must_be_free(self, service: str) -> None:
        """Refuse to start where somebody else listens."""
        port = self.layout.port_of(service)
        if not port_is_free(port):
            raise StackError(f"el puerto {port} ({service}) está ocupado por otro programa: use --port")

    def passwords(self) -> dict[str, str]:
        """The passwords between the services, made once."""
        known = install.read_json(self.layout.secrets)
        if not known:
            names = ("postgres", "ckan", "datastore", "redis", "secret_key", "admin")
            known = {name: secrets.token_urlsafe(24) for name in names}
            write_private(self.layout.secrets, json.dumps(known) + "\n")
        return {name: str(value) for name, value in known.items()}

    def solr_url(self) -> str:
        """The core that CKAN uses."""
        return self.external_solr or self.layout.own_solr

    def render(self) -> None:
        """Write the settings of this start."""
        known = self.passwords()
        state = str(self.layout.root)
        values = {
            "state": state,
            "site_url": self.layout.url,
            "solr_url": self.solr_url(),
            "secret_key": known["secret_key"],
            "ckan_password": known["ckan"],
            "datastore_password": known["datastore"],
            "redis_password": known["redis"],
            "postgres_port": str(self.layout.port_of("postgres")),
            "redis_port": str(self.layout.port_of("redis")),
        }
        for name in ("ckan.ini", "postgresql.conf", "redis.conf"):
            template = string.Template((HERE / "config" / name).read_text(encoding="utf-8"))
            escaped = {**values, "state": state.replace("%", "%%")} if name.endswith(".ini") else values
            target = self.layout.settings / name
            write_private(target, template.substitute(escaped))
            self.account.may_read(target)
        for name in ("wsgi.py", "provision.py"):
            shutil.copyfile(HERE / "inside" / name, self.layout.root / "app" / name)

    # --- PostgreSQL ---------------------------------------------------------------------------------------------------

    def programs(self) -> Path:
        """Where PostgreSQL's programs are."""
        folder = install.postgres_programs()
        if not folder:
            raise StackError("falta PostgreSQL")
        return folder

    def make_cluster(self) -> None:
        """A new database cluster, complete or not there at all."""
        layout = self.layout
        if layout.database.exists():
            made_by = (layout.database / "PG_VERSION").read_text(encoding="ascii").strip()
            here = install.version_of([str(self.programs() / "postgres"), "--version"])
            if here.split(".")[0] != made_by:
                raise StackError(f"los datos son de PostgreSQL {made_by} y aquí hay {here}: use --fresh (los borra)")
            return
        partial = layout.root / "pg.new"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        self.account.own(partial)
        password = layout.settings / "pg.password"
        write_private(password, self.passwords()["postgres"] + "\n")
        self.account.may_read(password)
        command = [str(self.programs() / "initdb"), "-D", str(partial), "-U", "postgres", "-E", "UTF8"]
        command += ["--locale=C.UTF-8", "-A", "scram-sha-256", f"--pwfile={password}", "--no-sync"]
        log = layout.log("initdb")
        credentials = self.account.credentials()
        code = install.quiet(command, log, 120, env=self.environment(), cwd=layout.root, **credentials)
        password.unlink()
        if code != 0:
            raise StackError(f"initdb no pudo crear la base de datos (vea {log}):\n{install.last_lines(log)}")
        partial.rename(layout.database)

    def postgres_remains(self) -> list[Process]:
        """What serves this cluster. Backends leave the postmaster's session; program and folder tell whose they are."""
        folder = str(self.layout.database)
        return [p for p in everything() if p.working_folder() == folder and Path(p.program()).name == "postgres"]

    def start_postgres(self) -> None:
        """The database server, loopback only."""
        self.make_cluster()
        for process in self.postgres_remains():
            end(process, signal.SIGQUIT, [], seconds=5)
        # Left by a killed server; PostgreSQL takes a zombie that nobody has collected yet for a living one
        (self.layout.database / "postmaster.pid").unlink(missing_ok=True)
        self.port_must_be_free("postgres")
        program = str(self.programs() / "postgres")
        settings = self.layout.settings / "postgresql.conf"
        command = [program, "-D", str(self.layout.database), "-c", f"config_file={settings}"]
        self.spawn("postgres", command, self.layout.database)

    def postgres_is_ready(self) -> bool:
        """The server itself writes its state into the eighth line of postmaster.pid."""
        try:
            lines = (self.layout.database / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        process = self.running("postgres")
        return process is not None and len(lines) > 7 and int(lines[0]) == process.pid and lines[7].strip() == "ready"

    def sql(self, statements: str, database: str = "postgres") -> str:
        """Run statements as the superuser; passwords go through standard input and the environment only."""
        port = str(self.layout.port_of("postgres"))
        command = ["psql", "-h", "127.0.0.1", "-p", port, "-U", "postgres", "-d", database]
        done = subprocess.run(  # noqa: S603
            [*command, "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-qtA"],
            check=False,
            input=statements,
            env={"PATH": os.environ.get("PATH", os.defpath), "PGPASSWORD": self.passwords()["postgres"]},
            capture_output=True,
            text=True,
            timeout=120,
            cwd="/",
        )
        if done.returncode != 0:
            raise StackError("PostgreSQL rechazó la preparación: " + done.stderr.strip().split("\n")[0])
        return done.stdout

    def make_databases(self) -> None:
        """CKAN's two databases and their users; may be repeated."""
        databases = self.sql("select datname from pg_database").split()
        if "datastore" in databases:
            return
        known = self.passwords()
        roles = self.sql("select rolname from pg_roles").split()
        for role, password in (("ckan", known["ckan"]), ("datastore_ro", known["datastore"])):
            self.sql(
                ("" if role in roles else f"create role {role} login;") + f"alter role {role} password '{password}'"
            )
        if "ckan" not in databases:
            self.sql("create database ckan owner ckan")
        self.sql("create database datastore owner ckan")

    # --- redis --------------------------------------------------------------------------------------------------------

    def start_redis(self) -> None:
        """Sessions and the queue of background jobs; nothing in it is worth keeping."""
        self.port_must_be_free("redis")
        program = install.redis_program()
        if not program:
            raise StackError("falta redis")
        executable = install.redis_executable()
        if executable:  # the program looks at the name that it is called by
            link = self.layout.root / "app" / "redis-server"
            link.unlink(missing_ok=True)
            link.symlink_to(executable)
            program = [str(link)]
        self.spawn("redis", [*program, str(self.layout.settings / "redis.conf")], self.layout.root / "redis")

    def redis_is_ready(self) -> bool:
        """It answers, if only that it wants a password."""
        try:
            with socket.create_connection(("127.0.0.1", self.layout.port_of("redis")), timeout=2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith((b"-NOAUTH", b"+PONG"))
        except OSError:
            return False

    # --- Solr ---------------------------------------------------------------------------------------------------------

    def schema(self) -> Path:
        """The schema that belongs to the installed CKAN."""
        found = list(self.layout.venv.glob("lib/python3*/site-packages/ckan/config/solr/schema.xml"))
        if len(found) != 1:
            raise StackError("la instalación de CKAN no contiene su esquema de Solr")
        return found[0]

    def start_solr(self) -> None:
        """One core, read from CKAN's own schema."""
        self.port_must_be_free("solr")
        home, ours = self.layout.solr / "home", HERE / "solr"
        conf = home / "ckan" / "conf"
        conf.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ours / "solr.xml", home / "solr.xml")
        shutil.copyfile(ours / "log4j2.xml", home / "log4j2.xml")
        shutil.copyfile(ours / "solrconfig.xml", conf / "solrconfig.xml")
        shutil.copyfile(self.schema(), conf / "schema.xml")
        for name in ("synonyms.txt", "protwords.txt"):
            (conf / name).touch()
        (home / "ckan" / "core.properties").write_text("name=ckan\n", encoding="ascii")
        for folder in (home, home / "ckan"):
            self.account.own(folder)
        java = shutil.which("java")
        if not java:
            raise StackError("falta java")
        command = [java, "-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        command += [f"-Dlog4j2.configurationFile={home}/log4j2.xml", f"-Dsolr.log.dir={home}/logs"]
        command += [f"-Djava.io.tmpdir={self.layout.root}/home", "-Ddisable.v2.api=true"]
        command += ["-cp", f"{self.layout.solr}/classes:{self.layout.solr}/lib/*", "SolrServer", str(home)]
        self.spawn("solr", [*command, str(self.layout.port_of("solr"))], home)

    def solr_is_ready(self) -> bool:
        """The core answers a search."""
        return answer(f"{self.solr_url()}/select?q=*:*&rows=0&wt=json") is not None

    def solr_version(self) -> str:
        """What Solr says of itself."""
        text = answer(f"{self.solr_url().rsplit('/', 1)[0]}/admin/info/system?wt=json")
        return str(json.loads(text).get("lucene", {}).get("solr-spec-version", "?")) if text else "?"

    # --- CKAN ---------------------------------------------------------------------------------------------------------

    def provision(self, *, reindex: bool) -> None:
        """Tables, permissions, administrator, token; the answer's token goes into its file and nowhere else."""
        layout = self.layout
        known = self.passwords()
        request = {
            "settings": str(layout.settings / "ckan.ini"),
            "admin": ADMIN,
            "password": known["admin"],
            "token": None if layout.token.exists() else f"pqrsd-{secrets.token_hex(4)}",
            "also": [["search-index", "rebuild", "-q"]] if reindex else [],
        }
        log = layout.log("provision")
        with log.open("ab") as errors:
            done = subprocess.run(  # noqa: S603
                [str(layout.venv / "bin/python"), str(layout.root / "app/provision.py")],
                check=False,
                input=json.dumps(request).encode(),
                stdout=subprocess.PIPE,
                stderr=errors,
                env=self.environment(),
                cwd=layout.root / "home",
                timeout=300,
                **self.account.credentials(),
            )
        if done.returncode != 0:
            raise StackError(f"CKAN no pudo preparar sus datos (vea {log}):\n{install.last_lines(log)}")
        result = json.loads(done.stdout)
        self.sql(result["permissions"])
        write_private(layout.password, known["admin"] + "\n")
        if "token" in result:
            write_private(layout.token, result["token"] + "\n")

    def start_ckan(self) -> None:
        """Gunicorn with CKAN; every request is one line of logs/access.log."""
        self.port_must_be_free("ckan")
        command = [str(self.layout.venv / "bin/python"), "-m", "gunicorn", "wsgi:application"]
        command += ["--bind", f"127.0.0.1:{self.layout.port}", "--workers", str(self.workers), "--threads", "4"]
        command += ["--timeout", "300", "--graceful-timeout", "5", "--no-control-socket"]
        command += ["--worker-tmp-dir", str(self.layout.root / "home"), "--pythonpath", str(self.layout.root / "app")]
        command += ["--access-logfile", "-", "--access-logformat", '%(t)s "%(m)s %(U)s" %(s)s %(b)s %(L)s "%(a)s"']
        settings = str(self.layout.settings / "ckan.ini")
        errors = self.layout.log("ckan")
        self.spawn("ckan", command, self.layout.root / "home", errors, PQRSD_CKAN_INI=settings)

    def ckan_status(self) -> dict[str, Any] | None:
        """What CKAN says of itself, once it answers."""
        text = answer(f"{self.layout.url}/api/3/action/status_show", timeout=30)
        return json.loads(text)["result"] if text else None

    def ckan_is_ready(self) -> bool:
        """The API answers."""
        return self.ckan_status() is not None

    # --- all ----------------------------------------------------------------------------------------------------------

    def start(self, service: str) -> bool:
        """Start a service unless it runs; whether it had to be started."""
        if self.running(service):
            return False
        self.stop(service)  # the workers of a head that was killed still hold its port
        getattr(self, f"start_{service}")()
        return True

    def ready(self, service: str) -> None:
        """Wait until it is ready."""
        self.wait(service, getattr(self, f"{service}_is_ready"))

    def stop(self, service: str, *, kill: bool = False) -> str | None:
        """End a service and its kin, and nothing else; what happened, nothing where there was nothing."""
        record = self.layout.record(service)
        head = record.recorded()
        remains = self.postgres_remains() if service == "postgres" else []
        if head is None and not remains:
            record.forget()
            return None
        head = head or remains[0]
        was_alive = head.alive()
        number = signal.SIGINT if service == "postgres" else signal.SIGTERM  # SIGINT: its fast shutdown
        try:
            killed = end(head, signal.SIGKILL if kill else number, remains)
        except PermissionError:
            raise StackError(f"{service} (pid {head.pid}) es de otro usuario: pare como quien lo levantó") from None
        record.forget()
        if kill:
            return "matado"
        if killed:
            return f"parado ({killed} procesos hubo que matarlos)"
        return "parado" if was_alive else "ya había terminado"
