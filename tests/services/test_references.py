from itertools import count

import pytest

from character_identity.domain.errors import InvalidRequest, ProviderRejected
from character_identity.ports import ReferenceLimits
from character_identity.services.references import MAX_BYTES, ReferenceService
from tests.builders import a_picture
from tests.fakes import FakeBucket, FakeMedia

LIMITS = ReferenceLimits(2, 3)


class World:
    def __init__(self) -> None:
        ids = count(1)
        self.bucket = FakeBucket()
        self.media = FakeMedia()
        self.service = ReferenceService(self.bucket, self.media, lambda: f"id{next(ids)}")

    def uploaded(self, content: bytes, owner: str = "ann") -> str:
        key = self.service.upload_ticket(owner, "image/jpeg", 100).key
        self.bucket.objects[key] = content
        return key

    def stored(self) -> list[str]:
        return self.bucket.list_keys("references/")


def test_uploads_and_links_are_stored_in_order() -> None:
    world = World()
    world.media.files["https://a.test/b.png"] = a_picture(colour="blue", image_format="PNG")
    keys = world.service.take_in("ann", "i1", [world.uploaded(a_picture()), "https://a.test/b.png"], LIMITS)
    assert keys == world.stored() == ["references/i1/0001.jpg", "references/i1/0002.jpg"]


@pytest.mark.parametrize(
    ("number", "code"), [(0, "too_few_references"), (1, "too_few_references"), (4, "too_many_references")]
)
def test_the_number_of_references_is_bounded(number: int, code: str) -> None:
    world = World()
    with pytest.raises(InvalidRequest) as caught:
        world.service.take_in("ann", "i1", [world.uploaded(a_picture()) for _ in range(number)], LIMITS)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"%PDF-1.7", "unreadable_image"),
        (a_picture()[:200], "unreadable_image"),
        (a_picture(width=100), "image_too_small"),
        (a_picture(image_format="BMP"), "unreadable_image"),
    ],
)
def test_one_bad_picture_refuses_all_and_stores_nothing(content: bytes, code: str) -> None:
    world = World()
    with pytest.raises(InvalidRequest) as caught:
        world.service.take_in("ann", "i1", [world.uploaded(a_picture()), world.uploaded(content)], LIMITS)
    assert (caught.value.code, world.stored()) == (code, [])


def test_another_owners_upload_is_as_unknown_as_none() -> None:
    world = World()
    other, missing = world.uploaded(a_picture(), owner="bob"), world.uploaded(a_picture())
    del world.bucket.objects[missing]
    for source in (other, missing, "references/i1/0001.jpg"):
        with pytest.raises(InvalidRequest) as caught:
            world.service.take_in("ann", "i1", [source, source], LIMITS)
        assert caught.value.code == "unknown_reference"


def test_a_link_that_answers_nothing_is_the_callers_to_mend_and_its_signature_is_not_shown() -> None:
    world = World()
    link = "https://a.test/b.jpg?X-Signature=secret"
    world.media.files[link] = ProviderRejected("media host", "a.test answered 404")
    with pytest.raises(InvalidRequest) as caught:
        world.service.take_in("ann", "i1", [link, link], LIMITS)
    assert caught.value.code == "unreachable_reference"
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("content_type", "size", "code"),
    [
        ("image/gif", 10, "unsupported_image_format"),
        ("image/png", 0, "image_too_large"),
        ("image/png", MAX_BYTES + 1, "image_too_large"),
    ],
)
def test_no_ticket_for_other_types_or_sizes(content_type: str, size: int, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        World().service.upload_ticket("ann", content_type, size)
    assert caught.value.code == code
