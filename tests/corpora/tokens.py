"""Tokens, good and forged, as the authorizer gets them in the header of a call."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from character_identity.auth.jwks import IssuerKeys
from character_identity.auth.tokens import CLOCK_SKEW_S, LONGEST_SUBJECT, LONGEST_TOKEN, TokenVerifier
from character_identity.config import AuthSettings
from functions.authorize_request import handler
from tests.corpora.corpus import ACCEPTED, Corpus, Entry, Try
from tests.corpora.system import System
from tests.support.handlers import Context
from tests.support.tokens import KEYS, NOW, SOON, Clock, FakeIssuer, a_jwk, a_token, base64url

NOBODY, LOOKS_ONLY = "unauthorized", "anonymous_caller"
"""API Gateway's 401 or 403; and who may look, and is refused what costs money."""
ISSUER, AUDIENCE = "https://issuer.test", "authenticated"
INFINITE = float("inf")

GOOD: tuple[dict[str, Any], ...] = (
    {},
    {"aud": ["other", AUDIENCE]},
    {"sub": "b1ff9e29-3f0a-4f52-b6c1-2f3f8a3c7a11"},
    {"sub": "auth0|5f7c8ec7c33c6c004bbafe82"},
    {"sub": "x" * LONGEST_SUBJECT},
    {"sub": "../../etc/passwd"},
    {"sub": "OWNER#bob"},
    {"sub": "' OR 1=1 --"},
    {"exp": NOW + 0.5},
    {"exp": NOW - CLOCK_SKEW_S + 1},
    {"exp": 10**400},
    {"nbf": NOW + CLOCK_SKEW_S},
    {"iat": NOW + CLOCK_SKEW_S},
    {"nbf": 0, "iat": 0},
    {"role": "service_role", "more": {"deep": [1, 2, 3]}},
    {"more": "x" * (LONGEST_TOKEN // 2)},
    {"is_anonymous": False},
    {"is_anonymous": None},
)
FLAGS: tuple[Any, ...] = (True, 1, 0, "true", "false", [], {})
"""Of ``is_anonymous``: neither false nor left out."""
EXTENSIONS: tuple[dict[str, Any], ...] = (
    *({"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"crit": []}, {"crit": "exp"}),
)
"""Of RFC 7515, section 4.1.11: what must be understood, and is not."""
OTHER_TIMES: dict[str, tuple[Any, ...]] = {
    "exp": (
        *(NOW - CLOCK_SKEW_S, 0, -1, str(SOON), "", "never", True, False, float("nan"), INFINITE, -INFINITE),
        *(-(10**400), [SOON], {"at": SOON}, None),
    ),
    "nbf": (NOW + CLOCK_SKEW_S + 1, 10**400, INFINITE, "soon", float("nan"), True, [0]),
    "iat": (NOW + CLOCK_SKEW_S + 1, 10**400, INFINITE, "now", float("nan"), False, {}),
}
OTHERS: dict[str, tuple[Any, ...]] = {
    "iss": (
        *(
            f"{ISSUER}/",
            ISSUER.upper(),
            f" {ISSUER}",
            f"{ISSUER}\0",
            f"{ISSUER}.evil.test",
            "http://issuer.test",
        ),
        *("", [ISSUER], 7, True, {"a": ISSUER}, None),
    ),
    "aud": (
        *("other", f"{AUDIENCE} ", AUDIENCE.upper(), "", "*", ["other"], [], [[AUDIENCE]], {AUDIENCE: True}),
        *(7, True, [None], None),
    ),
}
SUBJECTS: tuple[Any, ...] = (
    *(
        "",
        " ",
        "\t",
        "an\nn",
        "ann\0",
        "\x7f",
        "änn",
        "李",
        "\u202enna",
        "ann\u200b",
        "x" * (LONGEST_SUBJECT + 1),
    ),
    *(None, 0, 7, True, ["ann"], [], {"ann": 1}, 1.5),
)
ALGORITHMS: tuple[Any, ...] = (
    *("none", "None", "NONE", "nOnE", "", " ES256", "es256", "ES384", "ES512", "ES256K", "PS256", "RS384"),
    *("RS512", "EdDSA", "HS256", "HS512", "A128KW", "dir", None, 7, True, ["ES256"], {"alg": "ES256"}),
)
CLAIM_OF_KEYS: tuple[dict[str, Any], ...] = (
    {"jwk": a_jwk("foreign")},
    {"jku": "https://evil.test/keys"},
    {"x5u": "https://evil.test/cert"},
    {"x5c": ["MIIB"]},
    {"kid": "foreign"},
    {"kid": "../../dev/null"},
    {"kid": "' UNION SELECT 1 --"},
    {"kid": "\0"},
    {"kid": "x" * 5000},
    {},
)
"""Headers of a token that a stranger signed: they say where its key would be found."""
NO_TOKENS: dict[str, str | None] = {
    "no header": None,
    "empty": "",
    "blank": " ",
    "a word": "x",
    "two dots": "..",
    "three letters": "a.b.c",
    "four dots": "....",
    "a header only": base64url(b'{"alg":"ES256"}'),
    "list as header": base64url(b"[]") + ".e30.x",
    "number as header": base64url(b"7") + ".e30.x",
    "null as header": base64url(b"null") + ".e30.x",
    "half a header": base64url(b"{") + ".e30.x",
    "deep header": base64url(b"[" * 4000) + ".e30.x",
    "long number": base64url(b'{"alg":' + b"9" * 5000 + b"}") + ".e30.x",
    "number as kid": base64url(b'{"alg":"ES256","kid":7}') + ".e30.x",
    "object as kid": base64url(b'{"alg":"ES256","kid":{}}') + ".e30.x",
    "null as kid": base64url(b'{"alg":"ES256","kid":null}') + "..",
    "doubled alg": base64url(b'{"alg":"ES256","alg":"none"}') + ".e30.",
    "latin-1 header": base64url(b'{"alg":"ES256\xe4"}') + ".e30.x",
    "UTF-16 header": base64url('{"alg":"ES256"}'.encode("utf-16")) + ".e30.x",
    "JWE": "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..a.b.c",
    "surrogate": "\ud800.b.c",
    "umlauts": "ä.ö.ü",
    "NUL": "\0.\0.\0",
    "Basic": "YW5uOnNlY3JldA==",
    "very long": "x" * (LONGEST_TOKEN + 1),
    "very many dots": "." * LONGEST_TOKEN,
}
SCHEMES = ("Basic", "Token", "JWT", "Bearer\u00a0", "Bearer:", "", "AWS4-HMAC-SHA256")


def entries() -> Iterator[Entry]:
    for number, claims in enumerate(GOOD):
        yield Entry(f"good {number}", "what a good one may say", bearer(a_token(**claims)))
    yield Entry("RS256", "what a good one may say", bearer(a_token("RS256")))
    yield Entry("bearer", "what a good one may say", f"bearer  {a_token()} ")
    yield Entry("no key named", "what a good one may say", bearer(a_token(headers={})))
    for flag in FLAGS:
        yield Entry(f"anonymous {flag!r}", "anonymous", bearer(a_token(is_anonymous=flag)), LOOKS_ONLY)
    for claims in ({"provider_id": "anonymous"}, {"firebase": {"sign_in_provider": "anonymous"}}):
        yield Entry(f"anonymous {[*claims]}", "anonymous", bearer(a_token(**claims)), LOOKS_ONLY)
    for kind, all_values in (("other times", OTHER_TIMES), ("of others or for others", OTHERS)):
        for claim, values in all_values.items():
            for number, value in enumerate(values):
                yield Entry(f"{claim} {number}", kind, bearer(a_token(**{claim: value})), NOBODY)
    for number, subject in enumerate(SUBJECTS):
        yield Entry(f"subject {number}", "subject", bearer(a_token(sub=subject)), NOBODY)
    for name, token in NO_TOKENS.items():
        yield Entry(name, "no token", None if token is None else bearer(token), NOBODY)
    for kind, forged in (
        ("another algorithm", _of_other_algorithms()),
        ("signature", _forged()),
        ("public key as secret", _confused()),
        ("critical extensions", _extended()),
    ):
        for name, token in forged:
            yield Entry(name, kind, bearer(token), NOBODY)
    for scheme in SCHEMES:
        yield Entry(f"scheme {scheme!r}", "another scheme", f"{scheme} {a_token()}", NOBODY)


def bearer(token: str) -> str:
    return f"Bearer {token}"


def _of_other_algorithms() -> Iterator[tuple[str, str]]:
    _, body, signature = a_token().split(".")
    for algorithm in ALGORITHMS:
        head = base64url(json.dumps({"alg": algorithm, "kid": "ES256"}).encode())
        yield f"{algorithm!r}, signed for another", f"{head}.{body}.{signature}"
        yield f"{algorithm!r}, unsigned", f"{head}.{body}."


def _forged() -> Iterator[tuple[str, str]]:
    head, body, signature = a_token().split(".")
    eves = a_token(sub="eve").split(".")
    yield "a stranger's signature", a_token("foreign", headers={"kid": "ES256"})
    yield "another body", f"{head}.{eves[1]}.{signature}"
    yield "another signature", f"{head}.{body}.{eves[2]}"
    yield "no signature", f"{head}.{body}."
    yield "half a signature", f"{head}.{body}.{signature[:-4]}"
    yield "zeros", f"{head}.{body}.{base64url(bytes(64))}"
    yield "ones", f"{head}.{body}.{base64url(bytes([255] * 64))}"
    yield (
        "DER",
        f"{head}.{body}.{base64url(KEYS['ES256'].sign(f'{head}.{body}'.encode(), ec.ECDSA(SHA256())))}",
    )
    yield "two parts", f"{head}.{body}"
    yield "four parts", f"{head}.{body}.{signature}.{signature}"
    yield "padded", f"{head}.{body}=.{signature}"
    yield "a key for the other algorithm", a_token("ES256", headers={"kid": "RS256"})
    yield "the other way round", a_token("RS256", headers={"kid": "ES256"})
    signed = base64url(json.dumps({"alg": "RS256", "kid": "RS256"}).encode()) + f".{body}"
    yield "a short key", f"{signed}.{base64url(KEYS['short'].sign(signed.encode(), PKCS1v15(), SHA256()))}"
    for number, headers in enumerate(CLAIM_OF_KEYS):
        yield f"brings its key {number}", a_token("foreign", headers=headers)


def _confused() -> Iterator[tuple[str, str]]:
    """Algorithm confusion: what everybody can read of a key, as the secret of an HMAC."""
    for key in ("ES256", "RS256"):
        public, body = KEYS[key].public_key(), a_token(key).split(".")[1]
        secrets = [
            public.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
            for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)
        ]
        for number, secret in enumerate([*secrets, secrets[0].strip(), json.dumps(a_jwk(key)).encode(), b""]):
            for algorithm in ("HS256", "hs256", key):
                head = base64url(json.dumps({"alg": algorithm, "kid": key, "typ": "JWT"}).encode())
                digest = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
                yield f"{key} as secret {number} of {algorithm}", f"{head}.{body}.{base64url(digest)}"


def _extended() -> Iterator[tuple[str, str]]:
    """Tokens that are signed well, and ask for what we do not do."""
    body = a_token().split(".")[1]
    for extension in EXTENSIONS:
        head = base64url(json.dumps({"alg": "ES256", "kid": "ES256", **extension}).encode())
        r, s = decode_dss_signature(KEYS["ES256"].sign(f"{head}.{body}".encode(), ec.ECDSA(SHA256())))
        yield (
            f"asks for {extension}",
            f"{head}.{body}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}",
        )


def door(system: System) -> Try:
    clock = Clock()
    keys = IssuerKeys(FakeIssuer("ES256", "RS256").read, clock)
    verifier = TokenVerifier(keys, issuer=ISSUER, audience=AUDIENCE, now=clock)
    settings = AuthSettings(jwks_url=f"{ISSUER}/keys", jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
    system.patch.setattr(handler, "verifier", lambda: verifier)
    system.patch.setattr(handler, "settings", lambda: settings)

    def authorize(header: str | None) -> str:
        headers = {} if header is None else {"authorization": header}
        answer = handler.lambda_handler({"headers": headers, "requestContext": {"requestId": "r"}}, Context())
        if not answer["isAuthorized"]:
            assert answer["context"] == {"owner": ""}
            return NOBODY
        return ACCEPTED if answer["context"]["mayOrder"] else LOOKS_ONLY

    return authorize


CORPUS = Corpus("Tokens", 150, entries, door)
