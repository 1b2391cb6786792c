"""The report: one page to decide by, and all that it rests on. A pure function of the run."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from character_evaluation.criteria import criteria
from character_evaluation.differences import SIMILARITIES, Measure, cluster_means, mean_interval
from character_evaluation.pages import moment, template
from character_evaluation.plots import WIDTH, Bar, Dot, Scale
from character_evaluation.recommendation import RISK_IDENTITY
from character_evaluation.run import EvaluationRun
from character_evaluation.scenarios import Scenario
from character_evaluation.statistics import ProviderSummary, figures_of, summarise
from character_evaluation.verdict import shortfall, similarity_of, verdict
from character_evaluation.votes import preferences

MARKDOWN_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|~!$])")


@dataclass(frozen=True)
class Overall:
    """A provider's summary, with the mean of its scenario means and its interval, where there is one."""

    summary: ProviderSummary
    interval: tuple[float, float] | None


def render_html(run: EvaluationRun) -> str:
    """The report as a page that works from disk, with its plots in it."""
    return template("report.html").render(**_content(run), **_plots(run))


def render_markdown(run: EvaluationRun) -> str:
    """The report as Markdown."""
    return template("report.md").render(**_content(run), plain=plain)


def plain(text: str) -> str:
    """Return a text as Markdown shows it: on one line, and no sign of it means anything."""
    return MARKDOWN_SIGNS.sub(r"\\\1", " ".join(text.split()))


def _content(run: EvaluationRun) -> dict[str, Any]:
    similarity = similarity_of(run.compared)
    return {
        "run": run,
        "started": moment(run.started_at),
        "verdict": verdict(run),
        "shortfall": shortfall(run),
        "risk": RISK_IDENTITY,
        "criteria": criteria(run),
        "preferences": preferences(run.votes),
        "providers": [
            Overall(summary, _interval(similarity, summary.provider)) for summary in summarise(run)
        ],
        "cells": {
            (scenario.name, identity.provider): figures_of(run, identity.provider, scenario.name)
            for scenario in run.scenarios
            for identity in run.identities
        },
        "versions": sorted(
            {version for row in run.rows for version in (row.version, row.face_version) if version},
            key=repr,
        ),
    }


def _interval(identity: Measure, provider: str) -> tuple[float, float] | None:
    means = cluster_means(identity, provider) if provider in identity else {}
    return mean_interval([*means.values()], SIMILARITIES)


def _scores_of(
    scenario: Scenario, similarity: Measure, providers: Iterable[str]
) -> Iterator[tuple[str, Sequence[float]]]:
    """A scenario's scores, by those providers that have any."""
    for provider in providers:
        if values := similarity.get(provider, {}).get(scenario.name):
            yield provider, values


def _plots(run: EvaluationRun) -> dict[str, Any]:
    similarity, summaries = similarity_of(run.compared), summarise(run)
    series = {identity.provider: number for number, identity in enumerate(run.identities)}
    scores = [
        Bar(
            heading="" if place else scenario.title,
            label=provider,
            series=series[provider],
            low=min(values),
            point=cluster_means(similarity, provider)[scenario.name],
            high=max(values),
        )
        for scenario in run.scenarios
        for place, (provider, values) in enumerate(_scores_of(scenario, similarity, series))
    ]
    latencies = [
        Bar(
            heading="",
            label=summary.provider,
            series=series[summary.provider],
            low=summary.latency_median_ms / 1000,
            point=summary.latency_median_ms / 1000,
            high=summary.latency_p95_ms / 1000,
        )
        for summary in summaries
        if summary.latency_median_ms is not None and summary.latency_p95_ms is not None
    ]
    costs = [
        Dot(
            label=summary.provider,
            series=series[summary.provider],
            x=summary.cost_per_accepted_usd,
            y=summary.similarity_mean,
        )
        for summary in summaries
        if summary.cost_per_accepted_usd is not None and summary.similarity_mean is not None
    ]
    return {
        "width": WIDTH,
        "scores": scores,
        "score_scale": Scale([end for bar in scores for end in (bar.low, bar.high)]) if scores else None,
        "latencies": latencies,
        "latency_scale": Scale([0.0, *(bar.high for bar in latencies)]) if latencies else None,
        "costs": costs,
        "cost_scale": Scale([0.0, *(dot.x for dot in costs)]) if costs else None,
        "identity_scale": Scale([dot.y for dot in costs], 200) if costs else None,
    }
