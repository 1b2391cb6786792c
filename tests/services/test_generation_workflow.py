import hashlib
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from character_identity.domain.budget import usd
from character_identity.domain.errors import ProviderOutcomeUnknown, ProviderRejected, ProviderUnavailable
from character_identity.domain.generation import MAX_IMAGE_BYTES, Generation, ProducedImage
from character_identity.domain.identity import Identity
from character_identity.domain.job import LONGEST_WAIT, JobHandle, ProviderJob
from character_identity.domain.provenance import DIGITAL_SOURCE_TYPE
from character_identity.ports.providers import Found, GenerationStatus
from character_identity.services.jobs.callback_addresses import CallbackAddresses
from character_identity.services.jobs.generation import GenerationState, GenerationWorkflow
from character_identity.services.jobs.slots import SlotService
from tests.support.builders import (
    NO_LIMIT,
    NOON,
    a_generation,
    a_generation_job,
    a_job,
    an_identity,
    an_image,
    some_weights,
)
from tests.support.event_fakes import FakeEvents
from tests.support.fakes import (
    Clock,
    FakeBucket,
    FakeGenerations,
    FakeIdentities,
    FakeLedger,
    FakeMedia,
    FakeProvider,
    FakeProviders,
    FakeSlots,
    event_service,
    produced,
    slots_without_limit,
    unsigned,
)


class CountedGenerations(FakeGenerations):
    def __init__(self, *generations: Generation, **others: Any) -> None:
        super().__init__(*generations, **others)
        self.reads: list[str] = []

    def get(self, generation_id: str) -> Generation:
        self.reads.append(generation_id)
        return super().get(generation_id)


class CountedIdentities(FakeIdentities):
    def __init__(self, *identities: Identity) -> None:
        super().__init__(*identities)
        self.reads: list[str] = []

    def get(self, identity_id: str) -> Identity:
        self.reads.append(identity_id)
        return super().get(identity_id)


A_DEADLINE = timedelta(seconds=FakeProvider().images.deadline_s)
LATER = NOON + timedelta(days=2)


class Harness:
    state_now: GenerationState

    def __init__(self, slots: SlotService | None = None) -> None:
        self.clock = Clock()
        self.ledger, self.events = FakeLedger(), FakeEvents()
        self.ledger.accept(a_generation_job(), self.ledger.default_limit_microusd, NO_LIMIT)
        self.generations = CountedGenerations(a_generation(), ledger=self.ledger, events=self.events)
        self.identities = CountedIdentities(an_identity(weights=some_weights()))
        self.bucket = FakeBucket()
        self.media = FakeMedia(
            a=an_image(), b=an_image(image_format="PNG"), black=an_image(colour="black"), text=b"<html>"
        )
        self.media.files["gone"] = ProviderRejected("media host", "answered 404")
        self.media.files["down"] = ProviderUnavailable("media host", "answered 503")
        self.provider = FakeProvider()
        self.slots = slots or slots_without_limit(self.clock)
        self.service = GenerationWorkflow(
            self.generations,
            self.identities,
            self.ledger,
            self.bucket,
            self.media,
            FakeProviders(self.provider),
            self.slots,
            event_service(self.events),
            CallbackAddresses("off"),
            unsigned(self.clock),
            self.clock,
        )

    @property
    def job(self) -> ProviderJob:
        return self.ledger.rows["generation-g1"]

    @property
    def generation(self) -> Generation:
        return self.generations.get("g1")

    @property
    def spent_usd(self) -> tuple[float, float]:
        """Reserved and committed."""
        budget = self.ledger.of("ann", "2026-11")
        return usd(budget.reserved_microusd), usd(budget.committed_microusd)

    @property
    def state(self) -> GenerationState:
        """Where an execution begins."""
        deadline_at = self.ledger.rows["generation-g1"].deadline_at
        return GenerationState(job_id="generation-g1", state="queued", deadline_at=deadline_at)

    def submitted(self) -> GenerationState:
        return self.service.submit(self.service.prepare(self.state))

    def asked_for(self, count: int) -> None:
        request = self.generation.request.model_copy(update={"num_images": count})
        self.generations.stored["g1"] = self.generation.model_copy(update={"request": request})

    def stored(self, *images: ProducedImage) -> GenerationState:
        self.provider.generation_status = GenerationStatus("done", images=images, cost_usd=0.07)
        state = self.service.check(self.submitted())
        self.clock.pass_by(minutes=3)  # what cannot be had now is lost
        return self.service.store(state)


