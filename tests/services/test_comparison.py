from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

import pytest

from character_identity.domain.errors import HostNotAllowed, InvalidRequest, NotFound, ProviderUnavailable
from character_identity.domain.face import Face, NoFace
from character_identity.domain.generation import GeneratedImage
from character_identity.domain.object_keys import uploads_of
from character_identity.domain.score import KeptReferences, NotScored, Score
from character_identity.domain.view import EncoderVersion, View
from character_identity.services.comparison import (
    MAX_IMAGES,
    WORK_TIMEOUT_S,
    ComparisonService,
    Picture,
    StoredImage,
)
from character_identity.services.embedded_references import EmbeddedReferences
from character_identity.services.encoders import AT_ONCE, Encoders
from character_identity.services.references import MAX_REFERENCES
from character_identity.services.sources import MAX_BYTES, Sources
from infra import catalog
from tests.support.builders import a_generation, an_identity
from tests.support.fakes import FakeBucket, FakeGenerations, FakeIdentities, FakeLedger, FakeMedia
from tests.support.scoring_fakes import FakeEmbedder, FakeFaces, FakeScores

VERSION = EncoderVersion("tiny", "57934424", "v1")
REFERENCES = {"references/i1/00.jpg": b"1.0 0.0", "references/i1/01.jpg": b"0.0 1.0"}
UPLOAD, OTHERS = f"{uploads_of('ann')}a.jpg", f"{uploads_of('bob')}b.jpg"
LINK = "https://pictures.test/a.jpg"
DRAWN = "generations/i1/g1/01.jpg"
WITH_A_FACE, WITHOUT, PROFILE = b"0.0 1.0", b"1.0 0.0", b"0.6 0.8"
[FUNCTION] = [entry for entry in catalog.FUNCTIONS if entry.name == "compare_images"]
START_S = 1.3
"""Of a function that is new; docs/decisions/0014 says of which encoder."""


@dataclass
class Costs:
    """Seconds of a core: to see a picture, to search it for faces, and to say why it has none."""

    view: float
    search: float
    reason: float


ORDINARY = Costs(view=0.06, search=0.87, reason=4.2)
"""Of 2048 pixels, without a face; docs/scoring.md."""
LARGEST = Costs(view=2.4, search=2.4, reason=5.2)
"""Of 50 megapixels. It is decoded for each of them."""


class SlowEmbedder(FakeEmbedder):
    def __init__(self, take: Callable[[float], None], costs: Costs) -> None:
        super().__init__(VERSION)
        self._take, self._costs = take, costs

    def embed(self, images: Sequence[bytes]) -> list[View | InvalidRequest]:
        self._take(self._costs.view * len(images))
        return super().embed(images)


class SlowFaces(FakeFaces):
    """Only ``WITH_A_FACE`` has one."""

    def __init__(self, take: Callable[[float], None], costs: Costs) -> None:
        super().__init__(EncoderVersion("face-tiny", "0f1e", "v1"), {WITH_A_FACE: [0], PROFILE: "profile"})
        self._take, self._costs = take, costs

    def faces(self, image: bytes) -> list[Face]:
        self._take(self._costs.search)
        return super().faces(image)

    def why_none(self, image: bytes) -> NoFace:
        self._take(self._costs.reason)
        return super().why_none(image)


