"""The ledger in DynamoDB."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from botocore.exceptions import ClientError

from character_identity.aws import keys
from character_identity.aws.budget_table import reserving, settling
from character_identity.aws.items import is_condition_failure, to_item, to_value
from character_identity.aws.transactions import Refused, Write, setting, transact
from character_identity.domain.budget import Settlement
from character_identity.domain.job import JobHandle, ProviderJob

NO_HANDLE = "attribute_type(#handle, :null)"
FIRST_CHECK_AFTER = timedelta(minutes=2)
"""How long after it was accepted the sweep first looks at a job; by then its machine runs, or never will."""


class LedgerTable:
    """One item for every paid call; open work while its money is set aside.

    Beside the job the item has ``wake_token``, by which a waiting state machine is woken, and
    ``callback_pending``, true from a callback until the machine has asked the provider.
    """

    def __init__(self, table: Any) -> None:
        self._table = table

    def get(self, job_id: str) -> ProviderJob | None:
        """The row of that id, if there is one."""
        item = self._table.get_item(Key=keys.job(job_id), ConsistentRead=True).get("Item")
        return None if item is None else ProviderJob.model_validate(item)

    def intend(self, job_id: str, at: datetime) -> bool:
        """Write down that the call is about to be made; False if it is not ``accepted`` any more."""
        return self._update(
            job_id,
            {"state": "intended", "intended_at": at.isoformat(), "not_before": None},
            "#state = :accepted AND #money = :reserved",
            {":accepted": "accepted", ":reserved": "reserved"},
        )

    def withdraw(self, job_id: str, not_before: datetime | None) -> None:
        """Take the intent back: the provider accepted nothing."""
        self._update(
            job_id,
            {"state": "accepted", "not_before": not_before.isoformat() if not_before else None},
            f"#state <> :rejected AND {NO_HANDLE}",
            {":rejected": "rejected", ":null": "NULL"},
        )

    def submitted(self, job_id: str, handle: JobHandle) -> None:
        """Write the provider's answer to the call; it takes the place of what a callback said."""
        self._update(
            job_id,
            {"state": "submitted", "handle": to_item(handle)},
            "#state <> :rejected",
            {":rejected": "rejected"},
        )

    def found(self, job_id: str, handle: JobHandle) -> None:
        """Write where a callback or a look-up found the job, unless that is known."""
        self._update(job_id, {"state": "submitted", "handle": to_item(handle)}, NO_HANDLE, {":null": "NULL"})

    def fail(self, job_id: str, state: Literal["rejected", "unknown"]) -> None:
        """Write down that an intent was refused, or that nobody knows."""
        self._update(job_id, {"state": state}, "#state = :intended", {":intended": "intended"})

    def report_cost(self, job_id: str, amount_microusd: int) -> None:
        """Keep what the provider says it bills, until the job's money is settled."""
        self._update(
            job_id, {"reported_microusd": amount_microusd}, "#money = :reserved", {":reserved": "reserved"}
        )

    def settle(self, job: ProviderJob, settlement: Settlement) -> bool:
        """Settle a job's money, once; False if that was done, or its state is another than ``job`` says."""
        changes = {"money": settlement.money, "cost_microusd": settlement.cost_microusd}
        ended = setting({**changes, **keys.NOT_DUE, "wake_token": None, "callback_pending": False})
        ended["ExpressionAttributeNames"] |= {"#money": "money", "#state": "state"}
        ended["ExpressionAttributeValues"] |= {":reserved": "reserved", ":state": job.state}
        condition = "#money = :reserved AND #state = :state"
        closing = {"Key": keys.job(job.job_id), "ConditionExpression": condition, **ended}
        try:
            transact(self._table, [{"Update": closing}, settling(job, settlement)])
        except Refused:
            return False
        return True

    def register_waiter(self, job_id: str, wake_token: str) -> bool:
        """Keep the token that wakes a waiting machine; False if a callback is pending already."""
        return self._update(job_id, {"wake_token": wake_token}, "#callback_pending = :none", {":none": False})

    def record_callback(self, job_id: str) -> str | None:
        """Note that a provider called back; the token of the machine that waits for it, if one does."""
        try:
            answer = self._table.update_item(
                Key=keys.job(job_id),
                **setting({"callback_pending": True}),
                ConditionExpression="attribute_exists(due_at)",
                ReturnValues="ALL_OLD",
            )
        except ClientError as exc:
            if is_condition_failure(exc):
                return None
            raise
        token = answer.get("Attributes", {}).get("wake_token")
        return None if token is None else str(token)

    def consume_callback(self, job_id: str) -> ProviderJob | None:
        """The row as it was; its callback counts as consumed: one that comes from now on is pending again."""
        try:
            answer = self._table.update_item(
                Key=keys.job(job_id),
                **setting({"callback_pending": False, "wake_token": None}),
                ConditionExpression="attribute_exists(pk)",
                ReturnValues="ALL_OLD",
            )
        except ClientError as exc:
            if is_condition_failure(exc):
                return None
            raise
        return ProviderJob.model_validate(answer["Attributes"])

    def recheck_at(self, job_id: str, at: datetime) -> None:
        """Keep an open job out of the sweep's way until then."""
        self._update(job_id, keys.due(at), "#money = :reserved", {":reserved": "reserved"})

    def run_again(self, job: ProviderJob, at: datetime) -> bool:
        """Count another run of the machine that sees to an open job; False if somebody else did."""
        return self._update(
            job.job_id,
            {"runs": job.runs + 1, **keys.due(at)},
            "#money = :reserved AND #runs = :runs",
            {":reserved": "reserved", ":runs": job.runs},
        )

    def _update(
        self, job_id: str, changes: Mapping[str, Any], condition: str, values: Mapping[str, Any]
    ) -> bool:
        """Change attributes under a condition, which names them as ``#name``; False if it was not met."""
        parameters = setting({name: to_value(value) for name, value in changes.items()})
        named = {f"#{name}": name for name in re.findall(r"#([a-z_]+)", condition)}
        parameters["ExpressionAttributeNames"] |= named
        if values:
            parameters.setdefault("ExpressionAttributeValues", {}).update(values)
        try:
            self._table.update_item(
                Key=keys.job(job_id),
                ConditionExpression=f"attribute_exists(pk) AND ({condition})",
                **parameters,
            )
        except ClientError as exc:
            if is_condition_failure(exc):
                return False
            raise
        return True


def accepting(job: ProviderJob, limit_microusd: int) -> list[Write]:
    """Write a new job down and set its money aside."""
    item = {**keys.job(job.job_id), **keys.due(job.accepted_at + FIRST_CHECK_AFTER), **to_item(job)}
    put = {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    return [{"Put": put}, reserving(job, limit_microusd)]
