"""Steps that the service modules of all providers take: order, poll, report, fail, finish."""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import httpx

from character_identity_client.character import (
    CharacterGenerationMetadata,
    CharacterGenerationParams,
    CharacterGenerationResult,
    ProviderName,
)
from character_identity_client.secrecy import without_queries
from character_identity_client.session import ProxySession, ServiceFailed, document

DEFAULT_ASPECT_RATIO = "1:1"

Progress = Callable[[float], None]  # takes per cent
T = TypeVar("T")


def silent(_: float) -> None:
    """Progress that nobody asked for."""


@contextmanager
def ending_with(failure: str, report: Progress) -> Iterator[None]:
    """Whatever goes wrong with the calls inside ends the progress and is raised as ``failure: reason``."""
    try:
        yield
    except (ServiceFailed, httpx.HTTPError, httpx.InvalidURL) as exc:
        report(100)
        raise ServiceFailed(f"{failure}: {without_queries(str(exc))}") from None  # which may quote a link


def accepted(response: httpx.Response, call: str) -> dict[str, Any]:
    """Return what a proxy answered to an order.

    Raises:
        ServiceFailed: it refused, or its answer cannot be read.
    """
    if not response.is_success:
        raise ServiceFailed(f"{call} failed: {response.reason_phrase} - {without_queries(response.text)}")
    return document(response)


def text_of(answer: Mapping[str, Any], name: str) -> str:
    """An id in an answer, as text.

    Raises:
        ServiceFailed: there is none.
    """
    value = answer.get(name)
    if not isinstance(value, str | int) or value == "":
        raise ServiceFailed(f"The answer holds no {name}.")
    return str(value)


def url_of(thing: object) -> str | None:
    """The ``url`` of an object in an answer, if it is one and has one."""
    url = thing.get("url") if isinstance(thing, dict) else None
    return url if isinstance(url, str) and url else None


def image_url_of(answer: Mapping[str, Any]) -> str | None:
    """The URL of the first picture in an answer, if there is one."""
    images = answer.get("images")
    return url_of(images[0]) if isinstance(images, list) and images else None


@dataclass(frozen=True)
class Polls:
    """The interval and number of polls, and the progress from their start to their end."""

    attempts: int
    interval_s: float
    progress_from: int
    progress_to: int

    def until(
        self, read: Callable[[], T | None], sleep: Callable[[float], None], report: Progress
    ) -> T | None:
        """Poll until ``read`` finds something; None after the last attempt."""
        span = self.progress_to - self.progress_from
        for attempt in range(1, self.attempts + 1):
            sleep(self.interval_s)
            found = read()
            report(self.progress_from + attempt / self.attempts * span)
            if found is not None:
                return found
        return None


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that somebody gave."""
    return {name: value for name, value in fields.items() if value is not None}


def underscored(name: str) -> str:
    """A name without blanks."""
    return re.sub(r"\s+", "_", name)


def new_id(prefix: str, now: datetime) -> str:
    """An id that no other character has."""
    return f"{prefix}-{epoch_ms(now)}-{secrets.token_hex(4)}"


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def elapsed_ms(start: datetime, end: datetime) -> int:
    """Milliseconds between two moments."""
    return round((end - start) / timedelta(milliseconds=1))


def image(
    session: ProxySession,
    params: CharacterGenerationParams,
    *,
    provider: ProviderName,
    image_url: str,
    started_at: datetime,
    cost_usd: float,
) -> CharacterGenerationResult:
    """The result of a generation that ends now."""
    now = session.now()
    return CharacterGenerationResult(
        image_url=image_url,
        aspect_ratio=params.aspect_ratio or DEFAULT_ASPECT_RATIO,
        metadata=CharacterGenerationMetadata(
            prompt_used=params.prompt,
            provider=provider,
            inference_time=elapsed_ms(started_at, now),
            cost=cost_usd,
            generated_at=now,
        ),
    )
