"""fal's queue and storage, as HTTP.

https://fal.ai/docs/documentation/model-apis/inference/queue, read 2026-11-22.
"""

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from character_identity.domain.errors import ProviderOutcomeUnknown, ProviderUnavailable
from character_identity.domain.job import JobHandle
from character_identity.providers.media import MediaFetcher
from character_identity.providers.vendor_api import Key, VendorApi

STILL_RUNNING = "Request is still in progress"


@dataclass(frozen=True)
class FalStatus:
    """One of fal's three states; failure is not among them, it shows in the result."""

    state: Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    messages: list[str]


@dataclass(frozen=True)
class FalResult:
    """The bare model output, or the reason why there is none; ``billable_units`` in the endpoint's unit."""

    output: dict[str, Any] | None
    reason: str | None = None
    billable_units: float | None = None


class FalQueue:
    """Submits jobs and reads them, by fal's own URLs as long as they lead to the configured host."""

    def __init__(
        self, client: httpx.Client, key: Key, queue_url: str, rest_url: str, media: MediaFetcher
    ) -> None:
        self._api = VendorApi("fal", client, key, "Key", explain)
        self._queue_url = queue_url.rstrip("/")
        self._rest_url = rest_url.rstrip("/")
        self._media = media

    def submit(self, endpoint: str, body: dict[str, Any]) -> JobHandle:
        """Queue a job; this is the call that costs money."""
        answer = self._api.call("POST", f"{self._queue_url}/{endpoint}", paid=True, json=body)
        request_id = answer.get("request_id") if isinstance(answer, dict) else None
        if not isinstance(request_id, str) or not request_id:
            raise ProviderOutcomeUnknown("fal", "answered a submit without a request id")
        owner, alias = endpoint.split("/")[:2]
        own = f"{self._queue_url}/{owner}/{alias}/requests/{request_id}"
        return JobHandle(
            provider_job_id=request_id,
            status_url=self._ours(answer.get("status_url")) or f"{own}/status",
            result_url=self._ours(answer.get("response_url")) or own,
        )

    def status(self, handle: JobHandle) -> FalStatus:
        """Where a job stands, with the log messages that fal still holds."""
        answer = self._api.call("GET", str(handle.status_url), params={"logs": "1"})
        state = answer.get("status") if isinstance(answer, dict) else None
        if state not in {"IN_QUEUE", "IN_PROGRESS", "COMPLETED"}:
            raise ProviderUnavailable("fal", f"answered an unknown state {state!r}")
        logs = answer.get("logs") or []
        return FalStatus(state, [str(log.get("message", "")) for log in logs if isinstance(log, dict)])

    def result(self, handle: JobHandle) -> FalResult | None:
        """The result of a completed job, or None while it is not there.

        A job that failed is COMPLETED too; its result has another status than 2xx. What an ingress answers,
        without ``x-fal-request-id``, says nothing about the job.
        """
        answer = self._api.send("GET", str(handle.result_url))
        reason = explain(_json(answer))
        if answer.status_code == 400 and STILL_RUNNING in reason:
            return None
        from_ingress = answer.status_code >= 500 and "x-fal-request-id" not in answer.headers
        if from_ingress or answer.status_code in {401, 403, 429}:
            raise self._api.failure(answer)
        if not answer.is_success:
            return FalResult(None, reason=reason)
        output = _json(answer)
        if not isinstance(output, dict):
            raise ProviderUnavailable("fal", "answered a result that is not JSON")
        return FalResult(output, billable_units=_number(answer.headers.get("x-fal-billable-units")))

    def upload(self, content: bytes, file_name: str, content_type: str) -> str:
        """Put a file into fal's storage; returns the URL by which its models read it. Free, repeatable."""
        answer = self._api.call(
            "POST",
            f"{self._rest_url}/storage/upload/initiate",
            params={"storage_type": "fal-cdn-v3"},
            json={"content_type": content_type, "file_name": file_name},
        )
        try:
            upload_url, file_url = str(answer["upload_url"]), str(answer["file_url"])
        except (KeyError, TypeError) as exc:
            raise ProviderUnavailable("fal", "answered an upload without its addresses") from exc
        self._media.put(upload_url, content, content_type)
        return file_url

    def _ours(self, url: Any) -> str | None:
        """The URL if our key may go there: its host is the configured one."""
        if isinstance(url, str) and urlsplit(url)[:2] == urlsplit(self._queue_url)[:2]:
            return url
        return None


def explain(body: Any) -> str:
    """fal's reason in one line: ``detail`` is a sentence, or a list of ``{loc, msg, type}``."""
    detail = body.get("detail") if isinstance(body, dict) else None
    if isinstance(detail, list):
        return "; ".join(_item(item) for item in detail) or "no reason given"
    return str(detail) if detail else "no reason given"


def _item(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    place = ".".join(str(part) for part in item.get("loc", []) if part != "body")
    message = str(item.get("msg", item.get("type", "unknown")))
    return f"{place}: {message}" if place else message


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
