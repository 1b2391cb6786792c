"""The key and the certificates that pictures are signed with, as a secret holds them."""

import re
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from character_identity.domain.errors import CannotSign

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


def _algorithm(key: object) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise CannotSign("The key is of a kind that C2PA does not take: P-256, P-384, P-521, RSA or Ed25519.")
