"""Which URLs may be called: the rule against SSRF, for the name of the host and every address behind it."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from threading import Thread
from typing import TypeVar

import httpx

from character_identity.domain.errors import HostNotAllowed, InvalidRequest
from character_identity.outbound.addresses import is_loopback, is_public
from character_identity.outbound.urls import host_of

RESOLVE_TIMEOUT_S = 5.0

Resolve = Callable[[str, int, float], list[str]]
"""All addresses of a host name, for a port, within so many seconds; raises as ``resolve``."""
Found = TypeVar("Found")


class PlainHttp(InvalidRequest):
    """A URL with plain http: anybody on the way can read what is sent and alter what is received."""

    codes = ()

    def __init__(self) -> None:
        super().__init__("Only plain https addresses can be called.", code="forbidden_url")


def look_up(host: str, port: int) -> list[str]:
    """Ask the system for all addresses of a host name, however long it takes.

    Names that end in ``.localhost`` are this machine (RFC 6761, section 6.3).

    Raises:
        OSError: there is none.
    """
    if host.endswith(".localhost"):
        return ["127.0.0.1"]
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def within(work: Callable[[], Found], timeout_s: float) -> Found:
    """Do work that knows no timeout in another thread.

    Raises:
        TimeoutError: it was not done within ``timeout_s``; the thread goes on.
    """
    outcome: list[Found | Exception] = []

    def do() -> None:
        try:
            outcome.append(work())
        except Exception as exc:
            outcome.append(exc)

    thread = Thread(target=do, name="within", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not outcome:
        raise TimeoutError
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def resolve(host: str, port: int, timeout_s: float) -> list[str]:
    """Return all addresses of a host name, as the system resolves it.

    Raises:
        OSError: there is none.
        httpx.ConnectTimeout: the system did not answer within ``timeout_s``.
    """
    try:
        return within(lambda: look_up(host, port), timeout_s)
    except TimeoutError as exc:
        raise httpx.ConnectTimeout(f"{host} was not resolved in time") from exc


@dataclass(frozen=True)
class UrlGuard:
    """The rule for what may be called: https to public addresses, and only to ``hosts`` if there are any.

    ``.fal.media`` among the hosts stands for all hosts under ``fal.media``.

    With ``allow_loopback``, for a local run, addresses of this machine are allowed too, even over http.
    """

    allow_loopback: bool = False
    hosts: frozenset[str] | None = None
    resolve: Resolve = resolve

    def addresses(self, url: httpx.URL, timeout_s: float = RESOLVE_TIMEOUT_S) -> tuple[str, ...]:
        """Check a URL from ``parse_url``; return the addresses to connect to.

        Raises:
            InvalidRequest: the URL may not be called; PlainHttp if because of its scheme.
            HostNotAllowed: the URL may not be called unless the operator allows its host.
            httpx.ConnectTimeout: the name was not resolved within ``timeout_s``.
        """
        host = host_of(url)
        if url.scheme not in {"http", "https"} or not host or url.userinfo:
            raise InvalidRequest("Only plain https addresses can be called.", code="forbidden_url")
        port = url.port or {"http": 80, "https": 443}[url.scheme]
        try:
            found = self.resolve(host, port, timeout_s)
            addresses = [ip_address(address) for address in found]
        except (OSError, ValueError) as exc:
            raise InvalidRequest(f"The host {host} is not known.", code="unknown_host") from exc
        is_here = bool(addresses) and all(map(is_loopback, addresses))
        if not (self.allow_loopback and is_here):
            if url.scheme != "https":
                raise PlainHttp
            if not addresses or not all(map(is_public, addresses)):
                raise InvalidRequest(f"The host {host} is not public.", code="forbidden_host")
        if not self.allows(host):
            raise HostNotAllowed(host)
        return tuple(map(str, addresses))

    def allows(self, host: str) -> bool:
        """Return True if files may come from a host."""
        return self.hosts is None or self.expects(host)

    def expects(self, host: str) -> bool:
        """Return True if a host is in the list, so that it has to exist."""
        hosts = self.hosts or frozenset()
        return host in hosts or any(host.endswith(each) for each in hosts if each.startswith("."))
