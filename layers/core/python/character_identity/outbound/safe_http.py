"""Fetches bytes from addresses that others gave us, trusting neither address nor answer: no SSRF."""

import hashlib
import socket
import ssl
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from character_identity.domain.errors import (
    InvalidRequest,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.outbound.client import (
    Clock,
    Connect,
    EncodedBody,
    TooManyBytes,
    open_client,
    received,
)
from character_identity.outbound.guard import PlainHttp, UrlGuard
from character_identity.outbound.provider_http import NO_ANSWER
from character_identity.outbound.urls import host_of, parse_url, redirected

MAX_REDIRECTS = 5
FETCH_TIMEOUT_S = 20
"""Seconds for a call with all its redirects, to the last byte; whoever waits for it has 29."""
DOWNLOAD_TIMEOUT_S = 240
UPLOAD_TIMEOUT_S = 40
POST_TIMEOUT_S = 15
"""The receiver of an event answers at once and works later."""
MAX_UPLOAD_ANSWER_BYTES = 64 * 1024
PROVIDER = "media host"


class SafeHttpClient:
    """Makes calls without our credentials, to checked addresses only, with limits on bytes and time."""

    def __init__(
        self,
        guard: UrlGuard,
        transport: httpx.BaseTransport | None = None,
        *,
        clock: Clock = time.monotonic,
        tls: ssl.SSLContext | None = None,
        connect: Connect = socket.create_connection,
    ) -> None:
        self._guard = guard
        self._clock = clock
        self._client = open_client(
            guard, FETCH_TIMEOUT_S, transport=transport, clock=clock, tls=tls, connect=connect
        )

    def close(self) -> None:
        """End all connections."""
        self._client.close()

    def allows(self, host: str) -> bool:
        """Return True if files may come from a host."""
        return self._guard.allows(host)

    def fetch(self, url: str, limit_bytes: int, timeout_s: float = FETCH_TIMEOUT_S) -> bytes:
        """Return the bytes behind a URL, the last of which must come within ``timeout_s``.

        If a redirect or the address of a result names plain http, the same host is asked over TLS instead.

        Raises:
            InvalidRequest: the URL may not be fetched, or its content is larger than ``limit_bytes``.
            ProviderRejected: the host does not have it, or answered with compressed bytes.
            ProviderUnavailable: the host did not answer in time, or it names plain http and does not have the
                file over TLS; the same call may work later.
        """
        with self._chunks(url, limit_bytes, timeout_s) as chunks:
            return b"".join(chunks)

    def download(self, url: str, path: Path, limit_bytes: int) -> str:
        """Stream to a file; return the SHA-256 in hexadecimal.

        Raises as ``fetch``, and ProviderUnavailable if fewer bytes came than ``Content-Length`` announced.
        """
        digest = hashlib.sha256()
        with self._chunks(url, limit_bytes, DOWNLOAD_TIMEOUT_S) as chunks, path.open("wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()

    def fetch_start(self, url: str, size_bytes: int) -> bytes:
        """Return the first ``size_bytes`` bytes behind a URL, or all if fewer. Raises as ``fetch``."""
        content = bytearray()
        with self._chunks(url, sys.maxsize, FETCH_TIMEOUT_S) as chunks:
            for chunk in chunks:
                content += chunk
                if len(content) >= size_bytes:
                    break
        return bytes(content[:size_bytes])

    def put(self, url: str, content: bytes, content_type: str) -> None:
        """Upload to a signed address that a provider gave us. Raises as ``fetch``.

        A short answer is read to its end, so that the connection can be used again.
        """
        request = self._client.build_request(
            "PUT",
            parse_url(url),
            content=content,
            headers={"Content-Type": content_type},
            timeout=UPLOAD_TIMEOUT_S,
        )
        with _answers_of_strangers(PROVIDER):
            answer = self._client.send(request, stream=True)
            try:
                if not answer.is_success:
                    raise _failure(answer)
                for _ in received(answer, MAX_UPLOAD_ANSWER_BYTES):
                    pass
            except (TooManyBytes, EncodedBody):
                pass  # the status says that it was taken
            finally:
                answer.close()

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post to an address that a caller gave; return the status of the answer.

        Redirects are not followed, and the answer's body is not read.

        Raises:
            InvalidRequest: posting to this address is not allowed.
            ProviderUnavailable: there was no answer.
        """
        request = self._client.build_request(
            "POST", parse_url(url), content=body, headers=headers, timeout=POST_TIMEOUT_S
        )
        with _answers_of_strangers("webhook"):
            answer = self._client.send(request, stream=True)
            answer.close()
        return answer.status_code

    @contextmanager
    def _chunks(self, url: str, limit_bytes: int, timeout_s: float) -> Iterator[Iterator[bytes]]:
        with _answers_of_strangers(PROVIDER):
            answer = self._followed(url, timeout_s)
            try:
                yield _capped(answer, limit_bytes)
            finally:
                answer.close()

    def _followed(self, url: str, timeout_s: float) -> httpx.Response:
        """Follow all redirects from a URL; return the answer at the end, with its body yet to be read.

        Some hosts set a cookie on the way and want it back: they get it, for this link alone.
        """
        target, ends_at, plain, cookies = parse_url(url), self._clock() + timeout_s, "", httpx.Cookies()
        try:
            for hop in range(MAX_REDIRECTS + 1):
                try:
                    answer = self._asked(target, ends_at, cookies)
                except PlainHttp:
                    if hop == 0 and self._guard.hosts is None:  # from a caller, who can correct it
                        raise
                    plain, target = host_of(target), target.copy_with(scheme="https")
                    continue
                if not answer.has_redirect_location:
                    return answer
                answer.close()
                target = redirected(target, answer.headers["Location"])
            if plain:
                raise ProviderRejected(PROVIDER, "it leads back there")
            raise InvalidRequest("The address redirects too often.", code="forbidden_url")
        except ProviderError as exc:
            if not plain:
                raise
            said = f"{plain} is named with plain http, where a file may be altered; over TLS: {exc.message}"
            raise ProviderUnavailable(PROVIDER, said) from exc

    def _asked(self, url: httpx.URL, ends_at: float, cookies: httpx.Cookies) -> httpx.Response:
        """Return a host's answer: the file, or a redirect. Cookies that it sets are added to ``cookies``."""
        left_s = ends_at - self._clock()
        request = self._client.build_request("GET", url, cookies=cookies, timeout=left_s)
        try:
            with _answers_of_strangers(PROVIDER):
                answer = self._client.send(request, stream=True)
        except InvalidRequest as exc:
            if exc.code == "unknown_host" and self._guard.expects(host_of(url)):
                raise ProviderUnavailable(PROVIDER, exc.message) from exc
            raise
        cookies.extract_cookies(answer)
        for cookie in [*cookies.jar]:
            # Some hosts put the name of our town into one, but headers are sent in ASCII.
            if not f"{cookie.name}{cookie.value}".isascii():
                cookies.jar.clear(cookie.domain, cookie.path, cookie.name)
        if not (answer.is_success or answer.has_redirect_location):
            answer.close()
            raise _failure(answer)
        return answer


@contextmanager
def _answers_of_strangers(who: str) -> Iterator[None]:
    """Turn the exceptions of a call without a proper answer into ours."""
    try:
        yield
    except EncodedBody as exc:
        raise ProviderRejected(who, "answered with a compressed body, which was not asked for") from exc
    except NO_ANSWER as exc:
        raise ProviderUnavailable(who, type(exc).__name__) from exc


def _capped(answer: httpx.Response, limit_bytes: int) -> Iterator[bytes]:
    try:
        yield from received(answer, limit_bytes)
    except TooManyBytes as exc:
        raise InvalidRequest(f"The file has more than {limit_bytes} bytes.", code="file_too_large") from exc


def _failure(answer: httpx.Response) -> ProviderError:
    status, host = answer.status_code, host_of(answer.request.url)
    kind = ProviderUnavailable if status >= 500 or status in {408, 429} else ProviderRejected
    return kind(PROVIDER, f"{host} answered {status}")
