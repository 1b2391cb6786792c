"""Blind votes: read back, counted by scenario, and told where they cannot be right."""

from collections.abc import Callable

import pytest

from character_evaluation.errors import BadResults
from character_evaluation.votes import COLUMNS, Vote, preferences, read_votes, write_votes

PROVIDERS, SCENARIOS = ("a", "b", "c"), ("sea", "city")
HEADER = ",".join(COLUMNS)


def vote(scenario: str, left: str, right: str, which: str) -> Vote:
    return Vote(scenario=scenario, variation=1, left=left, right=right, vote=which)  # type: ignore[arg-type]


def test_votes_come_back_as_they_were() -> None:
    votes = [vote("sea", "a", "b", "left"), vote("city", "c", "a", "equal")]
    assert read_votes(write_votes(votes), "votes.csv", PROVIDERS, SCENARIOS) == votes


def test_votes_that_a_spreadsheet_put_together_come_back() -> None:
    votes = [vote("sea", "a", "b", "left"), vote("city", "c", "a", "equal")]
    saved = "\ufeff" + write_votes(votes).replace(",", ";")
    assert read_votes(saved, "votes.csv", PROVIDERS, SCENARIOS) == votes


def test_a_vote_counts_the_same_on_either_side() -> None:
    [found] = preferences([vote("sea", "a", "b", "left"), vote("city", "b", "a", "right")])
    assert (found.one, found.other, found.share, found.votes, found.scenarios) == ("a", "b", 1.0, 2, 2)


def test_scenarios_weigh_the_same_however_often_they_were_judged() -> None:
    often = [vote("sea", "a", "b", "left")] * 9
    [found] = preferences([*often, vote("city", "a", "b", "right")])
    assert (found.share, found.votes) == (0.5, 10)


def test_the_interval_stays_within_none_and_all() -> None:
    [found] = preferences([vote("sea", "a", "b", "left"), vote("city", "a", "b", "equal")])
    assert found.share == 0.75
    assert found.interval is not None
    assert found.interval[0] >= 0 and found.interval[1] == 1.0
    [single] = preferences([vote("sea", "a", "b", "left")])
    assert single.interval is None


@pytest.mark.parametrize(
    ("which", "interval"), [("left", (0.1581, 1.0)), ("right", (0.0, 0.8419)), ("equal", None)]
)
def test_two_scenarios_that_agree_are_not_certain(which: str, interval: tuple[float, float] | None) -> None:
    """Of two of two the exact interval begins at the root of 0.025."""
    [found] = preferences([vote("sea", "a", "b", which), vote("city", "a", "b", which)])
    assert found.interval == (interval and pytest.approx(interval, abs=1e-4))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("sea,1,a,b", "votes.csv, row 2, vote: "),
        ("sea,1,a,b,left,", "votes.csv, row 2: it has 6 cells, and the header 5."),
        ("sea,0,a,b,left", "votes.csv, row 2, variation: "),
        ("sea,1,a,b,best", "votes.csv, row 2, vote: "),
        ("moon,1,a,b,left", "votes.csv, row 2, scenario: "),
        ("sea,1,a,x,left", "votes.csv, row 2, right: "),
        ("\r\nsea,1,a,b,left", "votes.csv, row 2: it is empty, and others follow."),
        ("sea,1,a,a,left", "votes.csv, row 2, right: this is the same provider"),
        ('sea,1,a,"b', "votes.csv, line 2: this is no CSV"),
    ],
)
def test_what_cannot_be_right_is_named_by_row_and_column(row: str, told: str) -> None:
    with pytest.raises(BadResults) as caught:
        read_votes(f"{HEADER}\r\n{row}\r\n", "votes.csv", PROVIDERS, SCENARIOS)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize("change", [str.upper, lambda text: "", lambda text: text.replace("left,", "")])
def test_another_header_is_told(change: Callable[[str], str]) -> None:
    with pytest.raises(BadResults, match="the header has to be scenario,variation"):
        read_votes(change(HEADER) + "\r\n", "votes.csv", PROVIDERS, SCENARIOS)
