"""What the services need of the providers. Adapters implement these; tests pass fakes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, TypeVar

from character_identity.domain.generation import GenerationRequest, ProducedImage
from character_identity.domain.identity import Identity, ProviderName
from character_identity.domain.job import JobHandle, JobKind
from character_identity.domain.prices import Price
from character_identity.domain.slots import Priority


@dataclass(frozen=True)
class ReferenceLimits:
    """How many reference images a provider takes, both ends included."""

    minimum: int
    maximum: int


@dataclass(frozen=True)
class ReferenceImage:
    """A stored reference image; on demand a link that answers a plain GET, and its bytes, each got once."""

    name: str
    link: Callable[[], str]
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Estimate:
    """What an order is expected to cost, None if nobody knows, and the most that it can.

    The ceiling is by the price list, or by assumption where none is published.
    """

    expected_usd: float | None
    ceiling_usd: float


@dataclass(frozen=True)
class JobStatus:
    """Where a job is at its provider; ``cost_usd`` is what the provider says it bills.

    ``took_s`` is how many seconds the provider says that it worked on the job, without any waiting.

    ``missing`` is what the provider itself says of a job that it does not know. A replica may lag, so it is
    believed only when it was said twice. So is a failure that ``is_odd``: something answered that all went
    well, and not with what.
    """

    state: Literal["queued", "running", "done", "failed", "cancelled", "missing"]
    cost_usd: float | None = None
    reason: str | None = None
    took_s: float | None = None
    queue_position: int | None = None
    is_odd: bool = False

    @property
    def took_ms(self) -> int | None:
        """The same in milliseconds."""
        return None if self.took_s is None else round(self.took_s * 1000)


@dataclass(frozen=True)
class TrainingOrder:
    """What a training is made from; ``archive_url`` is what ``Trainer.prepare`` returned."""

    title: str
    class_name: str
    trigger_word: str
    references: list[ReferenceImage]
    steps: int
    archive_url: str | None = None
    mock: bool = False
    callback_url: str | None = None
    priority: Priority = "interactive"


@dataclass(frozen=True)
class TrainingStatus(JobStatus):
    """``fraction`` is the share of steps done, where the provider's logs tell."""

    fraction: float | None = None
    weights_url: str | None = None


@dataclass(frozen=True)
class GenerationOrder:
    """What to draw and with whom: the identity, its references, and a link to our copy of its weights.

    ``reference_url`` is what ``ImageMaker.prepare`` returned.
    """

    identity: Identity
    request: GenerationRequest
    references: list[ReferenceImage]
    weights_link: str | None = None
    callback_url: str | None = None
    reference_url: str | None = None
    priority: Priority = "interactive"


@dataclass(frozen=True)
class GenerationPlan:
    """What will be sent: the body, the prompt in it, and what could not be honoured, in sentences."""

    body: dict[str, Any]
    prompt: str
    warnings: list[str]


@dataclass(frozen=True)
class GenerationStatus(JobStatus):
    """``images`` are those of a generation that is done, in their order."""

    images: tuple[ProducedImage, ...] = ()


Cancellation = Literal["dropped", "asked", "finished", "impossible"]
"""What came of cancelling: ``dropped`` before anything was done that is billed; ``asked``, so that it may
still finish and be billed; ``finished`` before; or the provider has no way to."""


@dataclass(frozen=True)
class Found:
    """The jobs at a provider that an order may have started.

    ``certain`` have what only such an order has. ``possible`` do not tell what was ordered, but came when it
    was made. Who is sure that there is no other may order again, so ``is_whole`` says whether all of the
    provider's list was read and understood.
    """

    certain: tuple[JobHandle, ...] = ()
    possible: tuple[JobHandle, ...] = ()
    is_whole: bool = True


Request = TypeVar("Request", contravariant=True)
Order = TypeVar("Order", contravariant=True)
Status = TypeVar("Status", bound=JobStatus, covariant=True)


class PaidJobs(Protocol[Request, Order, Status]):
    """One kind of job that a provider does for money.

    A ``Request`` is what the price depends on, an ``Order`` all that the provider is sent. It never sleeps,
    polls or retries: the state machine does. Every call may raise ProviderUnavailable or ProviderRejected,
    ``submit`` also ProviderOutcomeUnknown.
    """

    @property
    def deadline_s(self) -> int: ...
    @property
    def usual_s(self) -> int:
        """Return what such a job takes when all goes well."""

    @property
    def prices(self) -> Mapping[str, Price]:
        """Return what an estimate is made of, by what they are for."""

    @property
    def supports_lookup(self) -> bool:
        """Return True if a job can be looked up by its order, when the answer to that was lost."""

    def estimate(self, request: Request) -> Estimate: ...
    def make_ready(self, order: Order) -> None:
        """Fetch what ``submit`` needs of elsewhere, so that it makes the paid call and no other."""

    def submit(self, order: Order) -> JobHandle: ...
    def status(self, handle: JobHandle, request: Request) -> Status: ...
    def job_handle(self, provider_job_id: str) -> JobHandle:
        """Return the handle of a job of which only the id is known, as a callback tells it.

        Raises:
            InvalidRequest: no such job can have that id.
        """

    def find(self, order: Order, since: datetime) -> Found:
        """Look for the job that such an order, made at ``since``, started."""

    def absent_after(self, order: Order) -> timedelta:
        """Return how long after it was made a look-up that finds nothing proves that it was never taken."""

    def cancel(self, handle: JobHandle) -> Cancellation:
        """Ask the provider to stop a job. Free, and repeatable."""

    def erase(self, handle: JobHandle) -> bool:
        """Delete the job and what it made at the provider; False where that cannot be asked.

        Raises:
            NotFound: the provider does not know the job, or not yet.
        """


class Trainer(PaidJobs[int, TrainingOrder, TrainingStatus], Protocol):
    """Trains identities; a request is the number of steps."""

    def prepare(self, references: list[ReferenceImage]) -> str | None:
        """Put the training material where the provider can read it; free, and repeatable."""


class ImageMaker(PaidJobs[GenerationRequest, GenerationOrder, GenerationStatus], Protocol):
    """Makes images of identities, at most ``max_images`` for a request."""

    @property
    def max_images(self) -> int: ...
    def prepare(self, references: list[ReferenceImage]) -> str | None:
        """Put what the images are made from where the provider can read it; free, and repeatable."""

    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        """Translate a request without calling anybody."""


JobsByKind = Mapping[JobKind, PaidJobs[Any, Any, Any]]


class Provider(Protocol):
    """One way to make an identity; ``training`` is None where images need none."""

    @property
    def name(self) -> ProviderName: ...
    @property
    def mock(self) -> bool: ...
    @property
    def simulated(self) -> bool:
        """Return True if it is a stand-in on this machine that is called by this name."""

    @property
    def references(self) -> ReferenceLimits: ...
    @property
    def images(self) -> ImageMaker: ...
    @property
    def training(self) -> Trainer | None: ...
    @property
    def jobs(self) -> JobsByKind:
        """All kinds of paid jobs that it does."""

    @property
    def keeps(self) -> str | None:
        """Return what the provider keeps after all was erased that can be, in a sentence; None: nothing."""


class Providers(Protocol):
    """The providers by name."""

    def __getitem__(self, name: str) -> Provider: ...
    def names(self) -> list[ProviderName]: ...
