"""Each store and its fake through the same cases, so that the fakes cannot drift."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil
from typing import Any, Literal

import pytest

from character_identity.aws.budget_table import BudgetTable
from character_identity.aws.event_table import EventTable
from character_identity.aws.generation_table import GenerationTable
from character_identity.aws.identity_table import IdentityTable
from character_identity.aws.ledger_table import LedgerTable
from character_identity.aws.slot_table import SlotTable
from character_identity.aws.trained_weights_table import TrainedWeightsTable
from character_identity.domain.budget import MICROUSD_PER_USD, Settlement, settlement_of
from character_identity.domain.errors import BudgetExceeded, Conflict, NotFound, OperatorBudgetExceeded
from character_identity.domain.event import Event
from character_identity.domain.failure import Failure
from character_identity.domain.generation import Generation
from character_identity.domain.job import JobHandle, ProviderJob
from character_identity.domain.page import Page, Position, Window
from character_identity.domain.slots import Slots
from character_identity.ports.stores import (
    Budgets,
    Events,
    Generations,
    Identities,
    Ledger,
    SlotStore,
    TrainedWeights,
)
from tests.support.builders import (
    DEADLINE,
    NO_LIMIT,
    NOON,
    a_generation,
    a_generation_job,
    a_job,
    a_lease,
    a_training_identity,
    an_identity,
    some_weights,
)
from tests.support.event_fakes import FakeEvents
from tests.support.fakes import (
    FakeGenerations,
    FakeIdentities,
    FakeLedger,
    FakeSlots,
    FakeTrainedWeights,
    produced,
)
from tests.support.mocked_aws import StateTable


@pytest.fixture(params=["fake", "table"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclass
class Stores:
    """Stores that belong together, as one table's rows do."""

    identities: Identities
    generations: Generations
    ledger: Ledger
    budgets: Budgets
    events: Events

    def accept(self, job: ProviderJob) -> None:
        """Store the order of a training."""
        identity = a_training_identity(identity_id=job.subject_id)
        limit_microusd = self.budgets.of(job.owner, job.budget_month).limit_microusd
        self.identities.add(identity, None, job, limit_microusd, NO_LIMIT)

    def spent(self) -> tuple[int, int, int, int]:
        """Ann's November, in dollars: reserved, committed, assumed; and the number of her jobs."""
        budget = self.budgets.of("ann", "2026-11")
        amounts = (budget.reserved_microusd, budget.committed_microusd, budget.assumed_microusd)
        reserved, committed, assumed = (amount // MICROUSD_PER_USD for amount in amounts)
        return reserved, committed, assumed, budget.jobs


@pytest.fixture
def stores(kind: str, table: StateTable) -> Stores:
    limit_microusd = 5 * MICROUSD_PER_USD
    if kind == "table":
        budgets = BudgetTable(table, default_limit_microusd=limit_microusd, operator_limit_microusd=NO_LIMIT)
        return Stores(
            IdentityTable(table), GenerationTable(table), LedgerTable(table), budgets, EventTable(table)
        )
    ledger, events = FakeLedger(), FakeEvents()
    ledger.default_limit_microusd = limit_microusd
    identities = FakeIdentities(ledger=ledger, events=events)
    generations = FakeGenerations(ledger=ledger, events=events, identities=identities)
    return Stores(identities, generations, ledger, ledger, events)


@pytest.fixture
def slots(kind: str, table: StateTable) -> SlotStore:
    return FakeSlots(fal=2) if kind == "fake" else SlotTable(table, {"fal": 2})


@pytest.fixture
def identities(stores: Stores) -> Identities:
    return stores.identities


@pytest.fixture
def generations(stores: Stores) -> Generations:
    stores.identities.add(an_identity())
    return stores.generations


@pytest.fixture
def trained_weights(stores: Stores, kind: str, table: StateTable) -> TrainedWeights:
    stores.identities.add(an_identity())
    return FakeTrainedWeights() if kind == "fake" else TrainedWeightsTable(table)


@pytest.fixture
def ledger(stores: Stores) -> Ledger:
    stores.accept(a_job())
    return stores.ledger


def stored(ledger: Ledger, job_id: str = "training-i1") -> ProviderJob:
    """The job that all tests of the ledger are about, or another."""
    job = ledger.get(job_id)
    assert job is not None
    return job


def pages_of(read: Callable[[Window], Page[Any]], window: Window) -> Iterator[list[Any]]:
    """The entries of a list, page by page."""
    while True:
        page = read(window)
        yield page.entries
        if page.more_after is None:
            return
        window = replace(window, after=page.more_after)


class TestIdentities:
    def test_what_was_added_is_got(self, identities: Identities) -> None:
        identity = an_identity(cost_usd=2.1, error=Failure(code="c", message="m"), weights=some_weights())
        identities.add(identity)
        assert identities.get("i1") == identity

    def test_an_id_is_taken_once(self, identities: Identities) -> None:
        identities.add(an_identity())
        with pytest.raises(Conflict):
            identities.add(an_identity(name="Other"))
        assert identities.get("i1").name == "Sarah"

    def test_what_one_cost_is_put_right_and_nothing_else(self, identities: Identities) -> None:
        identity = an_identity(status="failed", cost_usd=2.1)
        identities.add(identity)
        identities.correct_cost("i1", 0.0, True)
        corrected = {"cost_usd": 0.0, "cost_is_implausible": True}
        assert identities.get("i1") == identity.model_copy(update=corrected)
        identities.correct_cost("i2", 0.0, True)
        with pytest.raises(NotFound):
            identities.get("i2")

    def test_an_unknown_id(self, identities: Identities) -> None:
        with pytest.raises(NotFound) as caught:
            identities.get("nobodys")
        assert caught.value.code == "unknown_identity"

    def test_an_owner_lists_their_own_newest_first(self, identities: Identities) -> None:
        for number, owner in enumerate(["ann", "bob", "ann"]):
            created_at = NOON + timedelta(minutes=number)
            identities.add(an_identity(identity_id=f"i{number}", owner=owner, created_at=created_at))
        page = identities.list("ann", Window())
        assert [identity.identity_id for identity in page.entries] == ["i2", "i0"]
        assert page.more_after is None

    def test_a_page_begins_where_the_one_before_ended_whatever_came_meanwhile(
        self, identities: Identities
    ) -> None:
        for number in range(7):
            identities.add(an_identity(identity_id=f"i{number}", created_at=NOON + timedelta(minutes=number)))
        seen, window = list[str](), Window(limit=3)
        for number in range(3):
            page = identities.list("ann", window)
            seen += [identity.identity_id for identity in page.entries]
            window = replace(window, after=page.more_after)
            identities.add(an_identity(identity_id=f"new{number}", created_at=NOON + timedelta(hours=1)))
        assert seen == ["i6", "i5", "i4", "i3", "i2", "i1", "i0"]
        assert page.more_after is None

    @pytest.mark.parametrize("limit", [1, 2, 5, 6, 7])
    def test_identities_of_one_moment_are_all_listed_once(self, identities: Identities, limit: int) -> None:
        for number in range(6):
            identities.add(an_identity(identity_id=f"i{number}"))
        pages = [*pages_of(lambda window: identities.list("ann", window), Window(limit=limit))]
        seen = [identity.identity_id for page in pages for identity in page]
        assert sorted(seen) == [f"i{number}" for number in range(6)]
        assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
        assert len(pages) == ceil(6 / limit), "no page is empty"

    def test_a_list_goes_on_where_an_identity_was(self, identities: Identities) -> None:
        for number in (0, 2):
            identities.add(an_identity(identity_id=f"i{number}", created_at=NOON + timedelta(minutes=number)))
        gone = Position(NOON + timedelta(minutes=1), "i1")
        assert [each.identity_id for each in identities.list("ann", Window(after=gone)).entries] == ["i0"]

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ({"where": {"status": "ready"}}, ["i4", "i2", "i0"]),
            ({"where": {"status": "failed"}}, []),
            ({"where": {"provider": "astria"}}, ["i3", "i0"]),
            ({"where": {"provider": "astria", "status": "ready"}}, ["i0"]),
            ({"since": NOON + timedelta(minutes=3)}, ["i4", "i3"]),
            ({"since": NOON + timedelta(minutes=2, microseconds=1)}, ["i4", "i3"]),
            ({"since": NOON + timedelta(minutes=1), "where": {"status": "ready"}}, ["i4", "i2"]),
        ],
    )
    @pytest.mark.parametrize("limit", [1, 2, 20])
    def test_a_list_of_some(
        self, identities: Identities, wanted: dict[str, Any], found: list[str], limit: int
    ) -> None:
        for number in range(5):
            made = an_identity if number % 2 == 0 else a_training_identity
            identities.add(
                made(
                    identity_id=f"i{number}",
                    provider="fal-lora" if number % 3 else "astria",
                    created_at=NOON + timedelta(minutes=number),
                )
            )
        pages = [*pages_of(lambda window: identities.list("ann", window), Window(limit=limit, **wanted))]
        assert [each.identity_id for page in pages for each in page] == found
        assert all(len(page) <= limit for page in pages)

    def test_a_training_advances(self, identities: Identities) -> None:
        identities.add(a_training_identity())
        identities.advance("i1", "training", 40, cost_usd=2.0, weights=some_weights().model_dump())
        identity = identities.get("i1")
        assert (identity.phase, identity.progress, identity.cost_usd) == ("training", 40, 2.0)
        assert identity.weights == some_weights()

    def test_progress_never_goes_back_but_facts_are_kept(self, identities: Identities) -> None:
        identities.add(a_training_identity(progress=50, phase="training"))
        identities.advance("i1", "queued", 15, provider_model_id="7")
        identities.advance("i1", "queued", 15)
        identity = identities.get("i1")
        assert (identity.phase, identity.progress, identity.provider_model_id) == ("training", 50, "7")

    def test_an_outcome_is_written_once_with_its_event(self, stores: Stores) -> None:
        identities = stores.identities
        identities.add(a_training_identity(progress=50))
        ready = an_identity(settled_at=NOON, cost_usd=2.0)
        event = Event.of_identity(ready)
        assert identities.settle(ready, event).status == "ready"
        failed = Failure(code="c", message="late")
        late = an_identity(status="failed", phase="failed", error=failed, settled_at=NOON)
        assert identities.settle(late, Event.of_identity(late)).status == "ready"
        identities.advance("i1", "training", 99, cost_usd=7.0)
        assert identities.get("i1") == ready
        assert stores.events.find_unpublished(event.event_id) == event
        assert stores.events.find(Event.of_identity(late).event_id) is None

    def test_one_that_is_ready_at_once_comes_with_its_event(self, stores: Stores) -> None:
        ready = an_identity(settled_at=NOON)
        stores.identities.add(ready, Event.of_identity(ready))
        assert stores.events.find_unpublished(Event.of_identity(ready).event_id) is not None

    def test_one_that_trains_comes_with_its_job_and_its_money(self, stores: Stores) -> None:
        stores.accept(a_job())
        assert stores.ledger.get("training-i1") == a_job()
        assert stores.spent() == (2, 0, 0, 1)

    def test_without_the_money_nothing_is_stored(self, stores: Stores) -> None:
        for number in (1, 2):
            stores.accept(a_job(job_id=f"training-i{number}", subject_id=f"i{number}"))
        with pytest.raises(BudgetExceeded):
            stores.accept(a_job(job_id="training-i3", subject_id="i3"))
        with pytest.raises(NotFound):
            stores.identities.get("i3")
        assert (stores.ledger.get("training-i3"), stores.spent()) == (None, (4, 0, 0, 2))

    def test_all_owners_together_spend_no_more_than_the_operators_month(self, stores: Stores) -> None:
        def accept(number: int, owner: str, limit: int) -> None:
            job = a_job(job_id=f"training-i{number}", subject_id=f"i{number}", owner=owner)
            identity = a_training_identity(identity_id=job.subject_id, owner=owner)
            stores.identities.add(
                identity, job=job, limit_microusd=limit, operator_limit_microusd=5 * MICROUSD_PER_USD
            )

        accept(1, "ann", 4 * MICROUSD_PER_USD)
        accept(2, "bob", 4 * MICROUSD_PER_USD)
        with pytest.raises(OperatorBudgetExceeded):
            accept(3, "eve", 4 * MICROUSD_PER_USD)
        with pytest.raises(BudgetExceeded) as own:
            accept(4, "ann", 3 * MICROUSD_PER_USD)
        assert own.value.code == "budget_exceeded", "which its owner can tell from GET /v1/usage"
        assert stores.ledger.get("training-i3") is None
        assert stores.budgets.of_operator("2026-11").held_microusd == 4 * MICROUSD_PER_USD
        job = stores.ledger.get("training-i1")
        assert job is not None
        assert stores.ledger.settle(job, settlement_of(job))
        assert stores.budgets.of_operator("2026-11").held_microusd == 2 * MICROUSD_PER_USD
        accept(3, "eve", 4 * MICROUSD_PER_USD)
        assert stores.budgets.of_operator("2026-11").jobs == 3

    def test_a_limit_below_the_first_order_accepts_nothing(self, stores: Stores) -> None:
        for own, operators in ((1, 10**9), (10**9, 1)):
            with pytest.raises(BudgetExceeded):
                stores.identities.add(
                    a_training_identity(), job=a_job(), limit_microusd=own, operator_limit_microusd=operators
                )

    def test_an_order_stored_twice_is_refused_and_counted_once(self, stores: Stores) -> None:
        stores.accept(a_job())
        with pytest.raises(Conflict):
            stores.accept(a_job())
        assert stores.spent() == (2, 0, 0, 1)


