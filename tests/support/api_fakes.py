"""The store behind the rate limit, in memory."""

from collections import Counter
from datetime import datetime


class FakeRequestCounts:
    def __init__(self) -> None:
        self.counted: Counter[tuple[str, datetime]] = Counter()

    def count(self, owner: str, since: datetime, limit: int) -> bool:
        if self.counted[owner, since] >= limit:
            return False
        self.counted[owner, since] += 1
        return True
