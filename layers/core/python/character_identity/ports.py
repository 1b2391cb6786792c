"""What the services need of the outside world. Adapters implement these; tests pass fakes."""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from character_identity.domain.budget import Budget, Settlement
from character_identity.domain.event import Event
from character_identity.domain.generation import Generation, GenerationRequest, ProducedImage
from character_identity.domain.identity import Identity, Phase, ProviderName
from character_identity.domain.job import JobHandle, JobKind, ProviderJob
from character_identity.domain.prices import Price
from character_identity.domain.receipt import Receipt, Removed
from character_identity.domain.reference_set import Looks
from character_identity.domain.webhook import Delivery, Endpoint

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
    references: list[ReferencePicture]
    weights_link: str | None = None
    callback_url: str | None = None


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
    @property
    def usual_training_s(self) -> int:
        """What a training takes when all goes well."""

    @property
    def usual_generation_s(self) -> int: ...

    def prepare_training(self, references: list[ReferencePicture]) -> str | None:
        """Put the training material where the provider can read it; free, and repeatable."""

    def submit_training(self, order: TrainingOrder) -> JobHandle: ...
    def training_status(self, handle: JobHandle) -> TrainingStatus: ...
    def training_estimate_usd(self, steps: int) -> float | None: ...
    def training_ceiling_usd(self, steps: int) -> float:
        """The most that such a training can cost, by the price list or by assumption."""

    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        """Translate a request without calling anybody."""

    def submit_generation(self, order: GenerationOrder) -> JobHandle: ...
    def generation_status(self, handle: JobHandle, request: GenerationRequest) -> ProviderGeneration: ...
    def generation_estimate_usd(self, request: GenerationRequest) -> float | None: ...
    def generation_ceiling_usd(self, request: GenerationRequest) -> float:
        """The most that such a generation can cost, by the price list or by assumption."""

    def handle_of(self, kind: JobKind, provider_job_id: str) -> JobHandle:
        """How to find a job of which only the id is known, as a webhook tells it.

        Raises:
            InvalidRequest: no job of this provider can have that id.
        """

    @property
    def finds_jobs(self) -> bool:
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


class Identities(Protocol):
    """Identities; every change is conditional on the status it leaves."""

    def add(
        self,
        identity: Identity,
        event: Event | None = None,
        job: ProviderJob | None = None,
        limit_microusd: int = 0,
    ) -> None: ...
    def get(self, identity_id: str) -> Identity: ...
    def list(self, owner: str) -> list[Identity]: ...
    def advance(self, identity_id: str, phase: Phase, progress: int, **changes: Any) -> None:
        """Move a training on; an earlier progress than the stored one changes nothing but ``changes``."""

    def settle(self, identity: Identity, event: Event) -> Identity:
        """Store the outcome of a training, and its event, unless it has one; returns what is stored."""


class Generations(Protocol):
    """Generations; a settled one never changes."""

    def add(self, generation: Generation, job: ProviderJob, limit_microusd: int) -> None: ...
    def get(self, generation_id: str) -> Generation: ...
    def of_identity(self, identity_id: str) -> list[Generation]:
        """All of an identity, newest first."""

    def save(self, generation: Generation, fields: Set[str]) -> bool:
        """Store these fields unless the stored generation is settled or gone; whether that was done."""

    def settle(self, generation: Generation, event: Event) -> Generation:
        """Store the outcome, and its event, unless there is one; returns what is stored."""


class Erasures(Protocol):
    """Receipts, each in the place of its identity, and what else goes with an identity."""

    def bury(self, receipt: Receipt, event: Event) -> bool:
        """Put a receipt in the place of its identity, with the event; False if there is none any more."""

    def find(self, identity_id: str) -> Receipt | None: ...
    def save(self, receipt: Receipt, purge_at: datetime | None) -> None:
        """Keep what became of an erasure, and when to purge again; None: no more."""

    def generations_of(self, identity_id: str, limit: int) -> list[str]:
        """Ids of generations that are there; one that was just added may be missing."""

    def remove_generation(self, generation_id: str) -> Removed:
        """Delete a generation and its scores."""

    def remove_rows(self, identity_id: str) -> Removed:
        """Delete the embeddings of an identity's pictures and the marks of its weights."""


class Budgets(Protocol):
    """What each owner may spend in a month, and has."""

    def limit_of(self, owner: str) -> int:
        """In millionths of a dollar."""

    def of(self, owner: str, month: str) -> Budget: ...


class Ledger(Protocol):
    """One row for every paid call, written when the order is accepted, with its money set aside."""

    def get(self, job_id: str) -> ProviderJob | None: ...
    def intend(self, job_id: str, at: datetime) -> bool:
        """Write down that the call is about to be made; False if it is not open and ``accepted`` any more."""

    def withdraw(self, job_id: str, not_before: datetime | None) -> None:
        """Take the intent back: the provider accepted nothing."""

    def submitted(self, job_id: str, handle: JobHandle) -> None:
        """Write the provider's answer to the call; it takes the place of what a callback said."""

    def found(self, job_id: str, handle: JobHandle) -> None:
        """Write where a callback or a look-up found the job, unless that is known."""

    def fail(self, job_id: str, state: Literal["rejected", "unknown"]) -> None:
        """Write down that an intent was refused, or that nobody knows."""

    def report_cost(self, job_id: str, amount_microusd: int) -> None:
        """Keep what the provider says it bills, until the job's money is settled."""

    def end(self, job: ProviderJob, settlement: Settlement) -> bool:
        """Settle a job's money, once; False if that was done, or its state is another than ``job`` says."""

    def wait_for_news(self, job_id: str, wake_token: str) -> bool:
        """Keep by what a waiting machine is woken; False if there is news already."""

    def bring_news(self, job_id: str) -> str | None:
        """Note that there is news; the token of the machine that waits for it, if one does."""

    def take_news(self, job_id: str) -> ProviderJob | None:
        """The row as it was; its news count as read from now on."""

    def look_again(self, job_id: str, at: datetime) -> None:
        """Keep an open job out of the sweep's way until then."""

    def run_again(self, job: ProviderJob, at: datetime) -> bool:
        """Count another run of the machine that sees to an open job; False if somebody else did."""


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
    def delete(self, *keys: str) -> None:
        """Delete objects; those that are not there do not matter."""

    def link(self, key: str) -> str: ...
    def upload_ticket(self, key: str, content_type: str, limit_bytes: int) -> UploadTicket: ...


