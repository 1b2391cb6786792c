"""Faults of our side: keys, executions, callers who change their mind or ask twice, events of the bucket."""

from collections.abc import Callable

import boto3

from character_identity.domain.score import EncoderVersion
from character_identity.domain.similarity import Embedding
from character_identity.services.scoring import ScoringService
from tests.faults.rows import GOOD, Arrange, Row, Split, at_each_call, at_each_step
from tests.faults.story import Story
from tests.faults.workflows import PICTURES, Workflow
from tests.world.executions import Execution
from tests.world.world import World

NEW_KEYS = {"fal": "another-id:another-secret", "astria": "sd_another"}
NO_KEY = "not configured"
ERASED = frozenset({"erased"})


def _rotated(story: Story, split: Split) -> None:
    vendor = story.workflow.vendor

    def rotate(execution: Execution) -> None:
        story.world.stand_in.change(**{f"{vendor}_key": NEW_KEYS[vendor]})
        _put_secret(story, NEW_KEYS[vendor])

    at_each_step(story, split, rotate)


def _no_key(story: Story, split: Split) -> None:
    _put_secret(story, NO_KEY)
    story.world.change()


def _put_secret(story: Story, key: str) -> None:
    with story.world.wire.unwatched():
        boto3.client("secretsmanager").put_secret_value(SecretId=story.workflow.vendor, SecretString=key)


def _lost(story: Story, split: Split) -> None:
    at_each_step(story, split, lambda execution: story.world.executions.kill(execution.name))


def _started_twice(story: Story, split: Split) -> None:
    def start(execution: Execution) -> None:
        story.world.executions.start(story.job().model_copy(update={"runs": 99}))

    at_each_step(story, split, start)


def _between_calls(request: Callable[[Story], object], *, while_ordering: bool = False) -> Arrange:
    """A request comes between any two calls of the state machine, or of the function that takes the order."""

    def arrange(story: Story, split: Split) -> None:
        def there(what: str) -> bool:
            return while_ordering != bool(story.subject_id)

        at_each_call(story, split, "before", lambda: request(story), there)

    return arrange


def _cancelled(story: Story, split: Split) -> None:
    def cancel(execution: Execution) -> None:
        story.request("cancel_identity", "POST", f"/v1/identities/{story.subject_id}/cancel")

    at_each_step(story, split, cancel)


def _erase(story: Story) -> None:
    identity_id = story.caller.identity_id or story.subject_id
    story.request("erase_identity", "DELETE", f"/v1/identities/{identity_id}")


def _scored(story: Story, split: Split) -> None:
    """Events of the bucket come before each step, for all pictures that lie there by then, and at the end."""
    world = story.world

    def score_all(execution: Execution | None = None) -> None:
        for key in _pictures(story):
            _scoring(world).score(key)

    def scored_once() -> bool:
        score_all()
        scores = world.services("score_image").scores.scores_of(story.subject_id)
        return {index: len(found) for index, found in scores.items()} == {1: 1, 2: 1}

    world.before_step = score_all
    story.must_hold("each picture has one score", scored_once)


def _scored_after_erasure(story: Story, split: Split) -> None:
    """All pictures lie in the bucket when the identity is erased, and their events come after that."""
    world = story.world
    pictures: list[str] = []

    def erase(execution: Execution) -> None:
        if execution.at == "RecordGeneration" and not pictures:
            pictures.extend(_pictures(story))
            _erase(story)

    def not_scored() -> bool:
        answers = [_scoring(world).score(key) for key in pictures]
        stored = world.services("score_image").scores.scores_of(story.subject_id)
        return answers == [None] * PICTURES and not stored

    world.before_step = erase
    story.must_hold("nothing was scored", not_scored)


def _scoring(world: World) -> ScoringService:
    services = world.services("score_image")
    return ScoringService(bucket=services.bucket, scores=services.scores, embedder=_Sizes())


def _pictures(story: Story) -> list[str]:
    return [key for key in story.world.stored_keys() if key.startswith("generations/")]


class _Sizes:
    """An embedder that looks at a file's size only."""

    version = EncoderVersion("size", "0" * 64, "none")

    def embed(self, image: bytes) -> Embedding:
        return [1.0, float(len(image) % 2)]


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
        _between_calls(lambda story: story.caller.ask(), while_ordering=True),
    ),
    Row("Events of the bucket early, again and late", _scored, spares=_not_scored),
    Row("Events of the bucket after the erasure", _scored_after_erasure, ERASED, _not_scored),
)
