"""What the services need of the outside world. Adapters implement these; tests pass fakes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from character_identity.domain.generation import Generation, GenerationRequest, ProducedImage
from character_identity.domain.identity import Identity, Phase, ProviderName
from character_identity.domain.job import JobHandle, ProviderJob
from character_identity.domain.prices import Price

Now = Callable[[], datetime]
NewId = Callable[[], str]


@dataclass(frozen=True)
class ReferenceLimits:
    """How many reference images a provider takes, both ends included."""

    minimum: int
    maximum: int


@dataclass(frozen=True)
class ReferencePicture:
    """A stored reference image: a link that answers a plain GET, and its bytes on demand."""

    name: str
    link: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class TrainingOrder:
    """What a training is made from; ``archive_url`` is what ``prepare_training`` returned."""

    title: str
    class_name: str
    trigger_word: str
    references: list[ReferencePicture]
    steps: int
    archive_url: str | None = None
    mock: bool = False


@dataclass(frozen=True)
class TrainingStatus:
    """``fraction`` is the share of steps done, where the provider's logs tell."""

    state: Literal["queued", "training", "trained", "failed"]
    fraction: float | None = None
    weights_url: str | None = None
    cost_usd: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class GenerationOrder:
    """What to draw and with whom: the identity, links to its references and to our copy of its weights."""

    identity: Identity
    request: GenerationRequest
    references: list[ReferencePicture]
    weights_link: str | None = None


@dataclass(frozen=True)
class GenerationPlan:
    """What will be sent: the body, the prompt in it, and what could not be honoured, in sentences."""

    body: dict[str, Any]
    prompt: str
    warnings: list[str]


@dataclass(frozen=True)
class ProviderGeneration:
    """State of a generation at its provider; ``cost_usd`` is what the provider reported."""

    state: Literal["running", "generated", "failed"]
    images: tuple[ProducedImage, ...] = ()
    cost_usd: float | None = None
    reason: str | None = None


class Provider(Protocol):
    """One way to make an identity. It never sleeps, polls or retries: the state machine does.

    Every call may raise ProviderUnavailable or ProviderRejected; those that cost money also
    ProviderOutcomeUnknown.
    """

    @property
    def name(self) -> ProviderName: ...
    @property
    def trains(self) -> bool: ...
    @property
    def mock(self) -> bool: ...
    @property
    def references(self) -> ReferenceLimits: ...
    @property
    def max_images(self) -> int: ...
    @property
    def prices(self) -> dict[str, Price]: ...
    @property
    def training_deadline_s(self) -> int: ...
    @property
    def generation_deadline_s(self) -> int: ...

    def prepare_training(self, references: list[ReferencePicture]) -> str | None:
        """Put the training material where the provider can read it; free, and repeatable."""

    def submit_training(self, order: TrainingOrder) -> JobHandle: ...
    def training_status(self, handle: JobHandle) -> TrainingStatus: ...
    def training_estimate_usd(self, steps: int) -> float | None: ...
    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        """Translate a request without calling anybody."""

    def submit_generation(self, order: GenerationOrder) -> JobHandle: ...
    def generation_status(self, handle: JobHandle, request: GenerationRequest) -> ProviderGeneration: ...
    def generation_estimate_usd(self, request: GenerationRequest) -> float | None: ...


class Providers(Protocol):
    """The providers by name."""

    def __getitem__(self, name: str) -> Provider: ...
    def names(self) -> list[ProviderName]: ...


class Identities(Protocol):
    """Identities; every change is conditional on the status it leaves."""

    def add(self, identity: Identity) -> None: ...
    def get(self, identity_id: str) -> Identity: ...
    def list(self, owner: str) -> list[Identity]: ...
    def advance(self, identity_id: str, phase: Phase, progress: int, **changes: Any) -> None:
        """Move a training on; an earlier progress than the stored one changes nothing but ``changes``."""

    def settle(self, identity: Identity) -> Identity:
        """Store the outcome of a training unless it has one; returns what is stored."""


class Generations(Protocol):
    """Generations; a settled one never changes."""

    def add(self, generation: Generation) -> None: ...
    def get(self, generation_id: str) -> Generation: ...
    def save(self, generation: Generation) -> Generation:
        """Store a new state unless the stored one is settled; returns what is stored."""


class Ledger(Protocol):
    """One row for every paid call, written before it is made."""

    def intend(self, job: ProviderJob) -> ProviderJob | None:
        """Write the intent; returns the row that was there already, if one was."""

    def submitted(self, job_id: str, handle: JobHandle) -> None: ...
    def forget(self, job_id: str) -> None:
        """Take the intent back: the provider proved that it accepted nothing."""

    def close(self, job_id: str, state: Literal["rejected", "unknown"]) -> None: ...
    def get(self, job_id: str) -> ProviderJob | None: ...


@dataclass(frozen=True)
class UploadTicket:
    """A presigned POST: send ``fields`` and then the file to ``url``; it will lie at ``key``."""

    key: str
    url: str
    fields: dict[str, str]


class Bucket(Protocol):
    """Our objects. ``link`` answers a plain GET for at least an hour."""

    def read(self, key: str, limit_bytes: int) -> bytes: ...
    def write(self, key: str, content: bytes, content_type: str) -> None: ...
    def write_file(self, key: str, path: Path, content_type: str) -> None: ...
    def list_keys(self, prefix: str) -> list[str]: ...
    def link(self, key: str) -> str: ...
    def upload_ticket(self, key: str, content_type: str, limit_bytes: int) -> UploadTicket: ...


@dataclass(frozen=True)
class EarlierCall:
    """What a caller's same call led to before."""

    target_id: str
    made_at: datetime


class EarlierCalls(Protocol):
    """Remembers calls of a door that has no idempotency keys, by a digest of the call."""

    def find(self, digest: str) -> EarlierCall | None: ...
    def claim(self, digest: str, call: EarlierCall, replaces: EarlierCall | None) -> EarlierCall:
        """Remember a call unless somebody did so first; returns the one that is remembered."""

    def release(self, digest: str, call: EarlierCall) -> None:
        """Forget a call that led to nothing."""

    def answer(self, target_id: str) -> None:
        """The outcome of a call was told."""

    def was_answered(self, target_id: str) -> bool: ...


class ReferenceChooser(Protocol):
    """Tells which of several stored pictures shows the character best."""

    def most_central(self, keys: list[str]) -> str | None:
        """The picture nearest to the centre of the set by embedding; None when nobody can tell now."""


class TrainedWeights(Protocol):
    """Finds an owner's identity by its weights, wherever a copy of them lies."""

    def remember(self, owner: str, mark: str, identity_id: str) -> None: ...
    def find(self, owner: str, mark: str) -> str | None: ...


class Media(Protocol):
    """Fetches bytes that lie elsewhere, trusting nobody; see ``providers/media.py``."""

    def fetch(self, url: str, limit_bytes: int) -> bytes: ...
    def fetch_start(self, url: str, size_bytes: int) -> bytes:
        """The first bytes only."""

    def download(self, url: str, path: Path, limit_bytes: int) -> str:
        """Stream to a file; returns the SHA-256 in hexadecimal."""


class Workflows(Protocol):
    """Starts state machines. Starting the same id again changes nothing."""

    def train(self, state: dict[str, Any]) -> None: ...
    def generate(self, state: dict[str, Any]) -> None: ...
