"""Astria: fine-tunes a Flux LoRA, which is prompted through the base model."""

from typing import Any

import httpx

from character_identity.domain.clock import utc_now
from character_identity.domain.identity import ProviderName
from character_identity.outbound.provider_http import NO_REASON, Key, ProviderHttpClient
from character_identity.ports.gateways import Now
from character_identity.ports.providers import JobsByKind, ReferenceLimits
from character_identity.providers.astria.jobs import FLUX_BASE_TUNE
from character_identity.providers.astria.prompts import AstriaImages
from character_identity.providers.astria.tunes import AstriaTrainer


class Astria:
    """Trains and prompts a Flux LoRA at Astria, which keeps the weights itself.

    ``can_fetch_our_urls`` says whether Astria can fetch links to our bucket; it cannot on one machine with
    the real Astria.

    It keeps nothing of what was deleted: with a tune go its model and its training pictures, with a prompt
    its pictures (https://docs.astria.ai/docs/api/overview, "Storage", read 2026-11-23). What was not deleted
    goes 30 days after the training.
    """

    name: ProviderName = "astria"
    references = ReferenceLimits(minimum=4, maximum=20)
    keeps: str | None = None

    def __init__(
        self,
        client: httpx.Client,
        key: Key,
        api_url: str,
        can_fetch_our_urls: bool,
        mock: bool = False,
        simulated: bool = False,
        now: Now = utc_now,
    ) -> None:
        api = ProviderHttpClient("astria", client, key, "Bearer", error_detail, now)
        tunes = f"{api_url.rstrip('/')}/tunes"
        self.mock = mock
        self.simulated = simulated
        self.training = AstriaTrainer(api, tunes, can_fetch_our_urls, mock)
        self.images = AstriaImages(api, f"{tunes}/{FLUX_BASE_TUNE}/prompts")
        self.jobs: JobsByKind = {"training": self.training, "generation": self.images}


def error_detail(body: Any) -> str:
    """Astria's reason in one line: a map of field to messages, or ``{"error": sentence}``."""
    if not isinstance(body, dict) or not body:
        return NO_REASON
    return "; ".join(
        f"{field}: {', '.join(map(str, said)) if isinstance(said, list) else said}"
        for field, said in body.items()
    )
