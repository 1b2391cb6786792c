"""The ports, in memory. The contract suite in tests/aws runs stores and fakes through the same cases."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from character_identity.domain.errors import Conflict, NotFound
from character_identity.domain.generation import Generation, GenerationRequest, ProducedImage
from character_identity.domain.identity import Identity, Phase, ProviderName, Weights
from character_identity.domain.job import JobHandle, ProviderJob
from character_identity.domain.prices import Price
from character_identity.ports import (
    EarlierCall,
    GenerationOrder,
    GenerationPlan,
    ProviderGeneration,
    ReferenceLimits,
    ReferencePicture,
    TrainingOrder,
    TrainingStatus,
    UploadTicket,
)
from tests.builders import NOON


class Clock:
    """Time that moves when told to."""

    def __init__(self, time: datetime = NOON) -> None:
        self.time = time

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, **duration: float) -> None:
        self.time += timedelta(**duration)


class FakeIdentities:
    def __init__(self, *identities: Identity) -> None:
        self.stored = {identity.identity_id: identity for identity in identities}

    def add(self, identity: Identity) -> None:
        if identity.identity_id in self.stored:
            raise Conflict("exists")
        self.stored[identity.identity_id] = identity

    def get(self, identity_id: str) -> Identity:
        if identity_id not in self.stored:
            raise NotFound("unknown", code="unknown_identity")
        return self.stored[identity_id]

    def list(self, owner: str) -> list[Identity]:
        own = [identity for identity in self.stored.values() if identity.owner == owner]
        return sorted(own, key=lambda identity: identity.created_at, reverse=True)

    def advance(self, identity_id: str, phase: Phase, progress: int, **changes: Any) -> None:
        identity = self.stored[identity_id]
        if identity.status != "training":
            return
        if "weights" in changes:
            changes["weights"] = Weights(**changes["weights"])
        if progress >= identity.progress:
            changes |= {"phase": phase, "progress": progress}
        self.stored[identity_id] = identity.model_copy(update=changes)

    def settle(self, identity: Identity) -> Identity:
        if self.stored[identity.identity_id].status == "training":
            outcome = {"status", "phase", "progress", "settled_at", "error"}
            changes = {name: getattr(identity, name) for name in outcome}
            self.stored[identity.identity_id] = self.stored[identity.identity_id].model_copy(update=changes)
        return self.stored[identity.identity_id]


class FakeGenerations:
    def __init__(self, *generations: Generation) -> None:
        self.stored = {generation.generation_id: generation for generation in generations}

    def add(self, generation: Generation) -> None:
        if generation.generation_id in self.stored:
            raise Conflict("exists")
        self.stored[generation.generation_id] = generation

    def get(self, generation_id: str) -> Generation:
        if generation_id not in self.stored:
            raise NotFound("unknown", code="unknown_generation")
        return self.stored[generation_id]

    def save(self, generation: Generation) -> Generation:
        if self.get(generation.generation_id).status not in {"succeeded", "failed"}:
            self.stored[generation.generation_id] = generation
        return self.stored[generation.generation_id]


class FakeLedger:
    def __init__(self) -> None:
        self.rows: dict[str, ProviderJob] = {}

    def intend(self, job: ProviderJob) -> ProviderJob | None:
        if job.job_id in self.rows:
            return self.rows[job.job_id]
        self.rows[job.job_id] = job
        return None

    def submitted(self, job_id: str, handle: JobHandle) -> None:
        self.rows[job_id] = self.rows[job_id].model_copy(update={"state": "submitted", "handle": handle})

    def forget(self, job_id: str) -> None:
        del self.rows[job_id]

    def close(self, job_id: str, state: Literal["rejected", "unknown"]) -> None:
        self.rows[job_id] = self.rows[job_id].model_copy(update={"state": state})

    def get(self, job_id: str) -> ProviderJob | None:
        return self.rows.get(job_id)


class FakeEarlierCalls:
    def __init__(self) -> None:
        self.calls: dict[str, EarlierCall] = {}
        self.answered: set[str] = set()

    def find(self, digest: str) -> EarlierCall | None:
        return self.calls.get(digest)

    def claim(self, digest: str, call: EarlierCall, replaces: EarlierCall | None) -> EarlierCall:
        if self.calls.get(digest) != replaces:
            return self.calls.get(digest, call)
        self.calls[digest] = call
        return call

    def release(self, digest: str, call: EarlierCall) -> None:
        if digest in self.calls and self.calls[digest].target_id == call.target_id:
            del self.calls[digest]

    def answer(self, target_id: str) -> None:
        self.answered.add(target_id)

    def was_answered(self, target_id: str) -> bool:
        return target_id in self.answered


class FakeChooser:
    """Chooses what it was told; counts how often it was asked."""

    def __init__(self, number: int | None = 0) -> None:
        self.number = number
        self.asked = 0

    def most_central(self, keys: list[str]) -> str | None:
        self.asked += 1
        return None if self.number is None else keys[self.number]


class FakeTrainedWeights:
    def __init__(self) -> None:
        self.known: dict[tuple[str, str], str] = {}

    def remember(self, owner: str, mark: str, identity_id: str) -> None:
        self.known[owner, mark] = identity_id

    def find(self, owner: str, mark: str) -> str | None:
        return self.known.get((owner, mark))


class FakeBucket:
    def __init__(self, **objects: bytes) -> None:
        self.objects = dict(objects)

    def read(self, key: str, limit_bytes: int) -> bytes:
        if key not in self.objects:
            raise NotFound("no such object")
        return self.objects[key]

    def write(self, key: str, content: bytes, content_type: str) -> None:
        self.objects[key] = content

    def write_file(self, key: str, path: Path, content_type: str) -> None:
        self.objects[key] = path.read_bytes()

    def list_keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))

    def link(self, key: str) -> str:
        return f"https://bucket.test/{key}?signed"

    def upload_ticket(self, key: str, content_type: str, limit_bytes: int) -> UploadTicket:
        return UploadTicket(key=key, url="https://bucket.test/", fields={"key": key})


class FakeMedia:
    """Answers from ``files``: bytes, or an error to raise."""

    def __init__(self, **files: bytes | Exception) -> None:
        self.files: dict[str, bytes | Exception] = dict(files)

    def fetch(self, url: str, limit_bytes: int) -> bytes:
        content = self.files[url]
        if isinstance(content, Exception):
            raise content
        return content

    def fetch_start(self, url: str, size_bytes: int) -> bytes:
        return self.fetch(url, size_bytes)[:size_bytes]

    def download(self, url: str, path: Path, limit_bytes: int) -> str:
        path.write_bytes(self.fetch(url, limit_bytes))
        return f"sha256 of {url}"


class FakeWorkflows:
    def __init__(self) -> None:
        self.trainings: list[dict[str, Any]] = []
        self.generations: list[dict[str, Any]] = []

    def train(self, state: dict[str, Any]) -> None:
        self.trainings.append(state)

    def generate(self, state: dict[str, Any]) -> None:
        self.generations.append(state)


class FakeProvider:
    """Answers what it was told; an exception among the answers is raised. Counts its paid calls."""

    name: ProviderName = "fal-lora"
    trains = True
    mock = False
    references = ReferenceLimits(2, 3)
    max_images = 4
    training_deadline_s = 600
    generation_deadline_s = 300

    def __init__(self, name: ProviderName = "fal-lora", trains: bool = True) -> None:
        self.name = name
        self.trains = trains
        self.prices: dict[str, Price] = {}
        self.paid_calls = 0
        self.on_submit: Callable[[], None] = lambda: None
        self.training: TrainingStatus | Exception = TrainingStatus("training")
        self.generation: ProviderGeneration | Exception = ProviderGeneration("running")
        self.orders: list[Any] = []

    def prepare_training(self, references: list[ReferencePicture]) -> str | None:
        return f"https://provider.test/{len(references)}.zip"

    def submit_training(self, order: TrainingOrder) -> JobHandle:
        return self._submit(order)

    def submit_generation(self, order: GenerationOrder) -> JobHandle:
        return self._submit(order)

    def training_status(self, handle: JobHandle) -> TrainingStatus:
        if isinstance(self.training, Exception):
            raise self.training
        return self.training

    def generation_status(self, handle: JobHandle, request: GenerationRequest) -> ProviderGeneration:
        if isinstance(self.generation, Exception):
            raise self.generation
        return self.generation

    def training_estimate_usd(self, steps: int) -> float | None:
        return steps / 500

    def generation_estimate_usd(self, request: GenerationRequest) -> float | None:
        return 0.1 * request.num_images

    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        return GenerationPlan({}, f"PLAN {request.prompt}", ["a warning"])

    def _submit(self, order: Any) -> JobHandle:
        self.orders.append(order)
        self.on_submit()
        self.paid_calls += 1
        return JobHandle(provider_job_id=f"job-{self.paid_calls}")


class FakeProviders(dict[str, FakeProvider]):
    def __init__(self, *providers: FakeProvider) -> None:
        super().__init__({provider.name: provider for provider in providers})

    def names(self) -> list[ProviderName]:
        return [provider.name for provider in self.values()]


def produced(*urls: str) -> tuple[ProducedImage, ...]:
    """Pictures at the provider."""
    return tuple(ProducedImage(url=url, seed=7) for url in urls)
