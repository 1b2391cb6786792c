"""Evaluations, their cells, scores and money: the tables and their fakes through the same cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from character_identity.aws.budget_table import BudgetTable
from character_identity.aws.erasure_table import ErasureTable
from character_identity.aws.evaluation_table import EvaluationTable
from character_identity.aws.event_table import EventTable
from character_identity.aws.generation_table import GenerationTable
from character_identity.aws.identity_table import IdentityTable
from character_identity.aws.ledger_table import LedgerTable
from character_identity.aws.open_work import OpenWorkTable
from character_identity.aws.score_table import ScoreTable
from character_identity.aws.table import Table
from character_identity.aws.writes import Write
from character_identity.domain.budget import Settlement, settlement_of
from character_identity.domain.erasure import ErasureReceipt, EvaluationReceipt, RemovedOfEvaluation
from character_identity.domain.errors import BudgetExceeded, Conflict, Erased, NotFound
from character_identity.domain.evaluation import Cell, CellOutcome, Evaluation, Recommendation
from character_identity.domain.event import Event
from character_identity.domain.failure import Failure
from character_identity.domain.near_copy import CopyDescriptor
from character_identity.domain.page import Window
from character_identity.domain.perceptual_hash import PerceptualHash
from character_identity.domain.score import EmbeddedReference, NotScored
from character_identity.domain.view import EncoderVersion, View
from character_identity.ports.stores import (
    Budgets,
    Erasures,
    Evaluations,
    Events,
    Generations,
    Identities,
    Ledger,
    OpenWork,
    SharedScores,
)
from tests.support.builders import (
    NO_LIMIT,
    NOON,
    a_generation,
    a_generation_job,
    a_score,
    an_evaluation,
    an_evaluation_job,
    an_identity,
)
from tests.support.erasure_fakes import FakeErasures, FakeOpenWork, a_receipt
from tests.support.evaluation_fakes import FakeEvaluations
from tests.support.event_fakes import FakeEvents
from tests.support.fakes import FakeGenerations, FakeIdentities, FakeLedger

LIMIT = 10_000_000
LATER = NOON + timedelta(minutes=1)
VERSION = EncoderVersion("tiny", "0f1e", "v1")
SCORE = a_score(VERSION, "0f1e", {"r": 0.5})
BLACK = NotScored(encoder="tiny", code="black_image", reason="It is black.")
DESCRIPTOR = CopyDescriptor(PerceptualHash("0f1e", 1, 2), bytes(32 * 32))
EMBEDDED = [EmbeddedReference("references/e1/0001.jpg", "0f1e", View((0.0, 1.0), DESCRIPTOR), None)]
LORA = Cell(provider="fal-lora", scenario="beach", variation=1, images=1)
INSTANT = LORA.model_copy(update={"provider": "fal-instant"})


@dataclass
class Stores:
    evaluations: Evaluations
    scores: SharedScores
    ledger: Ledger
    budgets: Budgets
    generations: Generations
    identities: Identities
    events: Events
    erasures: Erasures
    work: OpenWork

    def erase(self, receipt: ErasureReceipt) -> None:
        """Put a receipt in the place of an identity or a generation, as is done before all else."""
        assert self.erasures.replace_with_tombstone(receipt)

    def add(self, **changes: Any) -> Evaluation:
        evaluation = an_evaluation(**changes)
        self.evaluations.add(evaluation, an_evaluation_job(), LIMIT, NO_LIMIT)
        return evaluation

    def order(self, generation_id: str, amount: int) -> None:
        """Order pictures that are paid from the evaluation's money."""
        generation = a_generation(generation_id=generation_id)
        job = a_generation_job(
            job_id=f"generation-{generation_id}",
            subject_id=generation_id,
            evaluation_id="e1",
            reserved_microusd=amount,
            estimate_microusd=amount,
        )
        self.generations.add(generation, job, 0, NO_LIMIT)

    @property
    def money(self) -> tuple[int, int, int]:
        """Ann's month: reserved and committed, and the number of her jobs."""
        budget = self.budgets.of("ann", "2026-11")
        return budget.reserved_microusd, budget.committed_microusd, budget.jobs

    @property
    def left(self) -> int:
        """What the evaluation has set aside and given to no job yet."""
        job = self.ledger.get("evaluation-e1")
        assert job is not None
        return job.reserved_microusd


