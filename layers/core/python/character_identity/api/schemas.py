"""Request and answer bodies of the API, in the camelCase of the TypeScript client's types."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from character_identity.domain.clean_text import Clean
from character_identity.domain.failure import Failure
from character_identity.domain.finding import Finding
from character_identity.domain.generation import (
    SEEDS,
    AspectRatio,
    GenerationStatus,
    NegativePrompt,
    Outcome,
    Prompt,
)
from character_identity.domain.identity import CLASS_NAME_PATTERN, IdentityStatus, Phase, ProviderName
from character_identity.domain.ids import ID_PATTERN
from character_identity.domain.links import LONGEST_URL
from character_identity.domain.numbers import Number, Whole
from character_identity.domain.scored_generation import Scoring

Name = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"\w", max_length=80), Clean]
ClassName = Annotated[str, StringConstraints(strip_whitespace=True, pattern=CLASS_NAME_PATTERN)]
Provider = Annotated[str, Field(max_length=40, json_schema_extra={"enum": [*get_args(ProviderName)]})]
"""Another one is refused by name, with a code of its own; so its type allows any."""
Side = Annotated[Whole, Field(ge=256, le=2048, multiple_of=8)]


SPELT = {"json": "JSON", "url": "URL"}
"""Words of codes that are none of the dictionary's."""


class Body(BaseModel):
    """A JSON body: camelCase outside, snake_case inside."""

    # A function uses few of the bodies that its group of routes has: each is built when it is used first.
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", defer_build=True
    )


NextCursor = Annotated[str | None, Field(exclude_if=lambda cursor: cursor is None)]


class UploadFile(Body):
    name: str = Field(max_length=255)
    content_type: str = Field(max_length=100)
    size_bytes: Whole


class CreateReferencesRequest(Body):
    files: list[UploadFile] = Field(min_length=1, max_length=20)


class Upload(Body):
    key: str
    url: str
    fields: dict[str, str]


class CreateReferencesResponse(Body):
    uploads: list[Upload]


class CheckReferencesRequest(Body):
    provider: Provider | None = None
    references: list[str] = Field(min_length=1, max_length=100)


class CheckReferencesResponse(Body):
    """``usable``: nothing found is an error."""

    usable: bool
    findings: list[Finding]


class CreateIdentityRequest(Body):
    name: Name
    provider: Provider
    references: list[str] = Field(max_length=100)
    class_name: ClassName = "person"
    main_reference: str | None = None


class RenameIdentityRequest(Body):
    name: Name


class EstimateIdentityRequest(CreateIdentityRequest):
    """The same body; what a training costs does not depend on the references."""

    references: list[str] = Field(default=[], max_length=100)


class IdentityMetadata(Body):
    """Times in milliseconds, ``model_size`` in bytes, ``cost`` in dollars; None is unknown.

    ``training_time`` is what the provider says that it worked, ``total_time`` what passed from the order on.
    """

    training_time: int | None = None
    total_time: int | None = None
    model_size: int | None = None
    cost: float | None = None
    cost_implausible: bool = False
    clip_similarity: float | None = None
    created_at: datetime


class PlaceInLine(Body):
    """``position`` among the jobs that wait for a slot at the provider, 1 is next; nothing is ordered yet."""

    position: int
    reason: str


class IdentityHead(Body):
    """What an identity says of itself wherever it stands."""

    character_id: str
    name: str
    provider: ProviderName
    class_name: str
    status: IdentityStatus
    phase: Phase
    progress: int
    mock: bool = False
    simulated: bool = False
    model_expires_at: datetime | None = None
    metadata: IdentityMetadata
    error: Failure | None = None


class IdentityResponse(IdentityHead):
    """The specification's CharacterIdentityResult, extended."""

    queued: PlaceInLine | None = None
    reference_urls: list[str]
    findings: list[Finding] = []
    main_reference_url: str | None = None
    model_url: str | None = None
    model_storage_url: str | None = None


class IdentitySummary(IdentityHead):
    """An identity as lists show it. ``thumbnail_url`` is a link to its main or first reference."""

    thumbnail_url: str | None


class RemovedResponse(Body):
    """How many were deleted; ``provider_objects`` are trainings and generations at the provider."""

    references: int
    weights: int
    images: int
    generations: int
    scores: int
    embeddings: int
    provider_objects: int


class RetainedDataResponse(Body):
    """What stays after an erasure; ``until`` is when it goes by itself, where that is known."""

    where: str
    what: str
    why: str
    until: datetime | None = None


