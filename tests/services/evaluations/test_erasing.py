"""Evaluations that are erased, by whom, when, and whatever dies meanwhile."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from character_identity.domain.erasure import FIRST_PURGE, LAST_PURGE, RemovedOfEvaluation
from character_identity.domain.errors import Conflict, Erased, NotFound
from character_identity.domain.job import EVALUATION
from character_identity.services.erasure import ErasureService
from character_identity.services.jobs.callbacks import CallbackService
from tests.services.evaluations.harness import ID, Harness
from tests.services.evaluations.test_cancelling import Machine, an_evaluation
from tests.support import fakes
from tests.support.erasure_fakes import FakeErasures
from tests.support.fakes import event_service

FILES = 9
"""Seven results, and what they were made from: the order and the cells."""


class Died(BaseException):
    """The sandbox is gone, which nobody's except clause may see."""


def dying(store: Any, name: str, *, after: bool) -> None:
    """Have whoever makes this write next die, before it or after it."""
    write: Callable[..., Any] = getattr(store, name)

    def die(*given: Any) -> Any:
        setattr(store, name, write)
        if after:
            write(*given)
        raise Died

    setattr(store, name, die)


def ended() -> Harness:
    """An evaluation that was completed, with all its rows and files, and its money settled."""
    harness = Harness()
    harness.create()
    Machine(harness).run()
    harness.settle_jobs()
    return harness


def left(harness: Harness) -> list[Any]:
    """What there still is of it."""
    return [
        *(key for key in harness.bucket.objects if f"/{ID}/" in key),
        *harness.evaluations.cell_outcomes(ID),
        *harness.evaluations.shared_scores(ID),
        *(use for use in harness.evaluations.uses if use[1] == ID),
    ]


def test_it_goes_with_all_that_is_its_own_and_a_receipt_says_what_stays() -> None:
    harness = ended()
    identities, generations = dict(harness.identities.stored), dict(harness.generations.stored)
    paid = dict(harness.ledger.rows)
    receipt = harness.erasure.erase("ann", ID)
    assert receipt.complete
    assert receipt.removed == RemovedOfEvaluation(references=3, files=FILES, cells=4, scores=4)
    assert {each.where for each in receipt.kept} >= {"ledger", "identities", "backups"}
    assert left(harness) == []
    with pytest.raises(NotFound):
        harness.service.get("ann", ID)
    # its identities and pictures are its owner's, and the ledger our accounts
    assert (harness.identities.stored, harness.generations.stored) == (identities, generations)
    assert harness.ledger.rows == paid
    assert harness.erasure.erase("ann", ID) == receipt
    assert harness.evaluations.due[ID] == receipt.erased_at + FIRST_PURGE


def test_it_is_erased_though_nothing_can_be_purged_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = ended()

    def refuse(*_: Any) -> None:
        raise RuntimeError("S3 did not delete 1 objects.")

    with monkeypatch.context() as patch:
        patch.setattr(harness.bucket, "delete", refuse)
        assert not harness.erasure.erase("ann", ID).complete
    assert left(harness) != []
    assert harness.erasure.erase("ann", ID).complete
    assert left(harness) == []


def test_anothers_is_like_nobodys_before_and_after() -> None:
    harness = ended()

    def told(evaluation_id: str) -> str:
        with pytest.raises(NotFound) as caught:
            harness.erasure.erase("bob", evaluation_id)
        assert caught.value.code == "unknown_evaluation"
        return caught.value.message.replace(evaluation_id, "")

    assert told(ID) == told("nobodys")
    assert harness.evaluation.status == "completed"
    harness.erasure.erase("ann", ID)
    assert told(ID) == told("nobodys")


def test_one_that_runs_or_is_being_ended_is_to_be_cancelled_first() -> None:
    harness = Harness()
    harness.create()

    def refused() -> None:
        with pytest.raises(Conflict, match="Cancel it first") as caught:
            harness.erasure.erase("ann", ID)
        assert caught.value.code == "evaluation_running"

    refused()
    harness.service.cancel("ann", ID)
    refused()
    dying(harness.ledger, "settle", after=False)
    with pytest.raises(Died):
        Machine(harness).run()
    assert harness.evaluation.status == "cancelled"
    refused()  # its money is not settled yet: what was drawn for it may not be stopped either
    harness.workflow.settle(harness.job, None)
    assert harness.erasure.erase("ann", ID).complete
    assert harness.money[0] == 0