def test_the_happy_path_ends_with_images_of_our_own() -> None:
    harness = Harness()
    state = harness.service.record(harness.stored(*produced("a", "b")))
    assert (state.state, harness.generation.status, harness.generation.cost_usd) == (
        "succeeded",
        "succeeded",
        0.07,
    )
    assert harness.bucket.list_keys("") == ["generations/i1/g1/01.jpg", "generations/i1/g1/02.png"]
    assert [(image.outcome, image.seed, image.width) for image in harness.generation.images] == [
        ("succeeded", 7, 320),
        ("succeeded", 7, 320),
    ]


def test_what_is_stored_says_that_a_model_made_it_and_has_the_hash_of_these_bytes() -> None:
    harness = Harness()
    harness.stored(*produced("a", "b"))
    for image in harness.generation.images:
        content = harness.bucket.objects[image.key or ""]
        assert DIGITAL_SOURCE_TYPE.encode() in content
        assert image.sha256 == hashlib.sha256(content).hexdigest()


def test_the_order_carries_a_link_to_the_weights() -> None:
    harness = Harness()
    harness.submitted()
    (order,) = harness.provider.orders
    assert order.weights_link == "https://bucket.test/weights/i1/lora.safetensors?X-Amz-Signature=signed"


def test_an_order_reads_its_generation_and_its_identity_once() -> None:
    harness = Harness()
    prepared = harness.service.prepare(harness.state)
    harness.generations.reads.clear()
    harness.identities.reads.clear()
    harness.service.submit(prepared)
    assert (harness.generations.reads, harness.identities.reads) == (["g1"], ["i1"])


def test_references_are_put_where_the_provider_reads_them_until_they_are_ordered_from() -> None:
    harness = Harness()
    for _ in range(2):
        harness.service.submit(harness.service.prepare(harness.state))
    assert harness.provider.prepared == 1
    (order,) = harness.provider.orders
    assert order.reference_url == harness.generation.reference_url == "https://provider.test/1"


def test_references_that_waited_too_long_for_a_slot_are_put_there_again() -> None:
    harness = Harness()
    state = harness.service.prepare(harness.state)
    job = harness.ledger.rows["generation-g1"]
    harness.ledger.rows[job.job_id] = job.model_copy(update={"deadline_at": NOON + LONGEST_WAIT})
    harness.clock.pass_by(seconds=300)  # the deadline of a job, for two of which they live
    harness.service.submit(state)
    (order,) = harness.provider.orders
    assert order.reference_url == "https://provider.test/2"


def test_an_execution_that_began_before_there_was_preparation_is_prepared_when_it_orders() -> None:
    harness = Harness()
    state = harness.service.submit(harness.state)
    (order,) = harness.provider.orders
    assert (state.prepared_at, order.reference_url) == (harness.clock(), "https://provider.test/1")


def test_nothing_is_prepared_for_what_was_erased() -> None:
    harness = Harness()
    harness.generations.stored.clear()
    harness.service.prepare(harness.state)
    assert harness.provider.prepared == 0


def test_submitting_twice_pays_once() -> None:
    harness = Harness()
    harness.submitted()
    harness.submitted()
    assert harness.provider.paid_calls == 1


@pytest.mark.parametrize(
    ("image", "outcome"),
    [
        (ProducedImage(url="black"), "filtered"),
        (ProducedImage(url="a", filtered=True), "filtered"),
        (ProducedImage(url="text"), "failed"),
        (ProducedImage(url="gone"), "failed"),
    ],
)
def test_what_is_no_image_is_never_stored_and_the_others_are(image: ProducedImage, outcome: str) -> None:
    harness = Harness()
    state = harness.stored(image, *produced("a"))
    assert state.state == "succeeded"
    assert [image.outcome for image in harness.generation.images] == [outcome, "succeeded"]
    assert harness.bucket.list_keys("") == ["generations/i1/g1/02.jpg"]


