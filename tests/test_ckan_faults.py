"""Faults at every step of a publication to a real CKAN: the next run ends in the right state (`make test-ckan`).

FULL=1 injects 500; otherwise a seeded sample that covers every kind. Publications change one dataset again and again,
so that what one fault leaves behind would show in the next.
"""

import os
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.portal import PortalConflict, publish
from pipeline.portal.ckan.client import read_token
from tests.ckan_faults import REFUSED, Fault, faults, nothing, publish_under
from tests.ckan_portal import Chain, Stack, accepts, anonymous_package, at_rest, portal_of, removed_afterwards, stack

INJECTED = int(os.environ.get("PQRSD_FAULTS") or (500 if os.environ.get("FULL") else 14))
FIRST = int(os.environ.get("PQRSD_FAULTS_FROM") or 0)
"""Where in the sequence of faults to begin."""

IN_ONE_DATASET = 8
SEED = 20_260_701


@pytest.fixture(scope="module")
def place() -> Iterator[Stack]:
    """The stack, with its files in a small file system where this machine lets the tests mount one."""
    found = stack()
    mounted = os.geteuid() == 0 and _mount(found.storage)
    try:
        yield found
    finally:
        found.control("up")
        if mounted:
            _unmount(found.storage)


def _mount(storage: Path) -> bool:
    aside = storage.with_name("storage-afuera")
    subprocess.run(["cp", "-a", str(storage), str(aside)], check=True)
    owner = storage.stat()
    options = f"size=128m,mode={owner.st_mode & 0o777:o},uid={owner.st_uid},gid={owner.st_gid}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(storage)], capture_output=True, check=False
    )
    if done.returncode == 0:
        subprocess.run(["cp", "-a", f"{aside}/.", str(storage)], check=True)
    shutil.rmtree(aside)
    return done.returncode == 0


def _unmount(storage: Path) -> None:
    aside = storage.with_name("storage-afuera")
    subprocess.run(["cp", "-a", str(storage), str(aside)], check=True)
    subprocess.run(["umount", "-l", str(storage)], check=True)
    subprocess.run(["cp", "-a", f"{aside}/.", str(storage)], check=True)
    shutil.rmtree(aside)


def _requests_of_a_publication(place: Stack, tmp_path: Path) -> int:
    """How many requests one makes: the places where a fault can be."""
    with removed_afterwards(place, Chain(tmp_path)) as chain:
        publish_under(place, chain, 1, tmp_path / "work", Fault("ninguno"), 0)
        code, count = publish_under(place, chain, 2, tmp_path / "work", Fault("ninguno"), 0)
    assert code == 0
    return count


@pytest.mark.timeout(0 if INJECTED > 20 else 1200)
def test_after_any_fault_the_next_run_ends_in_the_right_state(
    place: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = read_token(place.token_file)
    steps = _requests_of_a_publication(place, tmp_path / "cuenta")
    rng = random.Random(SEED)
    kinds = sorted(faults(place, "x", token))
    plan = [(kinds[i % len(kinds)], rng.random()) for i in range(FIRST + INJECTED)][FIRST:]
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    done = 0
    while done < INJECTED:
        batch = plan[done : done + IN_ONE_DATASET]
        root = tmp_path / f"d{done}"
        with removed_afterwards(place, Chain(root)) as chain:
            found = stack()
            publish(portal_of(found.client(), root / "work"), chain.release(1), verify=accepts)
            for number, (kind, where) in enumerate(batch, start=2):
                at = 1 + int(where * steps)
                fault = faults(found, chain.dataset, token)[kind]()
                outcome, problems = _one(found, chain, number, root, fault, at)
                outcomes[f"{kind}: {outcome}"] += 1
                wrong += _told([f"{kind} en la petición {at} de {steps}: {problem}" for problem in problems], capsys)
        shutil.rmtree(root)
        done += len(batch)
        if INJECTED > 20:
            with capsys.disabled():
                print(f"  {done} de {INJECTED}: {len(wrong)} mal", flush=True)  # noqa: T201 - an hour of silence
    with capsys.disabled():
        lines = "\n".join(f"  {what}: {n}" for what, n in sorted(outcomes.items()))
        print(f"\n{INJECTED} fallas en {steps} pasos; estados malos: {len(wrong)}\n{lines}")  # noqa: T201
    assert wrong == []


def _told(problems: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Says at once what is wrong: a long run should not have to end first."""
    with capsys.disabled():
        for problem in problems:
            print(f"\n  {problem}", flush=True)  # noqa: T201
    return problems


def _one(place: Stack, chain: Chain, number: int, root: Path, fault: Fault, at: int) -> tuple[str, list[str]]:
    """One fault, its healing, the next run; what the faulted run said and what is wrong in the end."""
    problems: list[str] = []
    if fault.name == "dos publicadores":
        code = _two_publishers(place, chain, number, root)
    else:
        code, _ = publish_under(place, chain, number, root / "work", fault, at)
    fault.heal()
    if code not in fault.expected:
        problems.append(f"salió con {code}")
    # a reader at this moment has the former release or the new one, whole
    shown = anonymous_package(place, chain.dataset)
    versions = {f"{2000 + n}.1.0" for n in (number - 1, number)}
    if shown is None or str(shown["version"]) not in versions:
        problems.append("lo público no es ni la anterior ni la nueva")
    portal = portal_of(place.client(), root / "work")
    if fault.name == "edición ajena":
        problems += _undone(place, chain, number, root)
    publish(portal, chain.release(number), verify=accepts)
    problems += at_rest(place, chain, number, root / "work")
    return {0: "publicó", REFUSED: "se negó"}.get(code, "murió"), problems


def _undone(place: Stack, chain: Chain, number: int, root: Path) -> list[str]:
    """The foreign edit is still there after the run; the person who made it takes it back."""
    client = place.client()
    shown = client.read("package_show", id=chain.dataset)
    if shown["author_email"] != "x@ejemplo.invalid":
        # the switch came between reading and editing: nothing of the edit is left to overwrite
        return []
    problems = []
    try:
        publish(portal_of(client, root / "work"), chain.release(number), verify=accepts)
        problems.append("la edición ajena fue sobrescrita")
    except PortalConflict:
        pass
    client.write("package_patch", {"id": shown["id"], "author_email": ""}, look=nothing)
    return problems


def _two_publishers(place: Stack, chain: Chain, number: int, root: Path) -> int:
    """Another data folder publishes the same release at the same time."""
    import threading

    codes: list[int] = []
    chain.release(number)
    threads = [
        threading.Thread(
            target=lambda name=name: codes.append(
                publish_under(place, chain, number, root / name, Fault("ninguno"), 0)[0]
            )
        )
        for name in ("work", "otro")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(codes)
