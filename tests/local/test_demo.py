"""The demo against an API in memory: no processes, no waiting."""

import csv
import errno
import io
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from rich.console import Console

from character_evaluation.scenarios import SCENARIOS
from character_identity_client import ApiClient
from local.comparison import Sleep, Stopped
from local.demo import gather_references, main, resumed, run, simulated_providers
from local.demo_options import Options, parse_options
from local.options import BadOption
from local.photographs import CHELSEA, EILEEN, Photograph, make_references
from local.results import LATEST, Run
from tests.local.fake_api import FakeApi, image


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def read(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Demo:
    """A finished run: what it printed, wrote and answered."""

    def __init__(
        self, output: Path, api: FakeApi, simulated: frozenset[str], names: list[str], **changes: Any
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
        console = Console(file=printed, width=100)
        kept = Run(output)
        kept.references.mkdir(parents=True, exist_ok=True)
        for name in names:
            (kept.references / name).write_bytes(image())
        with ApiClient(
            "https://api.test",
            "a-token",
            transport=httpx.MockTransport(api),
            clock=clock.read,
            sleep=clock.sleep,
        ) as client:
            self.code = run(Options(**values | changes), kept, client, Sleep(), console, simulated, {})
        self.printed = printed.getvalue()
        self.gallery = (output / "gallery.html").read_text(encoding="utf-8")
        self.rows = list(csv.DictReader(io.StringIO((output / "results.csv").read_text(), newline="")))


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "demo"


def demo(
    output: Path,
    api: FakeApi | None = None,
    simulated: str = "",
    names: list[str] | None = None,
    **changes: Any,
) -> Demo:
    names = names or [f"{number}.jpg" for number in range(1, 9)]
    return Demo(output, api or FakeApi(), frozenset(simulated.split()), names, **changes)


def test_every_provider_draws_every_scenario(output: Path) -> None:
    done = demo(output, variations=2)
    assert done.code == 0
    assert len(done.rows) == 3 * 2 * 2
    assert {row["outcome"] for row in done.rows} == {"succeeded"}
    assert {row["own_similarity_mean"] for row in done.rows} == {"0.8"}
    assert {row["seed"] for row in done.rows} == {"1001", "1002", "2001", "2002"}
    assert all((output / row["image"]).read_bytes() == image() for row in done.rows)
    assert all(row["image"] in done.gallery for row in done.rows)


def test_the_table_has_a_line_for_each_provider(output: Path) -> None:
    printed = demo(output).printed
    lines = [line.split() for line in printed.splitlines()]
    assert ["fal-instant", "2", "of", "2", "0.700"] in [line[:5] for line in lines]
    assert ["fal-lora", "2", "of", "2", "0.700"] in [line[:5] for line in lines]
    assert [line[-1] for line in lines if line[:1] == ["fal-lora"] and "of" in line] == ["$2.10"]
    assert str(output / "gallery.html") in printed.replace("\n", "")


def test_pictures_are_compared_with_the_same_references_whatever_their_provider_took(output: Path) -> None:
    done = demo(output, simulated="")
    for row in done.rows:
        assert (row["similarity_mean"], row["clip_similarity"], row["first_similarity"]) == (
            "0.7",
            "0.7",
            "0.6",
        )
    assert "Not decided: neither identity nor price" in " ".join(done.printed.split())


def test_what_cannot_be_scored_in_time_may_be_when_it_is_compared(output: Path) -> None:
    api = FakeApi(unscored_seeds=frozenset({1001}), broken_seeds=frozenset({2001}))
    done = demo(output, api, providers=("fal-lora",))
    assert [(row["similarity_mean"], row["error"]) for row in done.rows] == [
        ("0.7", ""),
        ("", "The picture is black."),
    ]


def test_without_the_same_references_each_keeps_its_own_scores_and_nothing_is_decided(output: Path) -> None:
    done = demo(output, FakeApi(incomparable=True))
    assert {row["similarity_mean"] for row in done.rows} == {"0.8"}
    printed = " ".join(done.printed.split())
    assert "Pictures could not be scored against the same references: The scorer is down." in printed
    assert "Not decided: the providers took different references" in printed


def test_a_provider_gets_no_more_references_than_it_takes(output: Path) -> None:
    api = FakeApi()
    demo(output, api)
    counts = {name: len(body["references"]) for name, body in api.identities.items()}
    assert counts == {"fal-instant": 3, "fal-lora": 8, "astria": 8}


def test_without_a_terminal_there_is_a_line_for_each_phase_and_nothing_else(output: Path) -> None:
    printed = demo(output, providers=("fal-lora",)).printed
    assert "\x1b" not in printed
    assert "\r" not in printed
    assert printed.splitlines()[:6] == [
        "fal-lora: uploading",
        "fal-lora: checking the references",
        "fal-lora: training",
        "fal-lora: generating 2 pictures",
        "fal-lora: scoring 2 pictures",
        "fal-lora: done",
    ]


@pytest.mark.parametrize(
    ("api", "why"),
    [
        (FakeApi(refused=frozenset({"astria"})), "At least 5 reference images are needed."),
        (FakeApi(untrainable=frozenset({"astria"})), "No face was found."),
    ],
    ids=["refused", "untrainable"],
)
def test_one_provider_that_fails_leaves_the_others_alone(output: Path, api: FakeApi, why: str) -> None:
    done = demo(output, api)
    assert done.code == 0
    assert [row["outcome"] for row in done.rows].count("failed") == 2
    assert all(why in row["error"] for row in done.rows if row["provider"] == "astria")
    assert f"astria failed: {why}" in done.printed
    assert why in done.gallery


def test_an_image_that_is_refused_is_named_as_the_user_knows_it(output: Path) -> None:
    done = demo(output, FakeApi(unreadable="3.jpg"), providers=("fal-lora",))
    assert "fal-lora failed: references/3.jpg: This is no picture." in done.printed


def test_a_warning_about_an_image_is_said_once_and_changes_nothing(output: Path) -> None:
    finding = {"code": "blurred", "severity": "warning", "message": "It is blurred.", "advice": "Sharpen it."}
    about_one, about_all = (
        {**finding, "reference": 1},
        {**finding, "reference": None, "message": "All alike."},
    )
    done = demo(output, FakeApi(findings=(about_one, about_all)))
    assert done.code == 0
    assert done.printed.count("references/2.jpg: It is blurred. Sharpen it.\n") == 1
    assert done.printed.count("\nAll alike. Sharpen it.\n") == 1


def test_nothing_produced_is_a_failure(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = demo(output, FakeApi(refused=frozenset({"fal-lora"})), providers=("fal-lora",))
    assert done.code == 1
    assert "No picture was made." in capsys.readouterr().err


def test_something_unexpected_is_a_failure_and_said(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = demo(output, FakeApi(broken=frozenset({"fal-lora"})))
    assert done.code == 1
    assert "Something unexpected failed with fal-lora:" in capsys.readouterr().err
    assert [row["outcome"] for row in done.rows].count("succeeded") == 4


def test_images_that_are_missing_are_named(output: Path) -> None:
    api = FakeApi(
        failing_seeds=frozenset({1001}),
        filtered_seeds=frozenset({1002}),
        lost_seeds=frozenset({2001}),
        unscored_seeds=frozenset({2002}),
        incomparable=True,
    )
    done = demo(output, api, providers=("fal-lora",), variations=2)
    printed = " ".join(done.printed.split())
    assert [row["outcome"] for row in done.rows] == ["failed", "filtered", "succeeded", "succeeded"]
    assert "fal-lora, close-up 1: failed (The provider is down." in printed
    assert "fal-lora, close-up 2: filtered (content policy)" in printed
    assert "fal-lora, wide-shot 1: no picture here (The picture could not be downloaded: Not Found" in printed
    assert "fal-lora, wide-shot 2: not scored (Waited" in printed
    assert "Waited" in done.gallery
    assert done.code == 0


def test_what_scores_are_worth_is_in_the_table_and_the_gallery(output: Path) -> None:
    api = FakeApi(
        copying_seeds=frozenset({1002}), broken_seeds=frozenset({2001}), faceless_seeds=frozenset({2002})
    )
    done = demo(output, api, providers=("fal-lora",), variations=2)
    assert [row["near_copy"] for row in done.rows] == ["", "references/1.jpg", "", ""]
    assert [row["calibrated"] for row in done.rows] == ["0.5", "0.5", "", "0.5"]
    assert [row["face_similarity_mean"] for row in done.rows] == ["0.96", "0.96", "", ""]
    assert [row["face_not_scored"] for row in done.rows] == ["", "", "", "no_face"]
    assert {row["face_encoder"] for row in done.rows} == {"face-dlib-resnet-v1", ""}
    assert done.gallery.count("nearly a reference again") == 1
    printed = " ".join(done.printed.split())
    assert "fal-lora, wide-shot 1: not scored (The picture is black." in printed


def test_what_was_simulated_is_said_everywhere(output: Path) -> None:
    done = demo(output, FakeApi(encoder="efficientnet-lite0"), simulated="fal-lora astria fal-instant")
    printed = " ".join(done.printed.split())
    assert "Simulated: trainings and pictures of astria, fal-instant, fal-lora, by simulators" in printed
    assert "Simulated: CLIP scores, by the fallback encoder efficientnet-lite0" in printed
    assert "SIMULATED" in done.gallery


def test_what_was_real_is_not_called_simulated(output: Path) -> None:
    done = demo(output)
    assert "pictures from the servers configured for fal-instant, fal-lora, astria" in " ".join(
        done.printed.split()
    )
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


def test_a_stop_ends_every_wait() -> None:
    pause = Sleep()
    pause(0)
    pause.stop()
    with pytest.raises(Stopped):
        pause(3600)


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
        (["--variations", "0"], "Variations must be a number from 1 to 20, not '0'."),
        (["--variations", "many"], "Variations must be a number from 1 to 20, not 'many'."),
        (["--references", "/nowhere/at/all"], "There is no folder /nowhere/at/all."),
        (["--variations", "²"], "Variations must be a number from 1 to 20, not '²'."),
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


def test_an_image_may_be_called_anything(output: Path) -> None:
    done = demo(output, names=["who? #1 100%.jpg"], providers=("fal-instant",))
    assert 'src="references/who%3F%20%231%20100%25.jpg"' in done.gallery


def test_latest_leads_to_the_run_that_ended_last_and_no_run_loses_anything(tmp_path: Path) -> None:
    first, second = demo(tmp_path / "1", providers=("astria",)), demo(tmp_path / "2", providers=("astria",))
    assert (tmp_path / LATEST / "gallery.html").read_text() == second.gallery
    assert (tmp_path / "1" / "gallery.html").read_text() == first.gallery
    assert (tmp_path / LATEST).readlink() == Path("2")


class Interrupted(FakeApi):
    """Is cut off when it has taken so many orders, before it answers; from then on nothing is reached."""

    def __init__(self, orders: int) -> None:
        super().__init__()
        self.left = orders
        self.is_down = False

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.is_down:
            raise httpx.ConnectError("down", request=request)
        answer = super()._answer(request)
        if request.method == "POST" and "Idempotency-Key" in request.headers:
            self.left -= 1
            if self.left == 0:
                self.is_down = True
                raise httpx.ReadError("cut", request=request)
        return answer


@pytest.mark.parametrize("orders", range(1, 10))
def test_a_run_that_is_resumed_orders_nothing_twice(output: Path, orders: int) -> None:
    api = Interrupted(orders)
    demo(output, api)
    uploaded = dict(api.uploaded)
    api.is_down = False
    done = demo(output, api)
    assert done.code == 0
    assert {row["outcome"] for row in done.rows} == {"succeeded"}
    assert len(api.orders) == len(set(api.orders)) == 3 + 3 * 2
    assert all(key.startswith("demo/") for key in api.orders)
    assert uploaded.keys() <= api.uploaded.keys()


def dollars_of(provider: str, printed: str) -> str:
    """The last column of a provider's line in the table."""
    (line,) = (line for line in printed.splitlines() if line.split()[:1] == [provider] and " of " in line)
    return line.split()[-1]


def test_what_was_refused_before_an_order_cost_nothing(output: Path) -> None:
    done = demo(output, FakeApi(refused=frozenset({"astria"})), providers=("astria",))
    assert dollars_of("astria", done.printed) == "$0.00"
    assert "At least 5 reference images are needed. (too_few_references, HTTP 400) Nothing was ordered." in (
        " ".join(done.printed.split())
    )


def test_what_failed_after_an_order_costs_what_the_service_says(output: Path) -> None:
    done = demo(output, FakeApi(untrainable=frozenset({"astria"})), providers=("astria",))
    assert dollars_of("astria", done.printed) == "$2.00"


def test_what_may_have_been_ordered_is_not_called_free(output: Path) -> None:
    done = demo(output, FakeApi(broken=frozenset({"astria"})), providers=("astria",))
    assert dollars_of("astria", done.printed) == "unknown"


def test_a_full_disk_ends_the_run(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    def break_disk(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and request.url.host == "bucket.test":
            monkeypatch.setattr(Path, "write_bytes", no_space)
        return api(request)

    api = FakeApi()
    with pytest.raises(OSError, match="No space left"):
        demo(output, break_disk, providers=("fal-instant",))  # type: ignore[arg-type]


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
