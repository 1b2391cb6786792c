"""The specification's criteria of success, each met, not met or not to be decided, with the evidence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from character_evaluation.differences import AMOUNTS, SIMILARITIES, Interval, cluster_means, mean_interval
from character_evaluation.run import EvaluationRow, EvaluationRun
from character_evaluation.statistics import ProviderSummary, summarise
from character_evaluation.verdict import measures_of, similarity_of
from character_identity.domain.score import CLIP_ENCODER
from character_identity.domain.text import counted

FEWEST_IMAGES = 45
HIGH_SIMILARITY = 0.95
LONGEST_S = 30
DEAREST_USD = 0.15
"""The specification's: pictures in all, CLIP similarity, latency and price of a generation."""

ONE_SCENARIO = "it is known of one scenario only, and an interval takes two"

State = Literal["met", "not met", "not decidable"]


@dataclass(frozen=True)
class Criterion:
    """One criterion of the specification, and what this run says of it."""

    text: str
    state: State
    evidence: str


def criteria(run: EvaluationRun) -> list[Criterion]:
    """Hold a run against the specification's criteria that a run can meet."""
    summaries = summarise(run)
    measures = measures_of(run.compared)
    clip = similarity_of(run.compared) if run.scored_with_clip else {}
    seconds = {
        provider: {cluster: [value / 1000 for value in values] for cluster, values in clusters.items()}
        for provider, clusters in measures.latency_ms.items()
    }
    return [
        _all_drawn(run, summaries),
        _all_scored(run, summaries),
        _one_provider(
            run,
            f"A provider reaches a CLIP similarity above {HIGH_SIMILARITY}",
            {provider: cluster_means(clip, provider) for provider in clip},
            SIMILARITIES,
            lambda interval: interval[0] > HIGH_SIMILARITY,
            lambda interval: interval[1] <= HIGH_SIMILARITY,
            "{:.3f} to {:.3f}",
            missing=f"no score is of {CLIP_ENCODER}",
            beside={
                summary.provider: f", calibrated {summary.calibrated_mean:.2f}"
                for summary in summaries
                if summary.calibrated_mean is not None
            },
        ),
        _one_provider(
            run,
            f"A provider draws in less than {LONGEST_S} s",
            {provider: cluster_means(seconds, provider) for provider in seconds},
            AMOUNTS,
            lambda interval: interval[1] < LONGEST_S,
            lambda interval: interval[0] >= LONGEST_S,
            "{:.1f} to {:.1f} s",
            missing="no latency is known",
        ),
        _one_provider(
            run,
            f"A provider's picture costs less than ${DEAREST_USD}",
            {provider: cluster_means(measures.price_usd, provider) for provider in measures.price_usd},
            AMOUNTS,
            lambda interval: interval[1] < DEAREST_USD,
            lambda interval: interval[0] >= DEAREST_USD,
            "${:.4f} to ${:.4f}",
            missing="no price is known",
        ),
    ]


def _all_drawn(run: EvaluationRun, summaries: Sequence[ProviderSummary]) -> Criterion:
    drawn = sum(summary.succeeded for summary in summaries)
    empty = [
        f"{identity.provider} has none of {scenario.name}"
        for identity in run.identities
        for scenario in run.scenarios
        if not any(_is(row, identity.provider, scenario.name) for row in run.rows)
    ]
    evidence = "; ".join([counted(drawn, "picture"), *empty])
    state: State = "met" if drawn >= FEWEST_IMAGES and not empty else _unmet(run)
    return Criterion(
        f"Every provider draws every scenario, {FEWEST_IMAGES} pictures or more", state, evidence
    )


def _is(row: EvaluationRow, provider: str, scenario: str) -> bool:
    return (row.provider, row.scenario, row.outcome) == (provider, scenario, "succeeded")


def _all_scored(run: EvaluationRun, summaries: Sequence[ProviderSummary]) -> Criterion:
    drawn = sum(summary.succeeded for summary in summaries)
    clip = sum(row.clip_similarity is not None for row in run.rows if row.outcome == "succeeded")
    others = [encoder for encoder in run.encoders if encoder != CLIP_ENCODER]
    evidence = f"{clip} of {counted(drawn, 'picture')}"
    if others:
        evidence += f"; {', '.join(others)} stood in for CLIP"
    state: State = "met" if 0 < drawn == clip else _unmet(run)
    return Criterion("CLIP similarity is measured for every picture", state, evidence)


def _unmet(run: EvaluationRun) -> State:
    """Of a run that ended before it was completed nobody knows what would have come, or what was erased."""
    is_whole = not run.is_partial and all(row.outcome != "erased" for row in run.rows)
    return "not met" if is_whole else "not decidable"


def _one_provider(
    run: EvaluationRun,
    text: str,
    by_provider: dict[str, dict[str, float]],
    possible: Interval,
    meets: Callable[[Interval], bool],
    fails: Callable[[Interval], bool],
    form: str,
    missing: str,
    beside: Mapping[str, str] = {},
) -> Criterion:
    """Met as soon as one provider's interval lies where it should, not met if each lies elsewhere.

    ``beside`` is what is said of a provider after its interval.
    """
    intervals = {
        provider: interval
        for provider, means in by_provider.items()
        if (interval := mean_interval(list(means.values()), possible))
    }
    evidence = "; ".join(
        f"{provider} {form.format(*interval)}{beside.get(provider, '')}"
        for provider, interval in intervals.items()
    )
    if not evidence:
        evidence = ONE_SCENARIO if any(by_provider.values()) else missing
    if run.simulated:
        return Criterion(text, "not decidable", f"Simulated: {evidence}")
    if any(meets(interval) for interval in intervals.values()):
        return Criterion(text, "met", evidence)
    judged = intervals.keys() == {identity.provider for identity in run.identities}
    if judged and all(fails(interval) for interval in intervals.values()):
        return Criterion(text, "not met", evidence)
    return Criterion(text, "not decidable", evidence)
