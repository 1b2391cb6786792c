"""The TypeScript client as it is built: its own tests, events, and what its user's compiler says."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from character_identity.domain.event import EventType
from character_identity.domain.webhook import secret_of, signed_headers
from scripts.typescript import CLIENT, built
from tests.support.openapi import described
from tests.typescript.client import compile_strictly, install, output_of, run

pytestmark = pytest.mark.processes

SECRET = secret_of(b"a key of at least 24 bytes")


def test_its_own_tests() -> None:
    said = output_of("node", "--test", "--test-reporter=tap", "test/client.test.mjs", cwd=built())
    assert "\n# fail 0\n" in said
    assert "# Subtest: a whole job is one call" in said


def test_every_event_is_verified_by_it_and_by_the_library_of_the_standard() -> None:
    now = datetime.now(UTC)  # the library has no other clock
    bodies = {kind: json.dumps(_example(kind)) for kind in get_args(EventType)}
    messages = [_message(body, now) for body in bodies.values()]
    verdicts = run("verify-events.mjs", messages=messages, secret=SECRET)["verdicts"]
    assert verdicts == [{"ours": kind, "asBytes": kind, "theirs": kind} for kind in bodies]


def test_what_is_not_genuine_is_refused_by_both() -> None:
    now = datetime.now(UTC)
    good = _message(json.dumps(_example("IdentityReady")), now)
    headers = good["headers"]
    another = signed_headers(secret_of(b"another key of 24 bytes ."), headers["webhook-id"], now, b"{}")
    messages = [
        good | {"body": good["body"] + " "},
        _message("{}", now - timedelta(minutes=6)) | {"now": now.isoformat()},
        _message("{}", now + timedelta(minutes=6)) | {"now": now.isoformat()},
        good | {"headers": another, "body": "{}"},
        good | {"headers": headers | {"webhook-id": "evt_0"}},
        good | {"headers": headers | {"webhook-timestamp": "1e9"}},
        good | {"headers": headers | {"webhook-signature": headers["webhook-signature"].replace("v1", "v2")}},
        good | {"headers": headers | {"webhook-signature": "v1,not base64!"}},
        *(good | {"headers": {k: v for k, v in headers.items() if k != name}} for name in headers),
    ]
    verdicts = run("verify-events.mjs", messages=messages, secret=SECRET)["verdicts"]
    assert verdicts == [{"ours": None, "asBytes": None, "theirs": None}] * len(messages)


def test_while_a_secret_is_replaced_each_of_both_fits() -> None:
    now = datetime.now(UTC)
    message = _message(json.dumps(_example("IdentityReady")), now)
    headers = message["headers"]
    newer = signed_headers(secret_of(b"the key that comes next."), headers["webhook-id"], now, b"{}")
    both = f"{newer['webhook-signature']} {headers['webhook-signature']}"
    verdicts = run(
        "verify-events.mjs",
        messages=[message | {"headers": headers | {"webhook-signature": both}}],
        secret=SECRET,
    )["verdicts"]
    assert verdicts == [{"ours": "IdentityReady", "asBytes": "IdentityReady", "theirs": "IdentityReady"}]


def test_what_is_signed_is_refused_where_it_tells_no_event_and_passes_where_it_tells_a_new_one() -> None:
    now = datetime.now(UTC)
    new = _example("IdentityReady") | {"type": "IdentityRenamed"}
    messages = [_message(body, now) for body in ("{", "null", "[]", "{}", "7", json.dumps(new))]
    verdicts = run("verify-events.mjs", messages=messages, secret=SECRET)["verdicts"]
    assert [verdict["ours"] for verdict in verdicts] == [None] * 5 + ["IdentityRenamed"]


def test_what_a_user_writes_compiles_strictly_against_the_packed_package(tmp_path: Path) -> None:
    install(tmp_path)
    shutil.copy(CLIENT / "test" / "user.ts", tmp_path)
    compile_strictly("user.ts", "--noEmit", cwd=tmp_path)


def _example(kind: str) -> Any:
    content = described()["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]
    return content["example"]


def _message(body: str, at: datetime) -> dict[str, Any]:
    headers = signed_headers(SECRET, "evt_1", at, body.encode())
    return {"headers": headers, "body": body, "now": at.isoformat()}
