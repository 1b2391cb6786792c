"""Counts of requests in DynamoDB."""

from datetime import datetime, timedelta

from character_identity.aws import keys
from character_identity.aws.table import Table
from character_identity.aws.writes import update
from character_identity.domain.errors import RequestKind

KEPT = timedelta(hours=1)
"""Longer than any stretch that is counted."""


class RequestCountTable:
    """One item for an owner's stretch of time, for an hour."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def count(self, owner: str, since: datetime, kind: RequestKind, number: int, limit: int) -> int | None:
        counted = self._table.updated(
            update(
                keys.request_count(owner, since),
                {"expires_at": int((since + KEPT).timestamp())},
                f"attribute_not_exists(#{kind}) OR #{kind} <= :room",
                add={kind: number},
                room=limit - number,
            )
        )
        return None if counted is None else int(counted[kind])
