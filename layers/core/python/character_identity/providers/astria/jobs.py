"""What all paid jobs at Astria have in common: tunes, its word for trainings, and prompts."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx

from character_identity.domain.errors import InvalidRequest, ProviderOutcomeUnknown, ProviderUnavailable
from character_identity.domain.job import JobHandle
from character_identity.domain.prices import Price
from character_identity.domain.prose import prose
from character_identity.outbound.provider_http import ProviderHttpClient, is_json_object, json_of
from character_identity.ports.providers import Cancellation, ReferenceImage
from character_identity.providers.answers import seconds_between, whole
from character_identity.providers.astria.lists import AstriaLists, is_id

FLUX_BASE_TUNE = 1504944
"""Flux.1 dev; https://docs.astria.ai/docs/use-cases/flux-finetuning, read 2026-11-22."""
ABSENT_AFTER = timedelta(minutes=2)
"""Astria cuts requests at 30 s and asks for 60 s before one asks
(https://docs.astria.ai/docs/api/overview, read 2026-11-22), and a function of ours that still waits for the
answer has ended."""
TOKEN = "ohwx"


class AstriaJobs:
    """Jobs that lie below ``url``. They can be looked up and deleted, and not be cancelled."""

    supports_lookup = True
    prices: Mapping[str, Price] = {}

    def __init__(self, api: ProviderHttpClient, url: str) -> None:
        self._api = api
        self._lists = AstriaLists(api)
        self._url = url

    def job_handle(self, provider_job_id: str) -> JobHandle:
        if not (provider_job_id.isascii() and provider_job_id.isdecimal()):
            raise InvalidRequest("Astria's jobs have numbers.")
        return JobHandle(provider_job_id=provider_job_id)

    def prepare(self, references: list[ReferenceImage]) -> str | None:
        """Put nothing anywhere: Astria takes pictures with the order that needs them."""
        return None

    def make_ready(self, order: Any) -> None:
        self._api.make_ready()

    def absent_after(self, order: Any) -> timedelta:
        return ABSENT_AFTER

    def cancel(self, handle: JobHandle) -> Cancellation:
        return "impossible"

    def erase(self, handle: JobHandle) -> bool:
        """Delete what may be deleted already."""
        answer = self._api.send("DELETE", self._url_of(handle))
        if not self._is_missing(answer) and not answer.is_success:
            raise self._api.failure(answer)
        return True

    def _order(self, **request: Any) -> JobHandle:
        """Make the paid call."""
        answer = self._api.call("POST", self._url, paid=True, **request)
        identifier = answer.get("id") if isinstance(answer, dict) else None
        if not is_id(identifier):
            raise ProviderOutcomeUnknown("astria", "answered a create without an id")
        return JobHandle(provider_job_id=str(whole(identifier)))

    def _get(self, handle: JobHandle) -> dict[str, Any] | None:
        """The job as Astria shows it; None if it does not know it any more."""
        answer = self._api.send("GET", self._url_of(handle))
        if self._is_missing(answer):
            return None
        if not answer.is_success:
            raise self._api.failure(answer)
        body = json_of(answer)
        if not isinstance(body, dict):
            raise ProviderUnavailable("astria", "answered something that is not a JSON object")
        return body

    def _is_missing(self, answer: httpx.Response) -> bool:
        """Astria says so in JSON; what an ingress before it does not find says nothing.

        Raises:
            ProviderUnavailable: it was an ingress.
        """
        if answer.status_code != httpx.codes.NOT_FOUND:
            return False
        if not is_json_object(answer):
            raise self._api.trouble(answer)
        return True

    def _took_s(self, job: dict[str, Any]) -> float | None:
        """The seconds that Astria worked on it; of a prompt too ``trained_at`` says that it is done."""
        return seconds_between(job.get("started_training_at"), job.get("trained_at"))

    def _url_of(self, handle: JobHandle) -> str:
        return f"{self._url}/{handle.provider_job_id}"


def class_word(class_name: str) -> str:
    """What a tune is called, and each prompt that shows it; a class may be called BREAK, a command."""
    return prose(class_name).text or "person"
