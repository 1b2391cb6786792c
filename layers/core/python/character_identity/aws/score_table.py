"""Scores and embedded references in DynamoDB."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from character_identity.aws import keys
from character_identity.aws.identity_table import while_there
from character_identity.aws.table import Refused, Table
from character_identity.aws.writes import put
from character_identity.domain.errors import Erased
from character_identity.domain.score import CLIP_ENCODER, EmbeddedReference, EncoderVersion, Score


class ScoreTable:
    """Two kinds of items, written whole, so that writing one twice changes nothing.

    A score lies beside its generation. An identity's references, all that an encoder sees of them, are one
    item beside the identity: 20 of 1,280 float32 (little-endian) are 0.1 of the 0.4 MB that an item holds.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def put_score(
        self,
        identity_id: str,
        generation_id: str,
        image_index: int,
        score: Score,
        references: Sequence[EmbeddedReference] = (),
    ) -> None:
        """Store the encoder's score of an image in place of an earlier one, with all references if given.

        Raises:
            Erased: the identity is gone; nothing is stored then.
        """
        key = keys.score(generation_id, image_index, score.encoder)
        writes = [while_there(identity_id), put({**key, **score.model_dump(mode="json")})]
        if references:
            kept = [_item(reference) for reference in references]
            writes.append(put({**_references_key(identity_id, score.version), "references": kept}))
        try:
            self._table.transact(writes)
        except Refused as exc:
            raise Erased(f"There is no identity {identity_id!r}.", code="unknown_identity") from exc

    def score_of(self, generation_id: str, image_index: int, encoder: str) -> Score | None:
        """Return the encoder's score of an image."""
        item = self._table.get(keys.score(generation_id, image_index, encoder))
        return None if item is None else Score.model_validate(item)

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

    def references(self, identity_id: str, version: EncoderVersion) -> list[EmbeddedReference]:
        """Return an identity's references as they are kept; none when none were scored with yet."""
        item = self._table.get(_references_key(identity_id, version))
        return [] if item is None else [_reference(kept) for kept in item["references"]]


def _references_key(identity_id: str, version: EncoderVersion) -> keys.Key:
    weights = version.weights_sha256[:16]
    return keys.embedded_references(identity_id, version.encoder, weights, version.preprocessing)


def _item(reference: EmbeddedReference) -> dict[str, Any]:
    vector = struct.pack(f"<{len(reference.embedding)}f", *reference.embedding)
    return {"key": reference.key, "sha256": reference.sha256, "vector": vector}


def _reference(item: Mapping[str, Any]) -> EmbeddedReference:
    vector: bytes = item["vector"]
    return EmbeddedReference(item["key"], item["sha256"], struct.unpack(f"<{len(vector) // 4}f", vector))
