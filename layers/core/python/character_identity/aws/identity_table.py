"""Identities in DynamoDB."""

from typing import Any

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from character_identity.aws.items import is_condition_failure, to_item, to_value
from character_identity.domain.errors import Conflict, NotFound
from character_identity.domain.identity import Identity, Phase


class IdentityTable:
    """One item each: pk ``IDENTITY#<id>``, sk ``IDENTITY``; index ``by_owner`` lists an owner's by time."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def add(self, identity: Identity) -> None:
        """Store a new identity.

        Raises:
            Conflict: there is one of that id.
        """
        item = {**_key(identity.identity_id), "listing": _listing(identity.owner), **to_item(identity)}
        try:
            self._table.put_item(Item=item, ConditionExpression=Attr("pk").not_exists())
        except ClientError as exc:
            if is_condition_failure(exc):
                raise Conflict(f"The identity {identity.identity_id!r} exists.") from exc
            raise

    def get(self, identity_id: str) -> Identity:
        """The identity of that id.

        Raises:
            NotFound: there is none.
        """
        item = self._table.get_item(Key=_key(identity_id), ConsistentRead=True).get("Item")
        if item is None:
            raise NotFound(f"There is no identity {identity_id!r}.", code="unknown_identity")
        return Identity.model_validate(item)

    def list(self, owner: str) -> list[Identity]:
        """All identities of an owner, newest first."""
        query = {
            "IndexName": "by_owner",
            "KeyConditionExpression": Key("listing").eq(_listing(owner)),
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

    def settle(self, identity: Identity) -> Identity:
        """Store the outcome of a training unless it has one; returns what is stored."""
        outcome = identity.model_dump(
            include={"status", "phase", "progress", "settled_at", "error"}, mode="json"
        )
        self._update_if_training(identity.identity_id, outcome)
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
            Key=_key(identity_id),
            UpdateExpression=f"SET {assignments}",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ConditionExpression=condition,
        )


def _key(identity_id: str) -> dict[str, str]:
    return {"pk": f"IDENTITY#{identity_id}", "sk": "IDENTITY"}


def _listing(owner: str) -> str:
    return f"IDENTITIES#{owner}"
