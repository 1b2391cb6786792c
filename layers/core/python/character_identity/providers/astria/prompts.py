"""Images at Astria: https://docs.astria.ai/docs/api/flux-api, read 2026-11-22."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from character_identity.domain.errors import ProviderRejected
from character_identity.domain.generation import GenerationRequest
from character_identity.domain.identity import Identity
from character_identity.domain.job import JobHandle
from character_identity.domain.prices import ASTRIA_IMAGE_CEILING_USD, MILLICENTS_PER_USD
from character_identity.domain.prose import prose_naming
from character_identity.ports.providers import (
    Estimate,
    Found,
    GenerationOrder,
    GenerationPlan,
    GenerationStatus,
)
from character_identity.providers.answers import LARGEST_NUMBER, entries, number, picture, whole
from character_identity.providers.astria.jobs import TOKEN, AstriaJobs, class_word
from character_identity.providers.astria.lists import Match, same_words

MAX_STEPS = 50
GUIDANCE_MAX = 4.9
"""On Flux ``cfg_scale`` must be below 5 (observed 422, October 2025)."""
CLOCK_SKEW = timedelta(minutes=1)
"""By so much Astria's clock may be behind ours."""


class AstriaImages(AstriaJobs):
    """Prompts a tune through the base model, below which lie the prompts of all our tunes."""

    max_images = 8
    deadline_s = 20 * 60
    usual_s = 60

    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        token = f"{TOKEN} {class_word(identity.class_name)}"
        text, warnings = prose_naming(request.prompt, identity.name, token)
        prompt = f"<lora:{identity.provider_model_id}:1> {text}"
        body: dict[str, Any] = {"text": prompt, "num_images": request.num_images, "seed": request.seed}
        if identity.mock:
            warnings.append("Astria's mock was asked: the pictures do not show the character.")
        if request.width and request.height:
            body |= {"w": request.width // 8 * 8, "h": request.height // 8 * 8}
        else:
            body["aspect_ratio"] = request.aspect_ratio
        if request.guidance_scale is not None:
            body["cfg_scale"] = min(request.guidance_scale, GUIDANCE_MAX)
            if request.guidance_scale > GUIDANCE_MAX:
                warnings.append(
                    f"guidanceScale was lowered to {GUIDANCE_MAX}, the most that Astria takes on Flux."
                )
        if request.num_inference_steps is not None:
            body["steps"] = min(request.num_inference_steps, MAX_STEPS)
            if request.num_inference_steps > MAX_STEPS:
                warnings.append(f"numInferenceSteps was lowered to {MAX_STEPS}, the most that Astria takes.")
        if request.negative_prompt:
            warnings.append("negativePrompt was left out: Astria refuses one on Flux.")
        return GenerationPlan(body, prompt, warnings)

    def estimate(self, request: GenerationRequest) -> Estimate:
        return Estimate(None, ASTRIA_IMAGE_CEILING_USD * request.num_images)

    def submit(self, order: GenerationOrder) -> JobHandle:
        if order.identity.provider_model_id is None:
            raise ProviderRejected("astria", f"the identity {order.identity.identity_id} has no tune")
        fields = self.plan(order.identity, order.request).body
        if order.callback_url is not None:
            fields = {**fields, "callback": order.callback_url}
        return self._order(json={"prompt": fields})

    def status(self, handle: JobHandle, request: GenerationRequest) -> GenerationStatus:
        """Return a prompt's status. One with pictures is done, whatever it says of an error beside them.

        Astria's own client takes it for that (https://github.com/astriaai/cli, read 2026-11-29).
        """
        prompt = self._get(handle)
        if prompt is None:
            return GenerationStatus("missing", reason="Astria does not know this prompt any more.")
        cost_mc = number(prompt.get("cost_mc"), LARGEST_NUMBER * MILLICENTS_PER_USD)
        cost_usd = None if cost_mc is None else cost_mc / MILLICENTS_PER_USD
        produced = tuple(
            picture(image).replace(seed=request.seed + index)
            for index, image in enumerate(entries(prompt.get("images"))[: self.max_images])
        )
        if any(image.url for image in produced):
            return GenerationStatus("done", cost_usd=cost_usd, took_s=self._took_s(prompt), images=produced)
        if prompt.get("user_error"):
            reason = self._api.redact(f"Astria refused: {prompt['user_error']}")
            return GenerationStatus("failed", cost_usd=cost_usd, reason=reason)
        waits = prompt.get("started_training_at", "not told") is None
        return GenerationStatus("queued" if waits else "running")

    def find(self, order: GenerationOrder, since: datetime) -> Found:
        """By its callback, which is the order's own; by text and seed where there is none."""
        fields = self.plan(order.identity, order.request).body

        def wanted(prompt: dict[str, Any]) -> Match:
            callback_url = prompt.get("callback")
            if order.callback_url and isinstance(callback_url, str) and callback_url:
                own = order.callback_url.rpartition("/")[2] or order.callback_url
                return "yes" if own in unquote(callback_url) else "no"  # as a server may write it
            seed = whole(prompt.get("seed"))
            if seed not in (None, fields["seed"]):
                return "no"
            match = same_words(prompt.get("text"), fields["text"])
            return "perhaps" if seed is None and match == "yes" else match

        return self._lists.newest(self._url, wanted, since - CLOCK_SKEW)
