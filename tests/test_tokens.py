import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from character_identity.tokens import TokenVerifier, bearer_of

KEYS: dict[str, Any] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "foreign": ec.generate_private_key(ec.SECP256R1()),
}


class PublishedKeys(jwt.PyJWKClient):
    """The issuer's keys without its web server."""

    def fetch_data(self) -> Any:
        keys = []
        for algorithm, to_jwk in (
            ("ES256", jwt.algorithms.ECAlgorithm),
            ("RS256", jwt.algorithms.RSAAlgorithm),
        ):
            jwk = to_jwk.to_jwk(KEYS[algorithm].public_key(), as_dict=True)
            keys.append({**jwk, "kid": algorithm, "use": "sig", "alg": algorithm})
        return {"keys": keys}


@pytest.fixture
def verifier() -> TokenVerifier:
    return TokenVerifier(PublishedKeys("https://issuer.test/jwks"), "https://issuer.test", "authenticated")


def a_token(key: str = "ES256", algorithm: str = "ES256", kid: str | None = None, **claims: Any) -> str:
    body = {
        "sub": "ann",
        "iss": "https://issuer.test",
        "aud": "authenticated",
        "exp": int(time.time()) + 600,
        **claims,
    }
    body = {name: value for name, value in body.items() if value is not None}
    return jwt.encode(body, KEYS[key], algorithm=algorithm, headers={"kid": kid or key})


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_good_token_says_who_is_calling(verifier: TokenVerifier, algorithm: str) -> None:
    assert verifier.owner_of(a_token(algorithm, algorithm)) == "ann"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"iss": "https://other.test"},
        {"aud": "other"},
        {"nbf": 9_999_999_999},
    ],
)
def test_a_token_for_others_or_other_times_is_nobodys(
    verifier: TokenVerifier, claims: dict[str, Any]
) -> None:
    assert verifier.owner_of(a_token(**claims)) is None


def test_forged_tokens_are_nobodys(verifier: TokenVerifier) -> None:
    unsigned = jwt.encode({"sub": "ann"}, "", algorithm="none", headers={"kid": "ES256"})
    symmetric = jwt.encode({"sub": "ann"}, "k" * 32, algorithm="HS256", headers={"kid": "ES256"})
    for token in (a_token("foreign", kid="ES256"), a_token("foreign"), unsigned, symmetric, "x", None):
        assert verifier.owner_of(token) is None


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"authorization": "Bearer abc"}, "abc"),
        ({"Authorization": "bearer  abc "}, "abc"),
        ({"Authorization": "Basic abc"}, None),
        ({"Authorization": "Bearer"}, None),
        ({}, None),
    ],
)
def test_the_bearer_header(headers: dict[str, str], token: str | None) -> None:
    assert bearer_of(headers) == token
