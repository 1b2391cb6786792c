"""A run, its CSV, and figures computed from the CSV by other means than ours."""

import csv
import io
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from typing import Literal

from character_evaluation.csv_file import OF_PICTURES
from character_evaluation.results import files_of
from character_evaluation.run import EvaluatedIdentity
from character_evaluation.votes import Vote
from character_identity.domain.evaluation import ROWS
from tests.evaluation.test_verdict import row, run
from tests.support.scenarios import SCENARIOS

Row = dict[str, str]
PROVIDERS = ("a", "b", "c")
WHICH: tuple[Literal["left", "right", "equal"], ...] = ("left", "left", "right", "equal", "left")


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


@cache
def files() -> dict[str, str]:
    """Three providers, five scenarios, two variations compared and a third that one drew beyond them.

    Two pairs were judged blind, one of them in both orders.
    """
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
                        clip_similarity=round(0.7 + place * 0.04 + (number * 37 % 11) / 200, 6),
                        calibrated=0.2 + number % 11 / 20,
                        total_ms=9000.0 + number * 37 % 1000,
                        cost_usd=0.03 + place / 100,
                        generation_id=f"{provider}-{scenario.name}-{variation}",
                        near_copy="references/1.jpg" if number % 13 == 0 else None,
                    )
                )
    unseen = dict.fromkeys(OF_PICTURES)
    rows[3] = replace(rows[3], outcome="filtered", **unseen)  # type: ignore[arg-type]
    rows[14] = replace(rows[14], outcome="failed", cost_usd=None, latency_ms=None, **unseen)  # type: ignore[arg-type]
    identities = [
        EvaluatedIdentity(
            provider=provider,
            reference_count=3 + place,
            training_time_ms=100_000.0 * place,
            training_cost_usd=2.0 * place,
        )
        for place, provider in enumerate(PROVIDERS)
    ]
    votes = [
        Vote(
            scenario=scenario.name,
            variation=1,
            left=left,
            right=right,
            vote=WHICH[(scenario.number * 3 + place) % 5],
        )
        for scenario in SCENARIOS
        for place, (left, right) in enumerate((("a", "b"), ("b", "a"), ("c", "a")))
    ]
    return files_of(run({}, rows=rows, identities=identities, variations=2, shared_references=5, votes=votes))


@cache
def rows() -> list[Row]:
    return list(csv.DictReader(io.StringIO(files()[ROWS], newline="")))


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
    middle, error = statistics.fmean(values), statistics.stdev(values) / len(values) ** 0.5
    from scipy import stats

    half = float(stats.t.ppf(0.975, len(values) - 1)) * error
    return middle - half, middle + half


def scenario_means(rows: Sequence[Row], provider: str, *, near_copies: bool = True) -> dict[str, float]:
    counted = [row for row in compared(rows) if near_copies or not row["near_copy"]]
    scores = {
        scenario.name: numbers(of(counted, provider=provider, scenario=scenario.name), "similarity_mean")
        for scenario in SCENARIOS
    }
    return {name: statistics.fmean(values) for name, values in scores.items() if values}


def bill(rows: Sequence[Row]) -> float:
    return sum(numbers(rows, "cost_usd"))