@pytest.mark.parametrize(("url", "code"), [("black", "filtered"), ("text", "no_image")])
def test_without_any_image_the_generation_failed(url: str, code: str) -> None:
    harness = Harness()
    state = harness.service.record(harness.stored(*produced(url)))
    assert (state.state, harness.generation.status) == ("failed", "failed")
    assert harness.generation.error is not None
    assert harness.generation.error.code == code


@pytest.mark.parametrize("url", ["down", "gone", "text"])
def test_an_image_that_cannot_be_had_is_tried_again_and_the_others_are_kept(url: str) -> None:
    harness = Harness()
    state = harness.submitted()
    harness.provider.generation_status = GenerationStatus("done", images=produced(url, "a"))
    state = harness.service.check(state)
    with pytest.raises(ProviderUnavailable):
        harness.service.store(state)
    harness.media.files[url] = an_image()
    harness.media.files["a"] = AssertionError("it is ours already")
    assert harness.service.store(state).state == "succeeded"
    assert [image.outcome for image in harness.generation.images] == ["succeeded", "succeeded"]


@pytest.mark.parametrize("recovers", [True, False])
def test_what_lies_on_a_host_that_fails_is_parked_at_the_deadline_and_loses_no_other_picture(
    recovers: bool,
) -> None:
    harness = Harness()
    state = harness.submitted()
    harness.provider.generation_status = GenerationStatus("done", images=produced("down", "a"))
    state = harness.service.check(state)
    harness.clock.pass_by(seconds=A_DEADLINE.total_seconds() - 1)
    assert not state.links_may_recover(harness.clock())
    with pytest.raises(ProviderUnavailable):
        harness.service.store(state)
    assert harness.bucket.list_keys("") == ["generations/i1/g1/02.jpg"]
    harness.clock.pass_by(seconds=1)
    state = harness.service.record(harness.service.store(state))
    assert (state.state, harness.generation.status) == ("parked", "running")
    assert [image.outcome for image in harness.generation.images] == ["parked", "succeeded"]
    if recovers:
        harness.media.files["down"] = an_image()
    else:
        harness.clock.pass_by(hours=6)
    state = harness.service.check(harness.state)
    harness.clock.pass_by(minutes=3)  # so long links may recover
    assert harness.service.record(harness.service.store(state)).state == "succeeded"
    outcome = "succeeded" if recovers else "failed"
    assert [image.outcome for image in harness.generation.images] == [outcome, "succeeded"]
    assert recovers or "answered 503" in (harness.generation.images[0].reason or "")


def test_fewer_images_than_asked_for_are_reported() -> None:
    harness = Harness()
    harness.asked_for(3)
    assert harness.stored(*produced("a", "b")).state == "succeeded"
    assert [image.outcome for image in harness.generation.images] == ["succeeded", "succeeded", "failed"]
    assert harness.generation.warnings == ["The provider made 2 of 3 pictures."]


def test_an_image_without_an_address_keeps_its_place() -> None:
    harness = Harness()
    harness.stored(ProducedImage(url=None), *produced("a"))
    assert [(image.index, image.outcome) for image in harness.generation.images] == [
        (1, "failed"),
        (2, "succeeded"),
    ]


def test_pictures_in_the_answer_itself_lie_in_our_bucket_and_in_no_row() -> None:
    harness = Harness()
    harness.asked_for(3)
    urls = [f"data:image/png;base64,{b64encode(an_image()).decode()}", "data:image/png;base64,AAAA", "a"]
    state = harness.stored(*produced(*urls))
    assert state.state == "succeeded"
    assert [(image.index, image.outcome) for image in harness.generation.images] == [
        (1, "succeeded"),
        (2, "failed"),
        (3, "succeeded"),
    ]
    assert harness.generation.images[1].reason
    assert harness.bucket.list_keys("") == ["generations/i1/g1/01.jpg", "generations/i1/g1/03.jpg"]
    assert "base64" not in harness.generation.model_dump_json()


def test_an_image_over_the_cap_is_not_stored() -> None:
    harness = Harness()
    harness.media.files |= {
        name: an_image().ljust(size, b"\0")
        for name, size in {"largest": MAX_IMAGE_BYTES, "larger": MAX_IMAGE_BYTES + 1}.items()
    }
    harness.stored(*produced("largest", "larger"))
    assert [image.outcome for image in harness.generation.images] == ["succeeded", "failed"]


