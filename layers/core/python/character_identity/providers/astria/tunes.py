"""Trainings at Astria: https://docs.astria.ai/docs/use-cases/flux-finetuning, read 2026-11-22."""

from datetime import datetime
from typing import Any

from character_identity.domain.job import JobHandle
from character_identity.domain.prices import ASTRIA_TUNE_CEILING_USD
from character_identity.domain.prose import prose
from character_identity.outbound.provider_http import ProviderHttpClient
from character_identity.ports.providers import Estimate, Found, TrainingOrder, TrainingStatus
from character_identity.providers.astria.jobs import FLUX_BASE_TUNE, TOKEN, AstriaJobs, class_word
from character_identity.providers.astria.lists import Match, same_words

PRESET = "flux-lora-portrait"
MOCK_BRANCH = "fast"
"""Free, and its pictures are stock; that prompts reach it through the base model is not verified."""


class AstriaTrainer(AstriaJobs):
    """Fine-tunes a Flux LoRA. Where Astria cannot fetch our links the pictures are sent in the request."""

    deadline_s = 90 * 60
    usual_s = 15 * 60

    def __init__(self, api: ProviderHttpClient, url: str, can_fetch_our_urls: bool, mock: bool) -> None:
        super().__init__(api, url)
        self._can_fetch_our_urls = can_fetch_our_urls
        self._mock = mock

    def estimate(self, request: int) -> Estimate:
        return Estimate(0, 0) if self._mock else Estimate(None, ASTRIA_TUNE_CEILING_USD)

    def make_ready(self, order: TrainingOrder) -> None:
        super().make_ready(order)
        for reference in order.references:
            if self._can_fetch_our_urls:
                reference.link()
            else:
                reference.read()

    def submit(self, order: TrainingOrder) -> JobHandle:
        fields: dict[str, Any] = {
            "title": _title(order),
            "name": class_word(order.class_name),
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
            fields["image_urls"] = [reference.link() for reference in order.references]
            return self._order(json={"tune": fields})
        return self._order(
            data={f"tune[{name}]": str(value) for name, value in fields.items()},
            files=[
                ("tune[images][]", (reference.name, reference.read(), "image/jpeg"))
                for reference in order.references
            ],
        )

    def status(self, handle: JobHandle, request: int) -> TrainingStatus:
        tune = self._get(handle)
        if tune is None:
            return TrainingStatus("missing", reason="Astria does not know this tune any more.")
        if tune.get("trained_at"):
            return TrainingStatus("done", took_s=self._took_s(tune))
        return TrainingStatus("running" if tune.get("started_training_at") else "queued")

    def find(self, order: TrainingOrder, since: datetime) -> Found:
        """By its title, which is the order's own.

        Who finds nothing orders again, so the callback is not compared: it might not be given back as it was
        sent. Nor is the list's filter relied on, which is not documented: what it does not show is looked for
        among the newest tunes.
        """

        def wanted(tune: dict[str, Any]) -> Match:
            return same_words(tune.get("title"), title)

        title = _title(order)
        found = self._lists.newest(self._url, wanted, title=title)
        return found if found.certain else self._lists.among_newest(self._url, wanted)


def _title(order: TrainingOrder) -> str:
    """Return what the tune is called: the name may say anything, and what ends it is the order's own."""
    return prose(order.title).text
