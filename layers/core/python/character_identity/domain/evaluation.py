"""Evaluation: one character drawn by several providers, to compare them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import zip_longest
from typing import Literal, get_args

from pydantic import Field

from character_identity.domain.failure import Failure
from character_identity.domain.generation import GenerationRequest
from character_identity.domain.identity import ProviderName
from character_identity.domain.object_keys import subject_of_key
from character_identity.domain.page import Position
from character_identity.domain.prices import Price
from character_identity.domain.record import Record
from character_identity.domain.scenario import Scenario

EvaluationStatus = Literal["running", "cancelling", "completed", "failed", "cancelled"]
EvaluationPhase = Literal["planning", "identities", "pictures", "scores", "report"]
PHASES: tuple[EvaluationPhase, ...] = get_args(EvaluationPhase)
ENDS_WITHIN = timedelta(days=7)
"""Ten thousand pictures of half a minute each take two days with the two slots of a new account."""
CANCELLED = Failure(code="cancelled", message="The evaluation was cancelled.")
NOT_ORDERED = Failure(code="cancelled", message="The evaluation ended before this was ordered.")
STOPPED = Failure(code="cancelled", message="The evaluation ended while this was drawn.")
ERASED = Failure(code="erased", message="The generation was erased.")
LATE = Failure(code="deadline_exceeded", message="The evaluation did not end before its deadline.")

MOST_VARIATIONS = 8
"""As many as one order at Astria may have, https://docs.astria.ai/docs/api/prompt/create, read 2026-11-22."""
AT_ONCE: Mapping[ProviderName, int] = {"astria": 4}
"""The fewest pictures in one order, for providers that are asked for several: the specification asks Astria
for four. With all others an order is one picture, so that each has its own seed."""
ROWS, GALLERY, REPORT, MARKDOWN = "results.csv", "gallery.html", "report.html", "report.md"
SUMMARY, MANIFEST, PICTURES = "summary.json", "evaluation.json", "pictures.json"
RESULTS: Mapping[str, str] = {
    ROWS: "text/csv; charset=utf-8",
    GALLERY: "text/html; charset=utf-8",
    REPORT: "text/html; charset=utf-8",
    MARKDOWN: "text/markdown; charset=utf-8",
    SUMMARY: "application/json",
    MANIFEST: "application/json",
    PICTURES: "application/json",
}
"""The files of an evaluation that has ended, each with its content type."""


class Recommendation(Record):
    """The recommended provider, None if nothing is decided, and why, in a sentence."""

    provider: str | None
    sentence: str


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """What a caller asks for. ``identities`` exist already, by provider; all others are to be made.

    Without ``providers`` all that can be ordered from are compared; or, if there are no references to make
    identities from, those whose identities are given.
    """

    name: str | None
    class_name: str | None
    references: Sequence[str]
    identities: Mapping[str, str]
    providers: Sequence[str]
    scenarios: Sequence[Scenario]
    variations: int
    seed: int
    max_cost_usd: float | None


class Cell(Record):
    """One order of pictures: provider, scenario, the first variation in it, and how many pictures."""

    provider: ProviderName
    scenario: str
    variation: int
    images: int

    @property
    def cell_id(self) -> str:
        """As in ``fal-lora/airport/02``."""
        return f"{self.provider}/{self.scenario}/{self.variation:02}"


class CellOutcome(Record):
    """The outcome of a cell: its generation and how many pictures that has, or why there is none."""

    cell: Cell
    generation_id: str | None = None
    pictures: int = 0
    cost_usd: float | None = None
    error: Failure | None = None

    @property
    def was_cancelled(self) -> bool:
        """True if the evaluation ended before it was ordered or while it was drawn, which is no failure."""
        return self.error is not None and self.error.code == CANCELLED.code

    @property
    def was_erased(self) -> bool:
        """True if its generation or its identity was erased."""
        return self.error is not None and self.error.code == ERASED.code

    def erased(self) -> "CellOutcome":
        """Return what is left of it after its generation was erased."""
        return self.replace(pictures=0, error=ERASED)


