"""The store behind the rate limit, in memory."""

from collections import Counter
from datetime import datetime

from character_identity.domain.errors import RequestKind


class FakeRequestCounts:
    def __init__(self) -> None:
        self.counted: Counter[tuple[str, datetime, RequestKind]] = Counter()
        self.writes = 0

    def count(self, owner: str, since: datetime, kind: RequestKind, number: int, limit: int) -> int | None:
        self.writes += 1
        if self.counted[owner, since, kind] + number > limit:
            return None
        self.counted[owner, since, kind] += number
        return self.counted[owner, since, kind]
