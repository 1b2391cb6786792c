"""Request and answer bodies of the API about evaluations."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from character_identity.api.schemas import (
    Body,
    BudgetResponse,
    ClassName,
    Name,
    NextCursor,
    Provider,
    RetainedDataResponse,
)
from character_identity.domain.evaluation import (
    MOST_VARIATIONS,
    EvaluationPhase,
    EvaluationRequest,
    EvaluationStatus,
)
from character_identity.domain.failure import Failure
from character_identity.domain.generation import SEEDS, AspectRatio
from character_identity.domain.identity import ProviderName
from character_identity.domain.ids import ID_PATTERN
from character_identity.domain.links import LONGEST_URL
from character_identity.domain.numbers import Number, Whole
from character_identity.domain.scenario import (
    MOST_SCENARIOS,
    ExpectedSimilarity,
    Scenario,
    ScenarioName,
    Template,
    Title,
)

ScenarioSet = Literal["specification", "extended"]
"""As they are shipped."""
EXPECTED_SIMILARITY = 0.8
"""Of a scenario that says none; the least that the specification expects of one of its own."""
USUAL_VARIATIONS = 3
Link = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_URL)]
CharacterId = Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]


class ScenarioRequest(Body):
    """A scenario of your own. ``prompt`` says ``{name}`` where the character stands.

    ``threshold`` is the CLIP similarity that is expected, from -1 to 1.
    """

    name: ScenarioName
    title: Title | None = None
    prompt: Template
    aspect_ratio: AspectRatio = "1:1"
    threshold: ExpectedSimilarity = EXPECTED_SIMILARITY

    def numbered(self, number: int) -> Scenario:
        """The scenario in its place of the set."""
        return Scenario(
            number=number,
            name=self.name,
            title=self.title or self.name.replace("-", " ").capitalize(),
            template=self.prompt,
            expected_similarity=self.threshold,
            aspect_ratio=self.aspect_ratio,
        )


class CreateEvaluationRequest(Body):
    """A character, by ``references`` to make identities of, by ``identities`` that are there, or by both.

    ``identities`` has a ``characterId`` for a provider. ``providers`` are those to be compared: all that are
    available, if none is named and there are references. Without ``name`` and ``class_name`` those of the
    first identity count. ``scenario_set`` is ``specification`` or ``extended``, unless ``scenarios`` are your
    own. It is refused if it may cost more than ``max_cost_usd``.
    """

    name: Name | None = None
    class_name: ClassName | None = None
    references: list[Link] = Field(default=[], max_length=100)
    identities: dict[Provider, CharacterId] = Field(default={}, max_length=20)
    providers: list[Provider] = Field(default=[], max_length=20)
    scenario_set: ScenarioSet = "specification"
    scenarios: list[ScenarioRequest] | None = Field(default=None, min_length=1, max_length=MOST_SCENARIOS)
    variations: Whole = Field(default=USUAL_VARIATIONS, ge=1, le=MOST_VARIATIONS)
    seed: Whole = Field(default=0, ge=0, le=SEEDS - 1)
    max_cost_usd: Annotated[Number, Field(ge=0, le=1_000_000, allow_inf_nan=False)] | None = None

    @field_validator("scenarios")
    @classmethod
    def _names_are_different(cls, scenarios: list[ScenarioRequest] | None) -> list[ScenarioRequest] | None:
        names = [scenario.name for scenario in scenarios or ()]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two scenarios are called {twice}")
        return scenarios

    @field_validator("providers")
    @classmethod
    def _providers_are_different(cls, providers: list[str]) -> list[str]:
        if len(set(providers)) < len(providers):
            raise ValueError("a provider is named twice")
        return providers

    def with_scenarios(self, shipped: Callable[[str], Sequence[Scenario]]) -> EvaluationRequest:
        """Return the order with its scenarios: those of a set that is ``shipped``, or the caller's own."""
        own = [scenario.numbered(number) for number, scenario in enumerate(self.scenarios or (), 1)]
        return EvaluationRequest(
            name=self.name,
            class_name=self.class_name,
            references=self.references,
            identities=self.identities,
            providers=self.providers,
            scenarios=own or shipped(self.scenario_set),
            variations=self.variations,
            seed=self.seed,
            max_cost_usd=self.max_cost_usd,
        )


class ProviderEstimateResponse(Body):
    """One provider's part; an ``estimate_usd`` of null is one that nobody publishes a price for."""

    provider: ProviderName
    cells: int
    images: int
    estimate_usd: float | None
    ceiling_usd: float


class EstimateEvaluationResponse(Body):
    """``estimate_usd`` is of what has a price, ``assumed_usd`` the most that the rest may cost.

    ``ceiling_usd`` is the most that all of it may cost, which is set aside. ``would_exceed`` names what that
    is too much for: ``maxCostUsd``, the owner's ``budget``, or nothing.
    """

    cells: int
    images: int
    estimate_usd: float
    assumed_usd: float
    ceiling_usd: float
    max_cost_usd: float
    would_exceed: str | None
    by_provider: list[ProviderEstimateResponse]
    budget: BudgetResponse


class IdentityCounts(Body):
    total: int
    done: int
    failed: int


class ImageCounts(IdentityCounts):
    """``done`` are pictures that are there; ``scored`` and ``not_scored`` are of those."""

    scored: int
    not_scored: int


class EvaluationCounts(Body):
    identities: IdentityCounts
    cells: IdentityCounts
    images: ImageCounts


class RecommendationResponse(Body):
    """``provider`` is null where nothing is decided; ``sentence`` says why."""

    provider: str | None
    sentence: str


class EvaluationLinks(Body):
    """Paths of the results, which take your token; ``pictures`` leads to a link for each picture."""

    results_csv: str
    gallery: str
    report: str
    report_markdown: str
    summary: str
    manifest: str
    pictures: str


class EvaluationSummary(Body):
    """An evaluation as lists show it. ``max_cost_usd`` is the most that its caller would pay."""

    evaluation_id: str
    name: str
    status: EvaluationStatus
    phase: EvaluationPhase
    providers: list[ProviderName]
    scenarios: int
    variations: int
    max_cost_usd: float
    created_at: datetime
    updated_at: datetime
    recommendation: RecommendationResponse | None = None
    error: Failure | None = None


class EvaluationResponse(EvaluationSummary):
    """``cost_usd`` is what is known to be spent, ``ceiling_usd`` the most that it may come to.

    ``identities`` has the ``characterId`` of each provider's identity, ``failures`` why one has none.
    """

    class_name: str
    progress: int
    counts: EvaluationCounts
    cost_usd: float
    estimate_usd: float
    ceiling_usd: float
    identities: dict[ProviderName, str]
    failures: dict[ProviderName, Failure]
    links: EvaluationLinks | None = None


class ListEvaluationsResponse(Body):
    evaluations: list[EvaluationSummary]
    next_cursor: NextCursor = None


class RemovedOfEvaluationResponse(Body):
    """How many were deleted; ``files`` are its results and what they were made from."""

    references: int
    files: int
    cells: int
    scores: int


class EvaluationReceiptResponse(Body):
    """What is left of an erased evaluation; ``complete``: nothing more is to be done."""

    evaluation_id: str
    erased_at: datetime
    complete: bool
    removed: RemovedOfEvaluationResponse
    remaining: list[RetainedDataResponse]
