"""``character-identity evaluate``, against the API in memory."""

import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from character_identity_client import ApiClient, ApiError, command
from character_identity_client.asking import asker
from character_identity_client.command import main, parser
from character_identity_client.evaluate_command import STOPPED, evaluate
from character_identity_client.evaluations import PAGES
from character_identity_client.journal import Refused
from tests.client.test_api import Clock
from tests.client.test_command import Dying, Killed
from tests.local.fake_api import FakeApi, image, served

SCENARIO = {"name": "sea", "title": "At sea", "prompt": "{name} at sea", "threshold": 0.8}


class Run:
    """One call of the command: its code, or the error that it ends with, and what it said."""

    def __init__(
        self,
        api: Callable[[httpx.Request], httpx.Response],
        *words: str,
        ask: Any = None,
        sleep: Callable[[float], None] | None = None,
        said: list[str] | None = None,
    ) -> None:
        self.said = said = [] if said is None else said
        clock = Clock()
        transport = httpx.MockTransport(served(api))
        with ApiClient(
            "https://api.test", "t", transport=transport, clock=clock.read, sleep=sleep or clock.sleep
        ) as client:
            given = parser().parse_args(["evaluate", *words])
            self.code = evaluate(client, given, ask, said.append, clock.read)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "1.jpg").write_bytes(image())
    (tmp_path / "pictures" / "notes.txt").touch()
    (tmp_path / "own.json").write_text(json.dumps([SCENARIO]))
    return [
        f"--references={tmp_path / 'pictures'}",
        f"--scenarios={tmp_path / 'own.json'}",
        f"--output={tmp_path / 'results'}",
        "--name=Sarah",
        "--class=woman",
        "--providers=fal-lora,astria",
        "--variations=2",
        "--max-cost=25",
    ]


def test_results_of_what_was_ordered_lie_on_the_disk(tmp_path: Path, words: list[str]) -> None:
    api = FakeApi()
    done = Run(api, *words, "--yes")
    assert done.code == 0
    assert api.order.pop("references") == ["uploads/0-1.jpg"]
    assert api.order == {
        "name": "Sarah",
        "className": "woman",
        "providers": ["fal-lora", "astria"],
        "scenarios": [SCENARIO],
        "variations": 2,
        "maxCostUsd": 25.0,
    }
    results = tmp_path / "results"
    assert {path.name for path in results.iterdir() if path.is_file()} >= {
        "gallery.html",
        "report.html",
        "results.csv",
        "evaluation.json",
    }
    assert (results / "images/astria/sea-2.jpg").read_bytes() == image()
    assert done.said[3] == "Evaluation e-1"
    assert "pictures 2 of 4, $0.10 of $25.00" in done.said[6]
    assert done.said[-1] == str(results / "results.csv")


def test_who_is_killed_at_any_request_of_an_order_goes_on_with_it_by_its_key(
    words: list[str], tmp_path: Path
) -> None:
    """Before it is sent or after; who is told no key has ordered nothing."""
    for killed_at, before in product(range(1, 6), (True, False)):
        api, said = FakeApi(), list[str]()
        words = [*words, f"--output={tmp_path / f'{killed_at}-{before}'}"]
        with pytest.raises(Killed):
            Run(Dying(api, killed_at, before=before), *words, "--yes", said=said)
        told = [line.split()[1].rstrip(":") for line in said if line.startswith("Order ")]
        assert told or not api.orders, "the key is told before the order is sent"
        again = Run(api, *words, *([f"--key={told[0]}"] if told else ["--yes"]))
        assert (again.code, len(api.orders)) == (0, 1)
    assert "Evaluation e-1" in said, "it was killed at each request up to the order's, and at the next"


def test_a_key_is_of_one_order(words: list[str], tmp_path: Path, journal: Path) -> None:
    api = FakeApi()
    assert Run(api, *words, "--yes", "--key=mine").code == 0
    with pytest.raises(Refused, match="mine is of another order"):
        Run(api, *words, "--variations=3", "--yes", "--key=mine")
    (tmp_path / "pictures" / "1.jpg").rename(tmp_path / "pictures" / "same.jpg")
    assert Run(api, *words, "--key=mine").code == 0
    (tmp_path / "pictures" / "same.jpg").write_bytes(image() + b"other")
    with pytest.raises(Refused, match="mine is of another order"):
        Run(api, *words, "--key=mine")
    [file] = journal.iterdir()
    file.write_text("{}")
    with pytest.raises(Refused, match="cannot be read; another --key"):
        Run(api, *words, "--key=mine")
    assert api.orders == ["mine"]


