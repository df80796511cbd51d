"""ckanapi with rules: what is tried again, what is looked at first, and what is final.

What belongs here: talking to a CKAN's API and downloading its files. What does not: what is said (`card`, `tables`) and
in which order (`portal`).

- Every request has a timeout. Reads are repeated while the portal is unavailable, within `patience` seconds.
- A write whose outcome is unclear (no answer, or an answer of 5xx) is looked for before it is repeated.
- 400, 403, 404, 409 and 413 are final.
- The token travels in one header to one host; no error carries a header, a body or a value.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import ckanapi
import requests
from ckanapi.common import reverse_apicontroller_action
from requests_toolbelt import MultipartEncoder, MultipartEncoderMonitor

from pipeline.portal.errors import PortalConflict, PortalError, PortalUnavailable

Progress = Callable[[str, int, int], None]
"""Told (what, bytes or rows done, all of them)."""

_UNCLEAR = (requests.RequestException, ckanapi.SearchError, ckanapi.SearchIndexError)
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, to wait for an answer, and how long an unavailable portal is waited for in all."""

    connect: float = 5
    read: float = 60
    patience: float = 30


class NotFound(PortalError):
    """The portal has no such thing, or shows it to nobody without rights."""


class _Unclear(Exception):
    """No answer, or one that leaves open whether the write was done."""


def read_token(path: Path) -> str:
    """The token in a file that only its owner can read; raises `PortalError` where it is missing or open to others."""
    try:
        mode = path.stat().st_mode & 0o777
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise PortalError("No se puede leer el archivo con el token del portal (PQRSD_CKAN_TOKEN_FILE).") from None
    if mode & 0o077:
        raise PortalError(f"El archivo con el token del portal debe ser de modo 600; es {mode:o}.")
    if not token or not token.isascii() or not token.isprintable():
        raise PortalError("El archivo con el token del portal no contiene un token.")
    return token


