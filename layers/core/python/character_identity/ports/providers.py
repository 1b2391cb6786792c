"""What the services need of the providers. Adapters implement these; tests pass fakes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from character_identity.domain.generation import GenerationRequest, ProducedImage
from character_identity.domain.identity import Identity, ProviderName
from character_identity.domain.job import JobHandle, JobKind
from character_identity.domain.prices import Price


@dataclass(frozen=True)
class ReferenceLimits:
    """How many reference images a provider takes, both ends included."""

    minimum: int
    maximum: int


@dataclass(frozen=True)
class ReferenceImage:
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
    references: list[ReferenceImage]
    steps: int
    archive_url: str | None = None
    mock: bool = False
    callback_url: str | None = None


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
    references: list[ReferenceImage]
    weights_link: str | None = None
    callback_url: str | None = None


@dataclass(frozen=True)
class GenerationPlan:
    """What will be sent: the body, the prompt in it, and what could not be honoured, in sentences."""

    body: dict[str, Any]
    prompt: str
    warnings: list[str]


@dataclass(frozen=True)
class GenerationStatus:
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
    @property
    def usual_training_s(self) -> int:
        """What a training takes when all goes well."""

    @property
    def usual_generation_s(self) -> int: ...

    def prepare_training(self, references: list[ReferenceImage]) -> str | None:
        """Put the training material where the provider can read it; free, and repeatable."""

    def submit_training(self, order: TrainingOrder) -> JobHandle: ...
    def training_status(self, handle: JobHandle) -> TrainingStatus: ...
    def training_estimate_usd(self, steps: int) -> float | None: ...
    def training_ceiling_usd(self, steps: int) -> float:
        """The most that such a training can cost, by the price list or by assumption."""

    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        """Translate a request without calling anybody."""

    def submit_generation(self, order: GenerationOrder) -> JobHandle: ...
    def generation_status(self, handle: JobHandle, request: GenerationRequest) -> GenerationStatus: ...
    def generation_estimate_usd(self, request: GenerationRequest) -> float | None: ...
    def generation_ceiling_usd(self, request: GenerationRequest) -> float:
        """The most that such a generation can cost, by the price list or by assumption."""

    def job_handle(self, kind: JobKind, provider_job_id: str) -> JobHandle:
        """How to find a job of which only the id is known, as a webhook tells it.

        Raises:
            InvalidRequest: no job of this provider can have that id.
        """

    @property
    def supports_lookup(self) -> bool:
        """Whether a job can be looked up by what was ordered, when the answer to the order was lost."""

    def find_training(self, order: TrainingOrder) -> JobHandle | None:
        """The training that such an order started, or None if the provider has none."""

    def find_generation(self, order: GenerationOrder, since: datetime) -> JobHandle | None:
        """The generation that such an order of ``since`` or later started, or None."""

    def cancel(self, handle: JobHandle) -> bool:
        """Ask the provider to stop a job; False where that cannot be asked. Free, and repeatable."""

    def erase_training(self, handle: JobHandle) -> bool:
        """Delete the training and what it made at the provider; False where that cannot be asked."""

    def erase_generation(self, handle: JobHandle) -> bool:
        """Delete the generation and its pictures at the provider; False where that cannot be asked."""

    @property
    def keeps(self) -> str | None:
        """What the provider keeps after everything was erased that can be, in a sentence; None: nothing."""


class Providers(Protocol):
    """The providers by name."""

    def __getitem__(self, name: str) -> Provider: ...
    def names(self) -> list[ProviderName]: ...
