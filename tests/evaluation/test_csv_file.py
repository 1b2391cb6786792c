"""The CSV of an evaluation, read back."""

import csv
import io
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from character_evaluation.csv_file import COLUMNS, read_csv, write_csv
from character_evaluation.errors import BadResults
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
        "face_encoder,face_similarity_mean,face_similarity_best,face_calibrated,face_not_scored,first_similarity,own_similarity_mean,"
        "total_ms,nearest_reference,reference_count,training_time_ms,training_cost_usd,"
        "run_similarity_mean,preprocessing,face_weights_sha256,face_preprocessing\r\n"
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


def test_a_small_number_below_zero_is_no_formula_as_a_spreadsheet_writes_it() -> None:
    saved = write_csv([row(calibrated=-0.00005)]).replace("-5e-05", "-5.00E-05")
    assert read_csv(saved, "results.csv")[0].calibrated == -0.00005


def test_failures_are_rows_as_well() -> None:
    found = read_back(write_csv([row(), row(outcome="failed", error="fal is down"), row(outcome="filtered")]))
    assert [line["outcome"] for line in found] == ["succeeded", "failed", "filtered"]
    assert found[1]["error"] == "fal is down"


PROMPTS = [
    "=1+1",
    "'=1+1",
    "''=1",
    "'quoted'",
    "-",
    "+49",
    "@here",
    "\tx",
    "\r\nx",
    "-0.5",
    'a,b"c',
    "שלום‏",
    "x" * 100_000,
]


@pytest.mark.parametrize("prompt", PROMPTS, ids=range(len(PROMPTS)))
def test_rows_come_back_as_they_were(prompt: str) -> None:
    rows = [
        row(prompt=prompt, error=prompt),
        row(variation=3, seed=3002, similarity_mean=-0.5, encoder="clip-vit-b32", cost_usd=0.0),
        row(variation=4, cost_usd=0.0, latency_ms=1e-7, outcome="failed"),
    ]
    assert read_csv(write_csv(rows), "results.csv") == rows


def edited(column: str, cell: str) -> str:
    lines = list(csv.reader(io.StringIO(write_csv([row(), row(variation=3)]), newline="")))
    lines[2][COLUMNS.index(column)] = cell
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return text.getvalue()


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("similarity_mean", "nan"),
        ("similarity_mean", "inf"),
        ("similarity_mean", "0,81"),
        ("similarity_mean", "1.2"),
        ("cost_usd", "-1"),
        ("latency_ms", "-1"),
        ("variation", "0"),
        ("variation", ""),
        ("variation", "1.5"),
        ("outcome", "good"),
        ("provider", ""),
        ("prompt", "=HYPERLINK(1)"),
        ("error", "+cmd"),
    ],
)
def test_what_an_edit_broke_is_named_by_row_and_column(column: str, cell: str) -> None:
    with pytest.raises(BadResults, match=rf"^results\.csv, row 3, {column}: "):
        read_csv(edited(column, cell), "results.csv")


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"outcome": "failed", "similarity_mean": 0.5}, "similarity_mean"),
        ({"outcome": "filtered", "near_copy": "references/1.jpg"}, "near_copy"),
        ({"outcome": "cancelled", "image": "images/1.jpg"}, "image"),
        ({"similarity_mean": 0.5, "encoder": None}, "encoder"),
        ({"face_similarity_mean": 0.5}, "face_encoder"),
        ({"clip_similarity": 0.5, "similarity_mean": 0.5, "encoder": "other"}, "clip_similarity"),
        ({"clip_similarity": 0.5, "similarity_mean": 0.6, "encoder": "clip-vit-b32"}, "clip_similarity"),
        ({"cost_usd": 1e308}, "cost_usd"),
        ({"total_ms": 1e13}, "total_ms"),
    ],
)
def test_what_cannot_stand_beside_the_rest_of_its_row_is_told(changes: dict[str, Any], column: str) -> None:
    with pytest.raises(BadResults, match=rf"^results\.csv, row 3, {column}: "):
        read_csv(write_csv([row(), row(variation=3, **changes)]), "results.csv")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("cost_usd", "price"), "results.csv: the header lacks column 'cost_usd'."),
        (
            lambda text: text.replace("\r\n", ",more\r\n", 1),
            "results.csv: the header has an unknown column 'more'.",
        ),
        (
            lambda text: text.replace("\r\n", ",seed\r\n", 1),
            "results.csv: the header has twice column 'seed'.",
        ),
        (
            lambda text: text.replace(",face_preprocessing\r\n", "\r\n", 1),
            "results.csv: the header lacks column 'face_preprocessing'.",
        ),
        (lambda text: text + "fal-lora,profile\r\n", "results.csv, row 3, variation: "),
        (lambda text: text[:-2] + ",1\r\n", "results.csv, row 2: it has 36 cells, and the header 35."),
        (lambda text: text + '"open', "results.csv, line 3: this is no CSV"),
        (lambda text: "", "results.csv: the header lacks column 'provider'."),
        (lambda text: text.replace(",", "|"), "results.csv: the header lacks column 'provider'."),
        (lambda text: text.replace("\r\n", "\r\n\r\n", 1), "results.csv, row 2: it is empty, and"),
        (lambda text: text.replace("\r\n", "\r\n,,,\r\n", 1), "results.csv, row 2: it is empty, and"),
        (
            lambda text: text + text.partition("\r\n")[2],
            "results.csv, row 3, variation: row 2 has this picture already.",
        ),
    ],
)
def test_a_table_of_another_form_is_told(change: Callable[[str], str], told: str) -> None:
    with pytest.raises(BadResults) as caught:
        read_csv(change(write_csv([row()])), "results.csv")
    assert str(caught.value).startswith(told)


