"""How far telling events to endpoints is, in DynamoDB."""

from collections.abc import Mapping

from character_identity.aws import keys
from character_identity.aws.event_table import KEPT
from character_identity.aws.items import Item
from character_identity.aws.table import Table
from character_identity.aws.writes import NEW, delete, put, update
from character_identity.domain.webhook import Delivery


class DeliveryTable:
    """One item each, beside its event."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, delivery: Delivery) -> None:
        self._table.write(put(_item(delivery), NEW))

    def restart(self, delivery: Delivery) -> bool:
        idle = "attribute_not_exists(#claimed) OR #claimed = :no OR #next_attempt_at <= :now"
        now = delivery.model_dump(mode="json")["next_attempt_at"]
        return self._table.write(put(_item(delivery), idle, no=False, now=now))

    def remove(self, event_id: str, endpoint_id: str) -> None:
        self._table.write(delete(keys.delivery(event_id, endpoint_id)))

    def find(self, event_id: str, endpoint_id: str) -> Delivery | None:
        item = self._table.get(keys.delivery(event_id, endpoint_id))
        return None if item is None else Delivery.model_validate(item)

    def of_event(self, event_id: str) -> list[Delivery]:
        pk = keys.event(event_id)["pk"]
        rows = self._table.query(pk, "begins_with(sk, :delivery)", delivery=keys.DELIVERY)
        return [Delivery.model_validate(row) for row in rows]

    def replace(self, old: Delivery, new: Delivery) -> bool:
        due: Mapping[str, str | None] = keys.NOT_DUE
        if new.next_attempt_at is not None:
            due = keys.due(new.next_attempt_at, keys.OPEN_MESSAGES)
        return self._table.write(
            update(
                keys.delivery(old.event_id, old.endpoint_id),
                {**new.model_dump(mode="json"), **due},
                "#state = :pending AND #attempts = :attempts AND #next_attempt_at = :at",
                pending="pending",
                attempts=old.attempts,
                at=old.model_dump(mode="json")["next_attempt_at"],
            )
        )


def _item(delivery: Delivery) -> Item:
    if delivery.next_attempt_at is None:
        raise ValueError("A new delivery is due at some time.")
    return {
        **keys.delivery(delivery.event_id, delivery.endpoint_id),
        **delivery.model_dump(mode="json"),
        **keys.due(delivery.next_attempt_at, keys.OPEN_MESSAGES),
        "expires_at": int((delivery.next_attempt_at + KEPT).timestamp()),
    }
