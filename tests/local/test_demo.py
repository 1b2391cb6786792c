"""The demo against an API in memory: no processes, no waiting."""

import csv
import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from rich.console import Console

from character_evaluation.__main__ import main as report
from character_identity_client import ApiClient, ApiError
from local.demo import gather_references, main, resumed, run, simulated_providers
from local.demo_options import Options, parse_options
from local.errors import STOPPED, CannotRun
from local.options import BadOption
from local.photographs import CHELSEA, EILEEN, Photograph, make_references
from local.results import LATEST, Run, new_run
from tests.local.fake_api import FakeApi, image, served
from tests.support.scenarios import SCENARIOS


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def read(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Demo:
    """A run: what it printed and answered, and what is in its folder."""

    def __init__(
        self,
        output: Path,
        api: Callable[[httpx.Request], httpx.Response],
        simulated: frozenset[str],
        names: list[str],
        ask: Callable[[str], str] | None = None,
        sleep: Callable[[float], None] | None = None,
        **changes: Any,
    ) -> None:
        values: dict[str, Any] = {
            "references": None,
            "character": "Eileen",
            "class_name": "woman",
            "providers": ("fal-instant", "fal-lora", "astria"),
            "scenarios": SCENARIOS[:2],
            "variations": 1,
        }
        self.output = output
        clock, printed = Clock(), io.StringIO()
        console = Console(file=printed, width=200)
        kept = Run(output)
        kept.uploads.mkdir(parents=True, exist_ok=True)
        for name in names:
            (kept.uploads / name).write_bytes(image())
        with ApiClient(
            "https://api.test",
            "a-token",
            transport=httpx.MockTransport(served(api)),
            clock=clock.read,
            sleep=sleep or clock.sleep,
        ) as client:
            self.code = run(
                Options(**values | changes), kept, client, console, simulated, {}, ask, yes=ask is None
            )
        self.printed = printed.getvalue()

    @property
    def gallery(self) -> str:
        return (self.output / "gallery.html").read_text(encoding="utf-8")

    @property
    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO((self.output / "results.csv").read_text(), newline="")))


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "demo"


def demo(
    output: Path,
    api: Callable[[httpx.Request], httpx.Response] | None = None,
    simulated: str = "",
    names: list[str] | None = None,
    **changes: Any,
) -> Demo:
    names = names or [f"{number}.jpg" for number in range(1, 9)]
    return Demo(output, api or FakeApi(), frozenset(simulated.split()), names, **changes)


def test_the_api_is_asked_for_what_was_asked_for(output: Path) -> None:
    api = FakeApi()
    done = demo(output, api, variations=2, max_cost_usd=9.5)
    assert done.code == 0
    assert api.orders == ["demo"]
    assert len(api.order.pop("references")) == 8
    scenarios = api.order.pop("scenarios")
    assert [each["prompt"] for each in scenarios] == [scenario.template for scenario in SCENARIOS[:2]]
    assert [each["threshold"] for each in scenarios] == [0.90, 0.85]
    assert {each["aspectRatio"] for each in scenarios} == {"1:1"}
    assert api.order == {
        "name": "Eileen",
        "className": "woman",
        "providers": ["fal-instant", "fal-lora", "astria"],
        "variations": 2,
        "maxCostUsd": 9.5,
    }


def test_all_results_are_in_the_runs_folder_and_lead_to_each_other(output: Path) -> None:
    done = demo(output, variations=2)
    assert len(done.rows) == 3 * 2 * 2
    assert all((output / row["image"]).read_bytes() == image() for row in done.rows)
    assert all(f'"{row["image"]}"' in done.gallery for row in done.rows)
    assert "bucket.test" not in done.gallery
    pages = {name: (output / name).read_bytes() for name in ("gallery.html", "report.html", "report.md")}
    assert report([str(output)]) == 0
    assert {name: (output / name).read_bytes() for name in pages} == pages, "make report writes the same"


