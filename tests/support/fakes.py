"""The ports, in memory. The contract suite in tests/aws runs stores and fakes through the same cases."""

from collections.abc import Callable, Mapping, Set
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

from character_identity.aws.generation_table import OUTCOME
from character_identity.aws.ledger_table import FIRST_CHECK_AFTER
from character_identity.config import is_loopback
from character_identity.domain.budget import MICROUSD_PER_USD, Budget, Settlement
from character_identity.domain.errors import (
    BudgetExceeded,
    Conflict,
    Erased,
    HostNotAllowed,
    InvalidRequest,
    NotFound,
    OperatorBudgetExceeded,
    TooManyIdentities,
)
from character_identity.domain.event import Event
from character_identity.domain.generation import Generation, GenerationRequest, ProducedImage
from character_identity.domain.identity import (
    MOST_IDENTITIES,
    Identity,
    Phase,
    ProviderName,
    Weights,
)
from character_identity.domain.job import (
    EVALUATION,
    JobHandle,
    JobKind,
    Parked,
    ProviderJob,
    job_id_of,
    kind_of,
)
from character_identity.domain.page import Page, Window
from character_identity.domain.prices import Price
from character_identity.domain.provenance import Provenance
from character_identity.domain.reference_set import ReferenceAnalysis
from character_identity.domain.slots import UNLIMITED, Lease, Slots
from character_identity.observability import origin
from character_identity.ports.gateways import EventBus
from character_identity.ports.providers import (
    Cancellation,
    Estimate,
    Found,
    GenerationPlan,
    GenerationStatus,
    ReferenceImage,
    ReferenceLimits,
    TrainingStatus,
)
from character_identity.ports.stores import IdempotencyRecord, UploadTicket
from character_identity.services.jobs.slots import SlotService
from character_identity.services.provenance import ProvenanceService
from character_identity.services.webhooks.events import EventService
from tests.support.builders import NO_LIMIT, NOON, an_identity
from tests.support.event_fakes import FakeBus, FakeDeliveries, FakeEndpoints, FakeEvents

Status = TypeVar("Status", TrainingStatus, GenerationStatus)


class Clock:
    """Time that moves when a test moves it."""

    def __init__(self, time: datetime = NOON) -> None:
        self.time = time

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, **duration: float) -> None:
        self.time += timedelta(**duration)


class FakeSlots:
    """The slots of accounts, ``limits`` many; as many as there are jobs where it says nothing."""

    def __init__(self, **limits: int) -> None:
        self.limits = limits
        self.rows: dict[str, Slots] = {}

    def is_limited(self, account: str) -> bool:
        return self.limits.get(account, UNLIMITED) != UNLIMITED

    def get(self, account: str) -> Slots:
        limit, stored = self.limits[account], self.rows.get(account)
        if stored is None:
            return Slots(limit=limit)
        return stored if stored.limit == limit else stored.model_copy(update={"limit": limit})

    def replace(self, account: str, old: Slots, new: Slots) -> bool:
        stored = self.get(account)
        if stored.version != old.version:
            return False
        changes = {"waiting": stored.waiting, "version": stored.version + 1}
        self.rows[account] = new.model_copy(update=changes)
        return True

    def wait(self, account: str, lease: Lease) -> None:
        stored = self.get(account)
        others = tuple(each for each in stored.waiting if each.job_id != lease.job_id)
        self.rows[account] = stored.model_copy(update={"waiting": (*others, lease)})

    def leave(self, account: str, job_id: str) -> None:
        stored = self.get(account)
        others = tuple(each for each in stored.waiting if each.job_id != job_id)
        self.rows[account] = stored.model_copy(update={"waiting": others})


class Unsigned:
    """Signs nothing, as where nobody has put a key in."""

    def sign(self, content: bytes, content_type: str, provenance: Provenance) -> bytes | None:
        return None


