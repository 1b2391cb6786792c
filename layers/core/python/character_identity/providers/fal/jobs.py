"""What all paid jobs at fal have in common."""

from datetime import datetime, timedelta
from typing import Any

from character_identity.domain.job import JobHandle
from character_identity.ports.providers import Cancellation
from character_identity.providers.fal.queue import FalQueue


class FalJobs:
    """Jobs of one endpoint. They can be cancelled, and neither looked up nor deleted: they expire."""

    endpoint: str
    supports_lookup = False
    absent_after = timedelta.max

    def __init__(self, queue: FalQueue) -> None:
        self._queue = queue

    def job_handle(self, provider_job_id: str) -> JobHandle:
        return self._queue.job_handle(self.endpoint, provider_job_id)

    def make_ready(self, order: Any) -> None:
        self._queue.make_ready()

    def find(self, order: Any, since: datetime) -> JobHandle | None:
        return None

    def cancel(self, handle: JobHandle) -> Cancellation:
        return self._queue.cancel(handle)

    def erase(self, handle: JobHandle) -> bool:
        return False
