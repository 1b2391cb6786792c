"""What somebody still has to see to, in the order in which it is due."""

from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from character_identity.aws.items import is_condition_failure
from character_identity.aws.transactions import setting
from character_identity.ports.stores import OpenRow

NO_LISTING: dict[str, None] = {"listing": None, "created_at": None}
"""The attributes of a row that nobody has to see to any more."""


class OpenWork:
    """The rows whose ``listing`` is ``OPEN``; ``created_at`` says when they are due. Index ``by_owner``."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def due(self, now: datetime, limit: int) -> list[OpenRow]:
        """Rows that are due, the longest waiting first; read each again: the index lags."""
        answer = self._table.query(
            IndexName="by_owner",
            KeyConditionExpression=Key("listing").eq("OPEN") & Key("created_at").lte(now.isoformat()),
            Limit=limit,
        )
        return [
            OpenRow(str(item["pk"]), str(item["sk"]), datetime.fromisoformat(item["created_at"]))
            for item in answer["Items"]
        ]

    def lease(self, row: OpenRow, until: datetime) -> bool:
        """Make a row due later; False if it is not as listed: the index lags, or another sweep was faster."""
        as_listed = Attr("listing").eq("OPEN") & Attr("created_at").eq(row.due_at.isoformat())
        try:
            self._table.update_item(
                Key={"pk": row.pk, "sk": row.sk}, **setting(listing(until)), ConditionExpression=as_listed
            )
        except ClientError as exc:
            if is_condition_failure(exc):
                return False
            raise
        return True


def listing(due_at: datetime) -> dict[str, str]:
    """The attributes by which a row is among the open work from then on."""
    return {"listing": "OPEN", "created_at": due_at.isoformat()}