class Harness:
    """Ann's identity with two references, a picture of hers of each kind, and Bob's."""

    def __init__(self, costs: Costs | None = None) -> None:
        self.s, self._taking = 0.0, Lock()
        self.embedder = SlowEmbedder(self._take, costs) if costs else FakeEmbedder(VERSION)
        identities = FakeIdentities(
            an_identity(references=list(REFERENCES)), an_identity(identity_id="bobs", owner="bob")
        )
        generations = FakeGenerations(ledger=FakeLedger(), identities=identities)
        for generation_id, owner in (("g1", "ann"), ("g2", "bob")):
            images = [
                GeneratedImage(index=1, outcome="succeeded", key=DRAWN),
                GeneratedImage(index=2, outcome="filtered"),
            ]
            generation = a_generation(generation_id=generation_id, owner=owner, images=images)
            generations.stored[generation_id] = generation
        self.identities = identities
        self.scores = FakeScores()
        self.bucket = FakeBucket(**REFERENCES, **{UPLOAD: b"0.6 0.8", OTHERS: b"1 0", DRAWN: b"0.8 0.6"})
        self.media = FakeMedia(**{LINK: b"1.0 0.0"})
        encoders = Encoders(self.embedder, SlowFaces(self._take, costs) if costs else None)
        self.service = ComparisonService(
            identities=identities,
            generations=generations,
            bucket=self.bucket,
            sources=Sources(self.bucket, self.media, self._clock),
            references=EmbeddedReferences(self.bucket, self.scores, encoders),
            encoders=encoders,
            clock=self._clock,
        )

    def _clock(self) -> float:
        return self.s

    def _take(self, seconds: float) -> None:
        with self._taking:
            self.s += seconds

    def with_identity(self, *images: Picture, identity_id: str = "i1") -> list[Score | NotScored]:
        return self.service.with_identity("ann", images, identity_id)

    def with_references(self, *references: Picture, images: Any = (UPLOAD,)) -> list[Score | NotScored]:
        return self.service.with_references("ann", images, references, "person")


@pytest.fixture
def harness() -> Harness:
    return Harness()


def means(found: list[Score | NotScored]) -> list[float | str]:
    return [each.mean if isinstance(each, Score) else each.code for each in found]


def test_pictures_of_all_kinds_are_scored_in_their_order_and_nothing_is_stored(harness: Harness) -> None:
    before = dict(harness.bucket.objects)
    found = harness.with_identity(UPLOAD, LINK, StoredImage("g1", 1), UPLOAD)
    assert means(found) == [0.7, 0.5, 0.7, 0.7]
    assert harness.embedder.embedded[2:] == [b"0.6 0.8", b"1.0 0.0", b"0.8 0.6"], "each is read once"
    [first, *_] = [each for each in found if isinstance(each, Score)]
    assert first.per_reference == (("references/i1/00.jpg", 0.6), ("references/i1/01.jpg", 0.8))
    assert (first.version, harness.bucket.objects) == (VERSION, before)
    assert (dict(harness.scores.scores), harness.scores.embedded) == ({}, {})


def test_given_references_are_named_by_their_numbers(harness: Harness) -> None:
    [score] = harness.with_references(LINK, StoredImage("g1", 1))
    assert isinstance(score, Score)
    assert score.per_reference == (("01", 0.6), ("02", 0.96))


def test_references_that_a_score_has_kept_are_not_read_again(harness: Harness) -> None:
    kept = EmbeddedReferences(harness.bucket, harness.scores, Encoders(harness.embedder)).made(
        harness.identities.stored["i1"]
    )
    harness.scores.embedded["i1", VERSION, None] = KeptReferences("ann", kept)
    for key in REFERENCES:
        del harness.bucket.objects[key]
    assert means(harness.with_identity(UPLOAD)) == [0.7]


def test_a_picture_that_cannot_be_scored_says_why_and_leaves_the_others_be(harness: Harness) -> None:
    harness.bucket.objects |= {
        f"{uploads_of('ann')}html.jpg": b"<html>",
        f"{uploads_of('ann')}huge.jpg": b"1 0".ljust(MAX_BYTES + 1),
    }
    harness.media.files |= {
        "https://down.test/a.jpg": ProviderUnavailable("media host", "down"),
        "https://10.0.0.1/a.jpg": HostNotAllowed("10.0.0.1"),
    }
    cases: dict[Picture, str] = {
        f"{uploads_of('ann')}html.jpg": "unreadable_image",
        f"{uploads_of('ann')}huge.jpg": "file_too_large",
        f"{uploads_of('ann')}none.jpg": "unknown_reference",
        OTHERS: "unknown_reference",
        "references/bobs/00.jpg": "unknown_reference",
        DRAWN: "unknown_reference",
        "https://down.test/a.jpg": "unreachable_reference",
        "https://10.0.0.1/a.jpg": "forbidden_host",
    }
    found = harness.with_identity(*cases, UPLOAD)
    assert means(found) == [*cases.values(), 0.7]
    assert {each.encoder for each in found} == {"tiny"}


