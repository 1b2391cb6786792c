"""Budgets in DynamoDB."""

from character_identity.aws import keys
from character_identity.aws.table import Table
from character_identity.aws.writes import Write, update
from character_identity.domain.budget import Budget, Settlement
from character_identity.domain.job import ProviderJob


class BudgetTable:
    """One item for an owner's month, whose numbers go up and down.

    An operator may give an owner another limit than the default: an item with ``limit_microusd``.
    """

    def __init__(self, table: Table, *, default_limit_microusd: int) -> None:
        self._table = table
        self._default_limit_microusd = default_limit_microusd

    def limit_of(self, owner: str) -> int:
        """Return what an owner may spend in a month."""
        item = self._table.get(keys.budget_limit(owner)) or {}
        return int(item.get("limit_microusd", self._default_limit_microusd))

    def of(self, owner: str, month: str) -> Budget:
        """Return an owner's month."""
        key, limit = keys.budget(owner, month), keys.budget_limit(owner)
        # One request for two rows: months sort before the limit, and few come after the one asked for.
        between = {"month": key["sk"], "limit": limit["sk"]}
        rows = self._table.query(key["pk"], "sk BETWEEN :month AND :limit", **between)
        by_sk = {row["sk"]: row for row in rows}
        item = by_sk.get(key["sk"], {})
        return Budget(
            month=month,
            limit_microusd=by_sk.get(limit["sk"], {}).get("limit_microusd", self._default_limit_microusd),
            reserved_microusd=item.get("reserved", 0),
            committed_microusd=item.get("committed", 0),
            assumed_microusd=item.get("assumed", 0),
            jobs=item.get("jobs", 0),
        )


def reserving(job: ProviderJob, limit_microusd: int) -> Write:
    """Set a job's money aside, if as much is there. The limit itself must not be less than that."""
    amount = job.reserved_microusd
    return update(
        keys.budget(job.owner, job.budget_month),
        {},
        "attribute_not_exists(#held) OR #held <= :room",
        add={"reserved": amount, "held": amount, "jobs": 1},
        room=limit_microusd - amount,
    )


def settling(job: ProviderJob, settlement: Settlement) -> Write:
    """Turn what was set aside into what was spent."""
    spent = settlement.committed_microusd
    return update(
        keys.budget(job.owner, job.budget_month),
        {},
        add={
            "reserved": -job.reserved_microusd,
            "committed": spent,
            "held": spent - job.reserved_microusd,
            "assumed": spent if settlement.cost_microusd is None else 0,
        },
    )
