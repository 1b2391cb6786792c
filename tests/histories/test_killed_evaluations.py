"""Evaluations that are killed ten times, wherever chance says, and resumed: the same results, paid once.

Of those that are cancelled besides, results of what was paid.

What is killed is the sandbox of the caller's request, of a task or of the scorer, before or after any of its
calls; or the state machine, with all its children: it is lost, or stopped and redriven by an operator.
"""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

import pytest

from character_identity.domain.budget import microusd
from tests.faults.outcome import Facts
from tests.support.in_process.executions import Crash
from tests.support.in_process.fault_injection import Side
from tests.support.in_process.harness import Harness, harness
from tests.support.scoring_fakes import DigestEncoder

pytestmark = pytest.mark.exhaustive

RUNS = int(os.environ.get("EXAMPLES", "100")) // 100
SCENARIOS = [{"name": name, "prompt": f"{{name}} in the {name}"} for name in ("rain", "snow")]
ORDER = {"name": "Sarah", "className": "woman", "scenarios": SCENARIOS, "variations": 1}
REFERENCES = 5
TRAININGS, CELLS, IMAGES = 2, 6, 2 + 2 + 2 * 4
"""Two of the three providers train. Astria draws four at once."""
CLIENT = "create_evaluation"
TEN, POINTS = 10, 12
"""Who is killed looks less often at what goes on meanwhile, so the last points may not come."""
MOST_TRIES = 30
OF_OUR_TIME = {"total_ms"}
"""The columns that have our own time in them, of which who was killed takes more."""
Kind = Literal["dies", "is lost", "is redriven"]


@dataclass
class Killer:
    """Kills when so many moments have passed: before a call of a function, after it, or before it answers.

    Before the step of that number its owner cancels, twice.
    """

    inside: Harness
    points: Mapping[int, Kind]
    cancels_at: int | None = None
    evaluation_id: str = ""
    steps: int = 0
    passed: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    stopped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.inside.faulty_transport.moment = self.pass_moment
        self.inside.before_step = lambda execution: self.step()

    def pass_moment(self, what: str, side: Side) -> None:
        kind = self.points.get(self.passed.total())
        self.passed[self.inside.function] += 1
        if kind is not None:
            self.killed[self.inside.function] += 1
            self.kill(kind)
            raise Crash(f"{side} {what}")

    def kill(self, kind: Kind) -> None:
        """Kill the evaluation's machines that run, unless only the sandbox is to die."""
        executions = self.inside.executions
        for each in [*executions.by_name.values()]:
            if each.status != "RUNNING" or each.definition["StartAt"] != "Plan" or kind == "dies":
                continue
            if kind == "is lost":
                executions.kill(each.name)
            else:
                executions.abort(each.name, "Killed")
                self.stopped.append(each.name)

    def step(self) -> None:
        self.redrive()
        self.steps += 1
        if self.cancels_at is not None and self.steps >= self.cancels_at:
            path = f"/v1/evaluations/{self.evaluation_id}/cancel"
            answers = [self.inside.call("cancel_evaluation", "POST", path).status for _ in range(2)]
            if 200 in answers:  # else that one was killed
                self.cancels_at = None

    def redrive(self) -> None:
        """As soon as anything else is done; else the sweep is first, and starts another run."""
        while self.stopped:
            self.inside.executions.redrive(self.stopped.pop())


@dataclass(frozen=True)
class Ended:
    """What is there at the end."""

    files: dict[str, bytes]
    facts: Facts
    read: dict[str, Any]
    """The evaluation, as its owner reads it."""
    steps: int
    passed: Counter[str]
    killed: Counter[str]

    @property
    def rows(self) -> list[dict[str, str]]:
        """The results without what is of our own time."""
        [text] = [content.decode() for key, content in self.files.items() if key.endswith("/results.csv")]
        rows = [*csv.DictReader(io.StringIO(text))]
        return [{name: row[name] for name in row if name not in OF_OUR_TIME} for row in rows]

    @property
    def money(self) -> dict[str, int]:
        """Of the owner's month, in millionths of a dollar."""
        return {kind: self.facts.money(kind) for kind in ("reserved", "committed", "held")}

    @property
    def paid(self) -> list[tuple[str, str]]:
        """What each billable order was for, and what it asked."""
        return sorted((each["endpoint"], _without_links(each["input"])) for each in self.facts.paid)


def _without_links(asked: Any) -> str:
    return json.dumps({name: each for name, each in asked.items() if "://" not in str(each)}, sort_keys=True)