@pytest.mark.parametrize("picture", [("g1", 2), ("g1", 3), ("g2", 1), ("none", 1)])
def test_a_picture_that_was_not_drawn_or_is_anothers_is_unknown(
    harness: Harness, picture: tuple[str, int]
) -> None:
    assert means(harness.with_identity(StoredImage(*picture), UPLOAD)) == ["unknown_generation", 0.7]


def test_a_picture_that_was_deleted_says_so(harness: Harness) -> None:
    del harness.bucket.objects[DRAWN]
    assert means(harness.with_identity(StoredImage("g1", 1))) == ["image_deleted"]


@pytest.mark.parametrize("identity_id", ["bobs", "none"])
def test_anothers_identity_is_unknown(harness: Harness, identity_id: str) -> None:
    with pytest.raises(NotFound) as unknown:
        harness.with_identity(UPLOAD, identity_id=identity_id)
    assert unknown.value.code == "unknown_identity"


def test_where_an_identitys_reference_is_lost_no_picture_has_a_score(harness: Harness) -> None:
    del harness.bucket.objects["references/i1/01.jpg"]
    assert means(harness.with_identity(UPLOAD, LINK)) == ["reference_deleted"] * 2


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        (f"{uploads_of('ann')}none.jpg", "unknown_reference"),
        (OTHERS, "unknown_reference"),
        (StoredImage("g2", 1), "unknown_generation"),
        ("https://down.test/a.jpg", "unreachable_reference"),
        (f"{uploads_of('ann')}html.jpg", "reference_unreadable"),
    ],
)
def test_without_one_of_the_given_references_nothing_is_scored(
    harness: Harness, reference: Picture, code: str
) -> None:
    harness.bucket.objects[f"{uploads_of('ann')}html.jpg"] = b"<html>"
    harness.media.files["https://down.test/a.jpg"] = ProviderUnavailable("media host", "down")
    with pytest.raises((InvalidRequest, NotFound)) as refused:
        harness.with_references(LINK, reference)
    assert (refused.value.code, refused.value.details) == (code, {"reference": 2})


def test_of_too_many_pictures_none_is_read(harness: Harness) -> None:
    with pytest.raises(InvalidRequest) as refused:
        harness.with_identity(*[LINK] * (MAX_IMAGES + 1))
    assert refused.value.code == "too_many_images"
    with pytest.raises(InvalidRequest) as refused:
        harness.with_references(*[LINK] * (MAX_REFERENCES + 1))
    assert refused.value.code == "too_many_references"
    assert harness.embedder.embedded == []
    assert len(harness.with_references(*[LINK] * MAX_REFERENCES, images=[LINK] * MAX_IMAGES)) == MAX_IMAGES


