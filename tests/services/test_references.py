from hashlib import sha256
from io import BytesIO
from itertools import count

import pytest
from PIL import Image, ImageOps, ImageStat

from character_identity.domain.errors import InvalidRequest, ProviderRejected
from character_identity.domain.finding import Finding
from character_identity.domain.reference_set import Looks
from character_identity.ports import ReferenceLimits
from character_identity.providers.astria import Astria
from character_identity.providers.fal_flux_lora import FalFluxLora
from character_identity.services.references import MAX_BYTES, MAX_REFERENCES, ReferenceService, Source
from local.photographs import CHELSEA, EILEEN, VIEWS, look
from tests.builders import a_picture, different_pictures
from tests.fakes import FakeBucket, FakeLooker, FakeMedia

LIMITS = ReferenceLimits(2, 3)
MANY = ReferenceLimits(4, 20)
SHARP_VIEWS = [0, 2, 3, 5, 7]


class World:
    def __init__(self, looker: FakeLooker | None = None) -> None:
        ids = count(1)
        self.bucket = FakeBucket()
        self.media = FakeMedia()
        self.looker = looker or FakeLooker()
        self.service = ReferenceService(self.bucket, self.media, self.looker, lambda: f"id{next(ids)}")

    def uploaded(self, content: bytes, owner: str = "ann") -> str:
        key = self.service.upload_ticket(owner, "image/jpeg", 100).key
        self.bucket.objects[key] = content
        return key

    def uploads(self, count: int) -> list[Source]:
        return [self.uploaded(picture) for picture in different_pictures(count)]

    def stored(self) -> list[str]:
        return self.bucket.list_keys("references/")

    def check(self, sources: list[Source], limits: ReferenceLimits | None = LIMITS) -> list[Finding]:
        return self.service.check("ann", sources, limits)

    def refusal(self, sources: list[Source], limits: ReferenceLimits = LIMITS) -> InvalidRequest:
        """What taking in is refused with; by then nothing is stored."""
        with pytest.raises(InvalidRequest) as caught:
            self.service.take_in("ann", "i1", sources, limits)
        assert self.stored() == []
        return caught.value


def told(findings: list[Finding]) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.reference) for finding in findings]


def saved(image: Image.Image, quality: int = 90) -> bytes:
    out = BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def strongest_band(jpeg: bytes) -> str:
    with Image.open(BytesIO(jpeg)) as image:
        return max(zip(ImageStat.Stat(image).mean, image.getbands(), strict=True))[1]


def views() -> list[bytes]:
    """Sharp and different pictures of one person."""
    with Image.open(EILEEN.path) as image:
        return [saved(look(image, EILEEN, VIEWS[number])) for number in SHARP_VIEWS]


def test_uploads_links_and_pictures_are_stored_in_order() -> None:
    world = World()
    world.media.files["https://a.test/b.png"] = a_picture(colour="blue", image_format="PNG")
    sources: list[Source] = [world.uploaded(a_picture()), "https://a.test/b.png", a_picture(colour="green")]
    taken = world.service.take_in("ann", "i1", sources, LIMITS)
    assert taken.keys == world.stored() == [f"references/i1/000{number}.jpg" for number in (1, 2, 3)]
    assert [strongest_band(world.bucket.objects[key]) for key in taken.keys] == ["R", "B", "G"]


def test_the_hash_of_a_stored_picture_is_that_of_its_bytes() -> None:
    world = World()
    taken = world.service.take_in("ann", "i1", world.uploads(3), LIMITS)
    assert taken.sha256s == [sha256(world.bucket.objects[key]).hexdigest() for key in taken.keys]
    assert len(set(taken.sha256s)) == 3


@pytest.mark.parametrize(
    ("number", "code"), [(0, "too_few_references"), (1, "too_few_references"), (4, "too_many_references")]
)
def test_the_number_of_references_is_bounded(number: int, code: str) -> None:
    world = World()
    assert world.refusal(world.uploads(number)).code == code


