"""Means and deviations, and the summary of a provider's rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from character_evaluation.run import EvaluatedIdentity, EvaluationRow, EvaluationRun


def mean(values: Sequence[float]) -> float | None:
    """The arithmetic mean, or None of nothing."""
    return math.fsum(values) / len(values) if values else None


def sample_standard_deviation(values: Sequence[float]) -> float | None:
    """The standard deviation with Bessel's correction, or None of fewer than two values."""
    if len(values) < 2:
        return None
    centre = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1))


@dataclass(frozen=True, kw_only=True)
class ProviderSummary:
    """A provider's pictures in figures; what failed stays counted.

    ``cost_usd`` is training and pictures together, and None as soon as one part of it is unknown;
    ``known_cost_usd`` is the sum of the parts that are known. ``cost_per_accepted_usd`` is without training.
    ``latency_p95_ms`` is by nearest rank.
    """

    provider: str
    reference_count: int | None
    asked: int
    succeeded: int
    filtered: int
    failed: int
    scored: int
    similarity_mean: float | None
    similarity_deviation: float | None
    similarity_median: float | None
    near_copies: int
    latency_mean_ms: float | None
    latency_median_ms: float | None
    latency_p95_ms: float | None
    cost_per_accepted_usd: float | None
    training_time_ms: float | None
    cost_usd: float | None
    known_cost_usd: float
    error: str | None


def summarise(run: EvaluationRun) -> list[ProviderSummary]:
    """One summary for each identity of a run, in the run's order."""
    return [
        _summary(identity, [row for row in run.rows if row.provider == identity.provider])
        for identity in run.identities
    ]


def _summary(identity: EvaluatedIdentity, rows: Sequence[EvaluationRow]) -> ProviderSummary:
    outcomes = [row.outcome for row in rows]
    scores = [row.similarity_mean for row in rows if row.similarity_mean is not None]
    latencies = [row.latency_ms for row in rows if row.latency_ms is not None]
    costs = _costs(identity, rows)
    known_costs = [cost for cost in costs if cost is not None]
    return ProviderSummary(
        provider=identity.provider,
        reference_count=identity.reference_count,
        asked=len(rows),
        succeeded=outcomes.count("succeeded"),
        filtered=outcomes.count("filtered"),
        failed=outcomes.count("failed"),
        scored=len(scores),
        similarity_mean=mean(scores),
        similarity_deviation=sample_standard_deviation(scores),
        similarity_median=median(scores) if scores else None,
        near_copies=sum(row.near_copy is not None for row in rows),
        latency_mean_ms=mean(latencies),
        latency_median_ms=median(latencies) if latencies else None,
        latency_p95_ms=nearest_rank(latencies, 0.95),
        cost_per_accepted_usd=_per_accepted(costs[1:], outcomes.count("succeeded")),
        training_time_ms=identity.training_time_ms,
        cost_usd=math.fsum(known_costs) if len(known_costs) == len(costs) else None,
        known_cost_usd=math.fsum(known_costs),
        error=identity.error,
    )


def nearest_rank(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that so many (0 to 1) of all do not exceed, or None of nothing."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None


def _per_accepted(costs: Sequence[float | None], accepted: int) -> float | None:
    """Return what a picture that succeeded cost, with its share of those that were paid and did not."""
    known = [cost for cost in costs if cost is not None]
    return math.fsum(known) / accepted if accepted and len(known) == len(costs) else None


def _costs(identity: EvaluatedIdentity, rows: Sequence[EvaluationRow]) -> list[float | None]:
    """The parts of the bill; a picture that failed is one only if a charge for it was reported."""
    images = [row.cost_usd for row in rows if row.outcome != "failed" or row.cost_usd is not None]
    return [identity.training_cost_usd, *images]