def test_cells_that_a_spreadsheet_leaves_out_at_the_end_of_rows_are_empty() -> None:
    rows = [row(preprocessing="v2"), row(variation=3, outcome="failed", error="It is down.")]
    header, first, second = write_csv(rows).splitlines()
    saved = "\r\n".join([header, first, second.rstrip(","), ""])
    assert saved.count(",") < write_csv(rows).count(",") - 15
    assert read_csv(saved, "results.csv") == rows


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_table_comes_back_as_a_spreadsheet_saves_it_that_writes_commas_in_numbers(separator: str) -> None:
    rows = [
        row(prompt="1,5 m; two\ttabs", similarity_mean=0.8123, encoder="clip-vit-b32", calibrated=-0.00005),
        row(variation=3, cost_usd=1234.5, latency_ms=7000.0),
    ]
    lines = [*csv.reader(io.StringIO(write_csv(rows), newline=""))]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(
        [cell.replace(".", ",").replace("-5e-05", "-5,00E-05") for cell in cells] for cells in lines
    )
    assert "0,8123" in text.getvalue() and "-5,00E-05" in text.getvalue()
    assert read_csv(text.getvalue(), "results.csv") == rows


def test_a_number_that_may_be_seven_or_seven_thousand_is_told() -> None:
    """As where somebody has a spreadsheet show thousands in groups, before it saves what it shows."""
    saved = write_csv([row(cost_usd=0.0245), row(variation=3, latency_ms=7000.25)]).replace(",", ";")
    saved = saved.replace("7000.25", "7.000")
    assert read_csv(saved, "results.csv")[1].latency_ms == 7.0, "where others have points, too"
    with pytest.raises(BadResults, match=r"^results\.csv, row 3: 7\.000 has a point, and other numbers have"):
        read_csv(saved.replace("0.0245", "0,0245"), "results.csv")


@pytest.mark.parametrize("left", ["\r\n", "\r\n\r\n", ",,,\r\n", f"{',' * (len(COLUMNS) - 1)}\r\n"])
def test_rows_without_anything_at_the_end_are_left_out(left: str) -> None:
    assert read_csv(write_csv([row()]) + left, "results.csv") == [row()]


def test_columns_may_be_in_another_order_and_a_spreadsheets_mark_may_stand_in_front() -> None:
    lines = list(csv.reader(io.StringIO(write_csv([row()]), newline="")))
    text = io.StringIO(newline="")
    csv.writer(text).writerows([line[::-1] for line in lines])
    assert read_csv("\ufeff" + text.getvalue(), "results.csv") == [row()]
