"""The TypeScript client as it is built: its own tests, events, and what its user's compiler says."""

import io
import json
import re
import shutil
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from character_identity.domain.event import EventType
from character_identity.domain.webhook import secret_of, signed_headers
from scripts.typescript import CLIENT, built, tarball
from tests.support.openapi import described
from tests.typescript.client import compile_strictly, install, output_of, run

pytestmark = pytest.mark.processes

STRICTEST = (
    *("--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2022,dom,dom.iterable"),
    *("--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--noPropertyAccessFromIndexSignature"),
    *("--noImplicitReturns", "--isolatedModules", "--verbatimModuleSyntax", "--noUnusedLocals"),
)
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
    compile_strictly("user.ts", "--noEmit", *STRICTEST, cwd=tmp_path)


def test_what_is_packed_is_whole_and_no_more() -> None:
    with tarfile.open(tarball(built())) as packed:
        files = {
            member.name.removeprefix("package/"): (packed.extractfile(member) or io.BytesIO()).read().decode()
            for member in packed.getmembers()
        }
    told = json.loads(files["package.json"])
    assert {name for name in files if not name.startswith("dist/")} == {
        "package.json",
        "README.md",
        "LICENSE",
    }
    assert told.keys().isdisjoint({"dependencies", "peerDependencies", "scripts", "bin"})
    for entry in (told, *told["exports"].values()):
        assert [*entry].index("types") < [*entry].index("default" if "default" in entry else "main")
        assert {entry["types"].removeprefix("./"), entry.get("default", told["main"]).removeprefix("./")} <= {
            *files
        }
    modules = {name for name in files if name.endswith((".js", ".d.ts"))}
    assert {name.removesuffix(".js") for name in modules if name.endswith(".js")} == {
        name.removesuffix(".d.ts") for name in modules if name.endswith(".d.ts")
    }
    for name in modules:
        for module in re.findall(r"""(?:from|import)\s*\(?["']([^"']+)["']""", files[name]):
            assert f"dist/{module.removeprefix('./')}" in files, f"{name} imports {module}"


def _example(kind: str) -> Any:
    content = described()["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]
    return content["example"]


def _message(body: str, at: datetime) -> dict[str, Any]:
    headers = signed_headers(SECRET, "evt_1", at, body.encode())
    return {"headers": headers, "body": body, "now": at.isoformat()}
