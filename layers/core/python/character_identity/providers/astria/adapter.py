"""Astria: fine-tunes a Flux LoRA, which is prompted through the base model.

https://docs.astria.ai/docs/api/flux-api, https://docs.astria.ai/docs/use-cases/flux-finetuning (2026-11-22).
"Tune" is Astria's word for a training job.
"""

import re
from datetime import datetime, timedelta
from typing import Any

import httpx

from character_identity.domain.errors import (
    InvalidRequest,
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.domain.generation import GenerationRequest, ProducedImage
from character_identity.domain.identity import Identity, ProviderName, with_character
from character_identity.domain.job import JobHandle, JobKind
from character_identity.domain.prices import (
    ASTRIA_IMAGE_CEILING_USD,
    ASTRIA_TUNE_CEILING_USD,
    MILLICENTS_PER_USD,
    Price,
)
from character_identity.outbound.provider_http import NO_REASON, Key, ProviderHttpClient, json_of, utc_now
from character_identity.ports.gateways import Now
from character_identity.ports.providers import (
    GenerationOrder,
    GenerationPlan,
    GenerationStatus,
    ReferenceImage,
    ReferenceLimits,
    TrainingOrder,
    TrainingStatus,
)
from character_identity.providers.astria.lists import AstriaLists, is_id, same_words

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
CLOCK_SKEW = timedelta(minutes=1)
"""By so much Astria's clock may be behind ours."""


class Astria:
    """Trains and prompts a Flux LoRA at Astria, which keeps the weights itself.

    ``can_fetch_our_urls`` says whether Astria can fetch links to our bucket; where not, on one machine with
    the real Astria, the pictures are sent in the request.

    It keeps nothing of what was deleted: with a tune go its model and its training pictures, with a prompt
    its pictures (https://docs.astria.ai/docs/api/overview, "Storage", read 2026-11-23). What was not deleted
    goes 30 days after the training.
    """

    name: ProviderName = "astria"
    trains = True
    references = ReferenceLimits(minimum=4, maximum=20)
    max_images = MAX_IMAGES
    prices: dict[str, Price] = {}  # noqa: RUF012 - read only
    training_deadline_s = 90 * 60
    generation_deadline_s = 20 * 60
    usual_training_s = 15 * 60
    usual_generation_s = 60
    supports_lookup = True
    keeps: str | None = None

    def __init__(
        self,
        client: httpx.Client,
        key: Key,
        api_url: str,
        can_fetch_our_urls: bool,
        mock: bool = False,
        now: Now = utc_now,
    ) -> None:
        self._api = ProviderHttpClient("astria", client, key, "Bearer", explain, now)
        self._lists = AstriaLists(self._api)
        self._api_url = api_url.rstrip("/")
        self._can_fetch_our_urls = can_fetch_our_urls
        self.mock = mock

    def prepare_training(self, references: list[ReferenceImage]) -> str | None:
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
        if order.callback_url is not None:
            fields["callback"] = order.callback_url
        if self._can_fetch_our_urls:
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
        tune = self._api.call("POST", self._tunes, paid=True, **request)
        return JobHandle(provider_job_id=_id_of(tune))

    def find_training(self, order: TrainingOrder) -> JobHandle | None:
        """By its title, which is the order's own.

        Who finds nothing orders again, so the callback is not compared: it might not be given back as it was
        sent. Nor is the list's filter relied on, which is not documented: what it does not show is looked for
        among the newest tunes.
        """

        def wanted(tune: dict[str, Any]) -> bool:
            return same_words(tune.get("title"), order.title)

        found = self._lists.newest(self._tunes, wanted, title=order.title)
        return found or self._lists.among_newest(self._tunes, wanted)

    def training_status(self, handle: JobHandle) -> TrainingStatus:
        answer = self._api.send("GET", f"{self._tunes}/{handle.provider_job_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return TrainingStatus("failed", reason="Astria does not know this tune any more.")
        tune = self._read(answer)
        if tune.get("trained_at"):
            return TrainingStatus("trained")
        return TrainingStatus("training" if tune.get("started_training_at") else "queued")

    def training_estimate_usd(self, steps: int) -> float | None:
        return None

    def training_ceiling_usd(self, steps: int) -> float:
        return ASTRIA_TUNE_CEILING_USD

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
        fields = self.plan(order.identity, order.request).body
        if order.callback_url is not None:
            fields = {**fields, "callback": order.callback_url}
        prompt = self._api.call("POST", self._prompts, paid=True, json={"prompt": fields})
        return JobHandle(provider_job_id=_id_of(prompt))

    def find_generation(self, order: GenerationOrder, since: datetime) -> JobHandle | None:
        """By its callback, which is the order's own; by text and seed where there is none."""
        fields = self.plan(order.identity, order.request).body

        def wanted(prompt: dict[str, Any]) -> bool:
            callback_url = prompt.get("callback")
            if order.callback_url is not None and callback_url is not None:
                return bool(callback_url == order.callback_url)
            return same_words(prompt.get("text"), fields["text"]) and prompt.get("seed") == fields["seed"]

        return self._lists.newest(self._prompts, wanted, since - CLOCK_SKEW)

    def generation_status(self, handle: JobHandle, request: GenerationRequest) -> GenerationStatus:
        answer = self._api.send("GET", f"{self._prompts}/{handle.provider_job_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return GenerationStatus("failed", reason="Astria does not know this prompt any more.")
        prompt = self._read(answer)
        cost_mc, images = prompt.get("cost_mc"), prompt.get("images")
        cost_usd = cost_mc / MILLICENTS_PER_USD if isinstance(cost_mc, int) and cost_mc >= 0 else None
        if prompt.get("user_error"):
            reason = self._api.shown(str(prompt["user_error"]))
            return GenerationStatus("failed", cost_usd=cost_usd, reason=reason)
        produced = tuple(
            ProducedImage(url=url if isinstance(url, str) and url else None, seed=request.seed + index)
            for index, url in enumerate(images if isinstance(images, list) else [])
        )
        if not any(image.url for image in produced):
            return GenerationStatus("running")
        return GenerationStatus("generated", produced, cost_usd=cost_usd)

    def generation_estimate_usd(self, request: GenerationRequest) -> float | None:
        return None

    def generation_ceiling_usd(self, request: GenerationRequest) -> float:
        return ASTRIA_IMAGE_CEILING_USD * request.num_images

    def job_handle(self, kind: JobKind, provider_job_id: str) -> JobHandle:
        if not (provider_job_id.isascii() and provider_job_id.isdecimal()):
            raise InvalidRequest("Astria's jobs have numbers.")
        return JobHandle(provider_job_id=provider_job_id)

    def cancel(self, handle: JobHandle) -> bool:
        return False

    def erase_training(self, handle: JobHandle) -> bool:
        return self._delete(f"{self._tunes}/{handle.provider_job_id}")

    def erase_generation(self, handle: JobHandle) -> bool:
        return self._delete(f"{self._prompts}/{handle.provider_job_id}")

    @property
    def _tunes(self) -> str:
        return f"{self._api_url}/tunes"

    @property
    def _prompts(self) -> str:
        """Of all our Flux LoRAs: they are prompted through the base tune."""
        return f"{self._tunes}/{FLUX_BASE_TUNE}/prompts"

    def _delete(self, url: str) -> bool:
        """Delete what may be deleted already."""
        answer = self._api.send("DELETE", url)
        if not answer.is_success and answer.status_code != httpx.codes.NOT_FOUND:
            raise self._api.failure(answer)
        return True

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
    if not is_id(identifier):
        raise ProviderOutcomeUnknown("astria", "answered a create without an id")
    return str(identifier)
