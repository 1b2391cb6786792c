"""The CSV of an evaluation, read back."""

import csv
import io
from dataclasses import fields
from typing import Any

import pytest

from character_evaluation.csv_file import COLUMNS, write_csv
from character_evaluation.run import EvaluationRow


def row(**changes: Any) -> EvaluationRow:
    usual: dict[str, Any] = {
        "provider": "fal-lora",
        "scenario": "profile",
        "variation": 2,
        "prompt": "Profile view",
        "outcome": "succeeded",
    }
    return EvaluationRow(**usual | changes)


def read_back(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_every_field_of_a_row_is_a_column() -> None:
    assert sorted(COLUMNS) == sorted(field.name for field in fields(EvaluationRow))


def test_columns_keep_their_order() -> None:
    assert write_csv([]) == (
        "provider,scenario,variation,seed,outcome,encoder,similarity_mean,similarity_best,clip_similarity,"
        "latency_ms,cost_usd,image,prompt,error,identity_id,generation_id,weights_sha256,"
        "calibrated,near_copy,"
        "face_encoder,face_similarity_mean,face_similarity_best,face_calibrated,face_not_scored\r\n"
    )


def test_figures_come_back_as_they_were() -> None:
    written = row(seed=3002, similarity_mean=-0.0123456789, cost_usd=0.0245, latency_ms=1200.5)
    (found,) = read_back(write_csv([written]))
    assert (found["provider"], found["variation"], found["seed"]) == ("fal-lora", "2", "3002")
    assert float(found["similarity_mean"]) == -0.0123456789
    assert float(found["cost_usd"]) == 0.0245
    assert float(found["latency_ms"]) == 1200.5


def test_the_unknown_is_empty_and_zero_is_not() -> None:
    (found,) = read_back(write_csv([row(cost_usd=0.0)]))
    assert found["cost_usd"] == "0.0"
    assert found["similarity_mean"] == found["error"] == ""


@pytest.mark.parametrize("prompt", ['a "quoted", one', "two\r\nlines", "Ünïcode 猫", "semi;colon"])
def test_any_prompt_comes_back(prompt: str) -> None:
    assert read_back(write_csv([row(prompt=prompt), row()]))[0]["prompt"] == prompt


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_spreadsheet_runs_no_formula_of_a_prompt(start: str) -> None:
    (found,) = read_back(write_csv([row(prompt=f"{start}1+1")]))
    assert found["prompt"] == f"'{start}1+1"


def test_failures_are_rows_as_well() -> None:
    found = read_back(write_csv([row(), row(outcome="failed", error="fal is down"), row(outcome="filtered")]))
    assert [line["outcome"] for line in found] == ["succeeded", "failed", "filtered"]
    assert found[1]["error"] == "fal is down"