def test_the_table_has_a_line_for_each_provider(output: Path) -> None:
    printed = demo(output).printed
    lines = [line.split() for line in printed.splitlines()]
    for provider in ("fal-instant", "fal-lora", "astria"):
        assert [provider, "2", "of", "2", "0.700", "1.5", "s", "$2.10"] in lines
    assert str(output / "gallery.html") in printed
    assert "Not decided: neither identity nor price" in printed


def test_without_a_terminal_there_is_a_line_for_each_phase_and_nothing_else(output: Path) -> None:
    printed = demo(output, providers=("fal-lora",)).printed
    assert "\x1b" not in printed
    assert "\r" not in printed
    assert printed.splitlines()[:6] == [
        "planning, $0.00 of $25.00",
        "identities 0 of 1, $0.00 of $25.00",
        "pictures 1 of 2, $0.05 of $25.00",
        "scores 0 of 2, $0.10 of $25.00",
        "report, $0.10 of $25.00",
        "completed, $0.10 of $25.00",
    ]


def test_an_image_that_is_refused_is_named_as_the_user_knows_it(output: Path) -> None:
    with pytest.raises(CannotRun, match=r"^3\.jpg: This is no picture\. Nothing was ordered\.$"):
        demo(output, FakeApi(unreadable="3.jpg"))


def test_what_would_cost_too_much_is_not_ordered(output: Path) -> None:
    with pytest.raises(CannotRun, match=r"^It may cost more\. Nothing was ordered\.$"):
        demo(output, FakeApi(), max_cost_usd=0)
    assert Run(output).plan["ordered"] is False


def test_a_warning_about_an_image_is_said_once_and_changes_nothing(output: Path) -> None:
    finding = {"code": "blurred", "severity": "warning", "message": "It is blurred.", "advice": "Sharpen it."}
    about_one, about_all = (
        {**finding, "reference": 1},
        {**finding, "reference": None, "message": "All alike."},
    )
    done = demo(output, FakeApi(findings=(about_one, about_all)))
    assert done.code == 0
    assert done.printed.count("2.jpg: It is blurred. Sharpen it.\n") == 1
    assert done.printed.count("\nAll alike. Sharpen it.\n") == 1


def test_one_provider_that_fails_is_named_and_the_others_shown(output: Path) -> None:
    done = demo(output, FakeApi(untrainable=frozenset({"astria"})))
    assert done.code == 0
    assert "astria failed: No face was found." in done.printed
    assert "astria, close-up" not in done.printed, "once is enough"


