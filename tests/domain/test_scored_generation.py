from datetime import timedelta

import pytest

from character_identity.domain.generation import GeneratedImage, Outcome
from character_identity.domain.score import NotScored, Score
from character_identity.domain.scored_generation import SCORED_WITHIN, ScoredGeneration
from character_identity.domain.view import EncoderVersion
from tests.support.builders import NOON, a_generation, a_score

SCORE = a_score(EncoderVersion("clip-vit-b32", "0f1e", "v1"), "0f1e", {"r": 0.5})
BLACK = NotScored(encoder="clip-vit-b32", code="black_image", reason="It is black.")
OTHER = NotScored(encoder="other", code="unreadable_image", reason="It is no picture.")


def scored(
    *found: list[Score | NotScored], outcomes: tuple[Outcome, ...] = (), after: timedelta = timedelta()
) -> ScoredGeneration:
    """A generation that succeeded at noon, with so many images, and what was found of each."""
    images = [
        GeneratedImage(index=index, outcome=outcomes[index - 1] if outcomes else "succeeded")
        for index in range(1, len(found) + 1)
    ]
    generation = a_generation(status="succeeded", images=images, settled_at=NOON)
    return ScoredGeneration(generation, NOON + after, dict(enumerate(found, 1)))


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ([[SCORE], [SCORE]], "complete"),
        ([[SCORE], [BLACK]], "complete"),
        ([[BLACK], [BLACK, OTHER]], "notScored"),
        ([[SCORE], []], "pending"),
        ([[BLACK], []], "pending"),
        ([[OTHER, SCORE]], "complete"),
    ],
)
def test_scoring_is_over_once_every_image_has_a_score_or_a_reason(
    found: list[list[Score | NotScored]], state: str
) -> None:
    assert scored(*found).scoring == state


def test_what_was_filtered_or_failed_is_not_waited_for() -> None:
    assert scored([], [SCORE], outcomes=("filtered", "succeeded")).scoring == "complete"
    assert scored([], [], outcomes=("filtered", "failed")).scoring == "notScored"


@pytest.mark.parametrize("status", ["queued", "running"])
def test_before_the_pictures_are_there_it_is_pending(status: str) -> None:
    parked = GeneratedImage(index=1, outcome="parked")
    for images in ([], [parked]):
        generation = a_generation(status=status, images=images)
        assert ScoredGeneration(generation, NOON + 2 * SCORED_WITHIN).scoring == "pending"


def test_what_was_not_scored_in_time_has_no_score_and_says_so() -> None:
    """And is complete all the same where another image has one; what comes later counts."""
    moment = timedelta(seconds=1)
    assert scored([], after=SCORED_WITHIN - moment).scoring == "pending"
    late = scored([], [SCORE], after=SCORED_WITHIN)
    assert late.scoring == "complete"
    assert [late.is_late(image) for image in late.generation.images] == [True, False]
    assert scored([], after=SCORED_WITHIN).scoring == "notScored"
    filtered = scored([], after=SCORED_WITHIN, outcomes=("filtered",))
    assert not any(filtered.is_late(image) for image in filtered.generation.images)
    assert scored([SCORE], after=SCORED_WITHIN * 9).scoring == "complete"


@pytest.mark.parametrize(
    ("found", "after", "state"),
    [
        ([[SCORE]], timedelta(), "complete"),
        ([[BLACK]], timedelta(), "notScored"),
        ([[]], timedelta(), None),
        ([[]], SCORED_WITHIN, None),
        ([[SCORE], []], timedelta(), None),
        ([[SCORE], []], SCORED_WITHIN, "complete"),
        ([[BLACK], []], SCORED_WITHIN, None),
    ],
)
def test_a_list_says_of_the_scoring_what_the_first_picture_tells(
    found: list[list[Score | NotScored]], after: timedelta, state: str | None
) -> None:
    some = scored(*found, after=after)
    assert some.scoring_of_some == state
    assert state in {None, some.scoring}


def test_without_pictures_there_is_nothing_to_look_for() -> None:
    assert scored([], outcomes=("filtered",)).scoring_of_some == "notScored"
    assert ScoredGeneration(a_generation(status="queued"), NOON).scoring_of_some == "pending"


def test_an_image_has_the_scores_and_the_reason_that_were_found() -> None:
    both = scored([OTHER, SCORE])
    [image] = both.generation.images
    assert (both.scores_of(image), both.not_scored(image)) == ([SCORE], OTHER)
