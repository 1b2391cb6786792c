"""Budgets in DynamoDB."""

from collections.abc import Sequence

from character_identity.aws import keys
from character_identity.aws.items import Item
from character_identity.aws.table import Table
from character_identity.aws.writes import Write, update
from character_identity.domain.budget import Budget, Settlement
from character_identity.domain.errors import BudgetExceeded, OperatorBudgetExceeded
from character_identity.domain.job import EVALUATION, ProviderJob, job_id_of


class BudgetTable:
    """One item for an owner's month, whose numbers go up and down.

    An operator may give an owner another limit than the default: an item with ``limit_microusd``. One item
    more has the month of all owners.
    """

    def __init__(self, table: Table, *, default_limit_microusd: int, operator_limit_microusd: int) -> None:
        self._table = table
        self._default_limit_microusd = default_limit_microusd
        self._operator_limit_microusd = operator_limit_microusd

    def of(self, owner: str, month: str) -> Budget:
        key, limit = keys.budget(owner, month), keys.budget_limit(owner)
        # One request for two rows: months sort before the limit, and few come after the one asked for.
        between = {"month": key["sk"], "limit": limit["sk"]}
        rows = self._table.query(key["pk"], "sk BETWEEN :month AND :limit", **between)
        by_sk = {row["sk"]: row for row in rows}
        own_limit = by_sk.get(limit["sk"], {}).get("limit_microusd", self._default_limit_microusd)
        return self._budget(by_sk.get(key["sk"], {}), month, own_limit)

    def of_operator(self, month: str) -> Budget:
        item = self._table.get(keys.operator_budget(month)) or {}
        return self._budget(item, month, self._operator_limit_microusd)

    def _budget(self, item: Item, month: str, limit_microusd: int) -> Budget:
        return Budget(
            month=month,
            limit_microusd=limit_microusd,
            operator_limit_microusd=self._operator_limit_microusd,
            reserved_microusd=item.get("reserved", 0),
            committed_microusd=item.get("committed", 0),
            assumed_microusd=item.get("assumed", 0),
            jobs=item.get("jobs", 0),
        )


def reserving(job: ProviderJob, limit_microusd: int, operator_limit_microusd: int) -> list[Write]:
    """Set a job's money aside, if as much is there: its owner's, and the operator's; or its evaluation's."""
    if job.evaluation_id is not None:
        return _drawing(job, job.evaluation_id)
    amount = job.reserved_microusd
    limits = (limit_microusd, operator_limit_microusd)
    return [
        update(
            key,
            {},
            "#held <= :room OR attribute_not_exists(#held)" if amount <= limit else "#held <= :room",
            add={"reserved": amount, "held": amount, "jobs": int(job.kind != EVALUATION)},
            room=limit - amount,
        )
        for key, limit in zip(_months(job), limits, strict=True)
    ]


def _drawing(job: ProviderJob, evaluation_id: str) -> list[Write]:
    """Take a job's money out of what its evaluation has set aside: in the months it is so already."""
    amount = job.reserved_microusd
    drawn = update(
        keys.job(job_id_of(EVALUATION, evaluation_id)),
        {},
        "#money = :set_aside AND #reserved_microusd >= :amount",
        add={"reserved_microusd": -amount},
        set_aside="reserved",
        amount=amount,
    )
    return [drawn, *(update(key, {}, add={"jobs": 1}) for key in _months(job))]


def refusal(job: ProviderJob, refused: Sequence[bool]) -> BudgetExceeded:
    """Return whose money is not there: ``reserving`` made the last of what was refused."""
    if job.evaluation_id is not None:
        return BudgetExceeded.for_evaluation()
    of_owner, _ = refused[-2:]
    return BudgetExceeded.for_order() if of_owner else OperatorBudgetExceeded.for_order()


def settling(job: ProviderJob, settlement: Settlement) -> list[Write]:
    """Turn what was set aside into what was spent."""
    spent = settlement.committed_microusd
    changes = {
        "reserved": -job.reserved_microusd,
        "committed": spent,
        "held": spent - job.reserved_microusd,
        "assumed": spent if settlement.cost_microusd is None else 0,
    }
    return [update(key, {}, add=changes) for key in _months(job)]


def _months(job: ProviderJob) -> tuple[keys.Key, keys.Key]:
    return keys.budget(job.owner, job.budget_month), keys.operator_budget(job.budget_month)
