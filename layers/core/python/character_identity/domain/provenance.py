"""What a stored picture says of where it comes from: a machine made it, which one, and for which order.

The duty is Article 50(2) of Regulation (EU) 2024/1689 (AI Act), which applies since 2026-08-02.
"""

from dataclasses import dataclass
from datetime import datetime

from character_identity.domain.identity import ProviderName

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's term for what a trained model made; C2PA and XMP both use it
(https://cv.iptc.org/newscodes/digitalsourcetype/, read 2026-11-28)."""
MODELS: dict[ProviderName, str] = {
    "fal-instant": "fal-ai/instant-character",
    "fal-lora": "fal-ai/flux-lora",
    "astria": "astria/flux1",
}
"""The endpoint, or at Astria the branch, that draws each provider's pictures."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where one picture comes from; ``simulated``: a simulator on this machine played the provider."""

    generation_id: str
    index: int
    provider: ProviderName
    model: str
    simulated: bool
    stored_at: datetime

    @property
    def system(self) -> str:
        """The name of what made it."""
        return f"{self.model} (simulated)" if self.simulated else self.model
