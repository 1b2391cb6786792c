"""HTTP to a provider: one place that decides what a failure means."""

import json
import math
import re
import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import httpx

from character_identity.domain.clock import utc_now
from character_identity.domain.errors import (
    InvalidRequest,
    ProviderNotConfigured,
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
    ServiceError,
)
from character_identity.domain.text import shortened
from character_identity.outbound.client import Clock, TooManyBytes, received
from character_identity.outbound.urls import parse_url
from character_identity.ports.gateways import Now

TIMEOUT_S = 35
"""Seconds of a call, to the last byte.

Astria cuts requests at 30 s (https://docs.astria.ai/docs/api/overview, read 2026-11-22).
"""
NOTHING_WAS_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
NO_ANSWER = (httpx.RequestError, httpx.InvalidURL, UnicodeError)
"""Errors of httpx in place of an answer; the last two for the address in a redirect that nobody follows."""
UNDECIDED = frozenset({408, 409, 499})
"""Statuses under which fal's own clients ask again, or that say that somebody hung up."""
MAX_DELAY_S = 3600
"""A provider that asks for more is asked again then; no deadline of ours is much longer."""

MAX_ANSWER_BYTES = 8 * 1024 * 1024
LONGEST_REASON = 300
NO_REASON = "no reason given"
SECRET_PART = re.compile(r"""\?[^\s"'<>]+|(?<=/webhooks/)[^\s"'<>?]+""")
"""The query of a link, which may be its signature, and the path of a callback of ours, which is a secret."""


class Key(Protocol):
    """A provider key that can be fetched again after it was rotated."""

    def __call__(self) -> str: ...
    def refresh(self) -> str: ...