class TestGenerations:
    LIMIT = 5 * MICROUSD_PER_USD

    def added(self, generations: Generations, **changes: Any) -> Generation:
        generation = a_generation(**changes)
        subject = generation.generation_id
        generations.add(
            generation,
            a_generation_job(job_id=f"generation-{subject}", subject_id=subject),
            self.LIMIT,
            NO_LIMIT,
        )
        return generation

    def test_what_was_added_is_got(self, generations: Generations) -> None:
        generation = self.added(generations, cost_usd=0.1, warnings=["w"], produced=list(produced("a")))
        assert generations.get("g1") == generation

    def test_an_id_is_taken_once(self, generations: Generations) -> None:
        self.added(generations)
        with pytest.raises(Conflict):
            self.added(generations)

    def test_an_unknown_id(self, generations: Generations) -> None:
        with pytest.raises(NotFound) as caught:
            generations.get("g1")
        assert caught.value.code == "unknown_generation"

    @pytest.mark.parametrize("identity_id", ["training", "nobodys"])
    def test_only_a_ready_identity_gets_one(self, stores: Stores, identity_id: str) -> None:
        stores.identities.add(a_training_identity(identity_id="training"))
        with pytest.raises(Conflict) as caught:
            self.added(stores.generations, identity_id=identity_id)
        assert caught.value.code == "identity_not_ready"
        assert stores.spent() == (0, 0, 0, 0)

    def test_without_the_money_nothing_is_stored(self, stores: Stores) -> None:
        stores.identities.add(an_identity())
        dear = a_generation_job(reserved_microusd=5 * MICROUSD_PER_USD)
        stores.generations.add(a_generation(), dear, self.LIMIT, NO_LIMIT)
        with pytest.raises(BudgetExceeded):
            self.added(stores.generations, generation_id="g2")
        with pytest.raises(NotFound):
            stores.generations.get("g2")

    def test_an_identitys_are_listed_newest_first(self, generations: Generations) -> None:
        for number in range(3):
            self.added(generations, generation_id=f"g{number}", created_at=NOON + timedelta(minutes=number))
        page = generations.of_identity("i1", Window())
        assert [each.generation_id for each in page.entries] == ["g2", "g1", "g0"]
        assert generations.of_identity("i2", Window()).entries == []

    def test_an_identitys_are_listed_page_by_page(self, generations: Generations) -> None:
        for number in range(5):
            self.added(generations, generation_id=f"g{number}", created_at=NOON + timedelta(minutes=number))
        generations.save(a_generation(generation_id="g1", status="running"), {"status"})

        def listed(**wanted: Any) -> list[str]:
            pages = pages_of(lambda window: generations.of_identity("i1", window), Window(limit=2, **wanted))
            return [each.generation_id for page in pages for each in page]

        assert listed() == ["g4", "g3", "g2", "g1", "g0"]
        assert listed(where={"status": "running"}) == ["g1"]
        assert listed(where={"status": "queued", "provider": "fal-lora"}) == ["g4", "g3", "g2", "g0"]
        assert listed(since=NOON + timedelta(minutes=3)) == ["g4", "g3"]

    def test_only_the_named_fields_are_stored(self, generations: Generations) -> None:
        self.added(generations)
        changed = a_generation(status="running", produced=list(produced("a")), prompt_used="stale")
        assert generations.save(changed, {"status", "produced"})
        assert generations.get("g1") == a_generation(status="running", produced=list(produced("a")))

    def test_a_settled_one_never_changes(self, generations: Generations) -> None:
        self.added(generations)
        done = a_generation(status="succeeded", settled_at=NOON, cost_usd=0.1)
        failed = a_generation(status="failed", settled_at=NOON, error=Failure(code="c", message="late"))
        assert generations.settle(done, Event.of_generation(done)) == done
        assert generations.settle(failed, Event.of_generation(failed)) == done
        assert not generations.save(a_generation(status="running"), {"status"})
        assert generations.get("g1") == done

    def test_what_one_cost_is_put_right_and_nothing_else(self, generations: Generations) -> None:
        self.added(generations)
        done = a_generation(status="failed", settled_at=NOON, cost_usd=0.1)
        generations.settle(done, Event.of_generation(done))
        generations.correct_cost("g1", 0.0, True)
        corrected = {"cost_usd": 0.0, "cost_is_implausible": True}
        assert generations.get("g1") == done.model_copy(update=corrected)
        generations.correct_cost("g2", 0.0, True)
        with pytest.raises(NotFound):
            generations.get("g2")

    def test_an_outcome_comes_with_its_event(self, stores: Stores) -> None:
        stores.identities.add(an_identity())
        self.added(stores.generations)
        done = a_generation(status="succeeded", settled_at=NOON)
        stores.generations.settle(done, Event.of_generation(done))
        assert stores.events.find_unpublished(Event.of_generation(done).event_id) == Event.of_generation(done)

    def test_an_unknown_one_is_not_made_by_saving(self, generations: Generations) -> None:
        assert not generations.save(a_generation(), {"status"})
        done = a_generation(status="succeeded", settled_at=NOON)
        with pytest.raises(NotFound):
            generations.settle(done, Event.of_generation(done))


