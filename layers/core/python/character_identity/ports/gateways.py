"""Ports of the services beside stores and providers: time, ids, the web, events, workflows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from character_identity.domain.event import Event
    from character_identity.domain.job import ProviderJob
    from character_identity.domain.provenance import Provenance
    from character_identity.domain.reference_set import ReferenceAnalysis

Now = Callable[[], datetime]


NewId = Callable[[], str]


class ImageAnalyzer(Protocol):
    """Analyzes pictures as an encoder sees them."""

    def analyze(self, images: list[bytes]) -> ReferenceAnalysis | None:
        """Return the analysis of these small JPEGs; None when the encoder cannot be reached now."""


class Media(Protocol):
    """Fetches bytes that lie elsewhere, trusting nobody; see ``outbound/safe_http.py``.

    Each fetch may raise HostNotAllowed, whose host is then one that ``allows`` says no to.
    """

    def allows(self, host: str) -> bool: ...
    def fetch(self, url: str, limit_bytes: int, timeout_s: float = ...) -> bytes:
        """All bytes; ``timeout_s`` seconds to the last one, or what is usual."""

    def fetch_start(self, url: str, size_bytes: int) -> bytes:
        """The first bytes only."""

    def download(self, url: str, path: Path, limit_bytes: int) -> str:
        """Stream to a file; returns the SHA-256 in hexadecimal."""


class ProvenanceSigner(Protocol):
    """Signs what is said of a picture, within its file; see ``provenance/c2pa_signer.py``."""

    def sign(self, content: bytes, content_type: str, provenance: Provenance) -> bytes | None:
        """The file with a signed manifest; None where nobody has put a key in.

        Raises:
            CannotSign: the key, its certificates or the file are not fit for it.
        """


class WebhookSender(Protocol):
    """Posts to addresses that callers gave, trusting none; see ``outbound/safe_http.py``."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of the answer, of which nothing else is read.

        Raises:
            InvalidRequest: nothing may be posted there.
            ProviderUnavailable: there was no answer.
        """


class Workflows(Protocol):
    """Runs state machines. A run is named after its job; starting the same run again changes nothing."""

    def start(self, job: ProviderJob) -> None:
        """Start the machine that sees to a job; its ``runs``-th run."""

    def is_running(self, job: ProviderJob) -> bool: ...
    def stop(self, job: ProviderJob, why: str) -> None:
        """Stop the run, if it is running."""

    def wake(self, token: str) -> None:
        """End a machine's wait; a token that nobody waits with any more changes nothing."""


class EventBus(Protocol):
    """Hands events on, perhaps more than once. Both calls may raise EventNotAccepted."""

    def publish(self, event: Event) -> None: ...
    def request_delivery(self, event_id: str) -> None:
        """Have the due deliveries of an event attempted, elsewhere and soon."""
