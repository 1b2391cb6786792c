"""Several conditional writes as one: all of them, or none."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

Write = Mapping[str, Any]
"""``{"Put" | "Update" | "Delete" | "ConditionCheck": {...}}`` without the table's name."""

ATTEMPTS = 10
FIRST_DELAY_S = 0.02
MAX_DELAY_S = 0.5


class Refused(Exception):
    """A condition was not met, so nothing was written; ``refused`` says of each write whether it was its."""

    def __init__(self, refused: list[bool]) -> None:
        super().__init__("A condition was not met.")
        self.refused = refused


def transact(table: Any, writes: Sequence[Write], sleep: Callable[[float], None] = time.sleep) -> None:
    """Do all writes or none; another transaction on one of the items is waited for, for some seconds.

    Raises:
        Refused: a condition was not met.
    """
    items = [{kind: {"TableName": table.name, **what} for kind, what in write.items()} for write in writes]
    for attempt in range(ATTEMPTS):
        try:
            table.meta.client.transact_write_items(TransactItems=items)
            return
        except ClientError as exc:
            codes = [reason.get("Code") for reason in exc.response.get("CancellationReasons", [])]
            if "ConditionalCheckFailed" in codes:
                raise Refused([code == "ConditionalCheckFailed" for code in codes]) from exc
            if "TransactionConflict" not in codes or attempt == ATTEMPTS - 1:
                raise
        delay_s = min(FIRST_DELAY_S * 2**attempt, MAX_DELAY_S)
        sleep(delay_s * random.uniform(0.5, 1.5))


def setting(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an Update that sets these attributes; None removes one."""
    names = {f"#{index}": name for index, name in enumerate(changes)}
    values = {f":{index}": value for index, value in enumerate(changes.values()) if value is not None}
    kept = [f"#{index} = :{index}" for index, value in enumerate(changes.values()) if value is not None]
    gone = [f"#{index}" for index, value in enumerate(changes.values()) if value is None]
    clauses = [f"SET {', '.join(kept)}"] if kept else []
    clauses += [f"REMOVE {', '.join(gone)}"] if gone else []
    parameters: dict[str, Any] = {
        "UpdateExpression": " ".join(clauses),
        "ExpressionAttributeNames": names,
    }
    return {**parameters, "ExpressionAttributeValues": values} if values else parameters
