"""Marks pictures as made by a machine before they are stored: readable by all in XMP, and signed."""

import logging
from collections.abc import Callable

from character_identity.domain.errors import CannotSign
from character_identity.domain.generation import Generation
from character_identity.domain.identity import ProviderName
from character_identity.domain.provenance import MODELS, Provenance
from character_identity.images.xmp import with_xmp
from character_identity.observability import count
from character_identity.ports.gateways import Now, ProvenanceSigner

logger = logging.getLogger(__name__)


class ProvenanceService:
    """``is_simulated`` tells by provider and address of a picture whether a simulator made it."""

    def __init__(
        self, signer: ProvenanceSigner, is_simulated: Callable[[ProviderName, str], bool], now: Now
    ) -> None:
        self._signer = signer
        self.is_simulated = is_simulated
        self._now = now

    def mark(self, content: bytes, content_type: str, generation: Generation, index: int, url: str) -> bytes:
        """The same pixels with their provenance in the file; what cannot be done is reported, and no more."""
        provenance = Provenance(
            generation_id=generation.generation_id,
            index=index,
            provider=generation.provider,
            model=MODELS[generation.provider],
            simulated=self.is_simulated(generation.provider, url),
            stored_at=self._now(),
        )
        try:
            content = with_xmp(content, content_type, provenance)
        except ValueError as exc:
            _report("a picture could not be marked as made by a machine", exc)
        try:
            return self._signer.sign(content, content_type, provenance) or content
        except CannotSign as exc:
            _report("a picture was stored without a signature", exc)
            return content


def _report(what: str, why: Exception) -> None:
    logger.error(what, extra={"reason": str(why)})
    count("UnsignedPictures")
