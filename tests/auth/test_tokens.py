"""Tokens that are good and bad: real keys, a clock and an issuer that do what the test says."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.algorithms import ECAlgorithm

from character_identity.auth.jwks import (
    FRESH_FOR_S,
    MAX_BYTES,
    MAX_KEYS,
    REFRESH_INTERVAL_S,
    TRUSTED_FOR_S,
    IssuerKeys,
    KeysUnavailable,
    read_document,
    usable_keys,
)
from character_identity.auth.tokens import (
    CLOCK_SKEW_S,
    LONGEST_SUBJECT,
    LONGEST_TOKEN,
    Caller,
    TokenVerifier,
    bearer_of,
)
from character_identity.config import AuthSettings
from local.issuer import Issuer
from tests.support.tokens import KEYS, NOW, SOON, Clock, FakeIssuer, a_jwk, a_jwks, a_token, base64url


def owner_of(verifier: TokenVerifier, token: str | None) -> str | None:
    caller = verifier.caller_of(token)
    return None if caller is None else caller.owner


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer("ES256", "RS256")


@pytest.fixture
def verifier(issuer: FakeIssuer, clock: Clock) -> TokenVerifier:
    return TokenVerifier(
        IssuerKeys(issuer.read, clock), issuer="https://issuer.test", audience="authenticated", now=clock
    )


# what a good token says


@pytest.mark.parametrize(
    ("claims", "owner"),
    [
        ({"role": "authenticated", "aal": "aal2", "verified": True}, "ann"),
        ({"role": ["other", "authenticated"], "aal": "aal2", "verified": True}, "ann"),
        ({"role": "anon", "aal": "aal2", "verified": True}, None),
        ({"role": "Authenticated", "aal": "aal2", "verified": True}, None),
        ({"role": "authenticated", "aal": "aal2", "verified": False}, None),
        ({"role": "authenticated", "aal": "aal2", "verified": 1}, None),
        ({"role": "authenticated", "verified": True}, None),
        ({"role": {"authenticated": True}, "aal": "aal2", "verified": True}, None),
        ({"role": [["authenticated"]], "aal": "aal2", "verified": True}, None),
        ({}, None),
    ],
    ids=["all", "in a list", "another", "case", "false", "number", "missing", "object", "nested", "none"],
)
def test_a_token_says_what_the_operator_requires(
    issuer: FakeIssuer, clock: Clock, claims: dict[str, Any], owner: str | None
) -> None:
    verifier = TokenVerifier(
        IssuerKeys(issuer.read, clock),
        issuer="https://issuer.test",
        audience="authenticated",
        required_claims=("role=authenticated", "aal=aal2", "verified=true"),
        now=clock,
    )
    assert owner_of(verifier, a_token(**claims)) == owner


@pytest.mark.parametrize("key", ["ES256", "RS256"])
def test_a_good_token_says_who_is_calling(verifier: TokenVerifier, key: str) -> None:
    assert owner_of(verifier, a_token(key)) == "ann"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["other", "authenticated"]},
        {"sub": "b1ff9e29-3f0a-4f52-b6c1-2f3f8a3c7a11"},
        {"sub": "auth0|5f7c8ec7c33c6c004bbafe82"},
        {"sub": "x" * LONGEST_SUBJECT},
        {"exp": NOW + 0.5},
        {"exp": NOW - CLOCK_SKEW_S + 1},
        {"nbf": NOW + CLOCK_SKEW_S},
        {"iat": NOW + CLOCK_SKEW_S},
    ],
)
def test_what_a_good_token_may_say(verifier: TokenVerifier, claims: dict[str, Any]) -> None:
    assert owner_of(verifier, a_token(**claims)) == claims.get("sub", "ann")


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - CLOCK_SKEW_S},
        {"exp": None},
        {"exp": str(SOON)},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"nbf": NOW + CLOCK_SKEW_S + 1},
        {"nbf": "soon"},
        {"nbf": float("nan")},
        {"nbf": True},
        {"iat": False},
        {"iat": NOW + CLOCK_SKEW_S + 1},
        {"iat": [NOW]},
    ],
)
def test_a_token_for_other_times_is_nobodys(verifier: TokenVerifier, claims: dict[str, Any]) -> None:
    assert owner_of(verifier, a_token(**claims)) is None


def test_the_largest_times_are_numbers_too(verifier: TokenVerifier) -> None:
    assert owner_of(verifier, a_token(exp=10**400)) == "ann"
    assert owner_of(verifier, a_token(nbf=10**400)) is None


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://issuer.test/"},
        {"iss": "https://ISSUER.test"},
        {"iss": ["https://issuer.test"]},
        {"iss": None},
        {"aud": "other"},
        {"aud": "authenticated "},
        {"aud": ["other"]},
        {"aud": []},
        {"aud": [["authenticated"]]},
        {"aud": {"authenticated": True}},
        {"aud": None},
    ],
)
def test_a_token_of_others_or_for_others_is_nobodys(verifier: TokenVerifier, claims: dict[str, Any]) -> None:
    assert owner_of(verifier, a_token(**claims)) is None


@pytest.mark.parametrize(
    "subject", [None, "", "   ", 7, ["ann"], {"ann": 1}, "an\nn", "ann\0", "änn", "x" * (LONGEST_SUBJECT + 1)]
)
def test_a_token_without_a_name_that_we_can_keep_is_nobodys(verifier: TokenVerifier, subject: Any) -> None:
    assert owner_of(verifier, a_token(sub=subject)) is None


# what nobody has signed


def test_tokens_that_the_issuer_did_not_sign_are_nobodys(verifier: TokenVerifier) -> None:
    good = a_token()
    head, body, signature = good.split(".")
    other = a_token(sub="eve").split(".")
    for token in (
        a_token("foreign", headers={"kid": "ES256"}),
        f"{head}.{other[1]}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}",
        f"{head}.{body}",
    ):
        assert owner_of(verifier, token) is None


@pytest.mark.parametrize("key", ["ES256", "RS256"])
def test_a_public_key_is_no_shared_secret(verifier: TokenVerifier, key: str) -> None:
    """Algorithm confusion: what everybody can read, used as the key of an HMAC."""
    public = KEYS[key].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    body = a_token(key).split(".")[1]
    for secret in (pem, pem.strip(), der, json.dumps(a_jwk(key)).encode(), b""):
        for algorithm in ("HS256", "hs256", key):
            head = base64url(json.dumps({"alg": algorithm, "kid": key, "typ": "JWT"}).encode())
            digest = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
            assert owner_of(verifier, f"{head}.{body}.{base64url(digest)}") is None


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "", None, 7, ["ES256"], "ES384", "PS256", "EdDSA"]
)
def test_other_algorithms_are_refused_before_a_key_is_read(
    verifier: TokenVerifier, issuer: FakeIssuer, algorithm: Any
) -> None:
    body = a_token().split(".")[1]
    for signature in ("", a_token().split(".")[2]):
        head = base64url(json.dumps({"alg": algorithm, "kid": "ES256"}).encode())
        assert owner_of(verifier, f"{head}.{body}.{signature}") is None
    assert issuer.asked == 0


def test_a_key_serves_its_own_algorithm_only(verifier: TokenVerifier) -> None:
    assert owner_of(verifier, a_token("ES256", headers={"kid": "RS256"})) is None
    assert owner_of(verifier, a_token("RS256", headers={"kid": "ES256"})) is None
    keys = IssuerKeys(lambda: a_jwks("ES256", "RS256"))
    assert keys.matching("ES256", "RS256") == keys.matching("RS256", "ES256") == []
    assert [key.key_id for key in keys.matching("ES256", None)] == ["ES256"]


def test_a_token_that_asks_for_extensions_is_nobodys(verifier: TokenVerifier) -> None:
    body = a_token().split(".")[1]
    for extension, owner in (({}, "ann"), ({"crit": ["exp"]}, None), ({"crit": ["b64"], "b64": False}, None)):
        head = base64url(json.dumps({"alg": "ES256", "kid": "ES256", **extension}).encode())
        r, s = decode_dss_signature(KEYS["ES256"].sign(f"{head}.{body}".encode(), ec.ECDSA(SHA256())))
        signature = base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        assert owner_of(verifier, f"{head}.{body}.{signature}") == owner


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "x",
        "..",
        "a.b.c",
        "\ud800.b.c",
        "ä.ö.ü",
        base64url(b"[]") + ".e30.x",
        base64url(b"{") + ".e30.x",
        base64url(b"[" * 4000) + ".e30.x",
        base64url(b'{"alg":"ES256","kid":7}') + ".e30.x",
        base64url(b'{"alg":"ES256","kid":null}') + "..",
    ],
)
def test_what_is_no_token_is_nobodys(verifier: TokenVerifier, token: str | None) -> None:
    assert owner_of(verifier, token) is None


def test_a_huge_token_is_refused_unread(verifier: TokenVerifier, issuer: FakeIssuer) -> None:
    assert len(a_token(more="x" * LONGEST_TOKEN)) > LONGEST_TOKEN
    assert owner_of(verifier, a_token(more="x" * LONGEST_TOKEN)) is None
    assert issuer.asked == 0
    assert owner_of(verifier, a_token(more="x" * (LONGEST_TOKEN // 2))) == "ann"


# keys: several, none named, new ones


def test_a_token_that_names_no_key_is_tried_with_each(issuer: FakeIssuer, verifier: TokenVerifier) -> None:
    issuer.document = a_jwks("ES256", "RS256", "next")
    assert owner_of(verifier, a_token("next", headers={})) == "ann"
    assert owner_of(verifier, a_token("RS256", headers={})) == "ann"
    assert owner_of(verifier, a_token("foreign", headers={})) is None
    assert issuer.asked == 1


def test_the_only_key_may_have_no_name(issuer: FakeIssuer, verifier: TokenVerifier) -> None:
    issuer.document = {"keys": [a_jwk("ES256", kid=None)]}
    assert owner_of(verifier, a_token(headers={})) == "ann"
    assert owner_of(verifier, a_token(headers={"kid": "anything"})) == "ann"


def test_the_keys_are_read_once_and_again_when_they_are_old(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: Clock
) -> None:
    for _ in range(3):
        owner_of(verifier, a_token(exp=NOW + 10 * FRESH_FOR_S))
    assert issuer.asked == 1
    clock.time += FRESH_FOR_S - 1
    owner_of(verifier, a_token(exp=NOW + 10 * FRESH_FOR_S))
    assert issuer.asked == 1
    clock.time += 1
    owner_of(verifier, a_token(exp=NOW + 10 * FRESH_FOR_S))
    assert issuer.asked == 2


def test_a_key_that_the_issuer_withdraws_stops_working(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: Clock
) -> None:
    token = a_token(exp=NOW + 10 * FRESH_FOR_S)
    assert owner_of(verifier, token) == "ann"
    issuer.document = a_jwks("RS256")
    clock.time += FRESH_FOR_S
    assert owner_of(verifier, token) is None


def test_a_new_key_is_read_when_a_token_names_it(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: Clock
) -> None:
    assert owner_of(verifier, a_token()) == "ann"
    issuer.document = a_jwks("ES256", "next")
    clock.time += REFRESH_INTERVAL_S
    assert owner_of(verifier, a_token("next")) == "ann"
    assert owner_of(verifier, a_token()) == "ann"
    assert issuer.asked == 2


def test_names_that_nobody_knows_do_not_make_us_ask_all_the_time(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: Clock
) -> None:
    for second in range(60):
        clock.time = NOW + second
        assert owner_of(verifier, a_token("foreign", headers={"kid": f"k{second}"})) is None
    assert issuer.asked == 60 / REFRESH_INTERVAL_S


def test_a_wrong_signature_by_a_known_name_asks_nobody(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: Clock
) -> None:
    owner_of(verifier, a_token())
    clock.time += REFRESH_INTERVAL_S
    owner_of(verifier, a_token("foreign", headers={"kid": "ES256"}))
    assert issuer.asked == 1


# an issuer that cannot be reached

OUTAGES = [OSError("no route"), TimeoutError(), ValueError("not JSON"), RecursionError()]


@pytest.mark.parametrize("failure", OUTAGES, ids=lambda failure: type(failure).__name__)
def test_without_any_key_nobody_is_called_a_liar(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: Clock, failure: Exception
) -> None:
    issuer.failure = failure
    for _ in range(2):
        with pytest.raises(KeysUnavailable):
            owner_of(verifier, a_token())
    assert issuer.asked == 1
    issuer.failure = None
    clock.time += REFRESH_INTERVAL_S
    assert owner_of(verifier, a_token()) == "ann"


@pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": []}, {"keys": [7, None, {}]}])
def test_an_issuer_without_a_key_is_as_good_as_unreachable(
    verifier: TokenVerifier, issuer: FakeIssuer, document: Any
) -> None:
    issuer.document = document
    with pytest.raises(KeysUnavailable):
        owner_of(verifier, a_token())


def test_known_keys_serve_for_an_hour_of_an_outage_and_no_longer(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: Clock
) -> None:
    token = a_token(exp=NOW + 2 * TRUSTED_FOR_S)
    assert owner_of(verifier, token) == "ann"
    issuer.failure = OSError("no route")
    clock.time = NOW + TRUSTED_FOR_S - 1
    assert owner_of(verifier, token) == "ann"
    assert owner_of(verifier, a_token("foreign")) is None
    clock.time = NOW + TRUSTED_FOR_S
    with pytest.raises(KeysUnavailable):
        owner_of(verifier, token)
    issuer.failure = None
    clock.time += REFRESH_INTERVAL_S
    assert owner_of(verifier, token) == "ann"


def test_an_outage_is_not_waited_for_with_every_request(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: Clock
) -> None:
    owner_of(verifier, a_token())
    issuer.failure = OSError("no route")
    clock.time += FRESH_FOR_S
    for _ in range(5):
        owner_of(verifier, a_token())
    assert issuer.asked == 2


def test_an_outage_is_logged_even_while_known_keys_serve(
    verifier: TokenVerifier, issuer: FakeIssuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    owner_of(verifier, a_token())
    issuer.failure = OSError("no route")
    clock.time += FRESH_FOR_S
    assert owner_of(verifier, a_token()) == "ann"
    assert "the keys of the issuer cannot be read" in caplog.text


# what an issuer publishes


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "shared"}, id="symmetric"),
        pytest.param(
            {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            id="another kind",
        ),
        pytest.param(a_jwk("P-384"), id="P-384"),
        pytest.param(a_jwk("P-384", alg="ES256"), id="P-384 as ES256"),
        pytest.param(a_jwk("ES256", use="enc"), id="for encryption"),
        pytest.param(a_jwk("ES256", alg="ES384"), id="of another algorithm"),
        pytest.param(a_jwk("RS256", alg="PS256"), id="RSA for PSS"),
        pytest.param(a_jwk("short"), id="too short"),
        pytest.param(ECAlgorithm.to_jwk(KEYS["ES256"], as_dict=True), id="private"),
        pytest.param(a_jwk("ES256", x="AAAA"), id="x too short"),
        pytest.param(a_jwk("ES256", x=7), id="x no text"),
        pytest.param(a_jwk("ES256", x=base64url(b"\1" * 32)), id="not on the curve"),
        pytest.param(a_jwk("ES256", crv=["P-256"]), id="curve in a list"),
        pytest.param(a_jwk("RS256", n=None), id="no modulus"),
        pytest.param({"kty": ["EC"]}, id="kind in a list"),
        pytest.param("text", id="no key at all"),
    ],
)
def test_keys_that_are_broken_or_for_something_else_are_left_out(other: Any) -> None:
    assert [key.key_id for key in usable_keys({"keys": [other, a_jwk("RS256")]})] == ["RS256"]


def test_a_set_of_any_length_costs_little() -> None:
    assert len(usable_keys({"keys": [a_jwk("ES256")] * (MAX_KEYS + 5)})) == MAX_KEYS


# the issuer of a local run, over HTTP


def test_a_token_of_the_local_issuer_is_good() -> None:
    issuer = Issuer()
    settings = AuthSettings(jwks_url=issuer.jwks_url, jwt_issuer=issuer.url, jwt_audience="authenticated")
    try:
        assert owner_of(TokenVerifier.from_settings(settings), issuer.token("ann")) == "ann"
        with pytest.raises(ValueError, match="404"):
            read_document(issuer.url + "/elsewhere")
    finally:
        issuer.close()
    with pytest.raises(KeysUnavailable):
        owner_of(TokenVerifier.from_settings(settings), issuer.token("ann"))


def test_a_document_without_end_is_not_read_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer()
    monkeypatch.setattr("character_identity.auth.jwks.MAX_BYTES", 10)
    try:
        with pytest.raises(ValueError, match="more than 10 bytes"):
            read_document(issuer.jwks_url)
    finally:
        issuer.close()
    assert MAX_BYTES > MAX_KEYS * 1000


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://issuer.test/keys",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/keys",
        "https://bob@issuer.test/keys",
        "issuer.test",
        "",
    ],
)
def test_keys_are_read_from_public_addresses_over_tls_only(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda host, port, **_: [(0, 0, 0, "", (host, port))])
    monkeypatch.setattr("socket.create_connection", lambda *_: pytest.fail("it was called"))
    with pytest.raises(ValueError, match="no key set"):
        read_document(url)


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


@pytest.mark.parametrize(
    ("claims", "is_anonymous"),
    [
        ({}, False),
        ({"is_anonymous": False}, False),
        ({"is_anonymous": None}, False),
        ({"is_anonymous": True}, True),
        ({"is_anonymous": "true"}, True),
        ({"is_anonymous": 1}, True),
        ({"is_anonymous": 0}, True),  # neither false nor left out: in doubt nobody pays
        ({"provider_id": "anonymous"}, True),
        ({"firebase": {"sign_in_provider": "anonymous"}}, True),
        ({"firebase": {"sign_in_provider": "password"}}, False),
        ({"firebase": "anonymous"}, False),
        ({"provider_id": ["anonymous"]}, False),
    ],
)
def test_an_anonymous_sign_in_is_told_from_an_account(
    verifier: TokenVerifier, claims: dict[str, Any], is_anonymous: bool
) -> None:
    assert verifier.caller_of(a_token(**claims)) == Caller("ann", is_anonymous)
