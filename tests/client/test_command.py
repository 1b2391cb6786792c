"""The command line against a scripted API."""

import itertools
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from character_identity_client import command
from character_identity_client.command import Terminal, main, parser
from tests.client.test_api import client, generation, identity
from tests.support.builders import an_image

Handler = Callable[[httpx.Request], httpx.Response]
KEY = "uploads/k.jpg"


class Killed(BaseException):
    """The process dies, which nobody's except clause may see."""


class Dying:
    """Where the process dies at a request, counted from 1: before it is sent, or else before its answer."""

    def __init__(self, handler: Handler, at: int, *, before: bool) -> None:
        self._handler, self._left, self._before = handler, at, before

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self._left -= 1
        if self._left == 0 and self._before:
            raise Killed
        answer = self._handler(request)
        if self._left == 0:
            raise Killed
        return answer


def api(answers: dict[str, Any]) -> Handler:
    """One answer for each method and path; a list is answered one after the other, the last for ever."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "store.test":
            return (
                httpx.Response(204) if request.method == "POST" else httpx.Response(200, content=b"picture")
            )
        path = f"{request.method} {request.url.path.removeprefix('/prod')}"
        if path == "POST /v1/references":
            tickets = [{"key": KEY, "url": "https://store.test/", "fields": {}}]
            return httpx.Response(201, json={"uploads": tickets * len(json.loads(request.content)["files"])})
        answer = answers[path]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    return handle


def run(answers: dict[str, Any], *words: str, redraws: bool = False) -> tuple[int, list[str], str]:
    """The exit code of a command, the lines that it said, and what it showed of its progress."""
    said: list[str] = []
    shown: list[str] = []
    code = _run(api(answers), said, shown, *words, redraws=redraws)
    return code, said, re.sub(HINT, "", "".join(shown))


def _run(handler: Handler, said: list[str], shown: list[str], *words: str, redraws: bool = False) -> int:
    given = parser().parse_args(words)
    terminal = Terminal(given.json, said.append, shown.append, redraws)
    code: int = given.command(client(handler), given, terminal)
    return code


@pytest.fixture
def picture(tmp_path: Path) -> str:
    file = tmp_path / "a.jpg"
    file.write_bytes(an_image())
    return str(file)


READY = identity(status="ready", progress=100)
PRICE = {"amountUsd": 0.1, "unit": "megapixel", "source": "https://fal.ai/", "readOn": "2026-11-22"}
FAL = {"name": "fal-instant", "minReferences": 1, "maxReferences": 3, "prices": {"image": PRICE}}
ASTRIA = {"name": "astria", "minReferences": 4, "maxReferences": 20, "prices": {}}
BUDGET = {"month": "2026-11", "limitUsd": 100, "reservedUsd": 2, "committedUsd": 1.5, "remainingUsd": 96.5}


def test_providers() -> None:
    answers = {"GET /v1/providers": {"providers": [FAL, {**FAL, **ASTRIA}]}}
    assert run(answers, "providers") == (
        0,
        [
            "fal-instant: 1 to 3 references, image $0.10 per megapixel",
            "astria: 4 to 20 references, no price told",
        ],
        "",
    )
    answers = {"GET /v1/providers": {"providers": [{**ASTRIA, "available": False}]}}
    assert run(answers, "providers")[1] == [
        "astria: 4 to 20 references, no price told; not available: the service has no key for it"
    ]
    answers = {"GET /v1/providers": {"providers": [FAL]}}
    _, said, _ = run(answers, "providers", "--json")
    assert json.loads(said[0])[0]["maxReferences"] == 3


@pytest.mark.parametrize(("usable", "code"), [(True, 0), (False, 1)])
def test_check(picture: str, usable: bool, code: int) -> None:
    finding = {"code": "blurred", "severity": "warning", "message": "It is blurred.", "advice": "Sharpen it."}
    answers = {"POST /v1/references/check": {"usable": usable, "findings": [finding]}}
    ended, said, shown = run(answers, "check", picture, "--provider", "astria")
    assert (ended, said) == (code, ["warning: It is blurred. Sharpen it."])
    assert shown == "upload: 1/1\n"


HINT = r"Order (\S+): after any trouble, the same command with --key \1 goes on with it\.\n"


class Ordering:
    """An API that knows an order by its key, and gives every upload a place of its own."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.orders: dict[str, bytes] = {}
        self.uploads = itertools.count()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/references"):
            ticket = {"key": f"uploads/{next(self.uploads)}.jpg", "url": "https://store.test/", "fields": {}}
            return httpx.Response(201, json={"uploads": [ticket]})
        if key := request.headers.get("Idempotency-Key"):
            assert self.orders.setdefault(key, request.content) == request.content, (
                "the key is another order's"
            )
        return api(self.answers)(request)


