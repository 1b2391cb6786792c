"""The page of a run: who gets in, what is answered, and how it looks in Chromium."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.exceptions import BotoCoreError

from local.console.graph import graph_of
from local.console.server import Console, NotThere
from local.packages import ROOT
from tests.support.browser import CHROMIUM, DRIVER, MISSING, Browser, browsing
from tests.support.waiting import HANGS_AFTER_S

TRAINING = json.loads((ROOT / "infra" / "state_machines" / "train_identity.asl.json").read_text())
BEGAN = "2026-11-28T12:00:00+00:00"
EXECUTION = {
    "machine": "train_identity",
    "name": "abc",
    "status": "RUNNING",
    "startedAt": BEGAN,
    "endedAt": None,
}
STEP = {"state": "PrepareTraining", "enteredAt": BEGAN, "leftAt": None, "input": {"a": "<b>"}, "output": None}
ROWS: dict[str, Any] = {"jobs": [{"job_id": "training-abc", "correlation_id": "r1"}], "slots": []}
LINE = {
    "timestamp": BEGAN,
    "function": "prepare_training",
    "level": "INFO",
    "message": "prepared",
    "job_id": "x",
}


def execution(query: dict[str, str]) -> Any:
    if query.get("name") != "abc":
        raise NotThere
    graph = asdict(graph_of(TRAINING))
    return {**EXECUTION, "error": None, "cause": None, "graph": graph, "steps": [{**STEP, "failures": []}]}


def failing(query: object) -> Any:
    raise BotoCoreError


@pytest.fixture(scope="module")
def console() -> Iterator[Console]:
    views: dict[str, Any] = {
        "/local/executions": lambda query: [EXECUTION],
        "/local/execution": execution,
        "/local/rows": lambda query: ROWS,
        "/local/logs": lambda query: [LINE] if query["id"] == "r1" else [],
        "/local/failing": failing,
    }
    with closing(Console(views, port=0)) as console:
        yield console


def answer(
    console: Console, path: str, headers: dict[str, str] | None = None, **query: str
) -> httpx.Response:
    address = urlsplit(console.url)
    whole = f"http://{address.netloc}{path}?{address.query}"
    return httpx.get(httpx.URL(whole).copy_merge_params(query), headers=headers, trust_env=False)


def test_whoever_has_the_address_sees_page_and_views(console: Console) -> None:
    page = answer(console, "/local")
    assert page.status_code == 200
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert answer(console, "/local/executions").json() == [EXECUTION]
    assert (
        answer(console, "/local/execution", machine="train_identity", name="abc").json()["status"]
        == "RUNNING"
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.test"},
        {"Origin": "https://evil.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_no_other_page_gets_in(console: Console, headers: dict[str, str]) -> None:
    assert answer(console, "/local/rows", headers).status_code == 403


@pytest.mark.parametrize("key", ["", "wrong", "\u00e9"])
def test_nobody_gets_in_without_the_key(console: Console, key: str) -> None:
    refused = answer(console, "/local/rows", key=key)
    assert refused.status_code == 403
    assert "make dev" in refused.json()["message"]


def test_a_page_that_is_closed_while_it_is_answered_leaves_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, closed, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(query: object) -> str:
        asked.set()
        assert closed.wait(HANGS_AFTER_S)
        return "x" * 10_000_000  # more than a connection holds by itself

    with closing(Console({"/local/slow": slow}, port=0)) as console:
        close = console._server.shutdown_request

        def close_and_tell(request: Any) -> None:
            close(request)
            ended.set()

        monkeypatch.setattr(console._server, "shutdown_request", close_and_tell)
        address = urlsplit(console.url)
        with socket.create_connection((str(address.hostname), address.port or 0)) as page:
            page.sendall(f"GET /local/slow?{address.query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            assert asked.wait(HANGS_AFTER_S)
        closed.set()
        assert ended.wait(HANGS_AFTER_S)
    assert capsys.readouterr().err == ""


def test_nothing_can_be_changed(console: Console) -> None:
    assert httpx.post(console.url, trust_env=False).status_code == 501


def test_what_is_not_there_or_does_not_answer_is_said(console: Console) -> None:
    assert answer(console, "/local/elsewhere").status_code == 404
    assert answer(console, "/local/execution", machine="train_identity", name="x").status_code == 404
    assert answer(console, "/local/failing").status_code == 503


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.mark.processes
@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason=MISSING)
@pytest.mark.parametrize("seen", [{}, {"dark": True}, {"width": 360}], ids=["light", "dark", "narrow"])
def test_an_execution_is_drawn_with_the_state_it_is_in(
    browser: Browser, console: Console, seen: dict[str, Any]
) -> None:
    browser.emulate(**seen)
    browser.open(console.url)
    try:
        browser.until("document.querySelector('#executions button')")
        browser.click("#executions button")
        browser.until("document.querySelector('#one svg') && document.querySelector('#logs td')")
        assert (
            browser.run("return document.querySelector('#one svg .lit').dataset.state") == "PrepareTraining"
        )
        assert browser.run("return document.querySelectorAll('#one svg g').length") == len(TRAINING["States"])
        assert "<b>" in browser.run("return document.querySelector('#one pre').textContent")
        assert browser.run("return document.querySelector('#logs tbody').textContent").endswith(
            "preparedjob_id=x"
        )
        assert browser.accessibility() == []
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        assert browser.console() == []
    finally:
        browser.emulate()
