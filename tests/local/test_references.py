"""Reference images from words: each is paid once, and what is there is left alone."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from PIL import Image

from character_evaluation.characters import character
from character_identity.outbound.safe_http import SafeHttpClient
from character_identity.providers.fal.queue import FalQueue
from local.errors import CannotRun
from local.references import ENDPOINT, ORDERS, Orders, Studio, _Key, _main, main, make
from tests.client.test_evaluate_command import Ended
from tests.local.test_demo import Clock
from tests.support.http import EVERYWHERE, scripted_client

SARAH = character("sarah")
PORTRAIT, BODY = SARAH.references[:2]
QUEUE = "https://queue.fal.run"


def jpeg() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (8, 8)).save(content, "JPEG")
    return content.getvalue()


class Fal:
    """A queue that draws at once; ``submits`` are answered from a list first."""

    def __init__(self) -> None:
        self.orders: list[dict[str, object]] = []
        self.submits: list[Callable[[], httpx.Response]] = []
        self.result: Callable[[], httpx.Response] = self._picture
        self.content = jpeg()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "v3.fal.media":
            return httpx.Response(200, content=self.content)
        if request.method == "POST":
            assert request.url.path == f"/{ENDPOINT}"
            self.orders.append(json.loads(request.content))
            if self.submits:
                return self.submits.pop(0)()
            return httpx.Response(200, json={"request_id": f"r-{len(self.orders)}"})
        if request.url.path.endswith("/status"):
            return httpx.Response(200, json={"status": "COMPLETED"})
        return self.result()

    def _picture(self) -> httpx.Response:
        image = {"url": "https://v3.fal.media/a.jpg"}
        return httpx.Response(200, json={"images": [image], "has_nsfw_concepts": [False]})


@pytest.fixture
def fal() -> Fal:
    return Fal()


def drawn(fal: Fal, folder: Path, clock: Clock | None = None) -> list[str]:
    """What could not be drawn of the portrait and the full body, with a studio of its own."""
    client = scripted_client(fal)
    media = SafeHttpClient(EVERYWHERE, httpx.MockTransport(fal))
    queue = FalQueue(client, _Key("i:s"), QUEUE, QUEUE, media)
    clock = clock or Clock()
    studio = Studio(queue, media, Orders(folder / ORDERS), clock.read, clock.sleep)
    missing = [image for image in (PORTRAIT, BODY) if not (folder / image.file).exists()]
    return make(studio, SARAH, missing, folder, 7, False, lambda line: None)


def test_images_are_asked_for_as_the_specification_describes_them(fal: Fal, tmp_path: Path) -> None:
    assert drawn(fal, tmp_path) == []
    assert [order["prompt"] for order in fal.orders] == [SARAH.prompt(PORTRAIT), SARAH.prompt(BODY)]
    assert [(order["image_size"], order["seed"]) for order in fal.orders] == [
        ({"width": 1024, "height": 1024}, 7)
    ] * 2
    assert (tmp_path / PORTRAIT.file).read_bytes() == fal.content
    assert json.loads((tmp_path / ORDERS).read_bytes())[BODY.file]["prompt"] == SARAH.prompt(BODY)


def test_what_is_there_is_not_ordered_whoever_made_it(fal: Fal, tmp_path: Path) -> None:
    (tmp_path / PORTRAIT.file).write_bytes(b"one's own")
    assert drawn(fal, tmp_path) == drawn(fal, tmp_path) == []
    assert len(fal.orders) == 1
    assert (tmp_path / PORTRAIT.file).read_bytes() == b"one's own"


def test_an_order_whose_image_was_not_fetched_is_found_again(fal: Fal, tmp_path: Path) -> None:
    fal.content = b"no picture"
    assert drawn(fal, tmp_path) == [
        f"{image.file} came as something that is no picture; ask again." for image in (PORTRAIT, BODY)
    ]
    fal.content = jpeg()
    assert drawn(fal, tmp_path) == []
    assert len(fal.orders) == 2


def test_an_order_whose_answer_was_lost_is_not_made_again(fal: Fal, tmp_path: Path) -> None:
    fal.submits = [lambda: httpx.Response(502)]
    [problem] = drawn(fal, tmp_path)
    assert problem.startswith(f"{PORTRAIT.file}: fal: answered 502")
    assert problem.endswith("it may have been ordered and is not again.")
    [problem] = drawn(fal, tmp_path)
    assert problem.startswith(f"{PORTRAIT.file} may have been ordered, and its answer was lost")
    assert len(fal.orders) == 2, "the lost one, and the other image"


@pytest.mark.parametrize(
    ("refusal", "problem"),
    [
        (httpx.Response(422, json={"detail": "no"}), "sarah_portrait_01.jpg: fal: answered 422: no"),
        (httpx.Response(429), "sarah_portrait_01.jpg: fal: asks for fewer calls (429): no reason given"),
    ],
    ids=["refused", "busy"],
)
def test_what_was_not_accepted_is_ordered_by_the_next_run(
    fal: Fal, tmp_path: Path, refusal: httpx.Response, problem: str
) -> None:
    fal.submits = [lambda: refusal]
    assert drawn(fal, tmp_path) == [problem]
    assert drawn(fal, tmp_path) == []


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (
            httpx.Response(200, json={"images": [{"url": "https://x"}], "has_nsfw_concepts": [True]}),
            "was withheld by the safety checker; another SEED may do.",
        ),
        (httpx.Response(422, json={"detail": "not this"}), "was not made: not this"),
    ],
    ids=["withheld", "failed"],
)
def test_an_image_that_was_not_made_is_told_and_may_be_ordered_again(
    fal: Fal, tmp_path: Path, result: httpx.Response, problem: str
) -> None:
    fal.result, works = (lambda: result), fal.result
    assert drawn(fal, tmp_path)[0] == f"{PORTRAIT.file} {problem}"
    fal.result = works
    assert drawn(fal, tmp_path) == []
    assert len(fal.orders) == 4


def test_an_image_that_takes_too_long_is_asked_for_later(fal: Fal, tmp_path: Path) -> None:
    clock = Clock()

    def busy() -> httpx.Response:
        clock.sleep(20)
        return httpx.Response(503)

    fal.result, works = busy, fal.result
    told = drawn(fal, tmp_path, clock)[0]
    assert told == f"{PORTRAIT.file} is not there after 15 minutes; ask again later."
    fal.result = works
    assert drawn(fal, tmp_path) == []
    assert len(fal.orders) == 2


def test_a_real_key_is_asked_before_anything_is_ordered(tmp_path: Path) -> None:
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return "no"

    with pytest.raises(CannotRun, match="Nothing was ordered"):
        _main([f"--output={tmp_path / 'sarah'}", "--all"], {"FAL_KEY": "i:s"}, ask)
    with pytest.raises(CannotRun, match="YES=1"):
        _main([f"--output={tmp_path / 'sarah'}"], {"FAL_KEY": "i:s"}, None)
    assert asked == ["This costs about $0.20, and at most $0.40. Order it? [y/N] "]
    assert not (tmp_path / "sarah").exists()


def test_the_end_of_the_input_agrees_to_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Ended())
    monkeypatch.setenv("FAL_KEY", "i:s")
    assert main([f"--output={tmp_path / 'sarah'}"]) == 2
    assert capsys.readouterr().err == "Nothing was ordered.\n"
    assert not (tmp_path / "sarah").exists()


def test_where_all_images_are_there_nothing_is_asked_or_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for image in SARAH.references:
        (tmp_path / image.file).write_bytes(b"mine")
    assert _main([f"--output={tmp_path}"], {"FAL_KEY": "i:s"}, None) == 0
    said = capsys.readouterr().out
    assert f"5 of 5 images of Sarah are in {tmp_path}." in said
    assert "fal-lora takes 5 to 20, astria 4 to 20" in said, "the contradiction of five and eight"
    assert f"make demo REFERENCES={tmp_path} NAME=Sarah CLASS=woman" in said


@pytest.mark.processes
def test_without_a_key_a_simulator_draws_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "jane.yaml"
    mine.write_text(
        "{name: Jane Doe, class_name: woman, description: red hair,"
        " references: [{file: jane_01.jpg, title: Portrait, shows: a face}]}"
    )
    output = tmp_path / "some images"
    assert _main([f"--character={mine}", f"--output={output}"], {}, None) == 0
    with Image.open(output / "jane_01.jpg") as image:
        assert image.size == (1024, 1024)
    said = capsys.readouterr().out
    assert "Simulated: a simulator drew" in said
    assert f'make demo REFERENCES="{output}" NAME="Jane Doe" CLASS=woman' in said


def test_a_home_that_the_shell_leaves_to_others_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.yaml").write_text("[]")
    with pytest.raises(CannotRun, match=r"mine\.yaml: it has to say name"):
        _main(["--character=~/mine.yaml"], {}, None)


def test_records_that_cannot_be_read_order_nothing(tmp_path: Path) -> None:
    (tmp_path / ORDERS).write_text("{")
    with pytest.raises(CannotRun, match=r"orders\.json cannot be read; move it away"):
        Orders(tmp_path / ORDERS)


def test_an_unknown_character_is_told_with_those_that_are_known() -> None:
    with pytest.raises(CannotRun, match=r"jane cannot be read: .* characters that are shipped: sarah\."):
        _main(["--character=jane"], {}, None)