def test_an_order_that_was_not_agreed_to_is_asked_for_again(words: list[str]) -> None:
    api = FakeApi()
    for _ in range(2):
        with pytest.raises(Refused, match="--yes agrees to it"):
            Run(api, *words, "--key=mine")
    assert api.orders == []


def test_an_order_is_agreed_to(words: list[str]) -> None:
    api = FakeApi()
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return "no"

    with pytest.raises(Refused, match=r"^Nothing was ordered\.$"):
        Run(api, *words, ask=ask)
    assert asked == ["4 pictures, $0.80 at most. Order them? [y/N] "]
    with pytest.raises(Refused, match="--yes agrees to it; nothing was ordered"):
        Run(api, *words)
    assert api.orders == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[]", "has to be a list of scenarios"),
        (b"{}", "has to be a list of scenarios"),
        (b'[{"name": "sea"}, "sea"]', "scenario 2: it has to be an object"),
        (b"[null]", "scenario 1: it has to be an object"),
        (b'[{"name": "sea", "prompt": "{name}", "threshold": NaN}]', "NaN is no number of JSON"),
        (b"[-Infinity]", "-Infinity is no number of JSON"),
        (b'[{"name": "sea", "prompt": "{name} \\ud800"}]', "has half of a character"),
        (b"\xff", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b'[{"name": "a", "prompt": "{name}", "name": "b"}]', "is no JSON: 'name' is there twice"),
    ],
    ids=str,
)
def test_a_file_of_scenarios_that_cannot_be_sent_is_told_and_nothing_is_ordered(
    words: list[str], tmp_path: Path, content: bytes, told: str
) -> None:
    (tmp_path / "own.json").write_bytes(content)
    api = FakeApi()
    with pytest.raises(Refused, match=rf"own\.json.*{told}"):
        Run(api, *words, "--yes")
    assert (api.orders, api.uploaded) == ([], {})


@pytest.mark.parametrize("amount", ["nan", "inf", "-1"])
def test_a_maximum_is_an_amount(words: list[str], amount: str) -> None:
    with pytest.raises(Refused, match="--max-cost has to be an amount of dollars"):
        Run(FakeApi(), *words, f"--max-cost={amount}", "--yes")


def test_what_exceeds_a_limit_is_not_ordered(words: list[str]) -> None:
    class Poor(FakeApi):
        def _estimate(self, order: dict[str, Any]) -> dict[str, Any]:
            return {**super()._estimate(order), "wouldExceed": "budget"}

    api = Poor()
    with pytest.raises(Refused, match=r"^It may cost \$0\.80, more than budget allows\. Nothing was ordered"):
        Run(api, *words, "--yes")
    assert api.orders == []


def test_whoever_is_killed_while_results_are_saved_loses_none_and_saves_the_rest(
    tmp_path: Path, words: list[str]
) -> None:
    """Before each request in turn: what lies on the disk is whole, and the next time all of it lies there."""
    api = FakeApi()
    assert Run(api, *words, "--yes").code == 0
    whole = _files(tmp_path / "results")
    again = ["--resume=e-1", f"--output={tmp_path / 'again'}"]
    requests = 0
    while True:
        folder, requests = tmp_path / "again", requests + 1
        left = requests

        def dying(request: httpx.Request) -> httpx.Response:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            return api(request)

        try:
            Run(dying, *again)
            break
        except Killed:
            assert _files(folder).items() <= whole.items()
    assert _files(folder) == whole
    assert requests > len(PAGES), "it was killed again and again"
    assert len(api.orders) == 1


