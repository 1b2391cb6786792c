"""The way out, over real sockets of this machine and over scripted ones: whose it is, and when it ends."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from character_identity.domain.errors import InvalidRequest, ProviderRejected, ProviderUnavailable
from character_identity.outbound.client import EncodedBody, TooManyBytes, open_client, received
from character_identity.outbound.guard import UrlGuard
from character_identity.outbound.safe_http import FETCH_TIMEOUT_S, POST_TIMEOUT_S, SafeHttpClient
from character_identity.outbound.urls import parse_url
from tests.support.http import EVERYWHERE, HERE, scripted_client
from tests.support.waiting import HANGS_AFTER_S

SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Authority:
    """Signs certificates, for a test's servers."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority of a test")])
        self._certificate = self._signed(self._name, self._key, x509.BasicConstraints(True, None))

    def trusted(self) -> ssl.SSLContext:
        """What a client trusts that trusts this authority and nobody else."""
        pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)

    def server(self, folder: Path, host: str) -> ssl.SSLContext:
        """A server's side, with a certificate for one host."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        certificate = self._signed(name, key, x509.SubjectAlternativeName([x509.DNSName(host)]))
        path = folder / f"{host}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(self, name: x509.Name, key: Any, extension: x509.ExtensionType) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if isinstance(extension, x509.BasicConstraints):
            builder = builder.add_extension(SIGNS_CERTIFICATES, critical=True).add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        return builder.sign(self._key, hashes.SHA256())


class TlsServer:
    """Answers on a port of this machine, with the certificate that is asked for by name, or the first."""

    def __init__(self, contexts: dict[str, ssl.SSLContext]) -> None:
        self.connections: list[str | None] = []
        self.requests: list[tuple[str | None, str]] = []
        self._contexts = contexts
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._threads: list[Thread] = []
        self._open: list[socket.socket] = []
        self.port = self._socket.getsockname()[1]
        self._listener = Thread(target=self._listen)
        self._listener.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in [self._listener, *self._threads]:
            thread.join(HANGS_AFTER_S)

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._threads.append(Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        asked: list[str | None] = []

        def choose(secured: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
            asked.append(name)
            if name in self._contexts:
                secured.context = self._contexts[str(name)]

        first = next(iter(self._contexts.values()))
        first.sni_callback = choose
        with suppress(OSError), connection, first.wrap_socket(connection, server_side=True) as secured:
            self._open.append(secured)
            self.connections.append(asked[0])
            while request := secured.recv(65536):
                host = next(
                    line.partition(": ")[2]
                    for line in request.decode().split("\r\n")
                    if line.lower().startswith("host: ")
                )
                self.requests.append((asked[0], host))
                secured.sendall(ANSWER)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@contextmanager
def serving(authority: Authority, folder: Path, *hosts: str) -> Iterator[TlsServer]:
    server = TlsServer({host: authority.server(folder, host) for host in hosts})
    try:
        yield server
    finally:
        server.close()


def test_each_host_of_one_address_is_verified_by_its_own_name(authority: Authority, tmp_path: Path) -> None:
    with (
        serving(authority, tmp_path, "ann.test", "bob.test") as server,
        open_client(HERE, HANGS_AFTER_S, tls=authority.trusted()) as client,
    ):
        for host in ("ann.test", "bob.test", "ann.test"):
            assert client.get(f"https://{host}:{server.port}/").content == b"ok"
    assert sorted(map(str, server.connections)) == ["ann.test", "bob.test"]
    assert server.requests == [
        (host, f"{host}:{server.port}") for host in ("ann.test", "bob.test", "ann.test")
    ]


def test_a_kept_connection_serves_no_other_host_of_its_address(authority: Authority, tmp_path: Path) -> None:
    """mallory.test resolves to the address of ann.test, whose certificate is good for ann.test only."""
    with (
        serving(authority, tmp_path, "ann.test") as server,
        open_client(HERE, HANGS_AFTER_S, tls=authority.trusted()) as client,
    ):
        assert client.get(f"https://ann.test:{server.port}/").content == b"ok"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            client.get(f"https://mallory.test:{server.port}/")
        assert client.get(f"https://ann.test:{server.port}/").content == b"ok"
    assert [host for host, _ in server.requests] == ["ann.test", "ann.test"]
    assert server.connections == ["ann.test"]


@pytest.mark.parametrize("host", ["mallory.test", "ann.test.mallory.test", "127.0.0.1"])
def test_a_certificate_of_another_name_is_refused(authority: Authority, tmp_path: Path, host: str) -> None:
    fetcher = SafeHttpClient(HERE, tls=authority.trusted())
    with serving(authority, tmp_path, "ann.test") as server, pytest.raises(ProviderUnavailable):
        fetcher.fetch(f"https://{host}:{server.port}/", 100)
    assert server.requests == []


def test_nobody_is_trusted_by_default(authority: Authority, tmp_path: Path) -> None:
    with (
        serving(authority, tmp_path, "ann.test") as server,
        open_client(HERE, HANGS_AFTER_S) as client,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.get(f"https://ann.test:{server.port}/")


def test_the_name_that_is_verified_is_the_one_that_was_resolved(authority: Authority, tmp_path: Path) -> None:
    resolved: list[str] = []

    def resolve(host: str, port: int, timeout_s: float) -> list[str]:
        resolved.append(host)
        return ["127.0.0.1"]

    name = "xn--strae-oqa.test"
    guard = UrlGuard(allow_loopback=True, resolve=resolve)
    with (
        serving(authority, tmp_path, name) as server,
        open_client(guard, HANGS_AFTER_S, tls=authority.trusted()) as client,
    ):
        assert client.get(parse_url(f"https://Straße.test:{server.port}/")).content == b"ok"
    assert resolved == [name]
    assert server.requests == [(name, f"{name}:{server.port}")]


def test_a_name_that_changes_meanwhile_is_called_where_it_was_checked() -> None:
    """Rebinding: whatever a second look-up would say, the connection goes to the address of the first."""
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    called: list[str] = []

    def connect(address: tuple[str, int], timeout_s: float) -> socket.socket:
        called.append(address[0])
        raise ConnectionRefusedError

    fetcher = SafeHttpClient(UrlGuard(resolve=lambda host, port, timeout_s: next(answers)), connect=connect)
    with pytest.raises(ProviderUnavailable):
        fetcher.fetch("https://ann.test/", 100)
    with pytest.raises(InvalidRequest, match="not public"):
        fetcher.fetch("https://ann.test/", 100)
    assert called == ["93.184.216.34"]


def test_the_next_address_is_tried_when_one_refuses() -> None:
    called: list[str] = []

    def connect(address: tuple[str, int], timeout_s: float) -> socket.socket:
        called.append(address[0])
        if len(called) == 1:
            raise TimeoutError
        return Wire(Clock(), [(0, ANSWER)])  # type: ignore[return-value]  # what is used of a socket

    guard = UrlGuard(allow_loopback=True, resolve=lambda host, port, timeout_s: ["::1", "127.0.0.1"])
    assert SafeHttpClient(guard, connect=connect).fetch("http://ann.test/", 100) == b"ok"
    assert called == ["::1", "127.0.0.1"]


# when a call ends


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


class Wire:
    """A socket at whose other end somebody takes its time: pauses in seconds, and what comes after each."""

    def __init__(self, clock: Clock, answers: list[tuple[float, bytes]], taken_at_once: int = 65536) -> None:
        self._clock = clock
        self._answers = iter(answers)
        self._taken_at_once = taken_at_once
        self.send_delay_s = 0.0
        self.timeout_s = 0.0
        self.is_closed = False

    def settimeout(self, seconds: float) -> None:
        self.timeout_s = seconds

    def setsockopt(self, *option: int) -> None: ...

    def fileno(self) -> int:
        return -1

    def recv(self, size: int) -> bytes:
        delay_s, content = next(self._answers, (0.0, b""))
        self._pass(delay_s)
        return content

    def send(self, content: memoryview) -> int:
        self._pass(self.send_delay_s)
        return min(len(content), self._taken_at_once)

    def close(self) -> None:
        self.is_closed = True

    def _pass(self, seconds: float) -> None:
        self._clock.s += min(seconds, self.timeout_s)
        if seconds > self.timeout_s:
            raise TimeoutError


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


def dripped(content: bytes, start: bytes = b"") -> list[tuple[float, bytes]]:
    """A byte every two seconds."""
    return [(0.0, start), *((2.0, content[at : at + 1]) for at in range(len(content)))][not start :]


class Slow:
    """A client on wires, one for each connection, and the clock that runs while it waits."""

    def __init__(self, *wires: Callable[[Clock], Wire], resolve_s: float = 0, connect_s: float = 0) -> None:
        self.clock = Clock()
        self.wires: list[Wire] = []
        ahead = iter(wires)

        def resolve(host: str, port: int, timeout_s: float) -> list[str]:
            self.clock.s += resolve_s
            return ["127.0.0.1"] * 30

        def connect(address: tuple[str, int], timeout_s: float) -> socket.socket:
            self.clock.s += min(connect_s, timeout_s)
            if connect_s > timeout_s:
                raise TimeoutError
            self.wires.append(next(ahead)(self.clock))
            return self.wires[-1]  # type: ignore[return-value]  # what is used of a socket

        guard = UrlGuard(allow_loopback=True, resolve=resolve)
        self.client = SafeHttpClient(guard, clock=self.clock, connect=connect)

    def took_s(self, call: Callable[[SafeHttpClient], object]) -> float:
        """Seconds after which the call was given up."""
        began_at = self.clock.s
        with pytest.raises(ProviderUnavailable):
            call(self.client)
        return self.clock.s - began_at


def fetch(client: SafeHttpClient) -> object:
    return client.fetch("http://slow.test/", 10**6)


def post(client: SafeHttpClient) -> object:
    return client.post("http://slow.test/", b"x" * 10**6, {})


def slow_reader(clock: Clock) -> Wire:
    wire = Wire(clock, [(0, ANSWER)], taken_at_once=1)
    wire.send_delay_s = 2
    return wire


def redirecting(clock: Clock) -> Wire:
    answer = b"HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: /again\r\n\r\n"
    return Wire(clock, [(6.0, answer)])


@pytest.mark.parametrize(
    ("slow", "call", "at_most_s"),
    [
        pytest.param(Slow(connect_s=7), fetch, FETCH_TIMEOUT_S, id="to connect, at each of 30 addresses"),
        pytest.param(Slow(lambda clock: Wire(clock, dripped(HEAD))), fetch, FETCH_TIMEOUT_S, id="to answer"),
        pytest.param(
            Slow(lambda clock: Wire(clock, dripped(b"x" * 10**5, HEAD))),
            fetch,
            FETCH_TIMEOUT_S,
            id="the body",
        ),
        pytest.param(
            Slow(lambda clock: Wire(clock, [(21.0, ANSWER)])), fetch, FETCH_TIMEOUT_S, id="the first byte"
        ),
        pytest.param(Slow(slow_reader), post, POST_TIMEOUT_S, id="to take what is sent"),
        pytest.param(Slow(slow_reader), fetch, FETCH_TIMEOUT_S, id="to take the request"),
        pytest.param(Slow(*[redirecting] * 6), fetch, FETCH_TIMEOUT_S, id="through redirects"),
        pytest.param(
            Slow(lambda clock: Wire(clock, dripped(HEAD)), resolve_s=4, connect_s=4),
            fetch,
            FETCH_TIMEOUT_S,
            id="everywhere a little",
        ),
    ],
)
def test_whoever_is_slow_where_the_call_ends(
    slow: Slow, call: Callable[[SafeHttpClient], object], at_most_s: float
) -> None:
    assert slow.took_s(call) == at_most_s
    assert all(wire.is_closed for wire in slow.wires)


def test_a_body_without_end_of_a_post_is_not_waited_for() -> None:
    slow = Slow(lambda clock: Wire(clock, dripped(b"x" * 10**5, HEAD)))
    assert post(slow.client) == 200
    assert slow.clock.s == 1000


def test_an_upload_is_not_held_by_its_answer() -> None:
    slow = Slow(lambda clock: Wire(clock, dripped(b"x" * 10**5, HEAD)))
    assert slow.took_s(lambda client: client.put("http://slow.test/", b"zip", "application/zip")) == 40


def test_what_comes_slowly_but_in_time_is_whole() -> None:
    head = HEAD.replace(b"100000", b"9")
    slow = Slow(lambda clock: Wire(clock, dripped(b"x" * 9, head)))
    assert slow.client.fetch("http://slow.test/", 100) == b"x" * 9
    assert slow.clock.s == 1018


def test_a_name_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = Event()

    def look_up(host: str, port: int) -> list[str]:
        answered.wait(HANGS_AFTER_S)
        return ["127.0.0.1"]

    monkeypatch.setattr("character_identity.outbound.guard.look_up", look_up)
    try:
        with (
            open_client(UrlGuard(allow_loopback=True), 0.05) as client,
            pytest.raises(httpx.ConnectTimeout, match=r"slow\.test was not resolved in time"),
        ):
            client.get("http://slow.test/")
    finally:
        answered.set()


def test_a_handshake_that_drips_is_given_up(authority: Authority) -> None:
    """A TLS record of 16 KiB, announced and then sent byte by byte."""
    given_up = Event()
    sent: list[int] = []

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"\x16\x03\x03\x40\x00")
            while not given_up.wait(0.01) and len(sent) < 10_000:
                connection.sendall(b"\x02")
                sent.append(1)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=drip, args=(server,))
        thread.start()
        with (
            open_client(HERE, 0.2, tls=authority.trusted()) as client,
            pytest.raises((httpx.ConnectTimeout, httpx.ReadTimeout)),
        ):
            client.get(f"https://ann.test:{server.getsockname()[1]}/")
        given_up.set()
        thread.join(HANGS_AFTER_S)
    assert 0 < len(sent) < 10_000


# what is read


def encoded(encoding: str) -> httpx.Response:
    return httpx.Response(
        200, headers={"Content-Encoding": encoding}, stream=httpx.ByteStream(b"\x1f\x8b" + bytes(3000))
    )


@pytest.mark.parametrize(
    "encoding",
    ["gzip", "gzip, gzip", "br", "zstd", "deflate", "GZIP", "x-gzip", "identity, gzip", "aws-chunked,gzip"],
)
def test_a_packed_body_is_refused_unread(encoding: str) -> None:
    with (
        scripted_client(lambda request: encoded(encoding)) as client,
        client.stream("GET", "https://ann.test/") as answer,
        pytest.raises(EncodedBody),
    ):
        next(received(answer, 10**6))
    fetcher = SafeHttpClient(EVERYWHERE, httpx.MockTransport(lambda request: encoded(encoding)))
    with pytest.raises(ProviderRejected, match="compressed"):
        fetcher.fetch("https://ann.test/", 10**6)


@pytest.mark.parametrize(
    "encoding", ["", "identity", " Identity ", "base64", "UTF-8", "aws-chunked", "undefined"]
)
def test_a_plain_body_may_be_called_anything_but_packed(encoding: str) -> None:
    """Stores repeat what an uploader wrote there; browsers show such a picture."""
    with (
        scripted_client(lambda request: encoded(encoding)) as client,
        client.stream("GET", "https://ann.test/") as answer,
    ):
        assert len(b"".join(received(answer, 3002))) == 3002
    fetcher = SafeHttpClient(EVERYWHERE, httpx.MockTransport(lambda request: encoded(encoding)))
    assert len(fetcher.fetch("https://ann.test/", 3002)) == 3002


def test_bytes_are_counted_as_they_come() -> None:
    with (
        scripted_client(lambda request: encoded("identity")) as client,
        client.stream("GET", "https://ann.test/") as answer,
        pytest.raises(TooManyBytes),
    ):
        b"".join(received(answer, 3001))


@pytest.mark.parametrize("answer", [b"x" * 10**6, b""])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_an_upload_that_was_taken_may_be_answered_with_anything(answer: bytes, encoding: str) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        headers = {"Content-Encoding": encoding}
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(answer))

    SafeHttpClient(EVERYWHERE, httpx.MockTransport(respond)).put(
        "https://up.test/", b"zip", "application/zip"
    )


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    with scripted_client(lambda request: httpx.Response(302, headers={"Location": "/b"})) as client:
        answer = client.get("https://ann.test/")
    assert answer.status_code == 302
    assert "Authorization" not in answer.request.headers


@pytest.mark.parametrize("domain", ["", "; Domain=test", "; Domain=.ann.test"])
def test_no_cookie_is_kept_for_the_next_call(domain: str) -> None:
    cookie = {"Set-Cookie": f"session=ann; Path=/; Max-Age=9999{domain}"}
    with scripted_client(lambda request: httpx.Response(200, headers=cookie)) as client:
        for url in ("https://ann.test/", "https://ann.test/", "https://bob.ann.test/"):
            assert "Cookie" not in client.get(url).request.headers
