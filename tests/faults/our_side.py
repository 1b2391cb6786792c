"""Faults of our side: keys, executions, callers who change their mind or ask twice, events of the bucket."""

from collections.abc import Callable, Sequence

import boto3

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.event import event_id_of
from character_identity.domain.score import NotScored, Score
from character_identity.domain.similarity import Embedding
from character_identity.domain.view import EncoderVersion, View
from character_identity.services.embedded_references import EmbeddedReferences
from character_identity.services.encoders import Encoders
from character_identity.services.evaluations.scoring import SharedScoring
from character_identity.services.scoring import ScoringService
from tests.faults.rows import GOOD, Arrange, Row, Split, at_each_call, at_each_step
from tests.faults.scenario import Scenario
from tests.faults.workflows import IMAGES, Workflow
from tests.support.in_process.executions import Execution
from tests.support.in_process.harness import Harness
from tests.support.scoring_fakes import a_view

NEW_KEYS = {"fal": "another-id:another-secret", "astria": "sd_another"}
NO_KEY = "not configured"
ERASED = frozenset({"erased"})


def _rotated(scenario: Scenario, split: Split) -> None:
    account = scenario.workflow.account

    def rotate(execution: Execution) -> None:
        scenario.harness.simulator.change(**{f"{account}_key": NEW_KEYS[account]})
        _put_secret(scenario, NEW_KEYS[account])

    at_each_step(scenario, split, rotate)


def _no_key(scenario: Scenario, split: Split) -> None:
    _put_secret(scenario, NO_KEY)
    scenario.harness.change()


def _put_secret(scenario: Scenario, key: str) -> None:
    with scenario.harness.faulty_transport.unwatched():
        boto3.client("secretsmanager").put_secret_value(SecretId=scenario.workflow.account, SecretString=key)


def _lost(scenario: Scenario, split: Split) -> None:
    at_each_step(scenario, split, lambda execution: scenario.harness.executions.kill(execution.name))


def _started_twice(scenario: Scenario, split: Split) -> None:
    def start(execution: Execution) -> None:
        scenario.harness.executions.start(scenario.job().model_copy(update={"runs": 99}))

    at_each_step(scenario, split, start)


def _between_calls(request: Callable[[Scenario], object], *, while_ordering: bool = False) -> Arrange:
    """A request comes between any two calls of the state machine, or of the function that takes the order."""

    def arrange(scenario: Scenario, split: Split) -> None:
        def there(what: str) -> bool:
            return while_ordering != bool(scenario.subject_id)

        at_each_call(scenario, split, "before", lambda: request(scenario), there)

    return arrange


def _cancelled(scenario: Scenario, split: Split) -> None:
    def cancel(execution: Execution) -> None:
        scenario.request("cancel_identity", "POST", f"/v1/identities/{scenario.subject_id}/cancel")

    at_each_step(scenario, split, cancel)


def _erase(scenario: Scenario) -> None:
    identity_id = scenario.caller.identity_id or scenario.subject_id
    scenario.request("erase_identity", "DELETE", f"/v1/identities/{identity_id}")


def _scored(scenario: Scenario, split: Split) -> None:
    """Events of the bucket come before each step, for all pictures that lie there by then, and at the end."""
    harness = scenario.harness

    def score_all(execution: Execution | None = None) -> None:
        _scores(harness, _images(scenario))

    def scored_once() -> bool:
        score_all()
        services = harness.services("score_image")
        scores = services.scores.scores_of(scenario.subject_id)
        told = [event_id_of("ImageScored", f"{scenario.subject_id}/{index}/size") for index in scores]
        published = all(services.event_table.find(each) for each in told) and not any(
            services.event_table.find_unpublished(each) for each in told
        )
        return published and {index: len(found) for index, found in scores.items()} == {1: 1, 2: 1}

    harness.before_step = score_all
    scenario.must_hold("each picture has one score", scored_once)


def _scored_after_erasure(scenario: Scenario, split: Split) -> None:
    """All pictures lie in the bucket when the identity is erased, and their events come after that."""
    harness = scenario.harness
    images: list[str] = []

    def erase(execution: Execution) -> None:
        if execution.at == "RecordGeneration" and not images:
            images.extend(_images(scenario))
            _erase(scenario)

    def not_scored() -> bool:
        answers = _scores(harness, images)
        stored = harness.services("score_image").scores.scores_of(scenario.subject_id)
        return answers == [None] * IMAGES and not stored

    harness.before_step = erase
    scenario.must_hold("nothing was scored", not_scored)


def _scores(harness: Harness, keys: list[str]) -> list[Score | NotScored | None]:
    scoring = _scoring(harness)
    return [scoring.score(image) for image in scoring.embed(keys)]


def _scoring(harness: Harness) -> ScoringService:
    services, encoders = harness.services("score_image"), Encoders(_Sizes())
    return ScoringService(
        identities=services.identity_table,
        bucket=services.bucket,
        scores=services.scores,
        encoders=encoders,
        shared=SharedScoring(
            evaluations=services.evaluation_table,
            scores=services.shared_scores,
            references=EmbeddedReferences(services.bucket, services.scores, encoders),
            encoders=encoders,
            tell=services.callbacks.tell,
        ),
        events=services.events,
        now=services.now,
    )


def _images(scenario: Scenario) -> list[str]:
    return [key for key in scenario.harness.stored_keys() if key.startswith("generations/")]


class _Sizes:
    """An embedder that reads a file's size only."""

    version = EncoderVersion("size", "0" * 64, "none")

    decoy: Embedding | None = None

    def embed(self, images: Sequence[bytes]) -> list[View | InvalidRequest]:
        return [a_view([1.0, float(len(image) % 2)], image) for image in images]


def _not_cancelled(workflow: Workflow) -> str | None:
    return None if workflow.trains else "A generation cannot be cancelled."


def _not_scored(workflow: Workflow) -> str | None:
    return "Weights are not scored." if workflow.trains else None


ROWS = (
    Row("Provider's key rotated, at each step", _rotated),
    Row("Provider's key not configured", _no_key, frozenset({"provider_not_configured"})),
    Row("Execution lost, at each step", _lost),
    Row("Execution started twice, the second time at each step", _started_twice),
    Row("Cancelled, at each step", _cancelled, GOOD | {"cancelled"}, _not_cancelled),
    Row("Erased between any two calls", _between_calls(_erase), ERASED),
    Row(
        "The same request with the same key, between any two calls of the first",
        _between_calls(lambda scenario: scenario.caller.ask(), while_ordering=True),
    ),
    Row("Events of the bucket early, again and late", _scored, spares=_not_scored),
    Row("Events of the bucket after the erasure", _scored_after_erasure, ERASED, _not_scored),
)
