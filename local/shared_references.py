"""Scores that can be compared: every provider's pictures against all references of the character."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from character_evaluation.run import EvaluationRow
from character_identity.domain.score import CLIP_ENCODER
from character_identity_client import ApiClient, Score

MOST_REFERENCES, MOST_IMAGES = 20, 10
"""In one request."""


def scored_alike(
    api: ApiClient, rows: Sequence[EvaluationRow], references: Sequence[Path], class_name: str | None
) -> list[EvaluationRow]:
    """Return the rows with scores against the same references; those of the provider's own are kept beside.

    A picture that cannot be compared has no score then, and the reason.

    Raises:
        ApiError, httpx.TransportError: they could not be had; nothing is stored by asking again.
    """
    keys = api.upload_references(references[:MOST_REFERENCES])
    numbers: Counter[str] = Counter()
    pictures: dict[int, tuple[str, int]] = {}
    for place, row in enumerate(rows):
        if row.generation_id is not None:
            numbers[row.generation_id] += 1
            if row.outcome == "succeeded":
                pictures[place] = (row.generation_id, numbers[row.generation_id])
    found = list(rows)
    places = list(pictures)
    for start in range(0, len(places), MOST_IMAGES):
        some = places[start : start + MOST_IMAGES]
        compared = api.compare([pictures[place] for place in some], references=keys, class_name=class_name)
        for place, image in zip(some, compared.images, strict=True):
            score = next(iter(image.scores), None)
            row = replace(rows[place], own_similarity_mean=rows[place].similarity_mean, **facts_of(score))
            if row.image is not None:  # else its error is why there is none
                row = replace(row, error=image.not_scored.reason if image.not_scored else None)
            found[place] = row
    return found


def facts_of(score: Score | None) -> dict[str, Any]:
    """Return what a row says of a score."""
    face = score.face_identity if score else None
    similarities = [each.similarity for each in score.per_reference] if score else []
    return {
        "encoder": score.encoder if score else None,
        "weights_sha256": score.weights_sha256 if score else None,
        "similarity_mean": score.mean if score else None,
        "similarity_best": score.best if score else None,
        "clip_similarity": score.mean if score and score.encoder == CLIP_ENCODER else None,
        "calibrated": score.calibrated if score else None,
        "near_copy": score.near_copy.reference if score and score.near_copy else None,
        "first_similarity": similarities[0] if similarities else None,
        "nearest_reference": similarities.index(max(similarities)) + 1 if similarities else None,
        "face_encoder": face.encoder if face else None,
        "face_similarity_mean": face.mean if face else None,
        "face_similarity_best": face.best if face else None,
        "face_calibrated": face.calibrated if face else None,
        "face_not_scored": face.not_scored.code if face and face.not_scored else None,
    }
