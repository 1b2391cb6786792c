"""Whose identity was trained to which weights, in DynamoDB."""

from contextlib import suppress
from typing import Any

from character_identity.aws import keys
from character_identity.aws.identity_table import while_there
from character_identity.aws.transactions import Refused, transact


class TrainedWeightsTable:
    """One item each, found by a digest; its key lies beside the identity too, to be erased with it."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def remember(self, owner: str, digest: str, identity_id: str) -> None:
        """Keep whose weights these are, unless the identity is gone; the same again changes nothing."""
        beside = keys.trained_weights_of(identity_id, owner, digest)
        found_by = {**keys.trained_weights(owner, digest), "identity_id": identity_id}
        with suppress(Refused):
            transact(
                self._table,
                [while_there(identity_id), {"Put": {"Item": beside}}, {"Put": {"Item": found_by}}],
            )

    def find(self, owner: str, digest: str) -> str | None:
        """The identity of this owner that was trained to these weights."""
        item = self._table.get_item(Key=keys.trained_weights(owner, digest), ConsistentRead=True).get("Item")
        return None if item is None else str(item["identity_id"])
