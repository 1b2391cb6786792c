"""Makes a key with certificates to sign pictures with: for tests and trials, as nobody trusts its root.

``python -m scripts.signing_chain > chain.pem`` writes what the secret ``ProvenanceKeySecretName`` takes.
"""

import sys
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
PEM = serialization.Encoding.PEM
USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def self_made(now: datetime, valid: timedelta = timedelta(days=365), key: Key | None = None) -> str:
    """A private key (P-256 unless given), its certificate and that of the root, valid from a day ago, as PEM.

    The profile is that of C2PA 2.2, 14.5: digitalSignature, and an extended use for documents or mail.
    """
    root_key, key = ec.generate_private_key(ec.SECP256R1()), key or ec.generate_private_key(ec.SECP256R1())
    root_name, name = _name("Self-made root"), _name("Self-made signer")

    def certificate(subject: x509.Name, of: Key, is_root: bool) -> x509.CertificateBuilder:
        own, root = of.public_key(), root_key.public_key()
        allowed = {"key_cert_sign", "crl_sign"} if is_root else {"digital_signature"}
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root_name)
            .public_key(own)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + valid)
            .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(**{use: use in allowed for use in USES}), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(own), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root), critical=False)
        )

    signer = certificate(name, key, False).add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
    )
    chain = [
        signer.sign(root_key, hashes.SHA256()),
        certificate(root_name, root_key, True).sign(root_key, hashes.SHA256()),
    ]
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return b"".join([private, *(each.public_bytes(PEM) for each in chain)]).decode()


def _name(common: str) -> x509.Name:
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Character identity, not trusted")
    return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, common)])


if __name__ == "__main__":
    sys.stdout.write(self_made(datetime.now(UTC)))
