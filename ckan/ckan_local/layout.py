"""Where everything of one stack lies, and its ports."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ckan_local.account import NAME, Account
from ckan_local.errors import StackError
from ckan_local.processes import Record

HERE = Path(__file__).resolve().parent.parent  # the folder ckan/
CLONE = HERE.parent
DEFAULT = CLONE / "data" / "ckan"
FALLBACK = Path("/var/lib") / NAME

SERVICES = ("postgres", "redis", "solr", "ckan")  # in the order of starting


@dataclass(frozen=True)
class Layout:
    """Folder and ports of one stack."""

    root: Path
    port: int  # CKAN's; PostgreSQL, redis and Solr take the three that follow

    @property
    def url(self) -> str:
        """CKAN's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def own_solr(self) -> str:
        """The address of the core in the Solr that this stack starts."""
        return f"http://127.0.0.1:{self.port_of('solr')}/solr/ckan"

    def port_of(self, service: str) -> int:
        """A service's port."""
        return self.port + ("ckan", "postgres", "redis", "solr").index(service)

    def record(self, service: str) -> Record:
        """The file with the service's process."""
        return Record(self.root / "run" / f"{service}.json")

    def log(self, name: str) -> Path:
        """A log file."""
        return self.root / "logs" / f"{name}.log"

    @property
    def token(self) -> Path:
        """The administrator's API token, mode 600."""
        return self.root / "token"

    @property
    def password(self) -> Path:
        """The administrator's password for the web pages, mode 600."""
        return self.root / "admin.password"

    @property
    def secrets(self) -> Path:
        """Passwords between the services, mode 600."""
        return self.root / "secrets.json"

    @property
    def facts(self) -> Path:
        """What runs, for programs: address, ports, versions, where the token is."""
        return self.root / "stack.json"

    @property
    def provisioned(self) -> Path:
        """What the data was last prepared for."""
        return self.root / "provisioned.json"

    @property
    def venv(self) -> Path:
        """CKAN's environment."""
        return self.root / "venv"

    @property
    def solr(self) -> Path:
        """Solr's jars, launcher and home."""
        return self.root / "solr"

    @property
    def database(self) -> Path:
        """PostgreSQL's cluster."""
        return self.root / "pg"

    @property
    def settings(self) -> Path:
        """Rendered configuration; readable by the services' user only."""
        return self.root / "etc"

    @property
    def data(self) -> tuple[Path, ...]:
        """What --fresh removes: everything except what was downloaded."""
        folders = (self.database, self.solr / "home", self.root / "storage", self.root / "redis", self.settings)
        return (*folders, self.token, self.password, self.secrets, self.provisioned, self.facts)

    def prepare(self, account: Account) -> None:
        """Make the folders. The services' user owns what it writes and only that; the records stay ours."""
        for name in ("run", "logs", "etc", "app", "solr"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        account.may_read(self.settings)
        for name in ("home", "storage", "webassets", "redis"):
            folder = self.root / name
            folder.mkdir(exist_ok=True)
            account.own(folder)
            folder.chmod(0o750)


def state_folder(requested: Path | None, account: Account) -> Path:
    """The stack's folder, reachable by the services' user.

    A clone below a closed folder (root's home, `mktemp -d`) is not: then data/ckan becomes a link to a folder of the
    system that is. A folder that somebody asked for is used or refused, never replaced.
    """
    root = (requested or DEFAULT).absolute()
    if not root.exists():
        root.parent.mkdir(parents=True, exist_ok=True)
        if root.is_symlink():  # what it led to was removed
            root.unlink()
        root.mkdir()
    root = root.resolve()
    if account.reaches(root):
        return root
    if requested:
        raise StackError(f"el usuario {account.name} no puede entrar en {root}: elija otra carpeta con --dir")
    if any(DEFAULT.iterdir()):
        raise StackError(f"el usuario {account.name} ya no puede entrar en {root}: bórrela o use --dir")
    target = FALLBACK / hashlib.sha256(str(CLONE).encode()).hexdigest()[:12]
    target.mkdir(parents=True, exist_ok=True)
    DEFAULT.rmdir()
    DEFAULT.symlink_to(target)
    return target