@dataclass(frozen=True)
class EarlierCall:
    """What a caller's same call led, or will lead to: a thing of that id.

    ``fingerprint`` is a digest of what was asked, where the caller chose the call's name. A call that has
    ``expires_at`` (in whole seconds) counts until then, and is forgotten some time later.
    """

    target_id: str
    made_at: datetime
    fingerprint: str = ""
    expires_at: datetime | None = None


class EarlierCalls(Protocol):
    """Remembers calls by a digest: of the caller's key, or of the call itself at a door without keys."""

    def find(self, digest: str) -> EarlierCall | None: ...
    def claim(self, digest: str, call: EarlierCall, replaces: EarlierCall | None) -> EarlierCall:
        """Remember a call unless another than ``replaces`` is remembered; returns the one that is now."""

    def release(self, digest: str, call: EarlierCall) -> None:
        """Forget a call that led to nothing, unless another is remembered by now."""

    def answer(self, target_id: str) -> None:
        """The outcome of a call was told."""

    def was_answered(self, target_id: str) -> bool: ...


class ReferenceLooker(Protocol):
    """Looks at pictures as an encoder sees them."""

    def look(self, pictures: list[bytes]) -> Looks | None:
        """What it saw in these small JPEGs; None when nobody can look now."""


class RequestCounts(Protocol):
    """How many requests each owner sent in a stretch of time."""

    def count(self, owner: str, since: datetime, limit: int) -> bool:
        """Count one in the stretch that began then; False, and uncounted, if there are ``limit`` already."""


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


class WebhookSender(Protocol):
    """Posts to addresses that callers gave, trusting none; see ``providers/media.py``."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of the answer, of which nothing else is read.

        Raises:
            InvalidRequest: nothing may be posted there.
            ProviderUnavailable: there was no answer.
        """


class Workflows(Protocol):
    """Runs state machines. A run is named after its job; starting the same run again changes nothing."""

    def start(self, job: ProviderJob) -> None:
        """Start the machine that sees to a job; its ``runs``-th run."""

    def is_running(self, job: ProviderJob) -> bool: ...
    def stop(self, job: ProviderJob, why: str) -> None:
        """Stop the run, if it is running."""

    def wake(self, token: str) -> None:
        """End a machine's wait; a token that nobody waits with any more changes nothing."""


class EventNotAccepted(Exception):
    """The bus did not take an event; it may be put there again."""


class EventBus(Protocol):
    """Hands events on, perhaps more than once. Both calls may raise EventNotAccepted."""

    def publish(self, event: Event) -> None: ...
    def request_delivery(self, event_id: str) -> None:
        """Have the due deliveries of an event attempted, elsewhere and soon."""


class Events(Protocol):
    """Stored events; one is written in the transaction that settles its subject."""

    def find(self, event_id: str) -> Event | None: ...
    def find_open(self, event_id: str) -> Event | None:
        """The event of that id, if it was not published yet."""

    def published(self, event_id: str) -> None:
        """Nobody has to publish it any more."""


class Endpoints(Protocol):
    """Where owners want to hear of events."""

    def add(self, endpoint: Endpoint, at_most: int) -> None:
        """Store a new endpoint, or raise Conflict if the owner would have more than ``at_most``."""

    def list(self, owner: str) -> list[Endpoint]:
        """Oldest first."""

    def find(self, owner: str, endpoint_id: str) -> Endpoint | None: ...
    def disable(self, owner: str, endpoint_id: str, at: datetime) -> None: ...
    def remove(self, owner: str, endpoint_id: str) -> bool:
        """Forget an endpoint; False if there is none."""


class Deliveries(Protocol):
    """How far telling each event to each endpoint is."""

    def add(self, delivery: Delivery) -> None:
        """Store a delivery that is due, unless there is one."""

    def restart(self, delivery: Delivery) -> None:
        """Store a delivery that is due, whatever became of an earlier one."""

    def find(self, event_id: str, endpoint_id: str) -> Delivery | None: ...
    def of_event(self, event_id: str) -> list[Delivery]: ...
    def replace(self, old: Delivery, new: Delivery) -> bool:
        """Store what became of a pending delivery; False if it is not as ``old`` says any more."""


class OpenRow(NamedTuple):
    """What somebody has to see to: the key of a row, as in ``JOB#training-1`` and ``JOB``, and since when."""

    pk: str
    sk: str
    due_at: datetime


class OpenWork(Protocol):
    """The rows that somebody has to see to: open jobs, events, deliveries and erasures."""

    def due(self, now: datetime, limit: int) -> list[OpenRow]:
        """Rows that are due, the longest waiting first; the list may be a little behind."""

    def put_off(self, row: OpenRow, until: datetime) -> bool:
        """Make a row due later; False if it is not as the list says any more."""