class EvaluationOrder(Record):
    """Everything that is drawn. It is stored in the bucket, as a row has no room for a hundred prompts.

    ``seed`` shifts the seeds of all pictures, which are the same for every provider. ``prices`` are those
    behind each provider's estimate, by what they are for.
    """

    name: str
    scenarios: list[Scenario]
    variations: int
    seed: int = 0
    prices: dict[str, dict[str, Price]] = Field(default={})

    def request(self, cell: Cell) -> GenerationRequest:
        """Return the request for a cell."""
        scenario = next(each for each in self.scenarios if each.name == cell.scenario)
        return GenerationRequest(
            prompt=scenario.prompt(self.name),
            aspect_ratio=scenario.aspect_ratio,
            seed=scenario.seed(cell.variation, self.seed),
            num_images=cell.images,
        )

    def cells(self, providers: Sequence[ProviderName]) -> list[Cell]:
        """Return all cells, the providers taking turns, so that none waits for another to finish."""
        by_turns = zip_longest(*(self._cells_of(provider) for provider in providers))
        return [cell for turn in by_turns for cell in turn if cell is not None]

    def _cells_of(self, provider: ProviderName) -> list[Cell]:
        at_once = AT_ONCE.get(provider)
        firsts = range(1, self.variations + 1) if at_once is None else (1,)
        images = 1 if at_once is None else max(self.variations, at_once)
        return [
            Cell(provider=provider, scenario=scenario.name, variation=first, images=images)
            for scenario in self.scenarios
            for first in firsts
        ]


class Evaluation(Record):
    """An evaluation as its row holds it. Times are aware UTC.

    ``identities``: the id of each provider's identity, whether it existed before or is to be made.
    ``made``: the providers whose identity the evaluation makes itself.
    ``failures``: why a provider has no identity.
    ``references``: the keys of all references of the character, against which every picture is scored.

    Erasing an identity removes its provider from all of these.
    """

    evaluation_id: str
    owner: str
    name: str
    class_name: str
    status: EvaluationStatus = "running"
    phase: EvaluationPhase = "planning"
    created_at: datetime
    updated_at: datetime
    settled_at: datetime | None = None
    providers: list[ProviderName]
    identities: dict[ProviderName, str]
    made: list[ProviderName] = Field(default=[])
    failures: dict[ProviderName, Failure] = Field(default={})
    references: list[str]
    reference_sha256s: list[str]
    scenarios: int
    variations: int
    cells: int
    images: int
    estimate_microusd: int
    assumed_microusd: int
    reserved_microusd: int
    max_cost_usd: float
    recommendation: Recommendation | None = None
    error: Failure | None = None

    @property
    def position(self) -> Position:
        """Its place in its owner's list."""
        return Position(self.created_at, self.evaluation_id)

    @property
    def is_unsettled(self) -> bool:
        """True until it has an outcome."""
        return self.status in {"running", "cancelling"}

    @property
    def has_results(self) -> bool:
        """True if it has results, perhaps being made anew just now; one that failed may never have any."""
        return self.status == "completed" or (not self.is_unsettled and self.recommendation is not None)

    def given_up(self, now: datetime) -> Failure | None:
        """Return why nothing more is to be ordered for it; None as long as something may be."""
        if self.status == "cancelling":
            return CANCELLED
        return LATE if now >= self.created_at + ENDS_WITHIN else None

    def ended(self, failure: Failure | None, now: datetime) -> "Evaluation":
        """Return it as it ends now, with ``failure`` if there is one; unchanged if it has ended before."""
        if not self.is_unsettled:
            return self
        why = self.given_up(now) or failure
        given_up = "cancelled" if self.status == "cancelling" else "failed"
        status = "completed" if why is None else given_up
        return self.replace(status=status, error=why, settled_at=now, updated_at=now)

    def without_identity(self, identity_id: str) -> "Evaluation | None":
        """Return the evaluation without an identity; None if that was the last."""
        providers = [name for name in self.providers if self.identities.get(name) != identity_id]
        if not providers:
            return None
        return self.replace(
            providers=providers,
            identities={name: self.identities[name] for name in providers},
            made=[name for name in self.made if name in providers],
            failures={name: why for name, why in self.failures.items() if name in providers},
            recommendation=self.recommendation if providers == self.providers else None,
        )

    @property
    def references_left(self) -> list[str]:
        """The keys of those references that were not erased with an identity."""
        there = {self.evaluation_id, *self.identities.values()}
        return [key for key in self.references if subject_of_key(key) in there]

    def compares_with(self, identity_id: str) -> bool:
        """Return True if it uses references of that identity itself, and not copies."""
        return identity_id in map(subject_of_key, self.references)

    def pictures(self, outcomes: Iterable[CellOutcome]) -> int:
        """Return how many of its compared pictures exist; each of them gets a score."""
        return sum(each.pictures for each in outcomes if each.cell.provider in self.providers)

    def generation_id(self, cell: Cell) -> str:
        """Return the id of a cell's generation, which is always the same."""
        return derived_id(self.evaluation_id, cell.cell_id)


def derived_id(evaluation_id: str, part: str) -> str:
    """Return the id of something that an evaluation orders: always the same, and impossible to guess."""
    return sha256(f"{evaluation_id}/{part}".encode()).hexdigest()[:32]
