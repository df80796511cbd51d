"""What has to be on the machine, and what is installed below the stack's folder."""

from __future__ import annotations

import ctypes.util
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from ckan_local.account import Account
from ckan_local.errors import StackError
from ckan_local.layout import HERE, Layout

INTERPRETERS = ("python3", "python3.11", "python3.12", "python3.13", "python3.10", "python3.14")
PATHS = ("/usr/bin", "/usr/local/bin")
SUITABLE = "import sys, ssl, ctypes; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))"


def quiet(command: list[str], log: Path, seconds: float, **options: Any) -> int:
    """Run an installer with its output in a log; its exit code."""
    with log.open("ab") as output:
        output.write(f"$ {' '.join(command)}\n".encode())
        output.flush()
        try:
            return subprocess.run(  # noqa: S603
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=seconds,
                **options,
            ).returncode
        except subprocess.TimeoutExpired:
            return -1


def last_lines(log: Path, count: int = 8) -> str:
    """The end of a log, for a message."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
    except OSError:
        return ""
    return "\n".join(f"    {line[:220]}" for line in lines)


# --- programs ---------------------------------------------------------------------------------------------------------


def postgres_programs() -> Path | None:
    """The folder with initdb and postgres: the newest that Debian has put aside, or the one on the path."""
    versions = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/initdb") if (p.parent / "postgres").exists()]
    if versions:
        return max(versions, key=lambda folder: float(folder.parent.name))
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb and shutil.which("postgres") else None


def redis_program() -> list[str] | None:
    """How to start redis: Debian's redis-tools hold the server under another name, and install no system service."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return [found]
    return ["redis-server"] if shutil.which("redis-check-rdb") else None


def redis_executable() -> str | None:
    """The file to execute when the first argument only says what it should be."""
    return None if shutil.which("redis-server") or shutil.which("valkey-server") else shutil.which("redis-check-rdb")


def interpreter(account: Account) -> str | None:
    """A Python 3.10 to 3.14 that the services' user can execute (not root's own pyenv)."""
    found = [os.path.realpath(sys.executable)]
    found += [str(Path(folder) / name) for folder in PATHS for name in INTERPRETERS]
    found += [path for name in INTERPRETERS if (path := shutil.which(name))]
    return next((p for p in found if Path(p).exists() and account.succeeds([p, "-c", SUITABLE])), None)


def uv() -> str:
    """The installer: a development dependency of the project, beside the running Python."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        raise StackError("falta `uv`: ejecute antes `make setup`, o instálelo con pip")
    return found


def java_version() -> int:
    """The major version of Java, 0 where there is none."""
    java = shutil.which("java")
    if not java:
        return 0
    done = subprocess.run([java, "-version"], check=False, capture_output=True, text=True, timeout=60)  # noqa: S603
    match = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(match.group(1)) if match else 0


def missing(account: Account, layout: Layout, own_solr: bool) -> dict[str, str]:
    """What the machine lacks: Debian's package → what it is for."""
    lacking = {}
    if not postgres_programs():
        lacking["postgresql"] = "el servidor PostgreSQL (initdb, postgres)"
    if not shutil.which("psql"):
        lacking["postgresql-client"] = "psql"
    if not redis_program():
        lacking["redis-tools"] = "el servidor redis"
    if not ctypes.util.find_library("magic"):
        lacking["libmagic1"] = "libmagic, que CKAN carga"
    if not interpreter(account):
        lacking["python3"] = f"un Python de 3.10 a 3.14 que el usuario {account.name} pueda ejecutar"
    if own_solr:
        installed = solr_is_installed(layout)
        if java_version() < 11 or not (installed or shutil.which("javac")):
            lacking["default-jdk-headless"] = "Java 11 o posterior con su compilador, para Solr"
        if not installed and not shutil.which("mvn"):
            lacking["maven"] = "mvn, que trae Solr"
    return lacking


def debian_packages(packages: list[str], layout: Layout) -> None:
    """Install with apt-get, starting no service and creating no database of the system's."""
    log = layout.log("apt")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "UCF_FORCE_CONFFOLD": "1"}
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    cluster = Path("/etc/postgresql-common/createcluster.conf")
    if "postgresql" in packages and not cluster.exists():
        cluster.parent.mkdir(parents=True, exist_ok=True)
        cluster.write_text("create_main_cluster = false\n", encoding="ascii")
    try:
        if ours:
            policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
            policy.chmod(0o755)
        options = ["-o", "Dpkg::Options::=--force-confold", "-o", "DPkg::Lock::Timeout=120"]
        done = quiet(["apt-get", "update", "-q"], log, 300, env=environment)
        if done == 0:
            command = ["apt-get", *options, "install", "-q", "-y", "--no-install-recommends", *packages]
            done = quiet(command, log, 900, env=environment)
    finally:
        if ours:
            policy.unlink(missing_ok=True)
    if done != 0:
        raise StackError(f"apt-get no pudo instalar {' '.join(packages)} (vea {log}):\n{last_lines(log)}")


def refuse(lacking: dict[str, str]) -> None:
    """Say plainly what the machine lacks."""
    lines = "".join(f"\n    {package}: {reason}" for package, reason in lacking.items())
    raise StackError(f"falta en esta máquina (paquete de Debian: para qué):{lines}")