def test_an_order_whose_answer_was_lost_waits_and_ends_at_the_deadline() -> None:
    harness = Harness()

    def cut() -> None:
        raise ProviderOutcomeUnknown("fal", "cut")

    harness.provider.on_submit = cut
    state = harness.submitted()
    state = harness.service.check(state)
    assert (state.state, len(harness.provider.orders)) == ("running", 1)
    harness.clock.pass_by(minutes=5)
    harness.service.record(harness.service.check(state))
    assert harness.generation.error is not None
    assert harness.generation.error.code == "provider_outcome_unknown"
    assert harness.spent_usd == (0, 0.1)


def test_an_order_whose_answer_was_lost_is_looked_up_and_made_again_only_if_it_is_not_there() -> None:
    harness = Harness()

    def cut() -> None:
        raise ProviderOutcomeUnknown("astria", "cut")

    harness.provider.on_submit, harness.provider.supports_lookup = cut, True
    state = harness.service.check(harness.submitted())
    assert state.state == "running"
    for expected in ("running", "unsubmitted"):  # for a list may lag
        harness.clock.pass_by(minutes=2)
        state = harness.service.check(state)
        assert state.state == expected
    state = harness.service.submit(state)
    assert (state.state, harness.ledger.rows["generation-g1"].state) == ("running", "unknown")
    handle = JobHandle(provider_job_id="found")
    harness.provider.found = Found(certain=(handle,))
    assert harness.service.check(state).state == "running"
    assert harness.ledger.rows["generation-g1"].handle == handle


@pytest.mark.parametrize("when", ["after the order", "while the pictures come"])
def test_an_erased_generation_leaves_nothing(when: str) -> None:
    harness = Harness()
    state = harness.submitted()
    if when == "after the order":
        harness.generations.stored.clear()
        harness.provider.cancels = "finished"
        state = harness.service.check(state)
        assert [handle.provider_job_id for handle in harness.provider.erased] == ["job-1"]
    else:
        harness.provider.generation_status = GenerationStatus("done", images=produced("a"))
        state = harness.service.check(state)
        fetch = harness.media.fetch

        def fetch_and_erase(url: str, limit_bytes: int, timeout_s: float = 20) -> bytes:
            harness.generations.stored.clear()
            return fetch(url, limit_bytes)

        harness.media.fetch = fetch_and_erase  # type: ignore[method-assign]
        state = harness.service.store(state)
    state = harness.service.record(state)
    assert (state.state, (state.error or {})["code"]) == ("cancelled", "erased")
    assert harness.bucket.objects == {}
    assert harness.spent_usd[0] == 0


def test_a_settled_generation_is_reported_and_its_money_settled_once() -> None:
    harness = Harness()
    state = harness.stored(*produced("a"))
    for _ in range(2):
        assert harness.service.record(state).state == "succeeded"
    assert [event.type for event in harness.events.stored.values()] == ["GenerationCompleted"]
    assert (harness.events.open, harness.spent_usd) == (set(), (0, 0.07))


def test_past_the_deadline_a_generation_is_failed() -> None:
    harness = Harness()
    state = harness.submitted()
    assert harness.service.check(state).state == "running"
    harness.clock.pass_by(seconds=300)
    state = harness.service.check(state)
    assert (state.state, state.poll_seconds) == ("running", 30), "it may be about to stop"
    harness.clock.pass_by(minutes=5)
    assert harness.service.check(state).error == {
        "code": "deadline_exceeded",
        "message": "The generation did not end before its deadline.",
    }


def test_a_generation_that_the_provider_failed_says_why() -> None:
    harness = Harness()
    state = harness.submitted()
    harness.provider.generation_status = GenerationStatus("failed", reason="content policy")
    harness.service.record(harness.service.check(state))
    assert harness.generation.error is not None
    assert harness.generation.error.message == "content policy"


@pytest.mark.parametrize(("bill_usd", "counted"), [(0, 0), (0.07, 0.07), (None, 0.1)])
def test_a_failure_that_the_provider_bills_nothing_for_costs_nothing(
    bill_usd: float | None, counted: float
) -> None:
    harness = Harness()
    state = harness.submitted()
    harness.provider.generation_status = GenerationStatus("failed", reason="refused", cost_usd=bill_usd)
    for _ in range(2):
        harness.service.record(harness.service.check(state))
    assert harness.spent_usd == (0, counted)
    assert (harness.generation.cost_usd, harness.generation.cost_is_implausible) == (counted, False)


