"""Scores and embeddings in DynamoDB."""

import struct
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.conditions import Key

from character_identity.aws import keys
from character_identity.aws.identity_table import while_there
from character_identity.aws.items import to_item
from character_identity.aws.transactions import Refused, Write, transact
from character_identity.domain.errors import Erased
from character_identity.domain.score import EncoderVersion, Score
from character_identity.domain.similarity import Embedding


class ScoreTable:
    """Two kinds of items, written whole, so that writing one twice changes nothing.

    Scores lie beside their generation, embeddings (little-endian float32) beside their identity.
    """

    def __init__(self, table: Any) -> None:
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
        writes: list[Write] = [while_there(identity_id), {"Put": {"Item": {**key, **to_item(score)}}}]
        for content_sha256, embedding in embeddings.items():
            kept = _embedding_key(identity_id, content_sha256, score.version)
            vector = struct.pack(f"<{len(embedding)}f", *embedding)
            writes.append({"Put": {"Item": {**kept, "vector": vector}}})
        try:
            transact(self._table, writes)
        except Refused as exc:
            raise Erased(f"There is no identity {identity_id!r}.", code="unknown_identity") from exc

    def scores_of(self, generation_id: str) -> dict[int, list[Score]]:
        """Return a generation's scores by image index; images without any are left out."""
        scores = defaultdict(list)
        for item in self._score_items(generation_id):
            image_index = keys.image_index_of(item["sk"])
            scores[image_index].append(Score.model_validate(item))
        return dict(scores)

    def embedding(self, identity_id: str, content_sha256: str, version: EncoderVersion) -> Embedding | None:
        """Return the embedding kept for the content of a picture of an identity."""
        item = self._table.get_item(Key=_embedding_key(identity_id, content_sha256, version)).get("Item")
        if item is None:
            return None
        vector = bytes(item["vector"])
        return struct.unpack(f"<{len(vector) // 4}f", vector)

    def _score_items(self, generation_id: str) -> list[dict[str, Any]]:
        condition = Key("pk").eq(keys.generation(generation_id)["pk"]) & Key("sk").begins_with(keys.SCORE)
        items: list[dict[str, Any]] = []
        page: dict[str, Any] = {}
        while not page or "LastEvaluatedKey" in page:
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]} if page else {}
            page = self._table.query(KeyConditionExpression=condition, **start)
            items += page["Items"]
        return items


def _embedding_key(identity_id: str, content_sha256: str, version: EncoderVersion) -> keys.Key:
    weights = version.weights_sha256[:16]
    return keys.embedding(identity_id, content_sha256, version.encoder, weights, version.preprocessing)
