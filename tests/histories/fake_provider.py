"""A provider with a truth of its own, for histories that nobody wrote: what it took, billed and finished."""

from collections.abc import Callable
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
    GenerationOrder,
    GenerationPlan,
    GenerationStatus,
    ReferenceImage,
    ReferenceLimits,
    TrainingOrder,
    TrainingStatus,
)

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
    references = ReferenceLimits(1, 3)
    max_images = 4
    prices: dict[str, Price] = field(default_factory=dict)
    training_deadline_s = 3600
    generation_deadline_s = 900
    usual_training_s = 120
    usual_generation_s = 15
    keeps = None

    def prepare_training(self, references: list[ReferenceImage]) -> str | None:
        self._be_there()
        return None

    def submit_training(self, order: TrainingOrder) -> JobHandle:
        return self._submit(order.title, order.callback_url, 120)

    def submit_generation(self, order: GenerationOrder) -> JobHandle:
        return self._submit(_mark(order), order.callback_url, 15)

    def training_status(self, handle: JobHandle) -> TrainingStatus:
        taken = self._found(handle)
        if self.now() < taken.done_at:
            return TrainingStatus("training", fraction=0.5)
        if taken.fails:
            return TrainingStatus("failed", reason="no luck")
        return TrainingStatus("trained", weights_url=WEIGHTS_LINK, cost_usd=1.5)

    def generation_status(self, handle: JobHandle, request: GenerationRequest) -> GenerationStatus:
        taken = self._found(handle)
        if self.now() < taken.done_at:
            return GenerationStatus("running")
        if taken.fails:
            return GenerationStatus("failed", reason="no luck")
        image = ProducedImage(url=IMAGE_LINK, seed=request.seed)
        return GenerationStatus("generated", (image,) * request.num_images, cost_usd=0.1)

    def training_estimate_usd(self, steps: int) -> float | None:
        return 2.0

    def training_ceiling_usd(self, steps: int) -> float:
        return 2.0

    def generation_estimate_usd(self, request: GenerationRequest) -> float | None:
        return None

    def generation_ceiling_usd(self, request: GenerationRequest) -> float:
        return 0.2

    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        return GenerationPlan({}, request.prompt, [])

    def find_training(self, order: TrainingOrder) -> JobHandle | None:
        return self._find(order.title)

    def find_generation(self, order: GenerationOrder, since: datetime) -> JobHandle | None:
        return self._find(_mark(order))

    def job_handle(self, kind: JobKind, provider_job_id: str) -> JobHandle:
        return JobHandle(provider_job_id=provider_job_id)

    def cancel(self, handle: JobHandle) -> bool:
        self._be_there()
        return False

    def erase_training(self, handle: JobHandle) -> bool:
        self._be_there()
        self.erased.add(handle.provider_job_id)
        return True

    erase_generation = erase_training

    def _submit(self, mark: str, callback_url: str | None, seconds: int) -> JobHandle:
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

    def _found(self, handle: JobHandle) -> Taken:
        self._be_there()
        return next(each for each in self.taken if each.provider_job_id == handle.provider_job_id)

    def _find(self, mark: str) -> JobHandle | None:
        self._be_there()
        found = next((each for each in self.taken if each.mark == mark), None)
        return None if found is None else JobHandle(provider_job_id=found.provider_job_id)

    def _be_there(self) -> None:
        if self.down:
            raise ProviderUnavailable(self.name, "down")


class FakeProviders(dict[str, FakeProvider]):
    def names(self) -> list[ProviderName]:
        return [provider.name for provider in self.values()]


def _mark(order: GenerationOrder) -> str:
    """What tells one order from another: the prompt, which the tests number."""
    return order.request.prompt


class Watched:
    """A port whose calls are I/O: the sandbox may die before or after each of them."""

    def __init__(self, port: Any, name: str, through: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._port = port
        self._name = name
        self._through = through

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found
        what = f"{self._name}.{name}"
        return lambda *values, **options: self._through(what, lambda: found(*values, **options))
