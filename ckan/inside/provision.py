"""Runs inside CKAN's own environment: tables, DataStore permissions, sysadmin, API token, translations, assets.

Reads a JSON request on standard input and writes a JSON answer on standard output: secrets cross in neither arguments
nor files. Each step may be repeated. One process does them all, because loading CKAN costs more than the steps.
"""

import contextlib
import io
import json
import sys
import time

from ckan.cli.cli import ckan


def command(settings: str, *arguments: str) -> str:
    """One command of CKAN's own client; its output."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")  # a command asks for the binary stream below it
    start = time.monotonic()
    with contextlib.redirect_stdout(output):
        ckan.main(["-c", settings, *arguments], standalone_mode=False)
    output.flush()
    sys.stderr.write(f"{time.monotonic() - start:.1f} s  {' '.join(arguments[:2])}\n")
    return output.buffer.getvalue().decode("utf-8")


def sysadmin(settings: str, name: str, password: str) -> None:
    """Create the administrator unless there is one."""
    from ckan import model  # noqa: PLC0415 - needs the configuration that a command has loaded

    user = model.User.get(name)
    if user is None:
        command(settings, "user", "add", name, f"email={name}@example.org", f"password={password}")
    if user is None or not user.sysadmin:
        command(settings, "sysadmin", "add", name)


def main() -> None:
    """Carry the request out."""
    request = json.load(sys.stdin)
    settings = request["settings"]
    answer = {}
    command(settings, "db", "upgrade")
    answer["permissions"] = command(settings, "datastore", "set-permissions")
    sysadmin(settings, request["admin"], request["password"])
    if request["token"]:
        answer["token"] = command(settings, "user", "token", "add", "-q", request["admin"], request["token"]).strip()
    command(settings, "translation", "js")
    command(settings, "asset", "build")
    for arguments in request["also"]:
        command(settings, *arguments)
    json.dump(answer, sys.stdout)


main()
