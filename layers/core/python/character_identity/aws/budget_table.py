"""Budgets in DynamoDB."""

from typing import Any

from character_identity.aws import keys
from character_identity.aws.transactions import Write
from character_identity.domain.budget import Budget, Settlement
from character_identity.domain.job import ProviderJob


class BudgetTable:
    """One item for an owner's month, whose numbers go up and down.

    An operator may give an owner another limit than the default: an item with ``limit_microusd``.
    """

    def __init__(self, table: Any, *, default_limit_microusd: int) -> None:
        self._table = table
        self._default_limit_microusd = default_limit_microusd

    def limit_of(self, owner: str) -> int:
        """What an owner may spend in a month."""
        item = self._item(keys.budget_limit(owner))
        return int(item.get("limit_microusd", self._default_limit_microusd))

    def of(self, owner: str, month: str) -> Budget:
        """An owner's month."""
        item = self._item(keys.budget(owner, month))
        return Budget(
            month=month,
            limit_microusd=self.limit_of(owner),
            reserved_microusd=int(item.get("reserved", 0)),
            committed_microusd=int(item.get("committed", 0)),
            assumed_microusd=int(item.get("assumed", 0)),
            jobs=int(item.get("jobs", 0)),
        )

    def _item(self, key: keys.Key) -> dict[str, Any]:
        item: dict[str, Any] = self._table.get_item(Key=key, ConsistentRead=True).get("Item", {})
        return item


def reserving(job: ProviderJob, limit_microusd: int) -> Write:
    """Set a job's money aside, if as much is there. The limit itself must not be less than that."""
    return {
        "Update": {
            "Key": keys.budget(job.owner, job.budget_month),
            "UpdateExpression": "ADD #reserved :amount, #held :amount, #jobs :one",
            "ConditionExpression": "attribute_not_exists(#held) OR #held <= :room",
            "ExpressionAttributeNames": {"#reserved": "reserved", "#held": "held", "#jobs": "jobs"},
            "ExpressionAttributeValues": {
                ":amount": job.reserved_microusd,
                ":one": 1,
                ":room": limit_microusd - job.reserved_microusd,
            },
        }
    }


def settling(job: ProviderJob, settlement: Settlement) -> Write:
    """Turn what was set aside into what was spent."""
    spent = settlement.committed_microusd
    assumed = spent if settlement.cost_microusd is None else 0
    return {
        "Update": {
            "Key": keys.budget(job.owner, job.budget_month),
            "UpdateExpression": "ADD #reserved :less, #committed :spent, #held :rest, #assumed :assumed",
            "ExpressionAttributeNames": {
                f"#{name}": name for name in ("reserved", "committed", "held", "assumed")
            },
            "ExpressionAttributeValues": {
                ":less": -job.reserved_microusd,
                ":spent": spent,
                ":rest": spent - job.reserved_microusd,
                ":assumed": assumed,
            },
        }
    }
