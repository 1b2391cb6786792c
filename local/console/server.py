"""Serves the page and what it shows, on loopback, to whoever has the address with its key."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import BotoCoreError, ClientError

from character_identity.domain.page_policy import page_policy
from local.console.executions import Executions
from local.console.masking import masked
from local.console.rows import overview
from local.deploy import client
from local.gate import is_cross_site, is_here
from local.ports import HOST, free_or_any
from scripts.logs import lines_about

if TYPE_CHECKING:
    from local.runtime import System

PAGE = Path(__file__).with_name("page.html")
USUAL_PORT = 8791
LONGEST_LOG = 500
"""Lines about one request."""

Query = Mapping[str, str]
View = Callable[[Query], Any]
"""What answers a path: JSON of what is asked for."""


class NotThere(Exception):
    """Nothing has that name."""


class Console:
    """Serves views by their paths, and the page that shows them, until it is closed."""

    def __init__(self, views: Mapping[str, View], port: int = USUAL_PORT) -> None:
        self._key = secrets.token_urlsafe(16)
        self._server = ThreadingHTTPServer((HOST, free_or_any(port)), _serving(views, self._key))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Return where the page is; who has this may read it."""
        return f"http://{HOST}:{self._server.server_address[1]}/local?key={self._key}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def views_of(system: System) -> dict[str, View]:
    """Return what there is to see of a running system."""
    executions = Executions(client("stepfunctions", system.aws), system.state_machines)
    tables = client("dynamodb", system.aws).get_paginator("scan")
    plain = TypeDeserializer().deserialize

    def rows(query: Query) -> Any:
        items = (item for page in tables.paginate(TableName=system.table) for item in page["Items"])
        return overview({name: plain(value) for name, value in item.items()} for item in items)

    def execution(query: Query) -> Any:
        found = executions.one(query.get("machine", ""), query.get("name", ""))
        if found is None:
            raise NotThere
        return found

    def logs(query: Query) -> Any:
        name = query.get("id", "")
        return masked(lines_about(name, system.logs)[-LONGEST_LOG:]) if name else []

    return {
        "/local/executions": lambda query: executions.latest(),
        "/local/execution": execution,
        "/local/rows": rows,
        "/local/logs": logs,
    }


def _serving(views: Mapping[str, View], key: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            if not is_here(headers.get("host", "")) or is_cross_site(headers):
                self._answer(403, {"message": "This page answers to names of this machine only."})
            elif not secrets.compare_digest(query.get("key", "").encode(), key.encode()):
                self._answer(403, {"message": "Open the address that `make dev` printed: it has a key."})
            elif address.path == "/local":
                self._send(200, PAGE.read_bytes(), "text/html; charset=utf-8")
            elif address.path in views:
                self._view(views[address.path], query)
            else:
                self._answer(404, {"message": "There is no such page."})

        def _view(self, view: View, query: Query) -> None:
            try:
                status, shown = 200, view(query)
            except NotThere:
                status, shown = 404, {"message": "There is no such execution."}
            except (BotoCoreError, ClientError, OSError) as error:
                status, shown = 503, {"message": f"The local AWS does not answer: {error}"}
            self._answer(status, shown)

        def _answer(self, status: int, content: Any) -> None:
            self._send(status, json.dumps(content, default=_number).encode(), "application/json")

        def _send(self, status: int, content: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Content-Security-Policy", _policy())
            with suppress(ConnectionError):  # the page was closed or loaded anew meanwhile
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: the functions' logs tell who asked."""

    return Handler


@cache
def _policy() -> str:
    return page_policy(PAGE.read_text(encoding="utf-8"), images="data:", calls="'self'")


def _number(value: object) -> object:
    """Return how JSON takes a number of DynamoDB."""
    return int(value) if value == int(value) else float(value)  # type: ignore[call-overload, arg-type]