def _evaluated(patch: pytest.MonkeyPatch, points: Mapping[int, Kind], cancels_at: int | None = None) -> Ended:
    """What is there at the end of an evaluation that is killed at these points, and perhaps cancelled."""
    patch.setattr("functions.score_image.handler.shipped_encoder", lambda memory_mb: DigestEncoder(8))
    patch.setattr("functions.score_image.handler.shipped_face_encoder", lambda memory_mb: None)
    with harness(patch) as inside:
        inside.score_pictures()
        body = {**ORDER, "references": inside.uploads(REFERENCES)}
        killer = Killer(inside, points, cancels_at)
        evaluation_id = killer.evaluation_id = _ordered(inside, body)
        inside.run()
        inside.faulty_transport.moment = inside.before_step = None
        read = inside.call("get_evaluation", "GET", f"/v1/evaluations/{evaluation_id}").body
        files = {key: inside.stored(key) for key in inside.stored_keys()}
        return Ended(files, Facts.of(inside), read, killer.steps, killer.passed, killer.killed)


def _ordered(inside: Harness, body: dict[str, Any]) -> str:
    """Order until it is accepted, as a client does that is started again with its journal."""
    for _ in range(MOST_TRIES):
        inside.begin_ids()
        answer = inside.call(
            CLIENT, "POST", "/v1/evaluations", body, headers={"Idempotency-Key": "journal-1"}
        )
        if answer.status == 202:
            return str(answer.body["evaluationId"])
        assert answer.status in {409, 500}, answer
        inside.let_pass(float(answer.headers.get("Retry-After", 1)))
    raise AssertionError(f"it was not accepted: {answer}")


def _points(passed: Counter[str], chance: Random) -> dict[int, Kind]:
    """Moments at which to kill: two while it is ordered, and three at which the machine is killed."""
    ordering, rest = range(passed[CLIENT]), range(passed[CLIENT], passed.total())
    moments = [*chance.sample(ordering, 2), *chance.sample(rest, POINTS - 2)]
    kinds: list[Kind] = ["dies"] * POINTS
    kinds[2:5] = "is lost", "is redriven", "is lost"
    return dict(zip(moments, kinds, strict=True))


@pytest.fixture(scope="module")
def undisturbed() -> Iterator[Ended]:
    with pytest.MonkeyPatch.context() as patch:
        yield _evaluated(patch, {})


def test_undisturbed_each_cell_is_paid_once(undisturbed: Ended) -> None:
    assert (undisturbed.read["status"], undisturbed.read["progress"]) == ("completed", 100)
    assert len(undisturbed.paid) == TRAININGS + CELLS
    assert [row["outcome"] for row in undisturbed.rows] == ["succeeded"] * IMAGES
    assert {row["encoder"] for row in undisturbed.rows} == {"clip-vit-b32"}


@pytest.mark.parametrize("seed", range(RUNS))
def test_one_that_is_killed_at_ten_points_is_as_if_nothing_had_been(
    undisturbed: Ended, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    ended = _evaluated(monkeypatch, _points(undisturbed.passed, Random(seed)))
    assert ended.killed.total() >= TEN
    assert (ended.read["status"], ended.read["progress"], ended.read["error"]) == ("completed", 100, None)
    assert ended.rows == undisturbed.rows
    assert ended.paid == undisturbed.paid
    assert ended.files.keys() == undisturbed.files.keys()
    assert ended.money == undisturbed.money


@pytest.mark.parametrize("seed", range(RUNS))
def test_one_that_is_cancelled_and_killed_has_results_of_what_was_paid(
    undisturbed: Ended, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = Random(seed)
    moments = chance.sample(range(undisturbed.passed[CLIENT], undisturbed.passed.total()), 5)
    kinds: list[Kind] = ["dies", "is lost", "is redriven", "dies", "dies"]
    at = int(undisturbed.steps * chance.uniform(0.1, 0.8))  # one that is killed may take fewer steps
    ended = _evaluated(monkeypatch, dict(zip(moments, kinds, strict=True)), cancels_at=at)
    assert (ended.read["status"], ended.read["error"]["code"]) == ("cancelled", "cancelled")
    assert Counter(ended.paid) <= Counter(undisturbed.paid)
    assert {row["outcome"] for row in ended.rows} <= {"succeeded", "cancelled"}
    assert len({(row["provider"], row["scenario"]) for row in ended.rows}) == CELLS
    pages = [content for key, content in ended.files.items() if key.endswith((".html", "report.md"))]
    assert all(b"The evaluation was cancelled." in page for page in pages)
    assert len(pages) == 3
    assert ended.money["reserved"] == 0
    assert 0 < ended.money["committed"] <= microusd(ended.read["ceilingUsd"])
