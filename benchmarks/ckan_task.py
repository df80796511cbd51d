"""One measurement as a process of its own: what it is told, and how it answers.

What belongs here: arguments, seconds, memory. What does not: what is measured. Nothing heavy is imported, because a
process started from here is charged with the memory of the one that starts it (getrusage after vfork).
"""

import argparse
import json
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Task:
    """Where the CKAN is, how many rows, and the folder that the tasks of a run share."""

    name: str
    rows: int
    url: str
    token_file: Path
    work: Path

    @property
    def release(self) -> Path:
        """The release that is published."""
        return self.work / "entrega"

    @property
    def token(self) -> str:
        """The token; never printed."""
        return self.token_file.read_text(encoding="utf-8").strip()

    @property
    def plan(self) -> dict[str, Any]:
        """What `construir` found out about the release, for those who must not import the pipeline."""
        return dict(json.loads((self.work / "plan.json").read_text(encoding="utf-8")))

    def command(self) -> list[str]:
        """Its arguments."""
        return [self.name, str(self.rows), self.url, str(self.token_file), str(self.work)]


def run(acts: Mapping[str, Callable[[Task], dict[str, Any]]], *, whose: int = resource.RUSAGE_SELF) -> None:
    """Does the task of the command line and prints its figures: seconds, seconds of CPU, megabytes, what it says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=acts)
    parser.add_argument("rows", type=int)
    parser.add_argument("url")
    parser.add_argument("token_file", type=Path)
    parser.add_argument("work", type=Path)
    task = Task(**vars(parser.parse_args()))
    before, start = resource.getrusage(whose), time.perf_counter()
    found = acts[task.name](task)
    seconds, after = time.perf_counter() - start, resource.getrusage(whose)
    figures = {
        "segundos": seconds,
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "memoria_mb": after.ru_maxrss / 1024,
    }
    print(json.dumps(figures | found))