def test_nothing_produced_is_a_failure(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = demo(output, FakeApi(untrainable=frozenset({"fal-lora"})), providers=("fal-lora",))
    assert done.code == 1
    assert "No picture was made." in capsys.readouterr().err


def test_images_that_are_missing_are_named(output: Path) -> None:
    api = FakeApi(filtered=frozenset({"fal-lora/close-up-2"}), unscored=frozenset({"fal-lora/wide-shot-1"}))
    done = demo(output, api, providers=("fal-lora",), variations=2)
    assert "fal-lora, close-up 2: filtered (content policy)" in done.printed
    assert "fal-lora, wide-shot 1: not scored (The picture is black.)" in done.printed
    assert done.code == 0


def test_a_picture_that_cannot_be_had_is_told_and_fetched_when_the_run_is_resumed(output: Path) -> None:
    api = FakeApi(lost=frozenset({"fal-lora/wide-shot-1"}))
    with pytest.raises(CannotRun, match=r"row 3, image: there is no such file\. images/fal-lora/wide-shot-1"):
        demo(output, api, providers=("fal-lora",))
    api.lost = frozenset()
    fetched = len(api.downloads)
    assert demo(output, api, providers=("fal-lora",)).code == 0
    assert api.downloads[fetched:] == ["images/fal-lora/wide-shot-1.jpg"], "and no other again"


@pytest.mark.parametrize("paths", ["../outside.jpg", "/etc/outside.jpg", "images/../../outside.jpg"])
def test_no_picture_is_put_outside_the_folder(output: Path, paths: str) -> None:
    class Hostile(FakeApi):
        def _links(self, run: Any) -> dict[str, str]:
            return {paths: "https://bucket.test/x"}

    with pytest.raises(ApiError, match="outside the folder"):
        demo(output, Hostile())
    assert not (output.parent / "outside.jpg").exists()


def test_an_evaluation_that_failed_says_why_and_what_it_cost(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo(output, FakeApi(ends_as="failed")).code == 1
    assert capsys.readouterr().err == "It took too long. $0.30 were spent.\n"


def stopped_at(poll: int, api: FakeApi) -> Callable[[float], None]:
    """Ctrl-C, when the evaluation was looked at so often."""

    def sleep(seconds: float) -> None:
        if api.polls == poll:
            raise KeyboardInterrupt

    return sleep


@pytest.mark.parametrize("answer", ["", "n", None], ids=["enter", "no", "nobody-asked"])
def test_who_leaves_leaves_the_evaluation_going_and_comes_back_to_it(
    output: Path, answer: str | None
) -> None:
    api = FakeApi()
    ask = None if answer is None else (lambda question: answer)
    with pytest.raises(KeyboardInterrupt):
        demo(output, api, "fal-instant fal-lora astria", ask=ask, sleep=stopped_at(3, api))
    assert not api.cancelled
    assert demo(output, api).code == 0
    assert api.orders == ["demo"]


def test_who_leaves_may_cancel(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    api, asked = FakeApi(), []

    def ask(question: str) -> str:
        asked.append(question)
        return " Yes "

    done = demo(output, api, "fal-instant fal-lora astria", ask=ask, sleep=stopped_at(3, api))
    assert (done.code, api.cancelled, len(asked)) == (STOPPED, True, 1)
    assert capsys.readouterr().err == "The evaluation was cancelled. $0.30 were spent.\n"
    assert "The evaluation was cancelled. Of 6 planned pictures, drawn or failed: 4;" in done.printed
    assert "0 of 0, 2 cancelled" in done.printed
    assert "astria, " not in done.printed  # it did not fail
    pages = {name: (output / name).read_bytes() for name in ("gallery.html", "report.html", "report.md")}
    assert all(b"PARTIAL" in page for page in pages.values())
    assert report([str(output)]) == 0
    assert pages == {name: (output / name).read_bytes() for name in pages}


def test_who_insists_on_leaving_while_asked_cancels_nothing(output: Path) -> None:
    def ask(question: str) -> str:
        raise KeyboardInterrupt

    api = FakeApi()
    with pytest.raises(KeyboardInterrupt):
        demo(output, api, "fal-instant fal-lora astria", ask=ask, sleep=stopped_at(3, api))
    assert not api.cancelled


def test_real_providers_are_paid_with_a_yes_only_and_once(output: Path) -> None:
    api, asked = FakeApi(), []

    def ask(question: str) -> str:
        asked.append(question)
        return "y" if len(asked) > 1 else "n"

    with pytest.raises(CannotRun, match=r"^Nothing was ordered\.$"):
        demo(output, api, "astria", ask=ask)
    assert api.orders == []
    assert demo(output, api, "astria", ask=ask).code == 0
    assert demo(output, api, "astria", ask=ask).code == 0
    assert asked == ["This costs about $0.40, $0.80 at most. Order it? [y/N] "] * 2, "astria is simulated"


def test_what_was_simulated_is_said_everywhere(output: Path) -> None:
    everybody = frozenset({"fal-lora", "astria", "fal-instant"})
    done = demo(output, FakeApi(encoder="efficientnet-lite0", simulated=everybody), " ".join(everybody))
    assert "Simulated: trainings and pictures of astria, fal-instant, fal-lora, by simulators" in done.printed
    assert "Simulated: CLIP scores, by the fallback encoder efficientnet-lite0" in done.printed
    assert "SIMULATED" in done.gallery


def test_what_was_real_is_not_called_simulated(output: Path) -> None:
    done = demo(output)
    assert "pictures from the servers configured for fal-instant, fal-lora, astria" in done.printed
    assert "Simulated" not in done.printed
    assert "SIMULATED" not in done.gallery


FAL = {"FAL_QUEUE_URL": "https://queue.fal.run"}
REST = {"FAL_REST_URL": "https://rest.fal.ai", "FAL_PLATFORM_URL": "https://api.fal.ai/v1"}


@pytest.mark.parametrize(
    ("environment", "simulated"),
    [
        ({}, "astria fal-instant fal-lora"),
        ({"FAL_KEY": "real"}, "astria"),
        ({"FAL_KEY": "real", "ASTRIA_API_KEY": "real"}, ""),
        (FAL | REST, "astria"),
        (FAL | {"ASTRIA_API_URL": "https://api.astria.ai"}, "fal-instant fal-lora"),
        (FAL | REST | {"ASTRIA_API_URL": "http://127.0.0.1:8000/astria"}, "astria"),
        (FAL | REST | {"ASTRIA_API_URL": "https://api.astria.ai"}, ""),
    ],
)
def test_a_provider_is_real_only_if_nothing_of_it_is_on_this_machine(
    environment: dict[str, str], simulated: str
) -> None:
    assert sorted(simulated_providers(environment)) == simulated.split()


def parsed(arguments: list[str]) -> Options:
    options = parse_options(arguments, {}).options
    assert options is not None
    return options


def test_options_unless_given_are_everything_once() -> None:
    options = parsed([])
    assert options.providers == ("fal-instant", "fal-lora", "astria")
    assert (options.scenarios, options.variations) == (SCENARIOS, 1)
    assert (options.character, options.class_name) == ("Eileen", "woman")


def test_scenarios_go_by_number_or_name() -> None:
    options = parsed(["--scenarios", "action, 1,close-up", "--variations", "3", "--providers", "astria"])
    assert [scenario.number for scenario in options.scenarios] == [1, 5]
    assert (options.variations, options.providers) == (3, ("astria",))


def test_scenarios_are_of_the_set_that_is_named(tmp_path: Path) -> None:
    assert len(parsed(["--scenario-set", "extended"]).scenarios) == 15
    own = tmp_path / "own.yaml"
    own.write_text("[{name: sea, title: Sea, template: '{name} at sea', expected_similarity: 0.5}]")
    options = parsed(["--scenario-set", str(own), "--scenarios", "sea"])
    assert [scenario.prompt("Tom") for scenario in options.scenarios] == ["Tom at sea"]
    own.unlink()
    assert Options.of(options.document()).scenarios == options.scenarios, "a run keeps its scenarios"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--scenario-set", "extendet"], "The sets that are shipped: specification, extended."),
        (["--scenario-set", "extended", "--scenarios", "close-up"], "There is no scenario 'close-up'"),
    ],
)
def test_a_set_that_is_not_there_is_told_with_those_that_are(arguments: list[str], told: str) -> None:
    with pytest.raises(BadOption, match=told):
        parsed(arguments)


def pictures(tmp_path: Path, name: str = "Ada Lovelace") -> Path:
    folder = tmp_path / name
    folder.mkdir(parents=True)
    (folder / "1.jpg").write_bytes(image())
    return folder


def test_a_character_is_called_like_its_folder_unless_it_has_a_name(tmp_path: Path) -> None:
    words = ["--references", f"{pictures(tmp_path)}/", "--class", "woman"]
    assert (parsed(words).character, parsed(words).class_name) == ("Ada Lovelace", "woman")
    assert parsed([*words, "--name", "Tom", "--class", "cat"]).character == "Tom"
    assert parsed([*words, "--name", "Tom", "--class", "cat"]).class_name == "cat"


def test_nobody_is_trained_as_what_nobody_said(tmp_path: Path) -> None:
    words = ["--references", str(pictures(tmp_path, "Tom"))]
    with pytest.raises(
        BadOption, match=r"^Say what Tom is, for trainings build on it: CLASS=woman, CLASS=cat,"
    ):
        parsed(words)
    answers = {"What is Tom: woman, man, cat, ...? ": " cat "}
    answered = parse_options(words, {}, answers.__getitem__).options
    assert answered is not None and answered.class_name == "cat"
    assert parsed([*words, "--providers", "fal-instant"]).class_name is None  # it trains nothing


def test_the_home_of_the_user_is_found_whatever_the_shell_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = pictures(tmp_path, "pictures")
    assert parsed(["--make= -- REFERENCES=~/pictures CLASS=cat"]).references == folder
    assert parsed(["--references=~/pictures", "--class=cat"]).references == folder


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--providers", "midjourney"], "There is no provider 'midjourney'; there are fal-instant,"),
        (["--providers", ","], "No provider is named"),
        (["--scenarios", "9"], "There is no scenario '9'; there are 1 close-up, 2 wide-shot,"),
        (["--variations", "0"], "Variations must be a number from 1 to 8, not '0'."),
        (["--variations", "many"], "Variations must be a number from 1 to 8, not 'many'."),
        (["--references", "/nowhere/at/all"], "There is no folder /nowhere/at/all."),
        (["--variations", "²"], "Variations must be a number from 1 to 8, not '²'."),
        (["--references", __file__], f"{__file__} is a file; REFERENCES (--references) names a folder"),
        (["--references", str(Path(__file__).parent)], "There are no pictures in "),
        (["--references", "VIEWS", "--class", "c@t"], "CLASS (--class) is a word or two in plain letters,"),
        (["--resume", "20200101-000000-abcdef"], "There is no run '20200101-000000-abcdef' to resume"),
        (["--resume", "../.."], "There is no run '../..' to resume"),
        (
            ["--resume", "x", "--providers", "astria"],
            "A run is resumed as it was begun, without --providers.",
        ),
        (["--make=REFERENCE=x"], "make demo knows no variable REFERENCE; did you mean REFERENCES?"),
        (["--colour"], "unrecognized arguments: --colour; see --help"),
    ],
)
def test_a_bad_option_is_answered_with_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    views = str(pictures(tmp_path))
    assert main([views if word == "VIEWS" else word for word in arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith(sentence)
    assert said.count("\n") == 1


def test_images_of_a_folder_are_copied_in_order_and_other_files_left(tmp_path: Path, output: Path) -> None:
    folder = tmp_path / "Ada"
    folder.mkdir()
    for name in ("b.PNG", "a.jpg", "notes.txt", "c.webp"):
        (folder / name).write_text(name)
    copies = gather_references(folder, output)
    assert [path.relative_to(output).as_posix() for path in copies] == ["a.jpg", "b.PNG", "c.webp"]
    assert [path.read_text() for path in copies] == ["a.jpg", "b.PNG", "c.webp"]


def test_latest_leads_to_the_run_that_ended_last_and_no_run_loses_anything(tmp_path: Path) -> None:
    first, second = demo(tmp_path / "1", providers=("astria",)), demo(tmp_path / "2", providers=("astria",))
    assert (tmp_path / LATEST / "gallery.html").read_text() == second.gallery
    assert first.gallery
    assert (tmp_path / LATEST).readlink() == Path("2")


class Interrupted(FakeApi):
    """Is cut off at the so-manieth call, after it was done; from then on nothing is reached."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.left = calls
        self.is_down = False

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.is_down:
            raise httpx.ConnectError("down", request=request)
        answer = super()._answer(request)
        self.left -= 1
        if self.left == 0:
            self.is_down = True
            raise httpx.ReadError("cut", request=request)
        return answer


@pytest.mark.parametrize("calls", [1, 5, 9, 10, 11, 12, 15, 17, 18, 20, 25, 30])
def test_a_run_that_is_resumed_orders_nothing_twice(output: Path, calls: int) -> None:
    api = Interrupted(calls)
    with pytest.raises((httpx.TransportError, CannotRun)):
        demo(output, api)
    api.is_down = False
    done = demo(output, api)
    assert done.code == 0
    assert {row["outcome"] for row in done.rows} == {"succeeded"}
    assert api.orders == ["demo"]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where runs of the whole command are kept; SIGTERM stays what it is."""
    monkeypatch.setattr("local.demo.new_run", lambda now, new_id: new_run(now, new_id, tmp_path))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return tmp_path


class Ending:
    """A run of the command that ends in one way, perhaps after the evaluation was ordered."""

    def __init__(self, end: BaseException | int, ordered: bool) -> None:
        self.end, self.ordered = end, ordered

    def __call__(self, options: Options, kept: Run, *_: object, yes: bool) -> int:
        kept.note({"ordered": self.ordered})
        if isinstance(self.end, int):
            return self.end
        raise self.end


@pytest.mark.parametrize(
    ("end", "ordered", "code", "is_kept", "goes_on"),
    [
        (0, True, 0, True, False),
        (CannotRun("Nothing was ordered."), False, 2, False, False),
        (CannotRun("The API did not answer."), True, 2, True, True),
        (KeyboardInterrupt(), False, STOPPED, True, True),
        (OSError(errno.ENOSPC, "full", "x"), True, 2, True, True),
    ],
    ids=["done", "refused", "broken", "left", "full"],
)
def test_a_run_is_kept_once_something_was_ordered_and_says_how_it_goes_on(
    results: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    end: BaseException | int,
    ordered: bool,
    code: int,
    is_kept: bool,
    goes_on: bool,
) -> None:
    monkeypatch.setattr("local.demo._in_system", Ending(end, ordered))
    assert main(["--providers=fal-instant"]) == code
    runs = list(results.iterdir())
    assert [len(list(run.glob("uploads/*.jpg"))) for run in runs] == ([8] if is_kept else [])
    said = capsys.readouterr().out
    assert (is_kept and f"`make demo RESUME={runs[0].name}` goes on from here" in said) is goes_on


def test_a_full_disk_ends_the_run(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    def break_disk(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and request.url.host == "bucket.test":
            monkeypatch.setattr(Path, "write_bytes", no_space)
        return api(request)

    api = FakeApi()
    with pytest.raises(OSError, match="No space left"):
        demo(output, break_disk, providers=("fal-instant",))


@pytest.mark.parametrize(
    ("before", "now", "sentence"),
    [
        (
            ["astria", "fal-lora"],
            "astria",
            "fal-lora was a simulator in this run; unset FAL_KEY to resume it.",
        ),
        (["astria"], "astria fal-lora", "fal-lora was the real one in this run; set FAL_KEY to resume it."),
    ],
)
def test_a_run_is_resumed_with_the_providers_it_was_begun_with(
    output: Path, before: list[str], now: str, sentence: str
) -> None:
    kept = Run(output)
    kept.note({**parsed(["--providers", "fal-lora,astria"]).document(), "simulated": before})
    with pytest.raises(BadOption) as caught:
        resumed(kept, frozenset(now.split()))
    assert str(caught.value) == sentence
    assert resumed(kept, frozenset(before)) == parsed(["--providers", "fal-lora,astria"])


@pytest.mark.parametrize("photograph", [EILEEN, CHELSEA], ids=["eileen", "chelsea"])
def test_a_photograph_makes_eight_references_that_differ(photograph: Photograph, tmp_path: Path) -> None:
    paths = make_references(photograph, tmp_path / "one")
    assert len(paths) == 8
    small = []
    for path in paths:
        with Image.open(path) as image:
            assert image.format == "JPEG"
            assert min(image.size) >= 512
            small.append(image.convert("RGB").resize((16, 16)).tobytes())
    differences = [
        sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)
        for number, one in enumerate(small)
        for other in small[number + 1 :]
    ]
    assert min(differences) > 8  # of 255, on average over a thumbnail


def test_a_photograph_makes_the_same_references_every_time(tmp_path: Path) -> None:
    first, second = make_references(EILEEN, tmp_path / "one"), make_references(EILEEN, tmp_path / "two")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_photographs_are_small_enough_to_ship() -> None:
    assert all(photograph.path.stat().st_size <= 250_000 for photograph in (EILEEN, CHELSEA))
