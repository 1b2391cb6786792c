"""fal's queue and storage, as HTTP.

https://fal.ai/docs/documentation/model-apis/inference/queue, read 2026-11-22.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import httpx

from character_identity.domain.clock import utc_now
from character_identity.domain.errors import InvalidRequest, ProviderOutcomeUnknown, ProviderUnavailable
from character_identity.domain.job import JobHandle
from character_identity.domain.slots import Priority
from character_identity.outbound.provider_http import (
    NO_REASON,
    UNDECIDED,
    Key,
    ProviderHttpClient,
    is_json_object,
    json_of,
)
from character_identity.outbound.safe_http import SafeHttpClient
from character_identity.ports.gateways import Now
from character_identity.ports.providers import Cancellation
from character_identity.providers.answers import LONGEST_LINK, REQUEST_ID, entries, link, number, whole

STILL_RUNNING = "Request is still in progress"
ALREADY_COMPLETED, REMOVED = "ALREADY_COMPLETED", "OK"
"""What a cancel is answered of a job that has ended, and of one that had not begun."""
OUTPUT_LIFECYCLE, UPLOAD_LIFECYCLE = "X-Fal-Object-Lifecycle-Preference", "X-Fal-Object-Lifecycle"
"""How long files live: https://fal.ai/docs/documentation/model-apis/common-parameters, read 2026-11-22.

