"""The specification's criteria: met, not met, or not to be decided."""

from typing import Any

import pytest

from character_evaluation.criteria import ONE_SCENARIO, criteria
from tests.evaluation.test_verdict import run
from tests.support.scenarios import SCENARIOS

THREE: dict[str, Any] = {"a": {}, "b": {}, "c": {}}


def states(**changes: Any) -> list[str]:
    return [criterion.state for criterion in criteria(run(THREE, **changes))]


def times(often: int, **facts: Any) -> list[Any]:
    """Rows of all three, so many of each picture, with these facts."""
    return [
        type(row)(**{**vars(row), "variation": number, **facts})
        for row in run(THREE).rows
        for number in range(1, often + 1)
    ]


@pytest.mark.parametrize(
    ("rows", "place", "state"),
    [
        (times(3), 0, "met"),
        (times(2), 0, "not met"),
        (times(3)[:-3], 0, "not met"),
        (times(3, clip_similarity=0.8), 1, "met"),
        (times(3, clip_similarity=None), 1, "not met"),
        (times(1, similarity_mean=0.96), 2, "met"),
        (times(1, similarity_mean=0.94), 2, "not met"),
        (times(1, similarity_mean=0.99, encoder="efficientnet-lite0"), 2, "not decidable"),
        (times(1, latency_ms=29_000), 3, "met"),
        (times(1, latency_ms=31_000), 3, "not met"),
        (times(1, latency_ms=None), 3, "not decidable"),
        (times(1, cost_usd=0.149), 4, "met"),
        (times(1, cost_usd=0.15), 4, "not met"),
        (times(1, cost_usd=None), 4, "not decidable"),
    ],
)
def test_a_criterion_is_as_its_figures_are(rows: list[Any], place: int, state: str) -> None:
    assert states(rows=rows)[place] == state


def test_a_mean_above_the_mark_does_not_meet_it_if_its_interval_does_not() -> None:
    """0.8 to 0.84 in five scenarios, 0.98 in the mean of others: what is meant is the interval."""
    rows = [
        type(row)(**{**vars(row), "latency_ms": 50_000 if row.scenario == "action" else 10_000})
        for row in run(THREE).rows
    ]
    assert states(rows=rows)[3] == "not decidable"


def test_simulators_meet_nothing() -> None:
    found = criteria(run(THREE, simulated=frozenset({"a"})))
    assert [criterion.state for criterion in found[2:]] == ["not decidable"] * 3
    assert all("Simulated" in criterion.evidence for criterion in found[2:])


@pytest.mark.parametrize(
    ("encoder", "evidence"),
    [
        ("clip-vit-b32", [ONE_SCENARIO] * 3),
        ("efficientnet-lite0", ["no score is of clip-vit-b32", ONE_SCENARIO, ONE_SCENARIO]),
    ],
)
def test_what_is_known_of_one_scenario_is_not_said_to_be_unknown(encoder: str, evidence: list[str]) -> None:
    rows = [row for row in times(3, encoder=encoder) if row.scenario == "close-up"]
    found = criteria(run(THREE, rows=rows, scenarios=SCENARIOS[:1]))[2:]
    assert [(each.state, each.evidence) for each in found] == [("not decidable", each) for each in evidence]
