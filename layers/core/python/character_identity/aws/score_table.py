"""Scores and embedded references in DynamoDB."""

import struct
from array import array
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from character_identity.aws import keys
from character_identity.aws.event_table import put_of
from character_identity.aws.generation_table import unless_erased
from character_identity.aws.identity_table import while_there
from character_identity.aws.items import Item
from character_identity.aws.table import Refused, Table
from character_identity.aws.writes import ERASED, NEW, NOT_ERASED, THERE, check, delete, put
from character_identity.domain.errors import Erased
from character_identity.domain.event import Event
from character_identity.domain.face import NoFace
from character_identity.domain.near_copy import MEASURE, CopyDescriptor
from character_identity.domain.object_keys import subject_of_key
from character_identity.domain.perceptual_hash import PerceptualHash
from character_identity.domain.score import CLIP_ENCODER, EmbeddedReference, KeptReferences, NotScored, Score
from character_identity.domain.similarity import Embedding
from character_identity.domain.view import EncoderVersion, View

NOT_SCORED = "code"
"""The attribute of a row that says why there is no score."""
HASH_BYTES = 16


class ScoreTable:
    """Two kinds of items, written whole, so that writing one twice changes nothing.

    A score lies beside its generation, and behind it what an earlier version of its encoder said. An
    identity's references, all that an encoder sees of them, are one item beside the identity: 20 of 1,280
    float32 (little-endian) with their descriptors and faces are 0.14 MB, and an item holds 0.4 MB.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

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
        key = keys.score(generation_id, image_index, score.encoder)
        there = [while_there(identity_id), unless_erased(generation_id)]
        writes = [*there, put({**key, **score.model_dump(mode="json")})]
        if references and isinstance(score, Score):
            embedded = [_item(reference) for reference in references.embedded]
            by = keys.embedded_references(identity_id, _seen_by(score.version, score.face_version))
            writes.append(put({**by, "owner": references.owner, "references": embedded}))
        if earlier is not None:
            kept = keys.score(generation_id, image_index, _by(earlier.version))
            writes.append(put({**kept, **earlier.model_dump(mode="json")}))
            if isinstance(score, Score):  # after a release that was taken back
                writes.append(delete(keys.score(generation_id, image_index, _by(score.version))))
        told = [] if event is None else [put_of(event, NEW)]
        try:
            self._table.transact([*writes, *told])
        except Refused as exc:
            if any(exc.refused[: len(there)]) or not told:
                raise Erased.of("generation", generation_id) from exc
            self.put_score(identity_id, generation_id, image_index, score, references, earlier=earlier)
            return False
        return event is not None

    def score_of(self, generation_id: str, image_index: int, encoder: str) -> Score | None:
        item = self._table.get(keys.score(generation_id, image_index, encoder))
        return None if item is None or NOT_SCORED in item else Score.model_validate(item)

    def scores_of(self, generation_id: str) -> dict[int, list[Score | NotScored]]:
        pk = keys.generation(generation_id)["pk"]
        rows = self._table.query(pk, "begins_with(sk, :score)", score=keys.SCORE)
        scores: dict[int, list[Score | NotScored]] = {}
        for row in rows:
            scores.setdefault(keys.image_index_of(row["sk"]), []).append(_outcome(row))
        return scores

    def stop_waiting(self, generation_id: str, late: Sequence[Event]) -> None:
        with suppress(Refused):
            self._table.transact(
                [delete(keys.scoring(generation_id), THERE), *(put_of(each) for each in late)]
            )

    def by_clip(self, images: Mapping[str, int]) -> dict[str, Score | NotScored]:
        wanted = [keys.score(generation_id, index, CLIP_ENCODER) for generation_id, index in images.items()]
        rows = self._table.get_all(wanted)
        return {keys.id_of(row["pk"]): _outcome(row) for row in rows}

    def put_shared_score(
        self,
        evaluation_id: str,
        generation_id: str,
        image_index: int,
        score: Score | NotScored,
        references: Sequence[EmbeddedReference] = (),
        embedding: Embedding | None = None,
        identity_id: str | None = None,
    ) -> None:
        place = {"generation_id": generation_id, "image_index": image_index}
        key = keys.shared_score(evaluation_id, generation_id, image_index)
        there = [
            check(keys.evaluation(evaluation_id), NOT_ERASED, erased=ERASED),
            unless_erased(generation_id),
            *([while_there(identity_id)] if identity_id else []),
        ]
        writes = [*there, put({**key, **place, **score.model_dump(mode="json")})]
        if references and isinstance(score, Score):
            by = keys.shared_references(evaluation_id, _seen_by(score.version, score.face_version))
            whose = {subject_of_key(each.key) for each in references} - {evaluation_id, identity_id}
            writes += [while_there(each) for each in sorted(whose)]
            writes.append(put({**by, "references": [_item(reference) for reference in references]}))
        if embedding is not None and isinstance(score, Score):
            view = keys.shared_view(evaluation_id, generation_id, image_index)
            writes.append(put({**view, **place, "vector": _packed(embedding)}))
        try:
            self._table.transact(writes)
        except Refused as exc:
            if not any(exc.refused[: len(there)]):  # somebody else's references went since they were read
                self.put_shared_score(
                    evaluation_id, generation_id, image_index, score, (), embedding, identity_id
                )

    def has_shared_score(self, evaluation_id: str, generation_id: str, image_index: int) -> bool:
        return self._table.get(keys.shared_score(evaluation_id, generation_id, image_index)) is not None

    def shared_embeddings(self, evaluation_id: str) -> dict[tuple[str, int], Embedding]:
        pk = keys.shared_references(evaluation_id, "")["pk"]
        rows = self._table.query(pk, "begins_with(sk, :view)", view=keys.VIEW)
        return {
            (row["generation_id"], row["image_index"]): array("f", _unpacked(row["vector"])) for row in rows
        }

    def shared_scores(self, evaluation_id: str) -> dict[tuple[str, int], Score | NotScored]:
        pk = keys.evaluation(evaluation_id)["pk"]
        rows = self._table.query(pk, "begins_with(sk, :score)", score=keys.SCORE)
        return {(row["generation_id"], row["image_index"]): _outcome(row) for row in rows}

    def count_shared_scores(self, evaluation_id: str) -> tuple[int, int]:
        pk = keys.evaluation(evaluation_id)["pk"]
        only = "pk, sk, image_sha256"  # of what was scored
        rows = self._table.query(pk, "begins_with(sk, :score)", only=only, score=keys.SCORE)
        scored = sum("image_sha256" in row for row in rows)
        return scored, len(rows) - scored

    def shared_references(
        self, evaluation_id: str, version: EncoderVersion, face_version: EncoderVersion | None = None
    ) -> list[EmbeddedReference]:
        item = self._table.get(keys.shared_references(evaluation_id, _seen_by(version, face_version)))
        return [] if item is None else [_reference(kept) for kept in item["references"]]

    def references(
        self, identity_id: str, version: EncoderVersion, face_version: EncoderVersion | None = None
    ) -> KeptReferences | None:
        item = self._table.get(keys.embedded_references(identity_id, _seen_by(version, face_version)))
        if item is None or "owner" not in item:  # before version 0.2 the row did not say whose it is
            return None
        return KeptReferences(item["owner"], [_reference(kept) for kept in item["references"]])


def _outcome(row: Item) -> Score | NotScored:
    return (NotScored if NOT_SCORED in row else Score).model_validate(row)


def _seen_by(version: EncoderVersion, face_version: EncoderVersion | None) -> str:
    by = f"{_by(version)}#{MEASURE}"
    return f"{by}#{_by(face_version)}" if face_version else by


def _by(version: EncoderVersion) -> str:
    return f"{version.encoder}#{version.weights_sha256[:16]}#{version.preprocessing}"


def _item(reference: EmbeddedReference) -> dict[str, Any]:
    """``face`` is a vector, or the word that says why there is none."""
    embedding, (perceptual_hash, grey) = reference.view
    hashes = (perceptual_hash.shape, perceptual_hash.mirrored)
    item = {
        "key": reference.key,
        "sha256": reference.sha256,
        "vector": _packed(embedding),
        "hashes": b"".join(bits.to_bytes(HASH_BYTES) for bits in hashes),
        "grey": grey,
    }
    face = reference.face
    return item if face is None else {**item, "face": face if isinstance(face, str) else _packed(face)}


def _reference(item: Mapping[str, Any]) -> EmbeddedReference:
    hashes: bytes = item["hashes"]
    shape, mirrored = (int.from_bytes(each) for each in (hashes[:HASH_BYTES], hashes[HASH_BYTES:]))
    descriptor = CopyDescriptor(PerceptualHash(item["sha256"], shape, mirrored), item["grey"])
    face = item.get("face")
    return EmbeddedReference(
        item["key"],
        item["sha256"],
        View(_unpacked(item["vector"]), descriptor),
        cast(NoFace, face) if face is None or isinstance(face, str) else _unpacked(face),
    )


def _packed(vector: Embedding) -> bytes:
    return struct.pack(f"<{len(vector)}f", *vector)


def _unpacked(vector: bytes) -> Embedding:
    return struct.unpack(f"<{len(vector) // 4}f", vector)
