"""The rules of talking to a CKAN, against a server on loopback that answers as it is told."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.errors import TemporaryError
from pipeline.portal.ckan.client import Client, NotFound, Timeouts, read_token
from pipeline.portal.errors import PortalConflict, PortalError, PortalUnavailable

TOKEN = "testigo-que-nadie-debe-ver"
OK = (200, {"success": True, "result": "hecho"})
BUSY = (503, None)
CUT = (0, None)
"""The server does its work and closes the connection without an answer."""


class Server:
    """Answers each request with the next of a script, and remembers what it was asked."""

    def __init__(self) -> None:
        self.script: list[tuple[int, object]] = []
        self.asked: list[tuple[str, str, str | None]] = []
        self.bodies: list[bytes] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(("POST", self.path, self.headers["Authorization"]))
                self._answer()

            def do_GET(self) -> None:
                outer.asked.append(("GET", self.path, self.headers["Authorization"]))
                self._answer()

            def _answer(self) -> None:
                status, body = outer.script.pop(0) if outer.script else OK
                if status == 0:
                    self.close_connection = True
                    return
                if status == -1:
                    time.sleep(3)
                    return
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    made = Client(server.url, TOKEN, Timeouts(connect=1, read=0.5, patience=2))
    yield made
    made.close()


def refusal(kind: str, **fields: object) -> tuple[int, object]:
    return (409, {"success": False, "error": {"__type": kind, **fields}})


def test_a_read_is_repeated_while_the_portal_is_unavailable(server: Server, client: Client) -> None:
    server.script = [BUSY, CUT, OK]
    assert client.read("package_show", id="x") == "hecho"
    assert len(server.asked) == 3


def test_a_read_ends_when_patience_ends_and_may_be_tried_again_later(server: Server, client: Client) -> None:
    server.script = [BUSY] * 50
    started = time.monotonic()
    with pytest.raises(PortalUnavailable) as caught:
        client.read("package_show", id="x")
    assert isinstance(caught.value, TemporaryError)
    assert time.monotonic() - started < 4


def test_no_request_waits_for_ever(server: Server, client: Client) -> None:
    server.script = [(-1, None)] * 20
    started = time.monotonic()
    with pytest.raises(PortalUnavailable):
        client.read("package_show", id="x")
    assert time.monotonic() - started < 6


@pytest.mark.parametrize("lost", [BUSY, CUT, (500, {"success": False, "error": {"__type": "Search Index Error"}})])
def test_an_unclear_write_is_looked_for_before_it_is_repeated(
    server: Server, client: Client, lost: tuple[int, object]
) -> None:
    server.script = [lost]
    looks: list[int] = []
    found = client.write("package_create", {"name": "x"}, look=lambda: looks.append(1) or "ya estaba")
    assert found == "ya estaba"
    assert (len(server.asked), len(looks)) == (1, 1)


def test_an_unclear_write_that_left_nothing_is_repeated(server: Server, client: Client) -> None:
    server.script = [CUT, OK]
    assert client.write("package_create", {"name": "x"}, look=lambda: None) == "hecho"
    assert len(server.asked) == 2


def test_a_conflict_after_an_unclear_write_is_looked_at_too(server: Server, client: Client) -> None:
    server.script = [CUT, refusal("Validation Error", name=["ya existe"])]
    answers: Iterator[str | None] = iter([None, "llegó tarde"])
    assert client.write("package_create", {"name": "x"}, look=lambda: next(answers)) == "llegó tarde"


@pytest.mark.parametrize(
    "answer",
    [
        (400, "Bad request - Action name not known"),
        (403, {"success": False, "error": {"__type": "Authorization Error", "message": "no"}}),
        refusal("Validation Error", title=["Missing value"]),
        (413, b"too large"),
    ],
    ids=["400", "403", "409", "413"],
)
def test_a_refusal_is_final(server: Server, client: Client, answer: tuple[int, object]) -> None:
    server.script = [answer]
    with pytest.raises(PortalError) as caught:
        client.write("package_create", {"name": "x"}, look=lambda: None)
    assert not isinstance(caught.value, TemporaryError)
    assert len(server.asked) == 1


def test_a_failed_comparison_is_a_conflict(server: Server, client: Client) -> None:
    server.script = [refusal("Validation Error", match=["metadata_modified"])]
    with pytest.raises(PortalConflict):
        client.write("package_revise", {}, look=lambda: None)


def test_an_error_names_fields_and_carries_neither_token_nor_values(server: Server, client: Client) -> None:
    secret = "1.082.911.245"
    texts: list[str] = []
    for script in (
        [refusal("Validation Error", records=[f"invalid input syntax: {secret}"], **{"data": secret})],
        [(403, {"success": False, "error": {"__type": "Authorization Error", "message": f"{TOKEN} {secret}"}})],
        [(418, {"success": False, "error": {"__type": "Otro", "message": f"{TOKEN} {secret}"}})],
        [BUSY] * 50,
    ):
        server.script = list(script)
        with pytest.raises(PortalError) as caught:
            client.write("datastore_upsert", {"records": [{"a": secret}]}, look=lambda: None)
        error: BaseException | None = caught.value
        while error is not None:
            texts += [str(error), repr(error)]
            error = error.__cause__
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
    texts.append(repr(client))
    assert "records" in texts[0]
    assert not [t for t in texts if TOKEN in t or secret in t]


def test_the_token_goes_with_our_requests_and_an_anonymous_reader_has_none(server: Server, client: Client) -> None:
    client.read("package_show", id="x")
    client.anonymous().read("package_show", id="x")
    assert [given for _, _, given in server.asked] == [TOKEN, None]


def test_a_netrc_neither_replaces_the_token_nor_gives_anybody_rights(
    server: Server, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login alguien password clave\n", encoding="ascii")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    client.read("package_show", id="x")
    client.anonymous().read("package_show", id="x")
    assert [given for _, _, given in server.asked] == [TOKEN, None]


def test_nothing_is_downloaded_from_another_host(server: Server, client: Client, tmp_path: Path) -> None:
    with pytest.raises(PortalError, match="otro servidor"):
        client.download("http://127.0.0.1:9/archivo", tmp_path / "x")
    assert server.asked == []


def test_a_download_is_repeated_whole_and_its_hash_is_of_the_bytes_that_came(
    server: Server, client: Client, tmp_path: Path
) -> None:
    server.script = [BUSY, (200, b"contenido")]
    digest = client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == b"contenido"
    assert digest == hashlib.sha256(b"contenido").hexdigest()


def test_what_is_not_there_is_none_for_find_and_an_error_for_read(server: Server, client: Client) -> None:
    absent = (404, {"success": False, "error": {"__type": "Not Found Error", "message": "x"}})
    server.script = [absent, absent]
    assert client.find("package_show", id="x") is None
    with pytest.raises(NotFound):
        client.read("package_show", id="x")


def test_a_forbidden_read_is_an_absence_for_anybody_and_an_error_for_the_token_holder(
    server: Server, client: Client
) -> None:
    forbidden = (403, {"success": False, "error": {"__type": "Authorization Error", "message": "x"}})
    server.script = [forbidden, forbidden]
    assert client.anonymous().find("package_show", id="x") is None
    with pytest.raises(PortalError, match="token"):
        client.find("package_show", id="x")


def test_an_upload_streams_its_files_and_tells_how_far_it_is(server: Server, client: Client, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"x" * 300_000)
    told: list[tuple[int, int]] = []
    client.upload(
        "package_revise",
        {"match__id": "1"},
        {"update__resources__0__upload": (file, "text/csv")},
        look=lambda: None,
        progress=lambda _, done, total: told.append((done, total)),
    )
    assert b"x" * 300_000 in server.bodies[0]
    assert len(told) > 2
    assert told[-1][0] == told[-1][1]


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda path: None, "No se puede leer"),
        (lambda path: (path.write_text(TOKEN), path.chmod(0o644)), "modo 600"),
        (lambda path: (path.write_text(""), path.chmod(0o600)), "no contiene"),
        (lambda path: (path.write_bytes(b"\xff\xfe"), path.chmod(0o600)), "No se puede leer"),
    ],
    ids=["absent", "open", "empty", "binary"],
)
def test_a_token_comes_only_from_a_file_that_others_cannot_read(
    tmp_path: Path, prepare: Callable[[Path], object], says: str
) -> None:
    path = tmp_path / "token"
    prepare(path)
    with pytest.raises(PortalError, match=says) as caught:
        read_token(path)
    assert TOKEN not in str(caught.value)