WRITES = (
    ("evaluations", "replace_with_tombstone"),
    ("evaluations", "remove_rows"),
    ("bucket", "delete"),
    ("evaluations", "forget_use"),
    ("evaluations", "save_receipt"),
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("store", "name"), WRITES, ids=[name for _, name in WRITES])
@pytest.mark.parametrize("by", ["its owner", "the sweep"])
def test_killed_at_any_write_it_is_ended_by_whoever_comes_next(
    store: str, name: str, after: bool, by: str
) -> None:
    harness = ended()
    dying(getattr(harness, store), name, after=after)
    with pytest.raises(Died):
        harness.erasure.erase("ann", ID)
    if by == "its owner" or harness.evaluations.receipt(ID) is None:
        harness.erasure.erase("ann", ID)
    else:
        assert harness.evaluations.due[ID] <= harness.clock() + FIRST_PURGE
        harness.erasure.purge(ID)
    receipt = harness.evaluations.receipt(ID)
    assert receipt is not None
    assert receipt.complete
    assert left(harness) == []


def test_what_is_written_meanwhile_goes_with_the_last_purge() -> None:
    harness = ended()
    state = harness.workflow.plan(harness.begun)
    late = dict(harness.bucket.objects)
    harness.erasure.erase("ann", ID)
    harness.bucket.objects.update(late)  # a task that had read it before wrote its results
    assert harness.compile(state).state == "ended"
    assert harness.workflow.record(state).state == "cancelled"
    for passed in (FIRST_PURGE, LAST_PURGE):
        harness.clock.time = harness.evaluations.receipts[ID].erased_at + passed
        harness.erasure.purge(ID)
    assert left(harness) == []
    assert ID not in harness.evaluations.due
    harness.erasure.purge("nobodys")


def test_its_identities_are_erased_as_any_others_then() -> None:
    harness = ended()
    identities = [*harness.evaluation.identities.values()]
    receipt = harness.erasure.erase("ann", ID)
    harness.evaluations.uses[identities[0], ID] = None  # of a purge that died
    for identity_id in identities:
        harness.erasure.forget(identity_id)
    assert harness.evaluations.receipt(ID) == receipt
    harness.clock.pass_by(seconds=timedelta(days=1).total_seconds())
    assert harness.erasure.erase("ann", ID) == receipt
    assert [job.kind for job in harness.workflows.started].count("evaluation") == 1


