"""Blind votes between pictures of two providers, as the gallery exports them."""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from character_evaluation.differences import LEVEL, SHARES, Interval, mean_interval
from character_evaluation.errors import BadResults, validated
from character_evaluation.tables import read_table

COLUMNS = ("scenario", "variation", "left", "right", "vote")
WON: Mapping[str, float] = {"left": 1.0, "equal": 0.5, "right": 0.0}


@dataclass(frozen=True, kw_only=True)
class Vote:
    """Which of two pictures of one scenario and variation somebody thought more like the character."""

    scenario: str
    variation: Annotated[int, Field(ge=1)]
    left: str
    right: str
    vote: Literal["left", "right", "equal"]


@dataclass(frozen=True, kw_only=True)
class Preference:
    """How often (0 to 1) ``one`` was preferred to ``other``, an equal pair counting half for each.

    ``interval`` is Student's t on the shares of the scenarios, at 95 %, within 0 and 1, or the binomial one
    where each of them is for the same; None of one scenario.
    """

    one: str
    other: str
    votes: int
    scenarios: int
    share: float
    interval: Interval | None


VOTE = TypeAdapter(Vote)


def read_votes(text: str, file: str, providers: Sequence[str], scenarios: Sequence[str]) -> list[Vote]:
    """Read what the gallery exported; several people's votes may stand one below the other.

    Raises:
        BadResults: it is no such table; the message names file, row and column.
    """
    _, lines = read_table(
        text, file, lambda header: None if tuple(header) == COLUMNS else f"has to be {','.join(COLUMNS)}"
    )
    known = {"scenario": scenarios, "left": providers, "right": providers}
    votes = []
    for number, cells in enumerate(lines, 2):
        where = f"{file}, row {number}"
        vote = validated(VOTE, dict(zip(COLUMNS, cells, strict=True)), where)
        for column, names in known.items():
            if getattr(vote, column) not in names:
                raise BadResults(f"{where}, {column}: the run has none of this name.")
        if vote.left == vote.right:
            raise BadResults(f"{where}, right: this is the same provider again.")
        votes.append(vote)
    return votes


def write_votes(votes: Sequence[Vote]) -> str:
    """The votes as the gallery exports them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([getattr(vote, column) for column in COLUMNS] for vote in votes)
    return text.getvalue()


def preferences(votes: Sequence[Vote]) -> list[Preference]:
    """Return what was preferred, for each pair of providers that somebody judged, by their names."""
    shares: defaultdict[tuple[str, str], defaultdict[str, list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for vote in votes:
        one, other = sorted((vote.left, vote.right))
        won = WON[vote.vote]
        shares[one, other][vote.scenario].append(won if vote.left == one else 1 - won)
    return [_preference(one, other, shares[one, other]) for one, other in sorted(shares)]


def _preference(one: str, other: str, by_scenario: Mapping[str, Sequence[float]]) -> Preference:
    means = [fmean(shares) for shares in by_scenario.values()]
    return Preference(
        one=one,
        other=other,
        votes=sum(len(shares) for shares in by_scenario.values()),
        scenarios=len(means),
        share=fmean(means),
        interval=_interval(means),
    )


def _interval(means: Sequence[float]) -> Interval | None:
    """Return Student's interval; where all scenarios agree, and it has no width, that of Clopper and Pearson.

    Of n of n it reaches from the n-th root of 0.025 to 1 (Biometrika 26, 1934). Where all are even, nothing
    is known of how far they might differ.
    """
    if len(means) < 2 or len(set(means)) > 1:
        return mean_interval(means, SHARES)
    least = ((1 - LEVEL) / 2) ** (1 / len(means))
    return {1.0: (least, 1.0), 0.0: (0.0, 1 - least)}.get(means[0])
