"""Every figure of the pages' tables, computed again from the CSV by other means than ours."""

import csv
import io
import statistics
from collections.abc import Sequence
from html.parser import HTMLParser
from itertools import combinations
from typing import Any

from character_evaluation.results import VOTES
from character_identity.domain.evaluation import GALLERY, MARKDOWN, REPORT
from tests.evaluation.recomputing import (
    PROVIDERS,
    Row,
    Tables,
    bill,
    compared,
    dollars,
    files,
    interval,
    numbers,
    of,
    p95,
    perhaps,
    rows,
    scenario_means,
    score,
    seconds,
)
from tests.support.scenarios import SCENARIOS

RISK = 0.04


def test_the_summaries_of_providers() -> None:
    found = Tables(files()[REPORT])
    expected, latencies, costs, in_gallery = [], [], [], []
    for provider in PROVIDERS:
        mine = of(rows(), provider=provider)
        done = of(mine, outcome="succeeded")
        scores = numbers(compared(mine), "similarity_mean")
        later = [row for row in mine if row["generation_id"] != mine[0]["generation_id"]]
        later = [row for row in later if row["latency_ms"]]
        training = float(mine[0]["training_cost_usd"])
        low, high = interval(list(scenario_means(rows(), provider).values()))
        count = f"{len(done)} of {len(mine)}"
        trained_ms = float(mine[0]["training_time_ms"])
        took = seconds(trained_ms) if trained_ms else "none"
        median = seconds(statistics.median(numbers(later, "latency_ms")))
        expected.append(
            [
                provider,
                count,
                str(len(of(mine, outcome="filtered"))),
                str(len(of(mine, outcome="failed"))),
                str(len(scores)),
                score(statistics.fmean(scores)),
                f"{low:.3f} to {high:.3f}",
                score(statistics.median(scores)),
                score(statistics.stdev(scores)),
                score(statistics.fmean(numbers(compared(mine), "run_similarity_mean"))),
                f"{100 * len([row for row in mine if row['near_copy']]) / len(done):.0f} %",
            ]
        )
        costs.append(
            [
                provider,
                dollars(bill(mine) / len(done)),
                dollars(training),
                took,
                dollars(bill(mine) + training),
            ]
        )
        overheads = [float(row["total_ms"]) - float(row["latency_ms"]) for row in later]
        latencies.append(
            [
                provider,
                seconds(float(mine[0]["latency_ms"])),
                median,
                seconds(p95(numbers(later, "latency_ms"))),
                seconds(statistics.median(overheads)),
            ]
        )
        count += "".join(
            f", {len(these)} {outcome}"
            for outcome in ("filtered", "failed")
            if (these := of(mine, outcome=outcome))
        )
        deviation = f"{score(statistics.fmean(scores))} ± {score(statistics.stdev(scores))}"
        in_gallery.append(
            [
                provider,
                deviation,
                mine[0]["reference_count"],
                count,
                median,
                took,
                dollars(bill(mine) + training),
            ]
        )
    assert found.body("Providers") == expected
    assert found.body("Latency") == latencies
    assert found.body("Cost") == costs
    assert Tables(files()[GALLERY]).body("Providers") == in_gallery
    for cells in [*expected, *latencies, *costs]:
        assert f"| {' | '.join(cells)} |" in files()[MARKDOWN]


def test_the_figures_of_each_scenario() -> None:
    first = {of(rows(), provider=provider)[0]["generation_id"] for provider in PROVIDERS}
    expected = []
    for scenario in SCENARIOS:
        for provider in PROVIDERS:
            mine = of(rows(), provider=provider, scenario=scenario.name)
            done = of(mine, outcome="succeeded")
            scores = numbers(compared(mine), "similarity_mean")
            later = numbers((row for row in mine if row["generation_id"] not in first), "latency_ms")
            expected.append(
                [
                    scenario.title,
                    f"{scenario.expected_similarity:.2f}",
                    provider,
                    f"{len(done)} of {len(mine)}",
                    str(len(scores)),
                    score(perhaps(statistics.fmean, scores)),
                    score(perhaps(statistics.median, scores)),
                    "one score" if len(scores) == 1 else score(perhaps(statistics.stdev, scores, 2)),
                    seconds(perhaps(statistics.median, later)),
                    seconds(perhaps(p95, later)),
                    dollars(bill(mine) / len(done)),
                ]
            )
    assert Tables(files()[REPORT]).body("Scenarios") == expected
    for cells in expected:
        assert f"| {' | '.join(cells)} |" in files()[MARKDOWN]


def test_the_differences_of_pairs() -> None:
    from scipy import stats

    tested: list[tuple[str, str, list[float], float]] = []
    for one, other in combinations(PROVIDERS, 2):
        ones, others = (scenario_means(rows(), each, near_copies=False) for each in (one, other))
        apart = [ones[name] - others[name] for name in ones if name in others]
        tested.append((one, other, apart, float(stats.ttest_1samp(apart, 0).pvalue)))
    corrected = holm([p for *_, p in tested])
    expected = []
    for (one, other, apart, p), p_holm in zip(tested, corrected, strict=True):
        low, high = interval(apart)
        middle = statistics.fmean(apart)
        ahead = (one if middle > 0 else other) if p_holm < RISK and len(apart) >= 5 else "no"
        expected.append(
            [
                f"{one} minus {other}",
                f"{middle:+.3f}",
                f"{low:+.3f} to {high:+.3f}",
                str(len(apart)),
                *("< 0.001" if each < 0.001 else f"{each:.3f}" for each in (p, p_holm)),
                ahead,
            ]
        )
    assert Tables(files()[REPORT]).body("Differences") == expected
    assert Tables(files()[GALLERY]).body("Differences") == expected


