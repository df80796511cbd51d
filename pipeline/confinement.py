"""Keeps the open wing's process away from the restricted wing's files, whatever its code asks for.

What belongs here: closing paths to this process for good. What does not: DuckDB's own lock (`pipeline.stores.open`)
and the separation by operating-system user, which is the guarantee of a production deployment.

Two layers. Landlock (Linux ≥ 5.13, kernel documentation `userspace-api/landlock`) makes the kernel refuse, also to
native code and child processes. Where the kernel has none, a Python audit hook refuses what Python itself opens.
"""

import ctypes
import os
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH, _NO_NEW_PRIVS = 1, 1, 38
_WRITE_FILE, _READ_FILE, _READ_DIR, _REFER, _TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 13, 1 << 14
_FILE_RIGHTS = _WRITE_FILE | _READ_FILE | _TRUNCATE

_confined: set[Path] = set()


class Level(StrEnum):
    """What enforces the confinement."""

    KERNEL = "nucleo"
    INTERPRETER = "interprete"


class _RulesetAttr(ctypes.Structure):
    _fields_ = (("handled_access_fs", ctypes.c_uint64),)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def confine(closed: Iterable[Path]) -> Level:
    """Closes `closed` to this process and its children, irrevocably; says which layer holds.

    Repeating the call with the same paths changes nothing.
    """
    paths = {Path(os.path.realpath(path)) for path in closed}
    if not paths - _confined:
        return Level.KERNEL if _abi() > 0 else Level.INTERPRETER
    # a child of a confined process is confined already, and may not even list what is beside the closed paths
    kernel = _refused(paths) or _landlock(paths)
    if not _confined:
        sys.addaudithook(_audit)
    _confined.update(paths)
    return Level.KERNEL if kernel else Level.INTERPRETER


def _refused(paths: set[Path]) -> bool:
    """Whether the kernel refuses every one of these paths to this process; one that does not exist refuses nobody."""
    present = [path for path in paths if path.exists()]
    for path in present:
        try:
            os.close(os.open(path, os.O_RDONLY))
        except PermissionError:
            continue
        return False
    return bool(present)


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event not in {"open", "os.listdir", "os.scandir", "os.rename", "os.link", "os.symlink", "sqlite3.connect"}:
        return
    for argument in arguments[:2]:
        if isinstance(argument, str | bytes | os.PathLike):
            real = Path(os.fsdecode(os.path.realpath(argument)))
            if any(real == path or path in real.parents for path in _confined):
                raise PermissionError("El ala abierta no puede abrir archivos del ala restringida.")


def _abi() -> int:
    if sys.platform != "linux":
        return 0
    return int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _landlock(closed: set[Path]) -> bool:
    """Whether the kernel now denies `closed`: Landlock only allows, so everything beside those paths is allowed."""
    abi = _abi()
    if abi < 1:
        return False
    rights = _WRITE_FILE | _READ_FILE | _READ_DIR
    rights |= _REFER if abi >= 2 else 0
    rights |= _TRUNCATE if abi >= 3 else 0
    libc = _libc()
    attribute = _RulesetAttr(rights)
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(attribute), ctypes.c_size_t(ctypes.sizeof(attribute)), 0)
    if ruleset < 0:
        return False
    try:
        for path in _beside(closed):
            _allow(libc, ruleset, path, rights)
        if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            return False
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _beside(closed: set[Path]) -> list[Path]:
    """Every entry beside the closed paths and beside their ancestors, up to the root.

    Symbolic links are left out: a rule on one would open its target, and the target has a rule where it really lies.
    """
    outermost = {path for path in closed if not closed & set(path.parents)}
    ancestors = {parent for path in outermost for parent in path.parents}
    return sorted(
        entry
        for parent in ancestors
        if parent.is_dir()
        for entry in parent.iterdir()
        if entry not in ancestors and entry not in closed and not entry.is_symlink()
    )


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # vanished or unreadable: it stays closed
    try:
        rights_here = rights if path.is_dir() else rights & _FILE_RIGHTS
        rule = _PathBeneath(rights_here, descriptor)
        libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)
