"""Every figure of the pages' tables, computed again from the CSV by other means than ours."""

import csv
import io
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from itertools import combinations
from typing import Any

import pytest
from scipy import stats

from character_evaluation.results import GALLERY, MARKDOWN, REPORT, ROWS, files_of
from character_evaluation.run import EvaluatedIdentity
from character_evaluation.scenarios import SCENARIOS
from tests.evaluation.test_verdict import row, run

Row = dict[str, str]
PROVIDERS = ("a", "b", "c")
RISK = 0.04


class Tables(HTMLParser):
    """The cells of a page's tables, row by row, by the table's label."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self._label = ""
        self._cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._label = dict(attrs).get("aria-label") or self._label
        if tag == "tr":
            self.tables.setdefault(self._label, []).append([])
        self._cell = self._cell or tag in ("td", "th")
        if tag in ("td", "th"):
            self.tables[self._label][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.tables[self._label][-1][-1] += data

    def body(self, label: str) -> list[list[str]]:
        return [[" ".join(cell.split()) for cell in cells] for cells in self.tables[label][1:]]


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """Three providers, five scenarios, two variations compared and a third that one drew beyond them."""
    rows = []
    for place, provider in enumerate(PROVIDERS):
        for scenario in SCENARIOS:
            for variation in range(1, 4 if provider == "c" else 3):
                number = scenario.number * 7 + variation * 3 + place * 5
                rows.append(
                    row(
                        provider=provider,
                        scenario=scenario.name,
                        variation=variation,
                        similarity_mean=round(0.7 + place * 0.04 + (number * 37 % 11) / 200, 6),
                        latency_ms=1000.0 + number * 131 % 977,
                        run_similarity_mean=None if variation > 2 else 0.5 + number % 17 / 50,
                        total_ms=9000.0 + number * 37 % 1000,
                        cost_usd=0.03 + place / 100,
                        generation_id=f"{provider}-{scenario.name}-{variation}",
                        near_copy="references/1.jpg" if number % 13 == 0 else None,
                    )
                )
    rows[3] = replace(rows[3], outcome="filtered", similarity_mean=None)
    rows[14] = replace(rows[14], outcome="failed", similarity_mean=None, cost_usd=None, latency_ms=None)
    identities = [
        EvaluatedIdentity(
            provider=provider,
            reference_count=3 + place,
            training_time_ms=100_000.0 * place,
            training_cost_usd=2.0 * place,
        )
        for place, provider in enumerate(PROVIDERS)
    ]
    return files_of(run({}, rows=rows, identities=identities, variations=2, shared_references=5))


@pytest.fixture(scope="module")
def rows(files: dict[str, str]) -> list[Row]:
    return list(csv.DictReader(io.StringIO(files[ROWS], newline="")))


def numbers(rows: Iterable[Row], column: str) -> list[float]:
    return [float(row[column]) for row in rows if row[column]]


def of(rows: Sequence[Row], **wanted: str) -> list[Row]:
    return [row for row in rows if all(row[column] == value for column, value in wanted.items())]


def compared(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if int(row["variation"]) <= 2]


def shown(value: float | None, form: str = "{:.3f}", unknown: str = "unknown") -> str:
    return unknown if value is None else form.format(value)


def perhaps(summary: Callable[[list[float]], float], values: list[float], least: int = 1) -> float | None:
    return summary(values) if len(values) >= least else None


def score(value: float | None) -> str:
    return shown(value, unknown="not scored")


def seconds(value: float | None) -> str:
    if value is not None and value >= 90_000:
        return f"{value / 60_000:.1f} min"
    return shown(None if value is None else value / 1000, "{:.1f} s")


def dollars(value: float) -> str:
    cents = f"{value:.4f}"
    return f"${value:.2f}" if value >= 1 else f"${cents[:-2]}{cents[-2:].rstrip('0')}"


def p95(values: list[float]) -> float:
    return sorted(values)[-(-95 * len(values) // 100) - 1]


def interval(values: Sequence[float]) -> tuple[float, float]:
    middle, error = statistics.fmean(values), stats.sem(values)
    low, high = stats.t.interval(0.95, len(values) - 1, middle, error)
    return float(low), float(high)


def scenario_means(rows: Sequence[Row], provider: str) -> dict[str, float]:
    scores = {
        scenario.name: numbers(
            compared(of(rows, provider=provider, scenario=scenario.name)), "similarity_mean"
        )
        for scenario in SCENARIOS
    }
    return {name: statistics.fmean(values) for name, values in scores.items() if values}


def bill(rows: Sequence[Row]) -> float:
    return sum(numbers(rows, "cost_usd"))


def test_the_summaries_of_providers(files: dict[str, str], rows: list[Row]) -> None:
    found = Tables(files[REPORT])
    expected, latencies, costs, in_gallery = [], [], [], []
    for provider in PROVIDERS:
        mine = of(rows, provider=provider)
        done = of(mine, outcome="succeeded")
        scores = numbers(compared(mine), "similarity_mean")
        later = [row for row in mine if row["generation_id"] != mine[0]["generation_id"]]
        later = [row for row in later if row["latency_ms"]]
        training = float(mine[0]["training_cost_usd"])
        low, high = interval(list(scenario_means(rows, provider).values()))
        count = f"{len(done)} of {len(mine)}"
        took = seconds(float(mine[0]["training_time_ms"]))
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
                "none" if took == "0.0 s" else took,
                dollars(bill(mine) + training),
            ]
        )
    assert found.body("Providers") == expected
    assert found.body("Latency") == latencies
    assert found.body("Cost") == costs
    assert Tables(files[GALLERY]).body("Providers") == in_gallery
    for cells in [*expected, *latencies, *costs]:
        assert f"| {' | '.join(cells)} |" in files[MARKDOWN]


def test_the_figures_of_each_scenario(files: dict[str, str], rows: list[Row]) -> None:
    first = {of(rows, provider=provider)[0]["generation_id"] for provider in PROVIDERS}
    expected = []
    for scenario in SCENARIOS:
        for provider in PROVIDERS:
            mine = of(rows, provider=provider, scenario=scenario.name)
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
                    score(perhaps(statistics.stdev, scores, 2)),
                    seconds(perhaps(statistics.median, later)),
                    seconds(perhaps(p95, later)),
                    dollars(bill(mine) / len(done)),
                ]
            )
    assert Tables(files[REPORT]).body("Scenarios") == expected
    for cells in expected:
        assert f"| {' | '.join(cells)} |" in files[MARKDOWN]


def test_the_differences_of_pairs(files: dict[str, str], rows: list[Row]) -> None:
    tested: list[tuple[str, str, list[float], float]] = []
    for one, other in combinations(PROVIDERS, 2):
        ones, others = scenario_means(rows, one), scenario_means(rows, other)
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
    assert Tables(files[REPORT]).body("Differences") == expected
    assert Tables(files[GALLERY]).body("Differences") == expected


def holm(ps: Sequence[float]) -> list[float]:
    ranked = sorted(ps)
    adjusted = [min(1.0, p * (len(ps) - rank)) for rank, p in enumerate(ranked)]
    return [max(adjusted[: ranked.index(p) + 1]) for p in ps]


def test_the_figures_under_each_picture(files: dict[str, str], rows: list[Row]) -> None:
    captions = Captions(files[GALLERY]).found
    assert len(captions) == len(rows)
    for row_, caption in zip(sorted_as_shown(rows), captions, strict=True):
        assert (
            f"{float(row_['similarity_mean']):.3f}" if row_["similarity_mean"] else "not scored"
        ) in caption
        assert f"took {seconds(float(row_['latency_ms']) if row_['latency_ms'] else None)}" in caption
        assert f"cost {dollars(float(row_['cost_usd'])) if row_['cost_usd'] else 'unknown'}" in caption
        assert ("beyond the variations that are compared" in caption) is (row_["variation"] == "3")


def sorted_as_shown(rows: list[Row]) -> list[Row]:
    names = [scenario.name for scenario in SCENARIOS]
    return sorted(rows, key=lambda row: (names.index(row["scenario"]), PROVIDERS.index(row["provider"])))


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
