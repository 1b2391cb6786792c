"""The rows of an evaluation as CSV."""

import csv
import io
import re
from collections.abc import Iterable

from pydantic import TypeAdapter

from character_evaluation.errors import BadResults, validated
from character_evaluation.run import EvaluationRow
from character_evaluation.tables import read_table
from character_identity.domain.score import CLIP_ENCODER
from character_identity.domain.text import FORMULA_STARTS

ADDED = ("preprocessing", "face_weights_sha256", "face_preprocessing")
"""Of encoders, beside ``weights_sha256``: only scores of equal ones compare. Tables of earlier runs end
before these, which are unknown then."""

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
    "first_similarity",  # of the first reference: the specification's way
    "own_similarity_mean",  # over the references that this provider took
    "total_ms",  # from our order on, with our own share
    "nearest_reference",  # its number, from 1
    "reference_count",  # that this provider took; the same in all its rows, as what follows
    "training_time_ms",
    "training_cost_usd",
    "run_similarity_mean",  # to the provider's other pictures of this run, as far as they are compared
    *ADDED,
)
"""The columns, in an order that stays: new ones go to the end. Empty means unknown, never zero."""

OF_PICTURES = (
    "image",
    "similarity_mean",
    "similarity_best",
    "clip_similarity",
    "calibrated",
    "near_copy",
    "face_similarity_mean",
    "face_similarity_best",
    "face_calibrated",
    "first_similarity",
    "own_similarity_mean",
    "nearest_reference",
    "run_similarity_mean",
)
"""The columns of which a row says nothing whose picture is not there."""

ROW = TypeAdapter(EvaluationRow)
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")


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


def read_csv(text: str, file: str) -> list[EvaluationRow]:
    """Read what ``write_csv`` wrote, perhaps edited by hand since; ``file`` is what errors call it.

    Raises:
        BadResults: columns are missing or unknown, a picture is there twice, or a cell holds what cannot
            stand there, or not beside the others of its row. The message names the row, counted as a
            spreadsheet does, and the column.
    """
    columns, lines = read_table(text, file, _problem_of)
    rows: dict[tuple[str, str, int], EvaluationRow] = {}
    for number, cells in enumerate(lines, 2):
        row = _row(columns, cells, f"{file}, row {number}")
        picture = (row.provider, row.scenario, row.variation)
        contradiction = _contradiction(row)
        if picture in rows:
            contradiction = f"variation: row {list(rows).index(picture) + 2} has this picture already"
        if contradiction:
            raise BadResults(f"{file}, row {number}, {contradiction}.")
        rows[picture] = row
    return list(rows.values())


def _contradiction(row: EvaluationRow) -> str | None:
    """Return a column, and why it cannot say what it does beside the others of its row."""
    if row.outcome != "succeeded":
        told = next((column for column in OF_PICTURES if getattr(row, column) is not None), None)
        return told and f"{told}: there is no picture, for the outcome is {row.outcome}"
    if row.similarity_mean is not None and row.encoder is None:
        return "encoder: the score is of none"
    if row.face_similarity_mean is not None and row.face_encoder is None:
        return "face_encoder: the score of the face is of none"
    if row.clip_similarity is not None and row.encoder != CLIP_ENCODER:
        return f"clip_similarity: the encoder is not {CLIP_ENCODER}"
    if row.clip_similarity is not None and row.clip_similarity != row.similarity_mean:
        return "clip_similarity: similarity_mean is of the same encoder, and another"
    return None


def _problem_of(header: list[str]) -> str | None:
    lacking = [name for name in COLUMNS if name not in header]
    for problem, names in (
        ("lacks", [] if lacking == [*ADDED] else lacking),
        ("has twice", [name for name in COLUMNS if header.count(name) > 1]),
        ("has an unknown", [name for name in header if name not in COLUMNS]),
    ):
        if names:
            return f"{problem} column {names[0][:100]!r}"
    return None


def _row(columns: list[str], cells: list[str], where: str) -> EvaluationRow:
    values = {column: _text(cell, f"{where}, {column}") for column, cell in zip(columns, cells, strict=True)}
    return validated(ROW, {column: value for column, value in values.items() if value is not None}, where)


def _text(cell: str, where: str) -> str | None:
    """Take the apostrophe away that a text got which looks like a formula."""
    if cell.startswith(FORMULA_STARTS) and not NUMBER.fullmatch(cell):
        raise BadResults(f"{where}: a spreadsheet would run it as a formula; put an apostrophe in front.")
    return (cell[1:] if cell.startswith("'") and _looks_like_formula(cell) else cell) or None


def _cell(value: str | float | None) -> str | float | None:
    return f"'{value}" if isinstance(value, str) and _looks_like_formula(value) else value


def _looks_like_formula(text: str) -> bool:
    """Return True if a text is a formula, or was one until it got its apostrophe."""
    return text.lstrip("'").startswith(FORMULA_STARTS)