@pytest.mark.parametrize("before", [True, False], ids=["unsent", "unanswered"])
@pytest.mark.parametrize("kind", ["create", "generate"])
def test_who_is_killed_at_any_request_goes_on_with_the_order_by_its_key(
    kind: str, before: bool, picture: str
) -> None:
    answers: dict[str, Any] = {
        "POST /v1/identities": identity(),
        "GET /v1/identities/i1": READY,
        "POST /v1/identities/i1/generations": generation("queued"),
        "GET /v1/generations/g1": generation(scores=1),
    }
    words = {
        "create": ("create", "Eileen", picture, "--provider", "fal-lora"),
        "generate": ("generate", "i1", "A portrait"),
    }[kind]
    for killed_at in itertools.count(1):
        ordering = Ordering(answers)
        said: list[str] = []
        shown: list[str] = []
        try:
            _run(Dying(ordering, killed_at, before=before), said, shown, *words)
            break
        except Killed:
            told = re.search(HINT, "".join(shown))
            assert told or not ordering.orders, "the key is told before the order is sent"
        _run(ordering, said, shown, *words, *(["--key", told[1]] if told else []))
        assert len(ordering.orders) == 1
    assert killed_at > {"create": 4, "generate": 2}[kind], "it was killed again and again"


def test_create_waits_and_draws_a_bar(picture: str) -> None:
    answers = {"POST /v1/identities": identity(), "GET /v1/identities/i1": [identity(progress=50), READY]}
    words = ("create", "Eileen", picture, "--provider", "fal-lora", "--class", "woman")
    code, said, shown = run(answers, *words, redraws=True)
    assert (code, said) == (0, ["i1"])
    assert "training   [############............] 50/100" in shown
    assert shown.endswith("100/100\n")
    assert run(answers, *words, "--no-wait")[1] == ["i1"]


def test_generate_puts_the_pictures_into_a_folder(tmp_path: Path) -> None:
    done = generation(scores=1)
    done["images"][0]["imageUrl"] = "https://store.test/g.png?sig=x"
    answers = {
        "POST /v1/identities/i1/generations": generation("queued"),
        "GET /v1/generations/g1": [generation("running"), done],
    }
    code, said, shown = run(answers, "generate", "i1", "A portrait", "--output", str(tmp_path / "out"))
    file = tmp_path / "out" / "g1-1.png"
    assert (code, said, shown) == (0, [f"{file}  clip-vit-b32 0.8000"], "pictures: 1/1\n")
    assert file.read_bytes() == b"picture"
    _, said, _ = run(answers, "generate", "i1", "A portrait", "--json")
    assert json.loads(said[0])["images"][0]["scores"][0]["mean"] == 0.8


def test_generate_ends_its_bar_and_tells_why_a_picture_has_no_score() -> None:
    done = generation(scores=1)
    why = {"encoder": "e", "code": "black_image", "reason": "It is black."}
    filtered = {"outcome": "filtered", "reason": "It was withheld.", "scores": []}
    done["images"] += [{**done["images"][0], "scores": [], "notScored": why}, filtered]
    answers = {"POST /v1/identities/i1/generations": generation("queued"), "GET /v1/generations/g1": done}
    _, said, shown = run(answers, "generate", "i1", "A portrait", "--images", "3", redraws=True)
    assert shown.endswith("3/3\n")
    assert [line.split("  ")[1] for line in said] == [
        "clip-vit-b32 0.8000",
        "It is black.",
        "It was withheld.",
    ]