class ProviderHttpClient:
    """Authorised JSON calls. A paid call whose outcome is not certain is never answered with "try again"."""

    def __init__(
        self,
        name: str,
        client: httpx.Client,
        key: Key,
        scheme: str,
        error_detail: Callable[[Any], str],
        now: Now = utc_now,
        clock: Clock = time.monotonic,
        is_own: Callable[[httpx.Response], bool] = lambda answer: True,
    ) -> None:
        """``is_own`` tells a provider's own refusal from that of something on the way to it."""
        self._name = name
        self._client = client
        self._key = key
        self._scheme = scheme
        self._error_detail = error_detail
        self._now = now
        self._clock = clock
        self._is_own = is_own

    def make_ready(self) -> None:
        """Fetch the key, unless that was done."""
        self._key()

    def call(self, method: str, url: str, *, paid: bool = False, **request: Any) -> Any:
        """The JSON of a 2xx answer.

        Raises:
            ProviderUnavailable: nothing was accepted, or nothing was at stake.
            ProviderRejected: the same call would fail again.
            ProviderOutcomeUnknown: a paid call that the provider may have accepted.
        """
        answer = self.send(method, url, paid=paid, **request)
        if not answer.is_success:
            raise self.failure(answer, paid)
        body = json_of(answer)
        if body is None:
            raise self._undecided(paid, f"answered {answer.status_code} without JSON")
        return body

    def send(self, method: str, url: str, *, paid: bool = False, **request: Any) -> httpx.Response:
        """The answer, whatever its status. A refused key is fetched once again: it may have been rotated.

        All of that has the time of one call.
        """
        ends_at = self._clock() + (self._client.timeout.read or 0)
        answer = self._send(method, url, self._key(), paid, self._until(ends_at, request))
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            key = self._fetched_again()
            answer = self._send(method, url, key, paid, self._until(ends_at, request))
        return answer

    def failure(self, answer: httpx.Response, paid: bool = False) -> ServiceError:
        """The error that a non-2xx answer means.

        A job goes on while our account is refused (a training may use up the balance that it is then asked
        about), so what is refused beside a POST is tried again.
        """
        status, reason = answer.status_code, self.reason(answer)
        delay_s = self._delay_s(answer) if status in {429, 503} else None
        if status == httpx.codes.TOO_MANY_REQUESTS:
            message = f"asks for fewer calls (429): {reason}"
            return ProviderUnavailable(self._name, message, retry_after_s=delay_s, is_busy=True)
        if 400 <= status < 500 and status not in UNDECIDED and not self._is_own(answer):
            return self._undecided(paid, f"answered {status} on the way")
        if status in {401, 402, 403}:
            error = ProviderRejected if answer.request.method == "POST" else ProviderUnavailable
            return error(self._name, f"refused our account ({status}): {reason}")
        if status >= 500 or status < 400 or status in UNDECIDED:
            return self._undecided(paid, f"answered {status}: {reason}", delay_s)
        return ProviderRejected(self._name, f"answered {status}: {reason}")

    def trouble(self, answer: httpx.Response) -> ProviderUnavailable:
        """The error that an answer means which is not the provider's own: something on the way gave it."""
        return ProviderUnavailable(self._name, f"could not be asked ({answer.status_code} on the way)")

    def reason(self, answer: httpx.Response) -> str:
        """Return why the provider did not do it, sanitized."""
        return self.redact(self._error_detail(json_of(answer)))

    def redact(self, text: str) -> str:
        """Redact a provider's words for whoever reads them: one short line, no signature, no key of ours."""
        text = SECRET_PART.sub("", text[: 10 * LONGEST_REASON])
        key = self._key()
        for secret in (key, key.rpartition(":")[2]):
            text = text.replace(secret, "***") if len(secret) >= 8 else text
        line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
        return shortened(line, LONGEST_REASON)

    def _until(self, ends_at: float, request: dict[str, Any]) -> dict[str, Any]:
        """A request that ends then."""
        left_s = ends_at - self._clock()
        if left_s <= 0:
            raise ProviderUnavailable(self._name, "was not called: its key took all the time to fetch")
        return {**request, "timeout": left_s}

    def _fetched_again(self) -> str:
        try:
            return self._key.refresh()
        except ServiceError:
            raise
        except Exception as exc:  # of AWS; the provider has accepted nothing
            raise ProviderUnavailable(
                self._name, "refused our key (401), which could not be fetched again"
            ) from exc

    def _send(self, method: str, url: str, key: str, paid: bool, request: dict[str, Any]) -> httpx.Response:
        try:
            own = {"Authorization": f"{self._scheme} {key}", "Accept": "application/json"}
            request = {**request, "headers": {**request.get("headers", {}), **own}}
            with self._client.stream(method, parse_url(url), **request) as answer:
                return self._received(answer, paid)
        except (httpx.LocalProtocolError, UnicodeEncodeError):
            # Without the cause: its text quotes the key.
            raise ProviderNotConfigured(f"The key of {self._name} has characters no header takes.") from None
        except NOTHING_WAS_SENT as exc:
            raise ProviderUnavailable(self._name, f"could not be reached ({type(exc).__name__})") from exc
        except InvalidRequest as exc:  # of the parser or the guard, before anything is sent
            raise ProviderUnavailable(self._name, f"could not be reached ({exc.code})") from exc
        except NO_ANSWER as exc:
            raise self._undecided(paid, f"did not answer properly ({type(exc).__name__})") from exc

    def _received(self, answer: httpx.Response, paid: bool) -> httpx.Response:
        """The answer with its body, which may have only so many bytes."""
        try:
            content = b"".join(received(answer, MAX_ANSWER_BYTES))
        except TooManyBytes as exc:
            raise self._undecided(paid, f"answered more than {MAX_ANSWER_BYTES} bytes") from exc
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=content, request=answer.request
        )

    def _undecided(self, paid: bool, message: str, delay_s: int | None = None) -> ServiceError:
        if paid:
            return ProviderOutcomeUnknown(self._name, message)
        return ProviderUnavailable(self._name, message, retry_after_s=delay_s)

    def _delay_s(self, answer: httpx.Response) -> int | None:
        """``Retry-After``, which is a number of seconds or a date (RFC 9110, section 10.2.3)."""
        asked = answer.headers.get("Retry-After", "")
        try:
            if asked.isdecimal():
                seconds = int(asked)
            else:
                date = parsedate_to_datetime(asked)
                date = date if date.tzinfo else date.replace(tzinfo=UTC)
                seconds = math.ceil((date - self._now()).total_seconds())
        except (ValueError, OverflowError):
            return None
        return min(max(seconds, 0), MAX_DELAY_S)


def is_json_object(answer: httpx.Response) -> bool:
    """Tell what a provider's API says itself from the page of an ingress before it."""
    return isinstance(json_of(answer), dict)


def json_of(answer: httpx.Response) -> Any:
    """The JSON of an answer, or None if there is none.

    A text that was cut within a letter, or is not in UTF-8, costs its letters and not the whole answer.
    """
    try:
        try:
            return answer.json()
        except UnicodeDecodeError:
            return json.loads(answer.text)  # by the charset that it names; what does not fit is replaced
    except (ValueError, RecursionError):
        return None
