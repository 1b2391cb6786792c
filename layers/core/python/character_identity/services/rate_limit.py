"""Rate limit: the number of requests that an owner may send."""

import math
from datetime import datetime, timedelta

from character_identity.domain.errors import TooManyRequests
from character_identity.ports.gateways import Now
from character_identity.ports.stores import RequestCounts


class RateLimit:
    """So many requests of an owner in each minute of the clock.

    Counted by fixed minutes, because one conditional update then decides, without a read: a smooth limit
    (GCRA) needs what is stored to choose its update. The price is that up to twice as many may come around
    the turn of a minute. The limit is there against loops that ran wild; what they cost, the budget limits.
    """

    def __init__(self, *, counts: RequestCounts, per_minute: int, now: Now) -> None:
        self._counts = counts
        self._per_minute = per_minute
        self._now = now

    def admit(self, owner: str) -> None:
        """Count a request.

        Raises:
            TooManyRequests: this minute's are used up.
        """
        now = self._now()
        minute: datetime = now.replace(second=0, microsecond=0)
        if not self._counts.count(owner, minute, self._per_minute):
            left = minute + timedelta(minutes=1) - now
            raise TooManyRequests(self._per_minute, retry_after_s=math.ceil(left.total_seconds()))
