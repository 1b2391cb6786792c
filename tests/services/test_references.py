import json
from dataclasses import asdict
from hashlib import sha256
from io import BytesIO
from itertools import count

import pytest
from PIL import Image, ImageOps, ImageStat

from character_identity.domain.errors import InvalidRequest, ProviderRejected
from character_identity.domain.finding import Finding
from character_identity.domain.reference_set import ReferenceAnalysis
from character_identity.images.decoding import KEPT_SIDE, PreparedImage, prepare
from character_identity.ports.providers import ReferenceLimits
from character_identity.providers.astria.adapter import Astria
from character_identity.providers.fal.flux_lora import FalFluxLora, training_archive
from character_identity.services import references
from character_identity.services.references import (
    DECODING_TIMEOUT_S,
    LONGEST_NAME,
    MAX_KEPT_BYTES,
    MAX_REFERENCES,
    NamedImage,
    ReferenceService,
    Source,
)
from character_identity.services.sources import MAX_BYTES, SET_TIMEOUT_S
from local.photographs import CHELSEA, EILEEN, VIEWS, view_of
from tests.support.builders import an_image, different_images
from tests.support.erasure_fakes import intakes
from tests.support.fakes import Clock, FakeAnalyzer, FakeBucket, FakeMedia

LIMITS = ReferenceLimits(2, 3)
MANY = ReferenceLimits(4, 20)
SHARP_VIEWS = [0, 2, 3, 5, 7]


class Harness:
    def __init__(self, analyzer: FakeAnalyzer | None = None) -> None:
        ids = count(1)
        self.bucket = FakeBucket()
        self.media = FakeMedia()
        self.analyzer = analyzer or FakeAnalyzer()
        self.service = ReferenceService(
            bucket=self.bucket,
            media=self.media,
            analyzer=self.analyzer,
            intakes=intakes(self.bucket),
            new_id=lambda: f"id{next(ids)}",
        )

    def uploaded(self, content: bytes, owner: str = "ann") -> str:
        key = self.service.upload_ticket(owner, "a.jpg", "image/jpeg", 100).key
        self.bucket.objects[key] = content
        return key

    def uploads(self, count: int) -> list[Source]:
        return [self.uploaded(image) for image in different_images(count)]

    def stored(self) -> list[str]:
        return self.bucket.list_keys("references/")

    def check(self, sources: list[Source], limits: ReferenceLimits | None = LIMITS) -> list[Finding]:
        return self.service.check("ann", sources, limits)

    def refusal(self, sources: list[Source], limits: ReferenceLimits = LIMITS) -> InvalidRequest:
        """Return the error with which taking in is refused; by then nothing is stored."""
        with pytest.raises(InvalidRequest) as caught:
            self.service.take_in("ann", "i1", sources, limits)
        assert self.stored() == []
        return caught.value


def located(findings: list[Finding]) -> list[tuple[str, int | None]]:
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
        return [saved(view_of(image, EILEEN, VIEWS[number])) for number in SHARP_VIEWS]


def test_as_many_images_as_are_taken_go_to_fal_in_one_archive() -> None:
    """Nothing takes more bytes than noise of full size."""
    harness = Harness()
    noise = Image.merge("RGB", [Image.effect_noise((KEPT_SIDE, KEPT_SIDE), 200) for _ in range(3)])
    [key] = harness.service.take_in("ann", "i1", [saved(noise, quality=95)], ReferenceLimits(1, 1)).keys
    archive = training_archive([(f"{number:04d}.jpg", harness.bucket.objects[key]) for number in range(20)])
    assert len(archive) < 90_000_000
    assert MAX_KEPT_BYTES * MAX_REFERENCES < 90_000_000


def test_uploads_links_and_images_are_stored_in_order() -> None:
    harness = Harness()
    harness.media.files["https://a.test/b.png"] = an_image(colour="blue", image_format="PNG")
    sources: list[Source] = [harness.uploaded(an_image()), "https://a.test/b.png", an_image(colour="green")]
    taken = harness.service.take_in("ann", "i1", sources, LIMITS)
    assert taken.keys == harness.stored() == [f"references/i1/000{number}.jpg" for number in (1, 2, 3)]
    assert [strongest_band(harness.bucket.objects[key]) for key in taken.keys] == ["R", "B", "G"]


def test_the_hash_of_a_stored_image_is_that_of_its_bytes() -> None:
    harness = Harness()
    taken = harness.service.take_in("ann", "i1", harness.uploads(3), LIMITS)
    assert taken.sha256s == [sha256(harness.bucket.objects[key]).hexdigest() for key in taken.keys]
    assert len(set(taken.sha256s)) == 3


