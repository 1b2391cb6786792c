"""fal's Platform API, as HTTP: the account's requests, their deletion, and its prices.

https://fal.ai/docs/platform-apis/v1/models, read 2026-11-28.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from character_identity.domain.clock import utc_now
from character_identity.domain.errors import (
    NotFound,
    ProviderNotConfigured,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.outbound.provider_http import (
    NO_REASON,
    UNDECIDED,
    Key,
    ProviderHttpClient,
    is_json_object,
    json_of,
)
from character_identity.ports.gateways import Now
from character_identity.providers.answers import REQUEST_ID, number, time

PAGE_SIZE = 100
"""The most that a list answers at once."""
MAX_PAGES = 10
PASSING = UNDECIDED | {httpx.codes.TOO_MANY_REQUESTS}
"""Refusals that say nothing of what our key may do."""


@dataclass(frozen=True)
class FalRequest:
    """A request that fal lists; what it was sent is None where fal does not keep it."""

    request_id: str
    sent_at: datetime | None
    input: dict[str, Any] | None


@dataclass(frozen=True)
class FalRequests:
    """What a list held that was understood; ``is_whole``: that was all of it."""

    requests: Sequence[FalRequest]
    is_whole: bool


class FalPlatform:
    """Asks about the account, with the key that also orders; deletes with the admin key, if there is one."""

    def __init__(
        self, client: httpx.Client, key: Key, admin_key: Key, platform_url: str, now: Now = utc_now
    ) -> None:
        self._api = ProviderHttpClient("fal", client, key, "Key", error_detail, now, is_own=is_json_object)
        self._admin_api = ProviderHttpClient(
            "fal", client, admin_key, "Key", error_detail, now, is_own=is_json_object
        )
        self._admin_key = admin_key
        self._url = f"{platform_url.rstrip('/')}/models"

    @property
    def may_delete(self) -> bool:
        """Return True if somebody has put an admin key in."""
        try:
            self._admin_key()
        except ProviderNotConfigured:
            return False
        return True

    def requests(self, endpoint: str, since: datetime) -> FalRequests:
        """The account's requests to an endpoint that were there since then.

        Raises:
            ProviderUnavailable: the list cannot be read: our key may not, or it has no end.
        """
        asked = {
            "endpoint_id": endpoint,
            "start": since.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "expand": "payloads",
            "limit": PAGE_SIZE,
        }
        found: list[FalRequest] = []
        is_whole = True
        cursor: dict[str, str] = {}
        for _ in range(MAX_PAGES):
            page = self._page(self._list({**asked, **cursor}))
            requests = [_request(item) for item in page["items"]]
            found += [request for request in requests if request is not None]
            is_whole = is_whole and None not in requests
            has_more, cursor_to = page.get("has_more"), page.get("next_cursor", "")
            if has_more is False or (has_more is None and cursor_to is None):
                return FalRequests(found, is_whole)
            if not isinstance(cursor_to, str) or not cursor_to:
                raise ProviderUnavailable("fal", "lists requests and does not say whether there are more")
            cursor = {"cursor": cursor_to}
        raise ProviderUnavailable("fal", f"lists more than {MAX_PAGES * PAGE_SIZE} requests")

    def output(self, endpoint: str, request_id: str) -> dict[str, Any] | None:
        """Return what a request yielded that ended well, if fal has kept it and our key may see it.

        Raises:
            ProviderUnavailable: nobody can tell now.
        """
        asked = {"endpoint_id": endpoint, "request_id": request_id, "status": "success", "expand": "payloads"}
        answer = self._list(asked)
        if answer.is_client_error and answer.status_code not in PASSING and is_json_object(answer):
            return None
        for item in self._page(answer)["items"]:
            if isinstance(item, dict) and item.get("request_id") == request_id:
                output = item.get("json_output")
                return output if isinstance(output, dict) else None
        return None

    def delete(self, request_id: str) -> None:
        """Delete what fal keeps of a request that has ended: what was sent, and what was made of it.

        Repeatable: the key is derived from the request, and fal keeps an answer for ten minutes.

        Raises:
            NotFound: fal does not know the request, or not yet: it may be under way.
            ProviderRejected: fal kept some of its files.
        """
        answer = self._admin_api.send(
            "DELETE",
            f"{self._url}/requests/{request_id}/payloads",
            headers={"Idempotency-Key": hashlib.sha256(f"erase {request_id}".encode()).hexdigest()[:32]},
        )
        body = json_of(answer)
        if answer.status_code == httpx.codes.NOT_FOUND and isinstance(body, dict):
            raise NotFound("fal does not know the request.")
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise self._admin_api.trouble(answer)
        if not answer.is_success:
            raise self._admin_api.failure(answer)
        results = body.get("cdn_delete_results", "") if isinstance(body, dict) else ""
        if results is None or answer.status_code == httpx.codes.NO_CONTENT:
            results = []  # there were no files
        if not isinstance(results, list):
            raise ProviderUnavailable("fal", "answered a deletion without saying what was deleted")
        kept = [result for result in results if not isinstance(result, dict) or result.get("exception")]
        if kept:
            raise ProviderRejected("fal", f"deleted the record, and kept {len(kept)} of {len(results)} files")

    def unit_prices_usd(self, endpoints: Sequence[str]) -> Mapping[str, float]:
        """Return what the account pays for a unit of each endpoint; one that is not told is left out."""
        answer = self._api.call("GET", f"{self._url}/pricing", params={"endpoint_id": list(endpoints)})
        prices = answer.get("prices") if isinstance(answer, dict) else None
        if not isinstance(prices, list):
            raise ProviderUnavailable("fal", "answered no list of prices")
        told = {
            str(price.get("endpoint_id")): number(price.get("unit_price"))
            for price in prices
            if isinstance(price, dict) and price.get("currency", "USD") == "USD"
        }
        return {name: amount for name in endpoints if (amount := told.get(name)) is not None}

    def _list(self, asked: Mapping[str, Any]) -> httpx.Response:
        return self._api.send("GET", f"{self._url}/requests/by-endpoint", params=asked)

    def _page(self, answer: httpx.Response) -> dict[str, Any]:
        if not answer.is_success:
            failure = self._api.failure(answer)
            if isinstance(failure, ProviderRejected):
                failure = ProviderUnavailable("fal", f"does not list our requests: {failure.message}")
            raise failure
        page = json_of(answer)
        if not isinstance(page, dict) or not isinstance(page.get("items"), list):
            raise ProviderUnavailable("fal", "answered something that is not a list of requests")
        return page


def error_detail(body: Any) -> str:
    """The reason in an error of the Platform API: ``{"error": {"type", "message"}}``."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return str(error) if error else NO_REASON
    return str(error.get("message") or error.get("type") or NO_REASON)


def _request(item: Any) -> FalRequest | None:
    """One entry of the list; None if it is not understood."""
    request_id = item.get("request_id") if isinstance(item, dict) else None
    if not isinstance(request_id, str) or not REQUEST_ID.fullmatch(request_id):
        return None
    sent = item.get("json_input")
    return FalRequest(request_id, time(item.get("sent_at")), sent if isinstance(sent, dict) else None)
