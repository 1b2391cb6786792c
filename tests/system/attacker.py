"""A web page of somebody's that a developer has open, in a real browser: it tries what pages can try.

The server here is the attacker's host and the attacker's name server in one. Chromium uses it as proxy for
names that are not this machine's, so that ``rebound.example`` is the attacker's for the page and a port of
this machine for all that the page asks for then: DNS rebinding.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from local.runtime import System
from local.settings import SIMULATOR_KEYS
from tests.support.browser import CHROMIUM, MISSING, QUIET
from tests.support.waiting import HANGS_AFTER_S

PAGE = Path(__file__).with_name("attack.html")
# The browser's own rules against calls to loopback would hide whether ours hold.
WITHOUT_ITS_RULES = "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"

READS = {
    "api": ["/v1/providers", "/v1/identities", "/openapi.json", "/docs", "/", "/health", "/_local"],
    "aws": [
        "/",
        "/_ministack/health",
        "/?Action=ListUsers&Version=2010-05-08",
        "/BUCKET",
        "/2015-03-31/functions/",
    ],
    "simulators": ["/control/ledger", "/control/settings", "/fal/queue/fal-ai/flux-lora", "/astria/tunes"],
}
OPEN = {"/openapi.json", "/docs", "/", "/health"}
"""What the API answers to everybody; its CORS lets pages read it."""
FAULT = {"provider": "fal", "endpoint": "*", "kind": "http", "status": 599}
WRITES = [
    {
        "name": "fault",
        "target": "simulators",
        "path": "/control/faults",
        "body": json.dumps(FAULT),
        "fields": FAULT,
    },
    {
        "name": "settings",
        "target": "simulators",
        "path": "/control/settings",
        "body": '{"training_s": 9999}',
        "fields": {"training_s": 9999},
    },
    {"name": "reset", "target": "simulators", "path": "/control/reset", "body": "", "fields": {}},
    {
        "name": "order",
        "target": "simulators",
        "path": "/fal/queue/fal-ai/flux-lora",
        "body": '{"prompt": "of a page"}',
        "fields": {"prompt": "of a page"},
    },
    {
        "name": "user",
        "target": "aws",
        "path": "/",
        "body": "Action=CreateUser&UserName=eve&Version=2010-05-08",
        "fields": {"Action": "CreateUser", "UserName": "eve", "Version": "2010-05-08"},
    },
    {
        "name": "object",
        "target": "aws",
        "path": "/BUCKET",
        "body": "x",
        "fields": {"key": "eve.txt", "file": "x"},
    },
    {
        "name": "identity",
        "target": "api",
        "path": "/v1/identities",
        "body": '{"name": "Eve", "provider": "fal-instant", "references": []}',
        "fields": {"name": "Eve"},
    },
]


def targets(system: System) -> dict[str, Any]:
    """What the page tries: the ports of a system, with what is read and written there."""
    urls = {"api": system.api_url, "aws": system.aws.url, "simulators": str(system.provider_url)}
    tried = {
        "ports": {name: urlsplit(url).port for name, url in urls.items()},
        "reads": READS,
        "writes": WRITES,
        "keys": {
            "api": "Bearer x",
            "aws": "AWS4-HMAC-SHA256 x",
            "simulators": f"Key {SIMULATOR_KEYS['FAL_KEY']}",
        },
    }
    found: dict[str, Any] = json.loads(json.dumps(tried).replace("BUCKET", system.bucket))
    return found


def came_through(told: Mapping[str, str]) -> dict[str, str]:
    """What the page got; of forms and blind requests it cannot tell."""
    return {
        name: outcome
        for name, outcome in told.items()
        if outcome.startswith("2") or outcome in {"loaded", "open"}
    }


def is_allowed(name: str) -> bool:
    """Whether the API's CORS allows an attempt of this name."""
    return name.rpartition(" ")[2] in OPEN and " api " in name and not name.startswith("rebound")


@contextmanager
def attacking(system: System, folder: Path) -> Iterator[dict[str, Any]]:
    """Open the page, and give what it told when it had tried everything, by the name of each attempt."""
    assert CHROMIUM, MISSING
    told: Queue[dict[str, Any]] = Queue()
    folder.mkdir()
    log = folder / "log"
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), _handler(targets(system), told)) as server,
        log.open("wb") as said,
    ):
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        port = server.server_address[1]
        browser = subprocess.Popen(
            [
                CHROMIUM,
                *QUIET,
                WITHOUT_ITS_RULES,
                f"--user-data-dir={folder / 'profile'}",
                f"--proxy-server=http://127.0.0.1:{port}",
                f"http://localhost:{port}/attack",
            ],
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        try:
            yield told.get(timeout=HANGS_AFTER_S)
        except Empty:
            raise AssertionError(log.read_text(errors="replace")[-2000:]) from None
        finally:
            browser.terminate()
            browser.wait(HANGS_AFTER_S)
            server.shutdown()
            thread.join()


def _handler(tried: Mapping[str, Any], told: Queue[dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    page = PAGE.read_text().replace("TARGETS", json.dumps(dict(tried))).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path in {"/attack", "/rebound"}:
                self._answer(200, page, "text/html")
            elif url.hostname == "rebound.example":
                self._forward("127.0.0.1", url.port or 80, url.path)
            else:
                self._answer(404, b"", "text/plain")

        def do_POST(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/told":
                told.put(json.loads(self._body()))
                self._answer(204, b"", "text/plain")
            else:
                self.do_GET()

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _forward(self, host: str, port: int, path: str) -> None:
            """Pass a request on as it is, with the name in ``Host`` by which the browser called."""
            connection = HTTPConnection(host, port, timeout=HANGS_AFTER_S)
            connection.request(self.command, path, self._body() or None, dict(self.headers))
            answer = connection.getresponse()
            self._answer(answer.status, answer.read(), answer.headers.get("Content-Type", "text/plain"))
            connection.close()

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    return Handler
