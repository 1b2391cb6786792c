"""What is said of a run, and what is not."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from character_evaluation.run import EvaluatedIdentity, EvaluationRow, EvaluationRun
from character_evaluation.verdict import measures_of, verdict
from tests.support.scenarios import SCENARIOS

SCATTER = (0.00, 0.02, -0.01, 0.01, -0.02)


def row(**changes: Any) -> EvaluationRow:
    usual: dict[str, Any] = {
        "provider": "a",
        "scenario": "close-up",
        "variation": 1,
        "prompt": "p",
        "outcome": "succeeded",
        "encoder": "clip-vit-b32",
        "similarity_mean": 0.8,
        "latency_ms": 5_000.0,
        "cost_usd": 0.04,
    }
    return EvaluationRow(**usual | changes)


def run(of: Mapping[str, Mapping[str, Any]], **changes: Any) -> EvaluationRun:
    """Five scenarios, a picture each, by providers with these facts; ``lead`` is added to the score."""
    rows = []
    for place, (provider, facts) in enumerate(of.items()):
        lead = facts.get("lead", 0.0)
        for scenario, scatter in zip(SCENARIOS, SCATTER, strict=True):
            score = 0.8 + lead + scatter * (1 if place else -1)
            told = {key: value for key, value in facts.items() if key != "lead"}
            rows.append(row(provider=provider, scenario=scenario.name, similarity_mean=score, **told))
    usual: dict[str, Any] = {
        "character": "Eileen",
        "started_at": datetime(2026, 1, 2, tzinfo=UTC),
        "references": [],
        "scenarios": SCENARIOS,
        "identities": [EvaluatedIdentity(provider=provider, reference_count=8) for provider in of],
        "rows": rows,
    }
    return EvaluationRun(**usual | changes)


def test_who_is_nearer_to_the_references_is_recommended() -> None:
    found = verdict(run({"a": {}, "b": {"lead": 0.2}}))
    assert found.provider == "b"
    assert found.sentences[0].startswith("Recommended: b.")


def test_a_lead_that_decides_nothing_is_said_with_what_would() -> None:
    found = verdict(run({"a": {}, "b": {"lead": 0.01}}))
    assert found.provider is None
    [why, finds, settles] = found.sentences
    assert why.startswith("Not decided")
    assert finds.startswith("Four in five gaps of 0.0")
    # A picture of a scenario costs either 4 cents.
    told = re.fullmatch(
        r"About (\d+) more scenarios would settle it between a and b, for about \$(.*)\.", settles
    )
    assert told is not None and float(told[2]) == pytest.approx(int(told[1]) * 0.08)


def test_what_would_settle_it_has_no_price_where_one_is_not_known() -> None:
    found = verdict(run({"a": {}, "b": {"lead": 0.01, "cost_usd": None}}))
    assert found.sentences[-1].endswith("would settle it between a and b, at a price that is not known.")


def test_who_leads_but_for_a_scenario_that_it_left_out_is_said_to_lack_that_one() -> None:
    six = [*SCENARIOS, SCENARIOS[0].model_copy(update={"number": 6, "name": "sixth"})]
    rows = [*run({"a": {}, "b": {"lead": 0.2}}).rows, row(scenario="sixth")]
    found = verdict(run({"a": {}, "b": {}}, rows=rows, scenarios=six))
    assert found.provider is None
    assert (
        found.sentences[-1] == "b leads over a, but in 1 scenario only a has a picture that was scored: "
        "they would settle it."
    )


def test_exact_ties_are_said_to_be_no_question_of_more_scenarios() -> None:
    ties = [replace(each, similarity_mean=0.8) for each in run({"a": {}, "b": {}}).rows]
    found = verdict(run({"a": {}, "b": {}}, rows=ties))
    assert found.provider is None
    assert found.sentences[-1].startswith("In identity they are exactly alike")


def test_exact_ties_ahead_of_another_are_said_to_be_ties() -> None:
    rows = run({"a": {}, "b": {}, "c": {"lead": -0.3}}).rows
    ties = [each if each.provider == "c" else replace(each, similarity_mean=0.8) for each in rows]
    found = verdict(run({"a": {}, "b": {}, "c": {}}, rows=ties))
    assert found.sentences[0].endswith("Decidedly behind in identity: c.")
    assert found.sentences[-1].startswith("In identity they are exactly alike")


def test_ties_beside_one_that_gave_too_little_are_no_end_of_it() -> None:
    rows = run({"a": {}, "b": {}, "c": {}}).rows
    ties = [
        replace(each, similarity_mean=0.8)
        for each in rows
        if each.provider != "c" or each.scenario == "close-up"
    ]
    found = verdict(run({"a": {}, "b": {}, "c": {}}, rows=ties))
    assert found.sentences[-1].startswith("At least 5 scenarios are needed")


def test_leads_that_cancel_out_are_no_ties() -> None:
    leads = dict(zip((each.name for each in SCENARIOS), (0.25, -0.25, 0.125, -0.125, 0.0), strict=True))
    rows = [
        replace(each, similarity_mean=0.5 + (leads[each.scenario] if each.provider == "b" else 0.0))
        for each in run({"a": {}, "b": {}}).rows
    ]
    found = verdict(run({"a": {}, "b": {}}, rows=rows))
    assert found.sentences[-1] == "Between a and b the gap of 0.000 is too small to be told by any test."


def test_what_other_weights_would_recommend_is_said() -> None:
    """A fifth of the price for five times as long: at equal weights there is not even a difference."""
    found = verdict(run({"a": {"cost_usd": 0.2, "latency_ms": 5_000}, "b": {"latency_ms": 25_000}}))
    assert found.provider is None
    assert found.sentences[1:3] == (
        "With a weight of price against time from 0 to 0.25 it would be a.",
        "With a weight of price against time from 0.75 to 1 it would be b.",
    )


def test_price_and_time_decide_where_identity_does_not() -> None:
    found = verdict(run({"a": {"cost_usd": 0.2, "latency_ms": 50_000}, "b": {"lead": 0.01}}))
    assert found.provider == "b"
    assert found.sentences[1].endswith("from 0 to 1.")


def test_who_takes_more_time_and_much_less_money_is_not_said_to_take_less_of_both() -> None:
    found = verdict(run({"a": {"cost_usd": 0.4}, "b": {"lead": 0.01, "latency_ms": 10_000}}))
    assert found.sentences[0] == (
        "Recommended: b. In identity it is not decidedly behind any other, "
        "and price and time of its pictures, weighed alike, are decidedly less."
    )


def test_of_three_the_one_that_is_decidedly_behind_is_said_to_be() -> None:
    rows = run({"a": {"lead": -0.3}, "b": {}, "c": {"lead": 0.01}}).rows
    differing = [
        replace(each, similarity_mean=each.similarity_mean - SCATTER[place % 5] / 2)
        if each.provider == "c" and each.similarity_mean
        else each
        for place, each in enumerate(rows)
    ]
    found = verdict(run({"a": {}, "b": {}, "c": {}}, rows=differing))
    assert found.provider is None
    assert found.sentences[0] == (
        "Not decided between b and c: neither identity nor price and time tell them apart. "
        "Decidedly behind in identity: a."
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"simulated": frozenset({"a"})}, "simulators"),
        ({"identities": [EvaluatedIdentity(provider="b")]}, "nothing to compare"),
        (
            {
                "identities": [
                    EvaluatedIdentity(provider="a", reference_count=3),
                    EvaluatedIdentity(provider="b", reference_count=8),
                ]
            },
            "different references",
        ),
    ],
)
def test_what_cannot_be_compared_is_not(changes: dict[str, Any], why: str) -> None:
    found = verdict(run({"a": {}, "b": {"lead": 0.2}}, **changes))
    assert (found.provider, found.pairs) == (None, ())
    assert why in found.sentences[0]


def test_scores_of_two_encoders_are_not_compared() -> None:
    found = verdict(run({"a": {}, "b": {"lead": 0.2, "encoder": "efficientnet-lite0"}}))
    assert found.provider is None
    assert "encoders" in found.sentences[0]


@pytest.mark.parametrize("changed", ["weights_sha256", "preprocessing"])
def test_scores_of_two_versions_of_an_encoder_are_not_compared(changed: str) -> None:
    """As where another release was deployed while pictures were still drawn."""
    other = verdict(run({"a": {changed: "v1"}, "b": {"lead": 0.2, changed: "v2"}}))
    assert (other.provider, other.pairs) == (None, ())
    assert "different weights or preprocessing" in other.sentences[0]


def test_who_left_the_hard_scenarios_out_is_not_recommended() -> None:
    whole = run({"a": {}, "b": {"lead": 0.2}})
    rows = [
        row(provider="b", scenario=each.scenario, outcome="filtered", similarity_mean=None)
        if (each.provider, each.scenario) == ("b", "action")
        else each
        for each in whole.rows
    ]
    assert verdict(run({"a": {}, "b": {}}, rows=rows)).provider is None


@pytest.mark.parametrize("face", [None, 0.99], ids=["whole pictures", "faces"])
def test_who_gives_the_references_back_is_not_recommended_for_it(face: float | None) -> None:
    whole = run({"a": {}, "b": {"lead": 0.15}})
    seen: dict[str, Any] = {} if face is None else {"face_encoder": "face-dlib"}
    rows = [
        replace(
            each,
            near_copy="references/i1/0001.jpg" if each.provider == "b" else None,
            face_similarity_mean=face and (face if each.provider == "b" else each.similarity_mean),
            **seen,
        )
        for each in whole.rows
    ]
    found = verdict(replace(whole, rows=rows))
    assert found.provider is None
    assert found.sentences[-1] == "Near copies of a reference are left out of this comparison: b has 5."


@pytest.mark.parametrize(
    "worthless",
    [
        {"near_copy": "references/i1/0001.jpg"},
        {"similarity_mean": None, "encoder": None, "error": "The picture is black."},
    ],
    ids=["references", "black frames"],
)
def test_who_gives_nothing_to_compare_is_not_recommended_for_its_price(worthless: dict[str, Any]) -> None:
    """But for one picture, so that nobody is decidedly ahead of it."""
    whole = run({"a": {"cost_usd": 0.01, "latency_ms": 1_000}, "b": {"cost_usd": 0.1}})
    rows = [
        replace(each, **worthless) if each.provider == "a" and each.scenario != "close-up" else each
        for each in whole.rows
    ]
    assert verdict(whole).provider == "a"
    found = verdict(replace(whole, rows=rows))
    assert found.provider is None
    assert any(each.startswith("At least 5 scenarios are needed") for each in found.sentences)


def test_a_picture_that_was_paid_and_filtered_raises_the_price_of_the_others() -> None:
    rows = [row(), row(variation=2, outcome="filtered", similarity_mean=None)]
    assert measures_of(rows).price_usd == {"a": {"close-up": [0.08]}}
    rows.append(row(variation=3, cost_usd=None))
    assert measures_of(rows).price_usd == {"a": {}}, "one price is not known"


def with_faces(lead: float, without: int = 0) -> EvaluationRun:
    """Whole pictures as like as the other's, and faces that lead; the first scenarios have no face of a."""
    whole = run({"a": {}, "b": {"lead": -0.2}})
    rows = [
        replace(
            each,
            face_encoder="face-dlib",
            face_similarity_mean=None
            if each.provider == "a" and place < without
            else 0.7 + SCATTER[place % 5] + (lead if each.provider == "b" else 0),
        )
        for place, each in enumerate(whole.rows)
    ]
    return replace(whole, rows=rows)


