from typing import Any

import pytest

from character_identity.domain.errors import (
    BudgetExceeded,
    InvalidRequest,
    NotFound,
    TooManyIdentities,
)
from character_identity.domain.identity import Identity
from character_identity.domain.page import Window
from character_identity.services.identities import IdentityService
from character_identity.services.intakes import ABANDONED_AFTER
from character_identity.services.jobs.callbacks import CallbackService
from character_identity.services.orders import OrderService
from character_identity.services.references import ReferenceService
from tests.support.builders import NOON, an_identity, an_image
from tests.support.erasure_fakes import intakes
from tests.support.event_fakes import FakeEvents
from tests.support.fakes import (
    FakeAnalyzer,
    FakeBucket,
    FakeIdentities,
    FakeLedger,
    FakeMedia,
    FakeProvider,
    FakeProviders,
    FakeWorkflows,
    event_service,
)

LINKS = ["https://a.test/1.jpg", "https://a.test/2.jpg"]


class Harness:
    def __init__(self) -> None:
        self.ledger, self.events = FakeLedger(), FakeEvents()
        bobs = an_identity(identity_id="bobs", owner="bob")
        self.identities = FakeIdentities(bobs, ledger=self.ledger, events=self.events)
        self.bucket = FakeBucket()
        self.workflows = FakeWorkflows()
        self.analyzer = FakeAnalyzer(1)
        media = FakeMedia(**{link: an_image(colour=(90 * n, 80, 40)) for n, link in enumerate(LINKS)})
        self.providers = FakeProviders(FakeProvider("fal-lora"), FakeProvider("fal-instant", trains=False))
        self.intakes = intakes(self.bucket, self.ledger, self.identities)
        self.service = IdentityService(
            self.identities,
            ReferenceService(
                bucket=self.bucket,
                media=media,
                analyzer=self.analyzer,
                intakes=self.intakes,
                new_id=lambda: "u",
            ),
            self.providers,
            OrderService(self.ledger, lambda: NOON, lambda: "secret"),
            self.workflows,
            event_service(self.events),
            CallbackService(self.ledger, self.workflows, self.providers),
            lambda: NOON,
            lambda: "new",
        )


def test_a_provider_that_trains_is_started() -> None:
    harness = Harness()
    identity = harness.service.create("ann", "Sarah", "fal-lora", LINKS, "woman")
    assert (identity.status, identity.phase, identity.progress) == ("training", "preparing", 0)
    (job,) = harness.workflows.started
    assert (job.job_id, job.owner, job.provider, job.callback_token) == (
        "training-new",
        "ann",
        "fal-lora",
        "secret",
    )
    assert harness.ledger.get("training-new") == job
    assert harness.service.get("ann", "new") == identity


def test_a_provider_that_does_not_train_is_ready_at_once_and_free() -> None:
    harness = Harness()
    identity = harness.service.create("ann", "Sarah", "fal-instant", LINKS, "woman")
    assert (identity.status, identity.progress, identity.cost_usd) == ("ready", 100, 0.0)
    assert harness.workflows.started == []
    assert [event.type for event in harness.events.stored.values()] == ["IdentityReady"]
    assert harness.events.open == set()


def test_an_unknown_provider_is_refused_before_anything_is_stored() -> None:
    harness = Harness()
    with pytest.raises(InvalidRequest) as caught:
        harness.service.create("ann", "Sarah", "dall-e", LINKS, "woman")
    assert caught.value.code == "unknown_provider"
    assert harness.service.list("ann", Window()).entries == []


@pytest.mark.parametrize("identity_id", ["bobs", "nobodys"])
def test_another_owners_identity_answers_like_an_unknown_one(identity_id: str) -> None:
    with pytest.raises(NotFound) as caught:
        Harness().service.get("ann", identity_id)
    assert caught.value.code == "unknown_identity"


def test_the_main_reference_is_chosen_once_where_a_provider_takes_one() -> None:
    harness = Harness()
    identity = harness.service.create("ann", "Sarah", "fal-instant", LINKS, "woman")
    assert identity.main_reference == "references/new/0002.jpg"
    assert identity.references_main_first == ["references/new/0002.jpg", "references/new/0001.jpg"]
    assert harness.analyzer.asked == 1


@pytest.mark.parametrize(
    ("provider", "links", "main", "reference"),
    [
        ("fal-instant", LINKS, LINKS[0], "references/new/0001.jpg"),
        ("fal-lora", LINKS, None, None),
    ],
)
def test_a_named_one_is_the_main_reference_and_a_training_has_none(
    provider: str, links: list[str], main: str | None, reference: str | None
) -> None:
    harness = Harness()
    identity = harness.service.create("ann", "Sarah", provider, links, "woman", main=main)
    assert identity.main_reference == reference


