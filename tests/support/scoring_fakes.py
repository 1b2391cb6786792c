"""A score store in memory (tests/aws runs it through the table's cases), an embedder without a model."""

from collections import defaultdict
from collections.abc import Mapping

from character_identity.domain.errors import Erased, InvalidRequest
from character_identity.domain.score import CLIP_ENCODER, EncoderVersion, Score
from character_identity.domain.similarity import Embedding


class FakeScores:
    """``erased`` are identities that are gone."""

    def __init__(self) -> None:
        self.scores: dict[str, dict[tuple[int, str], Score]] = defaultdict(dict)
        self.embeddings: dict[tuple[str, str, EncoderVersion], Embedding] = {}
        self.erased: set[str] = set()

    def put_score(
        self,
        identity_id: str,
        generation_id: str,
        image_index: int,
        score: Score,
        embeddings: Mapping[str, Embedding],
    ) -> None:
        if identity_id in self.erased:
            raise Erased("gone")
        self.scores[generation_id][image_index, score.encoder] = score
        for content_sha256, embedding in embeddings.items():
            self.embeddings[identity_id, content_sha256, score.version] = embedding

    def scores_of(self, generation_id: str) -> dict[int, list[Score]]:
        found: dict[int, list[Score]] = {}
        for (image_index, _), score in sorted(self.scores[generation_id].items(), key=lambda item: item[0]):
            found.setdefault(image_index, []).append(score)
        return found

    def by_clip(self, images: Mapping[str, int]) -> dict[str, Score]:
        keys = {generation_id: (index, CLIP_ENCODER) for generation_id, index in images.items()}
        return {each: self.scores[each][key] for each, key in keys.items() if key in self.scores[each]}

    def embedding(self, identity_id: str, content_sha256: str, version: EncoderVersion) -> Embedding | None:
        return self.embeddings.get((identity_id, content_sha256, version))


class FakeEmbedder:
    """A picture is two numbers, ``b"0.6 0.8"``, and they are its embedding."""

    def __init__(self, version: EncoderVersion) -> None:
        self.version = version
        self.embedded: list[bytes] = []

    def embed(self, image: bytes) -> Embedding:
        self.embedded.append(image)
        try:
            return [float(number) for number in image.split()]
        except ValueError as error:
            raise InvalidRequest("not a picture", code="unreadable_image") from error
