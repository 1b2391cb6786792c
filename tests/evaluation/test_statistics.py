"""Means, deviations and the summary of a provider."""

from datetime import UTC, datetime
from typing import Any

import pytest

from character_evaluation.run import EvaluatedIdentity, EvaluationRow, EvaluationRun
from character_evaluation.statistics import ProviderSummary, mean, summarise
from tests.support.scenarios import SCENARIOS


def row(**changes: Any) -> EvaluationRow:
    usual: dict[str, Any] = {
        "provider": "astria",
        "scenario": "close-up",
        "variation": 1,
        "prompt": "p",
        "outcome": "succeeded",
        "similarity_mean": 0.8,
        "latency_ms": 1000,
        "cost_usd": 0.1,
    }
    return EvaluationRow(**usual | changes)


def summary(*rows: EvaluationRow, training_cost_usd: float | None = 1.5) -> ProviderSummary:
    identity = EvaluatedIdentity(
        provider="astria", training_time_ms=60_000, training_cost_usd=training_cost_usd
    )
    (found,) = summarise(
        EvaluationRun(
            character="Eileen",
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            references=[],
            scenarios=SCENARIOS,
            identities=[identity],
            rows=rows,
        )
    )
    return found


def test_the_mean_of_nothing_is_unknown() -> None:
    assert mean([]) is None
    assert mean([1, 2, 6]) == 3


def test_a_deviation_is_that_of_a_sample() -> None:
    scores = (0.2, 0.4, 0.4, 0.4, 0.5, 0.5, 0.7, 0.9)
    found = summary(*(row(variation=number, similarity_mean=score) for number, score in enumerate(scores, 1)))
    assert found.similarity_deviation == pytest.approx(0.2138089935)


def test_one_value_has_no_deviation() -> None:
    assert summary(row()).similarity_deviation is None


def test_what_failed_or_was_filtered_stays_counted() -> None:
    found = summary(
        row(),
        row(similarity_mean=0.9, latency_ms=3000),
        row(outcome="filtered", similarity_mean=None),
        row(outcome="failed", similarity_mean=None, latency_ms=None, cost_usd=None),
    )
    assert (found.asked, found.succeeded, found.filtered, found.failed, found.scored) == (4, 2, 1, 1, 2)
    assert found.similarity_mean == pytest.approx(0.85)
    assert found.latency_median_ms == 2000, "without the first call"


def test_what_is_still_parked_at_the_end_is_missed_among_the_failed_and_its_price_is_unknown() -> None:
    found = summary(row(), row(outcome="parked", similarity_mean=None, latency_ms=None, cost_usd=None))
    assert (found.asked, found.succeeded, found.failed) == (2, 1, 1)
    assert found.cost_usd is None
    assert found.known_cost_usd == pytest.approx(1.6)


def test_rows_of_other_providers_do_not_count() -> None:
    assert summary(row(), row(provider="fal-lora")).asked == 1


def test_cost_is_training_and_images() -> None:
    assert summary(row(), row()).cost_usd == pytest.approx(1.7)


def test_a_filtered_image_is_paid_for_and_a_failed_one_only_if_it_was_charged() -> None:
    filtered = row(outcome="filtered")
    failed = row(outcome="failed", cost_usd=None)
    charged = row(outcome="failed", cost_usd=0.2)
    assert summary(filtered, failed, charged).cost_usd == pytest.approx(1.8)


@pytest.mark.parametrize("rows", [[row(cost_usd=None)], [row(), row(outcome="filtered", cost_usd=None)]])
def test_an_unknown_price_makes_the_cost_unknown_not_smaller(rows: list[EvaluationRow]) -> None:
    assert summary(*rows).cost_usd is None


def test_an_unknown_training_price_makes_the_cost_unknown() -> None:
    found = summary(row(), training_cost_usd=None)
    assert found.cost_usd is None
    assert found.known_cost_usd == pytest.approx(0.1)
