"""The session through which the service modules speak to the API's provider proxies."""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, Self, get_args

import httpx

from character_identity_client.api import TIMEOUT
from character_identity_client.character import ProviderName
from character_identity_client.configuration import is_local, refuse_clear_text
from character_identity_client.secrecy import bearer

PROVIDERS: tuple[ProviderName, ...] = get_args(ProviderName)


class ServiceFailed(Exception):
    """A service module could not do what it was asked for; the text is one sentence for people."""


class MediaService(Protocol):
    """A front end's own storage."""

    def upload_blob(
        self,
        project_id: str,
        user_id: str,
        blob: bytes,
        file_name: str,
        content_type: str,
        metadata: Mapping[str, str],
    ) -> str:
        """Keep a file; the URL that it has from then on."""
        ...


def utc_now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


class ProxySession:
    """The way to the proxies, for one owner. No order is repeated: a second one could cost again.

    Safe to use from several threads.
    """

    def __init__(
        self,
        api_url: str,
        token: str,
        *,
        media_service: MediaService | None = None,
        transport: httpx.BaseTransport | None = None,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Talk to the API at ``api_url``, to which paths such as ``/api/astria-proxy`` are appended.

        Raises:
            ValueError: the token is none, or would cross a network in clear text.
        """
        refuse_clear_text(api_url)
        if transport is None and is_local(api_url):
            transport = httpx.HTTPTransport()
        self.media_service = media_service
        self.now = now
        self.sleep = sleep
        self._api = httpx.Client(
            base_url=api_url,
            headers={"Authorization": bearer(token), "Accept": "application/json"},
            timeout=TIMEOUT,
            transport=transport,
        )
        # Stores get no token: their links carry their own permission.
        self._stores = httpx.Client(timeout=TIMEOUT, transport=transport, follow_redirects=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
        self._stores.close()

    def post(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        """Whatever a proxy answers to an order."""
        return self._api.post(path, json=body)

    def status(self, path: str, **query: str) -> dict[str, Any]:
        """Return the status of an order. The HTTP status says nothing: an unreadable answer leaves it open.

        Raises:
            ServiceFailed: the answer cannot be read.
        """
        return document(self._api.get(path, params=query))

    def download(self, url: str) -> bytes:
        """A file that an answer links to.

        Raises:
            ServiceFailed: it is not to be had.
        """
        answer = self._stores.get(url)
        if not answer.is_success:  # raise_for_status would quote the link, which is signed
            raise ServiceFailed(
                f"The file could not be downloaded: {answer.status_code} {answer.reason_phrase}"
            )
        return answer.content


def document(response: httpx.Response) -> dict[str, Any]:
    """The JSON object in an answer.

    Raises:
        ServiceFailed: there is none.
    """
    try:
        body = response.json()
    except ValueError:
        raise ServiceFailed("The answer is not JSON.") from None  # which has all of it
    if not isinstance(body, dict):
        raise ServiceFailed("The answer is not a JSON object.")
    return body


_sessions: dict[ProviderName, ProxySession] = {}


def configure(session: ProxySession | None, providers: Iterable[ProviderName] = PROVIDERS) -> None:
    """Have the service modules of these providers speak through ``session``; None makes them unavailable."""
    for provider in providers:
        if session is None:
            _sessions.pop(provider, None)
        else:
            _sessions[provider] = session


def configured(provider: ProviderName) -> ProxySession | None:
    """The session of a provider's service module, if it has one."""
    return _sessions.get(provider)


def required(provider: ProviderName, name: str) -> ProxySession:
    """The session of a provider's service module; ``name`` is the provider's in what people read.

    Raises:
        ServiceFailed: it has none.
    """
    session = configured(provider)
    if session is None:
        raise ServiceFailed(f"{name} API key is not configured.")
    return session
