"""The addresses of callers' webhooks in DynamoDB."""

from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from character_identity.aws import keys
from character_identity.aws.items import is_condition_failure, to_item
from character_identity.aws.transactions import setting
from character_identity.domain.errors import Conflict
from character_identity.domain.webhook import Endpoint


class EndpointTable:
    """One item each. The secret is in it: we have to sign."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def add(self, endpoint: Endpoint, at_most: int) -> None:
        """Store a new endpoint; of several at once, each sees the others and too many take themselves back.

        Raises:
            Conflict: the owner would have more than ``at_most``.
        """
        self._table.put_item(
            Item={**keys.endpoint(endpoint.owner, endpoint.endpoint_id), **to_item(endpoint)}
        )
        if len(self.list(endpoint.owner)) > at_most:
            self.remove(endpoint.owner, endpoint.endpoint_id)
            raise Conflict(f"There are {at_most} webhooks already.", code="too_many_webhooks")

    def list(self, owner: str) -> list[Endpoint]:
        """An owner's endpoints, oldest first; so few that they are one page."""
        condition = Key("pk").eq(keys.endpoints(owner)) & Key("sk").begins_with(keys.ENDPOINT)
        items = self._table.query(KeyConditionExpression=condition, ConsistentRead=True)["Items"]
        found = [Endpoint.model_validate(item) for item in items]
        return sorted(found, key=lambda endpoint: endpoint.created_at)

    def find(self, owner: str, endpoint_id: str) -> Endpoint | None:
        """An owner's endpoint of that id."""
        item = self._table.get_item(Key=keys.endpoint(owner, endpoint_id), ConsistentRead=True).get("Item")
        return None if item is None else Endpoint.model_validate(item)

    def disable(self, owner: str, endpoint_id: str, at: datetime) -> None:
        """Send no more there; nothing where it was removed since."""
        try:
            self._table.update_item(
                Key=keys.endpoint(owner, endpoint_id),
                **setting({"disabled_at": at.isoformat()}),
                ConditionExpression="attribute_exists(pk)",
            )
        except ClientError as exc:
            if not is_condition_failure(exc):
                raise

    def remove(self, owner: str, endpoint_id: str) -> bool:
        """Forget an endpoint; False if there is none."""
        removed = self._table.delete_item(Key=keys.endpoint(owner, endpoint_id), ReturnValues="ALL_OLD")
        return "Attributes" in removed
