"""The demo's progress while it works."""

import io

from rich import progress
from rich.console import Console

from local.progress import Bars, Step, showing


def test_a_bar_only_ever_grows_and_ends_full() -> None:
    bars = progress.Progress(console=Console(file=io.StringIO()))
    shown = Bars(bars, ["astria"])
    steps = [
        Step("uploading"),
        Step("training", 40, 100),
        Step("generating", 0, 5),
        Step("generating", 3, 5),
        Step("scoring", 0, 5),
        Step("scoring", 5, 5),
        Step("done"),
    ]
    lengths, words = [], []
    for step in steps:
        shown.show("astria", step)
        lengths.append(bars.tasks[0].completed)
        words.append(bars.tasks[0].fields["step"])
    assert lengths == sorted(lengths)
    assert lengths[-1] == 100
    assert words[1] == "training 40 %"
    assert words[3] == "generating 3/5"


def test_a_failed_bar_stays_where_it_was_and_stops_its_clock() -> None:
    bars = progress.Progress(console=Console(file=io.StringIO()))
    shown = Bars(bars, ["astria", "fal-lora"])
    shown.show("astria", Step("training", 50, 100))
    reached = bars.tasks[0].completed
    shown.show("astria", Step("failed", detail="no face"))
    assert (bars.tasks[0].completed, bars.tasks[0].fields["step"]) == (reached, "failed")
    assert bars.tasks[0].stop_time is not None
    assert bars.tasks[1].fields["step"] == "waiting"


def test_a_terminal_gets_a_bar_for_each_provider() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None)
    with showing(console, ["astria", "fal-lora"]) as display:
        display.show("astria", Step("scoring", 4, 5))
    assert "scoring 4/5" in screen.getvalue()
    assert "fal-lora" in screen.getvalue()


def test_a_log_gets_one_line_for_each_phase() -> None:
    log = io.StringIO()
    with showing(Console(file=log), ["astria"]) as display:
        for done in (0, 30, 60):
            display.show("astria", Step("training", done, 100))
        display.show("astria", Step("failed", detail="[bold]no face"))
    assert log.getvalue() == "astria: training\nastria: failed: [bold]no face\n"
