"""What an evaluation made: one row for every image that was asked for, and the identities behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, PlainSerializer

from character_evaluation.scenarios import Scenario
from character_evaluation.votes import Vote
from character_identity.domain.generation import Outcome
from character_identity.domain.prices import Price
from character_identity.domain.score import CLIP_ENCODER

RowOutcome = Literal[Outcome, "cancelled", "erased"]
"""``cancelled``: the evaluation ended before it was ordered, or while it was drawn. ``erased``: its owner has
taken it away since, whatever it was. Either is nobody's failure."""
RunStatus = Literal["completed", "failed", "cancelled"]
Version = tuple[str, str | None, str | None]
"""An encoder's name, the hash of its weights, the version of its preprocessing: only equal ones compare."""
Text = Annotated[str, Field(min_length=1)]
Similarity = Annotated[float, Field(ge=-1.001, le=1.001, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
"""Of dollars or milliseconds: no run comes near the most, and what is added up stays a number."""


LATEST = datetime(9999, 12, 31, tzinfo=UTC)
"""Of times: what is later, in whatever zone, may have none in UTC."""


@dataclass(frozen=True, kw_only=True)
class EvaluationRow:
    """One picture that was asked for, and what became of it.

    ``image`` is a path or link. What is unknown is None: a missing score or price is not a zero.
    ``near_copy`` is the key of the reference that the picture is again, nearly. What begins with ``face_`` is
    of the face alone; ``face_not_scored`` is the code of why it was not compared. ``first_similarity`` is to
    the first reference, as the specification has it, ``own_similarity_mean`` to those that the provider took.
    ``run_similarity_mean`` is to the other pictures of its provider that are compared.
    ``nearest_reference`` is the number, from 1, of the most similar one. ``latency_ms`` is the provider's
    own, ``total_ms`` what passed from our order on. What begins with ``training_``, and ``reference_count``,
    is of the provider's identity, the same in all its rows. A provider's first row that was asked for is of
    its first call. One that was cancelled and has a ``generation_id`` was stopped while it was drawn.
    """

    provider: Text
    scenario: Text
    variation: Annotated[int, Field(ge=1)]
    prompt: Text
    outcome: RowOutcome
    identity_id: str | None = None
    generation_id: str | None = None
    seed: int | None = None
    image: str | None = None
    error: str | None = None
    encoder: str | None = None
    weights_sha256: str | None = None
    preprocessing: str | None = None
    similarity_mean: Similarity | None = None
    similarity_best: Similarity | None = None
    clip_similarity: Similarity | None = None
    calibrated: Annotated[float, Field(allow_inf_nan=False)] | None = None
    near_copy: str | None = None
    face_encoder: str | None = None
    face_weights_sha256: str | None = None
    face_preprocessing: str | None = None
    face_similarity_mean: Similarity | None = None
    face_similarity_best: Similarity | None = None
    face_calibrated: Annotated[float, Field(allow_inf_nan=False)] | None = None
    face_not_scored: str | None = None
    first_similarity: Similarity | None = None
    own_similarity_mean: Similarity | None = None
    latency_ms: Amount | None = None
    cost_usd: Amount | None = None
    total_ms: Amount | None = None
    nearest_reference: Annotated[int, Field(ge=1)] | None = None
    run_similarity_mean: Similarity | None = None
    reference_count: Annotated[int, Field(ge=0)] | None = None
    training_time_ms: Amount | None = None
    training_cost_usd: Amount | None = None

    @property
    def was_asked_for(self) -> bool:
        """Return True if it is in denominators: its provider could have drawn it, and it is there to see."""
        return self.outcome not in ("cancelled", "erased")

    @property
    def version(self) -> Version | None:
        """Return what measured it as a whole picture."""
        return (self.encoder, self.weights_sha256, self.preprocessing) if self.encoder else None

    @property
    def face_version(self) -> Version | None:
        """Return what measured its face, or found none."""
        whole = (self.face_weights_sha256, self.face_preprocessing)
        return (self.face_encoder, *whole) if self.face_encoder else None

    @property
    def was_stopped(self) -> bool:
        """Return True if it was cancelled while it was drawn, so that it may have been billed."""
        return self.outcome == "cancelled" and self.generation_id is not None

    @property
    def is_in_price(self) -> bool:
        """Return True if it is in the price of pictures; what failed is if a charge for it was reported."""
        return self.was_asked_for and (self.outcome != "failed" or self.cost_usd is not None)


@dataclass(frozen=True, kw_only=True)
class EvaluatedIdentity:
    """One provider's identity of the character: what it took to make it, or why there is none."""

    provider: str
    identity_id: str | None = None
    error: str | None = None
    reference_count: int | None = None
    training_time_ms: float | None = None
    training_cost_usd: float | None = None


@dataclass(frozen=True, kw_only=True)
class EvaluationRun:
    """One character, made and pictured by several providers, with everything needed to judge them.

    ``shared_references`` is the number of references that all pictures were scored against; None where each
    was scored against those that its provider took. ``variations`` is how many pictures of a scenario are
    compared; of a provider that drew more at once the rest is shown and counted in its costs.
    ``votes`` are of people who did not see whose pictures they judged.
    ``references`` are paths or links of the reference images; ``simulated`` names the providers whose
    part was played by a simulator, so that nobody takes their pictures for real ones. One that ended before
    it was completed has its ``status``, and in ``error`` why.
    ``models`` says what draws each provider's pictures, ``prices`` what it was estimated by; ``seed`` moves
    the seeds of all pictures.
    """

    character: str
    started_at: Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 2, tzinfo=UTC), lt=LATEST)]
    references: Sequence[str]
    scenarios: Sequence[Scenario]
    identities: Sequence[EvaluatedIdentity]
    rows: Sequence[EvaluationRow]
    votes: Sequence[Vote] = ()
    shared_references: int | None = None
    variations: Annotated[int, Field(ge=1)] | None = None
    simulated: Annotated[frozenset[str], PlainSerializer(sorted)] = frozenset()
    status: RunStatus = "completed"
    error: str | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    prices: Mapping[str, Mapping[str, Price]] = field(default_factory=dict)
    seed: int | None = None

    @property
    def is_partial(self) -> bool:
        """Return True if it ended before all was drawn that was planned."""
        return self.status != "completed"

    @property
    def compared(self) -> list[EvaluationRow]:
        """The rows that providers are compared by: as many variations of each."""
        return [row for row in self.rows if self.variations is None or row.variation <= self.variations]

    @property
    def encoders(self) -> list[str]:
        """The encoders that scored something, by name."""
        return sorted({row.encoder for row in self.rows if row.encoder})

    @property
    def face_encoders(self) -> list[str]:
        """The encoders that looked for faces, by name."""
        return sorted({row.face_encoder for row in self.rows if row.face_encoder})

    @property
    def scored_with_clip(self) -> bool:
        """True if every score is of the encoder that the expected similarities are stated for."""
        return self.encoders == [CLIP_ENCODER]
