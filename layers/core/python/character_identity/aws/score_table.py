"""Scores and embeddings in DynamoDB."""

import struct
from collections import defaultdict
from typing import Any

from boto3.dynamodb.conditions import Key

from character_identity.aws.items import to_item
from character_identity.domain.score import EncoderVersion, Score
from character_identity.domain.similarity import Embedding


class ScoreTable:
    """Two kinds of items, written whole, so that writing one twice changes nothing.

    Score: pk ``GENERATION#<generation>``, sk ``SCORE#<image index>#<encoder>``.
    Embedding (little-endian float32): pk ``EMBEDDING#<content sha256>``,
    sk ``<encoder>#<weights sha256, 16 digits>#<preprocessing>``.
    """

    def __init__(self, table: Any) -> None:
        self._table = table

    def put_score(self, generation_id: str, image_index: int, score: Score) -> None:
        """Store the encoder's score of an image in place of an earlier one."""
        key = {"pk": f"GENERATION#{generation_id}", "sk": f"SCORE#{image_index:02}#{score.encoder}"}
        self._table.put_item(Item={**key, **to_item(score)})

    def scores_of(self, generation_id: str) -> dict[int, list[Score]]:
        """Return a generation's scores by image index; images without any are left out."""
        scores = defaultdict(list)
        for item in self._score_items(generation_id):
            image_index = int(item["sk"].split("#")[1])
            scores[image_index].append(Score.model_validate(item))
        return dict(scores)

    def put_embedding(self, content_sha256: str, version: EncoderVersion, embedding: Embedding) -> None:
        """Keep the embedding of a picture's content."""
        vector = struct.pack(f"<{len(embedding)}f", *embedding)
        self._table.put_item(Item={**_embedding_key(content_sha256, version), "vector": vector})

    def embedding(self, content_sha256: str, version: EncoderVersion) -> Embedding | None:
        """Return the embedding kept for a picture's content."""
        item = self._table.get_item(Key=_embedding_key(content_sha256, version)).get("Item")
        if item is None:
            return None
        vector = bytes(item["vector"])
        return struct.unpack(f"<{len(vector) // 4}f", vector)

    def _score_items(self, generation_id: str) -> list[dict[str, Any]]:
        condition = Key("pk").eq(f"GENERATION#{generation_id}") & Key("sk").begins_with("SCORE#")
        items: list[dict[str, Any]] = []
        page: dict[str, Any] = {}
        while not page or "LastEvaluatedKey" in page:
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]} if page else {}
            page = self._table.query(KeyConditionExpression=condition, **start)
            items += page["Items"]
        return items


def _embedding_key(content_sha256: str, version: EncoderVersion) -> dict[str, str]:
    weights = version.weights_sha256[:16]
    return {
        "pk": f"EMBEDDING#{content_sha256}",
        "sk": f"{version.encoder}#{weights}#{version.preprocessing}",
    }
