"""A character as the front end's types describe it: identity, order, picture. camelCase in JSON."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

ProviderName = Literal["fal-instant", "fal-lora", "astria"]
AspectRatio = Literal["1:1", "16:9", "9:16", "4:3", "3:4"]


class Interface(BaseModel):
    """One of the front end's interfaces.

    ``model_dump_json(by_alias=True, exclude_none=True)`` is the JSON that the front end reads and writes.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class CharacterIdentityConfig(Interface):
    """Settings for a provider."""

    api_key: str = Field(repr=False)
    provider: ProviderName
    model_id: str | None = None
    custom_params: dict[str, Any] | None = None


class CharacterIdentityMetadata(Interface):
    """Facts about the making of an identity. Milliseconds, bytes, dollars."""

    training_time: float | None = None
    model_size: float | None = None
    cost: float | None = None
    clip_similarity: float | None = None
    created_at: AwareDatetime


class CharacterIdentityResult(Interface):
    """A character bound to one provider; ``model_*`` are links to a LoRA's weights."""

    character_id: str
    provider: ProviderName
    model_url: str | None = None
    model_storage_url: str | None = None
    reference_urls: list[str]
    status: Literal["training", "ready", "failed"]
    metadata: CharacterIdentityMetadata


class CharacterGenerationParams(Interface):
    """The picture that is wanted."""

    character_id: str
    prompt: str
    negative_prompt: str | None = None
    width: int | None = None
    height: int | None = None
    aspect_ratio: AspectRatio | None = None
    guidance_scale: float | None = None
    num_inference_steps: int | None = None
    seed: int | None = None


class CharacterGenerationMetadata(Interface):
    """Facts about the making of an image. ``inference_time`` is in milliseconds, ``cost`` in dollars."""

    prompt_used: str
    provider: str
    inference_time: float
    cost: float
    generated_at: AwareDatetime


class CharacterGenerationResult(Interface):
    """A picture of the character."""

    image_url: str
    aspect_ratio: str
    clip_similarity: float | None = None
    metadata: CharacterGenerationMetadata


class AnalyzedCharacter(Interface):
    """A character of a script, perhaps with an identity. What else the front end keeps in it stays in it."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    description: str
    image_url: str | None = None
    generations: list[dict[str, Any]] | None = None
    refined_generation_urls: list[str] | None = None
    upscaled_image_url: str | None = None
    character_identity: CharacterIdentityResult | None = None


class ProjectContext(Interface):
    """For whom a front end works."""

    project_id: str | None = None
    user_id: str | None = None