class Client:
    """One CKAN, as the holder of a token or, without one, as anybody."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        timeouts: Timeouts | None = None,
        transport: Callable[[], requests.Session] = requests.Session,
    ) -> None:
        self.url = url.rstrip("/")
        self._timeouts = timeouts or Timeouts()
        self._token = token
        self._transport = transport
        self._session = transport()
        # a .netrc of this machine must not replace the token, nor give an anonymous reader rights
        self._session.auth = lambda request: request
        self._session.hooks["response"].append(self._remember)
        self._status = 0
        self._remote = ckanapi.RemoteCKAN(self.url, apikey=token, session=self._session)

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def anonymous(self) -> "Client":
        """The same portal as anybody sees it."""
        return Client(self.url, None, self._timeouts, self._transport)

    def close(self) -> None:
        """Ends the connections."""
        self._session.close()

    def read(self, action: str, **data: Any) -> Any:
        """The answer of an action that writes nothing; raises `NotFound`, `PortalError` or `PortalUnavailable`."""
        for last in self._attempts():
            try:
                return self._call(action, data)
            except _Unclear:
                if last:
                    raise self._unavailable(action) from None
        raise AssertionError  # the last attempt returned or raised

    def find(self, action: str, **data: Any) -> Any:
        """Like `read`, with None for what is not there."""
        try:
            return self.read(action, **data)
        except NotFound:
            return None

    def write(self, action: str, data: dict[str, Any], *, look: Callable[[], Any]) -> Any:
        """Does an action once: after an unclear outcome `look` says what it would have left, or None to repeat it."""
        return self._written(action, lambda: self._call(action, data), look)

    def upload(
        self,
        action: str,
        data: dict[str, str],
        files: Mapping[str, tuple[Path, str]],
        *,
        look: Callable[[], Any],
        progress: Progress | None = None,
    ) -> Any:
        """Like `write`, with files (form field → path, media type) streamed from disk; `progress` is told the bytes."""

        def send() -> Any:
            with ExitStack() as opened:
                parts = {
                    name: (path.name, opened.enter_context(path.open("rb")), kind)
                    for name, (path, kind) in files.items()
                }
                form = MultipartEncoder({**data, **parts})
                told = MultipartEncoderMonitor(form, _teller(progress, form.len))
                return self._post(action, told, {"Content-Type": told.content_type})

        return self._written(action, send, look)

    def download(self, url: str, target: Path) -> str:
        """Streams a file of this portal to `target` and gives its SHA-256; no other host is asked."""
        if urlsplit(url)[:2] != urlsplit(self.url)[:2]:
            raise PortalError("Un recurso de la ficha apunta a otro servidor: no se descarga.")
        headers = {"Authorization": self._token} if self._token else {}
        for last in self._attempts():
            try:
                with self._session.get(url, headers=headers, stream=True, timeout=self._timeout) as answer:
                    if answer.status_code in {403, 404}:
                        raise NotFound("Un archivo de la ficha no está o no es público.")
                    answer.raise_for_status()
                    whole = hashlib.sha256()
                    with target.open("wb") as file:
                        for block in answer.iter_content(_BLOCK):
                            whole.update(block)
                            file.write(block)
                    return whole.hexdigest()
            except requests.RequestException:
                if last:
                    raise self._unavailable("descarga") from None
        raise AssertionError

    def address(self, path: str) -> str:
        """An absolute address of this portal."""
        return urljoin(f"{self.url}/", path.lstrip("/"))

    @property
    def _timeout(self) -> tuple[float, float]:
        return (self._timeouts.connect, self._timeouts.read)

    def _attempts(self) -> Iterator[bool]:
        """Yields at growing intervals until the patience ends; true for the last attempt."""
        deadline = time.monotonic() + self._timeouts.patience
        pause = 0.25
        while True:
            last = time.monotonic() + pause > deadline
            yield last
            if last:
                return
            time.sleep(pause)
            pause = min(pause * 2, 8.0)

    def _written(self, action: str, act: Callable[[], Any], look: Callable[[], Any]) -> Any:
        doubtful = False
        for last in self._attempts():
            try:
                return act()
            except PortalError:
                # the doubtful attempt may have been carried out after all, which makes this one a conflict
                found = look() if doubtful else None
                if found is None:
                    raise
                return found
            except _Unclear:
                doubtful = True
                found = look()
                if found is not None:
                    return found
                if last:
                    raise self._unavailable(action) from None
        raise AssertionError

    def _call(self, action: str, data: dict[str, Any]) -> Any:
        self._status = 0
        try:
            return self._remote.call_action(action, data, requests_kwargs={"timeout": self._timeout})
        except (*_UNCLEAR, ckanapi.CKANAPIError, ckanapi.errors.ServerIncompatibleError) as caught:
            raise self._translated(action, caught) from None

    def _post(self, action: str, body: Any, headers: dict[str, str]) -> Any:
        self._status = 0
        if self._token:
            headers = headers | {"Authorization": self._token}
        url = self.address(f"api/action/{action}")
        try:
            answer = self._session.post(url, data=body, headers=headers, timeout=self._timeout, allow_redirects=False)
            return reverse_apicontroller_action(url, answer.status_code, answer.text)
        except (*_UNCLEAR, ckanapi.CKANAPIError, ckanapi.errors.ServerIncompatibleError) as caught:
            raise self._translated(action, caught) from None

    def _remember(self, answer: requests.Response, *_: Any, **__: Any) -> None:
        self._status = answer.status_code

    def _translated(self, action: str, caught: Exception) -> Exception:
        """Our error for theirs: its kind and the names of fields only, because their texts quote what was sent."""
        if isinstance(caught, ckanapi.NotFound) or (isinstance(caught, ckanapi.NotAuthorized) and not self._token):
            return NotFound(f"El portal no tiene lo que «{action}» nombra.")
        if isinstance(caught, ckanapi.NotAuthorized):
            return PortalError(
                f"El portal no permite «{action}» (403): el token venció, no es válido o no tiene ese derecho."
            )
        if isinstance(caught, ckanapi.ValidationError):
            fields = sorted(str(k) for k in caught.error_dict if k != "__type") if caught.error_dict else []
            if "match" in fields:
                return PortalConflict("Alguien cambió la ficha mientras se publicaba: no se escribió nada.")
            return PortalError(f"El portal rechazó «{action}» (409), campos: {', '.join(fields) or 'sin nombre'}.")
        if isinstance(caught, _UNCLEAR) or not self._status or self._status >= 500 or self._status == 429:
            return _Unclear()
        return PortalError(f"El portal rechazó «{action}» ({self._status}).")

    def _unavailable(self, action: str) -> PortalUnavailable:
        return PortalUnavailable(
            f"El portal no respondió a «{action}» en {self._timeouts.patience:g} segundos. Repita cuando responda:"
            " lo que quedó a medias se retoma o se borra."
        )


def _teller(progress: Progress | None, total: int) -> Callable[[Any], None]:
    def tell(monitor: Any) -> None:
        if progress is not None:
            progress("Archivos", min(monitor.bytes_read, total), total)

    return tell
