"""Signs pictures with C2PA manifests, which lie in the file.

C2PA 2.2 (https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html, read
2026-11-28) by c2pa-python, whose native library takes 0.1 s to load: only who signs imports this module.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from character_identity.domain.errors import CannotSign, ProviderNotConfigured
from character_identity.domain.provenance import DIGITAL_SOURCE_TYPE, Provenance
from character_identity.ports.gateways import Now

GENERATION = "org.character-identity.generation"
"""The label of our assertion: the order, and whether a simulator played the provider."""
_SETTINGS = {"builder": {"thumbnail": {"enabled": False}}}
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)


@dataclass(frozen=True)
class Credentials:
    """A key with its chain, the signer's own certificate first, as PEM."""

    algorithm: str
    key: bytes
    chain: bytes
    valid_from: datetime
    valid_until: datetime

    @classmethod
    def read(cls, pem: str) -> "Credentials":
        """Read one text with the private key and the certificates.

        Raises:
            CannotSign: it is not that, or they do not belong together.
        """
        found = _PRIVATE_KEY.search(pem)
        if found is None:
            raise CannotSign("The secret holds no private key in PEM.")
        try:
            key = serialization.load_pem_private_key(found[0].encode(), password=None)
            certificates = x509.load_pem_x509_certificates(pem.encode())
        except (TypeError, ValueError) as exc:  # TypeError: the key is encrypted
            raise CannotSign("The secret holds no key and chain that can be read.") from exc
        own = certificates[0]
        if own.public_key() != key.public_key():
            raise CannotSign("The first certificate of the secret is not that of its key.")
        encoding = serialization.Encoding.PEM
        return cls(
            algorithm=_algorithm(key),
            key=key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
            chain=b"".join(certificate.public_bytes(encoding) for certificate in certificates),
            valid_from=own.not_valid_before_utc,
            valid_until=min(certificate.not_valid_after_utc for certificate in certificates),
        )

    def check(self, now: datetime) -> None:
        """Refuse to sign with what validators would refuse.

        Raises:
            CannotSign: a certificate is not valid yet, or no longer.
        """
        if not self.valid_from <= now < self.valid_until:
            raise CannotSign(
                f"The certificates are valid from {self.valid_from:%Y-%m-%d %H:%M} "
                f"until {self.valid_until:%Y-%m-%d %H:%M} UTC only."
            )


class C2paSigner:
    """Signs with what a secret holds; ``fetch`` reads it, which is done until it holds what is valid."""

    def __init__(self, fetch: Callable[[], str], now: Now) -> None:
        self._fetch = fetch
        self._now = now
        self._kept: Credentials | None = None

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
        if self._kept is None or now >= self._kept.valid_until:
            self._kept = None
            read = Credentials.read(self._fetch())
            read.check(now)
            self._kept = read
        return self._kept


def manifest(provenance: Provenance) -> dict[str, Any]:
    """What is claimed: that a trained model made the picture, which one, when, and for which order."""
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


def _algorithm(key: object) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise CannotSign("The key is of a kind that C2PA does not take: P-256, P-384, P-521, RSA or Ed25519.")
