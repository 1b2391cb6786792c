"""Rate limit: the number of requests that an owner may send."""

import math
from datetime import datetime, timedelta

from character_identity.domain.errors import Quota, RequestKind, TooManyRequests
from character_identity.ports.gateways import Now
from character_identity.ports.stores import RequestCounts

READS_AT_ONCE = 10
"""Twice what the heaviest read counts as."""


class RateLimit:
    """So many requests of an owner in each minute of the clock.

    Counted by fixed minutes, because one conditional update then decides, without a read: a smooth limit
    (GCRA) needs what is stored to choose its update. The price is that up to twice as many may come around
    the turn of a minute. The limit is there against loops that ran wild; what they cost, the budget limits.

    A sandbox counts ``at_once`` of them together and serves as many without another write; what it has not
    served when the minute ends is lost. So a look costs a tenth of a write, and an owner whose minute is
    used up none at all.
    """

    def __init__(
        self, *, counts: RequestCounts, kind: RequestKind, per_minute: int, now: Now, at_once: int = 1
    ) -> None:
        self._counts = counts
        self._kind = kind
        self._per_minute = per_minute
        self._now = now
        self._at_once = min(at_once, per_minute)
        self._minute: datetime | None = None
        self._left: dict[str, int] = {}  # counted in this minute, and not served yet
        self._uncounted: dict[str, int] = {}  # what no sandbox had counted, when this one did so last
        self._used_up: set[str] = set()  # in this minute

    def admit(self, owner: str, weight: int = 1) -> Quota:
        """Count a request, as ``weight`` of them; returns what is left, as far as this sandbox knows.

        Raises:
            TooManyRequests: this minute's are used up.
        """
        now = self._now()
        minute: datetime = now.replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute, self._left, self._uncounted, self._used_up = minute, {}, {}, set()
        ends_in_s = math.ceil((minute + timedelta(minutes=1) - now).total_seconds())
        left = self._left.get(owner, 0)
        if left < weight:
            number = max(self._at_once, weight - left)
            counted = None
            if owner not in self._used_up:
                counted = self._counts.count(owner, minute, self._kind, number, self._per_minute)
            if counted is None:
                if number == self._at_once:  # not even the least
                    self._used_up.add(owner)
                raise TooManyRequests(self._kind, self._per_minute, ends_in_s)
            self._uncounted[owner] = self._per_minute - counted
            left += number
        self._left[owner] = left - weight
        return Quota(
            self._kind,
            self._per_minute,
            left - weight + self._uncounted.get(owner, self._per_minute),
            ends_in_s,
        )
