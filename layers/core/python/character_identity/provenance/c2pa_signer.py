"""Signs pictures with C2PA manifests, which lie in the file.

C2PA 2.2 (https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html, read
2026-11-28) by c2pa-python, whose native library takes 0.1 s to load: only who signs imports this module.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import c2pa

from character_identity.domain.errors import CannotSign, ProviderNotConfigured
from character_identity.domain.provenance import DIGITAL_SOURCE_TYPE, Provenance
from character_identity.ports.gateways import Now
from character_identity.provenance.credentials import Credentials

GENERATION = "org.character-identity.generation"
"""The label of our assertion: the order, and whether a simulator played the provider."""
FRESH_FOR = timedelta(minutes=10)
"""Before the secret is read again: so long a key that was replaced, or taken out, goes on signing."""
_SETTINGS = {"builder": {"thumbnail": {"enabled": False}}}


class C2paSigner:
    """Signs with what a secret holds; ``fetch`` reads it, which is done until it holds what is valid.

    It is read again after a while; what was read before serves as long as it cannot be.
    """

    def __init__(self, fetch: Callable[[], str], now: Now) -> None:
        self._fetch = fetch
        self._now = now
        self._kept: Credentials | None = None
        self._read_at = datetime.min.replace(tzinfo=UTC)

    def sign(self, content: bytes, content_type: str, provenance: Provenance) -> bytes | None:
        """See ``ports/gateways.py``."""
        try:
            credentials = self._credentials()
            return _signed(content, content_type, credentials, manifest(provenance))
        except ProviderNotConfigured:
            return None
        except CannotSign:
            raise
        except Exception as exc:  # a picture that was paid for is never lost to its signature
            raise CannotSign(f"The picture could not be signed: {exc}") from exc

    def _credentials(self) -> Credentials:
        now = self._now()
        if self._kept is not None and now < min(self._kept.valid_until, self._read_at + FRESH_FOR):
            return self._kept
        try:
            self._kept = self._read(now)
        except (CannotSign, ProviderNotConfigured):
            self._kept = None
            raise
        except Exception:
            if self._kept is None or now >= self._kept.valid_until:
                raise
        self._read_at = now
        return self._kept

    def _read(self, now: datetime) -> Credentials:
        read = Credentials.read(self._fetch())
        read.check(now)
        return read


def manifest(provenance: Provenance) -> dict[str, Any]:
    """Return what is claimed: that a trained model made the picture, which one, when, and for which order."""
    made = {
        "action": "c2pa.created",
        "when": f"{provenance.stored_at:%Y-%m-%dT%H:%M:%SZ}",
        "digitalSourceType": DIGITAL_SOURCE_TYPE,
        "softwareAgent": {"name": provenance.system},
    }
    order = {
        "generationId": provenance.generation_id,
        "image": provenance.index,
        "provider": provenance.provider,
        "model": provenance.model,
        "simulated": provenance.simulated,
    }
    return {
        "claim_generator_info": [{"name": "character-identity"}],
        "title": f"{provenance.generation_id} {provenance.index}",
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [made]}},
            {"label": GENERATION, "data": order},
        ],
    }


def _signed(content: bytes, content_type: str, credentials: Credentials, claims: dict[str, Any]) -> bytes:
    info = c2pa.C2paSignerInfo(credentials.algorithm, credentials.chain, credentials.key, None)
    signed = BytesIO()
    with (
        c2pa.Context.from_dict(_SETTINGS) as context,
        c2pa.Signer.from_info(info) as signer,
        c2pa.Builder(json.dumps(claims), context=context) as builder,
    ):
        builder.sign(signer, content_type, BytesIO(content), signed)
    return signed.getvalue()
