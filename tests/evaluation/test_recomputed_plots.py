"""Every plot of the report: its marks are read back by its axes, and are what follows from the CSV."""

import re
import statistics
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from character_evaluation.report import render_html
from character_identity.domain.evaluation import REPORT
from tests.evaluation.recomputing import PROVIDERS, bill, compared, files, numbers, of, p95, rows
from tests.evaluation.test_verdict import run
from tests.support.scenarios import SCENARIOS

SCORE = "similarity_mean"
PIXEL = 0.06
"""Places are rounded to tenths."""


@dataclass
class Drawing:
    """One plot: texts, lines and dots as they lie, those of the axes apart."""

    texts: list[tuple[float, float, str, bool]] = field(default_factory=list)
    lines: list[tuple[str, float, float, float]] = field(default_factory=list)
    dots: list[tuple[str, float, float]] = field(default_factory=list)

    def across(self, place: float) -> float:
        """The value at a place from left to right."""
        bottom = max(y for _, y, _, is_tick in self.texts if is_tick)
        return _value(place, [(x, text) for x, y, text, is_tick in self.texts if is_tick and y == bottom])

    def up(self, place: float) -> float:
        """The value at a place from top to bottom."""
        left = min(x for x, _, _, is_tick in self.texts if is_tick)
        return _value(place, [(y - 4, text) for x, y, text, is_tick in self.texts if is_tick and x == left])

    def label(self, y: float) -> str:
        """The text that is not of an axis and lies nearest to a height."""
        return min((abs(top - y), text) for _, top, text, is_tick in self.texts if not is_tick)[1]


class Drawings(HTMLParser):
    """The plots of a page by their names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, Drawing] = {}
        self._now: Drawing | None = None
        self._text: tuple[float, float, bool] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        if tag == "svg":
            self._now = self.found[given["aria-label"]] = Drawing()
        if self._now is None:
            return
        kind = given.get("class", "")
        if tag == "text":
            self._text = float(given["x"]), float(given["y"]), kind == "tick"
        elif tag == "line" and kind != "axis":
            self._now.lines.append((kind, float(given["x1"]), float(given["x2"]), float(given["y1"])))
        elif tag == "circle":
            self._now.dots.append((kind, float(given["cx"]), float(given["cy"])))

    def handle_endtag(self, tag: str) -> None:
        self._text = None
        self._now = None if tag == "svg" else self._now

    def handle_data(self, data: str) -> None:
        if self._now is not None and self._text is not None:
            x, y, is_tick = self._text
            is_number = re.fullmatch(r"-?[\d.]+(e[-+]\d+)?", data.strip()) is not None
            self._now.texts.append((x, y, data.strip(), is_tick and is_number))


def _value(place: float, ticks: list[tuple[float, str]]) -> float:
    """By the two ticks that are farthest apart; all of them lie evenly."""
    known = sorted((at, float(text)) for at, text in ticks)
    steps = [(later[1] - earlier[1]) / (later[0] - earlier[0]) for earlier, later in pairwise(known)]
    assert steps == pytest.approx([steps[0]] * len(steps), rel=0.01)
    (first, low), (last, high) = known[0], known[-1]
    return low + (place - first) / (last - first) * (high - low)


@pytest.fixture(scope="module")
def drawings() -> dict[str, Drawing]:
    return Drawings(files()[REPORT]).found


def _close(drawing: Drawing, value: float) -> Any:
    """As near as a place can be told."""
    return pytest.approx(value, abs=PIXEL * abs(drawing.across(1) - drawing.across(0)))


def test_the_scores_of_each_scenario(drawings: dict[str, Drawing]) -> None:
    drawing = drawings["Scores by scenario and provider"]
    expected = [
        (f"s{place}", provider, numbers(compared(of(rows(), provider=provider, scenario=each.name)), SCORE))
        for each in SCENARIOS
        for place, provider in enumerate(PROVIDERS)
    ]
    shown = [text for _, _, text, is_tick in drawing.texts if not is_tick]
    assert [text for text in shown if text not in PROVIDERS] == [each.title for each in SCENARIOS]
    assert len(drawing.lines) == len(drawing.dots) == len(expected)
    for (kind, provider, scores), line, dot in zip(expected, drawing.lines, drawing.dots, strict=True):
        assert (line[0], dot[0], drawing.label(line[3] + 4)) == (kind, kind, provider)
        assert drawing.across(line[1]) == _close(drawing, min(scores))
        assert drawing.across(line[2]) == _close(drawing, max(scores))
        assert drawing.across(dot[1]) == _close(drawing, statistics.fmean(scores))


def test_scenarios_of_one_title_stand_apart_and_all_are_within_the_plot() -> None:
    titles = ["Portrait", "Portrait", "Street", "Portrait", "Street"]
    scenarios = [
        each.model_copy(update={"title": title}) for each, title in zip(SCENARIOS, titles, strict=True)
    ]
    page = render_html(replace(run({"a": {}, "b": {}}), scenarios=scenarios))
    drawing = Drawings(page).found["Scores by scenario and provider"]
    assert [text for _, _, text, _ in drawing.texts if text in titles] == titles
    ticks = [y for _, y, _, is_tick in drawing.texts if is_tick]
    assert all(line[3] < min(ticks) for line in drawing.lines), "above the axis"


def test_the_latencies(drawings: dict[str, Drawing]) -> None:
    drawing = drawings["Latency in seconds"]
    for place, (line, dot) in enumerate(zip(drawing.lines, drawing.dots, strict=True)):
        mine = of(rows(), provider=PROVIDERS[place])
        later = [row for row in mine if row["generation_id"] != mine[0]["generation_id"]]
        took = [value / 1000 for value in numbers(later, "latency_ms")]
        assert drawing.across(dot[1]) == _close(drawing, statistics.median(took))
        assert drawing.across(line[1]) == _close(drawing, statistics.median(took))
        assert drawing.across(line[2]) == _close(drawing, p95(took))


def test_what_a_picture_costs_against_its_score(drawings: dict[str, Drawing]) -> None:
    drawing = drawings["Cost against mean score"]
    up = abs(drawing.up(1) - drawing.up(0)) * PIXEL
    assert len(drawing.dots) == len(PROVIDERS)
    for place, (kind, x, y) in enumerate(drawing.dots):
        mine = of(rows(), provider=PROVIDERS[place])
        price = bill(mine) / len(of(mine, outcome="succeeded"))
        assert (kind, drawing.label(y - 4)) == (f"s{place}", PROVIDERS[place])
        assert drawing.across(x) == _close(drawing, price)
        assert drawing.up(y) == pytest.approx(statistics.fmean(numbers(compared(mine), SCORE)), abs=up)
