"""Trained weights by their marks, in DynamoDB."""

from contextlib import suppress
from typing import Any

from character_identity.aws.identity_table import while_there
from character_identity.aws.transactions import Refused, transact


class TrainedWeightsTable:
    """One item each: pk ``WEIGHTS#<digest>``, sk ``OWNER#<owner>``.

    Beside the identity lies what it takes to find them when it is erased: pk ``IDENTITY#<id>``,
    sk ``WEIGHTS#<digest>/OWNER#<owner>``.
    """

    def __init__(self, table: Any) -> None:
        self._table = table

    def remember(self, owner: str, digest: str, identity_id: str) -> None:
        """Keep whose weights these are, unless the identity is gone; the same again changes nothing."""
        key = _key(owner, digest)
        beside = {"pk": f"IDENTITY#{identity_id}", "sk": f"{key['pk']}/{key['sk']}"}
        found_by = {**key, "identity_id": identity_id}
        with suppress(Refused):
            transact(
                self._table,
                [while_there(identity_id), {"Put": {"Item": beside}}, {"Put": {"Item": found_by}}],
            )

    def find(self, owner: str, digest: str) -> str | None:
        """The identity of this owner that was trained to these weights."""
        item = self._table.get_item(Key=_key(owner, digest), ConsistentRead=True).get("Item")
        return None if item is None else str(item["identity_id"])


def _key(owner: str, digest: str) -> dict[str, str]:
    return {"pk": f"WEIGHTS#{digest}", "sk": f"OWNER#{owner}"}