An upload is announced with both, as fal's Python client does (fal-client 1.0.3); its JavaScript client sends
``X-Fal-Object-Lifecycle`` alone. Always a number: ``null`` should mean no limit, but an output was seen
deleted within minutes of it.
"""
START_TIMEOUT, QUEUE_PRIORITY = "X-Fal-Request-Timeout", "X-Fal-Queue-Priority"
UNDER_WAY = ("IN_QUEUE", "IN_PROGRESS")
CLIENT_CANCELLED = 499
ENDINGS: Mapping[int, Literal["cancelled", "missing"]] = {CLIENT_CANCELLED: "cancelled", 404: "missing"}
"""What a job without a result was, by the status of its result; any other failed."""
UNSETTLED = (UNDECIDED - {CLIENT_CANCELLED}) | {401, 402, 403, 429}
"""What a result answers that says nothing about the job; 499 says that it was cancelled."""


@dataclass(frozen=True)
class FalStatus:
    """One of fal's three states; failure is not among them, it shows in the result.

    ``took_s`` is what fal says of a completed job: the seconds that it ran.
    """

    state: Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    messages: list[str]
    took_s: float | None = None
    queue_position: int | None = None


@dataclass(frozen=True)
class FalResult:
    """The bare model output, or the reason why there is none; ``billable_units`` in the endpoint's unit.

    Of a failure that was fal's own they are none, whatever is not said
    (https://fal.ai/docs/documentation/model-apis/pricing, read 2026-11-28).

    ``ending`` is the state of a job that has no output: ``missing`` where fal does not know it.
    """

    output: dict[str, Any] | None
    reason: str | None = None
    billable_units: float | None = None
    ending: Literal["failed", "cancelled", "missing"] = "failed"


class FalQueue:
    """Submits jobs and reads them, by fal's own URLs as long as they lead to the configured host.

    Every call may raise ProviderUnavailable or ProviderRejected, ``submit`` also ProviderOutcomeUnknown.
    """

    def __init__(
        self,
        client: httpx.Client,
        key: Key,
        queue_url: str,
        rest_url: str,
        media: SafeHttpClient,
        now: Now = utc_now,
    ) -> None:
        self._api = ProviderHttpClient("fal", client, key, "Key", error_detail, now, is_own=_is_own)
        self._queue_url = queue_url.rstrip("/")
        self._rest_url = rest_url.rstrip("/")
        self._media = media

    def make_ready(self) -> None:
        """Fetch the key, so that the next call is one call."""
        self._api.make_ready()

    def submit(
        self,
        endpoint: str,
        body: dict[str, Any],
        *,
        outputs_live_s: int,
        starts_within: timedelta,
        priority: Priority = "interactive",
        callback_url: str | None = None,
    ) -> JobHandle:
        """Queue a job; this is the call that costs money.

        fal keeps the files it makes for so long, and drops the job unpaid if it does not start in time. What
        nobody waits for stands behind our other jobs in its queue.
        """
        answer = self._api.call(
            "POST",
            f"{self._queue_url}/{endpoint}",
            paid=True,
            params={} if callback_url is None else {"fal_webhook": callback_url},
            headers={
                OUTPUT_LIFECYCLE: _lifecycle(outputs_live_s),
                START_TIMEOUT: str(int(starts_within.total_seconds())),
                QUEUE_PRIORITY: "low" if priority == "batch" else "normal",
            },
            json=body,
        )
        request_id = answer.get("request_id") if isinstance(answer, dict) else None
        if not isinstance(request_id, str) or not REQUEST_ID.fullmatch(request_id):
            raise ProviderOutcomeUnknown("fal", "answered a submit without a request id")
        own = self.job_handle(endpoint, request_id)
        return JobHandle(
            provider_job_id=request_id,
            status_url=self._ours(answer.get("status_url")) or own.status_url,
            result_url=self._ours(answer.get("response_url")) or own.result_url,
            cancel_url=self._ours(answer.get("cancel_url")) or own.cancel_url,
        )

    def job_handle(self, endpoint: str, request_id: str) -> JobHandle:
        """The URLs of a job as fal forms them, for when it did not tell them: by owner and alias only."""
        owner, alias = endpoint.split("/")[:2]
        own = f"{self._queue_url}/{owner}/{alias}/requests/{quote(request_id, safe='')}"
        return JobHandle(
            provider_job_id=request_id,
            status_url=f"{own}/status",
            result_url=own,
            cancel_url=f"{own}/cancel",
        )

    def status(self, handle: JobHandle) -> FalStatus:
        """Return where a job stands, with the log messages that fal still holds.

        One that fal does not know any more counts as COMPLETED: its result, which was paid for, may still be
        there, and if not says so itself.
        """
        answer = self._api.send("GET", str(handle.status_url), params={"logs": "1"})
        if answer.status_code == httpx.codes.NOT_FOUND:
            if not _is_from_fal(answer):
                raise self._api.trouble(answer)
            return FalStatus("COMPLETED", [])
        if not answer.is_success:
            raise self._api.failure(answer)
        body = json_of(answer)
        state = body.get("status") if isinstance(body, dict) else None
        if state not in (*UNDER_WAY, "COMPLETED"):
            raise ProviderUnavailable("fal", f"answered an unknown state {self._api.redact(repr(state))}")
        lines = (log.get("message") if isinstance(log, dict) else log for log in entries(body.get("logs")))
        metrics = body.get("metrics")
        took_s = number(metrics.get("inference_time")) if isinstance(metrics, dict) else None
        position = whole(body.get("queue_position"))
        return FalStatus(state, [line for line in lines if isinstance(line, str)], took_s, position)

    def result(self, handle: JobHandle) -> FalResult | None:
        """The result of a completed job, or None while it is not there.

        A job that failed is COMPLETED too; its result has another status than 2xx. What an ingress answers,
        without ``x-fal-request-id``, says nothing about the job.
        """
        answer = self._api.send("GET", str(handle.result_url))
        status, reason = answer.status_code, self._api.reason(answer)
        if status == 400 and STILL_RUNNING in reason:
            return None
        is_gone = status >= 500 or status == httpx.codes.NOT_FOUND
        if status >= 400 and not (_is_from_fal(answer) if is_gone else _is_own(answer)):
            raise self._api.trouble(answer)
        if status < 200 or 300 <= status < 400 or status in UNSETTLED:
            raise self._api.failure(answer)
        units = number(answer.headers.get("x-fal-billable-units"))
        if not answer.is_success:
            meaning = CLIENT_CANCELLED if _is_start_timeout(answer) else status
            units = 0 if units is None and status >= 500 else units
            return FalResult(None, _why(status, reason), units, ENDINGS.get(meaning, "failed"))
        output = json_of(answer)
        if not isinstance(output, dict):
            raise ProviderUnavailable("fal", "answered a result that is not a JSON object")
        if status == httpx.codes.ACCEPTED or output.get("status") in UNDER_WAY:
            return None
        return FalResult(output, billable_units=units)

    def cancel(self, handle: JobHandle) -> Cancellation:
        """Ask fal to drop a job. One that waits is dropped at once; one that runs may finish and be billed.

        Its result tells which: 499 where it yields nothing, which is not billed
        (https://fal.ai/docs/documentation/model-apis/pricing, read 2026-11-28). What fal says that it removed
        from its queue (https://fal.ai/docs/inference-api/queue/cancel, read 2026-11-29) may have no result,
        as if it had never been there. A handle of before cancel URLs were kept has none.
        """
        url = handle.cancel_url or f"{str(handle.result_url).removesuffix('/response')}/cancel"
        answer = self._api.send("PUT", url)
        body = json_of(answer)
        said = body.get("status") if isinstance(body, dict) else None
        ended = said == ALREADY_COMPLETED
        if answer.status_code == httpx.codes.NOT_FOUND:
            if not _is_from_fal(answer):
                raise self._api.trouble(answer)
            return "impossible"
        if not (answer.is_success or ended):
            raise self._api.failure(answer)
        result = self.result(handle)
        ending = None if result is None else result.ending
        if ending == "cancelled" or (ending == "missing" and said == REMOVED):
            return "dropped"
        return "finished" if ended else "asked"

    def upload(self, content: bytes, file_name: str, content_type: str, *, lives_s: int) -> str:
        """Put a file into fal's storage for so long; returns the URL by which its models read it.

        Free, and repeatable.
        """
        lifecycle = _lifecycle(lives_s)
        answer = self._api.call(
            "POST",
            f"{self._rest_url}/storage/upload/initiate",
            params={"storage_type": "fal-cdn-v3"},
            headers={UPLOAD_LIFECYCLE: lifecycle, OUTPUT_LIFECYCLE: lifecycle},
            json={"content_type": content_type, "file_name": file_name},
        )
        addresses = answer if isinstance(answer, dict) else {}
        upload_url, file_url = link(addresses.get("upload_url")), link(addresses.get("file_url"))
        if upload_url is None or file_url is None:
            raise ProviderUnavailable("fal", "answered an upload without its addresses")
        try:
            self._media.put(upload_url, content, content_type)
        except InvalidRequest as exc:
            raise ProviderUnavailable("fal", f"gave an unusable upload address: {exc.message}") from exc
        return file_url

    def _ours(self, url: Any) -> str | None:
        """The URL if our key may go there: its host is the configured one."""
        try:
            known = isinstance(url, str) and urlsplit(url)[:2] == urlsplit(self._queue_url)[:2]
        except ValueError:
            return None
        return url if known and url.isascii() and url.isprintable() and len(url) <= LONGEST_LINK else None


def error_detail(body: Any) -> str:
    """fal's reason in one line: ``detail`` is a sentence, or a list of ``{loc, msg, type}``."""
    if not isinstance(body, dict):
        return NO_REASON
    detail = body.get("detail")
    if isinstance(detail, dict | list) and detail:
        return "; ".join(_item(item) for item in ([detail] if isinstance(detail, dict) else detail))
    word = body.get("error_type") or body.get("status")
    return str(detail or (f"{NO_REASON} ({word})" if word else NO_REASON))


def _is_from_fal(answer: httpx.Response) -> bool:
    """Tell fal's own answers from those of an ingress before it."""
    return "x-fal-request-id" in answer.headers


def _is_own(answer: httpx.Response) -> bool:
    """Tell fal's own refusals, which are JSON, from the pages of an ingress."""
    return _is_from_fal(answer) or is_json_object(answer)


def _is_start_timeout(answer: httpx.Response) -> bool:
    """Return True if fal dropped a job because it did not start in the time that we gave it."""
    return str(answer.headers.get("x-fal-request-timeout-type", "")).lower() == "user"


def _why(status: int, reason: str) -> str:
    """Return why a job has no result."""
    if status == CLIENT_CANCELLED:
        return f"cancelled: {reason}"
    if status == httpx.codes.NOT_FOUND:
        return f"fal does not know this job any more: {reason}"
    return f"fal answered {status}: {reason}" if reason.startswith(NO_REASON) else reason


def _lifecycle(seconds: int) -> str:
    return json.dumps({"expiration_duration_seconds": seconds})


def _item(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    place = ".".join(str(part) for part in entries(item.get("loc")) if part != "body")
    message = str(item.get("msg") or item.get("type") or "unknown")
    return f"{place}: {message}" if place else message