class TestLedger:
    HANDLE = JobHandle(provider_job_id="r1", status_url="https://q/s", result_url="https://q/r")

    def test_an_intent_is_written_once(self, ledger: Ledger) -> None:
        assert ledger.intend("training-i1", NOON, DEADLINE)
        assert stored(ledger) == a_job(state="intended", intended_at=NOON)
        assert not ledger.intend("training-i1", NOON + timedelta(minutes=1), DEADLINE)
        assert stored(ledger).intended_at == NOON

    def test_there_is_no_intent_without_an_order(self, ledger: Ledger) -> None:
        assert not ledger.intend("training-i2", NOON, DEADLINE)
        assert ledger.get("training-i2") is None

    def test_the_providers_own_answer_wins_over_what_a_callback_said(self, ledger: Ledger) -> None:
        ledger.intend("training-i1", NOON, DEADLINE)
        ledger.found("training-i1", JobHandle(provider_job_id="named by a callback"))
        assert stored(ledger).state == "submitted"
        ledger.submitted("training-i1", self.HANDLE)
        ledger.found("training-i1", JobHandle(provider_job_id="named late"))
        assert (stored(ledger).state, stored(ledger).handle) == ("submitted", self.HANDLE)

    def test_a_job_at_a_provider_belongs_to_one_job(self, stores: Stores) -> None:
        ledger = stores.ledger
        for job_id in ("training-i1", "training-i2"):
            stores.accept(a_job(job_id=job_id, subject_id=job_id.partition("-")[2]))
            ledger.intend(job_id, NOON, DEADLINE)
        assert ledger.holder_of("training", "p1") is None
        assert ledger.found("training-i1", self.HANDLE)
        assert not ledger.found("training-i1", self.HANDLE), "it is known"
        assert not ledger.found("training-i2", self.HANDLE), "it is another's"
        assert ledger.holder_of("training", self.HANDLE.provider_job_id) == "training-i1"
        assert ledger.holder_of("generation", self.HANDLE.provider_job_id) is None
        assert (stored(ledger, "training-i2").state, stored(ledger, "training-i2").handle) == (
            "intended",
            None,
        )
        ledger.submitted("training-i2", self.HANDLE)  # the provider itself said so
        assert ledger.holder_of("training", self.HANDLE.provider_job_id) == "training-i2"

    def test_orders_without_an_answer_are_listed(self, stores: Stores) -> None:
        ledger = stores.ledger
        for number in range(4):
            subject = f"i{number}"
            stores.accept(a_job(job_id=f"training-{subject}", subject_id=subject, reserved_microusd=1000))
        assert ledger.unanswered("training", "fal-lora") == []
        for number in range(3):
            ledger.intend(f"training-i{number}", NOON, DEADLINE)
        ledger.fail("training-i0", "unknown")
        ledger.submitted("training-i2", self.HANDLE)
        assert sorted(ledger.unanswered("training", "fal-lora")) == ["training-i0", "training-i1"]
        assert ledger.unanswered("training", "astria") == ledger.unanswered("generation", "fal-lora") == []
        ledger.settle(stored(ledger, "training-i0"), Settlement("released", 0, 0))
        assert ledger.unanswered("training", "fal-lora") == ["training-i1"]

    def test_an_intent_that_was_taken_back_may_be_made_again_later(self, ledger: Ledger) -> None:
        ledger.intend("training-i1", NOON, DEADLINE)
        later = NOON + timedelta(minutes=1)
        ledger.withdraw("training-i1", NOON, later)
        assert (stored(ledger).state, stored(ledger).not_before) == ("accepted", later)
        assert ledger.intend("training-i1", later, DEADLINE)
        assert stored(ledger).not_before is None

    @pytest.mark.parametrize("state", ["rejected", "unknown"])
    def test_an_intent_ends(self, ledger: Ledger, state: Literal["rejected", "unknown"]) -> None:
        ledger.fail("training-i1", state)
        assert stored(ledger).state == "accepted", "it was never intended"
        ledger.intend("training-i1", NOON, DEADLINE)
        ledger.fail("training-i1", state)
        assert stored(ledger).state == state
        assert not ledger.intend("training-i1", NOON, DEADLINE)

    def test_what_has_a_handle_or_was_refused_is_not_taken_back(self, ledger: Ledger) -> None:
        ledger.intend("training-i1", NOON, DEADLINE)
        ledger.submitted("training-i1", self.HANDLE)
        ledger.withdraw("training-i1", NOON, None)
        assert stored(ledger).state == "submitted"

    def test_a_later_intent_is_not_taken_back_with_an_earlier_one(self, ledger: Ledger) -> None:
        later = NOON + timedelta(minutes=2)
        ledger.intend("training-i1", NOON, DEADLINE)
        ledger.withdraw("training-i1", NOON, None)
        ledger.intend("training-i1", later, DEADLINE)
        ledger.withdraw("training-i1", NOON, None)
        assert (stored(ledger).state, stored(ledger).intended_at) == ("intended", later)

    @pytest.mark.parametrize(
        ("settlement", "spent"),
        [
            (Settlement("committed", 1_000_000, 1_000_000), (0, 1, 0, 1)),
            (Settlement("committed", None, 2_000_000), (0, 2, 2, 1)),
            (Settlement("released", 0, 0), (0, 0, 0, 1)),
        ],
    )
    def test_money_is_settled_once(
        self, stores: Stores, settlement: Settlement, spent: tuple[int, int, int, int]
    ) -> None:
        stores.accept(a_job())
        assert stores.ledger.settle(a_job(), settlement)
        assert not stores.ledger.settle(a_job(), Settlement("committed", 5, 5))
        assert stores.spent() == spent
        job = stored(stores.ledger)
        assert (job.money, job.cost_microusd, job.open) == (
            settlement.money,
            settlement.cost_microusd,
            False,
        )

    def test_money_is_not_settled_by_what_was_known_before(self, stores: Stores) -> None:
        stores.accept(a_job())
        stores.ledger.intend("training-i1", NOON, DEADLINE)
        assert not stores.ledger.settle(a_job(), Settlement("released", 0, 0))
        assert stores.spent() == (2, 0, 0, 1)
        assert stores.ledger.settle(a_job(state="intended"), Settlement("committed", 1, 1))

    def test_what_is_settled_is_not_ordered_any_more(self, stores: Stores) -> None:
        stores.accept(a_job())
        stores.ledger.settle(a_job(), Settlement("released", 0, 0))
        assert not stores.ledger.intend("training-i1", NOON, DEADLINE)

    def test_what_the_provider_bills_is_kept_until_then(self, stores: Stores) -> None:
        stores.accept(a_job())
        stores.ledger.report_cost("training-i1", 7)
        stores.ledger.settle(a_job(), Settlement("committed", 7, 7))
        stores.ledger.report_cost("training-i1", 8)
        assert stored(stores.ledger).reported_microusd == 7

    def test_callback_wakes_who_waits(self, ledger: Ledger) -> None:
        assert ledger.register_waiter("training-i1", "token")
        assert ledger.record_callback("training-i1") == "token"

    def test_callback_that_comes_first_is_not_lost(self, ledger: Ledger) -> None:
        assert ledger.record_callback("training-i1") is None
        assert not ledger.register_waiter("training-i1", "token")
        assert ledger.consume_callback("training-i1") == a_job(callback_pending=True)
        assert ledger.register_waiter("training-i1", "token")

    def test_a_token_of_an_earlier_wait_is_not_used_again(self, ledger: Ledger) -> None:
        ledger.register_waiter("training-i1", "token")
        ledger.consume_callback("training-i1")
        assert ledger.record_callback("training-i1") is None

    def test_a_settled_job_has_no_callback(self, stores: Stores) -> None:
        stores.accept(a_job())
        stores.ledger.register_waiter("training-i1", "token")
        stores.ledger.settle(a_job(), Settlement("released", 0, 0))
        assert stores.ledger.record_callback("training-i1") is None

    def test_a_further_run_is_counted_once(self, stores: Stores) -> None:
        stores.accept(a_job())
        assert stores.ledger.run_again(a_job(), NOON)
        assert not stores.ledger.run_again(a_job(), NOON)
        assert stored(stores.ledger).runs == 2
        stores.ledger.settle(a_job(), Settlement("released", 0, 0))
        assert not stores.ledger.run_again(a_job(runs=2), NOON)

    def test_an_unknown_job(self, ledger: Ledger) -> None:
        assert ledger.get("training-i2") is None
        assert ledger.consume_callback("training-i2") is None
        assert ledger.record_callback("training-i2") is None


