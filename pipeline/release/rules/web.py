"""Rules on pages and figures: they open without the network, without code, and say what they show.

What belongs here: what a browser would fetch or run. What does not: wording and looks.
"""

import base64
import binascii
import contextlib
import html.parser
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from pipeline.release.folder import Check, Finding, Folder

_FETCHED = frozenset({"src", "srcset", "poster", "data", "background", "action", "formaction", "manifest", "ping"})
_CODE = frozenset({"script", "iframe", "object", "embed", "applet", "base", "form", "foreignobject"})
_IN_CSS = re.compile(r"@import|\\|url\(\s*['\"]?(?!#)", re.IGNORECASE)
# The one form of inlined figure that can be looked into; any other could carry unseen text.
_FIGURE = re.compile(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)")


@dataclass
class _Seen:
    outside: int = 0
    code: int = 0
    without_alt: int = 0
    language: str = ""
    styles: list[str] = field(default_factory=list)
    inlined: list[str] = field(default_factory=list)


class _Reader(html.parser.HTMLParser):
    """What a page would fetch or run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen = _Seen()
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag == "style"
        values = {name: value or "" for name, value in attrs}
        self.seen.code += tag in _CODE or any(name.startswith("on") for name in values)
        self.seen.code += any(v.strip().casefold().startswith("javascript:") for v in values.values())
        self.seen.outside += sum(_leaves(tag, name, value) for name, value in values.items())
        self.seen.without_alt += tag == "img" and not values.get("alt", "").strip()
        if tag == "meta" and values.get("http-equiv", "").casefold() == "refresh":
            self.seen.outside += 1
        if tag == "html":
            self.seen.language = values.get("lang", "")
        self.seen.styles.append(values.get("style", ""))
        self.seen.inlined += [v.strip() for v in values.values() if "data:" in v.casefold()]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._style = False

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if self._style:
            self.seen.styles.append(data)


def _leaves(tag: str, name: str, value: str) -> bool:
    """Whether the browser would go and fetch this by itself; a link that a person may follow is no fetch."""
    if name in _FETCHED:
        return not value.strip().casefold().startswith("data:")
    if name in {"href", "xlink:href"} and tag != "a":
        return not value.strip().startswith(("#", "data:"))
    return False


def embedded(text: str) -> list[str]:
    """The SVG figures inside a page, as text."""
    found = []
    for value in _seen(text).inlined:
        match = _FIGURE.fullmatch(value)
        with contextlib.suppress(binascii.Error):
            found += [base64.b64decode(match[1]).decode("utf-8", errors="replace")] if match else []
    return found


def nothing_from_outside(folder: Folder) -> Iterator[Finding]:
    """Pages and figures fetch nothing and run nothing."""
    for path in folder.files:
        if not path.endswith((".html", ".svg")) or (folder.path / path).is_symlink():
            continue
        text = (folder.path / path).read_text(encoding="utf-8", errors="replace")
        yield from _judge(path, text)
        for image in embedded(text):
            yield from _judge(path, image)


@lru_cache(maxsize=256)
def _seen(text: str) -> _Seen:
    """A figure is read once, however many pages embed it and however often a release is verified."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.seen


def _judge(path: str, text: str) -> Iterator[Finding]:
    seen = _seen(text)
    if seen.outside or any(_IN_CSS.search(style) for style in seen.styles):
        yield Finding("recursos_externos", path, "Abrirlo haría pedir algo fuera del archivo.")
    if seen.code:
        yield Finding("recursos_externos", path, "Trae código o marcos.")
    if len(embedded(text)) != len(seen.inlined):
        yield Finding("recursos_externos", path, "Trae incrustado algo que no es una figura SVG y no se puede revisar.")


def readable_by_all(folder: Folder) -> Iterator[Finding]:
    """Pages say their language; every image has an alternative text."""
    for path in folder.files:
        if not path.endswith(".html"):
            continue
        seen = _seen((folder.path / path).read_text(encoding="utf-8", errors="replace"))
        if not seen.language.startswith("es"):
            yield Finding("accesibilidad", path, "No declara que está en español.")
        if seen.without_alt:
            yield Finding("accesibilidad", path, f"{seen.without_alt} imágenes sin texto alternativo.")


CHECKS: tuple[Check, ...] = (nothing_from_outside, readable_by_all)
