"""Identities in DynamoDB."""

from contextlib import suppress
from typing import Any

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from character_identity.aws import keys
from character_identity.aws.event_table import put_of
from character_identity.aws.items import is_condition_failure, to_item, to_value
from character_identity.aws.ledger_table import accepting
from character_identity.aws.transactions import Refused, Write, setting, transact
from character_identity.domain.errors import BudgetExceeded, Conflict, Erased, NotFound
from character_identity.domain.event import Event
from character_identity.domain.identity import Identity, Phase
from character_identity.domain.job import ProviderJob

ERASED = "erased"
"""The status of what is left of an erased identity: its receipt."""


class IdentityTable:
    """One item each; the index lists an owner's by time."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def add(
        self,
        identity: Identity,
        event: Event | None = None,
        job: ProviderJob | None = None,
        limit_microusd: int = 0,
    ) -> None:
        """Store a new identity, with the event that it is ready or the job that trains it.

        Raises:
            Conflict: there is one of that id.
            BudgetExceeded: the job's money is not there; nothing is stored then.
        """
        listed = keys.listed(keys.identities_of(identity.owner), identity.created_at)
        item = {**keys.identity(identity.identity_id), **listed, **to_item(identity)}
        writes: list[Write] = [{"Put": {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}]
        if event is not None:
            writes.append(put_of(event))
        if job is not None:
            writes += accepting(job, limit_microusd)
        try:
            transact(self._table, writes)
        except Refused as exc:
            if not exc.refused[0]:
                raise BudgetExceeded.for_order() from exc
            raise Conflict(f"The identity {identity.identity_id!r} exists.") from exc

    def get(self, identity_id: str) -> Identity:
        """The identity of that id.

        Raises:
            NotFound: there is none; Erased if there was.
        """
        item = self._table.get_item(Key=keys.identity(identity_id), ConsistentRead=True).get("Item")
        if item is None or item["status"] == ERASED:
            error = NotFound if item is None else Erased
            raise error(f"There is no identity {identity_id!r}.", code="unknown_identity")
        return Identity.model_validate(item)

    def list(self, owner: str) -> list[Identity]:
        """All identities of an owner, newest first."""
        query = {
            "IndexName": keys.INDEX,
            "KeyConditionExpression": Key("gsi1pk").eq(keys.identities_of(owner)),
            "ScanIndexForward": False,
        }
        found: list[Identity] = []
        while True:
            page = self._table.query(**query)
            found += [Identity.model_validate(item) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return found
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def advance(self, identity_id: str, phase: Phase, progress: int, **changes: Any) -> None:
        """Move a training on; progress never goes back, and a settled identity never changes."""
        try:
            self._update(
                identity_id,
                {"phase": phase, "progress": progress, **changes},
                Attr("status").eq("training") & Attr("progress").lte(progress),
            )
        except ClientError as exc:
            if not is_condition_failure(exc):
                raise
            if changes:
                self._update_if_training(identity_id, changes)

    def settle(self, identity: Identity, event: Event) -> Identity:
        """Store the outcome of a training, and its event, unless it has one; returns what is stored."""
        outcome = identity.model_dump(
            include={"status", "phase", "progress", "settled_at", "cost_usd", "error"}, mode="json"
        )
        update = setting({name: to_value(value) for name, value in outcome.items() if value is not None})
        update["ExpressionAttributeNames"]["#status"] = "status"
        update["ExpressionAttributeValues"][":training"] = "training"
        condition = {"Key": keys.identity(identity.identity_id), "ConditionExpression": "#status = :training"}
        with suppress(Refused):
            transact(self._table, [{"Update": {**condition, **update}}, put_of(event)])
        return self.get(identity.identity_id)

    def _update_if_training(self, identity_id: str, changes: dict[str, Any]) -> None:
        try:
            self._update(identity_id, changes, Attr("status").eq("training"))
        except ClientError as exc:
            if not is_condition_failure(exc):
                raise

    def _update(self, identity_id: str, changes: dict[str, Any], condition: Any) -> None:
        names = {f"#{index}": name for index, name in enumerate(changes)}
        values = {f":{index}": to_value(value) for index, value in enumerate(changes.values())}
        assignments = ", ".join(f"#{index} = :{index}" for index in range(len(changes)))
        self._table.update_item(
            Key=keys.identity(identity_id),
            UpdateExpression=f"SET {assignments}",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ConditionExpression=condition,
        )


def while_there(identity_id: str) -> Write:
    """The condition that there is such an identity; for a transaction that writes something of it.

    What was under way when the identity was erased can so bring nothing of it back.
    """
    return {
        "ConditionCheck": {
            "Key": keys.identity(identity_id),
            "ConditionExpression": "attribute_exists(pk) AND #status <> :erased",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":erased": ERASED},
        }
    }
