"""A score store in memory (tests/aws runs it through the table's cases), an embedder without a model."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import cycle, islice
from math import cos, hypot, radians, sin
from random import Random

from character_identity.domain.errors import Erased, InvalidRequest
from character_identity.domain.event import Event
from character_identity.domain.face import Box, Face, NoFace
from character_identity.domain.near_copy import SIDE, CopyDescriptor
from character_identity.domain.perceptual_hash import PerceptualHash
from character_identity.domain.score import CLIP_ENCODER, KeptReferences, NotScored, Score
from character_identity.domain.similarity import Embedding
from character_identity.domain.view import EncoderVersion, View
from tests.support.event_fakes import FakeEvents


class FakeScores:
    """``erased`` are identities and generations that are gone."""

    def __init__(self) -> None:
        self.scores: dict[str, dict[tuple[int, str], Score | NotScored]] = defaultdict(dict)
        self.embedded: dict[tuple[str, EncoderVersion, EncoderVersion | None], KeptReferences] = {}
        self.erased: set[str] = set()
        self.waits: set[str] = set()
        """Generations whose pictures somebody still has to score."""
        self.events = FakeEvents()

    def put_score(
        self,
        identity_id: str,
        generation_id: str,
        image_index: int,
        score: Score | NotScored,
        references: KeptReferences | None = None,
        event: Event | None = None,
        earlier: Score | None = None,
    ) -> bool:
        if self.erased & {identity_id, generation_id}:
            raise Erased("gone")
        is_new = event is not None and self.events.find(event.event_id) is None
        if event is not None and is_new:
            self.events.add(event)
        scores = self.scores[generation_id]
        if earlier is not None:
            scores[image_index, "#".join(earlier.version)] = earlier
            scores.pop((image_index, "#".join(score.version) if isinstance(score, Score) else ""), None)
        scores[image_index, score.encoder] = score
        if references and isinstance(score, Score):
            self.embedded[identity_id, score.version, score.face_version] = references
        return is_new

    def score_of(self, generation_id: str, image_index: int, encoder: str) -> Score | None:
        found = self.scores[generation_id].get((image_index, encoder))
        return found if isinstance(found, Score) else None

    def scores_of(self, generation_id: str) -> dict[int, list[Score | NotScored]]:
        found: dict[int, list[Score | NotScored]] = {}
        for (image_index, _), score in sorted(self.scores[generation_id].items(), key=lambda item: item[0]):
            found.setdefault(image_index, []).append(score)
        return found

    def stop_waiting(self, generation_id: str, late: Sequence[Event]) -> None:
        if generation_id in self.waits:
            self.waits.remove(generation_id)
            for event in late:
                self.events.add(event)

    def by_clip(self, images: Mapping[str, int]) -> dict[str, Score | NotScored]:
        found = {each: self.scores[each].get((index, CLIP_ENCODER)) for each, index in images.items()}
        return {each: score for each, score in found.items() if score}

    def references(
        self, identity_id: str, version: EncoderVersion, face_version: EncoderVersion | None = None
    ) -> KeptReferences | None:
        return self.embedded.get((identity_id, version, face_version))


class FakeEmbedder:
    """A picture is two numbers, ``b"0.6 0.8"``, and they are its embedding."""

    def __init__(self, version: EncoderVersion) -> None:
        self.version = version
        self.decoy: Embedding | None = None
        self.embedded: list[bytes] = []
        self.calls: list[list[bytes]] = []

    def embed(self, images: Sequence[bytes]) -> list[View | InvalidRequest]:
        self.embedded += images
        self.calls.append(list(images))
        return [_view(image) for image in images]


class DigestEncoder:
    """Sees nothing but the digest of a picture, in so many numbers: the same of the same bytes."""

    version = EncoderVersion(CLIP_ENCODER, "0f1e", "v1")
    decoy: Embedding | None = None

    def __init__(self, numbers: int) -> None:
        self._numbers = numbers

    def embed(self, images: Sequence[bytes]) -> list[View | InvalidRequest]:
        return [a_view(self._unit(image), image) for image in images]

    def _unit(self, image: bytes) -> Embedding:
        numbers = [1 + byte / 256 for byte in islice(cycle(sha256(image).digest()), self._numbers)]
        length = hypot(*numbers)
        return [number / length for number in numbers]


class FakeFaces:
    """A picture's faces are at the degrees that ``seen`` has for it; of those without one it says why."""

    def __init__(self, version: EncoderVersion, seen: Mapping[bytes, Sequence[float] | NoFace]) -> None:
        self.version = version
        self.decoy: Embedding | None = None
        self.seen = seen
        self.searched: list[bytes] = []

    def faces(self, image: bytes) -> list[Face]:
        self.searched.append(image)
        found = self.seen.get(image, "no_face")
        return [] if isinstance(found, str) else [a_face(degrees) for degrees in found]

    def why_none(self, image: bytes) -> NoFace:
        found = self.seen.get(image, "no_face")
        assert isinstance(found, str)
        return found


def a_face(degrees: float) -> Face:
    """A face whose embedding has two numbers, at that angle."""
    return Face([cos(radians(degrees)), sin(radians(degrees))], Box(0.25, 0.25, 0.5, 0.5))


def a_view(embedding: Embedding, content: bytes = b"") -> View:
    """A view whose descriptor is near to that of equal content only."""
    random = Random(content)
    hashes = random.getrandbits(128), random.getrandbits(128)
    return View(embedding, CopyDescriptor(PerceptualHash("0f1e", *hashes), random.randbytes(SIDE * SIDE)))


def _view(image: bytes) -> View | InvalidRequest:
    try:
        return a_view([float(number) for number in image.split()], image)
    except ValueError:
        return InvalidRequest("not a picture", code="unreadable_image")
