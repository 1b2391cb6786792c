"""Answers of the API, as far as a caller needs them; fields this client does not know are ignored.

An order that has many parts is here too.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Answer(BaseModel):
    """A part of an answer: camelCase in JSON, snake_case here."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Failure(Answer):
    """The reason why a job failed; ``code`` is stable, ``message`` is for people."""

    code: str
    message: str


class Finding(Answer):
    """Something about reference images; ``reference`` is the index of one, None where it is about all."""

    code: str
    severity: Literal["error", "warning"]
    reference: int | None = None
    file: str | None = None
    message: str
    advice: str


class ReferenceCheck(Answer):
    """The findings, errors first; ``usable`` if there is no error."""

    usable: bool
    findings: list[Finding]


class IdentityMetadata(Answer):
    """Facts about the making of an identity: times in milliseconds, ``cost`` in dollars.

    ``training_time`` is the provider's own, ``total_time`` has queues and the service's steps too;
    ``model_size`` is in bytes, ``created_at`` an ISO time.
    """

    training_time: float | None = None
    total_time: float | None = None
    model_size: int | None = None
    cost: float | None = None
    cost_implausible: bool = False
    clip_similarity: float | None = None
    created_at: str | None = None


class PlaceInLine(Answer):
    """The ``position`` of a job in the line for a slot at its provider, 1 is next."""

    position: int
    reason: str


class IdentityHead(Answer):
    """What an identity says of itself wherever it stands.

    ``model_expires_at`` is the ISO time when a provider that keeps the model itself deletes it, unless that
    is extended there; None where it does not.
    """

    character_id: str
    name: str
    provider: str
    class_name: str | None = None
    status: Literal["training", "ready", "failed"]
    phase: str | None = None
    progress: int = 0
    mock: bool = False
    simulated: bool = False
    model_expires_at: str | None = None
    metadata: IdentityMetadata = IdentityMetadata()
    error: Failure | None = None


class Identity(IdentityHead):
    """A character bound to one provider."""

    queued: PlaceInLine | None = None
    reference_urls: list[str] = []
    findings: list[Finding] = []
    main_reference_url: str | None = None
    model_url: str | None = None
    model_storage_url: str | None = None


class IdentitySummary(IdentityHead):
    """An identity as lists show it; ``thumbnail_url`` leads to its main or first reference."""

    thumbnail_url: str | None = None


class NearCopy(Answer):
    """The reference, by its key, that an image is again, nearly."""

    reference: str
    mirrored: bool = False
    differing_bits: int | None = None
    structure: float | None = None
    measure: str | None = None


class NotScored(Answer):
    """Why an image has no score."""

    encoder: str | None = None
    code: str
    reason: str


class Box(Answer):
    """Where something is, as fractions of the picture's width and height."""

    left: float
    top: float
    width: float
    height: float


class ReferenceSimilarity(Answer):
    """How like one reference, named by its key or number, an image is."""

    reference: str
    similarity: float


class FaceIdentity(Answer):
    """How like the faces of the references an image's face is; numbers as in ``Score``, or ``not_scored``."""

    encoder: str
    mean: float | None = None
    best: float | None = None
    centroid: float | None = None
    floor: float | None = None
    ceiling: float | None = None
    calibrated: float | None = None
    per_reference: list[ReferenceSimilarity] = []
    box: Box | None = None
    other_faces: int = 0
    weights_sha256: str | None = None
    preprocessing: str | None = None
    not_scored: NotScored | None = None


class Score(Answer):
    """An image's similarity to the references, by one encoder.

    ``calibrated`` is 0 at the ``floor``, where strangers are, and 1 at the ``ceiling``, where the references
    are among themselves; None where that is not known.
    """

    encoder: str
    mean: float
    best: float
    centroid: float | None = None
    floor: float | None = None
    ceiling: float | None = None
    calibrated: float | None = None
    near_copy: NearCopy | None = None
    per_reference: list[ReferenceSimilarity] = []
    face_identity: FaceIdentity | None = None
    weights_sha256: str | None = None
    preprocessing: str | None = None


class Image(Answer):
    """One picture of a generation; ``scores`` fill in a moment after the picture is there."""

    outcome: Literal["succeeded", "filtered", "failed", "parked"]
    ai_generated: bool = True
    simulated: bool = False
    image_url: str | None = None
    seed: int | None = None
    width: int | None = None
    height: int | None = None
    reason: str | None = None
    clip_similarity: float | None = None
    scores: list[Score] = []
    not_scored: NotScored | None = None

    @property
    def judged(self) -> bool:
        """True once it has a score, or the reason why it has none; one that is not there needs neither."""
        return self.outcome != "succeeded" or bool(self.scores or self.not_scored)


