"""The master key's life: made on first use, mode 600, one derived key for each purpose.

What belongs here: making, reading and deriving keys. What does not: using them. The key is read from its file, never
from the environment, so that a child process cannot inherit it.
"""

import hmac
import os
import secrets
import stat
from hashlib import sha256
from pathlib import Path

from pipeline.errors import PqrsdError


def load_or_create(path: Path) -> bytes:
    """The 32-byte master key at `path`; refuses a file that others may read."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_hex(32) + "\n")
        try:
            os.link(temporary, path)  # the first of two processes wins; the other reads its key
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise PqrsdError(f"El archivo de la clave tiene permisos {mode:o}; deben ser 600.")
    try:
        key = bytes.fromhex(path.read_text().strip())
    except ValueError:
        raise PqrsdError("El archivo de la clave no contiene una clave.") from None
    if len(key) != 32:
        raise PqrsdError("El archivo de la clave no contiene una clave de 32 bytes.")
    return key


def derive(master: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose (HMAC-SHA-256 of its name under the master key)."""
    return hmac.digest(master, purpose.encode(), sha256)
