"""Who the services run as: never root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckan_local.errors import StackError

NAME = "pqrsd-ckan"


@dataclass(frozen=True)
class Account:
    """The user of the four services."""

    name: str
    uid: int
    gid: int
    switched: bool  # True when this process is root and has to change to it

    def credentials(self) -> dict[str, Any]:
        """Arguments of subprocess that change to this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switched else {}

    def own(self, path: Path) -> None:
        """Give it one file or folder."""
        if self.switched:
            os.chown(path, self.uid, self.gid)

    def may_read(self, path: Path) -> None:
        """Let it read a file that stays ours."""
        if self.switched:
            os.chown(path, os.getuid(), self.gid)
        path.chmod(0o750 if path.is_dir() else 0o640)

    def succeeds(self, command: list[str]) -> bool:
        """Whether this user can run the command with success."""
        try:
            done = subprocess.run(  # noqa: S603
                command,
                check=False,
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
                **self.credentials(),
            )
        except (OSError, subprocess.SubprocessError):
            return False
        return done.returncode == 0

    def reaches(self, path: Path) -> bool:
        """Whether this user can enter the folder."""
        return self.succeeds([shutil.which("test") or "/usr/bin/test", "-x", str(path)])


def service_account() -> Account:
    """The current user, or for root a system user without login that is created once."""
    if os.geteuid() != 0:
        return Account(name=pwd.getpwuid(os.geteuid()).pw_name, uid=os.geteuid(), gid=os.getegid(), switched=False)
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        useradd = shutil.which("useradd")
        if not useradd:
            raise StackError(f"falta `useradd` para crear el usuario {NAME}; o ejecute sin ser root") from None
        shell = shutil.which("nologin") or shutil.which("false") or "/bin/false"
        command = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        command += ["--shell", shell, NAME]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode != 0:
            raise StackError(f"no se pudo crear el usuario {NAME}: {done.stderr.strip()}") from None
        entry = pwd.getpwnam(NAME)
    return Account(name=NAME, uid=entry.pw_uid, gid=entry.pw_gid, switched=True)