def test_a_settled_generation_is_not_settled_again() -> None:
    harness = Harness()
    harness.service.record(harness.stored(*produced("a")))
    late = GenerationState(job_id="generation-g1", state="failed", error={"code": "x", "message": "late"})
    assert harness.service.record(late).state == "succeeded"
    assert harness.generation.error is None


class TestDeadlines:
    """When a job that was ordered is given up, and what becomes of it at the provider."""

    def harness(self) -> Harness:
        harness = Harness()
        harness.state_now = harness.submitted()
        return harness

    def says(self, harness: Harness, state: str, place: int | None = None) -> GenerationState:
        harness.provider.generation_status = GenerationStatus(state, queue_position=place)  # type: ignore[arg-type]
        harness.state_now = harness.service.check(harness.state_now)
        return harness.state_now

    def test_the_deadline_runs_from_the_order(self) -> None:
        harness = Harness()
        harness.clock.pass_by(minutes=4)
        harness.submitted()
        assert harness.job.deadline_at == harness.clock() + A_DEADLINE

    def test_each_step_forward_in_the_providers_queue_is_a_new_beginning(self) -> None:
        harness = self.harness()
        for place in (5, 3, 0):
            harness.clock.pass_by(minutes=4)
            assert self.says(harness, "queued", place).state == "running"
            assert harness.job.deadline_at == harness.clock() + A_DEADLINE
        harness.clock.pass_by(minutes=4)
        self.says(harness, "running")
        started = harness.clock()
        harness.clock.pass_by(minutes=4)
        self.says(harness, "running")
        assert harness.job.deadline_at == started + A_DEADLINE

    def test_a_place_that_is_not_told_at_first_does_not_hide_the_steps_forward(self) -> None:
        harness = self.harness()
        self.says(harness, "queued")
        for place in (3, 2):
            harness.clock.pass_by(minutes=4)
            self.says(harness, "queued", place)
            assert harness.job.deadline_at == harness.clock() + A_DEADLINE

    def test_the_start_is_a_new_beginning_where_nobody_says_how_many_are_before(self) -> None:
        harness = self.harness()
        ordered_until = harness.job.deadline_at
        for _ in range(2):
            harness.clock.pass_by(minutes=2)
            self.says(harness, "queued")
            assert harness.job.deadline_at == ordered_until
        for _ in range(2):
            self.says(harness, "running")
            assert harness.job.deadline_at == ordered_until + timedelta(minutes=4)
            harness.clock.pass_by(minutes=2)

    @pytest.mark.parametrize("places", [(5, 5), (5, 6), (None, None)])
    def test_who_stands_still_is_given_up(self, places: tuple[int | None, int | None]) -> None:
        harness = self.harness()
        self.says(harness, "queued", places[0])
        harness.clock.pass_by(seconds=A_DEADLINE.total_seconds() + 1)
        harness.provider.cancels = "dropped"
        assert (self.says(harness, "queued", places[1]).error or {})["code"] == "deadline_exceeded"
        assert len(harness.provider.cancelled) == 1
        harness.service.record(harness.state_now)
        assert harness.spent_usd == (0, 0)

    def test_nobody_waits_longer_than_a_day(self) -> None:
        harness = self.harness()
        for place in range(400, 0, -1):
            harness.clock.pass_by(minutes=4)
            if self.says(harness, "queued", place).state == "failed":
                break
        assert LONGEST_WAIT <= harness.clock() - harness.job.accepted_at <= LONGEST_WAIT + 2 * A_DEADLINE

    def test_what_may_have_run_counts_as_spent(self) -> None:
        harness = self.harness()
        harness.clock.pass_by(seconds=A_DEADLINE.total_seconds() + 1)
        harness.provider.cancels = "asked"
        assert self.says(harness, "running").state == "running"
        harness.clock.pass_by(minutes=5)
        assert self.says(harness, "running").state == "failed"
        harness.service.record(harness.state_now)
        assert harness.spent_usd == (0, 0.1)

    def test_what_shows_only_later_that_it_stopped_in_time_costs_nothing(self) -> None:
        harness = self.harness()
        harness.clock.pass_by(seconds=A_DEADLINE.total_seconds() + 1)
        harness.provider.cancels = "asked"
        assert self.says(harness, "queued").state == "running"
        assert (self.says(harness, "cancelled").error or {})["code"] == "deadline_exceeded"
        harness.service.record(harness.state_now)
        assert harness.spent_usd == (0, 0)

    def test_what_was_finished_after_all_is_taken(self) -> None:
        harness = self.harness()
        harness.clock.pass_by(seconds=A_DEADLINE.total_seconds() + 1)
        harness.provider.cancels = "finished"
        assert (self.says(harness, "running").state, harness.state_now.poll_seconds) == ("running", 30)
        harness.provider.generation_status = GenerationStatus("done", images=produced("a"))
        assert harness.service.check(harness.state_now).state == "generated"

    def test_a_provider_that_does_not_stop_it_is_asked_for_some_minutes(self) -> None:
        harness = self.harness()
        harness.clock.pass_by(seconds=A_DEADLINE.total_seconds() + 1)
        harness.provider.cancels = "finished"
        while self.says(harness, "running").state == "running":
            harness.clock.pass_by(seconds=harness.state_now.poll_seconds)
        assert 8 <= len(harness.provider.cancelled) <= 12

    def test_what_somebody_else_cancelled_costs_nothing(self) -> None:
        harness = self.harness()
        assert self.says(harness, "cancelled").state == "failed"
        harness.service.record(harness.state_now)
        assert harness.spent_usd == (0, 0)


