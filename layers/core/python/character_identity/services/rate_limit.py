"""Rate limit: the number of requests that an owner may send."""

import math
from datetime import datetime, timedelta

from character_identity.domain.errors import RequestKind, TooManyRequests
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
        self._used_up: set[str] = set()  # in this minute

    def admit(self, owner: str, weight: int = 1) -> None:
        """Count a request, as ``weight`` of them.

        Raises:
            TooManyRequests: this minute's are used up.
        """
        now = self._now()
        minute: datetime = now.replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute, self._left, self._used_up = minute, {}, set()
        left = self._left.get(owner, 0)
        if left < weight:
            number = max(self._at_once, weight - left)
            if owner in self._used_up or not self._counts.count(
                owner, minute, self._kind, number, self._per_minute
            ):
                if number == self._at_once:  # not even the least
                    self._used_up.add(owner)
                rest = minute + timedelta(minutes=1) - now
                raise TooManyRequests(self._kind, self._per_minute, math.ceil(rest.total_seconds()))
            left += number
        self._left[owner] = left - weight
