"""The calls that our adapters make, by name, and how each may end."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from character_identity.domain.errors import (
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.domain.job import JobHandle
from character_identity.ports import ProviderGeneration, TrainingStatus
from tests.builders import NOON
from tests.contracts.wire import (
    ASTRIA_JOB,
    FAL_JOB,
    GENERATION,
    PICTURES,
    REQUEST,
    SECRETS,
    TRAINING,
    Position,
    Wire,
)

Outcome = Literal["accepted", "goes on", "done", "not found", "failed", "rejected", "unavailable", "unknown"]
LONGEST_MESSAGE = 400

OUTCOMES: dict[type[ProviderError], Outcome] = {
    ProviderRejected: "rejected",
    ProviderUnavailable: "unavailable",
    ProviderOutcomeUnknown: "unknown",
}
STATES: dict[str, Outcome] = {
    "queued": "goes on",
    "running": "goes on",
    "training": "goes on",
    "trained": "done",
    "generated": "done",
    "failed": "failed",
}


@dataclass(frozen=True)
class Call:
    """One thing an adapter is asked for, and which of the provider's answers decides about it."""

    name: str
    position: Position
    make: Callable[[Wire], object]


FAL_CALLS = [
    Call("train", "submit", lambda wire: wire.lora.submit_training(TRAINING)),
    Call("draw with a LoRA", "submit", lambda wire: wire.lora.submit_generation(GENERATION)),
    Call("draw at once", "submit", lambda wire: wire.instant.submit_generation(GENERATION)),
    Call("look at a training", "status", lambda wire: wire.lora.training_status(FAL_JOB)),
    Call("look at a picture", "status", lambda wire: wire.instant.generation_status(FAL_JOB, REQUEST)),
    Call("read a training", "result", lambda wire: wire.lora.training_status(FAL_JOB)),
    Call("read a picture", "result", lambda wire: wire.lora.generation_status(FAL_JOB, REQUEST)),
    Call("send an archive", "initiate", lambda wire: wire.lora.prepare_training(PICTURES)),
    Call("send a picture", "initiate", lambda wire: wire.instant.submit_generation(GENERATION)),
]
ASTRIA_CALLS = [
    Call("train", "create tune", lambda wire: wire.astria.submit_training(TRAINING)),
    Call("draw", "create prompt", lambda wire: wire.astria.submit_generation(GENERATION)),
    Call("look at a training", "get tune", lambda wire: wire.astria.training_status(ASTRIA_JOB)),
    Call("look at a picture", "get prompt", lambda wire: wire.astria.generation_status(ASTRIA_JOB, REQUEST)),
]
FAL_CANCEL = Call("cancel", "cancel", lambda wire: wire.lora.cancel(FAL_JOB))
ASTRIA_FINDS = [
    Call("find a training", "list tunes", lambda wire: wire.astria.find_training(TRAINING)),
    Call("find a picture", "list prompts", lambda wire: wire.astria.find_generation(GENERATION, NOON)),
]
ASTRIA_ERASES = [
    Call("erase a training", "delete tune", lambda wire: wire.astria.erase_training(ASTRIA_JOB)),
    Call("erase a picture", "delete prompt", lambda wire: wire.astria.erase_generation(ASTRIA_JOB)),
]


def ended(call: Call, wire: Wire) -> tuple[Outcome, str]:
    """How a call ended, and what a person reads about it."""
    try:
        answer = call.make(wire)
    except ProviderError as exc:
        log = "".join(traceback.format_exception(exc))
        assert not [secret for secret in SECRETS if secret in f"{log}{exc.details}"]
        return OUTCOMES[type(exc)], exc.message
    if isinstance(answer, TrainingStatus | ProviderGeneration):
        return STATES[answer.state], answer.reason or ""
    if answer is None:
        return "not found", ""
    assert isinstance(answer, JobHandle | str) or answer is True
    return "done" if answer is True else "accepted", ""


def assert_fit_to_show(message: str) -> None:
    """One line of letters that a person can read, and nothing that is nobody's business."""
    assert message.isprintable() and 10 <= len(message) <= LONGEST_MESSAGE, message
    assert not [secret for secret in SECRETS if secret in message], message