class TestTrainedWeights:
    def test_weights_are_found_by_their_owner_only(self, trained_weights: TrainedWeights) -> None:
        trained_weights.remember("ann", "m", "i1")
        assert trained_weights.find("ann", "m") == "i1"
        assert trained_weights.find("bob", "m") is None
        assert trained_weights.find("ann", "n") is None


class TestSlots:
    """An account's slots."""

    HELD, WAITS = a_lease("held"), a_lease("waits", owner="bob", priority="batch")

    def test_an_account_begins_with_nothing(self, slots: SlotStore) -> None:
        assert slots.get("fal") == Slots(limit=2)
        assert (slots.is_limited("fal"), slots.is_limited("astria")) == (True, False)

    def test_what_is_stored_is_read(self, slots: SlotStore) -> None:
        old = slots.get("fal")
        lowered = {"lowered_to": 1, "lowered_until": NOON}
        assert slots.replace("fal", old, old.model_copy(update={"holders": (self.HELD,), **lowered}))
        for _ in range(2):
            slots.wait("fal", self.WAITS)
        read = slots.get("fal")
        assert (read.holders, read.waiting, read.version) == ((self.HELD,), (self.WAITS,), 1)
        assert (read.lowered_to, read.lowered_until) == (1, NOON)

    def test_who_read_before_another_wrote_changes_nothing(self, slots: SlotStore) -> None:
        for _ in range(2):
            old = slots.get("fal")
            assert slots.replace("fal", old, old.model_copy(update={"holders": (self.HELD,)}))
            assert not slots.replace("fal", old, old.model_copy(update={"holders": ()}))
        assert (slots.get("fal").holders, slots.get("fal").version) == ((self.HELD,), 2)

    def test_the_line_is_kept_while_slots_change(self, slots: SlotStore) -> None:
        old = slots.get("fal")
        slots.wait("fal", self.WAITS)
        assert slots.replace("fal", old, old.model_copy(update={"holders": (self.HELD,)}))
        assert slots.get("fal").waiting == (self.WAITS,)

    def test_who_leaves_is_gone(self, slots: SlotStore) -> None:
        slots.wait("fal", self.WAITS)
        for _ in range(2):
            slots.leave("fal", self.WAITS.job_id)
        assert slots.get("fal").waiting == ()


