"""A run that ended before all was drawn: it says so, and what never ran is nobody's failure."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from character_evaluation.assembly import UNSEEN, assemble
from character_evaluation.criteria import criteria
from character_evaluation.pages import cost
from character_evaluation.results import files_of, pages_of, read_run
from character_evaluation.run import EvaluationRun
from character_evaluation.statistics import figures_of, summarise
from character_evaluation.summary import recommendation_of, summary_of
from character_evaluation.verdict import shortfall, verdict
from character_identity.domain.evaluation import (
    CANCELLED,
    GALLERY,
    MARKDOWN,
    NOT_ORDERED,
    REPORT,
    STOPPED,
    CellOutcome,
)
from character_identity.domain.failure import Failure
from tests.evaluation.recomputing import Tables
from tests.evaluation.test_assembly import LORA, evaluation, generation, image, material, rows
from tests.evaluation.test_verdict import run
from tests.support.builders import an_identity
from tests.support.scenarios import SCENARIOS

CLOSE_UP, LAST = SCENARIOS[0].name, SCENARIOS[-1].name


def partial(**changes: Any) -> EvaluationRun:
    """Of b the first picture failed, the last was stopped, and the one before was never ordered."""
    whole = run({"a": {"cost_usd": 0.04}, "b": {"lead": 0.15, "cost_usd": 0.05}})
    gone: dict[str, Any] = {"similarity_mean": None, "cost_usd": None, "latency_ms": None, "encoder": None}
    found = [replace(row, generation_id=f"{row.provider}-{row.scenario}") for row in whole.rows]
    found[5] = replace(found[5], outcome="failed", **gone)
    found[8] = replace(found[8], outcome="cancelled", **{**gone, "generation_id": None})
    found[9] = replace(found[9], outcome="cancelled", **gone)
    identities = [replace(each, training_cost_usd=0.0) for each in whole.identities]
    usual = {"rows": found, "identities": identities, "status": "cancelled", "variations": 1}
    return replace(whole, **{**usual, **changes})


def test_what_never_ran_is_in_no_denominator() -> None:
    first, second = summarise(partial())
    assert (first.succeeded, first.asked, first.cancelled, first.failed) == (5, 5, 0, 0)
    assert (second.succeeded, second.asked, second.cancelled, second.failed) == (2, 3, 2, 1)
    assert second.cost_per_accepted_usd == pytest.approx(0.05)
    assert second.cost_usd is None  # what was stopped may have been billed
    assert cost([second]) == "at least $0.10"
    never = partial(rows=[row for row in partial().rows if not row.was_stopped])
    assert summarise(never)[1].cost_usd == pytest.approx(0.1)
    in_last = figures_of(partial(), "b", LAST)
    assert (in_last.asked, in_last.cancelled) == (0, 1)


def test_the_first_call_is_the_first_that_was_made() -> None:
    found = partial()
    early = [replace(row, outcome="cancelled") if row.scenario == CLOSE_UP else row for row in found.rows]
    late = [replace(row, latency_ms=9e4) if row.scenario == SCENARIOS[1].name else row for row in early]
    (first, _) = summarise(replace(found, rows=late))
    assert (first.first_latency_ms, first.latency_median_ms) == (9e4, 5000.0)


def test_every_page_says_what_is_lacking() -> None:
    lacking = (
        "The evaluation was cancelled. Of 10 planned pictures, drawn or failed: 8; stopped while they were "
        "drawn: 1; never ordered: 1. What was stopped or never ordered is no failure of its provider."
    )
    assert shortfall(partial()) == lacking
    pages = pages_of(partial())
    for page in (GALLERY, REPORT, MARKDOWN):
        assert "PARTIAL" in pages[page], page
        assert lacking in pages[page], page
        assert "2 of 3, 2 cancelled" in pages[page], page
    assert [cells[1] for cells in Tables(pages[REPORT]).body("Providers")] == [
        "5 of 5",
        "2 of 3, 2 cancelled",
    ]
    assert pages[GALLERY].count("<strong>Cancelled</strong>") == 2
    assert pages[GALLERY].count("<strong>Failed</strong>") == 1
    summary = json.loads(summary_of(partial()))
    assert (summary["status"], summary["shortfall"], summary["providers"][1]["cancelled"]) == (
        "cancelled",
        lacking,
        2,
    )
    assert recommendation_of(partial()).sentence.startswith(lacking)
    whole = pages_of(partial(status="completed"))
    assert all("PARTIAL" not in page for page in whole.values())


def test_one_that_failed_says_why_and_nothing_in_it_is_run() -> None:
    found = partial(status="failed", error="<b>*It*</b> broke.")
    assert "The evaluation failed (<b>*It*</b> broke)." in str(shortfall(found))
    pages = pages_of(found)
    assert "(&lt;b&gt;*It*&lt;/b&gt; broke)" in pages[REPORT]
    assert r"(\<b\>\*It\*\</b\> broke)" in pages[MARKDOWN]


def test_what_is_missing_decides_nothing() -> None:
    """b leads decidedly where it was drawn; with what never ran there are too few scenarios for that."""
    assert verdict(run({"a": {}, "b": {"lead": 0.15}})).provider == "b"
    assert verdict(partial()).provider is None
    states = {each.text[:20]: each.state for each in criteria(partial())}
    assert states["Every provider draws"] == "not decidable"
    assert states["CLIP similarity is m"] == "not decidable"
    complete = {each.text[:20]: each.state for each in criteria(partial(status="completed"))}
    assert complete["Every provider draws"] == "not met"


def test_its_pages_follow_from_its_files_byte_for_byte(tmp_path: Path) -> None:
    found = partial(status="failed", error="It broke.")
    for name, content in files_of(found).items():
        (tmp_path / name).write_text(content, newline="")
    assert files_of(read_run(tmp_path)) == files_of(found)


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_what_was_not_drawn_is_told_from_what_failed(status: str) -> None:
    found = evaluation(status=status, error=CANCELLED)
    begun = generation(found, LORA, status="running", settled_at=None, cost_usd=None)
    stopped = begun.model_copy(update={"status": "failed", "error": STOPPED})
    refused = begun.model_copy(update={"status": "failed", "error": Failure(code="x", message="No.")})
    settled = {"settled_at": begun.created_at}

    def told(generation: Any, outcome: Failure | None) -> tuple[str, str | None, bool]:
        generations = {} if generation is None else {generation.generation_id: generation}
        outcomes = {} if outcome is None else {LORA.cell_id: CellOutcome(cell=LORA, error=outcome)}
        (row,) = rows(material(found, generations=generations, outcomes=outcomes))
        return row.outcome, row.error, row.was_stopped

    never = ("cancelled", NOT_ORDERED.message, False)
    while_drawn = ("cancelled", STOPPED.message, True)
    assert told(None, None) == told(None, NOT_ORDERED) == never
    assert told(begun, None) == told(stopped.model_copy(update=settled), None) == while_drawn
    assert told(stopped.model_copy(update=settled), STOPPED) == while_drawn
    assert told(refused.model_copy(update=settled), None) == ("failed", "No.", False)
    assert told(None, Failure(code="no_identity", message="None."))[0] == "failed"


def test_what_was_drawn_and_not_yet_scored_says_so_and_no_identity_why() -> None:
    found = evaluation(status="cancelled", error=CANCELLED, providers=["fal-lora", "fal-instant"])
    drawn = generation(found, LORA, image(1))
    error = Failure(code="cancelled", message="The training was cancelled.")
    lora = an_identity(status="failed", error=error)
    evaluated, _ = assemble(
        material(found, generations={drawn.generation_id: drawn}, identities={"fal-lora": lora})
    )
    assert (evaluated.rows[0].outcome, evaluated.rows[0].error) == ("succeeded", UNSEEN)
    assert [each.error for each in evaluated.identities] == [
        "The training was cancelled.",
        "The evaluation ended before it was made.",
    ]
