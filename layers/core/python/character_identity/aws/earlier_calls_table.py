"""Earlier calls in DynamoDB."""

from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

from character_identity.aws.items import is_condition_failure
from character_identity.ports import EarlierCall


class EarlierCallTable:
    """The latest of equal calls: pk ``CALL#<digest>``, sk ``CALL``.

    That its outcome was told: pk ``CALL#<target id>``, sk ``ANSWERED``.
    """

    def __init__(self, table: Any) -> None:
        self._table = table

    def find(self, digest: str) -> EarlierCall | None:
        """The call of that digest, if one was made."""
        item = self._table.get_item(Key=_key(digest), ConsistentRead=True).get("Item")
        if item is None:
            return None
        made_at = datetime.fromisoformat(item["made_at"])
        return EarlierCall(target_id=item["target_id"], made_at=made_at)

    def claim(self, digest: str, call: EarlierCall, replaces: EarlierCall | None) -> EarlierCall:
        """Remember a call unless somebody did so first; returns the one that is remembered."""
        condition = Attr("pk").not_exists() if replaces is None else Attr("target_id").eq(replaces.target_id)
        item = {**_key(digest), "target_id": call.target_id, "made_at": call.made_at.isoformat()}
        try:
            self._table.put_item(Item=item, ConditionExpression=condition)
        except ClientError as exc:
            if not is_condition_failure(exc):
                raise
            return self.find(digest) or call
        return call

    def release(self, digest: str, call: EarlierCall) -> None:
        """Forget a call that led to nothing."""
        try:
            self._table.delete_item(
                Key=_key(digest), ConditionExpression=Attr("target_id").eq(call.target_id)
            )
        except ClientError as exc:
            if not is_condition_failure(exc):
                raise

    def answer(self, target_id: str) -> None:
        """The outcome of a call was told."""
        self._table.put_item(Item=_answered(target_id))

    def was_answered(self, target_id: str) -> bool:
        """Whether the outcome of a call was told."""
        return "Item" in self._table.get_item(Key=_answered(target_id), ConsistentRead=True)


def _key(digest: str) -> dict[str, str]:
    return {"pk": f"CALL#{digest}", "sk": "CALL"}


def _answered(target_id: str) -> dict[str, str]:
    return {"pk": f"CALL#{target_id}", "sk": "ANSWERED"}
