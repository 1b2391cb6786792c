"""A score store in memory (tests/aws runs it through the table's cases), an embedder without a model."""

from collections import defaultdict

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.score import EncoderVersion, Score
from character_identity.domain.similarity import Embedding


class FakeScores:
    def __init__(self) -> None:
        self.scores: dict[str, dict[tuple[int, str], Score]] = defaultdict(dict)
        self.embeddings: dict[tuple[str, EncoderVersion], Embedding] = {}

    def put_score(self, generation_id: str, image_index: int, score: Score) -> None:
        self.scores[generation_id][image_index, score.encoder] = score

    def scores_of(self, generation_id: str) -> dict[int, list[Score]]:
        found: dict[int, list[Score]] = {}
        for (image_index, _), score in sorted(self.scores[generation_id].items(), key=lambda item: item[0]):
            found.setdefault(image_index, []).append(score)
        return found

    def put_embedding(self, content_sha256: str, version: EncoderVersion, embedding: Embedding) -> None:
        self.embeddings[content_sha256, version] = embedding

    def embedding(self, content_sha256: str, version: EncoderVersion) -> Embedding | None:
        return self.embeddings.get((content_sha256, version))


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