@pytest.mark.parametrize(
    ("number", "code"), [(0, "too_few_references"), (1, "too_few_references"), (4, "too_many_references")]
)
def test_the_number_of_references_is_bounded(number: int, code: str) -> None:
    harness = Harness()
    assert harness.refusal(harness.uploads(number)).code == code


def test_of_far_too_many_none_is_fetched() -> None:
    harness = Harness()
    links: list[Source] = [f"https://a.test/{number}.jpg" for number in range(MAX_REFERENCES + 1)]
    for limits in (None, LIMITS, MANY):
        assert located(harness.check(links, limits)) == [("too_many_references", None)]  # FakeMedia has none


def test_no_provider_takes_more_than_are_analyzed() -> None:
    assert max(Astria.references.maximum, FalFluxLora.references.maximum) <= MAX_REFERENCES


def test_a_copy_does_not_count_towards_the_minimum() -> None:
    harness = Harness()
    error = harness.refusal([harness.uploaded(an_image()), harness.uploaded(an_image())])
    assert error.code == "too_few_references"
    assert error.message == "The provider takes at least 2 reference images; 2 came, 1 of them different."


def test_a_copy_beside_enough_others_is_only_a_warning() -> None:
    harness = Harness()
    sources = harness.uploads(2)
    taken = harness.service.take_in("ann", "i1", [*sources, sources[0]], LIMITS)
    assert ("duplicate_reference", 2) in located(taken.findings)
    assert len(taken.keys) == 3
    assert taken.sha256s[0] == taken.sha256s[2]
    assert len(harness.analyzer.shown) == 2


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"%PDF-1.7", "unreadable_image"),
        (an_image()[:200], "unreadable_image"),
        (an_image(width=100), "image_too_small"),
        (an_image(image_format="BMP"), "unreadable_image"),
        (an_image(colour="black"), "black_image"),
    ],
)
def test_one_bad_image_refuses_all_and_is_named(content: bytes, code: str) -> None:
    harness = Harness()
    bad = harness.uploaded(content)
    error = harness.refusal([harness.uploaded(an_image()), bad])
    assert error.code == code
    assert error.message.startswith(f"{bad}: ")


def test_all_errors_are_reported_and_errors_come_first() -> None:
    harness = Harness()
    good = harness.uploads(1)
    gone, small = "https://a.test/gone.jpg", harness.uploaded(an_image(width=100))
    harness.media.files[gone] = ProviderRejected("media host", "a.test answered 404")
    error = harness.refusal([*good, gone, small, b"GIF89a", good[0]], LIMITS)
    assert error.code == "unreachable_reference"
    found = [Finding(**finding) for finding in error.details]
    assert located(found)[:5] == [
        ("unreachable_reference", 1),
        ("image_too_small", 2),
        ("unreadable_image", 3),
        ("too_many_references", None),
        ("blurred", 0),
    ]
    assert located(found)[5:] == [("blurred", 4), ("duplicate_reference", 4)]
    assert all(finding.message and finding.advice for finding in found)


def test_an_image_that_can_be_mended_may_still_be_one_of_the_different_ones() -> None:
    harness = Harness()
    findings = harness.check([harness.uploaded(an_image()), b"not a picture"])
    assert located(findings)[0] == ("unreadable_image", 1)
    assert "too_few_references" not in [finding.code for finding in findings]


def test_another_owners_upload_is_as_unknown_as_none() -> None:
    harness = Harness()
    other, missing = harness.uploaded(an_image(), owner="bob"), harness.uploaded(an_image())
    del harness.bucket.objects[missing]
    own = missing.rpartition("/")[0]
    for source in (other, missing, "references/i1/0001.jpg", f"{own}/{'a' * 2000}", f"{own}/a/b.jpg", own):
        assert located(harness.check([source, source]))[:2] == [
            ("unknown_reference", 0),
            ("unknown_reference", 1),
        ]


def test_a_link_that_answers_nothing_is_the_callers_to_mend_and_its_signature_is_not_shown() -> None:
    harness = Harness()
    link = "https://a.test/b.jpg?X-Signature=secret"
    harness.media.files[link] = ProviderRejected("media host", "a.test answered 404")
    error = harness.refusal([link, link])
    assert error.code == "unreachable_reference"
    assert "secret" not in f"{error.message}{error.details}"


