"""A score store in memory (tests/aws runs it through the table's cases), an embedder without a model."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from character_identity.domain.errors import Erased, InvalidRequest
from character_identity.domain.score import CLIP_ENCODER, EmbeddedReference, EncoderVersion, Score
from character_identity.domain.similarity import Embedding


class FakeScores:
    """``erased`` are identities that are gone."""

    def __init__(self) -> None:
        self.scores: dict[str, dict[tuple[int, str], Score]] = defaultdict(dict)
        self.embedded: dict[tuple[str, EncoderVersion], list[EmbeddedReference]] = {}
        self.erased: set[str] = set()

    def put_score(
        self,
        identity_id: str,
        generation_id: str,
        image_index: int,
        score: Score,
        references: Sequence[EmbeddedReference] = (),
    ) -> None:
        if identity_id in self.erased:
            raise Erased("gone")
        self.scores[generation_id][image_index, score.encoder] = score
        if references:
            self.embedded[identity_id, score.version] = list(references)

    def score_of(self, generation_id: str, image_index: int, encoder: str) -> Score | None:
        return self.scores[generation_id].get((image_index, encoder))

    def scores_of(self, generation_id: str) -> dict[int, list[Score]]:
        found: dict[int, list[Score]] = {}
        for (image_index, _), score in sorted(self.scores[generation_id].items(), key=lambda item: item[0]):
            found.setdefault(image_index, []).append(score)
        return found

    def by_clip(self, images: Mapping[str, int]) -> dict[str, Score]:
        keys = {generation_id: (index, CLIP_ENCODER) for generation_id, index in images.items()}
        return {each: self.scores[each][key] for each, key in keys.items() if key in self.scores[each]}

    def references(self, identity_id: str, version: EncoderVersion) -> list[EmbeddedReference]:
        return self.embedded.get((identity_id, version), [])


class FakeEmbedder:
    """A picture is two numbers, ``b"0.6 0.8"``, and they are its embedding."""

    def __init__(self, version: EncoderVersion) -> None:
        self.version = version
        self.embedded: list[bytes] = []
        self.calls: list[list[bytes]] = []

    def embed(self, images: Sequence[bytes]) -> list[Embedding | InvalidRequest]:
        self.embedded += images
        self.calls.append(list(images))
        return [_numbers(image) for image in images]


def _numbers(image: bytes) -> Embedding | InvalidRequest:
    try:
        return [float(number) for number in image.split()]
    except ValueError:
        return InvalidRequest("not a picture", code="unreadable_image")
