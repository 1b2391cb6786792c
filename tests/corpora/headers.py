"""Ids in addresses, and headers, as broken and hostile clients send them."""

from collections.abc import Iterator

from tests.corpora.corpus import ACCEPTED, Corpus, Entry, Try
from tests.corpora.system import System
from tests.support.builders import NOON, an_identity

UNKNOWN, BAD_KEY = "unknown_identity", "invalid_idempotency_key"
IDS = (
    *(
        "i2",
        "I1",
        "i1 ",
        " i1",
        "i1\0",
        "i1\n",
        "i1#",
        "i1%00",
        "i1%2F..",
        "..",
        ".",
        "*",
        "?",
        "IDENTITY#i1",
    ),
    *("i1;i1", "i1,i1", "' OR 1=1 --", '{"S":"i1"}', "$ne", "<script>", "-", "_", "0", "null"),
    *(
        "Zo\u00eb",
        "\u202ei1",
        "\uff491",
        "\ud800",
        "a" * 128,
        "a" * 129,
        "a" * 2048,
        "i1" * 5000,
        "\x7f",
        "\r\nX: y",
    ),
)
KEYS = (
    *(("a", ACCEPTED), ('"8e03978e-40d5-43e8-bc93-6894a57f9324"', ACCEPTED), ("x" * 255, ACCEPTED)),
    *(
        ("' OR 1=1 --".replace(" ", "_"), ACCEPTED),
        ("<script>", ACCEPTED),
        ("../../x", ACCEPTED),
        ("#", ACCEPTED),
    ),
    *(
        ("", BAD_KEY),
        (" ", BAD_KEY),
        ("a b", BAD_KEY),
        ("x" * 256, BAD_KEY),
        ("x" * 8000, BAD_KEY),
        ("\t", BAD_KEY),
    ),
    *(("Zo\u00eb", BAD_KEY), ("\0", BAD_KEY), ("a\r\nX: y", BAD_KEY), ("\x7f", BAD_KEY), ("\ud800", BAD_KEY)),
)
WAITS = (
    *(
        "",
        "wait",
        "wait=",
        "wait=0",
        "wait=-1",
        "wait=1e9",
        "wait=999999999",
        "wait=9999999999999999999",
        "wait=\u0661",
    ),
    *(
        "wait=NaN",
        'wait="5',
        "wait=5; until=scored; until=x",
        ",,,,",
        ";;;;",
        "wait=0, wait=20",
        "respond-async",
    ),
    *(
        '"' * 5000,
        "a=" * 5000,
        "wait=5;" * 2000,
        "\\" * 1000,
        'x="' + "\\a" * 2000,
        "\ud800",
        "\0",
        "wait = 3",
    ),
)
OTHERS = {
    "a body's type": ("content-type", "text/html; charset=utf-7"),
    "another encoding": ("content-encoding", "gzip"),
    "a method in a header": ("x-http-method-override", "DELETE"),
    "an address in a header": ("x-original-url", "/v1/usage"),
    "somebody's address": ("x-forwarded-for", "127.0.0.1"),
    "somebody's host": ("host", "169.254.169.254"),
    "a host beside it": ("x-forwarded-host", "evil.test"),
    "an owner": ("x-owner", "bob"),
    "a request's id": ("x-request-id", "a\r\nSet-Cookie: a=b"),
    "a trace": ("x-amzn-trace-id", "Root=1-" + "x" * 5000),
    "a cookie": ("cookie", "a=b; " * 1000),
    "a range": ("range", "bytes=0-0,-1," * 500),
    "a condition": ("if-none-match", "*"),
    "an origin": ("origin", "https://evil.test"),
    "a name of any letters": ("x-\u00eb\0\n", "\x00"),
    "a long name": ("x" * 8000, "y"),
    "languages": ("accept-language", "x-" + "a" * 8000),
    "no JSON wanted": ("accept", "image/png"),
    "a range of no end": ("range", "bytes=-"),
    "an expectation": ("expect", "100-continue"),
}


def entries() -> Iterator[Entry]:
    yield Entry("ours", "ids", ("id", "i1", ""))
    yield Entry("another owner's", "ids", ("id", "bobs", ""), UNKNOWN)
    for number, identifier in enumerate(IDS):
        yield Entry(f"{number} {identifier[:20]!a}", "ids", ("id", identifier, ""), UNKNOWN)
    for number, (key, expected) in enumerate(KEYS):
        yield Entry(f"{number} {key[:20]!a}", "Idempotency-Key", ("order", "idempotency-key", key), expected)
    for number, text in enumerate(WAITS):
        yield Entry(f"{number} {text[:20]!a}", "Prefer", ("read", "prefer", text))
    for name, (header, text) in OTHERS.items():
        yield Entry(name, "other headers", ("read", header, text))


def door(system: System) -> Try:
    system.services.identity_table.add(an_identity(settled_at=NOON))
    system.services.identity_table.add(an_identity(identity_id="bobs", owner="bob"))

    def call(given: tuple[str, str, str]) -> str:
        what, name, text = given
        if what == "order":
            # No picture: what is refused for that alone has passed everything before.
            body = {"name": "Sarah", "provider": "fal-instant", "references": []}
            answer = system.api("create_identity", "POST", "/v1/identities", body, headers={name: text})
            assert answer.status == 400, answer.body
            code = str(answer.body["code"])
            return ACCEPTED if code == "too_few_references" else code
        identifier, headers = (name, {}) if what == "id" else ("i1", {name: text})
        answer = system.api("get_identity", "GET", f"/v1/identities/{identifier}", headers=headers)
        if answer.status == 304:
            return ACCEPTED
        if answer.status == 200:
            assert (answer.body["characterId"], answer.body["name"]) == ("i1", "Sarah")
            return ACCEPTED
        assert answer.status == 404, answer.body
        return str(answer.body["code"])

    return call


CORPUS = Corpus("Ids and headers", 60, entries, door)