def lacking(account: Account, layout: Layout, own_solr: bool) -> dict[str, str]:
    """What can and has to be installed: nothing, or root's apt-get brings it; anywhere else the end."""
    found = missing(account, layout, own_solr)
    if found and not (os.geteuid() == 0 and shutil.which("apt-get")):
        refuse(found)
    return found


def install_packages(wanted: dict[str, str], account: Account, layout: Layout, own_solr: bool) -> str:
    """Install them; what to tell the person."""
    if not wanted:
        return "no faltaba ninguno"
    debian_packages(sorted(wanted), layout)
    still = missing(account, layout, own_solr)
    if still:
        refuse(still)
    return ", ".join(sorted(wanted))


# --- what is installed below the folder -------------------------------------------------------------------------------


def digest(*files: Path, also: str = "") -> str:
    """Identifies what an installation was made from."""
    total = hashlib.sha256(also.encode())
    for file in files:
        total.update(file.read_bytes())
    return total.hexdigest()


def stamped(stamp: Path, expected: str) -> bool:
    """Whether an installation is complete and made from the same files."""
    return stamp.exists() and stamp.read_text(encoding="ascii").strip() == expected


def venv_digest() -> str:
    """What CKAN's environment is made from."""
    return digest(HERE / "requirements.lock")


def install_venv(account: Account, layout: Layout) -> bool:
    """CKAN and its plugins, every file checked against requirements.lock. Whether there was anything to do."""
    stamp = layout.venv / ".installed"
    if stamped(stamp, venv_digest()) and account.succeeds([str(layout.venv / "bin/python"), "-c", SUITABLE]):
        return False
    log = layout.log("venv")
    python = interpreter(account)
    if not python:
        raise StackError("no hay un Python que sirva")
    shutil.rmtree(layout.venv, ignore_errors=True)
    lock = str(HERE / "requirements.lock")
    target = str(layout.venv / "bin/python")
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    environment.pop("VIRTUAL_ENV", None)
    make = [uv(), "venv", "--quiet", "--python", python, str(layout.venv)]
    # two pure-Python packages are published as source only: what builds them is pinned by the same file
    fill = [uv(), "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--compile-bytecode"]
    fill += ["--build-constraints", lock, "--python", target, "-r", lock]
    for command in (make, fill):
        if quiet(command, log, 900, env=environment, cwd=layout.root) != 0:
            raise StackError(f"no se pudo instalar CKAN (vea {log}):\n{last_lines(log)}")
    stamp.write_text(venv_digest() + "\n", encoding="ascii")
    return True


def solr_digest() -> str:
    """What Solr's folder is made from."""
    return digest(*(HERE / "solr" / name for name in ("pom.xml", "jars.sha256", "SolrServer.java")))


def solr_is_installed(layout: Layout) -> bool:
    """Whether the jars and the launcher are there."""
    return stamped(layout.solr / ".installed", solr_digest())


def check_jars(folder: Path) -> None:
    """Exactly the jars of jars.sha256, byte for byte."""
    lines = (HERE / "solr" / "jars.sha256").read_text(encoding="ascii").splitlines()
    expected = {name: value for value, name in (line.split() for line in lines)}
    present = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.iterdir()}
    wrong = sorted(name for name in expected.keys() | present.keys() if expected.get(name) != present.get(name))
    if wrong:
        raise StackError(f"jars de Solr distintos de los de ckan/solr/jars.sha256: {', '.join(wrong[:5])}")


def install_solr(layout: Layout) -> bool:
    """Solr's jars through Maven, checked against their list, and the launcher. Whether there was anything to do."""
    if solr_is_installed(layout):
        return False
    log = layout.log("maven")
    jars, classes = layout.solr / "lib", layout.solr / "classes"
    for folder in (jars, classes):
        shutil.rmtree(folder, ignore_errors=True)
    pom = layout.solr / "pom.xml"  # a copy, so that Maven leaves nothing in the clone
    shutil.copyfile(HERE / "solr" / "pom.xml", pom)
    command = ["mvn", "--batch-mode", "--quiet", "--strict-checksums", "--file", str(pom)]
    command += ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
    if quiet(command, log, 600, cwd=layout.solr) != 0:
        raise StackError(
            f"Maven no pudo traer Solr 9 (vea {log}):\n{last_lines(log)}\n"
            "  Sin Solr no hay CKAN y no se usa ningún sustituto: con --solr URL se usa otro Solr 9 que tenga el\n"
            "  esquema de CKAN 2.12 (por ejemplo el de ckan/compose.yaml)."
        )
    check_jars(jars)
    javac = ["javac", "--release", "11", "-d", str(classes), "-cp", f"{jars}/*", str(HERE / "solr" / "SolrServer.java")]
    if quiet(javac, log, 120) != 0:
        raise StackError(f"no se pudo compilar SolrServer.java (vea {log}):\n{last_lines(log)}")
    (layout.solr / ".installed").write_text(solr_digest() + "\n", encoding="ascii")
    return True


def version_of(command: list[str]) -> str:
    """The first dotted number that a program prints about itself."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)  # noqa: S603
    match = re.search(r"\d+\.\d+(\.\d+)?", done.stdout)
    return match.group() if match else "?"


def read_json(path: Path) -> dict[str, Any]:
    """A file's content, empty where there is none."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return content
