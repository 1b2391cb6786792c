"""The content of the gallery page."""

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from character_evaluation.gallery import render_gallery
from character_evaluation.pages import dollars, score, seconds
from character_evaluation.report import render_html, render_markdown
from character_evaluation.run import EvaluatedIdentity, EvaluationRow, EvaluationRun
from character_evaluation.votes import Vote
from tests.support.scenarios import SCENARIOS


class Page(HTMLParser):
    """The page's text, tags and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._hidden = False
        self.feed(html)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag in ("style", "title", "script")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def row(**changes: Any) -> EvaluationRow:
    usual: dict[str, Any] = {
        "provider": "astria",
        "scenario": "close-up",
        "variation": 1,
        "prompt": "p",
        "outcome": "succeeded",
        "seed": 1001,
        "image": "images/astria/close-up-1.jpg",
        "encoder": "clip-vit-b32",
        "similarity_mean": 0.9123,
        "clip_similarity": 0.9123,
        "latency_ms": 2345,
        "cost_usd": 0.0245,
    }
    return EvaluationRow(**usual | changes)


def run(*rows: EvaluationRow, **changes: Any) -> EvaluationRun:
    usual = EvaluationRun(
        character="Eileen",
        started_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        references=["references/01.jpg", "references/02.jpg"],
        scenarios=SCENARIOS[:1],
        identities=[EvaluatedIdentity(provider="astria", training_time_ms=120_000, training_cost_usd=1.5)],
        rows=rows,
    )
    return replace(usual, **changes)


def pictures(found: Page) -> list[dict[str, str | None]]:
    """The images that are there before anything is clicked."""
    return [image for image in found.all("img") if "src" in image]


def page(*rows: EvaluationRow, **changes: Any) -> Page:
    return Page(render_gallery(run(*rows, **changes), "results.csv"))


def test_an_image_comes_with_its_figures() -> None:
    found = page(row())
    assert {"src": "images/astria/close-up-1.jpg", "loading": "lazy"}.items() <= pictures(found)[-1].items()
    for figure in ("0.912", "seed 1001", "took 2.3 s", "cost $0.0245", "expected CLIP similarity above 0.90"):
        assert figure in found.text
    assert "as expected" in found.text


def test_a_picture_is_labelled_as_made_by_a_machine_and_a_failure_is_not() -> None:
    failed = row(outcome="failed", image=None, similarity_mean=None, clip_similarity=None)
    assert page(row(), row(variation=2), failed).text.count("AI-generated") == 2


def test_every_image_has_words_for_those_who_cannot_see_it() -> None:
    alternatives = [image.get("alt") for image in pictures(page(row()))]
    assert len(alternatives) == 3
    assert alternatives[-1] == "Eileen by astria: Close-up portrait, well lit, variation 1"
    assert all(alternatives)


def test_the_page_needs_nothing_but_the_files_beside_it() -> None:
    html = render_gallery(run(row()), "results.csv")
    links = [value for _, tag in Page(html).tags for name, value in tag.items() if name in ("src", "href")]
    assert "results.csv" in links
    assert not re.search(r"(https?:)?//", html)
    assert not {"link", "iframe"} & {name for name, _ in Page(html).tags}


def test_no_script_runs_but_the_pages_own() -> None:
    html = render_gallery(run(row(error="<script>1</script>")))
    [policy] = [tag["content"] for tag in Page(html).all("meta") if "http-equiv" in tag]
    [script] = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert policy is not None and f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    "attack", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}"]
)
def test_nobody_writes_html_by_way_of_a_name_or_an_error(attack: str) -> None:
    found = page(row(outcome="failed", image=None, error=attack), row(image=attack), character=attack)
    assert attack in found.text
    assert len(found.all("script")) == 1, "the page's own"
    assert not any("onerror" in attributes for _, attributes in found.tags)


def test_a_failed_image_shows_its_error() -> None:
    found = page(row(outcome="failed", image=None, similarity_mean=None, error="fal is down"))
    assert "Failed fal is down not scored" in found.text
    assert "0 of 1, 1 failed" in found.text


def test_a_filtered_image_says_so() -> None:
    found = page(row(outcome="filtered", image=None, similarity_mean=None))
    assert "safety checker withheld this picture. not scored" in found.text
    assert "0 of 1, 1 filtered" in found.text


def test_who_judges_pictures_of_simulators_is_told_that_they_are_signed() -> None:
    told = "Simulators write on their pictures whose they are"
    assert told in page(row(), simulated=frozenset({"astria"})).text
    assert told not in page(row()).text
    vote = Vote(scenario="close-up", variation=1, left="astria", right="fal-lora", vote="left")
    judged = run(row(), votes=[vote], simulated=frozenset({"astria"}))
    assert "not told whose pictures they saw, but by what simulators write on them." in render_html(judged)


def test_an_image_that_is_not_here_says_so() -> None:
    assert "No picture here The link is dead." in page(row(image=None, error="The link is dead.")).text


def test_a_score_that_is_missing_is_not_a_zero() -> None:
    found = page(row(encoder=None, similarity_mean=None, clip_similarity=None))
    assert "not scored" in found.text
    assert "Nothing was scored." in found.text
    assert "0.000" not in found.text


def test_a_provider_without_an_identity_says_why_in_every_place() -> None:
    identities = [EvaluatedIdentity(provider="astria", error="No face was found.")]
    found = page(identities=identities, scenarios=SCENARIOS[:2])
    assert found.text.count("Not made No face was found.") == 2


def test_all_variations_are_shown() -> None:
    found = page(row(), row(variation=2, similarity_mean=0.7), row(variation=3, outcome="failed", image=None))
    assert len(found.all("figure")) == 3
    assert "2 of 3" in found.text


def test_simulators_are_announced_first_of_all() -> None:
    found = page(row(), simulated=frozenset({"astria"}))
    assert found.text.startswith("SIMULATED Pictures: made by simulators on this machine, not by astria.")
    assert "Nothing was charged" in found.text


def test_a_fallback_encoder_is_announced_and_held_against_nothing() -> None:
    found = page(row(encoder="efficientnet-lite0", clip_similarity=None, similarity_mean=0.99))
    assert found.text.startswith("SIMULATED Scores: by efficientnet-lite0, standing in for CLIP ViT-B/32.")
    assert "as expected" not in found.text


def test_a_calibrated_score_is_shown_where_there_is_one() -> None:
    assert "calibrated 0.41" in page(row(calibrated=0.4123)).text
    assert "calibrated 0.00" in page(row(calibrated=0.0)).text
    assert "calibrated" not in page(row()).text


def test_a_face_is_shown_with_its_encoder_or_why_it_was_not_compared() -> None:
    by = {"face_encoder": "face-dlib-resnet-v1"}
    found = page(
        row(**by, face_similarity_mean=0.9612, face_calibrated=0.98), row(**by, face_not_scored="no_face")
    )
    assert "Scored by clip-vit-b32, faces by face-dlib-resnet-v1." in found.text
    assert "face 0.961, calibrated 0.98" in found.text
    assert "face not scored: no face" in found.text
    assert "face" not in page(row()).text


def test_a_reference_again_is_not_called_as_expected() -> None:
    found = page(row(near_copy="references/i1/0001.jpg", clip_similarity=0.99, similarity_mean=0.99))
    assert "nearly a reference again" in found.text
    assert "as expected" not in found.text


def test_the_real_thing_is_not_called_simulated() -> None:
    assert "SIMULATED" not in page(row()).text


def test_a_score_below_the_expected_one_is_marked() -> None:
    assert "below expected" in page(row(clip_similarity=0.90, similarity_mean=0.90)).text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "unknown"),
        (0.0, "$0.00"),
        (0.1, "$0.10"),
        (0.035, "$0.035"),
        (0.0245, "$0.0245"),
        (2.5049, "$2.50"),
        (4.484999999999999, "$4.49"),
    ],
)
def test_amounts(amount: float | None, text: str) -> None:
    assert dollars(amount) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(None, "unknown"), (0, "0.0 s"), (1250, "1.2 s"), (90_000, "1.5 min")]
)
def test_durations(milliseconds: float | None, text: str) -> None:
    assert seconds(milliseconds) == text


@pytest.mark.parametrize(
    ("training_cost_usd", "cost_usd", "text"),
    [
        (1.5, 0.1, "$1.60"),
        (None, 0.1, "at least $0.10"),
        (1.5, None, "at least $1.50"),
        (None, None, "unknown"),
    ],
)
def test_a_bill_says_what_is_missing_from_it(
    training_cost_usd: float | None, cost_usd: float | None, text: str
) -> None:
    identities = [EvaluatedIdentity(provider="astria", training_cost_usd=training_cost_usd)]
    found = page(row(cost_usd=cost_usd), identities=identities)
    assert f"cost, training included {text}" in found.text


def test_the_verdict_stands_above_the_pictures_with_all_that_it_rests_on() -> None:
    identities = [EvaluatedIdentity(provider=name) for name in ("astria", "fal-lora")]
    rows = [
        row(provider=provider, scenario=scenario.name, similarity_mean=mean + scenario.number / 500, **facts)
        for scenario in SCENARIOS
        for provider, mean, facts in (
            ("astria", 0.8, {}),
            ("fal-lora", 0.7 - 0.01 * (scenario.number % 2), {"cost_usd": 0.001}),
        )
    ]
    found = page(*rows, identities=identities).text
    assert "Recommended: astria." in found
    assert "astria minus fal-lora +0.106 +0.099 to +0.113 5 < 0.001 < 0.001 astria" in found
    simulated = page(*rows, identities=identities, simulated=frozenset({"fal-lora"})).text
    assert "Not decided: simulators drew the pictures" in simulated
    assert "Recommended" not in simulated


def test_scores_have_three_digits() -> None:
    assert score(0.91249) == "0.912"
    assert score(None) == "not scored"


@pytest.mark.parametrize("render", [render_gallery, render_html, render_markdown])
def test_one_of_a_thing_is_told_as_one(render: Callable[[EvaluationRun], str]) -> None:
    planned = row(variation=2, outcome="cancelled", similarity_mean=None)
    identity = EvaluatedIdentity(provider="astria")
    found = render(
        run(
            row(),
            planned,
            identities=[identity],
            references=["1.jpg"],
            shared_references=1,
            variations=1,
            status="cancelled",
        )
    )
    told = " ".join(re.sub("<style>.*?</style>|<[^>]*>", " ", found, flags=re.DOTALL).split())
    assert "the first variation of" in told
    assert re.findall(r"\b1 (?:[a-z]+ )?(?:pictures|images|variations|providers|scenarios)", told) == []
