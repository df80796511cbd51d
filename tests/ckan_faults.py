"""Faults to put between a publisher and a real CKAN, at one chosen request of a publication.

What belongs here: the faults and the child process that publishes under one. What does not: judging what is left.

Each is done for real: signals to real processes, services really stopped, a full file system, an answer read and thrown
away. The publisher is a child process, so that it can die as processes die.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from pipeline.errors import PqrsdError
from pipeline.portal import publish
from pipeline.portal.ckan.client import Client, Timeouts
from tests.ckan_portal import STATE, Chain, Stack, accepts, part, portal_of

PATIENCE = Timeouts(connect=3, read=8, patience=10)
KILLED = 9
REFUSED = 3
"""Exit code of a publisher that ended with an error of ours."""

Hook = Callable[[], None]


def nothing() -> None:
    """No act."""


@dataclass(frozen=True)
class Fault:
    """What happens before the request is sent, what becomes of its answer, and what heals it afterwards."""

    name: str
    before: Hook = nothing
    answer: Callable[[Callable[[float | None], Any]], Any] = lambda send: send(None)
    heal: Hook = nothing
    expected: tuple[int, ...] = (0, REFUSED)


def die(send: Callable[[float | None], Any]) -> Any:
    """The publisher is killed with its request done and the answer unread."""
    send(None)
    os._exit(KILLED)


def drop_answer(send: Callable[[float | None], Any]) -> Any:
    """The server did it and nobody is told."""
    send(None)
    raise requests.ConnectionError("la respuesta no llegó")


def drop_request(_: Callable[[float | None], Any]) -> Any:
    """The request never arrives."""
    raise requests.ConnectionError("la petición no llegó")


def too_slow(send: Callable[[float | None], Any]) -> Any:
    """The server answers after the publisher stopped waiting, and goes on working."""
    return send(0.001)


def faults(place: Stack, dataset: str, token: str) -> dict[str, Callable[[], Fault]]:
    """Every kind of fault, by name; each call gives a fresh one."""

    def outage(service: str) -> Fault:
        # while it is down the request is on its way; it comes back while the publisher still tries, or after
        def stop() -> None:
            place.control("down", service)
            threading.Timer(1.5, lambda: place.control("up", service)).start()

        return Fault(f"{service} parado y arrancado", before=stop, heal=lambda: place.control("up"))

    def worker() -> Fault:
        return Fault("proceso de CKAN matado", before=lambda: _kill_a_worker(delay=0.02))

    def disk() -> Fault:
        filler = place.storage / "relleno"
        return Fault("disco lleno", before=lambda: _fill(filler), heal=lambda: filler.unlink(missing_ok=True))

    def expired() -> Fault:
        def spoil() -> None:
            os.environ["PQRSD_TEST_TOKEN"] = "vencido" * 6

        return Fault("token vencido", before=spoil)

    def edit() -> Fault:
        def change() -> None:
            client = Client(place.url, token)
            found = client.find("package_show", id=dataset)
            if found:
                client.write("package_patch", {"id": found["id"], "author_email": "x@ejemplo.invalid"}, look=nothing)

        return Fault("edición ajena", before=change)

    kinds: dict[str, Callable[[], Fault]] = {
        "cliente muerto antes": lambda: Fault(
            "cliente muerto antes", before=lambda: os._exit(KILLED), expected=(KILLED,)
        ),
        "cliente muerto después": lambda: Fault("", answer=die, expected=(KILLED,)),
        "respuesta perdida": lambda: Fault("respuesta perdida", answer=drop_answer),
        "petición perdida": lambda: Fault("petición perdida", answer=drop_request),
        "servidor lento": lambda: Fault("servidor lento", answer=too_slow),
        "proceso de CKAN matado": worker,
        "ckan parado": lambda: outage("ckan"),
        "postgres parado": lambda: outage("postgres"),
        "solr parado": lambda: outage("solr"),
        "redis parado": lambda: outage("redis"),
        "token vencido": expired,
        "edición ajena": edit,
        "dos publicadores": lambda: Fault("dos publicadores"),
    }
    if _small_file_system(place.storage):
        kinds["disco lleno"] = disk
    return kinds


class FaultyTransport(HTTPAdapter):
    """The real transport, with a fault at request number `at` of the publication."""

    def __init__(self, fault: Fault, at: int, count: Any) -> None:
        super().__init__()
        self._fault, self._at, self._count = fault, at, count

    def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]
        with self._count.get_lock():
            self._count.value += 1
            mine = self._count.value == self._at
        if mine:
            self._fault.before()

        def real(read: float | None) -> Any:
            if read is not None:
                options["timeout"] = (3, read)
            return super(FaultyTransport, self).send(request, **options)

        token = os.environ.get("PQRSD_TEST_TOKEN")
        if token and "Authorization" in request.headers:
            request.headers["Authorization"] = request.headers["X-CKAN-API-Key"] = token
        return self._fault.answer(real) if mine else real(None)


def publish_under(place: Stack, chain: Chain, number: int, work: Path, fault: Fault, at: int) -> tuple[int, int]:
    """Publishes in a child with a fault at one request; its exit code and how many requests it made."""
    context = multiprocessing.get_context("fork")
    count = context.Value("i", 0)

    def run() -> None:
        def transport() -> requests.Session:
            session = requests.Session()
            session.mount("http://", FaultyTransport(fault, at, count))
            return session

        try:
            publish(portal_of(place.client(transport, PATIENCE), work), chain.release(number), verify=accepts)
        except PqrsdError as refused:
            sys.stderr.write(f"{refused}\n")
            sys.stderr.flush()
            os._exit(REFUSED)
        os._exit(0)

    child = context.Process(target=run)
    child.start()
    child.join(180)
    if child.exitcode is None:
        child.kill()
        child.join()
    return int(child.exitcode or 0), int(count.value)


def _kill_a_worker(delay: float) -> None:
    record = part("processes").Record(STATE / "run" / "ckan.json")
    head = record.running()
    children = [p for p in part("processes").everything() if head and p.parent == head.pid]
    if children:
        victim = children[int(time.monotonic() * 1000) % len(children)]
        threading.Timer(delay, lambda: victim.send(signal.SIGKILL)).start()


def _small_file_system(storage: Path) -> bool:
    """Whether the portal's files lie in a file system of their own that may be filled."""
    return storage.exists() and os.path.ismount(storage)


def _fill(filler: Path) -> None:
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=64k"], capture_output=True, check=False)
