"""The lock before what listens on this machine: no web page gets in, and nobody without the key of the run.

A page of any origin can send requests to loopback, and after it had its name point there (DNS rebinding) read
the answers too. Browsers say so: Fetch Metadata (https://www.w3.org/TR/fetch-metadata/, read 2026-11-28) in
``Sec-Fetch-Site``, older ones in ``Origin``, and the name that was called is in ``Host``.
"""

import ipaddress
import json
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]

HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?")
"""A name or an address, and a port: nothing else that a reader of URLs would take for one."""
SIGNED = "AWS4-HMAC-SHA256 Credential="
LARGEST_FORM = 64 * 1024 * 1024


class AccessKey(NamedTuple):
    """A key of one run: its id, which links show, and its secret."""

    id: str
    secret: str


def new_access_key() -> AccessKey:
    """A key that nobody can guess; its id is not of twelve digits, which would name an account."""
    return AccessKey(f"LOCAL{secrets.token_hex(16).upper()}", secrets.token_urlsafe(30))


class Gate:
    """Lets in what calls this machine by its own name and comes from no page of another origin.

    What ``guards`` leaves out may come from any page: it asks for proof of its own, or shows pictures.

    The key of the id ``access_key``, where there is one, must have signed each request; only the id is looked
    at here. Links and forms that it signed pass from pages too, as they would in the cloud.
    """

    def __init__(
        self,
        application: Application,
        guards: Callable[[Scope], bool] = lambda scope: True,
        access_key: str | None = None,
    ) -> None:
        self._application = application
        self._guards = guards
        self._access_key = access_key

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve a request or refuse it with 403."""
        if scope["type"] == "websocket":  # nothing here speaks it
            return
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        guarded = self._guards(scope)
        body: bytes | None = None
        if guarded and self._access_key is not None and _is_form(scope, headers):
            body, more = await _read(receive)
            receive = _again(body, more, receive)
        refusal = self._refusal(scope, headers, body) if guarded else _foreign_name(headers)
        if refusal is None:
            await self._application(scope, receive, send)
        else:
            await _refuse(send, refusal)

    def _refusal(self, scope: Scope, headers: Mapping[str, str], body: bytes | None) -> str | None:
        key, foreign = self._access_key, _foreign_name(headers)
        if foreign is not None:
            return foreign
        if key is not None:
            if scope["method"] == "OPTIONS" or _is_signed_link(scope, key):
                return None
            if body is not None and key.encode() in body:
                return None
        if is_cross_site(headers):
            return "Web pages of other origins may not call this."
        if key is not None and not headers.get("authorization", "").startswith(f"{SIGNED}{key}/"):
            return "Sign with the access key of this run: accessKeyId in .local/dev.json."
        return None


def _foreign_name(headers: Mapping[str, str]) -> str | None:
    """The refusal of what calls this machine by another name."""
    return None if is_here(headers.get("host", "")) else "This service answers to names of this machine only."


def is_here(host: str) -> bool:
    """Return True if a ``Host`` header names this machine, by loopback address or a name that stays here."""
    named = HOST.fullmatch(host)
    if named is None:
        return False
    name = named["name"].lower().strip("[]").removesuffix(".")
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def is_cross_site(headers: Mapping[str, str]) -> bool:
    """Return True if a browser sends this for a page of another origin."""
    origin = headers.get("origin")
    foreign = origin is not None and origin != f"http://{headers.get('host')}"
    return foreign or headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}


def _is_signed_link(scope: Scope, access_key: str) -> bool:
    """Return True if it is a link to an object, signed in today's form or (boto3, of itself) an older one."""
    query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}
    if scope["path"] == "/" or "Action" in query:
        return False
    credential = query.get("X-Amz-Credential", "").split("/")
    is_of_today = credential[0] == access_key and credential[-2:] == ["s3", "aws4_request"]
    return (is_of_today and "X-Amz-Signature" in query) or (
        query.get("AWSAccessKeyId") == access_key and "Signature" in query
    )


def _is_form(scope: Scope, headers: Mapping[str, str]) -> bool:
    return scope["method"] == "POST" and headers.get("content-type", "").startswith("multipart/form-data")


async def _read(receive: Any) -> tuple[bytes, bool]:
    content, more = b"", True
    while more and len(content) <= LARGEST_FORM:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    return content, more


def _again(body: bytes, more: bool, receive: Any) -> Callable[[], Awaitable[Any]]:
    """Return what was read, as if it had not been."""
    left = [{"type": "http.request", "body": body, "more_body": more}]

    async def next_message() -> Any:
        return left.pop() if left else await receive()

    return next_message


async def _refuse(send: Any, message: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"message": message}).encode()})
