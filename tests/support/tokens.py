"""Tokens as issuers and forgers make them: keys, an issuer that does what a test says, and a clock."""

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

NOW = 1_800_000_000
SOON = NOW + 600
MAKERS: dict[str, Callable[[], Any]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "next": lambda: ec.generate_private_key(ec.SECP256R1()),
    "foreign": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "short": lambda: rsa.generate_private_key(public_exponent=65537, key_size=1024),
}


class _Keys(dict[str, Any]):
    """Made when they are asked for first: to find one of RSA takes a quarter of a second."""

    def __missing__(self, name: str) -> Any:
        self[name] = MAKERS[name]()
        return self[name]


KEYS = _Keys()


class Clock:
    def __init__(self) -> None:
        self.time = float(NOW)

    def __call__(self) -> float:
        return self.time


class FakeIssuer:
    """Publishes keys, or cannot be reached; counts how often it is asked."""

    def __init__(self, *names: str) -> None:
        self.document: Any = a_jwks(*names)
        self.failure: Exception | None = None
        self.asked = 0

    def read(self) -> Any:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return self.document


def a_jwk(name: str, **changes: Any) -> dict[str, Any]:
    """The public half of a key, by its name; None takes a member away."""
    public = KEYS[name].public_key()
    maker: Any = RSAAlgorithm if isinstance(public, rsa.RSAPublicKey) else ECAlgorithm
    jwk = {**maker.to_jwk(public, as_dict=True), "kid": name, "use": "sig", **changes}
    return {member: value for member, value in jwk.items() if value is not None}


def a_jwks(*names: str) -> dict[str, Any]:
    return {"keys": [a_jwk(name) for name in names]}


def a_token(
    key: str = "ES256",
    algorithm: str | None = None,
    headers: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """Ann's token, signed with the key of that name; a claim that is None is left out."""
    body = {"sub": "ann", "iss": "https://issuer.test", "aud": "authenticated", "exp": SOON, **claims}
    body = {name: value for name, value in body.items() if value is not None}
    algorithm = algorithm or ("RS256" if key in {"RS256", "short"} else "ES256")
    content = json.dumps(body).encode()
    headers = {"kid": key} if headers is None else headers
    return jwt.PyJWS().encode(content, KEYS[key], algorithm=algorithm, headers=headers)


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