def test_faces_decide_where_there_are_enough() -> None:
    found = verdict(with_faces(lead=0.1))
    assert (found.provider, found.identity) == ("b", "face")


def test_where_faces_decide_it_is_said_with_how_many_there_were() -> None:
    """By whole pictures, which the tables are of, it would be the other one."""
    faceless = row(
        provider="b", scenario="action", variation=2, face_encoder="face-dlib", similarity_mean=0.6
    )
    whole = with_faces(lead=0.1)
    found = verdict(replace(whole, rows=[*whole.rows, faceless]))
    assert found.sentences[:2] == (
        "Recommended: b. The faces that it draws are decidedly nearer to those of the references.",
        "Identity is by faces here; pictures with one that was compared: a 5 of 5, b 5 of 6.",
    )


def test_whole_pictures_decide_where_faces_are_too_few() -> None:
    found = verdict(with_faces(lead=0.1, without=1))
    assert (found.provider, found.identity) == ("a", "whole picture")


@pytest.mark.parametrize("changed", ["face_weights_sha256", "face_preprocessing"])
def test_faces_decide_nothing_where_two_versions_of_their_encoder_compared_them(changed: str) -> None:
    whole = with_faces(lead=0.1)
    versions: dict[str, Any] = {"a": {changed: "v1"}, "b": {changed: "v2"}}
    rows = [replace(each, **versions[each.provider]) for each in whole.rows]
    found = verdict(replace(whole, rows=rows))
    assert (found.provider, found.identity) == ("a", "whole picture")


