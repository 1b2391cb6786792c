"""Gallery and report in Chromium, from disk: no error in the console, and clicks and keys do their work."""

import csv
import io
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from character_evaluation.results import files_of
from character_evaluation.votes import preferences, read_votes
from tests.evaluation.test_verdict import run
from tests.support.browser import CHROMIUM, DRIVER, MISSING, Browser, address_of, browsing

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason=MISSING),
]
LEFT, DOWN, RIGHT, BACKSPACE, ESCAPE = "\ue012", "\ue015", "\ue014", "\ue003", "\ue00c"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two providers with its pictures and pages."""
    folder = tmp_path_factory.mktemp("run")
    whole = run({"a": {}, "b": {"lead": 0.01}})
    rows = [replace(row, image=f"{row.provider}-{row.scenario}.png") for row in whole.rows]
    for place, name in enumerate([str(row.image) for row in rows] + ["reference.png"]):
        Image.new("RGB", (64, 48), (place * 20, 90, 120)).save(folder / name)
    for name, content in files_of(replace(whole, rows=rows, references=["reference.png"])).items():
        (folder / name).write_text(content, encoding="utf-8", newline="")
    return folder


def test_all_pictures_load_and_nothing_is_wrong(browser: Browser, folder: Path) -> None:
    browser.open(address_of(folder / "gallery.html"))
    widths = browser.run(
        """for (const image of document.images) image.loading = "eager";
        return Promise.all([...document.images].filter((image) => image.getAttribute("src"))
            .map((image) => image.decode().then(() => image.naturalWidth)))"""
    )
    assert widths == [64] * 11
    browser.open(address_of(folder / "report.html"))
    assert browser.run("return document.querySelectorAll('svg circle').length") == 14
    assert browser.console() == []


def test_providers_are_hidden_and_shown(browser: Browser, folder: Path) -> None:
    browser.open(address_of(folder / "gallery.html"))
    shown = "return [...document.querySelectorAll('.provider')].filter((each) => each.offsetParent).length"
    assert browser.run(shown) == 10
    browser.click("input[type=checkbox][value=a]")
    assert browser.run(shown) == 5
    browser.click("input[type=checkbox][value=a]")
    assert browser.run(shown) == 10


def test_a_picture_opens_large_with_the_reference_over_it_and_keys_go_on(
    browser: Browser, folder: Path
) -> None:
    browser.open(address_of(folder / "gallery.html"))
    browser.click("figure[data-provider=a] a")
    assert browser.run("return [viewer.open, caption.textContent]") == [True, "close-up: a, variation 1"]
    files = "return [picture, over].map((image) => image.src.split('/').pop())"
    assert browser.run(files) == ["a-close-up.png", "reference.png"]
    options = browser.run("return [...other.options].map((option) => option.text)")
    assert options == ["reference 1", "b, variation 1"]
    clip = "return getComputedStyle(over).clipPath"
    assert browser.run(clip) == "inset(0px 50% 0px 0px)"
    browser.run("share.value = 80; share.dispatchEvent(new Event('input'))")
    assert browser.run(clip) == "inset(0px 20% 0px 0px)"
    browser.press(RIGHT)
    assert browser.run("return caption.textContent") == "close-up: b, variation 1"
    browser.run("other.selectedIndex = 1; other.dispatchEvent(new Event('input'))")
    assert browser.run("return over.src.split('/').pop()") == "a-close-up.png"
    browser.click("#beside")
    assert browser.run(clip) == "none"
    browser.press(ESCAPE)
    assert browser.run("return viewer.open") is False


def test_blind_votes_are_given_by_keyboard_and_come_back(browser: Browser, folder: Path) -> None:
    browser.open(address_of(folder / "gallery.html"))
    browser.click("#blind")
    assert browser.run("return document.getElementById('count').textContent") == "1 of 5"
    names = browser.run("return judge.innerText")
    assert "variation" not in names and "score" not in names, "nothing tells whose picture it is"
    browser.press(LEFT, LEFT, BACKSPACE, RIGHT, DOWN, LEFT, LEFT)
    saved = browser.run("return [answer.hidden, document.getElementById('votes').href]")
    assert saved[0] is False
    text = urllib.parse.unquote(saved[1].split(",", 1)[1])
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["vote"] for row in rows] == ["left", "right", "equal", "left", "left"]
    scenarios = sorted(row["scenario"] for row in rows)
    votes = read_votes(text, "votes.csv", ["a", "b"], scenarios)
    assert scenarios == ["action", "close-up", "low-light", "profile", "wide-shot"]
    [found] = preferences(votes)
    assert (found.one, found.other, found.votes, found.scenarios) == ("a", "b", 5, 5)
    browser.press(ESCAPE)
    assert browser.console() == []
