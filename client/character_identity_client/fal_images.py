"""Orders an image from fal, with references or with weights."""

from collections.abc import Mapping
from typing import Any

from character_identity_client.character import (
    CharacterGenerationParams,
    CharacterGenerationResult,
    ProviderName,
)
from character_identity_client.session import ProxySession, ServiceFailed
from character_identity_client.steps import (
    DEFAULT_ASPECT_RATIO,
    Progress,
    accepted,
    ending_with,
    given,
    image,
    image_url_of,
)

GUIDANCE_SCALE = 7.5
INFERENCE_STEPS = 30


def generate(
    session: ProxySession,
    params: CharacterGenerationParams,
    *,
    provider: ProviderName,
    path: str,
    character: Mapping[str, Any],
    call: str,
    failure: str,
    cost_usd: float,
    report: Progress,
) -> CharacterGenerationResult:
    """A picture; ``character`` are the fields that say of whom, ``call`` and ``failure`` begin the errors.

    Raises:
        ServiceFailed: there is none.
    """
    started_at = session.now()
    report(10)
    with ending_with(failure, report):
        body = {
            **character,
            "prompt": params.prompt,
            "image_size": params.aspect_ratio or DEFAULT_ASPECT_RATIO,
            "num_images": 1,
            "guidance_scale": params.guidance_scale or GUIDANCE_SCALE,
            "num_inference_steps": params.num_inference_steps or INFERENCE_STEPS,
            "seed": params.seed,
            "negative_prompt": params.negative_prompt,
        }
        response = session.post(path, given(body))
        report(90)
        image_url = image_url_of(accepted(response, call))
        if image_url is None:
            raise ServiceFailed(f"{call} returned no image URL.")
    report(100)
    return image(
        session, params, provider=provider, image_url=image_url, started_at=started_at, cost_usd=cost_usd
    )