class ComparedImage(Answer):
    """A picture that was compared: its scores, or why it has none."""

    clip_similarity: float | None = None
    scores: list[Score] = []
    not_scored: NotScored | None = None


class Comparison(Answer):
    """Pictures in the order of the request; ``stand_in`` is true where ``encoder`` is not CLIP."""

    encoder: str
    weights_sha256: str
    preprocessing: str | None = None
    stand_in: bool
    images: list[ComparedImage]


class GenerationMetadata(Answer):
    """Facts about a generation: times in milliseconds, ``cost`` in dollars for all images.

    ``inference_time`` is the provider's own, ``total_time`` has queues and the service's steps too.
    ``cost_implausible``: the provider bills far from the estimate.
    """

    prompt_used: str | None = None
    provider: str | None = None
    inference_time: float | None = None
    total_time: float | None = None
    cost: float | None = None
    cost_implausible: bool = False
    generated_at: str | None = None


class GenerationHead(Answer):
    """What a generation says of itself wherever it stands."""

    generation_id: str
    character_id: str
    status: Literal["queued", "running", "succeeded", "failed"]
    simulated: bool = False
    created_at: str | None = None
    prompt: str | None = None
    width: int | None = None
    height: int | None = None
    aspect_ratio: str | None = None
    clip_similarity: float | None = None
    metadata: GenerationMetadata = GenerationMetadata()
    error: Failure | None = None


class Generation(GenerationHead):
    """A request for pictures, and the pictures."""

    queued: PlaceInLine | None = None
    scoring: Literal["pending", "complete", "notScored"]
    images: list[Image] = []
    warnings: list[str] = []
    image_url: str | None = None

    @property
    def settled(self) -> bool:
        """True once the images, or the failure, are there."""
        return self.status in ("succeeded", "failed")

    @property
    def scored(self) -> bool:
        """True once every image has a score, or the reason why it has none."""
        return self.scoring != "pending"


class GenerationSummary(GenerationHead):
    """A generation as lists show it; ``clip_similarity`` is that of the image at ``thumbnail_url``.

    ``scoring`` is None where only the generation itself tells: it has several images, or no score of CLIP's.
    """

    scoring: Literal["pending", "complete", "notScored"] | None = None
    thumbnail_url: str | None = None


class Webhook(Answer):
    """An address that hears of events of its ``types`` (None: all), until ``disabled_at`` (ISO time)."""

    endpoint_id: str
    url: str
    created_at: str
    types: list[str] | None = None
    previous_secrets_until: str | None = None
    failing_since: str | None = None
    disabled_at: str | None = None
    disabled_reason: str | None = None


class NewWebhook(Webhook):
    """A webhook with its secret, which signs what is posted there and is shown this once."""

    secret: str


class Attempt(Answer):
    """One request to a webhook: what it answered, or the code of what kept it from it."""

    at: str
    event_id: str
    type: str
    attempt: int
    status: int | None = None
    error: str | None = None
    state: str


class Delivery(Answer):
    """How far telling one webhook of an event is."""

    endpoint_id: str
    state: str
    attempts: int
    next_attempt_at: str | None = None
    last_status: int | None = None
    last_error: str | None = None


class Event(Answer):
    """What has happened, and how far telling it is; ``occurred_at`` is an ISO time."""

    event_id: str
    type: str
    occurred_at: str
    data: dict[str, Any]
    deliveries: list[Delivery] = []


class Removed(Answer):
    """How many of each were deleted."""

    references: int = 0
    weights: int = 0
    images: int = 0
    generations: int = 0
    scores: int = 0
    embeddings: int = 0
    provider_objects: int = 0


class RetainedData(Answer):
    """What stays after an erasure; ``until`` is the ISO time at which it goes by itself, where it does."""

    where: str
    what: str
    why: str
    until: str | None = None


class ErasureReceipt(Answer):
    """What is left of an erased identity, or of a generation; ``complete``: nothing more is to be done."""

    character_id: str
    generation_id: str | None = None
    erased_at: str
    complete: bool
    removed: Removed
    remaining: list[RetainedData] = []


class RemovedOfEvaluation(Answer):
    """How many were deleted with an evaluation; ``files`` are its results and what they were made from."""

    references: int = 0
    files: int = 0
    cells: int = 0
    scores: int = 0


class EvaluationReceipt(Answer):
    """What is left of an erased evaluation; ``complete``: nothing more is to be done."""

    evaluation_id: str
    erased_at: str
    complete: bool
    removed: RemovedOfEvaluation
    remaining: list[RetainedData] = []


