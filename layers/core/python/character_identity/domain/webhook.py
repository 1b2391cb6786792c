"""Webhook: a caller's endpoint for events, and how far each delivery is.

In the form of Standard Webhooks 1.0.0, "the specification" below:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, read 2026-11-23.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from character_identity.domain.event import Event, EventType
from character_identity.domain.page import Position
from character_identity.domain.record import Record

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
"""The specification asks for 24 to 64."""

RETRY_AFTER = (
    *(timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
"""Delays between two attempts: the specification's example, ten attempts over three days."""
JITTER = 0.1
"""The largest share by which a wait is stretched, so that a receiver does not get all retries at once."""
ATTEMPT_TAKES_AT_MOST = timedelta(minutes=5)
"""An attempt that has not ended by then was interrupted, as no function that sends may run longer."""
GONE = 410
"""The receiver wants no more webhooks (the specification, "Delivery success and failure")."""

RETIRED_FOR = timedelta(hours=24)
"""How long a replaced secret goes on signing: time to give the new one to every receiver."""
MOST_SECRETS = 5
"""Of an endpoint at once, as the header has a signature by each."""

FAILS_FOR = timedelta(days=3)
MOST_FAILURES = 10
"""An endpoint is disabled once all attempts have failed for this long, and at least this many in a row: as
long and as often as one event is tried."""

DeliveryState = Literal["pending", "delivered", "given_up"]
DisabledReason = Literal["declined", "failing", "paused"]


class RetiredSecret(Record):
    """A secret that was replaced, and until when it still signs."""

    secret: str = Field(repr=False)
    until: datetime


class Endpoint(Record):
    """A caller's address that gets events from now on, until it declines more or keeps failing.

    ``types``: the events that it wants; None: all.
    ``failures``: how many attempts in a row have failed, the first of them at ``failing_since``.
    ``enabled_at``: when it was enabled again; it gets only what happens after that.
    """

    endpoint_id: str
    owner: str
    url: str
    secret: str = Field(repr=False)
    retired: tuple[RetiredSecret, ...] = ()
    types: tuple[EventType, ...] | None = None
    created_at: datetime
    enabled_at: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: DisabledReason | None = None
    failing_since: datetime | None = None
    failures: int = 0

    def attempted(self, delivery: "Delivery", now: datetime) -> "Endpoint":
        """Return it as it is after an attempt to deliver there."""
        if delivery.state == "delivered":
            return self.replace(failing_since=None, failures=0)
        since, failures = self.failing_since or now, self.failures + 1
        failing = self.replace(failing_since=since, failures=failures)
        if delivery.last_status == GONE:
            return failing.disabled("declined", now)
        if failures >= MOST_FAILURES and now - since >= FAILS_FOR:
            return failing.disabled("failing", now)
        return failing

    def secrets(self, now: datetime) -> list[str]:
        """Return every secret that signs now, the newest first."""
        return [self.secret, *(each.secret for each in self.retired if now < each.until)]

    def rotated(self, secret: str, now: datetime) -> "Endpoint":
        """Return it with a new secret; the old one signs as well for a while."""
        retired = [RetiredSecret(secret=self.secret, until=now + RETIRED_FOR), *self.retired]
        kept = tuple(each for each in retired if now < each.until)
        return self.replace(secret=secret, retired=kept)

    def enabled(self, now: datetime) -> "Endpoint":
        """Return it as one that has never failed, and gets what happens from now on."""
        if self.disabled_at is None:
            return self
        return self.replace(
            disabled_at=None, disabled_reason=None, failing_since=None, failures=0, enabled_at=now
        )

    def disabled(self, reason: DisabledReason, now: datetime) -> "Endpoint":
        return self.replace(disabled_at=now, disabled_reason=reason)

    @property
    def position(self) -> Position:
        """Its place in the list of its owner's."""
        return Position(self.created_at, self.endpoint_id)

    def hears_of(self, event: Event) -> bool:
        """Return True if an event is sent here: it is wanted, and happened while this was enabled."""
        since = self.enabled_at or self.created_at
        return self.disabled_at is None and since <= event.occurred_at and self.wants(event)

    def wants(self, event: Event) -> bool:
        """Return True if this endpoint wants events of that type; a test event is for one endpoint only."""
        if event.type == "WebhookTest":
            return event.subject_id == self.endpoint_id
        return self.types is None or event.type in self.types


