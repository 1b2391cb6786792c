"""The API over HTTP, for clients: its handlers with moto behind, in this process.

Objects are at ``/store/<key>``, which also takes the forms of upload tickets.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from json import loads
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from botocore.exceptions import ClientError

from character_identity.api.routes.table import ROUTES
from tests.support.handlers import Context, api_event
from tests.support.openapi import operations, route_of, undescribed

TOKEN = "a-token"
FUNCTIONS = {route.key: route.function for route in ROUTES}
STORE = re.compile(r"https://media\.s3[.a-z0-9-]*\.amazonaws\.com/")


@dataclass
class ApiServer:
    """What was called, as in ``create_identity``; and what was answered that the document does not say."""

    bucket: Any
    url: str = ""
    called: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """More paths with a type and content, for browsers."""
    one_at_a_time: Lock = field(default_factory=Lock)

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
        """Call the route's function as API Gateway does; a status, headers and text."""
        path, query = urlsplit(target).path, dict(parse_qsl(urlsplit(target).query))
        try:
            key = route_of(method, path)
        except LookupError:
            return 404, {}, '{"code": "unknown_route", "message": "There is no such route."}'
        operation = operations()[key]
        if operation.get("security") != [] and headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {}, '{"message": "Unauthorized"}'
        self.called.append(operation["operationId"])
        handler = import_module(f"functions.{FUNCTIONS[key]}.handler").lambda_handler
        text = body.decode() if body else None
        event = api_event(method, path, body=text, owner="ann", query=query, headers=headers)
        reply = handler(event, Context())
        is_json = "json" in reply["headers"].get("Content-Type", "")
        content = loads(reply["body"]) if is_json and reply["body"] else None
        self.problems += undescribed(key, reply["statusCode"], reply["headers"], content)
        return reply["statusCode"], reply["headers"], STORE.sub(f"{self.url}/store/", reply["body"])

    def keep(self, content_type: str, body: bytes) -> None:
        """Take the form of an upload ticket."""
        head = f"Content-Type: {content_type}\r\n\r\n".encode()
        form = BytesParser(policy=policy.HTTP).parsebytes(head + body)
        parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
        assert [*parts][-1] == "file", "all fields come before the file"
        key = parts["key"].get_content().strip()
        self.bucket.put_object(Key=key, Body=parts["file"].get_payload(decode=True))


@contextmanager
def serving(bucket: Any) -> Iterator[ApiServer]:
    """Serve the account that a test has made, until the end of the block."""
    api = ApiServer(bucket)

    class Requests(BaseHTTPRequestHandler):
        def _reply(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with api.one_at_a_time:
                if self.path in api.pages:
                    kind, content = api.pages[self.path]
                    self._reply(200, {"Content-Type": kind}, content)
                elif self.path.startswith("/store/") and self.command == "POST":
                    api.keep(headers["content-type"], body)
                    self._reply(204, {}, b"")
                elif self.path.startswith("/store/"):
                    self._object(urlsplit(self.path).path.removeprefix("/store/"))
                else:
                    status, sent, text = api.answer(self.command, self.path, headers, body)
                    self._reply(status, sent, text.encode())

        def _object(self, key: str) -> None:
            try:
                self._reply(200, {}, api.bucket.Object(key).get()["Body"].read())
            except ClientError:
                self._reply(404, {}, b"")

        do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _serve

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Requests) as server:
        api.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
