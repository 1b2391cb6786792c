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
from character_identity.ports.providers import Found, JobStatus
from tests.contracts.fault_injection import (
    ASTRIA_JOB,
    FAL_JOB,
    GENERATION,
    IMAGES,
    REQUEST,
    SECRETS,
    TRAINING,
    FaultyTransport,
    Position,
)
from tests.support.builders import NOON

Outcome = Literal[
    "accepted",
    "goes on",
    "done",
    "not found",
    "missing",
    "failed",
    "cancelled",
    "rejected",
    "unavailable",
    "unknown",
]
LONGEST_MESSAGE = 400

OUTCOMES: dict[type[ProviderError], Outcome] = {
    ProviderRejected: "rejected",
    ProviderUnavailable: "unavailable",
    ProviderOutcomeUnknown: "unknown",
}
STATES: dict[str, Outcome] = {
    "queued": "goes on",
    "running": "goes on",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "missing": "missing",
}


@dataclass(frozen=True)
class Call:
    """One thing an adapter is asked for, and which of the provider's answers decides about it."""

    name: str
    position: Position
    make: Callable[[FaultyTransport], object]


FAL_CALLS = [
    Call("train", "submit", lambda faulty_transport: faulty_transport.lora.training.submit(TRAINING)),
    Call(
        "generate with a LoRA",
        "submit",
        lambda faulty_transport: faulty_transport.lora.images.submit(GENERATION),
    ),
    Call(
        "generate at once",
        "submit",
        lambda faulty_transport: faulty_transport.instant.images.submit(GENERATION),
    ),
    Call(
        "poll a training",
        "status",
        lambda faulty_transport: faulty_transport.lora.training.status(FAL_JOB, 1000),
    ),
    Call(
        "poll a generation",
        "status",
        lambda faulty_transport: faulty_transport.instant.images.status(FAL_JOB, REQUEST),
    ),
    Call(
        "read a training",
        "result",
        lambda faulty_transport: faulty_transport.lora.training.status(FAL_JOB, 1000),
    ),
    Call(
        "read a picture",
        "result",
        lambda faulty_transport: faulty_transport.lora.images.status(FAL_JOB, REQUEST),
    ),
    Call(
        "send an archive", "initiate", lambda faulty_transport: faulty_transport.lora.training.prepare(IMAGES)
    ),
    Call(
        "send a picture",
        "initiate",
        lambda faulty_transport: faulty_transport.instant.images.prepare(IMAGES),
    ),
]
ASTRIA_CALLS = [
    Call("train", "create tune", lambda faulty_transport: faulty_transport.astria.training.submit(TRAINING)),
    Call(
        "generate",
        "create prompt",
        lambda faulty_transport: faulty_transport.astria.images.submit(GENERATION),
    ),
    Call(
        "poll a training",
        "get tune",
        lambda faulty_transport: faulty_transport.astria.training.status(ASTRIA_JOB, 1000),
    ),
    Call(
        "poll a generation",
        "get prompt",
        lambda faulty_transport: faulty_transport.astria.images.status(ASTRIA_JOB, REQUEST),
    ),
]
FAL_CANCEL = Call(
    "cancel", "cancel", lambda faulty_transport: bool(faulty_transport.lora.training.cancel(FAL_JOB))
)
ASTRIA_FINDS = [
    Call(
        "find a training",
        "list tunes",
        lambda faulty_transport: faulty_transport.astria.training.find(TRAINING, NOON),
    ),
    Call(
        "find a picture",
        "list prompts",
        lambda faulty_transport: faulty_transport.astria.images.find(GENERATION, NOON),
    ),
]
ASTRIA_ERASES = [
    Call(
        "erase a training",
        "delete tune",
        lambda faulty_transport: faulty_transport.astria.training.erase(ASTRIA_JOB),
    ),
    Call(
        "erase a picture",
        "delete prompt",
        lambda faulty_transport: faulty_transport.astria.images.erase(ASTRIA_JOB),
    ),
]


def ended(call: Call, faulty_transport: FaultyTransport) -> tuple[Outcome, str]:
    """Return how a call ended, and what a person reads about it."""
    try:
        answer = call.make(faulty_transport)
    except ProviderError as exc:
        log = "".join(traceback.format_exception(exc, limit=0))  # frames show our code, and no values
        assert not [secret for secret in SECRETS if secret in f"{log}{exc.details}"]
        return OUTCOMES[type(exc)], exc.message
    if isinstance(answer, JobStatus):
        return STATES[answer.state], answer.reason or ""
    if isinstance(answer, Found) and not answer.certain:
        return "not found", ""
    assert isinstance(answer, JobHandle | Found | str) or answer is True
    return "done" if answer is True else "accepted", ""


def assert_fit_to_show(message: str) -> None:
    """One line of letters that a person can read, and nothing that is nobody's business."""
    assert message.isprintable() and 10 <= len(message) <= LONGEST_MESSAGE, message
    assert not [secret for secret in SECRETS if secret in message], message
