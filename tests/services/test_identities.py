import pytest

from character_identity.domain.errors import InvalidRequest, NotFound
from character_identity.services.identities import IdentityService
from character_identity.services.references import ReferenceService
from tests.builders import NOON, a_picture, an_identity
from tests.fakes import (
    FakeBucket,
    FakeChooser,
    FakeIdentities,
    FakeMedia,
    FakeProvider,
    FakeProviders,
    FakeWorkflows,
)

LINKS = ["https://a.test/1.jpg", "https://a.test/2.jpg"]


class World:
    def __init__(self) -> None:
        self.identities = FakeIdentities(an_identity(identity_id="bobs", owner="bob"))
        self.workflows = FakeWorkflows()
        self.chooser = FakeChooser(1)
        media = FakeMedia(**{link: a_picture() for link in LINKS})
        self.providers = FakeProviders(FakeProvider("fal-lora"), FakeProvider("fal-instant", trains=False))
        self.service = IdentityService(
            self.identities,
            ReferenceService(FakeBucket(), media, lambda: "u"),
            self.chooser,
            self.providers,
            self.workflows,
            lambda: NOON,
            lambda: "new",
        )


def test_a_provider_that_trains_is_started() -> None:
    world = World()
    identity = world.service.create("ann", "Sarah", "fal-lora", LINKS, "woman")
    assert (identity.status, identity.phase, identity.progress) == ("training", "preparing", 0)
    assert world.workflows.trainings == [{"identity_id": "new", "state": "preparing"}]
    assert world.service.get("ann", "new") == identity


def test_a_provider_that_does_not_train_is_ready_at_once_and_free() -> None:
    world = World()
    identity = world.service.create("ann", "Sarah", "fal-instant", LINKS, "woman")
    assert (identity.status, identity.progress, identity.cost_usd) == ("ready", 100, 0.0)
    assert world.workflows.trainings == []


def test_an_unknown_provider_is_refused_before_anything_is_stored() -> None:
    world = World()
    with pytest.raises(InvalidRequest) as caught:
        world.service.create("ann", "Sarah", "dall-e", LINKS, "woman")
    assert caught.value.code == "unknown_provider"
    assert world.service.list("ann") == []


@pytest.mark.parametrize("identity_id", ["bobs", "nobodys"])
def test_another_owners_identity_answers_like_an_unknown_one(identity_id: str) -> None:
    with pytest.raises(NotFound) as caught:
        World().service.get("ann", identity_id)
    assert caught.value.code == "unknown_identity"


def test_the_main_reference_is_chosen_once_where_a_provider_takes_one() -> None:
    world = World()
    identity = world.service.create("ann", "Sarah", "fal-instant", LINKS, "woman")
    assert identity.main_reference == "references/new/0002.jpg"
    assert identity.references_main_first == ["references/new/0002.jpg", "references/new/0001.jpg"]
    assert world.chooser.asked == 1


@pytest.mark.parametrize(
    ("provider", "links", "main", "reference"),
    [
        ("fal-instant", LINKS, LINKS[0], "references/new/0001.jpg"),
        ("fal-lora", LINKS, None, None),
    ],
)
def test_nobody_is_asked_when_it_is_named_or_not_needed(
    provider: str, links: list[str], main: str | None, reference: str | None
) -> None:
    world = World()
    identity = world.service.create("ann", "Sarah", provider, links, "woman", main=main)
    assert (identity.main_reference, world.chooser.asked) == (reference, 0)


def test_without_a_choice_the_first_reference_is_the_main_one() -> None:
    world = World()
    world.chooser.number = None
    assert world.service.create("ann", "Sarah", "fal-instant", LINKS, "woman").main_reference == (
        "references/new/0001.jpg"
    )


def test_a_main_reference_that_is_not_among_them_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        World().service.create("ann", "Sarah", "fal-instant", LINKS, "woman", main="https://a.test/9.jpg")
    assert caught.value.code == "unknown_reference"


@pytest.mark.parametrize("mock", [True, False])
def test_an_identity_remembers_that_it_is_a_mock(mock: bool) -> None:
    world = World()
    world.providers["fal-lora"].mock = mock
    assert world.service.create("ann", "Sarah", "fal-lora", LINKS, "woman").mock is mock
