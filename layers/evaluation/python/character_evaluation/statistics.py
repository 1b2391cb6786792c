"""Means and deviations, and the summary of a provider's rows, in all and by scenario."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Any

from character_evaluation.run import EvaluatedIdentity, EvaluationRow, EvaluationRun


def mean(values: Sequence[float]) -> float | None:
    """The arithmetic mean, or None of nothing."""
    return fmean(values) if values else None


def nearest_rank(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that so many (0 to 1) of all do not exceed, or None of nothing."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a provider's pictures came to, all or those of a scenario; what failed stays counted.

    ``asked`` is without those that were ``cancelled``, which nobody could draw, and those that their owner
    has ``erased``, of which nobody knows more: an evaluation has planned all together.
    ``failed`` are all others that are not there, those too that are parked at their provider.
    ``compared`` counts the scores of the variations that are compared, which the mean and its like are of;
    all else is of every picture. Latencies are the provider's own, without its first call;
    ``latency_p95_ms`` is by nearest rank. ``overhead_median_ms`` is what passed beside them from our orders
    on. ``cost_per_accepted_usd`` is without training, and None as soon as one part of it is unknown.
    ``calibrated_mean`` is of those scores that lie on the scale from decoys (0) to the references among
    themselves (1).
    ``among_mean`` is how like the compared pictures are among themselves, those of a scenario to all of their
    provider's. ``copy_rate`` is the share (0 to 1) of near copies among the pictures that succeeded.
    """

    asked: int
    cancelled: int
    erased: int
    succeeded: int
    filtered: int
    failed: int
    scored: int
    compared: int
    near_copies: int
    copy_rate: float | None
    similarity_mean: float | None
    similarity_deviation: float | None
    similarity_median: float | None
    calibrated_mean: float | None
    among_mean: float | None
    latency_median_ms: float | None
    latency_p95_ms: float | None
    overhead_median_ms: float | None
    cost_per_accepted_usd: float | None


@dataclass(frozen=True, kw_only=True)
class ProviderSummary(Figures):
    """All of a provider's pictures, and its identity.

    ``first_latency_ms`` is of its first call. ``cost_usd`` is training and pictures together, and None as
    soon as one part of it is unknown, such as what was stopped while it was drawn; ``known_cost_usd`` is the
    sum of the parts that are known.
    """

    provider: str
    reference_count: int | None
    first_latency_ms: float | None
    training_time_ms: float | None
    training_cost_usd: float | None
    cost_usd: float | None
    known_cost_usd: float
    error: str | None


def summarise(run: EvaluationRun) -> list[ProviderSummary]:
    """One summary for each identity of a run, in the run's order."""
    return [_summary(run, identity) for identity in run.identities]


def figures_of(run: EvaluationRun, provider: str, scenario: str | None = None) -> Figures:
    """The figures of a provider's pictures, or of those of one scenario."""
    return Figures(**_figures(run, provider, scenario))


def _summary(run: EvaluationRun, identity: EvaluatedIdentity) -> ProviderSummary:
    rows = [row for row in run.rows if row.provider == identity.provider]
    first = _first_call(rows)
    costs = [
        identity.training_cost_usd,
        *(row.cost_usd for row in rows if row.is_in_price or row.was_stopped or row.outcome == "erased"),
    ]
    known_costs = [cost for cost in costs if cost is not None]
    return ProviderSummary(
        **_figures(run, identity.provider, None),
        provider=identity.provider,
        reference_count=identity.reference_count,
        first_latency_ms=first[0].latency_ms if first else None,
        training_time_ms=identity.training_time_ms,
        training_cost_usd=identity.training_cost_usd,
        cost_usd=math.fsum(known_costs) if len(known_costs) == len(costs) else None,
        known_cost_usd=math.fsum(known_costs),
        error=identity.error,
    )


def _figures(run: EvaluationRun, provider: str, scenario: str | None) -> dict[str, Any]:
    def is_of_it(row: EvaluationRow) -> bool:
        return row.provider == provider and scenario in (None, row.scenario)

    of_provider = [row for row in run.rows if row.provider == provider]
    planned = [row for row in of_provider if is_of_it(row)]
    rows = [row for row in planned if row.was_asked_for]
    compared = [row for row in run.compared if is_of_it(row)]
    outcomes = [row.outcome for row in rows]
    scores = [row.similarity_mean for row in compared if row.similarity_mean is not None]
    first = _first_call(of_provider)
    timed = [row for row in rows if row not in first]
    latencies = [row.latency_ms for row in timed if row.latency_ms is not None]
    overheads = [
        row.total_ms - row.latency_ms
        for row in timed
        if row.total_ms is not None and row.latency_ms is not None
    ]
    succeeded, copies = outcomes.count("succeeded"), sum(row.near_copy is not None for row in rows)
    return {
        "asked": len(rows),
        "cancelled": sum(row.outcome == "cancelled" for row in planned),
        "erased": sum(row.outcome == "erased" for row in planned),
        "succeeded": succeeded,
        "filtered": outcomes.count("filtered"),
        "failed": outcomes.count("failed") + outcomes.count("parked"),
        "scored": sum(row.similarity_mean is not None for row in rows),
        "compared": len(scores),
        "near_copies": copies,
        "copy_rate": copies / succeeded if succeeded else None,
        "similarity_mean": mean(scores),
        "similarity_deviation": stdev(scores) if len(scores) > 1 else None,
        "similarity_median": median(scores) if scores else None,
        "calibrated_mean": mean([row.calibrated for row in compared if row.calibrated is not None]),
        "among_mean": mean(
            [row.run_similarity_mean for row in compared if row.run_similarity_mean is not None]
        ),
        "latency_median_ms": median(latencies) if latencies else None,
        "latency_p95_ms": nearest_rank(latencies, 0.95),
        "overhead_median_ms": median(overheads) if overheads else None,
        "cost_per_accepted_usd": _per_accepted([row.cost_usd for row in rows if row.is_in_price], succeeded),
    }


def _first_call(rows: Sequence[EvaluationRow]) -> list[EvaluationRow]:
    """The pictures of a provider's first call, which its model may have had to be loaded for."""
    rows = [row for row in rows if row.was_asked_for]
    return [
        row
        for number, row in enumerate(rows)
        if number == 0 or (row.generation_id is not None and row.generation_id == rows[0].generation_id)
    ]


def _per_accepted(costs: Sequence[float | None], accepted: int) -> float | None:
    """Return what a picture that succeeded cost, with its share of those that were paid and did not."""
    known = [cost for cost in costs if cost is not None]
    return math.fsum(known) / accepted if accepted and len(known) == len(costs) else None