def holm(ps: Sequence[float]) -> list[float]:
    ranked = sorted(ps)
    adjusted = [min(1.0, p * (len(ps) - rank)) for rank, p in enumerate(ranked)]
    return [max(adjusted[: ranked.index(p) + 1]) for p in ps]


def test_the_figures_under_each_picture() -> None:
    captions = Captions(files()[GALLERY]).found
    assert len(captions) == len(rows())
    for row_, caption in zip(sorted_as_shown(rows()), captions, strict=True):
        assert (
            f"{float(row_['similarity_mean']):.3f}" if row_["similarity_mean"] else "not scored"
        ) in caption
        assert f"took {seconds(float(row_['latency_ms']) if row_['latency_ms'] else None)}" in caption
        assert f"cost {dollars(float(row_['cost_usd'])) if row_['cost_usd'] else 'unknown'}" in caption
        assert ("beyond the variations that are compared" in caption) is (row_["variation"] == "3")


def sorted_as_shown(rows: list[Row]) -> list[Row]:
    names = [scenario.name for scenario in SCENARIOS]
    return sorted(rows, key=lambda row: (names.index(row["scenario"]), PROVIDERS.index(row["provider"])))


def clip_intervals() -> dict[str, tuple[float, float]]:
    return {provider: interval([*scenario_means(rows(), provider).values()]) for provider in PROVIDERS}


def intervals_of(column: str, scale: float = 1) -> dict[str, tuple[float, float]]:
    """Of the means of scenarios, over the pictures that are compared and succeeded."""
    means = {
        provider: [
            statistics.fmean(found) * scale
            for scenario in SCENARIOS
            if (found := numbers(done_of(provider, scenario.name), column))
        ]
        for provider in PROVIDERS
    }
    return {provider: interval(values) for provider, values in means.items()}


def calibrated(provider: str) -> float:
    return statistics.fmean(numbers(compared(of(rows(), provider=provider)), "calibrated"))


def prices() -> dict[str, tuple[float, float]]:
    """What a scenario's pictures cost, for each that succeeded; nothing where one's price is not known."""
    means: dict[str, list[float]] = {provider: [] for provider in PROVIDERS}
    for provider in PROVIDERS:
        for scenario in SCENARIOS:
            cell = compared(of(rows(), provider=provider, scenario=scenario.name))
            means[provider].append(bill(cell) / len(of(cell, outcome="succeeded")))
    return {provider: interval(values) for provider, values in means.items()}


def done_of(provider: str, scenario: str) -> list[Row]:
    return compared(of(rows(), provider=provider, scenario=scenario, outcome="succeeded"))


def test_the_criteria_of_the_specification() -> None:
    """Met where the whole interval of one lies where it should, not met where that of each lies elsewhere."""

    def judged(found: dict[str, tuple[float, float]], form: str, most: float) -> list[str]:
        lows, highs = zip(*found.values(), strict=True)
        state = "met" if min(highs) < most else "not met" if min(lows) >= most else "not decidable"
        return [state, "; ".join(f"{name} {form.format(*ends)}" for name, ends in found.items())]

    done = of(rows(), outcome="succeeded")
    clip = clip_intervals()
    above = judged({name: (-high, -low) for name, (low, high) in clip.items()}, "{}", -0.95)[0]
    expected = [
        ["not met" if len(done) < 45 else "met", f"{len(done)} pictures"],
        ["met", f"{len(numbers(done, 'clip_similarity'))} of {len(done)} pictures"],
        [
            above,
            "; ".join(
                f"{name} {low:.3f} to {high:.3f}, calibrated {calibrated(name):.2f}"
                for name, (low, high) in clip.items()
            ),
        ],
        judged(intervals_of("latency_ms", 0.001), "{:.1f} to {:.1f} s", 30),
        judged(prices(), "${:.4f} to ${:.4f}", 0.15),
    ]
    assert [cells[1:] for cells in Tables(files()[REPORT]).body("Criteria")] == expected
    for state, evidence in expected:
        assert f"| {state} | {evidence.replace('$', chr(92) + '$')} |" in files()[MARKDOWN]


def test_the_blind_votes() -> None:
    votes = list(csv.DictReader(io.StringIO(files()[VOTES], newline="")))
    expected = []
    for one, other in combinations(PROVIDERS, 2):
        won: dict[str, list[float]] = {}
        for vote in votes:
            if {vote["left"], vote["right"]} == {one, other}:
                share = 0.5 if vote["vote"] == "equal" else float(vote[vote["vote"]] == one)
                won.setdefault(vote["scenario"], []).append(share)
        if not won:
            continue
        means = [statistics.fmean(shares) for shares in won.values()]
        low, high = interval(means)
        count = sum(map(len, won.values()))
        expected.append(
            [
                f"{one} over {other}",
                f"{100 * statistics.fmean(means):.0f} %",
                f"{100 * max(low, 0):.0f} to {100 * min(high, 1):.0f} %",
                str(count),
                str(len(won)),
            ]
        )
    assert len(expected) == 2, "a pair that nobody judged has no row"
    assert Tables(files()[REPORT]).body("Blind votes") == expected
    for cells in expected:
        assert f"| {' | '.join(cells)} |" in files()[MARKDOWN]


class Captions(HTMLParser):
    """The words of each caption."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = False
        self.feed(page)
        self.found = [" ".join(each.split()) for each in self.found]

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "figcaption":
            self.found.append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "figcaption"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += f" {data}"