class Delivery(Record):
    """How far the delivery of an event to an endpoint is.

    ``next_attempt_at``: when it is due while it is ``pending``.
    ``claimed``: an attempt is under way, which must have ended by ``next_attempt_at``.
    ``last_status``: the status that the receiver answered last.
    ``last_error``: the code of what kept it from answering.
    """

    event_id: str
    endpoint_id: str
    owner: str = ""
    claimed: bool = False
    state: DeliveryState = "pending"
    attempts: int = 0
    next_attempt_at: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None

    @classmethod
    def due(cls, event: Event, endpoint: Endpoint, at: datetime) -> "Delivery":
        """Return a delivery that has not been attempted yet."""
        return cls(
            event_id=event.event_id, endpoint_id=endpoint.endpoint_id, owner=event.owner, next_attempt_at=at
        )

    def is_due(self, now: datetime) -> bool:
        """Return True if an attempt should be made now."""
        return self.state == "pending" and self.next_attempt_at is not None and self.next_attempt_at <= now

    @property
    def is_exhausted(self) -> bool:
        """True if no attempt is left."""
        return self.attempts > len(RETRY_AFTER)

    def claim(self, now: datetime) -> "Delivery":
        """Return it with one more attempt under way; nobody else makes one until that must have ended."""
        ends_by = now + ATTEMPT_TAKES_AT_MOST
        return self.replace(claimed=True, attempts=self.attempts + 1, next_attempt_at=ends_by)

    def answered(self, status: int, now: datetime, jitter: float) -> "Delivery":
        """Return it as it is after an attempt that the receiver answered."""
        known = self.replace(claimed=False, last_status=status, last_error=None)
        if 200 <= status < 300:
            return known.replace(state="delivered", next_attempt_at=None)
        return known._ended() if status == GONE else known._later(now, jitter)

    def failed(self, code: str, now: datetime, jitter: float) -> "Delivery":
        """Return it as it is after an attempt that nobody answered."""
        return self.replace(claimed=False, last_status=None, last_error=code)._later(now, jitter)

    def given_up(self, code: str) -> "Delivery":
        """Return it as given up, as no attempt could help."""
        return self.replace(claimed=False, last_status=None, last_error=code)._ended()

    def _later(self, now: datetime, jitter: float) -> "Delivery":
        if self.is_exhausted:
            return self._ended()
        return self.replace(next_attempt_at=now + RETRY_AFTER[self.attempts - 1] * (1 + JITTER * jitter))

    def _ended(self) -> "Delivery":
        return self.replace(state="given_up", next_attempt_at=None)


class Attempt(Record):
    """One request to an endpoint.

    ``number``: counts from 1, and anew after a replay.
    ``status``: the status that it answered. ``error``: the code of what kept it from answering.
    ``state``: the state of the delivery after this attempt.
    """

    endpoint_id: str
    event_id: str
    type: EventType
    number: int
    at: datetime
    status: int | None = None
    error: str | None = None
    state: DeliveryState

    @property
    def attempt_id(self) -> str:
        """An id that is the same however often the attempt is stored."""
        said = f"{self.endpoint_id}/{self.event_id}/{self.number}/{self.at.isoformat()}"
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    @property
    def position(self) -> Position:
        """Its place in its endpoint's list."""
        return Position(self.at, self.attempt_id)


def secret_of(key: bytes) -> str:
    """Return a signing key as its owner sees it."""
    return SECRET_PREFIX + base64.b64encode(key).decode("ascii")


def signed_headers(
    secret: str, message_id: str, at: datetime, body: bytes, *, retired: Sequence[str] = ()
) -> dict[str, str]:
    """Return the headers that make a body a Standard Webhook; ``at`` is the time of the attempt.

    Each of the ``retired`` secrets adds a signature (the specification, "Multiple signatures").
    """
    timestamp = str(int(at.timestamp()))
    content = b".".join((message_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(each, content) for each in (secret, *retired)),
    }


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return f"v1,{base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode('ascii')}"
