"""What somebody still has to see to, in the order in which it is due."""

from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from character_identity.aws import keys
from character_identity.aws.items import is_condition_failure
from character_identity.aws.transactions import setting
from character_identity.ports.stores import OpenRow


class OpenWorkTable:
    """The rows that the index lists as ``OPEN``; ``due_at`` says since when they wait."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def due(self, now: datetime, limit: int) -> list[OpenRow]:
        """Rows that are due, the longest waiting first; read each again: the index lags."""
        answer = self._table.query(
            IndexName=keys.INDEX,
            KeyConditionExpression=Key("gsi1pk").eq(keys.OPEN) & Key("gsi1sk").lte(now.isoformat()),
            Limit=limit,
        )
        return [
            OpenRow(str(item["pk"]), str(item["sk"]), datetime.fromisoformat(item["due_at"]))
            for item in answer["Items"]
        ]

    def lease(self, row: OpenRow, until: datetime) -> bool:
        """Make a row due later; False if it is not as listed: the index lags, or another sweep was faster."""
        try:
            self._table.update_item(
                Key={"pk": row.pk, "sk": row.sk},
                **setting(keys.due(until)),
                ConditionExpression=Attr("due_at").eq(row.due_at.isoformat()),
            )
        except ClientError as exc:
            if is_condition_failure(exc):
                return False
            raise
        return True
