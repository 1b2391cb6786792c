"""The ledger in DynamoDB."""

from typing import Any, Literal

from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

from character_identity.aws.items import is_condition_failure, to_item
from character_identity.domain.job import JobHandle, JobState, ProviderJob


class LedgerTable:
    """One item for every paid call: pk ``JOB#<id>``, sk ``JOB``."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def intend(self, job: ProviderJob) -> ProviderJob | None:
        """Write the intent; returns the row that was there already, if one was."""
        try:
            self._table.put_item(
                Item={**_key(job.job_id), **to_item(job)}, ConditionExpression=Attr("pk").not_exists()
            )
        except ClientError as exc:
            if is_condition_failure(exc):
                return self.get(job.job_id)
            raise
        return None

    def submitted(self, job_id: str, handle: JobHandle) -> None:
        """Write the provider's answer to the paid call."""
        self._table.update_item(
            Key=_key(job_id),
            UpdateExpression="SET #state = :state, #handle = :handle",
            ExpressionAttributeNames={"#state": "state", "#handle": "handle"},
            ExpressionAttributeValues={":state": "submitted", ":handle": to_item(handle)},
            ConditionExpression=Attr("pk").exists(),
        )

    def forget(self, job_id: str) -> None:
        """Take the intent back: the provider proved that it accepted nothing."""
        self._table.delete_item(Key=_key(job_id), ConditionExpression=Attr("handle").attribute_type("NULL"))

    def close(self, job_id: str, state: Literal["rejected", "unknown"]) -> None:
        """End an intent without a handle."""
        closed: JobState = state
        self._table.update_item(
            Key=_key(job_id),
            UpdateExpression="SET #state = :state",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":state": closed},
            ConditionExpression=Attr("state").eq("intended"),
        )

    def get(self, job_id: str) -> ProviderJob | None:
        """The row of that id, if there is one."""
        item = self._table.get_item(Key=_key(job_id), ConsistentRead=True).get("Item")
        return None if item is None else ProviderJob.model_validate(item)


def _key(job_id: str) -> dict[str, str]:
    return {"pk": f"JOB#{job_id}", "sk": "JOB"}
