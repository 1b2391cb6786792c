"""Evaluation: one character drawn by several providers, so that they can be compared."""

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
"""Ten thousand pictures of half a minute each take two days at the two slots of a new account."""
CANCELLED = Failure(code="cancelled", message="The evaluation was cancelled.")
NOT_ORDERED = Failure(code="cancelled", message="The evaluation ended before this was ordered.")
STOPPED = Failure(code="cancelled", message="The evaluation ended while this was drawn.")
ERASED = Failure(code="erased", message="The generation was erased.")
LATE = Failure(code="deadline_exceeded", message="The evaluation did not end before its deadline.")

MOST_VARIATIONS = 8
"""As many as one order of Astria's has, https://docs.astria.ai/docs/api/prompt/create, read 2026-11-22."""
AT_ONCE: Mapping[ProviderName, int] = {"astria": 4}
"""Pictures that a provider is asked for at least in one order, where that is its way: the specification asks
Astria for four. Where each picture has a seed of its own, as with all others, an order is one picture."""
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
    """A provider, or None where nothing is decided; and why, in a sentence."""

    provider: str | None
    sentence: str


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """What a caller asks for. ``identities`` are there already, by provider; all others are to be made.

    Without ``providers`` it is about all that can be ordered from, or about those whose identities are given
    where there are no references to make more of.
    """

    name: str | None
    class_name: str
    references: Sequence[str]
    identities: Mapping[str, str]
    providers: Sequence[str]
    scenarios: Sequence[Scenario]
    variations: int
    seed: int
    max_cost_usd: float | None


class Cell(Record):
    """One order of pictures: of a provider and a scenario, its first variation, and how many."""

    provider: ProviderName
    scenario: str
    variation: int
    images: int

    @property
    def cell_id(self) -> str:
        """As in ``fal-lora/airport/02``."""
        return f"{self.provider}/{self.scenario}/{self.variation:02}"


class CellOutcome(Record):
    """What became of a cell: a generation and how many of its pictures are there, or why there is none."""

    cell: Cell
    generation_id: str | None = None
    pictures: int = 0
    cost_usd: float | None = None
    error: Failure | None = None

    @property
    def was_cancelled(self) -> bool:
        """Return True if the evaluation ended before its order or while it was drawn: nobody's failure."""
        return self.error is not None and self.error.code == CANCELLED.code

    @property
    def was_erased(self) -> bool:
        """True once its generation was erased, or its identity."""
        return self.error is not None and self.error.code == ERASED.code

    def erased(self) -> "CellOutcome":
        """Return what is left of it once its generation was erased."""
        return self.replace(pictures=0, error=ERASED)


class EvaluationOrder(Record):
    """What is drawn, all of it; in the bucket, for a row has no room for a hundred prompts.

    ``seed`` moves the seeds of all pictures, which are the same for every provider. ``prices`` are those that
    each provider was estimated by, by what they are for.
    """

    name: str
    scenarios: list[Scenario]
    variations: int
    seed: int = 0
    prices: dict[str, dict[str, Price]] = Field(default={})

    def request(self, cell: Cell) -> GenerationRequest:
        """Return what a cell asks its provider for."""
        scenario = next(each for each in self.scenarios if each.name == cell.scenario)
        return GenerationRequest(
            prompt=scenario.prompt(self.name),
            aspect_ratio=scenario.aspect_ratio,
            seed=scenario.seed(cell.variation, self.seed),
            num_images=cell.images,
        )

    def cells(self, providers: Sequence[ProviderName]) -> list[Cell]:
        """All cells, the providers by turns, so that none of them waits until another is through."""
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
    """A row; ``identities`` has the id of each provider's identity, whether it was there or is to be made.

    ``made`` are the providers whose identity the evaluation makes itself, ``failures`` why one has none.
    ``references`` are the keys of all references of the character, against which every picture is scored.
    Erasing an identity takes its provider out of all of these. Times are aware UTC.
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
        """Its place in the list of its owner's."""
        return Position(self.created_at, self.evaluation_id)

    @property
    def is_unsettled(self) -> bool:
        """True until it has an outcome."""
        return self.status in {"running", "cancelling"}

    @property
    def has_results(self) -> bool:
        """Return True if it has results, perhaps being made anew; one that failed may never have any."""
        return self.status == "completed" or (not self.is_unsettled and self.recommendation is not None)

    def given_up(self, now: datetime) -> Failure | None:
        """Return why nothing more is ordered for one that has not ended; None as long as something may be."""
        if self.status == "cancelling":
            return CANCELLED
        return LATE if now >= self.created_at + ENDS_WITHIN else None

    def ended(self, failure: Failure | None, now: datetime) -> "Evaluation":
        """As it ends now, for ``failure`` if it does not go on, and whatever has not come; unless it has."""
        if not self.is_unsettled:
            return self
        why = self.given_up(now) or failure
        given_up = "cancelled" if self.status == "cancelling" else "failed"
        status = "completed" if why is None else given_up
        return self.replace(status=status, error=why, settled_at=now, updated_at=now)

    def without_identity(self, identity_id: str) -> "Evaluation | None":
        """Return what is left where an identity is no part of it any more; None if none is left."""
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
        """The keys of those references that have not gone with an identity."""
        there = {self.evaluation_id, *self.identities.values()}
        return [key for key in self.references if subject_of_key(key) in there]

    def compares_with(self, identity_id: str) -> bool:
        """Return True if references of that identity are among its own, which are no copies then."""
        return identity_id in map(subject_of_key, self.references)

    def pictures(self, outcomes: Iterable[CellOutcome]) -> int:
        """Return how many pictures there are of those that it compares: each of them gets a score."""
        return sum(each.pictures for each in outcomes if each.cell.provider in self.providers)

    def generation_id(self, cell: Cell) -> str:
        """The id of a cell's generation: who orders it twice finds it."""
        return derived_id(self.evaluation_id, cell.cell_id)


def derived_id(evaluation_id: str, part: str) -> str:
    """The id of what an evaluation orders: the same whenever it is ordered, and nobody guesses it."""
    return sha256(f"{evaluation_id}/{part}".encode()).hexdigest()[:32]