def unsigned(now: Callable[[], datetime]) -> ProvenanceService:
    """Provenance in XMP only; what lies on this machine is simulated."""
    return ProvenanceService(Unsigned(), lambda provider, url: is_loopback(url), now)


def slots_without_limit(now: Callable[[], datetime]) -> SlotService:
    """Slots for as many jobs as there are."""
    return SlotService(slots=FakeSlots(), wake=lambda job_id: None, now=now)


class FakeLedger:
    """The ledger and the budgets that its jobs count against; ``limit`` is what orders are accepted up to."""

    def __init__(self, *jobs: ProviderJob) -> None:
        self.rows = {job.job_id: job for job in jobs}
        self.budgets: dict[tuple[str, str], Budget] = {}
        self.limits: dict[str, int] = {}
        self.default_limit_microusd = 100 * MICROUSD_PER_USD
        self.operator_limit_microusd = NO_LIMIT
        self.tokens: dict[str, str] = {}
        self.pending: set[str] = set()
        self.holders: dict[tuple[JobKind, str], str] = {}
        self.due: dict[str, datetime] = {job.job_id: job.accepted_at for job in jobs}
        self.intakes: dict[str, tuple[str, datetime]] = {}
        """Whose each is, and when it is due; here, for this is what all stores of a test share."""

    def of(self, owner: str, month: str) -> Budget:
        known = self.budgets.get((owner, month))
        limits = {
            "limit_microusd": self.limits.get(owner, self.default_limit_microusd),
            "operator_limit_microusd": self.operator_limit_microusd,
        }
        return known.model_copy(update=limits) if known else Budget(month=month, **limits)

    def of_operator(self, month: str) -> Budget:
        held = [budget for (_, its_month), budget in self.budgets.items() if its_month == month]
        return Budget(
            month=month,
            limit_microusd=self.operator_limit_microusd,
            operator_limit_microusd=self.operator_limit_microusd,
            reserved_microusd=sum(budget.reserved_microusd for budget in held),
            committed_microusd=sum(budget.committed_microusd for budget in held),
            assumed_microusd=sum(budget.assumed_microusd for budget in held),
            jobs=sum(budget.jobs for budget in held),
        )

    def accept(self, job: ProviderJob, limit_microusd: int, operator_limit_microusd: int) -> None:
        """Do what the transaction does that stores an order."""
        budget = self.of(job.owner, job.budget_month)
        if job.job_id in self.rows:
            raise Conflict("exists")
        if job.evaluation_id is not None:
            self._draw(job, job.evaluation_id)
            return
        if budget.held_microusd + job.reserved_microusd > limit_microusd:
            raise BudgetExceeded.for_order()
        held = self.of_operator(job.budget_month).held_microusd
        if held + job.reserved_microusd > operator_limit_microusd:
            raise OperatorBudgetExceeded.for_order()
        self.rows[job.job_id] = job
        self.due[job.job_id] = job.accepted_at + FIRST_CHECK_AFTER
        jobs = int(job.kind != EVALUATION)  # an evaluation counts by its jobs
        self._count(job, reserved_microusd=job.reserved_microusd, jobs=jobs)

    def _draw(self, job: ProviderJob, evaluation_id: str) -> None:
        amount = job.reserved_microusd
        fund = self.rows.get(job_id_of(EVALUATION, evaluation_id))
        if fund is None or not fund.open or fund.reserved_microusd < amount:
            raise BudgetExceeded.for_evaluation()
        left = fund.reserved_microusd - amount
        self.rows[fund.job_id] = fund.model_copy(update={"reserved_microusd": left})
        self.rows[job.job_id] = job
        self.due[job.job_id] = job.accepted_at + FIRST_CHECK_AFTER
        self._count(job, jobs=1)

    def get(self, job_id: str) -> ProviderJob | None:
        return self.rows.get(job_id)

    def intend(self, job_id: str, at: datetime, deadline_at: datetime) -> bool:
        return self._change(
            job_id,
            lambda job: job.open and job.state == "accepted",
            state="intended",
            intended_at=at,
            deadline_at=deadline_at,
            not_before=None,
        )

    def withdraw(self, job_id: str, intended_at: datetime, not_before: datetime | None) -> None:
        self._change(
            job_id,
            lambda job: job.state != "rejected" and job.handle is None and job.intended_at == intended_at,
            state="accepted",
            not_before=not_before,
        )

    def submitted(self, job_id: str, handle: JobHandle) -> None:
        if self._change(job_id, lambda job: job.state != "rejected", state="submitted", handle=handle):
            self.holders[kind_of(job_id), handle.provider_job_id] = job_id

    def found(self, job_id: str, handle: JobHandle) -> bool:
        holder = self.holders.setdefault((kind_of(job_id), handle.provider_job_id), job_id)
        return holder == job_id and self._change(
            job_id, lambda job: job.handle is None, state="submitted", handle=handle
        )

    def holder_of(self, kind: JobKind, provider_job_id: str) -> str | None:
        return self.holders.get((kind, provider_job_id))

    def unanswered(self, kind: JobKind, provider: str) -> list[str]:
        return [
            job.job_id
            for job in self.rows.values()
            if job.open and (job.kind, job.provider) == (kind, provider) and job.is_unanswered
        ]

    def fail(self, job_id: str, state: Literal["rejected", "unknown"]) -> None:
        self._change(job_id, lambda job: job.state == "intended", state=state)

    def postpone(self, job_id: str, deadline_at: datetime) -> None:
        self._change(job_id, lambda job: job.open, deadline_at=deadline_at)

    def drop(self, job_id: str) -> None:
        self._change(job_id, lambda job: job.open and job.state == "submitted", state="dropped")

    def report_cost(self, job_id: str, amount_microusd: int) -> None:
        self._change(job_id, lambda job: job.open, reported_microusd=amount_microusd)

    def settle(self, job: ProviderJob, settlement: Settlement) -> bool:
        if not self._change(
            job.job_id,
            lambda stored: (
                stored.open
                and stored.state == job.state
                and stored.reserved_microusd == job.reserved_microusd
            ),
            money=settlement.money,
            cost_microusd=settlement.cost_microusd,
            bill_is_implausible=settlement.is_implausible,
        ):
            return False
        self.due.pop(job.job_id, None)
        self.tokens.pop(job.job_id, None)
        self.pending.discard(job.job_id)
        spent = settlement.committed_microusd
        self._count(
            job,
            reserved_microusd=-job.reserved_microusd,
            committed_microusd=spent,
            assumed_microusd=spent if settlement.cost_microusd is None else 0,
        )
        return True

    def register_waiter(self, job_id: str, wake_token: str) -> bool:
        if job_id not in self.rows or job_id in self.pending:
            return False
        self.tokens[job_id] = wake_token
        return True

    def record_callback(self, job_id: str) -> str | None:
        if job_id not in self.due:
            return None
        self.pending.add(job_id)
        return self.tokens.get(job_id)

    def consume_callback(self, job_id: str) -> ProviderJob | None:
        job, pending = self.rows.get(job_id), job_id in self.pending
        self.pending.discard(job_id)
        self.tokens.pop(job_id, None)
        return job.model_copy(update={"callback_pending": True}) if job and pending else job

    def park(self, job_id: str, parked: Parked, at: datetime) -> None:
        if self._change(job_id, lambda stored: stored.open, parked=parked):
            self.due[job_id] = at

    def recheck_at(self, job_id: str, at: datetime) -> None:
        if self.rows[job_id].open:
            self.due[job_id] = at

    def run_again(self, job: ProviderJob, at: datetime) -> bool:
        runs = job.runs
        if self._change(job.job_id, lambda stored: stored.open and stored.runs == runs, runs=runs + 1):
            self.due[job.job_id] = at
            return True
        return False

    def _change(self, job_id: str, condition: Callable[[ProviderJob], bool], **changes: Any) -> bool:
        job = self.rows.get(job_id)
        if job is None or not condition(job):
            return False
        self.rows[job_id] = job.model_copy(update=changes)
        return True

    def _count(self, job: ProviderJob, **more: int) -> None:
        budget = self.of(job.owner, job.budget_month)
        changes = {name: getattr(budget, name) + number for name, number in more.items()}
        self.budgets[job.owner, job.budget_month] = budget.model_copy(update=changes)


