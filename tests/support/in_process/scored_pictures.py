"""The way of a stored picture to the scorer: an event in a queue, which stays there until it was seen to."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from character_identity.aws.media_bucket import MediaBucket
from tests.support.handlers import queued
from tests.support.in_process.executions import Crash
from tests.support.in_process.fault_injection import FaultyTransport

STORED = "s3 PutObject"
COMES_AGAIN_AFTER = timedelta(minutes=1)
"""The queue's visibility timeout is longer; nothing depends on it."""


class ScoredPictures:
    """``invoke`` calls a function by its name; where it dies or fails, the event comes again."""

    def __init__(
        self, bucket: MediaBucket, faulty_transport: FaultyTransport, invoke: Callable[[str, Any], Any]
    ) -> None:
        self._bucket = bucket
        self._faulty_transport = faulty_transport
        self._invoke = invoke
        self._calls_seen = 0
        self._known: set[str] = set()
        self._queue: dict[str, datetime] = {}

    def deliver(self, now: datetime) -> None:
        """Bring what is due to the scorer, one picture at a time."""
        self._notice(now)
        for key in [key for key, due in self._queue.items() if due <= now]:
            try:
                done = self._invoke("score_image", queued({"detail": {"object": {"key": key}}}))
            except Crash:
                done = {"batchItemFailures": ["all of it"]}
            if done["batchItemFailures"]:
                self._queue[key] = now + COMES_AGAIN_AFTER
            else:
                del self._queue[key]

    def _notice(self, now: datetime) -> None:
        """Look for pictures that are new, if anything was stored since the last time."""
        calls = self._faulty_transport.calls
        new, self._calls_seen = calls[self._calls_seen :], len(calls)
        if STORED not in new:
            return
        with self._faulty_transport.unwatched():
            keys = set(self._bucket.list_keys("generations/"))
        self._queue |= dict.fromkeys(sorted(keys - self._known), now)
        self._known |= keys