def test_score(picture: str) -> None:
    why = {"code": "black_image", "reason": "It is black."}
    images = [{"scores": [{"encoder": "e", "mean": 0.8, "best": 0.9}]}, {"scores": [], "notScored": why}]
    found = {"encoder": "e", "weightsSha256": "ab", "standIn": True, "images": images}
    code, said, _ = run({"POST /v1/scores": found}, "score", picture, picture, "--identity", "i1")
    assert (code, said) == (0, [f"{picture}  e 0.8000", f"{picture}  It is black."])


def test_a_folder_of_more_pictures_than_one_call_takes_is_scored_in_several(tmp_path: Path) -> None:
    for number in range(23):
        (tmp_path / f"{number:02}.jpg").write_bytes(an_image())
    asked: list[int] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/prod/v1/scores":
            return api({})(request)
        asked.append(len(json.loads(request.content)["images"]))
        scores = [
            {"encoder": "e", "mean": (sum(asked[:-1]) + place) / 100, "best": 0.9}
            for place in range(asked[-1])
        ]
        images = [{"scores": [each]} for each in scores]
        return httpx.Response(
            200, json={"encoder": "e", "weightsSha256": "ab", "standIn": True, "images": images}
        )

    said: list[str] = []
    assert _run(handle, said, [], "score", str(tmp_path), "--identity", "i1") == 0
    assert asked == [10, 10, 3]
    assert said == [f"{tmp_path / f'{number:02}.jpg'}  e {number / 100:.4f}" for number in range(23)]


def test_list() -> None:
    answers = {
        "GET /v1/identities": {"identities": [READY]},
        "GET /v1/identities/i1/generations": {"generations": [generation(prompt="A portrait")]},
    }
    assert run(answers, "list", "--status", "ready")[1] == ["i1 ready fal-lora Eileen"]
    assert run(answers, "list", "i1")[1] == ["g1 succeeded A portrait"]


def test_erase_takes_an_agreement(capsys: pytest.CaptureFixture[str]) -> None:
    kept = {"where": "ledger", "what": "ids", "why": "They are our accounts."}
    receipt = {
        "characterId": "i1",
        "erasedAt": "2026-11-22T12:00:00Z",
        "complete": True,
        "removed": {"references": 5, "providerObjects": 1},
        "remaining": [kept],
    }
    answers = {"DELETE /v1/identities/i1": receipt}
    assert run({}, "erase", "i1")[0] == 2
    assert "nothing was erased" in capsys.readouterr().err
    code, said, _ = run(answers, "erase", "i1", "--yes")
    assert (code, said) == (
        0,
        ["removed: 5 references, 1 provider object", "remains in ledger: ids"],
    )
    answers = {"DELETE /v1/identities/i1": {**receipt, "complete": False}}
    assert run(answers, "erase", "i1", "--yes")[1][2:] == [
        "Not all is deleted yet; the same command says when it is."
    ]


def test_usage() -> None:
    answers = {"GET /v1/usage": {**BUDGET, "assumedUsd": 0, "jobs": 1}}
    assert run(answers, "usage", "2026-11")[1] == [
        "2026-11: $1.50 spent and $2.00 set aside of $100.00, $96.50 left"
    ]