def test_of_far_too_many_none_is_fetched() -> None:
    world = World()
    links: list[Source] = [f"https://a.test/{number}.jpg" for number in range(MAX_REFERENCES + 1)]
    for limits in (None, LIMITS, MANY):
        assert told(world.check(links, limits)) == [("too_many_references", None)]  # FakeMedia has none


def test_no_provider_takes_more_than_are_looked_at() -> None:
    assert max(Astria.references.maximum, FalFluxLora.references.maximum) <= MAX_REFERENCES


def test_a_copy_does_not_count_towards_the_minimum() -> None:
    world = World()
    error = world.refusal([world.uploaded(a_picture()), world.uploaded(a_picture())])
    assert error.code == "too_few_references"
    assert error.message == "At least 2 reference images are needed; of 2 that came 1 are different."


def test_a_copy_beside_enough_others_is_only_a_warning() -> None:
    world = World()
    sources = world.uploads(2)
    taken = world.service.take_in("ann", "i1", [*sources, sources[0]], LIMITS)
    assert ("duplicate_reference", 2) in told(taken.findings)
    assert len(taken.keys) == 3
    assert taken.sha256s[0] == taken.sha256s[2]
    assert len(world.looker.shown) == 2


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"%PDF-1.7", "unreadable_image"),
        (a_picture()[:200], "unreadable_image"),
        (a_picture(width=100), "image_too_small"),
        (a_picture(image_format="BMP"), "unreadable_image"),
        (a_picture(colour="black"), "black_image"),
    ],
)
def test_one_bad_picture_refuses_all_and_is_named(content: bytes, code: str) -> None:
    world = World()
    bad = world.uploaded(content)
    error = world.refusal([world.uploaded(a_picture()), bad])
    assert error.code == code
    assert error.message.startswith(f"{bad}: ")


def test_all_errors_are_told_and_errors_come_first() -> None:
    world = World()
    good = world.uploads(1)
    gone, small = "https://a.test/gone.jpg", world.uploaded(a_picture(width=100))
    world.media.files[gone] = ProviderRejected("media host", "a.test answered 404")
    error = world.refusal([*good, gone, small, b"GIF89a", good[0]], LIMITS)
    assert error.code == "unreachable_reference"
    found = [Finding.model_validate(finding) for finding in error.details]
    assert told(found)[:5] == [
        ("unreachable_reference", 1),
        ("image_too_small", 2),
        ("unreadable_image", 3),
        ("too_many_references", None),
        ("blurred", 0),
    ]
    assert told(found)[5:] == [("blurred", 4), ("duplicate_reference", 4)]
    assert all(finding.message and finding.advice for finding in found)


def test_a_picture_that_can_be_mended_may_still_be_one_of_the_different_ones() -> None:
    world = World()
    findings = world.check([world.uploaded(a_picture()), b"not a picture"])
    assert told(findings)[0] == ("unreadable_image", 1)
    assert "too_few_references" not in [finding.code for finding in findings]


def test_another_owners_upload_is_as_unknown_as_none() -> None:
    world = World()
    other, missing = world.uploaded(a_picture(), owner="bob"), world.uploaded(a_picture())
    del world.bucket.objects[missing]
    own = missing.rpartition("/")[0]
    for source in (other, missing, "references/i1/0001.jpg", f"{own}/{'a' * 2000}", f"{own}/a/b.jpg", own):
        assert told(world.check([source, source]))[:2] == [("unknown_reference", 0), ("unknown_reference", 1)]


def test_a_link_that_answers_nothing_is_the_callers_to_mend_and_its_signature_is_not_shown() -> None:
    world = World()
    link = "https://a.test/b.jpg?X-Signature=secret"
    world.media.files[link] = ProviderRejected("media host", "a.test answered 404")
    error = world.refusal([link, link])
    assert error.code == "unreachable_reference"
    assert "secret" not in f"{error.message}{error.details}"