def _files(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_a_folder_takes_the_results_of_one_evaluation_only(tmp_path: Path, words: list[str]) -> None:
    """Pictures of all have the same names: those of one would be shown beside the scores of another."""
    assert Run(FakeApi(), *words, "--yes").code == 0
    before = _files(tmp_path / "results")
    second = FakeApi(began=datetime(2026, 1, 2, tzinfo=UTC))
    with pytest.raises(Refused, match=r"give another --output\. Nothing was ordered\."):
        Run(second, *words, "--yes")
    assert second.orders == []
    with pytest.raises(Refused, match="With --resume e-1 and another --output"):
        Run(second, *words, "--yes", "--key=another")
    assert _files(tmp_path / "results") == before
    assert Run(second, "--resume=e-1", f"--output={tmp_path / 'other'}").code == 0


def test_who_leaves_comes_back_by_the_id(tmp_path: Path, words: list[str]) -> None:
    api = FakeApi()

    def sleep(seconds: float) -> None:
        if api.polls == 2:
            raise KeyboardInterrupt

    left = Run(api, *words, "--yes", sleep=sleep)
    assert left.code == 130
    assert left.said[-1] == "\nIt goes on. character-identity evaluate --resume e-1 goes on from here."
    assert Run(api, "--resume=e-1", f"--output={tmp_path / 'results'}").code == 0
    assert len(api.orders) == 1


def test_who_outlives_the_token_is_told_how_to_come_back(tmp_path: Path, words: list[str]) -> None:
    """Tokens end within an hour or so, and evaluations take longer."""
    api, said = FakeApi(), list[str]()

    def answered(request: httpx.Request) -> httpx.Response:
        if api.polls == 2 and request.method == "GET":
            return httpx.Response(401, json={"message": "Unauthorized"})
        return api(request)

    with pytest.raises(ApiError):
        Run(answered, *words, "--yes", said=said)
    assert said[-1] == ("character-identity evaluate --resume e-1 goes on from here.")
    assert Run(api, "--resume=e-1", f"--output={tmp_path / 'results'}").code == 0


class Ended(io.StringIO):
    """A terminal at which somebody has pressed Ctrl-D."""

    def isatty(self) -> bool:
        return True


def test_the_end_of_the_input_agrees_to_nothing(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api = FakeApi()
    transport = httpx.MockTransport(served(api))
    monkeypatch.setattr(
        command, "ApiClient", lambda url, token: ApiClient("https://api.test", "t", transport=transport)
    )
    monkeypatch.setattr(sys, "stdin", Ended())
    assert main(["evaluate", *words]) == 2
    assert capsys.readouterr().err == "Nothing was ordered.\n"
    assert not api.orders


def test_who_leaves_and_ends_the_input_leaves_the_evaluation_going(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", Ended())
    api = FakeApi()
    left = Run(api, *words, "--yes", ask=asker(), sleep=leave)
    assert (left.code, api.cancelled) == (STOPPED, False)
    assert left.said[-1].startswith("\nIt goes on. character-identity evaluate --resume e-1")


@pytest.mark.parametrize("stdin", [None, io.StringIO("y")])
def test_where_nobody_sits_nobody_is_asked(stdin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    assert asker() is None


def test_a_picture_that_is_missing_is_told_with_how_to_get_it(words: list[str]) -> None:
    done = Run(FakeApi(lost=frozenset({"sea-1"})), *words, "--yes")
    assert done.code == 1
    assert any("images/astria/sea-1.jpg could not be downloaded" in line for line in done.said)
    assert "character-identity evaluate --resume e-1 goes on from here." in done.said


def test_one_that_was_cancelled_has_results_of_what_was_drawn(tmp_path: Path, words: list[str]) -> None:
    api = FakeApi()

    def leave(seconds: float) -> None:
        if not api.cancelled and api.polls > 2:
            raise KeyboardInterrupt

    done = Run(api, *words, "--yes", ask=lambda question: "y", sleep=leave)
    assert done.code == STOPPED
    assert any(line.startswith("The evaluation was cancelled. $") for line in done.said)
    assert done.said[-1] == str(tmp_path / "results" / "results.csv")
    assert ",cancelled," in (tmp_path / "results" / "results.csv").read_text()


def test_an_evaluation_that_failed_without_results_says_why(words: list[str]) -> None:
    done = Run(FakeApi(ends_as="failed"), *words, "--yes")
    assert (done.code, done.said[-1]) == (1, "It took too long. $0.20 were spent.")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"--identity": "fal-lora"}, "An identity is given as PROVIDER=ID, not as 'fal-lora'"),
        ({"--references": "EMPTY"}, "There are no pictures in "),
        ({"--scenarios": "BROKEN"}, "is no JSON"),
        ({"--scenarios": "OBJECT"}, "has to be a list of scenarios"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_used_is_told(
    tmp_path: Path, words: list[str], change: dict[str, str], told: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").write_text("[")
    (tmp_path / "object").write_text("{}")
    [(option, value)] = change.items()
    value = str(tmp_path / value.lower()) if value.isupper() else value
    with pytest.raises(ValueError, match=told):
        Run(FakeApi(), *words, f"{option}={value}", "--yes")


def test_of_two_identities_of_one_provider_none_is_left_out_in_silence(words: list[str]) -> None:
    two = ["--identity=astria=i1", "--identity=astria=i2"]
    api = FakeApi()
    with pytest.raises(Refused, match="Two identities of astria"):
        Run(api, *words, *two, "--yes")
    assert not api.order
    assert Run(api, *words, *two[:1], *two[:1], "--yes").code == 0
    assert api.order["identities"] == {"astria": "i1"}