class FakeIdentities:
    def __init__(
        self, *identities: Identity, ledger: FakeLedger | None = None, events: FakeEvents | None = None
    ) -> None:
        self.stored = {identity.identity_id: identity for identity in identities}
        self.erased: set[str] = set()
        self.ledger = ledger or FakeLedger()
        self.events = events or FakeEvents()

    def add(
        self,
        identity: Identity,
        event: Event | None = None,
        job: ProviderJob | None = None,
        limit_microusd: int = 0,
        operator_limit_microusd: int = 0,
    ) -> None:
        if identity.identity_id in self.stored.keys() | self.erased:
            raise Conflict("exists")
        if sum(other.owner == identity.owner for other in self.stored.values()) >= MOST_IDENTITIES:
            raise TooManyIdentities(MOST_IDENTITIES)
        if job is not None:
            self.ledger.accept(job, limit_microusd, operator_limit_microusd)
        self.stored[identity.identity_id] = identity
        self.ledger.intakes.pop(identity.identity_id, None)
        if event is not None:
            self.events.add(event)

    def get(self, identity_id: str) -> Identity:
        if identity_id not in self.stored:
            error = Erased if identity_id in self.erased else NotFound
            raise error("unknown", code="unknown_identity")
        return self.stored[identity_id]

    def list(self, owner: str, window: Window) -> Page[Identity]:
        return Page.of([identity for identity in self.stored.values() if identity.owner == owner], window)

    def rename(self, renamed: Identity) -> bool:
        stored = self.stored.get(renamed.identity_id)
        if stored is None:
            return False
        changes = {"name": renamed.name, "first_name": renamed.first_name}
        self.stored[renamed.identity_id] = stored.model_copy(update=changes)
        return True

    def advance(self, identity_id: str, phase: Phase, progress: int, **changes: Any) -> None:
        identity = self.stored.get(identity_id)
        if identity is None or identity.status != "training":
            return
        if "weights" in changes:
            changes["weights"] = Weights(**changes["weights"])
        if progress >= identity.progress:
            changes |= {"phase": phase, "progress": progress}
        self.stored[identity_id] = identity.model_copy(update=changes)

    def settle(self, identity: Identity, event: Event) -> Identity:
        stored = self.stored.get(identity.identity_id)
        if stored is not None and stored.status == "training":
            outcome = {"status", "phase", "progress", "settled_at", "cost_usd", "error"}
            changes = {name: getattr(identity, name) for name in outcome}
            self.stored[identity.identity_id] = stored.model_copy(update=changes)
            self.events.add(event)
        return self.get(identity.identity_id)

    def correct_cost(self, identity_id: str, cost_usd: float | None, is_implausible: bool) -> None:
        if identity_id in self.stored:
            changes = {"cost_usd": cost_usd, "cost_is_implausible": is_implausible}
            self.stored[identity_id] = self.stored[identity_id].model_copy(update=changes)