class TestDeadlines:
    """When nobody waits any more for a job."""

    def test_they_begin_with_the_intent(self, stores: Stores) -> None:
        stores.accept(a_job())
        stores.ledger.intend("training-i1", NOON, NOON + timedelta(hours=3))
        job = stores.ledger.get("training-i1")
        assert job is not None and job.deadline_at == NOON + timedelta(hours=3)

    def test_they_are_moved_while_a_job_is_open(self, stores: Stores) -> None:
        stores.accept(a_job())
        stores.ledger.postpone("training-i1", NOON + timedelta(hours=4))
        job = stores.ledger.get("training-i1")
        assert job is not None and job.deadline_at == NOON + timedelta(hours=4)
        stores.ledger.settle(job, Settlement("released", 0, 0))
        stores.ledger.postpone("training-i1", NOON + timedelta(hours=5))
        settled = stores.ledger.get("training-i1")
        assert settled is not None and settled.deadline_at == NOON + timedelta(hours=4)


class TestDroppedJobs:
    """Cancelled before the provider did anything that it bills."""

    def test_a_job_that_was_submitted_is_dropped(self, stores: Stores) -> None:
        stores.accept(a_job())
        stores.ledger.drop("training-i1")
        assert [job.state for job in [stores.ledger.get("training-i1")] if job] == ["accepted"]
        stores.ledger.intend("training-i1", NOON, DEADLINE)
        stores.ledger.submitted("training-i1", JobHandle(provider_job_id="job-1"))
        stores.ledger.drop("training-i1")
        job = stores.ledger.get("training-i1")
        assert job is not None and job.state == "dropped"
        assert settlement_of(job).money == "released"
