"""Conflicts between transactions are waited for."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from character_identity.aws.transactions import ATTEMPTS, transact


class ConflictingTable:
    """Another transaction is on the same items, so many times."""

    name = "state"

    def __init__(self, conflicts: int) -> None:
        self.meta = self
        self.client = self
        self.conflicts = conflicts
        self.calls = 0

    def transact_write_items(self, TransactItems: list[Any]) -> None:
        self.calls += 1
        if self.calls <= self.conflicts:
            reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}]
            raise ClientError(
                {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons},
                "TransactWriteItems",
            )


def test_a_conflict_is_waited_for() -> None:
    table, delays = ConflictingTable(3), list[float]()
    transact(table, [{"Put": {}}], delays.append)
    assert (table.calls, len(delays)) == (4, 3)


def test_a_conflict_is_not_waited_for_for_ever() -> None:
    table, delays = ConflictingTable(1000), list[float]()
    with pytest.raises(ClientError):
        transact(table, [{"Put": {}}], delays.append)
    assert table.calls == ATTEMPTS
    assert sum(delays) < 6
