"""Callbacks, as fal and Astria would post them and as others might, for one job of each."""

import json
from collections.abc import Iterator
from typing import Any

from character_identity.api.request import MAX_BODY_BYTES
from tests.corpora.corpus import ACCEPTED, Corpus, Entry, Try
from tests.corpora.system import System
from tests.support.builders import a_generation_job
from tests.support.callback_doors import ASTRIA, FOREIGN_KEY, GARBAGE, NOTICE, TUNE, CallbackDoors

BODY = json.dumps(NOTICE).encode()
FORGED, UNKNOWN, TOO_LARGE = "invalid_signature", "unknown_callback", "body_too_large"
PREFIX = "x-fal-webhook-"
PARTS = ("request-id", "user-id", "timestamp", "signature")
TIMES = ("", "now", "-1", "1.5e9", "١٧٦٣", "9" * 400, " 1", "0x10", "1e9", "NaN", "\0")
SIGNATURES = (
    "xyz",
    "0",
    "00" * 63,
    "00" * 64,
    "00" * 65,
    "FF" * 64,
    "é" * 128,
    "\ud800",
    "0 " * 64,
    "0x" + "00" * 63,
)
JOBS = (
    ("training-i1", "guess"),
    ("training-i1", ""),
    ("training-i1", "Secret"),
    ("training-i1", "secret "),
    ("training-i1", "secret\0"),
    ("training-i1", "secre"),
    ("training-i1", "s\u00e9cret"),
    ("training-i2", "secret"),
    ("TRAINING-I1", "secret"),
    ("JOB#training-i1", "secret"),
    ("generation-g1", "secret"),
    ("", ""),
    ("training-i1,training-i1", "secret,secret"),
    ("../training-i1", "secret"),
    ("x" * 3000, "x" * 3000),
    ("\ud800", "\ud800"),
)
ADDRESSES = (
    *("training-i1.guess", "training-i1.", "training-i1", ".secret", ".", "training-i2.secret"),
    *(
        "training-i1.secret.x",
        "generation-g1.secret",
        "training-i1.SECRET",
        "training-i1%2Esecret",
        "x" * 3000,
    ),
    *("a1.other", "training-i1.secret ", "\ud800", "..", "JOB#training-i1.secret"),
)
SAID: dict[str, bytes] = {
    **GARBAGE,
    "null": b"null",
    "text": b'"r1"',
    "an id of another form": b'{"request_id": {"$ne": null}}',
    "an id with a path": b'{"request_id": "../r9"}',
    "a long id": json.dumps({"request_id": "r" * 5000}).encode(),
    "an id twice": b'{"request_id": "r8", "request_id": "r9"}',
    "failed": b'{"request_id": "r1", "status": "ERROR", "error": "<script>"}',
    "NUL": b"\0" * 100,
    "UTF-16": json.dumps(NOTICE).encode("utf-16"),
    "no UTF-8": b"\xff\xfe\x80",
    "infinite": b'{"request_id": Infinity}',
    "as much as is read": b"x" * MAX_BODY_BYTES,
}
"""What is signed, and says nothing that we could use: it wakes whoever waits, and changes nothing."""


def entries() -> Iterator[Entry]:
    yield Entry("fal", "as it should be", fal())
    yield Entry("fal in Base64", "as it should be", fal(in_base64=True))
    yield Entry("Astria", "as it should be", astria())
    yield Entry("Astria in Base64", "as it should be", astria(in_base64=True))
    for age_s, expected in ((0, ACCEPTED), (300, ACCEPTED), (-300, ACCEPTED), (301, FORGED), (-301, FORGED)):
        yield Entry(f"{age_s} s ago", "fal: time", fal(age_s=age_s), expected)
    for number, text in enumerate(TIMES):
        yield Entry(f"time {number}", "fal: time", fal(changes={f"{PREFIX}timestamp": text}), FORGED)
    for number, text in enumerate(SIGNATURES):
        yield Entry(
            f"signature {number}", "fal: signature", fal(changes={f"{PREFIX}signature": text}), FORGED
        )
    yield Entry("a stranger's key", "fal: signature", fal(key=FOREIGN_KEY), FORGED)
    yield Entry("no header", "fal: signature", fal(headers={}), FORGED)
    for part in PARTS:
        for text in ("", "other", "\ud800", "é", "\r\nx: y"):
            name = f"{part} {text!a}"
            yield Entry(name, "fal: signed values", fal(changes={PREFIX + part: text}), FORGED)
        yield Entry(f"no {part}", "fal: signed values", fal(changes={PREFIX + part: None}), FORGED)
    for name, body in (("blank", BODY + b" "), ("cut", BODY[:-1]), ("empty", b""), ("other", b"{}")):
        yield Entry(f"body: {name}", "fal: body", fal(body=body, signed=BODY), FORGED)
    for name, body in SAID.items():
        yield Entry(f"fal says {name}", "fal: body", fal(body=body, in_base64=True))
        yield Entry(f"Astria says {name}", "Astria: body", astria(body=body, in_base64=True))
    too_long = b"x" * (MAX_BODY_BYTES + 1)
    yield Entry("too long, signed", "fal: body", fal(body=too_long), TOO_LARGE)
    yield Entry("too long", "fal: body", fal(body=too_long, headers={}), TOO_LARGE)
    yield Entry("Astria says too much", "Astria: body", astria(body=too_long), TOO_LARGE)
    for number, (job, token) in enumerate(JOBS):
        yield Entry(f"job {number}", "fal: address", fal(job=job, token=token), UNKNOWN)
    for number, token in enumerate(ADDRESSES):
        yield Entry(f"address {number}", "Astria: address", astria(path=f"/webhooks/astria/{token}"), UNKNOWN)
    yield Entry("fal's job at Astria's door", "Astria: address", astria(path=ASTRIA), UNKNOWN)


def fal(**how: Any) -> dict[str, Any]:
    return {"account": "fal", **how}


def astria(**how: Any) -> dict[str, Any]:
    return {"account": "astria", "path": "/webhooks/astria/generation-a1.other", **how}


def door(system: System) -> Try:
    doors = CallbackDoors()
    doors.order()
    doors.order(a_generation_job(job_id="generation-a1", provider="astria", callback_token="other"))
    # Both are known to their providers: no callback may say otherwise.
    doors.fal()
    doors.astria({"prompt": {"id": 78, "tune_id": 5}}, path="/webhooks/astria/generation-a1.other")
    jobs = [doors.job(name) for name in ("training-i1", "generation-a1")]
    assert None not in [job.handle for job in jobs]

    def call_back(how: dict[str, Any]) -> str:
        how = dict(how)
        if how.pop("account") == "astria":
            answer = doors.astria(TUNE, **how)
        else:
            answer = doors.fal(**_with_headers(doors, how))
        assert [doors.job(job.job_id).handle for job in jobs] == [job.handle for job in jobs]
        assert answer.status in {200, 400, 401, 404, 413}, answer.body
        return ACCEPTED if answer.status == 200 else str(answer.body["code"])

    return call_back


def _with_headers(doors: CallbackDoors, how: dict[str, Any]) -> dict[str, Any]:
    body = how.pop("signed", how.get("body", BODY))
    signing = {name: how.pop(name) for name in ("key", "age_s") if name in how}
    changes = how.pop("changes", {})
    signed = {
        name: value for name, value in (doors.signed(body, **signing) | changes).items() if value is not None
    }
    return {"headers": signed, "body": body, **how}


CORPUS = Corpus("Callbacks of fal and Astria", 100, entries, door)