@pytest.fixture(params=["fake", "table"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "table":
        table = request.getfixturevalue("table")
        scores = ScoreTable(table)
        stores = Stores(
            EvaluationTable(table),
            scores,
            LedgerTable(table),
            BudgetTable(table, default_limit_microusd=LIMIT, operator_limit_microusd=NO_LIMIT),
            GenerationTable(table),
            IdentityTable(table),
            EventTable(table),
            ErasureTable(table),
            OpenWorkTable(table),
        )
    else:
        ledger, events = FakeLedger(), FakeEvents()
        identities = FakeIdentities(ledger=ledger, events=events)
        fake = FakeEvaluations(ledger=ledger, events=events)
        generations = FakeGenerations(ledger=ledger, events=events, identities=identities)
        erasures = FakeErasures(identities, generations, evaluations=fake)
        work = FakeOpenWork(ledger, erasures, events)
        stores = Stores(fake, fake, ledger, ledger, generations, identities, events, erasures, work)
    stores.identities.add(an_identity(settled_at=NOON))
    return stores


def test_what_is_stored_is_read_again(stores: Stores) -> None:
    failure = Failure(code="no_face", message="None was found.")
    evaluation = stores.add(failures={"fal-lora": failure}, made=["fal-lora"])
    assert stores.evaluations.get("e1") == evaluation
    assert stores.evaluations.list("ann", Window()).entries == [evaluation]
    assert stores.evaluations.list("bob", Window()).entries == []
    with pytest.raises(NotFound) as caught:
        stores.evaluations.get("e2")
    assert caught.value.code == "unknown_evaluation"
    with pytest.raises(Conflict):
        stores.add()


def test_its_money_is_set_aside_once_and_its_jobs_draw_from_that(stores: Stores) -> None:
    stores.add()
    assert stores.money == (4_000_000, 0, 0)
    stores.order("g1", 1_500_000)
    stores.order("g2", 2_500_000)
    assert (stores.money, stores.left) == ((4_000_000, 0, 2), 0)
    with pytest.raises(BudgetExceeded):
        stores.order("g3", 1)
    with pytest.raises(Conflict):
        stores.order("g1", 0)
    assert (stores.money, stores.left) == ((4_000_000, 0, 2), 0)


def test_what_no_job_has_drawn_is_given_back_and_nothing_is_drawn_any_more(stores: Stores) -> None:
    stores.add()
    job = stores.ledger.get("evaluation-e1")
    assert job is not None
    stores.order("g1", 1_500_000)
    # By what was read before the order, more would be given back than is left.
    assert not stores.ledger.settle(job, settlement_of(job))
    job = stores.ledger.get("evaluation-e1")
    assert job is not None and settlement_of(job) == Settlement("released", 0, 0)
    assert stores.ledger.settle(job, settlement_of(job))
    assert not stores.ledger.settle(job, settlement_of(job))
    assert stores.money == (1_500_000, 0, 1)
    with pytest.raises(BudgetExceeded):
        stores.order("g2", 1)
    ordered = stores.ledger.get("generation-g1")
    assert ordered is not None
    assert stores.ledger.settle(ordered, Settlement("committed", 1_000_000, 1_000_000))
    assert stores.money == (0, 1_000_000, 1)


def test_one_that_cannot_be_paid_is_not_stored(stores: Stores) -> None:
    with pytest.raises(BudgetExceeded):
        stores.evaluations.add(an_evaluation(), an_evaluation_job(), 3_999_999, NO_LIMIT)
    with pytest.raises(NotFound):
        stores.evaluations.get("e1")
    assert stores.money == (0, 0, 0)


def test_what_was_stored_for_it_is_its_own_once_it_is_there(stores: Stores) -> None:
    stores.work.add_intake("ann", "e1", NOON)
    stores.add()
    assert [row.kind for row in stores.work.due(NOON, 9)] == []


def test_its_phase_never_goes_back(stores: Stores) -> None:
    stores.add()
    assert stores.evaluations.advance("e1", "pictures", LATER)
    assert not stores.evaluations.advance("e1", "identities", NOON)
    assert stores.evaluations.advance("e1", "pictures", LATER, recommendation=None)
    assert (stores.evaluations.get("e1").phase, stores.evaluations.get("e1").updated_at) == (
        "pictures",
        LATER,
    )
    assert not stores.evaluations.advance("e2", "pictures", LATER)


def test_it_has_one_outcome(stores: Stores) -> None:
    evaluation = stores.add()
    assert stores.evaluations.cancel("e1", LATER)
    assert not stores.evaluations.cancel("e1", LATER)
    assert stores.evaluations.get("e1").status == "cancelling"
    again = evaluation.model_copy(update={"status": "completed", "settled_at": LATER})
    assert stores.evaluations.settle(again, Event.of_evaluation(again)).status == "cancelling"
    ended = evaluation.model_copy(update={"status": "cancelled", "settled_at": LATER, "updated_at": LATER})
    event = Event.of_evaluation(ended)
    assert stores.evaluations.settle(ended, event).status == "cancelled"
    assert stores.evaluations.settle(again, Event.of_evaluation(again)).status == "cancelled"
    assert stores.events.find_unpublished(event.event_id) == event
    assert stores.events.find(Event.of_evaluation(again).event_id) is None
    assert not stores.evaluations.advance("e1", "report", LATER)
    found = Recommendation(provider=None, sentence="Not decided.")
    stores.evaluations.conclude("e1", found, LATER)
    assert stores.evaluations.get("e1").recommendation == found


def test_cells_and_scores_are_written_again_without_harm(stores: Stores) -> None:
    stores.add()
    outcome = CellOutcome(cell=LORA, generation_id="g1", pictures=1, cost_usd=0.1)
    for _ in range(2):
        stores.evaluations.put_cell("e1", outcome)
        stores.scores.put_shared_score("e1", "g1", 1, SCORE)
    stores.scores.put_shared_score("e1", "g1", 2, BLACK)
    assert [*stores.evaluations.cell_outcomes("e1")] == [outcome]
    assert stores.scores.shared_scores("e1") == {("g1", 1): SCORE, ("g1", 2): BLACK}
    assert stores.scores.count_shared_scores("e1") == (1, 1)
    assert [stores.scores.has_shared_score("e1", "g1", index) for index in (1, 2, 3)] == [True, True, False]
    stores.evaluations.put_cell("e2", outcome)
    stores.scores.put_shared_score("e2", "g1", 1, SCORE)
    assert (stores.evaluations.cell_outcomes("e2"), stores.scores.shared_scores("e2")) == ([], {})


def test_the_references_are_kept_with_the_first_score(stores: Stores) -> None:
    stores.add()
    stores.scores.put_shared_score("e1", "g1", 1, BLACK, EMBEDDED)
    assert stores.scores.shared_references("e1", VERSION) == []
    stores.scores.put_shared_score("e1", "g1", 1, SCORE, EMBEDDED)
    assert stores.scores.shared_references("e1", VERSION) == EMBEDDED
    assert stores.scores.shared_references("e1", VERSION, VERSION) == []
    assert len(stores.scores.shared_scores("e1")) == 1


def test_what_was_seen_is_kept_with_a_score_and_goes_with_it(stores: Stores) -> None:
    stores.add()
    for generation_id, cell in (("g1", LORA), ("g2", INSTANT)):
        outcome = CellOutcome(cell=cell, generation_id=generation_id, pictures=2)
        stores.evaluations.put_cell("e1", outcome)
        for index, found in ((1, SCORE), (2, BLACK)):
            stores.scores.put_shared_score("e1", generation_id, index, found, (), (0.5, -0.25))
    seen = stores.scores.shared_embeddings("e1")
    assert {place: [*view] for place, view in seen.items()} == {
        ("g1", 1): [0.5, -0.25],
        ("g2", 1): [0.5, -0.25],
    }
    assert len(stores.scores.shared_scores("e1")) == 4, "nothing else is among the scores"
    stores.evaluations.without_generation("e1", "g1")
    assert [*stores.scores.shared_embeddings("e1")] == [("g2", 1)]
    for identity_id in ("i1", "i2"):
        stores.evaluations.without_identity("e1", identity_id)
    assert stores.scores.shared_embeddings("e1") == {}


def test_an_identity_is_taken_out_as_often_as_it_takes(stores: Stores) -> None:
    stores.add(failures={"fal-lora": Failure(code="x", message="y")}, made=["fal-lora"])
    assert [*stores.evaluations.used_by("i2")] == ["e1"]
    for cell, generation_id in ((LORA, "g1"), (INSTANT, "g2")):
        outcome = CellOutcome(cell=cell, generation_id=generation_id, pictures=1)
        stores.evaluations.put_cell("e1", outcome)
        stores.scores.put_shared_score("e1", generation_id, 1, SCORE)
    for _ in range(2):
        left = stores.evaluations.without_identity("e1", "i2")
        assert left == stores.evaluations.get("e1")
        assert left is not None and (left.providers, left.identities) == (
            ["fal-instant"],
            {"fal-instant": "i1"},
        )
        assert (left.failures, left.made) == ({}, [])
        assert [each.cell for each in stores.evaluations.cell_outcomes("e1")] == [INSTANT]
        assert [*stores.scores.shared_scores("e1")] == [("g2", 1)]
    stores.evaluations.forget_use("i2", "e1")
    assert [*stores.evaluations.used_by("i2")] == []


@pytest.mark.parametrize("whose", ["i2", "e1"])
def test_with_an_identity_goes_what_was_seen_of_its_references(stores: Stores, whose: str) -> None:
    """An evaluation that was given none compares with those of its identities, and has no copies of them."""
    keys = [f"references/{each}/0001.jpg" for each in ("i1", whose)]
    stores.identities.add(an_identity(identity_id="i2"))
    stores.add(references=keys, reference_sha256s=["0f1e", "57ad"])
    seen = [EmbeddedReference(key, "0f1e", View((0.0, 1.0), DESCRIPTOR), None) for key in keys]
    stores.scores.put_shared_score("e1", "g2", 1, SCORE, seen, (0.6, 0.8))
    for _ in range(2):
        stores.evaluations.without_identity("e1", "i2")
        assert len(stores.scores.shared_references("e1", VERSION)) == (0 if whose == "i2" else 2)
    assert [*stores.scores.shared_embeddings("e1")] == [("g2", 1)]


@pytest.mark.parametrize("gone", ["identity", "generation"])
def test_no_picture_of_what_was_erased_is_scored_any_more(stores: Stores, gone: str) -> None:
    """Its scorer saw it before; nobody would look for it again once the erasure has been through."""
    stores.add()
    stores.identities.add(an_identity(identity_id="i2"))
    stores.order("g1", 0)
    stores.erase(a_receipt(identity_id="i2", generation_id="g1" if gone == "generation" else None))
    stores.scores.put_shared_score("e1", "g1", 1, SCORE, EMBEDDED, (0.6, 0.8), "i2")
    assert stores.scores.shared_scores("e1") == {}
    assert stores.scores.shared_embeddings("e1") == {}
    assert stores.scores.shared_references("e1", VERSION) == []


def test_no_references_of_an_erased_identity_come_back_with_the_picture_of_another(stores: Stores) -> None:
    """Its scorer read them before; and scores stay as they were made."""
    keys = [f"references/{each}/0001.jpg" for each in ("i1", "i2")]
    stores.add(references=keys, reference_sha256s=["0f1e", "57ad"])
    stores.identities.add(an_identity(identity_id="i2"))
    seen = [EmbeddedReference(key, "0f1e", View((0.0, 1.0), DESCRIPTOR), None) for key in keys]
    stores.erase(a_receipt(identity_id="i2"))
    stores.scores.put_shared_score("e1", "g2", 1, SCORE, seen, (0.6, 0.8), "i1")
    assert stores.scores.shared_scores("e1") == {("g2", 1): SCORE}
    assert [*stores.scores.shared_embeddings("e1")] == [("g2", 1)]
    assert stores.scores.shared_references("e1", VERSION) == []


@pytest.mark.parametrize("number", [60, 99])
def test_what_an_interrupted_erasure_of_an_identity_has_left_is_found(
    number: int, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction takes a hundred rows, and whoever comes next goes by those that are still there."""
    evaluations, scores = EvaluationTable(table), ScoreTable(table)
    evaluations.add(an_evaluation(), an_evaluation_job(), LIMIT, NO_LIMIT)
    for each in range(number):
        cell = LORA.model_copy(update={"variation": each})
        evaluations.put_cell("e1", CellOutcome(cell=cell, generation_id=f"g{each}", pictures=1))
        scores.put_shared_score("e1", f"g{each}", 1, SCORE, (), (0.6, 0.8))
    transact = table.transact
    done: list[Sequence[Write]] = []

    def dies_later(writes: Sequence[Write]) -> None:
        if len(done) == 1:
            raise TimeoutError
        done.append(writes)
        transact(writes)

    with monkeypatch.context() as patch, pytest.raises(TimeoutError):
        patch.setattr(table, "transact", dies_later)
        evaluations.without_identity("e1", "i2")
    evaluations.without_identity("e1", "i2")
    assert evaluations.cell_outcomes("e1") == []
    assert (scores.shared_scores("e1"), scores.shared_embeddings("e1")) == ({}, {})


def test_two_identities_that_are_erased_at_once_are_both_taken_out(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"fal-instant": "i1", "fal-lora": "i2", "astria": "i3"}
    evaluations = EvaluationTable(table)
    evaluations.add(an_evaluation(providers=[*names], identities=names), an_evaluation_job(), LIMIT, NO_LIMIT)
    get = evaluations.get

    def get_and_be_too_late(evaluation_id: str) -> Evaluation:
        found = get(evaluation_id)
        monkeypatch.setattr(evaluations, "get", get)
        evaluations.without_identity("e1", "i1")
        return found

    monkeypatch.setattr(evaluations, "get", get_and_be_too_late)
    evaluations.without_identity("e1", "i2")
    assert evaluations.get("e1").identities == {"astria": "i3"}


def test_a_generation_is_taken_out_as_often_as_it_takes(stores: Stores) -> None:
    stores.add()
    for cell, generation_id in ((LORA, "g1"), (INSTANT, "g2")):
        outcome = CellOutcome(cell=cell, generation_id=generation_id, pictures=1)
        stores.evaluations.put_cell("e1", outcome)
        stores.scores.put_shared_score("e1", generation_id, 1, SCORE)
    for _ in range(2):
        assert stores.evaluations.without_generation("e1", "g1") == stores.evaluations.get("e1")
        pictures = {each.generation_id: each.pictures for each in stores.evaluations.cell_outcomes("e1")}
        assert pictures == {"g1": 0, "g2": 1}
        assert [*stores.scores.shared_scores("e1")] == [("g2", 1)]
    assert stores.evaluations.without_generation("e2", "g1") is None


def test_its_last_identity_is_not_taken_out(stores: Stores) -> None:
    added = stores.add(providers=["fal-lora"], identities={"fal-lora": "i2"})
    assert stores.evaluations.without_identity("e1", "i2") is None
    assert stores.evaluations.get("e1") == added


def test_an_erased_one_is_gone_for_whatever_is_under_way(stores: Stores) -> None:
    stores.add(status="completed")
    stores.evaluations.put_cell("e1", CellOutcome(cell=LORA, generation_id="g1", pictures=1))
    stores.scores.put_shared_score("e1", "g1", 1, SCORE, EMBEDDED, (0.6, 0.8))
    receipt = EvaluationReceipt(evaluation_id="e1", owner="ann", erased_at=NOON, identities=["i1", "i2"])
    assert stores.evaluations.receipt("e1") is None
    assert stores.evaluations.replace_with_tombstone(receipt)
    assert not stores.evaluations.replace_with_tombstone(receipt.model_copy(update={"owner": "bob"}))
    assert stores.evaluations.receipt("e1") == receipt
    for _ in range(2):
        with pytest.raises(Erased):
            stores.evaluations.get("e1")
        assert stores.evaluations.list("ann", Window(limit=9)).entries == []
        stores.evaluations.remove_rows("e1")
        # what a task, the scorer or another erasure still writes
        stores.evaluations.put_cell("e1", CellOutcome(cell=INSTANT))
        stores.scores.put_shared_score("e1", "g2", 1, SCORE, EMBEDDED, (0.6, 0.8))
        stores.evaluations.conclude("e1", Recommendation(provider=None, sentence="s"), LATER)
        assert not stores.evaluations.advance("e1", "report", LATER)
        assert stores.evaluations.without_generation("e1", "g1") is None
        assert stores.evaluations.without_identity("e1", "i1") is None
        assert stores.evaluations.cell_outcomes("e1") == []
        assert stores.scores.shared_scores("e1") == {}
        assert stores.scores.shared_embeddings("e1") == {}
        assert stores.scores.shared_references("e1", VERSION) == []
        assert stores.evaluations.receipt("e1") == receipt
    purged = receipt.model_copy(update={"complete": True})
    stores.evaluations.save_receipt(purged, None)
    assert stores.evaluations.receipt("e1") == purged


def test_what_is_removed_is_counted(stores: Stores) -> None:
    stores.add()
    nobodys = EvaluationReceipt(evaluation_id="e2", owner="ann", erased_at=NOON, identities=[])
    assert not stores.evaluations.replace_with_tombstone(nobodys)
    stores.evaluations.put_cell("e1", CellOutcome(cell=LORA, generation_id="g1", pictures=1))
    stores.scores.put_shared_score("e1", "g1", 1, SCORE, EMBEDDED, (0.6, 0.8))
    stores.scores.put_shared_score("e1", "g1", 2, BLACK)
    assert stores.evaluations.remove_rows("e1") == RemovedOfEvaluation(cells=1, scores=2)
    assert stores.evaluations.remove_rows("e1") == RemovedOfEvaluation()
    assert stores.evaluations.get("e1").status == "running"