class FakeGenerations:
    def __init__(
        self,
        *generations: Generation,
        ledger: FakeLedger | None = None,
        events: FakeEvents | None = None,
        identities: FakeIdentities | None = None,
    ) -> None:
        self.stored = {generation.generation_id: generation for generation in generations}
        self.erased: set[str] = set()
        self.ledger = ledger or FakeLedger()
        self.events = events or FakeEvents()
        self.identities = identities or FakeIdentities(an_identity())

    def add(
        self, generation: Generation, job: ProviderJob, limit_microusd: int, operator_limit_microusd: int
    ) -> None:
        if generation.generation_id in self.stored.keys() | self.erased:
            raise Conflict("exists")
        identity = self.identities.stored.get(generation.identity_id)
        if identity is None or identity.status != "ready":
            raise Conflict("not ready", code="identity_not_ready")
        self.ledger.accept(job, limit_microusd, operator_limit_microusd)
        self.stored[generation.generation_id] = generation

    def get(self, generation_id: str) -> Generation:
        if generation_id not in self.stored:
            error = Erased if generation_id in self.erased else NotFound
            raise error("unknown", code="unknown_generation")
        return self.stored[generation_id]

    def of_identity(self, identity_id: str, window: Window) -> Page[Generation]:
        return Page.of([each for each in self.stored.values() if each.identity_id == identity_id], window)

    def save(self, generation: Generation, fields: Set[str]) -> bool:
        stored = self.stored.get(generation.generation_id)
        if stored is None or stored.status in {"succeeded", "failed"}:
            return False
        changes = {name: getattr(generation, name) for name in fields}
        self.stored[generation.generation_id] = stored.model_copy(update=changes)
        return True

    def settle(self, generation: Generation, event: Event) -> Generation:
        if self.save(generation, OUTCOME):
            self.events.add(event)
        return self.get(generation.generation_id)

    def correct_cost(self, generation_id: str, cost_usd: float | None, is_implausible: bool) -> None:
        if generation_id in self.stored:
            changes = {"cost_usd": cost_usd, "cost_is_implausible": is_implausible}
            self.stored[generation_id] = self.stored[generation_id].model_copy(update=changes)


