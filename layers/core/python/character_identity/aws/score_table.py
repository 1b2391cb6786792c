"""Scores and embeddings in DynamoDB."""

import struct
from collections.abc import Iterable, Mapping

from character_identity.aws import keys
from character_identity.aws.identity_table import while_there
from character_identity.aws.items import Item
from character_identity.aws.table import Refused, Table
from character_identity.aws.writes import put
from character_identity.domain.errors import Erased
from character_identity.domain.score import EncoderVersion, Score
from character_identity.domain.similarity import Embedding


class ScoreTable:
    """Two kinds of items, written whole, so that writing one twice changes nothing.

    Scores lie beside their generation, and the index lists those of an identity; embeddings (little-endian
    float32) lie beside their identity.
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
        key = keys.score(identity_id, generation_id, image_index, score.encoder)
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
        return _by_generation(rows).get(generation_id, {})

    def of_identity(self, identity_id: str) -> dict[str, dict[int, list[Score]]]:
        """Return the scores of an identity's generations, by their ids and then by image index."""
        return _by_generation(self._table.listed(keys.scores_of(identity_id)))

    def embedding(self, identity_id: str, content_sha256: str, version: EncoderVersion) -> Embedding | None:
        """Return the embedding kept for the content of a picture of an identity."""
        item = self._table.get(_embedding_key(identity_id, content_sha256, version))
        if item is None:
            return None
        vector: bytes = item["vector"]
        return struct.unpack(f"<{len(vector) // 4}f", vector)


def _by_generation(rows: Iterable[Item]) -> dict[str, dict[int, list[Score]]]:
    scores: dict[str, dict[int, list[Score]]] = {}
    for row in sorted(rows, key=lambda row: str(row["sk"])):
        of_generation = scores.setdefault(keys.id_of(row["pk"]), {})
        of_generation.setdefault(keys.image_index_of(row["sk"]), []).append(Score.model_validate(row))
    return scores


def _embedding_key(identity_id: str, content_sha256: str, version: EncoderVersion) -> keys.Key:
    weights = version.weights_sha256[:16]
    return keys.embedding(identity_id, content_sha256, version.encoder, weights, version.preprocessing)
