"""Ten providers with the prices and durations of the three that ship, each with an account of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from character_identity.domain import evaluation, generation, identity, provenance
from character_identity.domain.generation import GenerationRequest, ProducedImage
from character_identity.domain.job import JobHandle
from character_identity.domain.prices import (
    ASTRIA_IMAGE_CEILING_USD,
    ASTRIA_TUNE_CEILING_USD,
    FAL_INSTANT_IMAGE,
    FAL_LORA_IMAGE,
    FAL_LORA_TRAINING,
)
from character_identity.ports.providers import (
    Estimate,
    GenerationStatus,
    ReferenceLimits,
    TrainingStatus,
)
from character_identity.providers.astria.prompts import AstriaImages
from character_identity.providers.astria.tunes import AstriaTrainer
from character_identity.providers.fal.flux_lora import FluxLoraImages, FluxLoraTrainer
from character_identity.providers.fal.instant_character import InstantImages
from character_identity.services.evaluations import cells
from tests.histories.fake_provider import IMAGE_LINK, WEIGHTS_LINK, FakeImages, FakeTrainer

MODELS_WITH_NAMES = (
    identity.Identity,
    generation.Generation,
    evaluation.Cell,
    evaluation.CellOutcome,
    evaluation.Evaluation,
    cells.CellState,
)
"""Those that check a provider's name, and those that are made of them, in this order."""


@dataclass(frozen=True)
class Kind:
    """What a provider does like one that ships; dollars for a picture and for a training."""

    like: str
    images: Any
    image_usd: float
    trainer: Any = None
    training_usd: float = 0.0
    at_once: int | None = None


KINDS = (
    Kind("lora", FluxLoraImages, FAL_LORA_IMAGE.amount_usd, FluxLoraTrainer, FAL_LORA_TRAINING.amount_usd),
    Kind("instant", InstantImages, FAL_INSTANT_IMAGE.amount_usd),
    Kind("tune", AstriaImages, ASTRIA_IMAGE_CEILING_USD, AstriaTrainer, ASTRIA_TUNE_CEILING_USD, at_once=4),
)
"""Of Astria, which publishes no price, the ceilings that are assumed of it."""


class Provider:
    """Takes orders and is done with each after the usual time, which it tells ``call_back``.

    It keeps none: the id of a job says when it is done.
    """

    mock = False
    simulated = False
    supports_lookup = False
    references = ReferenceLimits(1, 20)
    keeps = None

    def __init__(self, name: Any, kind: Kind, now: Callable[[], datetime]) -> None:
        self.name = name
        self.kind = kind
        self.now = now
        self.orders = 0
        self.call_back: Callable[[str, datetime], None] = lambda job_id, at: None
        self.trains = kind.trainer is not None
        self.images = _Images(self)
        self.training = _Trainer(self) if self.trains else None
        self.jobs = {"training": self.training, "generation": self.images}

    def submit(self, mark: str, callback_url: str | None, seconds: int) -> JobHandle:
        """Take an order; ``callback_url`` names the job."""
        self.orders += 1
        done_at = self.now() + timedelta(seconds=seconds)
        if callback_url is not None:
            self.call_back(parse_qs(urlsplit(callback_url).query)["job"][0], done_at)
        return JobHandle(provider_job_id=f"{self.name}-{self.orders}@{done_at.isoformat()}")

    def is_done(self, handle: JobHandle) -> bool:
        return self.now() >= datetime.fromisoformat(handle.provider_job_id.rpartition("@")[2])

    def be_there(self) -> None:
        return


class _Trainer(FakeTrainer):
    provider: Any

    def __init__(self, provider: Any) -> None:
        super().__init__(provider)
        self.deadline_s, self.usual_s = provider.kind.trainer.deadline_s, provider.kind.trainer.usual_s

    def estimate(self, request: int) -> Estimate:
        return Estimate(self.provider.kind.training_usd, self.provider.kind.training_usd)

    def status(self, handle: JobHandle, request: int) -> TrainingStatus:
        if not self.provider.is_done(handle):
            return TrainingStatus("running", fraction=0.5)
        cost, took_s = self.provider.kind.training_usd, float(self.usual_s)
        return TrainingStatus("done", weights_url=WEIGHTS_LINK, cost_usd=cost, took_s=took_s)


class _Images(FakeImages):
    provider: Any

    def __init__(self, provider: Any) -> None:
        super().__init__(provider)
        self.deadline_s, self.usual_s = provider.kind.images.deadline_s, provider.kind.images.usual_s

    def estimate(self, request: GenerationRequest) -> Estimate:
        cost = self.provider.kind.image_usd * request.num_images
        return Estimate(cost, cost)

    def status(self, handle: JobHandle, request: GenerationRequest) -> GenerationStatus:
        if not self.provider.is_done(handle):
            return GenerationStatus("running")
        images = (ProducedImage(url=IMAGE_LINK, seed=request.seed),) * request.num_images
        cost = self.provider.kind.image_usd * request.num_images
        return GenerationStatus("done", images=images, cost_usd=cost, took_s=float(self.usual_s))


class Providers(dict[str, Provider]):
    """The registry."""

    def names(self) -> list[Any]:
        return list(self)


def providers(count: int, now: Callable[[], datetime]) -> Providers:
    """So many, of each kind by turns, under names of their own."""
    kinds = [KINDS[number % len(KINDS)] for number in range(count)]
    named = {f"p{number:02}-{kind.like}": kind for number, kind in enumerate(kinds, 1)}
    _know(named)
    return Providers({name: Provider(name, kind, now) for name, kind in named.items()})


def _know(named: dict[str, Kind]) -> None:
    """Let models take these names too, in this process, whose only work is the simulation."""
    known: Any = identity.ProviderName
    known.__args__ = tuple(dict.fromkeys((*known.__args__, *named)))
    for model in MODELS_WITH_NAMES:
        model.model_rebuild(force=True)
    at_once: Any = evaluation.AT_ONCE
    at_once |= {name: kind.at_once for name, kind in named.items() if kind.at_once}
    models: Any = provenance.MODELS
    models |= dict.fromkeys(named, "simulated")