class FakeIdempotencyRecords:
    def __init__(self) -> None:
        self.calls: dict[str, IdempotencyRecord] = {}
        self.answered: set[str] = set()

    def find(self, digest: str) -> IdempotencyRecord | None:
        return self.calls.get(digest)

    def claim(
        self, digest: str, call: IdempotencyRecord, replaces: IdempotencyRecord | None
    ) -> IdempotencyRecord:
        known = self.calls.get(digest)
        if known is not None and known != replaces:
            return known
        self.calls[digest] = call
        return call

    def release(self, digest: str, call: IdempotencyRecord) -> None:
        if self.calls.get(digest) == call:
            del self.calls[digest]

    def mark_delivered(self, target_id: str) -> None:
        self.answered.add(target_id)

    def was_delivered(self, target_id: str) -> bool:
        return target_id in self.answered


class FakeAnalyzer:
    """Sees one face in each picture and all of them alike, ``number`` a little more; None: unreachable.

    ``analysis`` is what it answers instead. Counts how often it was asked, and keeps what it was shown.
    """

    def __init__(self, number: int | None = 0, analysis: ReferenceAnalysis | None = None) -> None:
        self.number = number
        self.analysis = analysis
        self.asked = 0
        self.shown: list[bytes] = []

    def analyze(self, images: list[bytes]) -> ReferenceAnalysis | None:
        self.asked += 1
        self.shown = images
        if self.analysis is not None or self.number is None:
            return self.analysis
        indices = range(len(images))
        alike = [[0.9 if self.number in (one, other) else 0.8 for other in indices] for one in indices]
        return ReferenceAnalysis([1 for _ in images], alike, "tiny")


class FakeTrainedWeights:
    def __init__(self) -> None:
        self.known: dict[tuple[str, str], str] = {}

    def remember(self, owner: str, digest: str, identity_id: str) -> None:
        self.known[owner, digest] = identity_id

    def find(self, owner: str, digest: str) -> str | None:
        return self.known.get((owner, digest))