def test_a_link_that_is_given_twice_is_fetched_once() -> None:
    class CountingMedia(FakeMedia):
        def fetch(self, url: str, limit_bytes: int, timeout_s: float = 20) -> bytes:
            fetched.append(url)
            return super().fetch(url, limit_bytes)

    fetched: list[str] = []
    media, bucket = CountingMedia(), FakeBucket()
    link, other = "https://a.test/a.jpg", "https://a.test/b.jpg"
    media.files |= {link: an_image(), other: an_image(colour="blue")}
    service = ReferenceService(
        bucket=bucket, media=media, analyzer=FakeAnalyzer(), intakes=intakes(bucket), new_id=lambda: "id"
    )
    assert len(service.take_in("ann", "i1", [link, other, link], LIMITS).keys) == 3
    assert fetched == [link, other]


def test_good_images_of_one_person_have_no_finding() -> None:
    harness = Harness(FakeAnalyzer(2))
    sources: list[Source] = [*views()]
    taken = harness.service.take_in("ann", "i1", sources, MANY)
    assert (taken.findings, taken.medoid) == ([], 2)
    assert harness.check(sources, MANY) == []


def test_what_happened_to_photographs_is_found() -> None:
    harness = Harness()
    with Image.open(EILEEN.path) as image, Image.open(CHELSEA.path) as cat:
        portrait = image.convert("RGB")
        mirrored, again = saved(ImageOps.mirror(portrait)), saved(portrait, quality=40)
        cropped = saved(portrait.crop((51, 51, 461, 461)))
        dark = saved(cat.convert("RGB").point(lambda level: level // 5))
    sources: list[Source] = [EILEEN.path.read_bytes(), again, mirrored, cropped, dark]
    findings = harness.check(sources, MANY)
    assert located(findings) == [("too_dark", 4), ("near_duplicate", 1), ("near_duplicate", 2)]
    assert findings[2].message == "The mirror image of picture 1."


def test_the_check_finds_what_taking_in_would_and_stores_nothing() -> None:
    harness = Harness()
    sources = [*harness.uploads(2), b"not a picture"]
    before = dict(harness.bucket.objects)
    findings = harness.check(sources)
    assert harness.bucket.objects == before
    assert harness.refusal(sources).details == [asdict(finding) for finding in findings]


def test_however_long_the_names_of_pictures_are_what_is_said_of_them_is_short() -> None:
    image, name = an_image(), "\N{GRINNING FACE}" * 65_535
    named: list[Source] = [NamedImage(f"{number}{name}", image) for number in range(MAX_REFERENCES)]
    links = [f"https://gone.test/{number}/{'x' * 60_000}" for number in range(MAX_REFERENCES)]
    harness = Harness()
    harness.media.files = dict.fromkeys(links, ProviderRejected("media host", "gone.test answered 404"))
    for sources in (named, list[Source](links)):
        findings = harness.check(sources)
        files = {len(finding.file or "") for finding in findings if finding.reference is not None}
        assert files == {LONGEST_NAME}
        assert len(json.dumps([asdict(finding) for finding in findings])) < 500_000


def test_without_limits_any_number_will_do() -> None:
    harness = Harness()
    for number in (1, 4):
        assert [f for f in harness.check(harness.uploads(number), None) if f.severity == "error"] == []


def test_what_the_encoder_sees_is_reported_by_place_in_the_request() -> None:
    far, near = 0.1, 0.9
    alike = [
        [1 if one == other else far if 2 in (one, other) else near for other in range(4)] for one in range(4)
    ]
    harness = Harness(FakeAnalyzer(analysis=ReferenceAnalysis([1, 1, 0, 2], alike, "tiny")))
    first, second, third, fourth, *_ = views()
    findings = harness.check([first, first, second, third, fourth], MANY)
    assert located(findings) == [
        ("duplicate_reference", 1),
        ("outlier", 3),
        ("no_face", 3),
        ("several_faces", 4),
    ]


def test_the_encoder_is_shown_small_images() -> None:
    harness = Harness()
    harness.check([an_image(3000, 2000), an_image(400, 300)])
    assert [Image.open(BytesIO(image)).size for image in harness.analyzer.shown] == [(512, 341), (400, 300)]


def test_when_nobody_can_look_the_answer_says_so_and_all_else_is_as_ever() -> None:
    harness = Harness(FakeAnalyzer(None))
    taken = harness.service.take_in("ann", "i1", [*views()], MANY)
    assert located(taken.findings) == [("analysis_unavailable", None)]
    assert (len(taken.keys), taken.medoid) == (5, None)


def test_nobody_is_asked_to_look_at_nothing() -> None:
    harness = Harness()
    assert "analysis_unavailable" not in [
        f.code for f in harness.check([b"GIF89a", an_image(colour="black")])
    ]
    assert harness.analyzer.asked == 0


def test_the_medoid_is_reported_by_its_place_in_the_request() -> None:
    harness = Harness(FakeAnalyzer(1))
    first, second, third = different_images(3)
    assert harness.service.take_in("ann", "i1", [first, first, second], LIMITS).medoid == 2
    assert harness.service.take_in("ann", "i2", [third, first, second], LIMITS).medoid == 1


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
        Harness().service.upload_ticket("ann", "a.picture", content_type, size)
    assert caught.value.code == code
    assert str(caught.value).startswith("a.picture ")


class SlowMedia(FakeMedia):
    """Each fetch takes four seconds, or as long as it may."""

    def __init__(self, **files: bytes | Exception) -> None:
        super().__init__(**files)
        self.s = 0.0

    def fetch(self, url: str, limit_bytes: int, timeout_s: float = 20) -> bytes:
        self.s += min(4, timeout_s)
        return super().fetch(url, limit_bytes, timeout_s)


def test_all_links_of_a_set_have_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("character_identity.services.references.map_concurrently", map)
    links = [f"https://slow.test/{number}.jpg" for number in range(6)]
    media = SlowMedia(**dict(zip(links, different_images(6), strict=True)))
    service = ReferenceService(
        bucket=FakeBucket(),
        media=media,
        analyzer=FakeAnalyzer(),
        intakes=intakes(FakeBucket()),
        new_id=lambda: "id",
        clock=lambda: media.s,
    )
    late = [
        finding for finding in service.check("ann", links, None) if finding.code == "unreachable_reference"
    ]
    assert [finding.reference for finding in late] == [3, 4, 5]
    assert media.s == SET_TIMEOUT_S


def test_decoding_a_set_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    now, decoded, gone = Clock(), list[bytes](), "https://nothing.test/7.jpg"

    def slowly(content: bytes, limit_bytes: int) -> PreparedImage:
        decoded.append(content)
        now.pass_by(seconds=7)
        return prepare(content, limit_bytes)

    monkeypatch.setattr(references, "prepare", slowly)
    service = ReferenceService(
        bucket=FakeBucket(),
        media=FakeMedia(**{gone: ProviderRejected("host", "404")}),
        analyzer=FakeAnalyzer(),
        intakes=intakes(FakeBucket()),
        new_id=lambda: "id",
        clock=lambda: now().timestamp(),
    )
    images = different_images(6)
    found = service.check("ann", [*images, gone], None)
    errors = [(each.reference, each.code) for each in found if each.severity == "error"]
    late = [(index, "image_too_large") for index in (3, 4, 5)]
    assert sorted(errors) == [*late, (6, "unreachable_reference")], "what is no picture says why"
    assert decoded == images[:3], "each is decoded once, and none after the deadline"


def test_waiting_for_links_takes_time_from_decoding_and_none_from_what_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A function that is ended for its time says of no picture that it was too much."""
    now = Clock()

    class LateMedia(FakeMedia):
        def fetch(self, url: str, limit_bytes: int, timeout_s: float = 20) -> bytes:
            now.pass_by(seconds=SET_TIMEOUT_S - 1 if url == links[0] else 0)
            return super().fetch(url, limit_bytes, timeout_s)

    def slowly(content: bytes, limit_bytes: int) -> PreparedImage:
        now.pass_by(seconds=3)
        return prepare(content, limit_bytes)

    monkeypatch.setattr(references, "prepare", slowly)
    monkeypatch.setattr(references, "map_concurrently", lambda do, items: [do(item) for item in items])
    links = [f"https://late.test/{number}.jpg" for number in range(8)]
    service = ReferenceService(
        bucket=FakeBucket(),
        media=LateMedia(**dict(zip(links, different_images(8), strict=True))),
        analyzer=FakeAnalyzer(),
        intakes=intakes(FakeBucket()),
        new_id=lambda: "id",
        clock=lambda: now().timestamp(),
    )
    began_at = now()
    late = [each.reference for each in service.check("ann", links, None) if each.code == "image_too_large"]
    assert late == [3, 4, 5, 6, 7]
    assert (now() - began_at).total_seconds() < DECODING_TIMEOUT_S + 3
