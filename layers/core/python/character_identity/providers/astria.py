"""Astria: fine-tunes a Flux LoRA, which is prompted through the base model.

https://docs.astria.ai/docs/api/flux-api, https://docs.astria.ai/docs/use-cases/flux-finetuning (2026-11-22).
"Tune" is Astria's word for a training job.
"""

import re
from typing import Any

import httpx

from character_identity.domain.errors import ProviderOutcomeUnknown, ProviderRejected, ProviderUnavailable
from character_identity.domain.generation import GenerationRequest, ProducedImage
from character_identity.domain.identity import Identity, ProviderName, with_character
from character_identity.domain.job import JobHandle
from character_identity.domain.prices import MILLICENTS_PER_USD, Price
from character_identity.ports import (
    GenerationOrder,
    GenerationPlan,
    ProviderGeneration,
    ReferenceLimits,
    ReferencePicture,
    TrainingOrder,
    TrainingStatus,
)
from character_identity.providers.vendor_api import NO_REASON, Key, VendorApi, json_of

FLUX_BASE_TUNE = 1504944
TOKEN = "ohwx"
PRESET = "flux-lora-portrait"
MOCK_BRANCH = "fast"
"""Free, and its pictures are stock; that prompts reach it through the base model is not verified."""
MAX_IMAGES = 8
MAX_STEPS = 50
GUIDANCE_MAX = 4.9
"""On Flux ``cfg_scale`` must be below 5 (observed 422, October 2025)."""
TAG = re.compile(r"<\s*\w+\s*:[^>]*>")
"""``<lora:788416:1>`` calls a tune by its number, whoever of the account's users it belongs to."""


class Astria:
    """Trains and prompts a Flux LoRA at Astria, which keeps the weights itself.

    ``links_reach`` says whether Astria can fetch links to our bucket; where not, on one machine with the
    real Astria, the pictures are sent in the request.
    """

    name: ProviderName = "astria"
    trains = True
    references = ReferenceLimits(minimum=4, maximum=20)
    max_images = MAX_IMAGES
    prices: dict[str, Price] = {}  # noqa: RUF012 - read only
    training_deadline_s = 90 * 60
    generation_deadline_s = 20 * 60

    def __init__(
        self, client: httpx.Client, key: Key, api_url: str, links_reach: bool, mock: bool = False
    ) -> None:
        self._api = VendorApi("astria", client, key, "Bearer", explain)
        self._api_url = api_url.rstrip("/")
        self._links_reach = links_reach
        self.mock = mock

    def prepare_training(self, references: list[ReferencePicture]) -> str | None:
        return None

    def submit_training(self, order: TrainingOrder) -> JobHandle:
        fields: dict[str, Any] = {
            "title": order.title,
            "name": order.class_name,
            "base_tune_id": FLUX_BASE_TUNE,
            "model_type": "lora",
            "token": TOKEN,
            "preset": PRESET,
        }
        if order.mock:
            fields["branch"] = MOCK_BRANCH
        if self._links_reach:
            fields["image_urls"] = [reference.link for reference in order.references]
            request: dict[str, Any] = {"json": {"tune": fields}}
        else:
            request = {
                "data": {f"tune[{name}]": str(value) for name, value in fields.items()},
                "files": [
                    ("tune[images][]", (reference.name, reference.read(), "image/jpeg"))
                    for reference in order.references
                ],
            }
        tune = self._api.call("POST", f"{self._api_url}/tunes", paid=True, **request)
        return JobHandle(provider_job_id=_id_of(tune))

    def training_status(self, handle: JobHandle) -> TrainingStatus:
        answer = self._api.send("GET", f"{self._api_url}/tunes/{handle.provider_job_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return TrainingStatus("failed", reason="Astria does not know this tune any more.")
        tune = self._read(answer)
        if tune.get("trained_at"):
            return TrainingStatus("trained")
        return TrainingStatus("training" if tune.get("started_training_at") else "queued")

    def training_estimate_usd(self, steps: int) -> float | None:
        return None

    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        wanted, tags = TAG.subn(" ", request.prompt)
        text = with_character(wanted, identity.name, f"{TOKEN} {identity.class_name}")
        prompt = f"<lora:{identity.provider_model_id}:1> {text}"
        body: dict[str, Any] = {"text": prompt, "num_images": request.num_images, "seed": request.seed}
        warnings = ["Tags such as <lora:1:1> were left out of the prompt."] if tags else []
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

    def submit_generation(self, order: GenerationOrder) -> JobHandle:
        if order.identity.provider_model_id is None:
            raise ProviderRejected(self.name, f"the identity {order.identity.identity_id} has no tune")
        plan = self.plan(order.identity, order.request)
        prompts = f"{self._api_url}/tunes/{FLUX_BASE_TUNE}/prompts"
        prompt = self._api.call("POST", prompts, paid=True, json={"prompt": plan.body})
        return JobHandle(provider_job_id=_id_of(prompt))

    def generation_status(self, handle: JobHandle, request: GenerationRequest) -> ProviderGeneration:
        answer = self._api.send(
            "GET", f"{self._api_url}/tunes/{FLUX_BASE_TUNE}/prompts/{handle.provider_job_id}"
        )
        if answer.status_code == httpx.codes.NOT_FOUND:
            return ProviderGeneration("failed", reason="Astria does not know this prompt any more.")
        prompt = self._read(answer)
        cost_mc, images = prompt.get("cost_mc"), prompt.get("images")
        cost_usd = cost_mc / MILLICENTS_PER_USD if isinstance(cost_mc, int) and cost_mc >= 0 else None
        if prompt.get("user_error"):
            reason = self._api.shown(str(prompt["user_error"]))
            return ProviderGeneration("failed", cost_usd=cost_usd, reason=reason)
        urls = [url for url in images if isinstance(url, str)] if isinstance(images, list) else []
        if not urls:
            return ProviderGeneration("running")
        produced = tuple(ProducedImage(url=url, seed=request.seed + index) for index, url in enumerate(urls))
        return ProviderGeneration("generated", produced, cost_usd=cost_usd)

    def generation_estimate_usd(self, request: GenerationRequest) -> float | None:
        return None

    def _read(self, answer: httpx.Response) -> dict[str, Any]:
        if not answer.is_success:
            raise self._api.failure(answer)
        body = json_of(answer)
        if not isinstance(body, dict):
            raise ProviderUnavailable("astria", "answered something that is not a JSON object")
        return body


def explain(body: Any) -> str:
    """Astria's reason in one line: a map of field to messages, or ``{"error": sentence}``."""
    if not isinstance(body, dict) or not body:
        return NO_REASON
    return "; ".join(
        f"{field}: {', '.join(map(str, said)) if isinstance(said, list) else said}"
        for field, said in body.items()
    )


def _id_of(answer: Any) -> str:
    identifier = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(identifier, int) or isinstance(identifier, bool):
        raise ProviderOutcomeUnknown("astria", "answered a create without an id")
    return str(identifier)