class FakeBucket:
    def __init__(self, **objects: bytes) -> None:
        self.objects = dict(objects)
        self.origins: dict[str, dict[str, str]] = {}

    def read(self, key: str, limit_bytes: int) -> bytes:
        if key not in self.objects:
            raise NotFound("no such object")
        return within(limit_bytes, self.objects[key])

    def read_with_origin(self, key: str, limit_bytes: int) -> tuple[bytes, dict[str, str]]:
        return self.read(key, limit_bytes), self.origins.get(key, {})

    def write(self, key: str, content: bytes, content_type: str) -> None:
        self.objects[key], self.origins[key] = content, origin()

    def write_file(self, key: str, path: Path, content_type: str) -> None:
        self.objects[key] = path.read_bytes()

    def list_keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))

    def delete(self, *keys: str) -> None:
        for key in keys:
            self.objects.pop(key, None)

    def link(self, key: str) -> str:
        return f"https://bucket.test/{key}?X-Amz-Signature=signed"

    def upload_ticket(self, key: str, content_type: str, limit_bytes: int) -> UploadTicket:
        return UploadTicket(key=key, url="https://bucket.test/", fields={"key": key})


class FakeMedia:
    """Answers from ``files``: bytes, or an error to raise; every host is allowed but for ``refused``."""

    def __init__(self, **files: bytes | Exception) -> None:
        self.files: dict[str, bytes | Exception] = dict(files)
        self.refused: set[str] = set()

    def allows(self, host: str) -> bool:
        return host not in self.refused

    def fetch(self, url: str, limit_bytes: int, timeout_s: float = 20) -> bytes:
        return within(limit_bytes, self._content(url))

    def fetch_start(self, url: str, size_bytes: int) -> bytes:
        return self._content(url)[:size_bytes]

    def download(self, url: str, path: Path, limit_bytes: int) -> str:
        path.write_bytes(self.fetch(url, limit_bytes))
        return f"sha256 of {url}"

    def _content(self, url: str) -> bytes:
        host = url.partition("://")[2].partition("/")[0]
        if not self.allows(host):
            raise HostNotAllowed(host)
        content = self.files[url]
        if isinstance(content, Exception):
            raise content
        return content


def within(limit_bytes: int, content: bytes) -> bytes:
    """Return the content, or refuse it as the bucket and the media client do."""
    if len(content) > limit_bytes:
        raise InvalidRequest(f"It has more than {limit_bytes} bytes.", code="file_too_large")
    return content


class FakeWorkflows:
    """Remembers what was started, stopped and woken; what was started runs until it is stopped."""

    def __init__(self) -> None:
        self.started: list[ProviderJob] = []
        self.running: set[tuple[str, int]] = set()
        self.woken: list[str] = []
        self.refuses = False

    def start(self, job: ProviderJob) -> None:
        if self.refuses:
            raise ConnectionError("ThrottlingException")
        if (job.job_id, job.runs) not in {(each.job_id, each.runs) for each in self.started}:
            self.started.append(job)
            self.running.add((job.job_id, job.runs))

    def is_running(self, job: ProviderJob) -> bool:
        return (job.job_id, job.runs) in self.running

    def stop(self, job: ProviderJob, why: str) -> None:
        self.running.discard((job.job_id, job.runs))

    def wake(self, token: str) -> None:
        self.woken.append(token)


class FakeJobs:
    """One kind of a FakeProvider's jobs: this answers what was set there."""

    prices: Mapping[str, Price] = {}

    def __init__(self, provider: "FakeProvider") -> None:
        self._provider = provider

    @property
    def supports_lookup(self) -> bool:
        return self._provider.supports_lookup

    def make_ready(self, order: Any) -> None:
        return

    def submit(self, order: Any) -> JobHandle:
        return self._provider.submit(order)

    def job_handle(self, provider_job_id: str) -> JobHandle:
        return JobHandle(provider_job_id=provider_job_id)

    def find(self, order: Any, since: datetime) -> Found:
        return self._provider.found

    def absent_after(self, order: Any) -> timedelta:
        return timedelta(minutes=2)

    def cancel(self, handle: JobHandle) -> Cancellation:
        return self._provider.cancel(handle)

    def erase(self, handle: JobHandle) -> bool:
        return self._provider.erase(handle)


