"""The one way out: every HTTP call to a stranger is made by a client from here.

What it holds to, whoever calls:

- the address that is connected to is one that was checked for this name, whatever DNS rebinding tells later,
  and the name is what TLS verifies; a connection is kept for its name, and serves no other;
- a timeout is a deadline for the whole call: from resolving the name to the last byte that is read;
- no credentials and proxies from the environment, no redirects, no compression;
- no cookies, which a host would get from whoever calls it next.
"""

import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from character_identity.outbound.guard import RESOLVE_TIMEOUT_S, UrlGuard

CONNECT_TIMEOUT_S = 5.0
"""For each address of a host, until the next is tried."""
SENT_AT_ONCE = 64 * 1024
PACKINGS = {
    *("aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "exi", "gzip", "pack200-gzip", "x-compress"),
    *("x-gzip", "zstd"),
}
"""IANA's HTTP Content Coding Registry (RFC 9110, section 8.4.1). Whatever else a host says there, its bytes
are plain, as browsers take them: stores repeat what an uploader wrote, such as "base64", "UTF-8", "undefined"
(aws-solutions/dynamic-image-transformation-for-amazon-cloudfront, issue 127)."""

Clock = Callable[[], float]
"""Seconds that only grow."""
Connect = Callable[[tuple[str, int], float], socket.socket]


class TooManyBytes(Exception):
    """A body has more bytes than it may have."""


class EncodedBody(httpx.DecodingError):
    """A body is compressed, though nothing but its plain bytes was asked for."""


def open_client(
    guard: UrlGuard,
    timeout_s: float,
    *,
    transport: httpx.BaseTransport | None = None,
    clock: Clock = time.monotonic,
    tls: ssl.SSLContext | None = None,
    connect: Connect = socket.create_connection,
) -> httpx.Client:
    """Make a client whose calls end after ``timeout_s`` seconds each, or what a request says instead.

    ``transport`` stands for the network in tests; the rules hold before it too.
    """
    network = transport or CheckedNetwork(clock, tls or trusted_authorities(), connect)
    # Some hosts refuse the names of HTTP libraries, as Wikimedia's do:
    # https://foundation.wikimedia.org/wiki/Policy:User-Agent_policy, read 2026-11-28.
    headers = {"User-Agent": "character-identity", "Accept-Encoding": "identity"}
    cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # else httpx keeps what any host sets
    return httpx.Client(
        transport=_Guarded(guard, network, clock),
        timeout=timeout_s,
        headers=headers,
        cookies=cookies,
        trust_env=False,
        follow_redirects=False,
    )


@cache
def trusted_authorities() -> ssl.SSLContext:
    """Whom the clients of a process believe; to read the authorities takes some 10 ms, so once is enough."""
    return httpx.create_ssl_context(trust_env=False)


def received(answer: httpx.Response, limit_bytes: int) -> Iterator[bytes]:
    """The bytes of a body as they came, counted.

    Raises:
        TooManyBytes: there are more than ``limit_bytes``.
        EncodedBody: they would have to be unpacked, and a kilobyte may unpack to gigabytes.
    """
    said = answer.headers.get("Content-Encoding", "").lower().split(",")
    if not PACKINGS.isdisjoint(word.strip() for word in said):
        raise EncodedBody("the body is compressed", request=answer.request)
    total = 0
    for chunk in answer.iter_raw():
        total += len(chunk)
        if total > limit_bytes:
            raise TooManyBytes(f"more than {limit_bytes} bytes")
        yield chunk


class _Guarded(httpx.BaseTransport):
    """Checks where a request goes and fixes when it ends, before the network is asked."""

    def __init__(self, guard: UrlGuard, network: httpx.BaseTransport, clock: Clock) -> None:
        self._guard = guard
        self._network = network
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        timeout_s = request.extensions["timeout"]["read"]
        ends_at = self._clock() + timeout_s
        addresses = self._guard.addresses(request.url, min(timeout_s, RESOLVE_TIMEOUT_S))
        request.headers["Host"] = request.url.netloc.decode("ascii")
        request.extensions = {
            **request.extensions,
            "addresses": addresses,
            "timeout": {"connect": ends_at, "write": ends_at, "read": ends_at, "pool": timeout_s},
        }
        answer = self._network.handle_request(request)
        assert isinstance(answer.stream, httpx.SyncByteStream)
        return httpx.Response(
            answer.status_code, headers=answer.headers, stream=answer.stream, extensions=answer.extensions
        )

    def close(self) -> None:
        self._network.close()


class CheckedNetwork(httpx.HTTPTransport):
    """Real connections, kept by the name of their host and made to one of its checked addresses."""

    def __init__(self, clock: Clock, tls: ssl.SSLContext, connect: Connect) -> None:
        super().__init__(verify=tls, trust_env=False)
        # httpx has no argument for the backend of its pool, which is a public one of httpcore.
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls, keepalive_expiry=5, network_backend=_Backend(clock, connect)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        token = _addresses.set(request.extensions["addresses"])
        try:
            return super().handle_request(request)
        finally:
            _addresses.reset(token)


_addresses: ContextVar[tuple[str, ...]] = ContextVar("addresses")
"""Where the request at hand may connect to; a connection is made by the thread that needs it."""


class _Backend(httpcore.NetworkBackend):
    """Connects to what was checked, whatever the name may resolve to by now.

    What httpcore calls a timeout is the moment on the clock here at which the call ends.
    """

    def __init__(self, clock: Clock, connect: Connect) -> None:
        self._clock = clock
        self._connect = connect

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        error: OSError | None = None
        for address in _addresses.get():
            left_s = _left_s(timeout, self._clock, httpcore.ConnectTimeout)
            try:
                connection = self._connect((address, port), min(left_s, CONNECT_TIMEOUT_S))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as exc:
                error = exc
            else:
                return _Stream(connection, self._clock)
        kind = httpcore.ConnectTimeout if isinstance(error, TimeoutError) else httpcore.ConnectError
        raise kind(str(error)) from error


class _Stream(httpcore.NetworkStream):
    """A connection on which each step has what is left of the call's time, and no more."""

    def __init__(self, connection: socket.socket, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._connection.settimeout(_left_s(timeout, self._clock, httpcore.ReadTimeout))
        try:
            return self._connection.recv(max_bytes)
        except TimeoutError as exc:
            raise httpcore.ReadTimeout(str(exc)) from exc
        except OSError as exc:
            raise httpcore.ReadError(str(exc)) from exc

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        while view:
            self._connection.settimeout(_left_s(timeout, self._clock, httpcore.WriteTimeout))
            try:
                view = view[self._connection.send(view[:SENT_AT_ONCE]) :]
            except TimeoutError as exc:
                raise httpcore.WriteTimeout(str(exc)) from exc
            except OSError as exc:
                raise httpcore.WriteError(str(exc)) from exc

    def close(self) -> None:
        self._connection.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            # The handshake as a whole gets the socket's timeout, however many reads it takes.
            self._connection.settimeout(_left_s(timeout, self._clock, httpcore.ConnectTimeout))
            secured = ssl_context.wrap_socket(self._connection, server_hostname=server_hostname)
        except TimeoutError as exc:
            self.close()
            raise httpcore.ConnectTimeout(str(exc)) from exc
        except (OSError, ValueError) as exc:  # ValueError: a name that TLS has no form for
            self.close()
            raise httpcore.ConnectError(str(exc)) from exc
        except BaseException:
            self.close()
            raise
        return _Stream(secured, self._clock)

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._connection if isinstance(self._connection, ssl.SSLSocket) else None
        if info == "is_readable":
            return _is_readable(self._connection)
        return None


def _left_s(ends_at: float | None, clock: Clock, kind: type[Exception]) -> float:
    """Return the seconds that are left of a call; one that says no end has none."""
    left_s = 0 if ends_at is None else ends_at - clock()
    if left_s <= 0:
        raise kind("the time of the call is up")
    return left_s


def _is_readable(connection: socket.socket) -> bool:
    """Say whether an idle connection has something to read: it was closed at the other end."""
    if connection.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
