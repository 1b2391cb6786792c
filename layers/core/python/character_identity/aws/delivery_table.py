"""How far telling events to endpoints is, in DynamoDB."""

from typing import Any

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from character_identity.aws import keys
from character_identity.aws.event_table import KEPT
from character_identity.aws.items import is_condition_failure, to_item
from character_identity.aws.transactions import setting
from character_identity.domain.webhook import Delivery


class DeliveryTable:
    """One item each, beside its event."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def add(self, delivery: Delivery) -> None:
        """Store a delivery that is due; one that is there already stays as it is."""
        try:
            self._table.put_item(Item=_item(delivery), ConditionExpression=Attr("pk").not_exists())
        except ClientError as exc:
            if not is_condition_failure(exc):
                raise

    def restart(self, delivery: Delivery) -> None:
        """Store a delivery that is due, whatever became of an earlier one."""
        self._table.put_item(Item=_item(delivery))

    def find(self, event_id: str, endpoint_id: str) -> Delivery | None:
        """How far telling this event there is."""
        item = self._table.get_item(Key=keys.delivery(event_id, endpoint_id), ConsistentRead=True).get("Item")
        return None if item is None else Delivery.model_validate(item)

    def of_event(self, event_id: str) -> list[Delivery]:
        """All deliveries of an event: as many as an owner has endpoints, so one page."""
        condition = Key("pk").eq(keys.event(event_id)["pk"]) & Key("sk").begins_with(keys.DELIVERY)
        items = self._table.query(KeyConditionExpression=condition, ConsistentRead=True)["Items"]
        return [Delivery.model_validate(item) for item in items]

    def replace(self, old: Delivery, new: Delivery) -> bool:
        """Store what became of a pending delivery; False if it is not as ``old`` says any more."""
        unchanged = (
            Attr("state").eq("pending")
            & Attr("attempts").eq(old.attempts)
            & Attr("next_attempt_at").eq(to_item(old)["next_attempt_at"])
        )
        due = keys.NOT_DUE if new.next_attempt_at is None else keys.due(new.next_attempt_at)
        try:
            self._table.update_item(
                Key=keys.delivery(old.event_id, old.endpoint_id),
                **setting({**to_item(new), **due}),
                ConditionExpression=unchanged,
            )
        except ClientError as exc:
            if is_condition_failure(exc):
                return False
            raise
        return True


def _item(delivery: Delivery) -> dict[str, Any]:
    if delivery.next_attempt_at is None:
        raise ValueError("A new delivery is due at some time.")
    return {
        **keys.delivery(delivery.event_id, delivery.endpoint_id),
        **to_item(delivery),
        **keys.due(delivery.next_attempt_at),
        "expires_at": int((delivery.next_attempt_at + KEPT).timestamp()),
    }
