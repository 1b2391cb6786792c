"""The checks of the outcome find what is wrong in services that lack something the table relies on."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from character_identity.aws.ledger_table import LedgerTable
from character_identity.aws.media_bucket import MediaBucket
from character_identity.domain.errors import ProviderRejected
from character_identity.services.idempotency import IdempotencyService
from tests.faults.outcome import Facts
from tests.faults.rows import at_call, raising
from tests.faults.scenario import Scenario
from tests.faults.workflows import WORKFLOWS, Caller, Workflow
from tests.support.builders import an_image
from tests.support.in_process.executions import Crash
from tests.support.in_process.harness import harness

TRAIN, GENERATE = WORKFLOWS[0], WORKFLOWS[2]


@contextmanager
def a_scenario(patch: pytest.MonkeyPatch, workflow: Workflow) -> Iterator[Scenario]:
    with harness(patch) as prepared:
        caller = Caller(prepared, workflow)
        yield Scenario(prepared, caller, Facts.of(prepared))


def test_without_the_intent_an_order_is_paid_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LedgerTable, "intend", lambda *_: True)
    with a_scenario(monkeypatch, GENERATE) as scenario:
        at_call(scenario, GENERATE.paid_call, "after", raising(Crash()))
        with pytest.raises(AssertionError, match="paid 2 times"):
            scenario.tell()


def test_money_that_is_not_settled_is_work_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LedgerTable, "settle", lambda *_: True)
    with a_scenario(monkeypatch, GENERATE) as scenario, pytest.raises(AssertionError, match="work left"):
        scenario.tell()


def test_other_bytes_than_those_that_were_hashed_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    write, other = MediaBucket.write, an_image(32, 32)

    def mixed_up(bucket: MediaBucket, key: str, content: bytes, content_type: str) -> None:
        write(bucket, key, other if key.startswith("generations/") else content, content_type)

    monkeypatch.setattr(MediaBucket, "write", mixed_up)
    with a_scenario(monkeypatch, GENERATE) as scenario, pytest.raises(AssertionError, match="other bytes"):
        scenario.tell()


def test_weights_that_nobody_checked_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("character_identity.outbound.lora_file.check_weights", lambda path: None)
    with a_scenario(monkeypatch, TRAIN) as scenario:
        scenario.arm(TRAIN.submit, "truncated")
        with pytest.raises(ProviderRejected, match="cut short"):
            scenario.tell()


def test_a_key_that_is_not_honoured_makes_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    once = IdempotencyService.once

    def forgetful(service: IdempotencyService, owner: str, key: str, *rest: object, **more: object) -> object:
        return once(service, owner, None, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(IdempotencyService, "once", forgetful)
    with a_scenario(monkeypatch, GENERATE) as scenario, pytest.raises(AssertionError, match="another order"):
        scenario.tell()
