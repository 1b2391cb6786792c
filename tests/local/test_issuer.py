"""The token of a local run is one that any verifier with the JWKS accepts."""

from collections.abc import Iterator

import httpx
import jwt
import pytest

from character_identity_client.evaluations import LONGEST_RUN_S
from local.issuer import AUDIENCE, Issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.close()


def test_the_token_is_verified_with_the_key_that_the_issuer_shows(issuer: Issuer) -> None:
    token = issuer.token()
    key = jwt.PyJWKClient(issuer.jwks_url).get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["ES256"], audience=AUDIENCE, issuer=issuer.url)
    assert claims["sub"] == "local-developer"
    assert claims["exp"] - claims["iat"] > LONGEST_RUN_S


def test_another_person_can_be_named(issuer: Issuer) -> None:
    claims = jwt.decode(issuer.token("someone-else"), options={"verify_signature": False})
    assert claims["sub"] == "someone-else"


def test_the_private_half_of_the_key_is_not_shown(issuer: Issuer) -> None:
    (key,) = httpx.get(issuer.jwks_url).json()["keys"]
    assert (key["kty"], key["alg"], "d" in key) == ("EC", "ES256", False)


def test_there_is_nothing_else(issuer: Issuer) -> None:
    assert httpx.get(f"{issuer.url}/").status_code == 404
