"""Fetches bytes from addresses that others gave us, trusting neither address nor answer: no SSRF."""

import hashlib
import ipaddress
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx

from character_identity.domain.errors import (
    HostNotAllowed,
    InvalidRequest,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.outbound.provider_http import NO_ANSWER, OUR_NAME

MAX_REDIRECTS = 5
TIMEOUT = httpx.Timeout(connect=5, read=20, write=20, pool=5)
POST_TIMEOUT = httpx.Timeout(connect=5, read=15, write=15, pool=5)
"""Seconds; the receiver of an event answers at once and works later."""
PROVIDER = "media host"

Resolve = Callable[[str, int], list[str]]


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host name; whatever ends in ``.localhost`` is this machine (RFC 6761, section 6.3).

    Raises:
        OSError: there is none.
    """
    if host.endswith(".localhost"):
        return ["127.0.0.1"]
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True)
class UrlGuard:
    """The rule of what may be fetched: https to public addresses, and with ``hosts`` only from these.

    ``.fal.media`` among the hosts stands for all hosts under ``fal.media``.

    With ``allow_loopback``, on one machine, addresses of this machine pass too, over http as well.
    """

    allow_loopback: bool = False
    hosts: frozenset[str] | None = None
    resolve: Resolve = resolve

    def address(self, url: httpx.URL) -> str:
        """The checked address to connect to.

        Raises:
            InvalidRequest: the URL may not be fetched.
            HostNotAllowed: it might, if the operator allowed its host.
        """
        host = url.host.lower()
        if url.scheme not in {"http", "https"} or not host or url.userinfo:
            raise InvalidRequest("Only plain https addresses can be fetched.", code="forbidden_url")
        port = url.port or {"http": 80, "https": 443}[url.scheme]
        try:
            addresses = [ipaddress.ip_address(address) for address in self.resolve(host, port)]
        except (OSError, ValueError) as exc:
            raise InvalidRequest(f"The host {host} is not known.", code="unknown_host") from exc
        is_here = bool(addresses) and all(address.is_loopback for address in addresses)
        if not (self.allow_loopback and is_here):
            if url.scheme != "https":
                raise InvalidRequest("Only plain https addresses can be fetched.", code="forbidden_url")
            if not addresses or not all(address.is_global for address in addresses):
                raise InvalidRequest(f"The host {host} is not public.", code="forbidden_host")
        if not self.allows(host):
            raise HostNotAllowed(host)
        return str(addresses[0])

    def allows(self, host: str) -> bool:
        """Whether a host is among those that things may come from."""
        return self.hosts is None or _is_among(host, self.hosts)


def _is_among(host: str, hosts: frozenset[str]) -> bool:
    """Say whether a host is one of these, or lies under one that begins with a dot."""
    return host in hosts or any(host.endswith(suffix) for suffix in hosts if suffix.startswith("."))


class SafeHttpClient:
    """Plain calls without any of our credentials, to the very address that was checked, capped in bytes."""

    def __init__(self, guard: UrlGuard, transport: httpx.BaseTransport | None = None) -> None:
        self._guard = guard
        self._client = httpx.Client(transport=transport, timeout=TIMEOUT, trust_env=False, headers=OUR_NAME)

    def allows(self, host: str) -> bool:
        """Whether a host is among those that things may come from."""
        return self._guard.allows(host)

    def fetch(self, url: str, limit_bytes: int) -> bytes:
        """The bytes behind a URL.

        Raises:
            InvalidRequest: it may not be fetched, or it is larger than ``limit_bytes``.
            ProviderRejected: the host answered that it does not have it.
            ProviderUnavailable: the host did not answer; the same call may work later.
        """
        with self._chunks(url, limit_bytes) as chunks:
            return b"".join(chunks)

    def download(self, url: str, path: Path, limit_bytes: int) -> str:
        """Stream to a file; returns the SHA-256 in hexadecimal.

        Raises as ``fetch``; ProviderUnavailable too if fewer bytes came than ``Content-Length`` announced.
        """
        digest = hashlib.sha256()
        with self._chunks(url, limit_bytes) as chunks, path.open("wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()

    def fetch_start(self, url: str, size_bytes: int) -> bytes:
        """The first ``size_bytes`` bytes behind a URL, or all if there are fewer. Raises as ``fetch``."""
        content = bytearray()
        with self._chunks(url, sys.maxsize) as chunks:
            for chunk in chunks:
                content += chunk
                if len(content) >= size_bytes:
                    break
        return bytes(content[:size_bytes])

    def put(self, url: str, content: bytes, content_type: str) -> None:
        """Upload to a signed address that a provider gave us. Raises as ``fetch``."""
        try:
            answer = self._client.send(
                self._request("PUT", _parsed(url), content, {"Content-Type": content_type})
            )
        except NO_ANSWER as exc:
            raise ProviderUnavailable(PROVIDER, type(exc).__name__) from exc
        _raise_for(answer)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Tell a caller something at an address that it gave; the status of its answer.

        A redirect is an answer and not followed, and nothing of the answer's body is read.

        Raises:
            InvalidRequest: nothing may be posted there.
            ProviderUnavailable: there was no answer.
        """
        request = self._request("POST", _parsed(url), body, headers)
        request.extensions["timeout"] = POST_TIMEOUT.as_dict()
        try:
            answer = self._client.send(request, stream=True)
        except NO_ANSWER as exc:
            raise ProviderUnavailable("webhook", type(exc).__name__) from exc
        answer.close()
        return answer.status_code

    @contextmanager
    def _chunks(self, url: str, limit_bytes: int) -> Iterator[Iterator[bytes]]:
        target = _parsed(url)
        try:
            for _ in range(MAX_REDIRECTS + 1):
                answer = self._client.send(self._request("GET", target), stream=True)
                if answer.has_redirect_location:
                    answer.close()
                    target = _parsed(answer.headers["Location"], base=str(target))
                    continue
                try:
                    _raise_for(answer)
                    yield _capped(answer, limit_bytes)
                finally:
                    answer.close()
                return
        except NO_ANSWER as exc:
            raise ProviderUnavailable(PROVIDER, type(exc).__name__) from exc
        raise InvalidRequest("The address redirects too often.", code="forbidden_url")

    def _request(
        self,
        method: str,
        url: httpx.URL,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Request:
        address = self._guard.address(url)
        request = self._client.build_request(
            method, url.copy_with(host=address), content=content, headers=headers
        )
        request.headers["Host"] = url.netloc.decode("ascii")
        request.extensions["sni_hostname"] = url.host
        return request


def _parsed(url: str, base: str = "") -> httpx.URL:
    """The URL with a host and a port that can be; httpx looks at both only on demand."""
    try:
        parsed = httpx.URL(urljoin(base, url))
        if not parsed.host or (parsed.port or 443) >= 2**16:
            raise ValueError("no such host or port")
    except (httpx.InvalidURL, ValueError) as exc:
        raise InvalidRequest("That is not an address that can be fetched.", code="forbidden_url") from exc
    return parsed


def _capped(answer: httpx.Response, limit_bytes: int) -> Iterator[bytes]:
    total = 0
    for chunk in answer.iter_bytes():
        total += len(chunk)
        if total > limit_bytes:
            raise InvalidRequest(f"The file has more than {limit_bytes} bytes.", code="file_too_large")
        yield chunk


def _raise_for(answer: httpx.Response) -> None:
    status, host = answer.status_code, answer.request.headers["Host"]
    if status >= 500 or status in {408, 429}:
        raise ProviderUnavailable(PROVIDER, f"{host} answered {status}")
    if not answer.is_success:
        raise ProviderRejected(PROVIDER, f"{host} answered {status}")