class ErasureReceiptResponse(Body):
    """What is left of an erased identity, or of a generation; ``complete``: nothing more is to be done."""

    character_id: str
    generation_id: str | None = None
    erased_at: datetime
    complete: bool
    removed: RemovedResponse
    remaining: list[RetainedDataResponse]


class ListIdentitiesResponse(Body):
    identities: list[IdentitySummary]
    next_cursor: NextCursor = None


class CreateGenerationRequest(Body):
    """The specification's CharacterGenerationParams without ``characterId``, and ``numImages``."""

    prompt: Prompt
    negative_prompt: NegativePrompt | None = None
    width: Side | None = None
    height: Side | None = None
    aspect_ratio: AspectRatio = "1:1"
    guidance_scale: Annotated[Number, Field(ge=0, le=35)] | None = None
    num_inference_steps: Annotated[Whole, Field(ge=1, le=100)] | None = None
    seed: Annotated[Whole, Field(ge=0, le=SEEDS - 1)] | None = None
    num_images: Annotated[Whole, Field(ge=1, le=8)] = 1

    @model_validator(mode="after")
    def _sides_come_together(self) -> Self:
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height come together")
        return self


class ReferenceSimilarity(Body):
    reference: str
    similarity: float


class NearCopyResponse(Body):
    """The reference that a picture is again, nearly: bits of 128 that differ, and structure to 1."""

    reference: str
    differing_bits: int
    structure: float
    mirrored: bool
    measure: str


class NotScoredResponse(Body):
    """Why a picture has no score: a stable code and a sentence; no ``encoder`` where none has looked."""

    encoder: str | None
    code: str
    reason: str


class BoxResponse(Body):
    """Where something is, as fractions of the width and height of the upright picture."""

    left: float
    top: float
    width: float
    height: float


class FaceIdentityResponse(Body):
    """How like the faces of the references the picture's face is, by the face encoder that is named.

    The numbers are as those of a score, with decoys that are strangers' faces, over the references that show
    a face. Of several faces it is the most like one, at ``box``. ``not_scored`` is there instead of numbers:
    ``no_face``, ``profile``, ``too_small``, ``not_a_person``, ``no_reference_face``.
    """

    encoder: str
    weights_sha256: str
    preprocessing: str
    mean: float | None = None
    best: float | None = None
    centroid: float | None = None
    floor: float | None = None
    ceiling: float | None = None
    calibrated: float | None = None
    per_reference: list[ReferenceSimilarity] = []
    box: BoxResponse | None = None
    other_faces: int = 0
    not_scored: NotScoredResponse | None = None


class ScoreResponse(Body):
    """Cosines in [-1, 1] by one encoder, which is named with the hash of its weights.

    ``centroid`` is the one with the middle of the references. ``calibrated`` is (mean - floor) / (ceiling -
    floor): ``floor`` is how like decoys the references are, ``ceiling`` how like each other. All three are
    null where the encoder has no decoys, or with fewer than three references. ``near_copy`` is an alarm: a
    picture that is a reference again is as like as can be, and says nothing of the character.
    ``face_identity`` is of the face alone, null where there was no face encoder.
    """

    encoder: str
    weights_sha256: str
    preprocessing: str
    mean: float
    best: float
    centroid: float | None = None
    floor: float | None = None
    ceiling: float | None = None
    calibrated: float | None = None
    near_copy: NearCopyResponse | None = None
    per_reference: list[ReferenceSimilarity]
    face_identity: FaceIdentityResponse | None = None


class ImageResponse(Body):
    """``ai_generated`` is always true: a model made the picture, and its file says so too."""

    ai_generated: bool = True
    simulated: bool = False
    image_url: str | None
    seed: int | None
    width: int | None
    height: int | None
    outcome: Outcome
    reason: str | None = None
    clip_similarity: float | None
    scores: list[ScoreResponse]
    not_scored: NotScoredResponse | None = None


class StoredImageSource(Body):
    """A picture of a generation, by its number from 1."""

    generation_id: str = Field(pattern=f"^{ID_PATTERN}$")
    image_number: Whole = Field(ge=1, le=99)


Picture = Annotated[str, Field(min_length=1, max_length=LONGEST_URL)] | StoredImageSource
"""The key of an upload, an https link, or a picture that was generated."""


class CompareImagesRequest(Body):
    """Pictures, and what to score them against: an identity of yours, or references.

    ``class_name`` says what given references show, for whether a face is expected of them.
    """

    images: list[Picture] = Field(min_length=1, max_length=100)
    character_id: str | None = Field(default=None, pattern=f"^{ID_PATTERN}$")
    references: list[Picture] | None = Field(default=None, min_length=1, max_length=100)
    class_name: ClassName = "person"

    @model_validator(mode="after")
    def _either_is_there(self) -> Self:
        if (self.character_id is None) == (self.references is None):
            raise ValueError("give a characterId or references, and not both")
        return self