def test_without_a_choice_the_first_reference_is_the_main_one() -> None:
    harness = Harness()
    harness.analyzer.number = None
    assert harness.service.create("ann", "Sarah", "fal-instant", LINKS, "woman").main_reference == (
        "references/new/0001.jpg"
    )


def test_a_main_reference_that_is_not_among_them_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        Harness().service.create("ann", "Sarah", "fal-instant", LINKS, "woman", main="https://a.test/9.jpg")
    assert caught.value.code == "unknown_reference"


@pytest.mark.parametrize("mock", [True, False])
def test_an_identity_remembers_that_it_is_a_mock(mock: bool) -> None:
    harness = Harness()
    harness.providers["fal-lora"].mock = mock
    assert harness.service.create("ann", "Sarah", "fal-lora", LINKS, "woman").mock is mock


def test_a_training_beyond_the_budget_is_refused_and_nothing_is_stored() -> None:
    harness = Harness()
    harness.ledger.limits["ann"] = 1_000_000
    with pytest.raises(BudgetExceeded):
        harness.service.create("ann", "Sarah", "fal-lora", LINKS, "woman")
    assert (
        harness.service.list("ann", Window()).entries,
        harness.bucket.objects,
        harness.workflows.started,
    ) == ([], {}, [])


@pytest.mark.parametrize(
    ("provider", "refusal"),
    [
        ("fal-lora", BudgetExceeded.for_order()),
        ("fal-lora", TooManyIdentities(5)),
        ("fal-instant", TooManyIdentities(5)),
        ("fal-lora", ConnectionError("the table is away, or this function has no time left")),
    ],
    ids=["budget", "too many", "too many instant", "dies"],
)
def test_what_is_not_stored_after_all_leaves_no_references(provider: str, refusal: Exception) -> None:
    harness = Harness()

    def refuse(identity: Identity, *_: Any, **__: Any) -> None:
        raise refusal

    harness.identities.add = refuse  # type: ignore[method-assign]
    with pytest.raises(type(refusal)):
        harness.service.create("ann", "Sarah", provider, LINKS, "woman")
    assert harness.ledger.intakes == {"new": ("ann", NOON + ABANDONED_AFTER)}, "the sweep takes it up"
    harness.intakes.end("new")
    assert harness.bucket.objects == {}


@pytest.mark.parametrize("provider", ["fal-lora", "fal-instant"])
def test_who_is_stored_keeps_its_references(provider: str) -> None:
    harness = Harness()
    identity = harness.service.create("ann", "Sarah", provider, LINKS, "woman")
    assert harness.ledger.intakes == {}
    harness.intakes.end("new")
    assert [*harness.bucket.objects] == identity.references


def test_pictures_that_are_refused_are_not_noted() -> None:
    harness = Harness()
    with pytest.raises(InvalidRequest):
        harness.service.create("ann", "Sarah", "fal-lora", LINKS[:1], "woman")
    assert (harness.ledger.intakes, harness.bucket.objects) == ({}, {})


def test_a_cancelled_training_is_failed_told_and_polled_at_once() -> None:
    harness = Harness()
    harness.service.create("ann", "Sarah", "fal-lora", LINKS, "woman")
    harness.ledger.register_waiter("training-new", "token")
    for _ in range(2):
        identity = harness.service.cancel("ann", "new")
    assert (identity.status, identity.error and identity.error.code) == ("failed", "cancelled")
    assert harness.workflows.woken == ["token"]
    assert [event.type for event in harness.events.stored.values()] == ["IdentityFailed"]


def test_a_training_is_cancelled_though_its_machine_cannot_be_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks by itself within a minute."""
    harness = Harness()
    harness.service.create("ann", "Sarah", "fal-lora", LINKS, "woman")
    harness.ledger.register_waiter("training-new", "token")

    def refuse(token: str) -> None:
        raise ConnectionError("ThrottlingException")

    monkeypatch.setattr(harness.workflows, "wake", refuse)
    identity = harness.service.cancel("ann", "new")
    assert (identity.status, identity.error and identity.error.code) == ("failed", "cancelled")
    assert harness.ledger.pending == {"training-new"}, "its machine sees it"
    assert harness.events.open == set(), "its event is published all the same"


def test_what_is_ready_is_not_cancelled() -> None:
    harness = Harness()
    harness.service.create("ann", "Sarah", "fal-instant", LINKS, "woman")
    assert harness.service.cancel("ann", "new").status == "ready"
