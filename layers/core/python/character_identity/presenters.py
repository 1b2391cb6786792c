"""Domain objects as the API shows them."""

from datetime import timedelta

from character_identity.domain.generation import GeneratedImage, Generation
from character_identity.domain.identity import Identity
from character_identity.domain.score import Score
from character_identity.ports import Bucket, Provider
from character_identity.schemas import (
    GenerationMetadata,
    GenerationResponse,
    IdentityMetadata,
    IdentityResponse,
    ImageResponse,
    PriceResponse,
    ProviderResponse,
    ReferenceSimilarity,
    ScoreResponse,
)


def present_identity(identity: Identity, bucket: Bucket) -> IdentityResponse:
    """An identity with links to its references and, where it has them, to its weights."""
    weights = identity.weights
    took = identity.settled_at - identity.created_at if identity.settled_at else None
    return IdentityResponse(
        character_id=identity.identity_id,
        name=identity.name,
        provider=identity.provider,
        class_name=identity.class_name,
        status=identity.status,
        phase=identity.phase,
        progress=identity.progress,
        reference_urls=[bucket.link(key) for key in identity.references],
        main_reference_url=bucket.link(identity.main_reference) if identity.main_reference else None,
        mock=identity.mock,
        model_url=weights.provider_url if weights else None,
        model_storage_url=bucket.link(weights.key) if weights else None,
        metadata=IdentityMetadata(
            training_time=_ms(took) if took is not None and identity.status == "ready" else None,
            model_size=weights.size_bytes if weights else None,
            cost=identity.cost_usd,
            created_at=identity.created_at,
        ),
        error=identity.error,
    )


def present_generation(
    generation: Generation, scores: dict[int, list[Score]], bucket: Bucket
) -> GenerationResponse:
    """A generation with links to its pictures and the scores that are there by now."""
    images = [_present_image(image, scores.get(image.index, []), bucket) for image in generation.images]
    shown = next((image for image in images if image.outcome == "succeeded"), None)
    succeeded = generation.status == "succeeded" and shown is not None
    settled_at = generation.settled_at
    return GenerationResponse(
        generation_id=generation.generation_id,
        character_id=generation.identity_id,
        status=generation.status,
        images=images,
        warnings=generation.warnings,
        metadata=GenerationMetadata(
            prompt_used=generation.prompt_used,
            provider=generation.provider,
            inference_time=_ms(settled_at - generation.created_at) if settled_at else None,
            cost=generation.cost_usd,
            generated_at=settled_at,
        ),
        image_url=shown.image_url if succeeded and shown else None,
        aspect_ratio=generation.request.aspect_ratio if succeeded else None,
        clip_similarity=shown.clip_similarity if succeeded and shown else None,
        error=generation.error,
    )


def present_provider(provider: Provider) -> ProviderResponse:
    """A provider's limits and prices."""
    return ProviderResponse(
        name=provider.name,
        trains=provider.trains,
        min_references=provider.references.minimum,
        max_references=provider.references.maximum,
        max_images=provider.max_images,
        prices={what: PriceResponse(**vars(price)) for what, price in provider.prices.items()},
    )


def _present_image(image: GeneratedImage, scores: list[Score], bucket: Bucket) -> ImageResponse:
    return ImageResponse(
        image_url=bucket.link(image.key) if image.key else None,
        seed=image.seed,
        width=image.width,
        height=image.height,
        outcome=image.outcome,
        reason=image.reason,
        clip_similarity=next((score.mean for score in scores if score.is_clip), None),
        scores=[
            ScoreResponse(
                encoder=score.encoder,
                weights_sha256=score.weights_sha256,
                preprocessing=score.preprocessing,
                mean=score.mean,
                best=score.best,
                per_reference=[
                    ReferenceSimilarity(reference=reference, similarity=similarity)
                    for reference, similarity in score.per_reference
                ],
            )
            for score in scores
        ],
    )


def _ms(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