class Price(Answer):
    """Dollars for a unit, and where and when (ISO date) that was read."""

    amount_usd: float
    unit: str
    source: str
    read_on: str


class Budget(Answer):
    """An owner's limit and spending in a month of the calendar (UTC), in dollars."""

    month: str
    limit_usd: float
    reserved_usd: float
    committed_usd: float
    remaining_usd: float


class Usage(Budget):
    """``assumed_usd`` is the part of ``committed_usd`` without a published or reported price."""

    assumed_usd: float
    jobs: int


class Estimate(Answer):
    """The expected cost of an order, None if no price is known; ``reserved_usd`` is the most it may cost."""

    estimate_usd: float | None
    reserved_usd: float
    prices: dict[str, Price]
    budget: Budget
    affordable: bool


class Provider(Answer):
    """A provider, how many reference images it takes, and its published prices by what they are for.

    One that is not ``available`` lacks its key: every order there fails, and nothing is paid.
    """

    name: str
    available: bool = True
    simulated: bool = False
    trains: bool = True
    min_references: int
    max_references: int
    max_images: int = 1
    prices: dict[str, Price] = {}


class Upload(Answer):
    """A ticket for one file: ``fields`` and then the file go to ``url``; ``key`` names it from then on."""

    key: str
    url: str
    fields: dict[str, str]


class EvaluationOrder(Answer):
    """What providers are to be compared by: a character's ``references``, or ``identities`` that are there.

    ``references`` are uploaded keys or links, ``identities`` ids by provider. ``scenarios`` are of one's own:
    each has a ``name``, a ``prompt`` with ``{name}`` in it, and perhaps ``title``, ``aspectRatio`` and
    ``threshold``. What is left out is left to the API.
    """

    model_config = ConfigDict(extra="forbid")  # a limit that is misspelt would be none

    name: str | None = None
    class_name: str | None = None
    references: list[str] | None = None
    identities: dict[str, str] | None = None
    providers: list[str] | None = None
    scenario_set: str | None = None
    scenarios: list[dict[str, Any]] | None = None
    variations: int | None = None
    seed: int | None = None
    max_cost_usd: float | None = None


class ProviderEstimate(Answer):
    """What one provider's part of an evaluation costs in dollars; None where it has published no price."""

    provider: str
    cells: int = 0
    images: int
    estimate_usd: float | None = None
    ceiling_usd: float


class EvaluationEstimate(Answer):
    """The cost of an evaluation in dollars; ``would_exceed`` names the limit that it is too much for."""

    cells: int
    images: int
    estimate_usd: float
    assumed_usd: float
    ceiling_usd: float
    max_cost_usd: float | None = None
    would_exceed: str | None = None
    by_provider: list[ProviderEstimate]
    budget: Budget | None = None


class Count(Answer):
    """How many of some there will be, how many are there, and how many will not be."""

    total: int
    done: int = 0
    failed: int = 0


class ImageCount(Count):
    """Of the pictures that are there, how many have scores, and how many will have none."""

    scored: int = 0
    not_scored: int = 0


class EvaluationCounts(Answer):
    """What an evaluation makes, counted."""

    identities: Count
    cells: Count
    images: ImageCount


class Recommendation(Answer):
    """The provider that is recommended, None where nothing is decided, and why."""

    provider: str | None = None
    sentence: str


class EvaluationLinks(Answer):
    """Paths of an evaluation's results; ``evaluation_result`` has them by the end of the path."""

    results_csv: str
    gallery: str
    report: str
    report_markdown: str
    summary: str
    manifest: str
    pictures: str


class EvaluationSummary(Answer):
    """An evaluation as lists show it; costs in dollars, times as ISO has them."""

    evaluation_id: str
    name: str
    status: Literal["running", "cancelling", "completed", "failed", "cancelled"]
    phase: str
    providers: list[str] = []
    scenarios: int = 0
    variations: int = 0
    max_cost_usd: float | None = None
    created_at: str | None = None
    updated_at: str | None = None
    recommendation: Recommendation | None = None
    error: Failure | None = None

    @property
    def settled(self) -> bool:
        """True once it has an outcome."""
        return self.status not in ("running", "cancelling")


class Evaluation(EvaluationSummary):
    """An evaluation and how far it is, ``progress`` in per cent; ``identities`` are ids by provider.

    ``ceiling_usd`` is the most that it may come to; ``failures`` say why a provider has no identity.
    """

    class_name: str | None = None
    progress: int = 0
    counts: EvaluationCounts
    cost_usd: float = 0
    estimate_usd: float | None = None
    ceiling_usd: float | None = None
    identities: dict[str, str] = {}
    failures: dict[str, Failure] = {}
    links: EvaluationLinks | None = None