class FakeTrainer(FakeJobs):
    deadline_s = 600
    usual_s = 120

    def prepare(self, references: list[ReferenceImage]) -> str | None:
        return f"https://provider.test/{len(references)}.zip"

    def estimate(self, request: int) -> Estimate:
        return Estimate(request / 500, request / 250)

    def status(self, handle: JobHandle, request: int) -> TrainingStatus:
        return _answer(self._provider.training_status)


class FakeImages(FakeJobs):
    deadline_s = 300
    usual_s = 15
    max_images = 4

    def prepare(self, references: list[ReferenceImage]) -> str | None:
        self._provider.prepared += 1
        return f"https://provider.test/{self._provider.prepared}"

    def estimate(self, request: GenerationRequest) -> Estimate:
        return Estimate(0.1 * request.num_images, 0.2 * request.num_images)

    def status(self, handle: JobHandle, request: GenerationRequest) -> GenerationStatus:
        return _answer(self._provider.generation_status)

    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        return GenerationPlan({}, f"PLAN {request.prompt}", ["a warning"])


class FakeProvider:
    """Answers what the test set; an exception among the answers is raised. Counts its paid calls.

    ``found`` is what a look-up finds; ``cancels`` is what comes of cancelling, ``erases`` whether it can be
    asked to.
    """

    mock = False
    simulated = False
    references = ReferenceLimits(2, 3)

    def __init__(self, name: ProviderName = "fal-lora", trains: bool = True) -> None:
        self.name = name
        self.training = FakeTrainer(self) if trains else None
        self.images = FakeImages(self)
        self.jobs: Mapping[JobKind, Any] = {"training": self.training, "generation": self.images}
        self.paid_calls = 0
        self.prepared = 0
        self.on_submit: Callable[[], None] = lambda: None
        self.training_status: TrainingStatus | Exception = TrainingStatus("running")
        self.generation_status: GenerationStatus | Exception = GenerationStatus("running")
        self.orders: list[Any] = []
        self.supports_lookup = False
        self.found = Found()
        self.cancels: Cancellation = "asked"
        self.cancelled: list[JobHandle] = []
        self.erases = True
        self.erased: list[JobHandle] = []
        self.keeps: str | None = None

    def submit(self, order: Any) -> JobHandle:
        self.orders.append(order)
        self.on_submit()
        self.paid_calls += 1
        return JobHandle(provider_job_id=f"job-{self.paid_calls}")

    def cancel(self, handle: JobHandle) -> Cancellation:
        self.cancelled.append(handle)
        return self.cancels

    def erase(self, handle: JobHandle) -> bool:
        self.erased.append(handle)
        return self.erases


class FakeProviders(dict[str, FakeProvider]):
    def __init__(self, *providers: FakeProvider) -> None:
        super().__init__({provider.name: provider for provider in providers})

    def names(self) -> list[ProviderName]:
        return [provider.name for provider in self.values()]


def _answer(answer: Status | Exception) -> Status:
    if isinstance(answer, Exception):
        raise answer
    return answer


def event_service(
    events: FakeEvents, clock: Clock | None = None, bus: EventBus | None = None
) -> EventService:
    """Publishes those events on a bus of its own, if on no other."""
    return EventService(
        events=events,
        endpoints=FakeEndpoints(),
        deliveries=FakeDeliveries(),
        bus=bus or FakeBus(),
        now=clock or Clock(),
    )


def produced(*urls: str) -> tuple[ProducedImage, ...]:
    """Pictures at the provider."""
    return tuple(ProducedImage(url=url, seed=7) for url in urls)
