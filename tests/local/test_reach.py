"""A provider out of reach is said at once, next to what is being waited for."""

import io
import threading

import pytest
from rich.console import Console

from character_identity_client import Evaluation
from local.progress import showing
from local.reach import probe, watching
from tests.local.test_progress import evaluation
from tests.support.ports import closed_port


class Noted:
    """A display that can be waited for."""

    def __init__(self) -> None:
        self.problems: dict[str, str | None] = {}
        self.changed = threading.Event()

    def show(self, evaluation: Evaluation) -> None:
        raise AssertionError

    def note(self, provider: str, problem: str | None) -> None:
        self.problems[provider] = problem
        if len(self.problems) == 2:
            self.changed.set()


def test_each_provider_is_probed_when_the_watch_begins() -> None:
    noted, answers = Noted(), {"https://fal.test/x": "timed out", "https://astria.test": None}
    addresses = {"fal-lora": "https://fal.test/x", "astria": "https://astria.test"}
    with watching(addresses, noted, answers.__getitem__):
        assert noted.changed.wait(60)
    assert noted.problems == {
        "fal-lora": "fal does not answer at https://fal.test/x (timed out)",
        "astria": None,
    }


def test_an_address_where_nothing_listens_is_out_of_reach() -> None:
    assert "refused" in str(probe(f"http://127.0.0.1:{closed_port()}"))
    assert probe("http://[") is not None


def test_a_provider_is_probed_as_the_functions_call_it_by_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks://127.0.0.1:7890/")
    assert "refused" in str(probe(f"http://127.0.0.1:{closed_port()}"))


def test_what_is_out_of_reach_is_said_once_for_each_wait_in_a_log() -> None:
    log = io.StringIO()
    with showing(Console(file=log)) as display:
        for problem in ("fal does not answer", "fal does not answer", None, "fal does not answer"):
            display.note("fal-lora", problem)
        display.show(evaluation("pictures"))
    said = "fal-lora: fal does not answer, trying again"
    assert log.getvalue().splitlines()[:2] == [said, said]


def test_a_bar_shows_it_as_long_as_it_lasts() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=200, color_system=None)
    with showing(console) as display:
        display.show(evaluation("pictures"))
        display.note("fal-lora", "fal does not answer (timed out)")
        display.note("fal-instant", "fal does not answer (timed out)")
    assert "of $25.00; fal does not answer (timed out), trying again" in screen.getvalue()