FAILED = identity(status="failed", error={"code": "training_failed", "message": "No face was found."})
REFUSAL = httpx.Response(402, json={"code": "budget_exceeded", "message": "It is too dear."})


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (FAILED, 1, "No face was found."),
        (REFUSAL, 2, "It is too dear."),
        (httpx.Response(403, json={"message": "Forbidden"}), 2, "The token is not accepted (HTTP 403)"),
        (httpx.ConnectError("Connection refused"), 3, "no answer from api.test: Connection refused."),
        (httpx.ReadTimeout(""), 3, "no answer from api.test: ReadTimeout."),
        (KeyboardInterrupt, 130, "goes on"),
    ],
)
def test_the_exit_code_and_the_reason_tell_what_went_wrong(
    answer: Any, code: int, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if not isinstance(answer, dict | httpx.Response):
            raise answer
        return api({"POST /v1/identities": answer, "GET /v1/identities/i1": answer})(request)

    monkeypatch.setattr(command, "ApiClient", lambda url, token: client(handle))
    given = ("create", "Eileen", "https://x.test/1.jpg", "--provider", "astria")
    assert main(given) == code
    assert words in capsys.readouterr().err


def test_who_has_said_nowhere_where_the_api_is_is_told_how(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CHARACTER_IDENTITY_URL", "CHARACTER_IDENTITY_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert main(["providers"]) == 2
    assert "make dev" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("check", "nowhere.jpg"), "nowhere.jpg: No such file or directory."),
        (("check", "nowhere/"), "nowhere: No such file or directory."),
        (
            ("check", "empty"),
            "There are no pictures in empty: it takes .jpg, .jpeg, .jpe, .jfif, .png, .webp.",
        ),
        (("generate", "i1", "x", "--output", "file"), "file: File exists."),
        (("generate", "i1", "\udcff"), "A name or a text holds bytes that are no UTF-8."),
        (("evaluate", "--scenarios", "nowhere.json"), "nowhere.json: No such file or directory."),
        (("evaluate", "--references", "empty"), "There are no pictures in empty"),
        (("evaluate", "--resume", "e1", "--output", "file"), "file: File exists."),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else "",
)
def test_what_cannot_be_used_is_told_in_a_sentence_and_nothing_is_ordered(
    given: tuple[str, ...],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "empty" / "a_folder.jpg").mkdir(parents=True)
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "ApiClient", lambda url, token: client(api({})))
    assert main(given) == 2
    assert capsys.readouterr().err.startswith(told)


@pytest.mark.parametrize("number", ["nan", "inf", "0", "-1", "soon", ""])
def test_a_wait_of_no_number_is_a_wrong_argument(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["generate", "i1", "x", f"--timeout={number}"])
    assert ended.value.code == 2
    assert f"{number!r} is no number above 0" in capsys.readouterr().err


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:7890", "socks://127.0.0.1:7890/"])
def test_a_proxy_that_cannot_be_used_is_told_in_a_sentence(
    proxy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    assert main(["usage", "--url", "https://api.test", "--token", "t"]) == 2
    said = capsys.readouterr().err
    assert "proxy" in said
    assert said.count("\n") == 1


def test_the_version_and_the_exit_codes_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    for words, told in ((["--version"], "character-identity 0."), (["--help"], "3 no answer")):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
        assert told in " ".join(capsys.readouterr().out.split())


def test_a_finding_names_its_picture(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.png", "notes.txt"):
        (tmp_path / name).write_bytes(an_image())
    finding = {"code": "blurred", "severity": "error", "reference": 1, "message": "It is.", "advice": "Do."}
    answers = {"POST /v1/references/check": {"usable": False, "findings": [finding]}}
    assert run(answers, "check", str(tmp_path))[1] == [f"error: {tmp_path / 'b.png'}: It is. Do."]


@pytest.mark.parametrize("given", ["uploads", "uploads/", "uploads/a.jpg"])
def test_a_folder_that_is_called_as_keys_begin_is_a_folder(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / "a.jpg").write_bytes(an_image())
    answers = {"POST /v1/references/check": {"usable": True, "findings": []}}
    assert run(answers, "check", given) == (0, ["Nothing was found."], "upload: 1/1\n")


def test_who_reads_no_further_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    answers = api({"GET /v1/identities": {"identities": [READY] * 9999}})
    monkeypatch.setattr(command, "ApiClient", lambda url, token: client(answers))
    with os.fdopen(writer, "w", encoding="utf-8") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert main(["list"]) == 0
