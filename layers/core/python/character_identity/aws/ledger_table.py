"""The ledger in DynamoDB."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from character_identity.aws import keys
from character_identity.aws.budget_table import reserving, settling
from character_identity.aws.table import Refused, Table
from character_identity.aws.writes import NEW, THERE, Write, put, update
from character_identity.domain.budget import Settlement
from character_identity.domain.job import JobHandle, JobKind, Parked, ProviderJob, kind_of

OPEN = "#money = :reserved"
NO_HANDLE = "attribute_type(#handle, :null)"
FIRST_CHECK_AFTER = timedelta(minutes=2)
"""How long after it was accepted the sweep first looks at a job; by then its machine runs, or never will."""


class LedgerTable:
    """One item for every paid call; open work while its money is set aside.

    Beside the job the item has ``wake_token``, by which a waiting state machine is woken, and
    ``callback_pending``, true from a callback until the machine has asked the provider.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, job_id: str) -> ProviderJob | None:
        item = self._table.get(keys.job(job_id))
        return None if item is None else ProviderJob.model_validate(item)

    def intend(self, job_id: str, at: datetime, deadline_at: datetime) -> bool:
        """botocore sends a write again if its answer was lost, and then finds what it has written itself.

        It knows that by its ``intent``, which no other one has.
        """
        changes = {
            "state": "intended",
            "intent": uuid4().hex,
            "intended_at": at.isoformat(),
            "deadline_at": deadline_at.isoformat(),
            "not_before": None,
        }
        is_ours_to_make = "(#state = :accepted OR #intent = :new_intent)"
        return self._update_open(job_id, changes, is_ours_to_make, accepted="accepted")

    def withdraw(self, job_id: str, intended_at: datetime, not_before: datetime | None) -> None:
        changes = {"state": "accepted", "not_before": not_before.isoformat() if not_before else None}
        condition = f"#state <> :rejected AND {NO_HANDLE} AND #intended_at = :at"
        self._update(job_id, changes, condition, rejected="rejected", null="NULL", at=intended_at.isoformat())

    def submitted(self, job_id: str, handle: JobHandle) -> None:
        changes = {"state": "submitted", "handle": handle.model_dump(mode="json")}
        if self._update(job_id, changes, "#state <> :rejected", rejected="rejected"):
            self._hold(job_id, handle)

    def found(self, job_id: str, handle: JobHandle) -> bool:
        changes = {"state": "submitted", "handle": handle.model_dump(mode="json")}
        is_ours = self._hold(job_id, handle, f"{NEW} OR #job_id = :us", us=job_id)
        return is_ours and self._update(job_id, changes, NO_HANDLE, null="NULL")

    def holder_of(self, kind: JobKind, provider_job_id: str) -> str | None:
        item = self._table.get(keys.provider_job(kind, provider_job_id))
        return None if item is None else str(item["job_id"])

    def unanswered(self, kind: JobKind, provider: str) -> list[str]:
        rows = (row for row in self._table.listed(keys.OPEN) if row["sk"] == "JOB")
        jobs = (ProviderJob.model_validate(row) for row in rows)
        return [
            job.job_id for job in jobs if (job.kind, job.provider) == (kind, provider) and job.is_unanswered
        ]

    def fail(self, job_id: str, state: Literal["rejected", "unknown"]) -> None:
        self._update(job_id, {"state": state}, "#state = :intended", intended="intended")

    def postpone(self, job_id: str, deadline_at: datetime) -> None:
        self._update_open(job_id, {"deadline_at": deadline_at.isoformat()})

    def drop(self, job_id: str) -> None:
        self._update_open(job_id, {"state": "dropped"}, "#state = :submitted", submitted="submitted")

    def report_cost(self, job_id: str, amount_microusd: int) -> None:
        self._update_open(job_id, {"reported_microusd": amount_microusd})

    def settle(self, job: ProviderJob, settlement: Settlement) -> bool:
        closing = update(
            keys.job(job.job_id),
            {
                "money": settlement.money,
                "cost_microusd": settlement.cost_microusd,
                "bill_is_implausible": settlement.is_implausible,
                "wake_token": None,
                "callback_pending": False,
                **keys.NOT_DUE,
            },
            # An evaluation's jobs draw from its money until it is settled.
            f"{OPEN} AND #state = :state AND #reserved_microusd = :as_read",
            reserved="reserved",
            state=job.state,
            as_read=job.reserved_microusd,
        )
        try:
            self._table.transact([closing, *settling(job, settlement)])
        except Refused:
            return False
        return True

    def register_waiter(self, job_id: str, wake_token: str) -> bool:
        return self._update(job_id, {"wake_token": wake_token}, "#callback_pending = :none", none=False)

    def record_callback(self, job_id: str) -> str | None:
        noted = update(keys.job(job_id), {"callback_pending": True}, "attribute_exists(due_at)")
        token = (self._table.swap(noted) or {}).get("wake_token")
        return None if token is None else str(token)

    def consume_callback(self, job_id: str) -> ProviderJob | None:
        row = self._table.swap(
            update(keys.job(job_id), {"callback_pending": False, "wake_token": None}, THERE)
        )
        return None if row is None else ProviderJob.model_validate(row)

    def park(self, job_id: str, parked: Parked, at: datetime) -> None:
        self._update_open(job_id, {"parked": parked.model_dump(mode="json"), **keys.due(at)})

    def recheck_at(self, job_id: str, at: datetime) -> None:
        self._update_open(job_id, keys.due(at))

    def run_again(self, job: ProviderJob, at: datetime) -> bool:
        changes = {"runs": job.runs + 1, **keys.due(at)}
        return self._update_open(job.job_id, changes, "#runs = :as_read", as_read=job.runs)

    def _hold(self, job_id: str, handle: JobHandle, when: str = "", **values: Any) -> bool:
        """Write down whose the provider's job is; it goes with the ledger, as long as that is kept."""
        key = keys.provider_job(kind_of(job_id), handle.provider_job_id)
        return self._table.write(put({**key, "job_id": job_id}, when, **values))

    def _update_open(
        self, job_id: str, changes: Mapping[str, Any], condition: str = "", **values: Any
    ) -> bool:
        """Change attributes of a job whose money is still set aside; ``condition`` is one more."""
        is_open = f"{condition} AND {OPEN}" if condition else OPEN
        return self._update(job_id, changes, is_open, reserved="reserved", **values)

    def _update(self, job_id: str, changes: Mapping[str, Any], condition: str, **values: Any) -> bool:
        """Change attributes of a job that is there, under a condition; False if it was not met."""
        return self._table.write(update(keys.job(job_id), changes, f"{THERE} AND ({condition})", **values))


def accepting(job: ProviderJob, limit_microusd: int, operator_limit_microusd: int) -> list[Write]:
    """Write a new job down and set its money aside."""
    due = keys.due(job.accepted_at + FIRST_CHECK_AFTER)
    new = put({**keys.job(job.job_id), **due, **job.model_dump(mode="json")}, NEW)
    return [new, *reserving(job, limit_microusd, operator_limit_microusd)]
