"""Domain objects as the API shows them."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from character_identity.api.schemas import (
    BoxResponse,
    BudgetResponse,
    ComparedImageResponse,
    CompareImagesResponse,
    ErasureReceiptResponse,
    EstimateResponse,
    FaceIdentityResponse,
    GenerationMetadata,
    GenerationResponse,
    GenerationSummary,
    IdentityMetadata,
    IdentityResponse,
    IdentitySummary,
    ImageResponse,
    NearCopyResponse,
    NotScoredResponse,
    PlaceInLine,
    PriceResponse,
    ProviderResponse,
    ReferenceSimilarity,
    RemovedResponse,
    RetainedDataResponse,
    ScoreResponse,
    UsageResponse,
)
from character_identity.domain.budget import Budget, Quote, usd
from character_identity.domain.erasure import ErasureReceipt
from character_identity.domain.generation import GeneratedImage, Generation
from character_identity.domain.identity import Identity
from character_identity.domain.job import account_of
from character_identity.domain.prices import Price
from character_identity.domain.score import CLIP_ENCODER, FaceIdentity, Likeness, NotScored, Score
from character_identity.domain.scored_generation import LATE_CODE, LATE_REASON, ScoredGeneration
from character_identity.domain.view import EncoderVersion
from character_identity.ports.providers import Provider
from character_identity.ports.stores import Bucket, SlotStore


def present_identity(
    identity: Identity, bucket: Bucket, queued: PlaceInLine | None = None
) -> IdentityResponse:
    """An identity with links to its references and, where it has them, to its weights."""
    weights = identity.weights
    return IdentityResponse(
        **_identity_head(identity),
        queued=queued,
        reference_urls=[bucket.link(key) for key in identity.references],
        findings=identity.findings,
        main_reference_url=bucket.link(identity.main_reference) if identity.main_reference else None,
        model_url=weights.provider_url if weights else None,
        model_storage_url=bucket.link(weights.key) if weights else None,
    )


def summarise_identity(identity: Identity, bucket: Bucket) -> IdentitySummary:
    """An identity in a list, with one link."""
    thumbnail = next(iter(identity.references_main_first), None)
    thumbnail_url = bucket.link(thumbnail) if thumbnail else None
    return IdentitySummary(**_identity_head(identity), thumbnail_url=thumbnail_url)


def present_generation(
    scored: ScoredGeneration, bucket: Bucket, queued: PlaceInLine | None = None
) -> GenerationResponse:
    """A generation with links to its pictures and the scores that are there by now."""
    generation = scored.generation
    images = [_present_image(scored, image, bucket) for image in generation.images]
    shown = next((image for image in images if image.outcome == "succeeded"), None)
    succeeded = generation.status == "succeeded" and shown is not None
    return GenerationResponse(
        **_generation_head(generation),
        queued=queued,
        scoring=scored.scoring,
        images=images,
        warnings=generation.warnings,
        image_url=shown.image_url if succeeded and shown else None,
        clip_similarity=shown.clip_similarity if succeeded and shown else None,
    )


def summarise_generation(scored: ScoredGeneration, bucket: Bucket) -> GenerationSummary:
    """A generation in a list, with one link and CLIP's score of the picture that it leads to."""
    generation = scored.generation
    shown = generation.shown if generation.status == "succeeded" else None
    score = next(iter(scored.scores_of(shown)), None) if shown else None
    return GenerationSummary(
        **_generation_head(generation),
        scoring=scored.scoring_of_some,
        thumbnail_url=bucket.link(shown.key) if shown and shown.key else None,
        clip_similarity=score.mean if score else None,
    )


def present_comparison(version: EncoderVersion, found: Sequence[Score | NotScored]) -> CompareImagesResponse:
    """Pictures that were compared by an encoder, in the order of the request."""
    return CompareImagesResponse(
        **version._asdict(),
        stand_in=version.encoder != CLIP_ENCODER,
        images=[_present_compared(each) for each in found],
    )


def present_place(job_id: str, provider: str, slots: SlotStore, now: datetime) -> PlaceInLine | None:
    """Return where a job stands in the line for a slot at its provider; None if it does not."""
    account = account_of(provider)
    position = slots.get(account).position_of(job_id, now)
    reason = f"As many jobs as our account at {account} may have at once are running."
    return None if position is None else PlaceInLine(position=position, reason=reason)


def present_receipt(receipt: ErasureReceipt) -> ErasureReceiptResponse:
    """Return what was erased, and what remains."""
    return ErasureReceiptResponse(
        character_id=receipt.identity_id,
        generation_id=receipt.generation_id,
        erased_at=receipt.erased_at,
        complete=receipt.complete,
        removed=RemovedResponse(**dict(receipt.removed)),
        remaining=[RetainedDataResponse(**dict(retained)) for retained in receipt.remaining],
    )


def present_provider(provider: Provider, *, available: bool) -> ProviderResponse:
    """A provider's limits and prices, and whether it can be ordered from."""
    training = provider.training
    return ProviderResponse(
        name=provider.name,
        available=available,
        simulated=provider.simulated,
        trains=training is not None,
        min_references=provider.references.minimum,
        max_references=provider.references.maximum,
        max_images=provider.images.max_images,
        prices=_present_prices({**(training.prices if training else {}), **provider.images.prices}),
    )


def present_estimate(quote: Quote) -> EstimateResponse:
    """Return what an order would cost, and whether its owner can afford it."""
    return EstimateResponse(
        estimate_usd=None if quote.estimate_microusd is None else usd(quote.estimate_microusd),
        reserved_usd=usd(quote.reserved_microusd),
        prices=_present_prices(quote.prices),
        budget=present_budget(quote.budget),
        affordable=quote.affordable,
    )


