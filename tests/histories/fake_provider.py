"""A provider with a truth of its own, for histories that nobody wrote: what it took, billed and finished."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from character_identity.domain.errors import (
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.domain.generation import GenerationRequest, ProducedImage
from character_identity.domain.identity import Identity, ProviderName
from character_identity.domain.job import JobHandle, JobKind
from character_identity.domain.prices import Price
from character_identity.ports.providers import (
    Cancellation,
    Estimate,
    Found,
    GenerationOrder,
    GenerationPlan,
    GenerationStatus,
    ReferenceImage,
    ReferenceLimits,
    TrainingOrder,
    TrainingStatus,
)
from tests.support.in_process.fault_injection import Watched

Mood = Literal["well", "cut after", "cut before", "refuse", "busy"]
WEIGHTS_LINK = "https://provider.test/lora.safetensors"
IMAGE_LINK = "https://provider.test/picture.jpg"


@dataclass
class Taken:
    """An order that the provider took, and bills."""

    provider_job_id: str
    mark: str
    callback_url: str | None
    done_at: datetime
    fails: bool = False


@dataclass
class FakeProvider:
    """Takes orders, or misbehaves as its ``moods`` say, one for each submit; ``down`` answers nothing."""

    now: Callable[[], datetime]
    name: ProviderName = "fal-lora"
    trains: bool = True
    supports_lookup: bool = False
    moods: list[Mood] = field(default_factory=list)
    down: bool = False
    fails_next: bool = False
    taken: list[Taken] = field(default_factory=list)
    erased: set[str] = field(default_factory=set)

    mock = False
    simulated = False
    references = ReferenceLimits(1, 3)
    keeps = None

    def __post_init__(self) -> None:
        self.images = FakeImages(self)
        self.training = FakeTrainer(self) if self.trains else None
        self.jobs: dict[JobKind, Any] = {"training": self.training, "generation": self.images}

    def submit(self, mark: str, callback_url: str | None, seconds: int) -> JobHandle:
        mood = self.moods.pop(0) if self.moods else "well"
        if mood == "busy" or (self.down and mood == "well"):
            raise ProviderUnavailable(self.name, "busy", retry_after_s=30 if mood == "busy" else None)
        if mood == "refuse":
            raise ProviderRejected(self.name, "no")
        if mood == "cut before":
            raise ProviderOutcomeUnknown(self.name, "cut")
        job_id = f"{self.name}-{len(self.taken) + 1}"
        done_at = self.now() + timedelta(seconds=seconds)
        self.taken.append(Taken(job_id, mark, callback_url, done_at, self.fails_next))
        self.fails_next = False
        if mood == "cut after":
            raise ProviderOutcomeUnknown(self.name, "cut")
        return JobHandle(provider_job_id=job_id)

    def get(self, handle: JobHandle) -> Taken:
        self.be_there()
        return next(each for each in self.taken if each.provider_job_id == handle.provider_job_id)

    def find(self, mark: str) -> Found:
        self.be_there()
        ids = [each.provider_job_id for each in self.taken if each.mark == mark]
        return Found(certain=tuple(JobHandle(provider_job_id=each) for each in ids))

    def be_there(self) -> None:
        if self.down:
            raise ProviderUnavailable(self.name, "down")


class FakeJobs(ABC):
    """One kind of a provider's jobs; ``mark`` is what tells one order from another."""

    prices: Mapping[str, Price] = {}
    deadline_s = 900
    usual_s = 15

    def __init__(self, provider: FakeProvider) -> None:
        self.provider = provider

    @property
    def supports_lookup(self) -> bool:
        return self.provider.supports_lookup

    @abstractmethod
    def mark(self, order: Any) -> str: ...

    def make_ready(self, order: Any) -> None:
        return

    def submit(self, order: Any) -> JobHandle:
        return self.provider.submit(self.mark(order), order.callback_url, self.usual_s)

    def job_handle(self, provider_job_id: str) -> JobHandle:
        return JobHandle(provider_job_id=provider_job_id)

    def find(self, order: Any, since: datetime) -> Found:
        return self.provider.find(self.mark(order))

    def absent_after(self, order: Any) -> timedelta:
        return timedelta(minutes=2)

    def cancel(self, handle: JobHandle) -> Cancellation:
        self.provider.be_there()
        return "impossible"

    def erase(self, handle: JobHandle) -> bool:
        self.provider.be_there()
        self.provider.erased.add(handle.provider_job_id)
        return True

    def is_done(self, handle: JobHandle) -> bool | None:
        """None while it runs; False if it failed."""
        taken = self.provider.get(handle)
        return None if self.provider.now() < taken.done_at else not taken.fails


class FakeTrainer(FakeJobs):
    deadline_s = 3600
    usual_s = 120

    def mark(self, order: TrainingOrder) -> str:
        return order.title

    def prepare(self, references: list[ReferenceImage]) -> str | None:
        self.provider.be_there()
        return None

    def estimate(self, request: int) -> Estimate:
        return Estimate(2.0, 2.0)

    def status(self, handle: JobHandle, request: int) -> TrainingStatus:
        is_done = self.is_done(handle)
        if is_done is None:
            return TrainingStatus("running", fraction=0.5)
        if not is_done:
            return TrainingStatus("failed", reason="no luck")
        return TrainingStatus("done", weights_url=WEIGHTS_LINK, cost_usd=1.5)


class FakeImages(FakeJobs):
    max_images = 4

    def prepare(self, references: list[ReferenceImage]) -> str | None:
        self.provider.be_there()
        return None

    def mark(self, order: GenerationOrder) -> str:
        """The prompt, which the tests number."""
        return order.request.prompt

    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        return GenerationPlan({}, request.prompt, [])

    def estimate(self, request: GenerationRequest) -> Estimate:
        return Estimate(None, 0.2)

    def status(self, handle: JobHandle, request: GenerationRequest) -> GenerationStatus:
        is_done = self.is_done(handle)
        if is_done is None:
            return GenerationStatus("running")
        if not is_done:
            return GenerationStatus("failed", reason="no luck")
        image = ProducedImage(url=IMAGE_LINK, seed=request.seed)
        return GenerationStatus("done", images=(image,) * request.num_images, cost_usd=0.1)


class FakeProviders(dict[str, FakeProvider]):
    def names(self) -> list[ProviderName]:
        return [provider.name for provider in self.values()]


class WatchedProvider:
    """A provider whose jobs are watched, each kind under its own name."""

    def __init__(self, provider: FakeProvider, through: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._provider = provider
        self.jobs = {kind: jobs and Watched(jobs, kind, through) for kind, jobs in provider.jobs.items()}
        self.training, self.images = self.jobs["training"], self.jobs["generation"]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)
