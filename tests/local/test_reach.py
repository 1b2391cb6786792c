"""A provider out of reach is said at once, next to what is being waited for."""

import io
import threading
from datetime import UTC, datetime

from rich.console import Console

from local.progress import Step, showing
from local.reach import look, watching
from tests.support.ports import closed_port

UNTIL = datetime(2026, 11, 28, 15, 40, tzinfo=UTC)


class Noted:
    """A display that can be waited for."""

    def __init__(self) -> None:
        self.problems: dict[str, str | None] = {}
        self.changed = threading.Event()

    def show(self, provider: str, step: Step) -> None:
        raise AssertionError

    def note(self, provider: str, problem: str | None) -> None:
        self.problems[provider] = problem
        if len(self.problems) == 2:
            self.changed.set()


def test_each_provider_is_looked_at_when_the_watch_begins() -> None:
    noted, answers = Noted(), {"https://fal.test/x": "timed out", "https://astria.test": None}
    addresses = {"fal-lora": "https://fal.test/x", "astria": "https://astria.test"}
    with watching(addresses, noted, answers.__getitem__):
        assert noted.changed.wait(60)
    assert noted.problems == {
        "fal-lora": "fal does not answer at https://fal.test/x (timed out)",
        "astria": None,
    }


def test_an_address_where_nothing_listens_is_out_of_reach() -> None:
    assert "refused" in str(look(f"http://127.0.0.1:{closed_port()}"))
    assert look("http://[") is not None


def test_what_is_out_of_reach_is_said_once_for_each_wait_in_a_log() -> None:
    log = io.StringIO()
    with showing(Console(file=log), ["fal-lora"]) as display:
        display.note("fal-lora", "fal.test does not answer (timed out)")
        display.show("fal-lora", Step("uploading"))
        for done in (0, 1):
            display.show("fal-lora", Step("ordering the training", done, 100, until=UNTIL))
        display.note("fal-lora", "fal.test does not answer (timed out)")
        display.note("fal-lora", None)
        display.show("fal-lora", Step("scoring", 0, 5))
    problem = f"fal.test does not answer (timed out), trying again until {UNTIL.astimezone():%H:%M}"
    assert log.getvalue().splitlines() == [
        "fal-lora: uploading",
        "fal-lora: ordering the training",
        f"fal-lora: {problem}",
        "fal-lora: scoring 5 pictures",
    ]


def test_a_bar_shows_it_as_long_as_it_lasts() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=200, color_system=None)
    with showing(console, ["fal-lora"]) as display:
        display.show("fal-lora", Step("generating", 0, 5, until=UNTIL))
        display.note("fal-lora", "fal.test does not answer (timed out)")
    assert "generating 0/5; fal.test does not answer (timed out), trying again until" in screen.getvalue()
