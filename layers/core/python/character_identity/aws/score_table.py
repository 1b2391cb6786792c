"""Scores and embeddings in DynamoDB."""

import struct
from collections.abc import Mapping

from character_identity.aws import keys
from character_identity.aws.identity_table import while_there
from character_identity.aws.table import Refused, Table
from character_identity.aws.writes import put
from character_identity.domain.errors import Erased
from character_identity.domain.score import CLIP_ENCODER, EncoderVersion, Score
from character_identity.domain.similarity import Embedding


class ScoreTable:
    """Two kinds of items, written whole, so that writing one twice changes nothing.

    Scores lie beside their generation, embeddings (little-endian float32) beside their identity.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def put_score(
        self,
        identity_id: str,
        generation_id: str,
        image_index: int,
        score: Score,
        embeddings: Mapping[str, Embedding],
    ) -> None:
        """Store the encoder's score of an image in place of an earlier one, with embeddings by content.

        Raises:
            Erased: the identity is gone; nothing is stored then.
        """
        key = keys.score(generation_id, image_index, score.encoder)
        writes = [while_there(identity_id), put({**key, **score.model_dump(mode="json")})]
        for content_sha256, embedding in embeddings.items():
            kept = _embedding_key(identity_id, content_sha256, score.version)
            writes.append(put({**kept, "vector": struct.pack(f"<{len(embedding)}f", *embedding)}))
        try:
            self._table.transact(writes)
        except Refused as exc:
            raise Erased(f"There is no identity {identity_id!r}.", code="unknown_identity") from exc

    def scores_of(self, generation_id: str) -> dict[int, list[Score]]:
        """Return a generation's scores by image index; images without any are left out."""
        pk = keys.generation(generation_id)["pk"]
        rows = self._table.query(pk, "begins_with(sk, :score)", score=keys.SCORE)
        scores: dict[int, list[Score]] = {}
        for row in rows:
            scores.setdefault(keys.image_index_of(row["sk"]), []).append(Score.model_validate(row))
        return scores

    def by_clip(self, images: Mapping[str, int]) -> dict[str, Score]:
        """Return CLIP's score of one image of each generation, by the generations' ids.

        ``images`` has the indices, of 100 generations at most; one without a score is left out.
        """
        wanted = [keys.score(generation_id, index, CLIP_ENCODER) for generation_id, index in images.items()]
        rows = self._table.get_all(wanted)
        return {keys.id_of(row["pk"]): Score.model_validate(row) for row in rows}

    def embedding(self, identity_id: str, content_sha256: str, version: EncoderVersion) -> Embedding | None:
        """Return the embedding kept for the content of a picture of an identity."""
        item = self._table.get(_embedding_key(identity_id, content_sha256, version))
        if item is None:
            return None
        vector: bytes = item["vector"]
        return struct.unpack(f"<{len(vector) // 4}f", vector)


def _embedding_key(identity_id: str, content_sha256: str, version: EncoderVersion) -> keys.Key:
    weights = version.weights_sha256[:16]
    return keys.embedding(identity_id, content_sha256, version.encoder, weights, version.preprocessing)