class TestSlots:
    """A job is ordered once it has a slot at its provider."""

    def harness(self) -> Harness:
        harness = Harness(SlotService(slots=FakeSlots(fal=1), wake=print, now=Clock()))
        assert harness.slots.acquire(a_job(), until=LATER, asks_again_by=LATER)
        return harness

    def test_without_one_it_waits_and_nothing_is_ordered(self) -> None:
        harness = self.harness()
        state = harness.submitted()
        assert (state.state, state.poll_seconds, harness.provider.orders) == ("waiting", 30, [])
        assert harness.service.check(state).state == "unsubmitted"

    @pytest.mark.parametrize(("priority", "longest_s"), [("interactive", 120), ("batch", 600)])
    def test_it_asks_again_ever_later_the_sooner_the_more_somebody_waits_for_it(
        self, priority: Any, longest_s: int
    ) -> None:
        harness = self.harness()
        harness.ledger.rows[harness.job.job_id] = harness.job.model_copy(
            update={"priority": priority, "deadline_at": LATER}
        )
        state, waits = harness.submitted(), []
        for _ in range(10):
            waits.append(state.poll_seconds)
            state = harness.service.submit(harness.service.check(state))
        assert waits == sorted(waits)
        assert (waits[0], waits[-1]) == (30, longest_s)

    def test_with_one_it_is_ordered_and_gives_it_back_when_the_provider_is_done(self) -> None:
        harness = self.harness()
        state = harness.service.check(harness.submitted())
        harness.slots.release(a_job())
        state = harness.service.submit(state)
        assert (state.state, len(harness.provider.orders)) == ("running", 1)
        assert not harness.slots.acquire(a_job(), until=LATER, asks_again_by=LATER)
        harness.provider.generation_status = GenerationStatus("done", images=produced("a"))
        assert harness.service.check(state).state == "generated"
        assert harness.slots.acquire(a_job(), until=LATER, asks_again_by=LATER)

    def test_who_waits_for_a_day_is_not_ordered(self) -> None:
        harness = self.harness()
        state = harness.submitted()
        harness.clock.time = harness.job.deadline_at
        state = harness.service.check(state)
        assert (state.error or {})["code"] == "not_ordered"
        harness.service.record(state)
        assert (harness.spent_usd, harness.provider.orders) == ((0, 0), [])

    def test_a_provider_that_is_busy_gets_fewer(self) -> None:
        harness = Harness(SlotService(slots=(store := FakeSlots(fal=5)), wake=print, now=Clock()))

        def busy() -> None:
            raise ProviderUnavailable("fal", "asks for fewer calls (429)", is_busy=True)

        harness.provider.on_submit = busy
        with pytest.raises(ProviderUnavailable):
            harness.submitted()
        assert store.get("fal").limit_at(harness.clock()) == 1
