"""The rows of an evaluation as CSV."""

import csv
import io
from collections.abc import Iterable

from character_evaluation.run import EvaluationRow

COLUMNS = (
    "provider",
    "scenario",
    "variation",
    "seed",
    "outcome",
    "encoder",
    "similarity_mean",  # over the reference images, by that encoder
    "similarity_best",  # of the most similar reference image
    "clip_similarity",  # empty unless the encoder is CLIP ViT-B/32
    "latency_ms",
    "cost_usd",  # of this picture; training is not in it
    "image",
    "prompt",
    "error",
    "identity_id",
    "generation_id",
    "weights_sha256",
    "calibrated",  # 0: as unlike as decoys, 1: as like as the references are among themselves
    "near_copy",  # the reference that the picture is again, nearly: its score says nothing
    "face_encoder",
    "face_similarity_mean",  # of the face alone, over the reference images that show one
    "face_similarity_best",
    "face_calibrated",
    "face_not_scored",  # why the face was not compared, as a code
)
"""The columns, in an order that stays: new ones go to the end. Empty means unknown, never zero."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_csv(rows: Iterable[EvaluationRow]) -> str:
    """The rows as RFC 4180 text with a header line.

    Text that a spreadsheet would run as a formula gets an apostrophe in front: prompts are user input.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(getattr(row, column)) for column in COLUMNS])
    return text.getvalue()


def _cell(value: str | float | None) -> str | float | None:
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value
