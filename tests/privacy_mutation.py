"""How a mutation is written: an attribute of the running code with another value, or a function with other words.

What belongs here: the forms of a change, each undone by pytest's monkeypatch. What does not: which mutations there are.
"""

import inspect
import sys
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

Check = Callable[[], None]
Change = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Mutation:
    """What is changed and which law must notice."""

    name: str
    change: Change
    law: Check


def set_to(owner: Any, name: str, value: Any) -> Change:
    """The attribute has another value."""
    return lambda patch: patch.setattr(owner, name, value)


def item(owner: Any, key: Any, value: Any) -> Change:
    """The entry of a mapping or a list has another value."""
    return lambda patch: patch.setitem(owner, key, value)


def does_nothing(owner: Any, name: str, answer: Callable[[], Any] = lambda: None) -> Change:
    """The function is not called: its answer is always the same."""
    return set_to(owner, name, lambda *_, **__: answer())


def rewritten(owner: Any, name: str, *changes: tuple[str, str]) -> Change:
    """The function with other words in its source; a mutation whose words are gone is an error and not a pass."""

    def change(patch: pytest.MonkeyPatch) -> None:
        function = getattr(owner, name)
        source = textwrap.dedent(inspect.getsource(function))
        for old, new in changes:
            if old not in source:
                raise LookupError(f"{name} no longer says {old!r}")
            source = source.replace(old, new)
        made: dict[str, Any] = {}
        exec(compile(source, f"<mutation of {name}>", "exec"), sys.modules[function.__module__].__dict__, made)
        patch.setattr(owner, name, made[name])

    return change


def both(*changes: Change) -> Change:
    def change(patch: pytest.MonkeyPatch) -> None:
        for one in changes:
            one(patch)

    return change


def in_folder(law: Callable[[Path], None]) -> Check:
    def check() -> None:
        with tempfile.TemporaryDirectory() as folder:
            law(Path(folder))

    return check