def present_budget(budget: Budget) -> BudgetResponse:
    """Return what an owner may spend in a month, and has."""
    return BudgetResponse(**_sums(budget))


def present_usage(budget: Budget) -> UsageResponse:
    """Return what an owner spent in a month."""
    return UsageResponse(**_sums(budget), assumed_usd=usd(budget.assumed_microusd), jobs=budget.jobs)


def _identity_head(identity: Identity) -> dict[str, Any]:
    return {
        "character_id": identity.identity_id,
        "name": identity.name,
        "provider": identity.provider,
        "class_name": identity.class_name,
        "status": identity.status,
        "phase": identity.phase,
        "progress": identity.progress,
        "mock": identity.mock,
        "simulated": identity.simulated,
        "model_expires_at": identity.model_expires_at,
        "metadata": _identity_metadata(identity),
        "error": identity.error,
    }


def _generation_head(generation: Generation) -> dict[str, Any]:
    return {
        "generation_id": generation.generation_id,
        "character_id": generation.identity_id,
        "status": generation.status,
        "simulated": generation.simulated,
        "created_at": generation.created_at,
        "prompt": generation.request.prompt,
        "width": generation.request.width,
        "height": generation.request.height,
        "aspect_ratio": _aspect_ratio(generation),
        "metadata": _generation_metadata(generation),
        "error": generation.error,
    }


def _identity_metadata(identity: Identity) -> IdentityMetadata:
    took = identity.settled_at - identity.created_at if identity.settled_at else None
    return IdentityMetadata(
        training_time=identity.took_ms,
        total_time=_ms(took) if took is not None and identity.status == "ready" else None,
        model_size=identity.weights.size_bytes if identity.weights else None,
        cost=identity.cost_usd,
        cost_implausible=identity.cost_is_implausible,
        created_at=identity.created_at,
    )


def _generation_metadata(generation: Generation) -> GenerationMetadata:
    settled_at = generation.settled_at
    return GenerationMetadata(
        prompt_used=generation.prompt_used,
        provider=generation.provider,
        inference_time=generation.took_ms,
        total_time=_ms(settled_at - generation.created_at) if settled_at else None,
        cost=generation.cost_usd,
        cost_implausible=generation.cost_is_implausible,
        generated_at=settled_at,
    )


def _present_prices(prices: Mapping[str, Price]) -> dict[str, PriceResponse]:
    return {what: PriceResponse(**vars(price)) for what, price in prices.items()}


def _sums(budget: Budget) -> dict[str, Any]:
    return {
        "month": budget.month,
        "limit_usd": usd(budget.limit_microusd),
        "reserved_usd": usd(budget.reserved_microusd),
        "committed_usd": usd(budget.committed_microusd),
        "remaining_usd": usd(budget.remaining_microusd),
    }


def _present_image(scored: ScoredGeneration, image: GeneratedImage, bucket: Bucket) -> ImageResponse:
    scores = scored.scores_of(image)
    return ImageResponse(
        simulated=image.simulated,
        image_url=bucket.link(image.key) if image.key else None,
        seed=image.seed,
        width=image.width,
        height=image.height,
        outcome=image.outcome,
        reason=image.reason,
        clip_similarity=next((score.mean for score in scores if score.is_clip), None),
        scores=[_present_score(score) for score in scores],
        not_scored=_present_not_scored(scored, image),
    )


def _present_compared(found: Score | NotScored) -> ComparedImageResponse:
    if isinstance(found, NotScored):
        not_scored = NotScoredResponse(**dict(found))
        return ComparedImageResponse(clip_similarity=None, scores=[], not_scored=not_scored)
    clip_similarity = found.mean if found.is_clip else None
    return ComparedImageResponse(clip_similarity=clip_similarity, scores=[_present_score(found)])


def _present_not_scored(scored: ScoredGeneration, image: GeneratedImage) -> NotScoredResponse | None:
    if scored.is_late(image):
        return NotScoredResponse(encoder=None, code=LATE_CODE, reason=LATE_REASON)
    not_scored = scored.not_scored(image)
    return NotScoredResponse(**dict(not_scored)) if not_scored else None


def _present_score(score: Score) -> ScoreResponse:
    return ScoreResponse(
        **score.version._asdict(),
        **_present_likeness(score),
        near_copy=NearCopyResponse(**score.near_copy._asdict()) if score.near_copy else None,
        face_identity=_present_face(score.face_identity) if score.face_identity else None,
    )


def _present_face(face: FaceIdentity) -> FaceIdentityResponse:
    return FaceIdentityResponse(
        **face.version._asdict(),
        **(_present_likeness(face.likeness) if face.likeness else {}),
        box=BoxResponse(**face.box._asdict()) if face.box else None,
        other_faces=face.other_faces,
        not_scored=NotScoredResponse(**dict(face.not_scored)) if face.not_scored else None,
    )


def _present_likeness(likeness: Likeness) -> dict[str, Any]:
    return {
        "mean": likeness.mean,
        "best": likeness.best,
        "centroid": likeness.centroid,
        **(likeness.calibration._asdict() if likeness.calibration else {}),
        "per_reference": [
            ReferenceSimilarity(reference=reference, similarity=similarity)
            for reference, similarity in likeness.per_reference
        ],
    }


def _aspect_ratio(generation: Generation) -> str:
    """The ratio that was ordered; of sides, that of the picture once there is one, in lowest terms."""
    request, shown = generation.request, generation.shown if generation.status == "succeeded" else None
    if not (request.width and request.height):
        return request.aspect_ratio
    width, height = request.width, request.height
    if shown and shown.width and shown.height:
        width, height = shown.width, shown.height
    common = math.gcd(width, height)
    return f"{width // common}:{height // common}"


def _ms(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
