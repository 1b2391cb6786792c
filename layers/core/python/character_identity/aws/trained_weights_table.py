"""Whose identity was trained to which weights, in DynamoDB."""

from contextlib import suppress

from character_identity.aws import keys
from character_identity.aws.identity_table import while_there
from character_identity.aws.table import Refused, Table
from character_identity.aws.writes import put


class TrainedWeightsTable:
    """One item each, found by a digest; its key lies beside the identity too, to be erased with it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def remember(self, owner: str, digest: str, identity_id: str) -> None:
        beside = keys.trained_weights_of(identity_id, owner, digest)
        found_by = {**keys.trained_weights(owner, digest), "identity_id": identity_id}
        with suppress(Refused):
            self._table.transact([while_there(identity_id), put(beside), put(found_by)])

    def find(self, owner: str, digest: str) -> str | None:
        item = self._table.get(keys.trained_weights(owner, digest))
        return None if item is None else str(item["identity_id"])
