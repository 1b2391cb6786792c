"""What all paid jobs at fal have in common."""

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from character_identity.domain.job import JobHandle
from character_identity.ports.providers import Cancellation, Found
from character_identity.providers.answers import whole
from character_identity.providers.fal.platform import FalPlatform
from character_identity.providers.fal.queue import FalQueue, FalResult

LISTED_WITHIN = timedelta(minutes=3)
"""How late a request that has ended is listed; not documented, so assumed, and our clocks may differ."""
CLOCK_SKEW = timedelta(minutes=1)
SENT_WITHIN = timedelta(minutes=2)
"""After its intent: the function that makes the call has a minute, and our clocks may differ."""

Mark = tuple[str | None, ...]


class FalJobs(ABC):
    """Jobs of one endpoint, which are looked up among the account's requests.

    ``marks`` are the fields of an input that tell an order from others. A request that no runner has taken
    ``starts_within`` so long is dropped by fal, its own retries included
    (https://fal.ai/docs/documentation/model-apis/common-parameters, "Start Timeout", read 2026-11-28);
    ``longest_run`` is how long one takes then, at the most. Whether requests that still wait or run are
    listed is not documented.
    """

    endpoint: ClassVar[str]
    marks: ClassVar[tuple[str, ...]]
    starts_within: ClassVar[timedelta]
    supports_lookup = True
    outputs_live_s: int

    def __init__(self, queue: FalQueue, platform: FalPlatform) -> None:
        self._queue = queue
        self._platform = platform

    @abstractmethod
    def body(self, order: Any) -> dict[str, Any]:
        """The input of the model."""

    @abstractmethod
    def longest_run(self, order: Any) -> timedelta:
        """Return how long a run takes at the most, once it was started."""

    def submit(self, order: Any) -> JobHandle:
        return self._queue.submit(
            self.endpoint,
            self.body(order),
            outputs_live_s=self.outputs_live_s,
            starts_within=self.starts_within,
            priority=order.priority,
            callback_url=order.callback_url,
        )

    def result(self, handle: JobHandle) -> FalResult | None:
        """The result of a completed job, or None while it is not there.

        fal's queue has it for an hour, and its list of requests for 30 days
        (https://fal.ai/docs/documentation/model-apis/common-parameters, read 2026-11-22).
        """
        result = self._queue.result(handle)
        if result is None or result.ending != "missing":
            return result
        output = self._platform.output(self.endpoint, handle.provider_job_id)
        return result if output is None else FalResult(output)

    def make_ready(self, order: Any) -> None:
        self._queue.make_ready()

    def job_handle(self, provider_job_id: str) -> JobHandle:
        return self._queue.job_handle(self.endpoint, provider_job_id)

    def find(self, order: Any, since: datetime) -> Found:
        """Find the job by what was sent; where fal does not keep that, by the time."""
        certain, possible = [], []
        first, last = since - CLOCK_SKEW, since + SENT_WITHIN
        wanted = self._mark(self.body(order))
        listed = self._platform.requests(self.endpoint, first)
        is_whole = listed.is_whole
        for request in listed.requests:
            match, sent_at = _compared(self._mark(request.input or {}), wanted), request.sent_at
            if match == "yes" and (sent_at is None or sent_at >= first):
                certain.append(self.job_handle(request.request_id))
            elif match == "perhaps" and sent_at is None:
                is_whole = False
            elif match == "perhaps" and sent_at is not None and first <= sent_at <= last:
                possible.append(self.job_handle(request.request_id))
        return Found(tuple(certain), tuple(possible), is_whole)

    def absent_after(self, order: Any) -> timedelta:
        return self.starts_within + self.longest_run(order) + LISTED_WITHIN

    def cancel(self, handle: JobHandle) -> Cancellation:
        return self._queue.cancel(handle)

    def erase(self, handle: JobHandle) -> bool:
        if not self._platform.may_delete:
            return False
        self._platform.delete(handle.provider_job_id)
        return True

    def _mark(self, sent: dict[str, Any]) -> Mark:
        """Return what tells an input from others; None for what cannot be read from it."""
        return tuple(_plain(sent.get(name)) for name in self.marks)


def _compared(mark: Mark, wanted: Mark) -> Literal["yes", "no", "perhaps"]:
    """Compare two marks; one of which a part is not known may still be another in the rest."""
    if any(part not in (None, other) for part, other in zip(mark, wanted, strict=True)):
        return "no"
    return "perhaps" if None in mark else "yes"


def _plain(value: Any) -> str | None:
    """A text as words, for a server may have trimmed it; a number may have come as text."""
    if isinstance(value, str):
        return " ".join(value.split())
    number = whole(value)
    return None if number is None else str(number)
