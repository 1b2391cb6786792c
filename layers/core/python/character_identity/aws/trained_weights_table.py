"""Trained weights by their marks, in DynamoDB."""

from typing import Any


class TrainedWeightsTable:
    """One item each: pk ``WEIGHTS#<mark>``, sk ``OWNER#<owner>``."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def remember(self, owner: str, mark: str, identity_id: str) -> None:
        """Keep whose weights these are; the same again changes nothing."""
        self._table.put_item(Item={**_key(owner, mark), "identity_id": identity_id})

    def find(self, owner: str, mark: str) -> str | None:
        """The identity of this owner that was trained to these weights."""
        item = self._table.get_item(Key=_key(owner, mark), ConsistentRead=True).get("Item")
        return None if item is None else str(item["identity_id"])


def _key(owner: str, mark: str) -> dict[str, str]:
    return {"pk": f"WEIGHTS#{mark}", "sk": f"OWNER#{owner}"}
