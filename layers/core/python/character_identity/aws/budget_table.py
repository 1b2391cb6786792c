"""Budgets in DynamoDB."""

from typing import Any

from character_identity.aws.transactions import Write
from character_identity.domain.budget import Budget, Settlement
from character_identity.domain.job import ProviderJob


class BudgetTable:
    """One item for an owner's month: pk ``BUDGET#<owner>``, sk ``<month>``; its numbers go up and down.

    An operator may give an owner another limit than the default: sk ``LIMIT``, attribute ``limit_microusd``.
    """

    def __init__(self, table: Any, default_limit_microusd: int) -> None:
        self._table = table
        self._default_limit_microusd = default_limit_microusd

    def limit_of(self, owner: str) -> int:
        """What an owner may spend in a month."""
        item = self._item(owner, "LIMIT")
        return int(item.get("limit_microusd", self._default_limit_microusd))

    def of(self, owner: str, month: str) -> Budget:
        """An owner's month."""
        item = self._item(owner, month)
        return Budget(
            month=month,
            limit_microusd=self.limit_of(owner),
            reserved_microusd=int(item.get("reserved", 0)),
            committed_microusd=int(item.get("committed", 0)),
            assumed_microusd=int(item.get("assumed", 0)),
            jobs=int(item.get("jobs", 0)),
        )

    def _item(self, owner: str, sort_key: str) -> dict[str, Any]:
        key = {"pk": f"BUDGET#{owner}", "sk": sort_key}
        item: dict[str, Any] = self._table.get_item(Key=key, ConsistentRead=True).get("Item", {})
        return item


def reserving(job: ProviderJob, limit_microusd: int) -> Write:
    """Set a job's money aside, if as much is there. The limit itself must not be less than that."""
    return {
        "Update": {
            "Key": _key(job),
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
            "Key": _key(job),
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


def _key(job: ProviderJob) -> dict[str, str]:
    return {"pk": f"BUDGET#{job.owner}", "sk": job.budget_month}
