"""Requests as browsers and AWS tools send them, to the lock before what listens on this machine."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.gate import Gate, is_here, new_access_key
from local.lambda_sandbox import Function, Sandbox

KEY = "LOCALEAE35493AD2CD27A86939B9A678B5B9B"
HERE = "http://127.0.0.1:4566"
CREDENTIAL = "%2F20261128%2Feu-west-1%2Fs3%2Faws4_request"
LINK = f"/media/1.jpg?X-Amz-Credential={KEY}{CREDENTIAL}&X-Amz-Signature=0"
SIGNED = {
    "authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/20261128/eu-west-1/s3/aws4_request, Signature=0"
}
PAGE = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
FORM = {"x-amz-credential": f"{KEY}/20261128/eu-west-1/s3/aws4_request"}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with as many bytes as it was sent."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def answer_of(
    method: str, path: str, *, key: str | None = KEY, guards: Any = lambda _: True, **more: Any
) -> httpx.Response:
    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(app=Gate(echo, guards, key))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return await client.request(method, path, **more)

    return asyncio.run(call())


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {}),
        (
            "GET",
            "/",
            {"authorization": "AWS4-HMAC-SHA256 Credential=test/20261128/eu-west-1/s3/aws4_request"},
        ),
        ("GET", "/", {"authorization": f"Bearer {KEY}/"}),
        ("POST", "/", {"x-amz-target": "secretsmanager.GetSecretValue"}),
        ("GET", "/_ministack/health", {}),
        ("GET", "/", {**SIGNED, "origin": "https://evil.example"}),
        ("GET", "/", {**SIGNED, "origin": "null"}),
        ("GET", "/", {**SIGNED, "origin": "http://127.0.0.1:5173"}),
        ("GET", "/", {**SIGNED, "sec-fetch-site": "same-site"}),
        ("GET", "/", {**SIGNED, "sec-fetch-site": "cross-site"}),
        ("GET", "/", {**SIGNED, "host": "evil.example:4566"}),
        ("GET", "/", {**SIGNED, "host": "127.0.0.1.evil.example"}),
        ("GET", "/", {**SIGNED, "host": "[::1"}),
        ("GET", LINK, {"host": "evil.example"}),
        ("GET", LINK.replace("%2Fs3%2F", "%2Flambda%2F"), PAGE),
        ("GET", LINK.replace(KEY, "test"), PAGE),
        ("GET", LINK.partition("&")[0], PAGE),
        ("GET", "/media/1.jpg?AWSAccessKeyId=test&Signature=0&Expires=1", PAGE),
        ("GET", f"/?Action=ListUsers&AWSAccessKeyId={KEY}&Signature=0", PAGE),
        ("OPTIONS", "/", {"host": "evil.example"}),
    ],
)
def test_no_page_and_nobody_without_the_key_gets_in(method: str, path: str, headers: dict[str, str]) -> None:
    assert answer_of(method, path, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", SIGNED),
        ("GET", "/", {**SIGNED, "host": "localhost:4566", "sec-fetch-site": "none"}),
        ("PUT", "/media/1.jpg", SIGNED),
        ("GET", LINK, {}),
        ("GET", LINK, PAGE),
        ("GET", f"/media/1.jpg?AWSAccessKeyId={KEY}&Signature=0&Expires=1", PAGE),
        ("OPTIONS", "/media", PAGE),
    ],
)
def test_what_the_key_signed_gets_in(method: str, path: str, headers: dict[str, str]) -> None:
    assert answer_of(method, path, headers=headers).status_code == 200


def test_a_form_that_the_key_signed_gets_in_whole_from_a_page() -> None:
    picture = {"file": ("1.jpg", b"x" * 100_000)}
    got_in = answer_of("POST", "/media", headers=PAGE, data=FORM, files=picture)
    assert (got_in.status_code, int(got_in.text) > 100_000) == (200, True)
    forged = {"x-amz-credential": FORM["x-amz-credential"].replace(KEY, "test")}
    assert answer_of("POST", "/media", headers=PAGE, data=forged, files=picture).status_code == 403


@pytest.mark.parametrize("headers", [PAGE, {"origin": "null"}, {"host": "evil.example"}])
def test_without_a_key_pages_are_kept_out_as_well(headers: dict[str, str]) -> None:
    assert answer_of("POST", "/control/faults", key=None, headers=headers).status_code == 403
    assert answer_of("POST", "/control/faults", key=None).status_code == 200


@pytest.mark.parametrize(
    ("host", "here"),
    [
        *(("127.0.0.1:1", True), ("[::1]:1", True), ("LOCALHOST", True), ("media.localhost:1", True)),
        *(("", False), ("localhost.evil.example", False), ("0.0.0.0", False), ("192.168.0.2", False)),
        *(("evil.example@127.0.0.1", False), ("127.0.0.1@evil.example", False), ("127.1", False)),
        *(("localhost/evil", False), ("localhost:80, evil.example", False), ("localhost:80:80", False)),
    ],
)
def test_which_names_are_this_machines(host: str, here: bool) -> None:
    assert is_here(host) is here


def test_no_two_runs_have_one_key() -> None:
    assert new_access_key() != new_access_key()
    assert not new_access_key().id.isdigit()


@pytest.mark.parametrize("headers", [PAGE, {"host": "evil.example:4566"}, {"sec-fetch-site": "cross-site"}])
@pytest.mark.parametrize("path", ["/", LINK, "/docs"])
def test_what_is_not_guarded_answers_pages_but_no_foreign_name(path: str, headers: dict[str, str]) -> None:
    expected = 403 if "host" in headers else 200
    assert answer_of("GET", path, key=None, guards=lambda _: False, headers=headers).status_code == expected


def test_no_page_takes_or_answers_what_a_function_was_asked(tmp_path: Path) -> None:
    """A sandbox's Runtime API has a port too, where whoever asks first gets the next request."""

    async def ask(headers: dict[str, str], method: str, path: str) -> int:
        sandbox = Sandbox(Function(name="f", handler="app.handler", task_root=tmp_path), lambda *_: None)
        sandbox._started = 0.0
        await sandbox._requests.put(("r1", b"{}", 0.0))
        server = await asyncio.start_server(sandbox._serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/2018-06-01/runtime/{path}"
        async with httpx.AsyncClient() as client:
            status = (await client.request(method, url, headers=headers, content=b"{}")).status_code
        assert sandbox.usable is (status == 200)
        assert (sandbox._init_error is None) or status == 202
        server.close()
        await server.wait_closed()
        return status

    for foreign in (PAGE, {"origin": "null"}, {"sec-fetch-site": "same-site"}, {"host": "evil.example"}):
        assert asyncio.run(ask(foreign, "GET", "invocation/next")) == 403
        assert asyncio.run(ask(foreign, "POST", "init/error")) == 403
    assert asyncio.run(ask({}, "GET", "invocation/next")) == 200
    assert asyncio.run(ask({}, "POST", "init/error")) == 202
