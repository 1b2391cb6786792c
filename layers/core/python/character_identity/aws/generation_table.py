"""Generations in DynamoDB."""

from collections.abc import Set
from contextlib import suppress
from typing import Any

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from character_identity.aws import keys
from character_identity.aws.event_table import put_of
from character_identity.aws.items import is_condition_failure, to_item
from character_identity.aws.ledger_table import accepting
from character_identity.aws.transactions import Refused, setting, transact
from character_identity.domain.errors import BudgetExceeded, Conflict, NotFound
from character_identity.domain.event import Event
from character_identity.domain.generation import Generation
from character_identity.domain.job import ProviderJob

SETTLED = ("succeeded", "failed")
OUTCOME = frozenset({"status", "settled_at", "images", "warnings", "cost_usd", "error"})


class GenerationTable:
    """One item each; its scores lie beside it, and the index lists an identity's generations by time."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def add(self, generation: Generation, job: ProviderJob, limit_microusd: int) -> None:
        """Store a new generation of a ready identity, with the job that makes its pictures.

        Raises:
            Conflict: there is one of that id, or the identity is not ready (any more).
            BudgetExceeded: the job's money is not there; nothing is stored then.
        """
        listed = keys.listed(keys.generations_of(generation.identity_id), generation.created_at)
        item = {**keys.generation(generation.generation_id), **listed, **to_item(generation)}
        ready = {
            "Key": keys.identity(generation.identity_id),
            "ConditionExpression": "#status = :ready",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":ready": "ready"},
        }
        put = {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        try:
            transact(self._table, [{"Put": put}, {"ConditionCheck": ready}, *accepting(job, limit_microusd)])
        except Refused as exc:
            exists, not_ready, *_ = exc.refused
            if exists:
                raise Conflict(f"The generation {generation.generation_id!r} exists.") from exc
            if not_ready:
                raise Conflict(
                    f"The identity {generation.identity_id!r} is not ready.", code="identity_not_ready"
                ) from exc
            raise BudgetExceeded.for_order() from exc

    def get(self, generation_id: str) -> Generation:
        """The generation of that id.

        Raises:
            NotFound: there is none.
        """
        item = self._table.get_item(Key=keys.generation(generation_id), ConsistentRead=True).get("Item")
        if item is None:
            raise NotFound(f"There is no generation {generation_id!r}.", code="unknown_generation")
        return Generation.model_validate(item)

    def of_identity(self, identity_id: str) -> list[Generation]:
        """All generations of an identity, newest first; one that was just added may be missing."""
        query = {
            "IndexName": keys.INDEX,
            "KeyConditionExpression": Key("gsi1pk").eq(keys.generations_of(identity_id)),
            "ScanIndexForward": False,
        }
        found: list[Generation] = []
        while True:
            page = self._table.query(**query)
            found += [Generation.model_validate(item) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return found
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def save(self, generation: Generation, fields: Set[str]) -> bool:
        """Store these fields unless the stored generation is settled or gone; whether that was done."""
        open_still = Attr("pk").exists() & ~Attr("status").is_in(list(SETTLED))
        try:
            self._table.update_item(
                Key=keys.generation(generation.generation_id),
                **setting(_values(generation, fields)),
                ConditionExpression=open_still,
            )
        except ClientError as exc:
            if is_condition_failure(exc):
                return False
            raise
        return True

    def settle(self, generation: Generation, event: Event) -> Generation:
        """Store the outcome, and its event, unless there is one; returns what is stored.

        Raises:
            NotFound: it is gone.
        """
        update = setting(_values(generation, OUTCOME))
        update["ExpressionAttributeNames"]["#status"] = "status"
        update["ExpressionAttributeValues"] |= {":queued": "queued", ":running": "running"}
        condition = "#status IN (:queued, :running)"
        key = keys.generation(generation.generation_id)
        with suppress(Refused):
            settling = {"Key": key, "ConditionExpression": condition, **update}
            transact(self._table, [{"Update": settling}, put_of(event)])
        return self.get(generation.generation_id)


def _values(generation: Generation, fields: Set[str]) -> dict[str, Any]:
    item = to_item(generation)
    return {name: item[name] for name in sorted(fields)}