@pytest.mark.parametrize("was_made", [False, True])
def test_an_identity_that_it_never_made_keeps_none_of_it(
    was_made: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can erase such a one, and the copies of the references would stay for it."""
    monkeypatch.setattr(fakes, "MOST_IDENTITIES", 2 if was_made else 1)
    harness = ended()
    assert [*harness.evaluation.failures] == ([] if was_made else ["fal-lora"])
    gone = harness.evaluation.identities["fal-instant"]
    del harness.identities.stored[gone]
    for _ in range(2):
        harness.erasure.forget(gone)
        assert (left(harness) == []) is not was_made
    assert (harness.evaluations.receipt(ID) is None) is was_made


@pytest.mark.parametrize("name", ["replace_with_tombstone", "remove_rows", "forget_use"])
def test_with_its_last_identity_it_goes_for_good_whatever_dies(name: str) -> None:
    """It leaves a receipt too: its order, sent again with its key, must not make another of it."""
    harness = Harness()
    harness.create(providers=["fal-lora"])
    identity_id = harness.evaluation.identities["fal-lora"]
    dying(harness.evaluations, name, after=True)
    with pytest.raises(Died):
        harness.erasure.forget(identity_id)
    harness.erasure.forget(identity_id)
    assert left(harness) == []
    with pytest.raises(Erased):
        harness.evaluations.get(ID)
    assert harness.erasure.erase("ann", ID).complete


@pytest.mark.parametrize("erase", ["identity", "generation", "generation that nobody had looked at"])
def test_what_is_erased_while_results_are_written_is_not_in_them(
    erase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The erasure deletes results and has others made; those that were being written come after them."""
    harness = ended()
    identity_id = harness.evaluation.identities["fal-lora"]
    [*_, gone] = [
        each.generation_id for each in harness.generations.stored.values() if each.identity_id == identity_id
    ]
    if "nobody" in erase:  # as in one that was cancelled
        outcomes = harness.evaluations.outcomes[ID]
        del outcomes[next(cell for cell, each in outcomes.items() if each.generation_id == gone)]
    write = harness.bucket.write

    def erased_first(*given: Any) -> None:
        monkeypatch.setattr(harness.bucket, "write", write)
        if erase == "identity":
            harness.erasure.forget(identity_id)
        else:
            del harness.generations.stored[gone]
            harness.erasure.forget_generation(gone)
        write(*given)

    monkeypatch.setattr(harness.bucket, "write", erased_first)
    assert harness.compile(harness.workflow.plan(harness.begun)).state == "compiled"
    assert (identity_id if erase == "identity" else gone) not in harness.result("results.csv")


def run_what_was_started(harness: Harness) -> int:
    """Let the machines run that make results anew; returns how many there were."""
    anew = [job for job in harness.workflows.started if job.kind == EVALUATION and job.runs > 1]
    run = [job for job in anew if harness.workflows.is_running(job)]
    for job in run:
        assert Machine(harness).run().status == "SUCCEEDED"
        harness.workflows.running.discard((job.job_id, job.runs))
    return len(run)


def test_results_that_were_made_without_a_generation_stay() -> None:
    """It is purged again a minute later, and when nothing can be under way any more."""
    harness = ended()
    gone = next(iter(harness.generations.stored))
    erasures = FakeErasures(harness.identities, harness.generations)
    service = ErasureService(
        harness.identities,
        harness.generations,
        erasures,
        harness.ledger,
        harness.bucket,
        harness.providers,
        CallbackService(harness.ledger, harness.workflows, harness.providers),
        event_service(harness.events),
        harness.erasure,
        harness.clock,
    )
    service.erase_generation("ann", gone)
    assert run_what_was_started(harness) == 1
    made = harness.result("results.csv")
    assert gone not in made
    purges = 0
    while erasures.due:
        harness.clock.time = erasures.due[gone]
        service.purge_generation(gone)
        assert harness.result("results.csv") == made
        purges += 1
    assert (purges, run_what_was_started(harness)) == (2, 0)


@pytest.mark.parametrize("erase", ["identity", "generation"])
def test_an_erasure_that_died_when_results_were_made_anew_has_them_made_once_more(erase: str) -> None:
    """It deletes them again, as far as it knows with what was erased in them."""
    harness = ended()
    identity_id = harness.evaluation.identities["fal-lora"]
    gone = next(
        each.generation_id for each in harness.generations.stored.values() if each.identity_id == identity_id
    )
    for _ in range(2):
        if erase == "identity":
            dying(harness.evaluations, "forget_use", after=False)
            with pytest.raises(Died):
                harness.erasure.forget(identity_id)
        else:
            harness.generations.stored.pop(gone, None)
            harness.erasure.forget_generation(gone)
        run_what_was_started(harness)
        harness.clock.pass_by(minutes=1)
    assert gone not in harness.result("results.csv")


@pytest.mark.parametrize("erase", ["identity", "generation"])
@pytest.mark.parametrize("when", ["before it ends", "while it ends"])
def test_what_is_erased_when_an_evaluation_with_results_ends_leaves_it_results(
    erase: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its erasure deletes them, and does not know yet that nobody writes others."""
    harness = an_evaluation()
    machine, delete = Machine(harness), harness.bucket.delete

    def erased() -> None:
        identity_id = harness.evaluation.identities["fal-lora"]
        [*_, gone] = [
            each
            for each, generation in harness.generations.stored.items()
            if generation.identity_id == identity_id
        ]
        if erase == "identity":
            harness.erasure.forget(identity_id)
        else:
            del harness.generations.stored[gone]
            harness.erasure.forget_generation(gone)

    def end_first(*keys: str) -> None:
        monkeypatch.setattr(harness.bucket, "delete", delete)
        harness.workflow.record(harness.begun.model_copy(update={"state": "compiled"}))
        delete(*keys)

    def before(number: int) -> None:
        if machine.passed[number] == "record" and machine.passed.count("record") == 1:
            if when == "while it ends":
                monkeypatch.setattr(harness.bucket, "delete", end_first)
            erased()

    machine.before = before
    assert machine.run().status == "SUCCEEDED"
    run_what_was_started(harness)
    assert harness.evaluation.status == "completed"
    assert harness.result("results.csv")
    assert harness.evaluation.recommendation is not None
