"""Generation: one request for pictures of an identity, and the pictures."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from character_identity.domain.clean_text import Clean
from character_identity.domain.failure import Failure
from character_identity.domain.identity import ProviderName
from character_identity.domain.page import Position
from character_identity.domain.record import Record

GenerationStatus = Literal["queued", "running", "succeeded", "failed"]
Outcome = Literal["succeeded", "filtered", "failed", "parked"]
"""``parked``: it lies at the provider, on a host that the operator has yet to allow."""
AspectRatio = Literal["1:1", "16:9", "9:16", "4:3", "3:4"]

LONGEST_PROMPT = 4_000
"""Characters."""
Prompt = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_PROMPT), Clean
]
NegativePrompt = Annotated[str, Field(max_length=LONGEST_PROMPT), Clean]
SEEDS = 2**32
"""Every provider takes seeds below it (https://docs.astria.ai/docs/api/prompt/create, read 2026-11-22)."""

DIMENSIONS: dict[AspectRatio, tuple[int, int]] = {
    "1:1": (1024, 1024),
    "16:9": (1024, 576),
    "9:16": (576, 1024),
    "4:3": (1024, 768),
    "3:4": (768, 1024),
}
"""Pixels (width, height) of fal's sizes; https://fal.ai/models/fal-ai/instant-character, read 2026-11-22."""

CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
"""Of the pictures that are taken, by the suffix under which they are stored."""
MAX_IMAGE_BYTES = 50 * 1024 * 1024
"""A larger picture is not stored; whatever is stored can be scored."""
MAX_STORED_BYTES = MAX_IMAGE_BYTES + 1024 * 1024
"""With what is written into the file of where it comes from: a few KB, and the signer's certificates."""


class GenerationRequest(Record):
    """The images to make. ``width`` and ``height``, in pixels, come together and beat ``aspect_ratio``."""

    prompt: str
    negative_prompt: str | None = None
    aspect_ratio: AspectRatio = "1:1"
    width: int | None = None
    height: int | None = None
    guidance_scale: float | None = None
    num_inference_steps: int | None = None
    seed: int
    num_images: int = 1

    @property
    def pixels(self) -> int:
        """Pixels of one picture."""
        width, height = DIMENSIONS[self.aspect_ratio]
        return (self.width or width) * (self.height or height)


class GeneratedImage(Record):
    """One picture of a generation, numbered from 1; ``key`` is its place in our bucket if it succeeded.

    ``simulated``: a stand-in of the provider made it.
    """

    index: int
    outcome: Outcome
    key: str | None = None
    sha256: str | None = None
    seed: int | None = None
    width: int | None = None
    height: int | None = None
    reason: str | None = None
    simulated: bool = False

    @property
    def content_type(self) -> str | None:
        """Return what the picture was found to be when it was stored."""
        return CONTENT_TYPES[self.key.rpartition(".")[2]] if self.key else None


class ProducedImage(Record):
    """A picture at the provider, not yet ours; ``filtered`` when its safety checker blanked it.

    One without a ``url`` has failed, for ``reason``: it keeps its place, so that the others keep theirs. A
    ``url`` may be a data URI until the picture is ours, but never in a row.
    """

    url: str | None = None
    seed: int | None = None
    filtered: bool = False
    reason: str | None = None

    @staticmethod
    def is_inline(url: str) -> bool:
        """Tell a data URI; schemes are compared without case (RFC 3986, section 3.1)."""
        return url[:5].lower() == "data:"


class Generation(Record):
    """A request, what became of it and what it cost; times are aware UTC.

    ``took_ms`` is how long the provider says that it worked, ``cost_is_implausible`` that what it says it
    bills is far from the estimate.
    ``reference_url`` is where the provider reads what it draws from, if it has to be put there.
    ``simulated``: its provider is a stand-in. ``character_name``
    is what the character was called when this was ordered: the prompt was written with it.
    """

    generation_id: str
    identity_id: str
    owner: str
    provider: ProviderName
    character_name: str | None = None
    request: GenerationRequest
    status: GenerationStatus
    created_at: datetime
    simulated: bool = False
    settled_at: datetime | None = None
    reference_url: str | None = None
    prompt_used: str | None = None
    warnings: list[str] = Field(default=[])
    produced: list[ProducedImage] = Field(default=[])
    images: list[GeneratedImage] = Field(default=[])
    took_ms: int | None = None
    cost_usd: float | None = None
    cost_is_implausible: bool = False
    error: Failure | None = None

    @property
    def position(self) -> Position:
        """Its place in the list of its identity's."""
        return Position(self.created_at, self.generation_id)

    @property
    def shown(self) -> GeneratedImage | None:
        """The image that stands for all of them: the first that succeeded."""
        return next((image for image in self.images if image.outcome == "succeeded"), None)