def test_who_drew_nothing_takes_no_faces_from_the_others() -> None:
    whole = with_faces(lead=0.1)
    nothing = {"outcome": "failed", "similarity_mean": None, "encoder": None}
    rows = [*whole.rows, *(row(provider="c", scenario=each.name, **nothing) for each in SCENARIOS)]
    untrained = EvaluatedIdentity(provider="c", error="It could not be trained.")
    found = verdict(replace(whole, rows=rows, identities=[*whole.identities, untrained]))
    assert (found.provider, found.identity) == ("b", "face"), "by whole pictures it would be a"


def test_who_drew_a_scenario_without_a_face_to_compare_is_said_to_lack_the_face() -> None:
    six = [*SCENARIOS, SCENARIOS[0].model_copy(update={"number": 6, "name": "sixth"})]
    whole = with_faces(lead=0.1)
    turned_away = row(provider="b", scenario="sixth", face_encoder="face-dlib", face_not_scored="profile")
    face = row(scenario="sixth", face_encoder="face-dlib", face_similarity_mean=0.7)
    found = verdict(replace(whole, rows=[*whole.rows, turned_away, face], scenarios=six))
    assert found.provider is None
    assert found.sentences[-1].startswith("b leads over a, but in 1 scenario only a has a face that was")


def test_pictures_that_nobody_scored_are_not_said_to_be_missing() -> None:
    whole = run({"a": {}, "b": {}})
    unseen = [replace(each, similarity_mean=None, encoder=None) for each in whole.rows]
    found = verdict(replace(whole, rows=unseen))
    assert found.sentences[1:] == (
        "At least 5 scenarios are needed in which both have a picture that was scored.",
    )


def test_a_run_that_decides_nothing_whatever_the_gap_is_not_said_to_find_one() -> None:
    whole = run({"a": {}, "b": {"lead": 0.2}})
    four = [scenario.name for scenario in SCENARIOS[:4]]
    rows = [each for each in whole.rows if each.scenario in four]
    found = verdict(replace(whole, rows=rows, scenarios=SCENARIOS[:4]))
    assert found.provider is None
    assert [each for each in found.sentences if "would be found" in each] == []
