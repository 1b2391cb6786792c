"""The stores behind idempotency keys and the rate limit, and their fakes, through the same cases."""

from dataclasses import replace
from datetime import timedelta

import pytest

from character_identity.aws.idempotency_table import IdempotencyTable
from character_identity.aws.request_count_table import RequestCountTable
from character_identity.ports.stores import IdempotencyRecord, IdempotencyRecords, RequestCounts
from tests.support.api_fakes import FakeRequestCounts
from tests.support.builders import NOON
from tests.support.fakes import FakeIdempotencyRecords
from tests.support.mocked_aws import StateTable

FIRST = IdempotencyRecord("t1", NOON, "print", NOON + timedelta(hours=24))
SECOND = IdempotencyRecord("t2", NOON + timedelta(minutes=1))
TAKEN_OVER = replace(FIRST, made_at=NOON + timedelta(minutes=2))


@pytest.fixture(params=["fake", "table"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def calls(kind: str, table: StateTable) -> IdempotencyRecords:
    return FakeIdempotencyRecords() if kind == "fake" else IdempotencyTable(table)


@pytest.fixture
def counts(kind: str, table: StateTable) -> RequestCounts:
    return FakeRequestCounts() if kind == "fake" else RequestCountTable(table)


class TestIdempotencyRecords:
    def test_the_first_claim_wins(self, calls: IdempotencyRecords) -> None:
        assert calls.find("d") is None
        assert calls.claim("d", FIRST, None) == FIRST
        assert calls.claim("d", SECOND, None) == FIRST
        assert calls.find("d") == FIRST
        assert calls.find("e") is None

    def test_a_claim_that_is_made_again_is_the_callers_own(self, calls: IdempotencyRecords) -> None:
        calls.claim("d", FIRST, None)
        assert calls.claim("d", FIRST, None) == FIRST

    def test_a_call_is_replaced_once(self, calls: IdempotencyRecords) -> None:
        calls.claim("d", FIRST, None)
        assert calls.claim("d", SECOND, FIRST) == SECOND
        assert calls.claim("d", IdempotencyRecord("t3", NOON), FIRST) == SECOND
        assert calls.find("d") == SECOND

    def test_a_call_is_taken_over_once_though_its_target_stays(self, calls: IdempotencyRecords) -> None:
        calls.claim("d", FIRST, None)
        assert calls.claim("d", TAKEN_OVER, FIRST) == TAKEN_OVER
        late = replace(FIRST, made_at=NOON + timedelta(minutes=3))
        assert calls.claim("d", late, FIRST) == TAKEN_OVER

    def test_what_is_gone_by_now_needs_no_replacing(self, calls: IdempotencyRecords) -> None:
        assert calls.claim("d", SECOND, FIRST) == SECOND
        assert calls.find("d") == SECOND

    def test_only_the_very_call_is_released(self, calls: IdempotencyRecords) -> None:
        calls.claim("d", FIRST, None)
        calls.claim("d", TAKEN_OVER, FIRST)
        calls.release("d", FIRST)
        calls.release("d", SECOND)
        assert calls.find("d") == TAKEN_OVER
        calls.release("d", TAKEN_OVER)
        assert calls.find("d") is None
        calls.release("d", TAKEN_OVER)

    def test_an_outcome_is_marked_delivered_by_target(self, calls: IdempotencyRecords) -> None:
        calls.mark_delivered("t1")
        assert (calls.was_delivered("t1"), calls.was_delivered("t2")) == (True, False)


class TestRequestCounts:
    def test_so_many_are_counted(self, counts: RequestCounts) -> None:
        taken = [counts.count("ann", NOON, "orders", 1, 2) for _ in range(4)]
        assert taken == [1, 2, None, None]

    def test_what_was_refused_does_not_count(self, counts: RequestCounts) -> None:
        assert [counts.count("ann", NOON, "orders", 1, 1) for _ in range(3)] == [1, None, None]
        assert [counts.count("ann", NOON, "orders", 1, 2) for _ in range(2)] == [2, None]

    def test_several_are_counted_at_once_or_not_at_all(self, counts: RequestCounts) -> None:
        assert [counts.count("ann", NOON, "reads", 10, 25) for _ in range(3)] == [10, 20, None]
        assert counts.count("ann", NOON, "reads", 5, 25)

    def test_owners_times_and_kinds_are_counted_apart(self, counts: RequestCounts) -> None:
        assert counts.count("ann", NOON, "orders", 1, 1)
        assert counts.count("ann", NOON, "reads", 1, 1)
        assert counts.count("bob", NOON, "orders", 1, 1)
        assert counts.count("ann", NOON + timedelta(minutes=1), "orders", 1, 1)


class TestRows:
    """The table's own: an end."""

    def test_a_call_with_an_end_expires_and_one_without_stays(self, table: StateTable) -> None:
        calls = IdempotencyTable(table)
        calls.claim("d", FIRST, None)
        calls.claim("e", SECOND, None)
        ends = {item["target_id"]: item.get("expires_at") for item in table.rows()}
        assert ends == {"t1": int(NOON.timestamp()) + 24 * 3600, "t2": None}

    def test_a_count_expires(self, table: StateTable) -> None:
        RequestCountTable(table).count("ann", NOON, "orders", 1, 5)
        (item,) = table.rows()
        assert item["expires_at"] == int(NOON.timestamp()) + 3600

    def test_a_call_that_is_released_before_it_is_read_leaves_its_place(self, table: StateTable) -> None:
        class Released(IdempotencyTable):
            def find(self, digest: str) -> IdempotencyRecord | None:
                self.release(digest, FIRST)
                return super().find(digest)

        IdempotencyTable(table).claim("d", FIRST, None)
        assert Released(table).claim("d", SECOND, None) == SECOND
        assert IdempotencyTable(table).find("d") == SECOND
