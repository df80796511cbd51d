"""Processes known by pid, start time and boot, so that a reused pid is never taken for ours.

Everything is read from /proc: no name is searched for, and a signal goes through a pidfd whose process was checked
after the descriptor was opened.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PROC = Path("/proc")
ORPHANS = 1.0  # seconds that children have to follow their head


@dataclass(frozen=True)
class Process:
    """One process, as the kernel identifies it."""

    pid: int
    started: int  # clock ticks after boot
    parent: int
    session: int
    user: int

    @classmethod
    def read(cls, pid: int) -> Process | None:
        """The living process with this pid; a zombie counts as gone."""
        try:
            text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
            user = (PROC / str(pid)).stat().st_uid
        except OSError:
            return None
        fields = text[text.rindex(")") + 2 :].split()  # the name before it may hold spaces and parentheses
        if fields[0] in "ZXx":
            return None
        return cls(pid=pid, started=int(fields[19]), parent=int(fields[1]), session=int(fields[3]), user=user)

    def alive(self) -> bool:
        """Whether this very process still runs."""
        now = Process.read(self.pid)
        return now is not None and now.started == self.started

    def send(self, number: signal.Signals) -> None:
        """Signal this process, never a successor that got its pid."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.alive():
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            pass  # it ended between the look and the signal
        finally:
            os.close(descriptor)

    def working_folder(self) -> str:
        """Its current folder, empty where it cannot be read."""
        try:
            return str((PROC / str(self.pid) / "cwd").readlink())
        except OSError:
            return ""

    def program(self) -> str:
        """Its executable, empty where it cannot be read."""
        try:
            return str((PROC / str(self.pid) / "exe").readlink())
        except OSError:
            return ""


def everything() -> list[Process]:
    """All living processes."""
    found = (Process.read(int(entry.name)) for entry in PROC.iterdir() if entry.name.isdigit())
    return [process for process in found if process]


def boot() -> str:
    """Identifies this boot: start times of another one mean nothing."""
    return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


class Record:
    """The file that says which process is a service's."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, process: Process) -> None:
        """Write it whole or not at all."""
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"boot": boot(), **asdict(process)}) + "\n", encoding="ascii")
        temporary.replace(self.path)

    def recorded(self) -> Process | None:
        """What the file says, alive or not; nothing when it belongs to another boot."""
        try:
            content = json.loads(self.path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        if content.pop("boot") != boot():
            return None
        return Process(**content)

    def running(self) -> Process | None:
        """The recorded process if it still runs."""
        process = self.recorded()
        return process if process and process.alive() else None

    def forget(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def family(head: Process) -> list[Process]:
    """The process, its descendants, and what stayed in its session when it died.

    The kernel gives a session's number to no new process while a member lives: as long as the leader's pid is not
    somebody else's, the members are the leader's kin.
    """
    leader = Process.read(head.pid)
    if leader and leader.started != head.started:
        return []
    present = everything()
    kin = {p.pid: p for p in present if p.session == head.pid and p.started >= head.started}
    if not leader:
        kin = {pid: p for pid, p in kin.items() if p.user == head.user}
    grew = True
    while grew:
        more = {p.pid: p for p in present if p.parent in kin and p.pid not in kin}
        kin.update(more)
        grew = bool(more)
    return list(kin.values())


def gone(processes: list[Process], seconds: float) -> list[Process]:
    """Wait until all have ended; the ones that have not after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        left = [process for process in processes if process.alive()]
        if not left or time.monotonic() >= deadline:
            return left
        time.sleep(0.02)


def end(head: Process, number: signal.Signals, also: list[Process], seconds: float = 20) -> int:
    """Ask the head to end, wait for it and its kin, kill what stays. Answers how many had to be killed."""
    kin = {p.pid: p for p in [*family(head), *also]}
    head.send(number)
    gone([head], seconds)
    left = gone(list(kin.values()), ORPHANS)
    for process in left:
        process.send(signal.SIGKILL)
    if gone(left, 10):
        raise OSError(f"no terminan los procesos {', '.join(str(process.pid) for process in left)}")
    return len(left)


def spawn(
    command: list[str],
    *,
    record: Record,
    folder: Path,
    environment: dict[str, str],
    credentials: dict[str, Any],
    output: Path,
    errors: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a service in a session of its own and record it."""
    with output.open("ab") as out, (errors or output).open("ab") as err:
        child = subprocess.Popen(  # noqa: S603 - the command is this package's own
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
            umask=0o027,
            **credentials,
        )
    process = Process.read(child.pid)
    if process:
        record.save(process)
    return child