def test_after_the_deadline_no_picture_is_begun(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those before it have their scores; of references all are needed."""
    embed = harness.embedder.embed

    def slowly(images: Any) -> Any:
        harness.s += WORK_TIMEOUT_S / 2
        return embed(images)

    monkeypatch.setattr(harness.embedder, "embed", slowly)
    others = [f"{uploads_of('ann')}{number}.jpg" for number in range(AT_ONCE + 2)]
    harness.bucket.objects |= dict.fromkeys(others, b"0.6 0.8")
    found = means(harness.with_identity(*others, OTHERS))
    assert found == [0.7] * AT_ONCE + ["not_scored_in_time"] * 2 + ["unknown_reference"]
    with pytest.raises(InvalidRequest) as refused:
        harness.with_references(*[LINK] * MAX_REFERENCES)
    assert (refused.value.code, refused.value.details) == ("image_too_large", {"reference": 2 * AT_ONCE + 1})


def test_all_links_of_a_request_have_one_deadline(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = harness.media.fetch
    granted: list[float] = []

    def slowly(url: str, limit_bytes: int, timeout_s: float = 20) -> bytes:
        granted.append(timeout_s)
        harness.s += 12
        return fetch(url, limit_bytes)

    monkeypatch.setattr(harness.media, "fetch", slowly)
    assert means(harness.with_references(LINK, images=[LINK])) == ["unreachable_reference"]
    assert granted == [12]


def uploads(harness: Harness, word: str, contents: Sequence[bytes]) -> list[Picture]:
    keys = [f"{uploads_of('ann')}{word}{number}.jpg" for number in range(len(contents))]
    harness.bucket.objects |= dict(zip(keys, contents, strict=True))
    return list(keys)


Compare = Callable[[Harness, Sequence[Picture], Sequence[bytes]], list[Score | NotScored]]


def with_an_identity(
    harness: Harness, images: Sequence[Picture], references: Sequence[bytes]
) -> list[Score | NotScored]:
    keys = [f"references/i1/{number:02}.jpg" for number in range(len(references))]
    harness.bucket.objects |= dict(zip(keys, references, strict=True))
    harness.identities.stored["i1"] = an_identity(references=keys)
    return harness.with_identity(*images)


def with_references(
    harness: Harness, images: Sequence[Picture], references: Sequence[bytes]
) -> list[Score | NotScored]:
    return harness.with_references(*uploads(harness, "r", references), images=images)


@pytest.mark.parametrize("compare", [with_an_identity, with_references])
def test_as_many_references_as_there_may_be_are_compared_with_though_none_shows_a_face(
    compare: Compare,
) -> None:
    """To be sure of that takes longer than to compare one. Links to pictures are read before it."""
    harness = Harness(ORDINARY)
    images = [*uploads(harness, "g", [b"0.6 0.8"] * (MAX_IMAGES - 1)), LINK]
    found = compare(harness, images, [WITHOUT] * MAX_REFERENCES)
    assert means(found) == [0.6] * (MAX_IMAGES - 1) + [1.0]


@pytest.mark.parametrize("compare", [with_an_identity, with_references])
def test_as_many_pictures_as_there_may_be_are_scored_though_none_shows_a_face(compare: Compare) -> None:
    """To say why of each takes longer than there is: of those that come later no more is said than that."""
    harness = Harness(ORDINARY)
    found = compare(harness, uploads(harness, "g", [PROFILE] * MAX_IMAGES), [WITH_A_FACE])
    assert means(found) == [0.8] * MAX_IMAGES
    faces = [each.face_identity for each in found if isinstance(each, Score)]
    codes = [face.no_face for face in faces if face]
    assert codes == ["profile"] * 2 + ["no_face"] * 8


@pytest.mark.parametrize("compare", [with_an_identity, with_references])
@pytest.mark.parametrize("last", [WITH_A_FACE, WITHOUT], ids=["with a face", "without"])
def test_whoever_sends_the_largest_pictures_has_an_answer_before_the_function_is_ended(
    compare: Compare, last: bytes
) -> None:
    for count in range(1, MAX_REFERENCES + 1):
        harness = Harness(LARGEST)
        images = uploads(harness, "g", [WITHOUT] * MAX_IMAGES)
        with suppress(InvalidRequest):  # a reference is too much
            compare(harness, images, [WITHOUT] * (count - 1) + [last])
        assert START_S + harness.s < FUNCTION.timeout_s, f"{count} references"
