"""HTTP to a provider: one place that decides what a failure means."""

from collections.abc import Callable
from typing import Any, Protocol

import httpx

from character_identity.domain.errors import (
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
    ServiceError,
)

TIMEOUT = httpx.Timeout(connect=5, read=30, write=30, pool=5)
"""Seconds; Astria cuts requests at 30 s (https://docs.astria.ai/docs/api/overview, read 2026-11-22)."""
NOTHING_WAS_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class Key(Protocol):
    """A provider key that can be fetched again after it was rotated."""

    def __call__(self) -> str: ...
    def refresh(self) -> str: ...


class VendorApi:
    """Authorised JSON calls. A paid call whose outcome is not certain is never answered with "try again"."""

    def __init__(
        self, name: str, client: httpx.Client, key: Key, scheme: str, explain: Callable[[Any], str]
    ) -> None:
        self._name = name
        self._client = client
        self._key = key
        self._scheme = scheme
        self._explain = explain

    def call(self, method: str, url: str, *, paid: bool = False, **request: Any) -> Any:
        """The JSON of a 2xx answer.

        Raises:
            ProviderUnavailable: nothing was accepted, or nothing was at stake.
            ProviderRejected: the same call would fail again.
            ProviderOutcomeUnknown: a paid call that the provider may have accepted.
        """
        answer = self.send(method, url, paid=paid, **request)
        if answer.is_success:
            return self._json(answer, paid)
        raise self.failure(answer, paid)

    def send(self, method: str, url: str, *, paid: bool = False, **request: Any) -> httpx.Response:
        """The answer, whatever its status. A refused key is fetched once again: it may have been rotated."""
        answer = self._send(method, url, self._key(), paid, request)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            answer = self._send(method, url, self._key.refresh(), paid, request)
        return answer

    def failure(self, answer: httpx.Response, paid: bool = False) -> ServiceError:
        """The error that a non-2xx answer means."""
        status = answer.status_code
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return ProviderUnavailable(self._name, "asks for fewer calls (429)")
        if status >= 500:
            error = ProviderOutcomeUnknown if paid else ProviderUnavailable
            return error(self._name, f"answered {status}")
        if status in {401, 402, 403}:
            return ProviderRejected(self._name, f"refused our account ({status}): {self._reason(answer)}")
        return ProviderRejected(self._name, f"answered {status}: {self._reason(answer)}")

    def _send(self, method: str, url: str, key: str, paid: bool, request: dict[str, Any]) -> httpx.Response:
        headers = {"Authorization": f"{self._scheme} {key}", "Accept": "application/json"}
        try:
            return self._client.request(method, url, headers=headers, **request)
        except NOTHING_WAS_SENT as exc:
            raise ProviderUnavailable(self._name, type(exc).__name__) from exc
        except httpx.TransportError as exc:
            error = ProviderOutcomeUnknown if paid else ProviderUnavailable
            raise error(self._name, type(exc).__name__) from exc

    def _json(self, answer: httpx.Response, paid: bool) -> Any:
        try:
            return answer.json()
        except ValueError as exc:
            error = ProviderOutcomeUnknown if paid else ProviderUnavailable
            raise error(self._name, f"answered {answer.status_code} without JSON") from exc

    def _reason(self, answer: httpx.Response) -> str:
        try:
            return self._explain(answer.json())
        except ValueError:
            return "no reason given"
