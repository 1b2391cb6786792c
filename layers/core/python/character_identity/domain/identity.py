"""Identity: a named character bound to one provider."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from character_identity.domain.character_name import trigger_word
from character_identity.domain.failure import Failure
from character_identity.domain.finding import Finding
from character_identity.domain.page import Position
from character_identity.domain.record import Record

IdentityStatus = Literal["training", "ready", "failed"]
Phase = Literal["preparing", "submitting", "queued", "training", "storing", "parked", "ready", "failed"]
"""``parked``: the weights lie at the provider, on a host that the operator has yet to allow."""
ProviderName = Literal["fal-instant", "fal-lora", "astria"]

CLASS_NAME_PATTERN = r"^[A-Za-z0-9 ]{1,40}$"
"""Of what a character is: a word that trainings build on."""
PROGRESS: dict[Phase, int] = {
    "preparing": 0,
    "submitting": 10,
    "queued": 15,
    "training": 20,
    "storing": 90,
    "parked": 90,
    "ready": 100,
}
"""Per cent at which a phase begins; inside ``training`` the provider's own step count moves it on to 90."""


DEFAULT_STEPS = 1000
"""fal's example, and its unit of price; https://fal.ai/models/fal-ai/flux-lora-fast-training, 2026-11-22."""


MODEL_KEPT_FOR = timedelta(days=30)
"""So long after its training Astria, which keeps what it trained, deletes it, unless the account has that put
off; https://docs.astria.ai/docs/use-cases/faq, read 2026-11-22."""

MOST_IDENTITIES = 5_000
"""Of one owner, each with its pictures: one of fal-instant costs nothing, so no budget bounds them."""


class Weights(Record):
    """The file that a training yielded: our copy, and where the provider keeps its own."""

    key: str
    size_bytes: int
    sha256: str
    provider_url: str


class Identity(Record):
    """A character as one provider knows it. ``references`` are S3 keys; times are aware UTC.

    ``reference_sha256s`` are those of the stored references, in their order; of identities that were made
    before 0.2.0 there are none.

    A ``mock`` was trained by a provider's free mock and never shows the character. ``main_reference`` is the
    one that conditions pictures where a provider takes only one. ``findings`` are warnings about references.
    ``took_ms`` is how long the provider says that it trained. ``simulated``: its provider is a stand-in.
    ``first_name`` is the one that it was ordered by, where it was renamed since.
    """

    identity_id: str
    owner: str
    name: str
    first_name: str | None = None
    provider: ProviderName
    class_name: str
    references: list[str]
    reference_sha256s: list[str] = Field(default=[])
    findings: list[Finding] = Field(default=[])
    main_reference: str | None = None
    status: IdentityStatus
    phase: Phase
    progress: int = 0
    created_at: datetime
    settled_at: datetime | None = None
    mock: bool = False
    simulated: bool = False
    training_steps: int = DEFAULT_STEPS
    archive_url: str | None = None
    weights_url: str | None = None
    weights: Weights | None = None
    provider_model_id: str | None = None
    took_ms: int | None = None
    cost_usd: float | None = None
    cost_is_implausible: bool = False
    error: Failure | None = None

    @property
    def position(self) -> Position:
        """Its place in the list of its owner's."""
        return Position(self.created_at, self.identity_id)

    @property
    def references_main_first(self) -> list[str]:
        """All references, the main one in front."""
        return sorted(self.references, key=lambda key: key != self.main_reference)

    @property
    def trigger_word(self) -> str:
        """The token that calls the trained character, the same in captions and prompts by any name."""
        return trigger_word(self.ordered_as, self.identity_id)

    @property
    def model_expires_at(self) -> datetime | None:
        """The time when its provider deletes what it trained; None where it does not, or not yet."""
        if self.provider != "astria" or self.status != "ready" or self.settled_at is None:
            return None
        return self.settled_at + MODEL_KEPT_FOR

    @property
    def ordered_as(self) -> str:
        """The name under which it was ordered, and is known at its provider."""
        return self.first_name or self.name

    def renamed(self, name: str) -> "Identity":
        """The same character by another name."""
        return self.replace(name=name, first_name=self.ordered_as)


def training_progress(fraction: float) -> int:
    """Per cent for a training that has done ``fraction`` (0 to 1) of its steps."""
    start, end = PROGRESS["training"], PROGRESS["storing"]
    return start + int((end - start) * min(max(fraction, 0.0), 1.0))