def test_a_link_that_is_given_twice_is_fetched_once() -> None:
    class CountingMedia(FakeMedia):
        def fetch(self, url: str, limit_bytes: int) -> bytes:
            fetched.append(url)
            return super().fetch(url, limit_bytes)

    fetched: list[str] = []
    media, bucket = CountingMedia(), FakeBucket()
    link, other = "https://a.test/a.jpg", "https://a.test/b.jpg"
    media.files |= {link: a_picture(), other: a_picture(colour="blue")}
    service = ReferenceService(bucket, media, FakeLooker(), lambda: "id")
    assert len(service.take_in("ann", "i1", [link, other, link], LIMITS).keys) == 3
    assert fetched == [link, other]


def test_good_pictures_of_one_person_have_no_finding() -> None:
    world = World(FakeLooker(2))
    sources: list[Source] = [*views()]
    taken = world.service.take_in("ann", "i1", sources, MANY)
    assert (taken.findings, taken.most_central) == ([], 2)
    assert world.check(sources, MANY) == []


def test_what_happened_to_photographs_is_found() -> None:
    world = World()
    with Image.open(EILEEN.path) as image, Image.open(CHELSEA.path) as cat:
        portrait = image.convert("RGB")
        mirrored, again = saved(ImageOps.mirror(portrait)), saved(portrait, quality=40)
        cropped = saved(portrait.crop((51, 51, 461, 461)))
        dark = saved(cat.convert("RGB").point(lambda level: level // 5))
    sources: list[Source] = [EILEEN.path.read_bytes(), again, mirrored, cropped, dark]
    findings = world.check(sources, MANY)
    assert told(findings) == [("too_dark", 4), ("near_duplicate", 1), ("near_duplicate", 2)]
    assert findings[2].message == "references[0], mirrored."


def test_the_check_finds_what_taking_in_would_and_stores_nothing() -> None:
    world = World()
    sources = [*world.uploads(2), b"not a picture"]
    before = dict(world.bucket.objects)
    findings = world.check(sources)
    assert world.bucket.objects == before
    assert world.refusal(sources).details == [finding.model_dump(mode="json") for finding in findings]


def test_without_limits_any_number_will_do() -> None:
    world = World()
    for number in (1, 4):
        assert [f for f in world.check(world.uploads(number), None) if f.severity == "error"] == []


def test_what_the_encoder_sees_is_told_by_place_in_the_request() -> None:
    far, near = 0.1, 0.9
    alike = [
        [1 if one == other else far if 2 in (one, other) else near for other in range(4)] for one in range(4)
    ]
    world = World(FakeLooker(looks=Looks([1, 1, 0, 2], alike, "tiny")))
    first, second, third, fourth, *_ = views()
    findings = world.check([first, first, second, third, fourth], MANY)
    assert told(findings) == [
        ("duplicate_reference", 1),
        ("odd_one_out", 3),
        ("no_face", 3),
        ("several_faces", 4),
    ]


def test_the_encoder_is_shown_small_pictures() -> None:
    world = World()
    world.check([a_picture(3000, 2000), a_picture(400, 300)])
    assert [Image.open(BytesIO(picture)).size for picture in world.looker.shown] == [(512, 341), (400, 300)]


def test_when_nobody_can_look_the_answer_says_so_and_all_else_is_as_ever() -> None:
    world = World(FakeLooker(None))
    taken = world.service.take_in("ann", "i1", [*views()], MANY)
    assert told(taken.findings) == [("not_looked_at", None)]
    assert (len(taken.keys), taken.most_central) == (5, None)


def test_nobody_is_asked_to_look_at_nothing() -> None:
    world = World()
    assert "not_looked_at" not in [f.code for f in world.check([b"GIF89a", a_picture(colour="black")])]
    assert world.looker.asked == 0


def test_the_most_central_is_told_by_its_place_in_the_request() -> None:
    world = World(FakeLooker(1))
    first, second, third = different_pictures(3)
    assert world.service.take_in("ann", "i1", [first, first, second], LIMITS).most_central == 2
    assert world.service.take_in("ann", "i2", [third, first, second], LIMITS).most_central == 1


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
