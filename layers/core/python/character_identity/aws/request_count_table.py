"""Counts of requests in DynamoDB."""

from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from character_identity.aws import keys
from character_identity.aws.items import is_condition_failure

KEPT = timedelta(hours=1)
"""Longer than any stretch that is counted."""


class RequestCountTable:
    """One item for an owner's stretch of time, for an hour."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def count(self, owner: str, since: datetime, limit: int) -> bool:
        """Count one in the stretch that began then; False, and uncounted, if there are ``limit`` already."""
        try:
            self._table.update_item(
                Key=keys.request_count(owner, since),
                UpdateExpression="ADD #requests :one SET #expires_at = :expires_at",
                ConditionExpression="attribute_not_exists(#requests) OR #requests < :limit",
                ExpressionAttributeNames={"#requests": "requests", "#expires_at": "expires_at"},
                ExpressionAttributeValues={
                    ":one": 1,
                    ":limit": limit,
                    ":expires_at": int((since + KEPT).timestamp()),
                },
            )
        except ClientError as exc:
            if is_condition_failure(exc):
                return False
            raise
        return True