class ComparedImageResponse(Body):
    """A picture's scores, or why it has none, as those of a generation's picture."""

    clip_similarity: float | None
    scores: list[ScoreResponse]
    not_scored: NotScoredResponse | None = None


class CompareImagesResponse(Body):
    """The pictures in the order of the request.

    ``encoder`` has scored them; ``stand_in`` is true where that is not CLIP, and then ``clip_similarity`` is
    null. ``reference`` in a score is a reference's key, or its number in the request (``01``).
    """

    encoder: str
    weights_sha256: str
    preprocessing: str
    stand_in: bool
    images: list[ComparedImageResponse]


class GenerationMetadata(Body):
    """Times in milliseconds, ``cost`` in dollars; None is unknown.

    ``inference_time`` is what the provider says that it worked, ``total_time`` what passed from the order on.
    ``cost_implausible``: the provider bills far from the estimate, and the operator was told.
    """

    prompt_used: str | None
    provider: ProviderName
    inference_time: int | None = None
    total_time: int | None = None
    cost: float | None = None
    cost_implausible: bool = False
    generated_at: datetime | None = None


class GenerationHead(Body):
    """What a generation says of itself wherever it stands; similarity is that of its first picture.

    ``prompt``, ``width`` and ``height`` are as ordered; so is ``aspect_ratio``, until there is a picture.
    """

    generation_id: str
    character_id: str
    status: GenerationStatus
    simulated: bool = False
    created_at: datetime
    prompt: str
    width: int | None
    height: int | None
    aspect_ratio: str
    metadata: GenerationMetadata
    clip_similarity: float | None = None
    error: Failure | None = None


class GenerationResponse(GenerationHead):
    """The specification's CharacterGenerationResult once succeeded, extended.

    ``scoring`` is pending until each picture that succeeded has a score, or a reason why it has none; then it
    is complete, or not scored if no picture has a score.
    """

    queued: PlaceInLine | None = None
    scoring: Scoring
    images: list[ImageResponse]
    warnings: list[str]
    image_url: str | None = None


class GenerationSummary(GenerationHead):
    """A generation as lists show it. ``thumbnail_url`` is a link to its first picture that succeeded.

    ``scoring`` is the generation's own, as far as its state and what CLIP says of that picture tell.
    """

    scoring: Scoring | None
    thumbnail_url: str | None


class ListGenerationsResponse(Body):
    generations: list[GenerationSummary]
    next_cursor: NextCursor = None


class PriceResponse(Body):
    amount_usd: float
    unit: str
    source: str
    read_on: str


class BudgetResponse(Body):
    """What an owner may spend in a month of the calendar (UTC), and has; in dollars."""

    month: str
    limit_usd: float
    reserved_usd: float
    committed_usd: float
    remaining_usd: float


class UsageResponse(BudgetResponse):
    """``assumed_usd`` is the part of ``committed_usd`` whose price nobody has published or told."""

    assumed_usd: float
    jobs: int


class EstimateResponse(Body):
    """``reserved_usd`` is the most that the order may cost; an estimate that nobody can give is None."""

    estimate_usd: float | None
    reserved_usd: float
    prices: dict[str, PriceResponse]
    budget: BudgetResponse
    affordable: bool


class ProviderResponse(Body):
    """``available``: its key is there, so that orders can be made."""

    name: ProviderName
    available: bool
    simulated: bool = False
    trains: bool
    min_references: int
    max_references: int
    max_images: int
    prices: dict[str, PriceResponse]


class ListProvidersResponse(Body):
    providers: list[ProviderResponse]


class ShowStartResponse(Body):
    """Paths of what describes the API."""

    docs: str
    openapi: str
    health: str


class ShowHealthResponse(Body):
    status: Literal["ok"]


class ErrorResponse(Body):
    """Problem details of RFC 9457, and the code by which programs tell what is wrong."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    message: str
    details: Any = None

    @classmethod
    def of(cls, status: int, code: str, message: str, details: Any = None) -> Self:
        """With what the standard asks for, made of what is ours."""
        return cls(
            type=f"/docs#{code}",
            title=_title_of(code),
            status=status,
            detail=message,
            code=code,
            message=message,
            details=details,
        )


def _title_of(code: str) -> str:
    """What a code says, as people write it."""
    words = " ".join(SPELT.get(word, word) for word in code.split("_"))
    return words[:1].upper() + words[1:]


def to_json(body: Body) -> dict[str, Any]:
    """A body as JSON objects, in camelCase."""
    return body.model_dump(mode="json", by_alias=True)
