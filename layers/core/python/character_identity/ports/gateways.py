"""Ports to everything but stores and providers: time, ids, the web, events, workflows."""

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
    """Compares reference images by an encoder, and counts faces."""

    def analyze(self, images: list[bytes]) -> ReferenceAnalysis | None:
        """Analyze small JPEGs; None if the encoder cannot be reached now."""


class Media(Protocol):
    """Fetches files from elsewhere, trusting nobody; see ``outbound/safe_http.py``.

    Each method may raise HostNotAllowed for a host that ``allows`` refuses.
    """

    def allows(self, host: str) -> bool: ...
    def fetch(self, url: str, limit_bytes: int, timeout_s: float = ...) -> bytes:
        """Return all bytes, the last of which comes within ``timeout_s`` or the usual time."""

    def fetch_start(self, url: str, size_bytes: int) -> bytes:
        """Return the first bytes only."""

    def download(self, url: str, path: Path, limit_bytes: int) -> str:
        """Stream to a file; return the SHA-256 in hexadecimal."""


class ProvenanceSigner(Protocol):
    """Signs a picture's provenance in its file; see ``provenance/c2pa_signer.py``."""

    def sign(self, content: bytes, content_type: str, provenance: Provenance) -> bytes | None:
        """Return the file with a signed manifest; None if there is no key.

        Raises:
            CannotSign: the key, its certificates or the file are not fit for it.
        """


class WebhookSender(Protocol):
    """Posts to callers' addresses, trusting none; see ``outbound/safe_http.py``."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Return the status of the answer; nothing else of it is read.

        Raises:
            InvalidRequest: posting to this address is not allowed.
            ProviderUnavailable: there was no answer.
        """


class Workflows(Protocol):
    """Runs state machines. A run is named after its job; starting the same run again changes nothing."""

    def start(self, job: ProviderJob) -> None:
        """Start a job's machine: its ``runs``-th run."""

    def is_running(self, job: ProviderJob) -> bool: ...
    def stop(self, job: ProviderJob, why: str) -> None:
        """Stop the run, if it is running."""

    def wake(self, token: str) -> None:
        """End a machine's wait; does nothing if nobody waits with this token any more."""


class EventBus(Protocol):
    """Passes events on, perhaps more than once. Both methods may raise EventNotAccepted."""

    def publish(self, event: Event) -> None: ...
    def request_delivery(self, event_id: str) -> None:
        """Have the due deliveries of an event attempted soon, by another function."""
