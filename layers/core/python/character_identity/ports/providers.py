"""Ports to the providers. Adapters implement them; tests pass fakes."""

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
    """How many reference images a provider takes, inclusive."""

    minimum: int
    maximum: int


@dataclass(frozen=True)
class ReferenceImage:
    """A stored reference image: a link for a plain GET, and its bytes, both on demand and got only once."""

    name: str
    link: Callable[[], str]
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Estimate:
    """The expected cost of an order, None if nobody knows, and the most that it can cost.

    The ceiling is from the price list, or assumed if no price is published.
    """

    expected_usd: float | None
    ceiling_usd: float


@dataclass(frozen=True)
class JobStatus:
    """How a job stands at its provider.

    ``cost_usd``: what the provider says it bills.
    ``took_s``: seconds that the provider says it worked on the job, without waiting.
    ``missing``: the provider itself says that it does not know the job. Replicas lag, so this is believed
    only if it was said twice.
    ``is_odd``: a failure that is doubted likewise: the provider claims success, but shows no result.
    """

    state: Literal["queued", "running", "done", "failed", "cancelled", "missing"]
    cost_usd: float | None = None
    reason: str | None = None
    took_s: float | None = None
    queue_position: int | None = None
    is_odd: bool = False

    @property
    def took_ms(self) -> int | None:
        """``took_s`` in milliseconds."""
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
    """``fraction`` is the share of steps done, if the provider's logs show it."""

    fraction: float | None = None
    weights_url: str | None = None


@dataclass(frozen=True)
class GenerationOrder:
    """What to draw, and of whom; ``weights_link`` leads to our copy of the identity's weights.

    ``reference_url`` is what ``ImageMaker.prepare`` returned.
    """

    identity: Identity
    request: GenerationRequest
    weights_link: str | None = None
    callback_url: str | None = None
    reference_url: str | None = None
    priority: Priority = "interactive"


@dataclass(frozen=True)
class GenerationPlan:
    """What will be sent: the body, the prompt in it, and warnings about what could not be honoured."""

    body: dict[str, Any]
    prompt: str
    warnings: list[str]


@dataclass(frozen=True)
class GenerationStatus(JobStatus):
    """``images`` are the pictures of a generation that is done, in order."""

    images: tuple[ProducedImage, ...] = ()


Cancellation = Literal["dropped", "asked", "finished", "impossible"]
"""What came of cancelling. ``dropped``: it stopped before anything was billed. ``asked``: it may still finish
and be billed. ``finished``: it had finished before. ``impossible``: the provider cannot cancel it."""


@dataclass(frozen=True)
class Found:
    """The jobs at a provider that an order may have started.

    ``certain``: they show what only this order has.
    ``possible``: they do not show what was ordered, but came at the right time.
    ``is_whole``: all of the provider's list was read and understood. Only then does an empty result allow to
    order again.
    """

    certain: tuple[JobHandle, ...] = ()
    possible: tuple[JobHandle, ...] = ()
    is_whole: bool = True


Request = TypeVar("Request", contravariant=True)
Order = TypeVar("Order", contravariant=True)
Status = TypeVar("Status", bound=JobStatus, covariant=True)


class PaidJobs(Protocol[Request, Order, Status]):
    """One kind of job that a provider does for money.

    A ``Request`` is what the price depends on, an ``Order`` everything that the provider is sent. Adapters
    never sleep, poll or retry; the state machine does. Every call may raise ProviderUnavailable or
    ProviderRejected, ``submit`` also ProviderOutcomeUnknown.
    """

    @property
    def deadline_s(self) -> int: ...
    @property
    def usual_s(self) -> int:
        """Return how long such a job takes when all goes well."""

    @property
    def prices(self) -> Mapping[str, Price]:
        """Return the prices behind an estimate, by what they are for."""

    @property
    def supports_lookup(self) -> bool:
        """Return True if a job can be found by its order, when the answer to that was lost."""

    def estimate(self, request: Request) -> Estimate: ...
    def make_ready(self, order: Order) -> None:
        """Fetch whatever ``submit`` needs, such as the key, so that it makes the paid call and no other."""

    def submit(self, order: Order) -> JobHandle: ...
    def status(self, handle: JobHandle, request: Request) -> Status: ...
    def job_handle(self, provider_job_id: str) -> JobHandle:
        """Return the handle of a job of which only the id is known, from a callback.

        Raises:
            InvalidRequest: no such job can have that id.
        """

    def find(self, order: Order, since: datetime) -> Found:
        """Look for the job that an order made at ``since`` has started."""

    def absent_after(self, order: Order) -> timedelta:
        """Return how long after an order a look-up without a result proves that it was not accepted."""

    def cancel(self, handle: JobHandle) -> Cancellation:
        """Ask the provider to stop a job. Free, and repeatable."""

    def erase(self, handle: JobHandle) -> bool:
        """Delete the job and its results at the provider; False if we have no means to.

        Raises:
            NotFound: the provider does not know the job, or not yet.
        """


class Trainer(PaidJobs[int, TrainingOrder, TrainingStatus], Protocol):
    """Trains identities; a request is the number of steps."""

    def prepare(self, references: list[ReferenceImage]) -> str | None:
        """Upload the training material; return its address, if there is one. Free, and safe to repeat."""


class ImageMaker(PaidJobs[GenerationRequest, GenerationOrder, GenerationStatus], Protocol):
    """Makes images of identities, at most ``max_images`` for a request."""

    @property
    def max_images(self) -> int: ...
    def prepare(self, references: list[ReferenceImage]) -> str | None:
        """Upload the reference to draw from; return its address, if there is one. Free, safe to repeat."""

    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        """Translate a request without calling anybody."""


JobsByKind = Mapping[JobKind, PaidJobs[Any, Any, Any]]


class Provider(Protocol):
    """One way to make an identity; ``training`` is None if its images need none."""

    @property
    def name(self) -> ProviderName: ...
    @property
    def mock(self) -> bool: ...
    @property
    def simulated(self) -> bool:
        """Return True if a simulator on this machine plays the provider."""

    @property
    def references(self) -> ReferenceLimits: ...
    @property
    def images(self) -> ImageMaker: ...
    @property
    def training(self) -> Trainer | None: ...
    @property
    def jobs(self) -> JobsByKind:
        """Return the paid jobs that it does, by kind."""

    @property
    def keeps(self) -> str | None:
        """Say in a sentence what the provider keeps after an erasure; None if it keeps nothing."""


class Providers(Protocol):
    """The providers by name."""

    def __getitem__(self, name: str) -> Provider: ...
    def names(self) -> list[ProviderName]: ...
