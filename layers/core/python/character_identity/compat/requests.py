"""The bodies that the TypeScript client sends, as it sends them; unknown fields are ignored."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from character_identity.domain.clean_text import Clean
from character_identity.domain.errors import InvalidRequest
from character_identity.domain.generation import SEEDS, AspectRatio, NegativePrompt, ProducedImage, Prompt
from character_identity.domain.identity import CLASS_NAME_PATTERN, DEFAULT_STEPS
from character_identity.domain.links import LONGEST_URL
from character_identity.images.data_uri import decoded
from character_identity.services.sources import MAX_BYTES

CLIENT_GUIDANCE, CLIENT_STEPS = 7.5, 30
"""What the client sends when nobody chose: defaults of other models, under which Flux overexposes."""
ASPECT_RATIOS: dict[str, AspectRatio] = {
    "1:1": "1:1",
    "16:9": "16:9",
    "9:16": "9:16",
    "4:3": "4:3",
    "3:4": "3:4",
    "square_hd": "1:1",
    "landscape_16_9": "16:9",
    "portrait_16_9": "9:16",
    "landscape_4_3": "4:3",
    "portrait_4_3": "3:4",
}
"""The client's words and fal's own names for the same sizes."""
CLASS_WORDS = frozenset({"man", "woman", "boy", "girl", "cat", "dog", "person", "style"})
"""Astria's classes (https://docs.astria.ai/docs/api/tune/create, read 2026-11-22), and "person"."""
TITLE_PREFIX = "Character: "

Seed = Annotated[int, Field(ge=0, le=SEEDS - 1)]


class CompatRequest(BaseModel):
    """A body as its provider reads it: ``"3"`` and ``true`` are numbers.

    fal's models are pydantic's, as its refusals show, which takes them unless it is told not to
    (https://fal.ai/docs/documentation/model-apis/errors, read 2026-11-22), and so does Rails at Astria, where
    forms are text.
    """

    model_config = ConfigDict(extra="ignore", defer_build=True)


class ImageRequest(CompatRequest):
    """What both fal picture proxies take."""

    prompt: Prompt
    negative_prompt: NegativePrompt | None = None
    image_size: str = "1:1"
    num_images: Annotated[int, Field(ge=1, le=4)] = 1
    guidance_scale: Annotated[float, Field(ge=0, le=100)] | None = None
    num_inference_steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    seed: Seed | None = None

    def request(self) -> dict[str, Any]:
        """The fields of our own request.

        Raises:
            InvalidRequest: an unknown size; nothing is guessed.
        """
        if self.image_size not in ASPECT_RATIOS:
            raise InvalidRequest(
                f"image_size must be one of {', '.join(ASPECT_RATIOS)}.", code="unknown_image_size"
            )
        chosen: dict[str, Any] = {
            "prompt": self.prompt,
            "negative_prompt": self.negative_prompt or None,
            "aspect_ratio": ASPECT_RATIOS[self.image_size],
            "num_images": self.num_images,
            "guidance_scale": None if self.guidance_scale == CLIENT_GUIDANCE else self.guidance_scale,
            "num_inference_steps": None
            if self.num_inference_steps == CLIENT_STEPS
            else self.num_inference_steps,
            "seed": self.seed,
        }
        return {name: value for name, value in chosen.items() if value is not None}


class InstantGeneration(ImageRequest):
    reference_images: Annotated[list[str], Field(min_length=1, max_length=20)]


class LoraGeneration(ImageRequest):
    lora_url: Annotated[str, Field(min_length=1, max_length=LONGEST_URL)]


class LoraTraining(CompatRequest):
    """``images_data_url`` is the pictures' links, or the link of one ZIP."""

    images_data_url: Annotated[list[str], Field(max_length=40)] | str
    trigger_word: Annotated[str, Field(max_length=80), Clean] | None = None
    steps: Annotated[int, Field(ge=1, le=10_000)] = DEFAULT_STEPS

    @property
    def name(self) -> str:
        """The character's plain name, of which the client made the trigger word."""
        return (self.trigger_word or "").replace("_", " ").strip() or "Character"


class Image(CompatRequest):
    url: str


class Tune(CompatRequest):
    title: Annotated[str, Field(max_length=200), Clean] = ""
    name: Annotated[str, Field(max_length=80), Clean] = ""
    class_name: str | None = Field(default=None, alias="class", pattern=CLASS_NAME_PATTERN)
    branch: str | None = None
    images: Annotated[list[Image | str], Field(max_length=40)] = []
    image_urls: Annotated[list[str], Field(max_length=40)] = []

    @property
    def character(self) -> str:
        """The character's plain name."""
        titled = self.title.removeprefix(TITLE_PREFIX) if self.title.startswith(TITLE_PREFIX) else ""
        return (titled or self.name.replace("_", " ")).strip()[:80] or "Character"

    @property
    def class_word(self) -> str:
        """Return what the character is; the client sends its name here, which says nothing."""
        return self.class_name or (self.name if self.name in CLASS_WORDS else "person")

    @property
    def links(self) -> list[str]:
        """The pictures' links, in whichever field they came."""
        return [*self.image_urls, *(p.url if isinstance(p, Image) else p for p in self.images)]


class CreateTune(CompatRequest):
    tune: Tune


class TunePrompt(CompatRequest):
    text: Prompt
    negative_prompt: NegativePrompt | None = None
    num_images: Annotated[int, Field(ge=1, le=8)] = 4
    seed: Seed | None = None
    aspect_ratio: AspectRatio = "1:1"

    def request(self) -> dict[str, Any]:
        """The fields of our own request."""
        chosen = {
            "prompt": self.text,
            "negative_prompt": self.negative_prompt or None,
            "num_images": self.num_images,
            "seed": self.seed,
            "aspect_ratio": self.aspect_ratio,
        }
        return {name: value for name, value in chosen.items() if value is not None}


class CreatePrompt(CompatRequest):
    prompt: TunePrompt


def image_source(link: str) -> str | bytes:
    """A link as a source of a reference image; a data URI is the picture itself.

    Raises:
        InvalidRequest: it is neither, or a data URI that cannot be decoded.
    """
    link = link.strip()
    if ProducedImage.is_inline(link):
        return decoded(link, MAX_BYTES)
    if is_link(link):
        return link
    raise InvalidRequest("A reference image is a link or a data URI.", code="unknown_reference")


def is_link(text: str) -> bool:
    """Return True if a text begins as a link does, in capitals or not."""
    return text[:8].lower().startswith(("https://", "http://"))
