"""Gallery and report in Chromium, from disk: no error in the console, and clicks and keys do their work."""

import csv
import io
import re
import shutil
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from PIL import Image

from character_evaluation.gallery import render_gallery
from character_evaluation.results import files_of, read_run
from character_evaluation.run import EvaluatedIdentity
from character_evaluation.votes import preferences, read_votes
from functions.get_evaluation_result.handler import SAFE
from tests.evaluation.test_verdict import run
from tests.support.browser import CHROMIUM, DRIVER, MISSING, Browser, address_of, browsing

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason=MISSING),
]
LEFT, DOWN, RIGHT, BACKSPACE, ESCAPE = "\ue012", "\ue015", "\ue014", "\ue003", "\ue00c"
WIDTHS = """for (const image of document.images) image.loading = "eager";
return Promise.all([...document.images].filter((image) => image.getAttribute("src"))
    .map((image) => image.decode().then(() => image.naturalWidth)))"""
CUT = "[...document.querySelectorAll('.wide')].filter((each) => each.scrollWidth > each.clientWidth)"
ENTER, TAB = "\ue007", "\ue004"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two providers with its pictures and pages."""
    folder = tmp_path_factory.mktemp("run")
    whole = run({"a": {}, "b": {"lead": 0.01}})
    rows = [
        replace(
            row,
            image=f"{row.provider}-{row.scenario}.png",
            nearest_reference=2 if row.provider == "a" else 1,
            weights_sha256="0f1e" * 16,
        )
        for row in whole.rows
    ]
    references = ["first.png", "second.png"]
    for place, name in enumerate([str(row.image) for row in rows] + references):
        Image.new("RGB", (64, 48), (place * 18, 90, 120)).save(folder / name)
    for name, content in files_of(replace(whole, rows=rows, references=references)).items():
        (folder / name).write_text(content, encoding="utf-8", newline="")
    return folder


def test_all_pictures_load_and_nothing_is_wrong(browser: Browser, folder: Path) -> None:
    browser.open(address_of(folder / "gallery.html"))
    assert browser.run(WIDTHS) == [64] * 12
    browser.open(address_of(folder / "report.html"))
    assert browser.run("return document.querySelectorAll('svg circle').length") == 14
    assert browser.console() == []


@pytest.mark.parametrize("page", ["gallery.html", "report.html"])
@pytest.mark.parametrize(
    "seen",
    [{}, {"dark": True}, {"width": 360}, {"dark": True, "width": 360}],
    ids=["light", "dark", "narrow", "dark-narrow"],
)
def test_nothing_keeps_anybody_from_a_page(
    browser: Browser, folder: Path, page: str, seen: dict[str, Any]
) -> None:
    browser.emulate(**seen)
    browser.open(address_of(folder / page))
    try:
        assert browser.accessibility() == []
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        if page == "gallery.html" or "width" not in seen:  # the report's tables are too wide for a telephone
            assert browser.run(f"return {CUT}") == []
        if page == "gallery.html":
            browser.click("figure[data-provider=a] a")
            assert browser.accessibility() == []
            browser.press(ESCAPE)
            browser.click("#blind")
            assert browser.accessibility() == []
        assert browser.console() == []
    finally:
        browser.emulate()


@pytest.mark.parametrize("seen", [{}, {"width": 360}], ids=["wide", "narrow"])
def test_a_long_word_of_an_error_moves_no_figure_out_of_sight(
    browser: Browser, tmp_path: Path, seen: dict[str, Any]
) -> None:
    """As the link in what a provider says of a training that failed."""
    error = f"The archive cannot be read: https://example.com/{'0f1e' * 40}.zip"
    failed = EvaluatedIdentity(provider="b", error=error)
    whole = run({"a": {}}, identities=[EvaluatedIdentity(provider="a"), failed])
    (tmp_path / "gallery.html").write_text(render_gallery(whole), encoding="utf-8")
    browser.emulate(**seen)
    try:
        browser.open(address_of(tmp_path / "gallery.html"))
        assert browser.run(f"return {CUT}") == []
    finally:
        browser.emulate()


def test_what_has_no_score_is_last_in_either_order(browser: Browser, tmp_path: Path) -> None:
    whole = run({"a": {}})
    scores = {1: 0.7, 2: None, 3: -0.1, 4: None, 5: 0.8}
    close_up = [
        replace(whole.rows[0], variation=each, similarity_mean=score) for each, score in scores.items()
    ]
    (tmp_path / "gallery.html").write_text(render_gallery(replace(whole, rows=close_up)), encoding="utf-8")
    browser.open(address_of(tmp_path / "gallery.html"))
    for order, expected in (("worst", "31524"), ("best", "51324"), ("asked", "12345")):
        browser.run(f"order.value = '{order}'; order.dispatchEvent(new Event('change'))")
        found = (
            "[...document.querySelectorAll('figure[data-variation]')].map((each) => each.dataset.variation)"
        )
        assert "".join(browser.run(f"return {found}")) == expected


def test_what_would_keep_somebody_from_a_page_is_found(browser: Browser, folder: Path) -> None:
    browser.open(address_of(folder / "gallery.html"))
    browser.run("document.querySelector('.references img').removeAttribute('alt')")
    assert [found.partition(":")[0] for found in browser.accessibility()] == ["image-alt", "link-name"]


def test_the_words_of_plots_can_be_read_on_a_telephone(browser: Browser, folder: Path) -> None:
    browser.emulate(width=360)
    try:
        browser.open(address_of(folder / "report.html"))
        heights = (
            "[...document.querySelectorAll('svg text')].map((each) => each.getBoundingClientRect().height)"
        )
        assert browser.run(f"return Math.min(...{heights})") >= 9
    finally:
        browser.emulate()


def test_on_paper_there_is_nothing_to_click_and_nothing_is_cut_off(browser: Browser, folder: Path) -> None:
    browser.emulate(dark=True, media="print")
    try:
        browser.open(address_of(folder / "gallery.html"))
        assert browser.run("return getComputedStyle(tools).display") == "none"
        assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        browser.open(address_of(folder / "report.html"))
        browser.run("document.body.style.width = '7in'")
        assert browser.run(f"return {CUT}") == []
        assert browser.print().startswith(b"%PDF")
    finally:
        browser.emulate()


@pytest.mark.parametrize("page", ["gallery.html", "report.html"])
def test_paper_with_wide_margins_holds_all_of_a_page(browser: Browser, folder: Path, page: str) -> None:
    """A4 with an inch at either side; nobody scrolls on it, nor on a page for telephones."""
    browser.emulate(media="print", width=602)
    try:
        browser.open(address_of(folder / page))
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        found = "[...document.querySelectorAll('svg, table, figure')]"
        ends = f"{found}.map((each) => each.getBoundingClientRect().right)"
        assert browser.run(f"return Math.max(...{ends}) <= innerWidth")
    finally:
        browser.emulate()


def test_the_keyboard_reaches_all_that_the_mouse_does(browser: Browser, folder: Path) -> None:
    browser.open(address_of(folder / "gallery.html"))
    browser.run("document.querySelector('figure a').focus()")
    browser.press(ENTER)
    assert browser.run("return viewer.open") is True
    reached = set()
    for _ in range(12):
        browser.press(TAB)
        reached.add(browser.run("return document.activeElement.id || document.activeElement.className"))
    assert {"other", "share", "beside", "previous", "next", "close"} <= reached
    browser.press(ESCAPE)
    assert browser.run("return document.activeElement === document.querySelector('figure a')")


class FromTheApi(SimpleHTTPRequestHandler):
    """Pages with the headers that the API gives them."""

    def end_headers(self) -> None:
        for name, value in SAFE.items() if self.path.endswith(".html") else ():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def served(folder: Path, tmp_path: Path) -> Iterator[str]:
    """The URL of the pages as the API serves them: with links in place of paths."""
    handler = partial(FromTheApi, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        for file in folder.iterdir():
            if file.suffix == ".html":
                page = file.read_text(encoding="utf-8")
                linked = re.sub(r'"([a-z-]+\.png)"', rf'"{url}/\1?signature=a&amp;b=c"', page)
                (tmp_path / file.name).write_text(linked, encoding="utf-8", newline="")
            else:
                shutil.copy(file, tmp_path)
        yield url
        server.shutdown()


def test_the_pages_work_by_way_of_the_api_too(browser: Browser, served: str) -> None:
    browser.open(f"{served}/report.html")
    browser.open(f"{served}/gallery.html")
    assert browser.run(WIDTHS) == [64] * 12
    browser.click("figure[data-provider=a] a")
    assert browser.run("return picture.decode().then(() => [viewer.open, picture.naturalWidth])") == [
        True,
        64,
    ]
    browser.press(ESCAPE)
    browser.click("#blind")
    browser.press(LEFT, LEFT, LEFT, LEFT, LEFT)
    assert browser.run("return document.getElementById('votes').href").startswith("data:text/csv")
    assert browser.console() == []


def test_providers_are_hidden_and_shown(browser: Browser, folder: Path) -> None:
    browser.open(address_of(folder / "gallery.html"))
    shown = "return [...document.querySelectorAll('.provider')].filter((each) => each.offsetParent).length"
    assert browser.run(shown) == 10
    browser.click("input[type=checkbox][value=a]")
    assert browser.run(shown) == 5
    browser.click("input[type=checkbox][value=a]")
    assert browser.run(shown) == 10


def test_a_picture_opens_large_with_the_nearest_reference_over_it_and_keys_go_on(
    browser: Browser, folder: Path
) -> None:
    browser.open(address_of(folder / "gallery.html"))
    browser.click("figure[data-provider=a] a")
    assert browser.run("return [viewer.open, caption.textContent]") == [True, "close-up: a, variation 1"]
    files = "return [picture, over].map((image) => image.src.split('/').pop())"
    assert browser.run(files) == ["a-close-up.png", "second.png"]
    options = browser.run("return [...other.options].map((option) => option.text)")
    assert options == ["reference 1", "reference 2", "b, variation 1"]
    clip = "return getComputedStyle(over).clipPath"
    assert browser.run(clip) == "inset(0px 50% 0px 0px)"
    browser.run("share.value = 80; share.dispatchEvent(new Event('input'))")
    assert browser.run(clip) == "inset(0px 20% 0px 0px)"
    browser.press(RIGHT)
    assert browser.run("return caption.textContent") == "close-up: b, variation 1"
    assert browser.run(files) == ["b-close-up.png", "first.png"]
    browser.run("other.selectedIndex = 2; other.dispatchEvent(new Event('input'))")
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
    browser.run("judge.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft', repeat: true}))")
    assert browser.run("return count.textContent") == "1 of 5", "a key that is held is no vote"
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
    (folder / "votes.csv").write_text(text, encoding="utf-8", newline="")
    report = files_of(read_run(folder))["report.html"]
    assert f"<td>{found.share:.0%}".replace("%", " %") in report, "and come back in the report"
    browser.press(ESCAPE)
    assert browser.console() == []


def test_only_pictures_of_providers_that_are_shown_are_judged(browser: Browser, tmp_path: Path) -> None:
    rows = [replace(row, image=f"{row.provider}.png") for row in run({"a": {}, "b": {}, "c": {}}).rows]
    page = render_gallery(run({"a": {}, "b": {}, "c": {}}, rows=rows))
    (tmp_path / "gallery.html").write_text(page, encoding="utf-8")
    browser.open(address_of(tmp_path / "gallery.html"))
    browser.click("input[type=checkbox][value=b]")
    browser.click("#blind")
    assert browser.run("return count.textContent") == "1 of 5", "15 with the third one"
    browser.press(ESCAPE)
    browser.click("input[type=checkbox][value=c]")
    assert browser.run("return blind.disabled") is True
    browser.click("input[type=checkbox][value=b]")
    assert browser.run("return blind.disabled") is False
    browser.console()  # the pictures are not there


def test_a_judgement_that_goes_on_asks_for_those_that_are_shown_by_then(
    browser: Browser, tmp_path: Path
) -> None:
    rows = [replace(row, image=f"{row.provider}.png") for row in run({"a": {}, "b": {}, "c": {}}).rows]
    page = render_gallery(run({"a": {}, "b": {}, "c": {}}, rows=rows))
    (tmp_path / "gallery.html").write_text(page, encoding="utf-8")
    browser.open(address_of(tmp_path / "gallery.html"))
    browser.click("#blind")
    browser.press(LEFT, ESCAPE)
    browser.click("input[type=checkbox][value=c]")
    browser.click("#blind")
    browser.press(*[LEFT] * 14)
    link = browser.run("return document.getElementById('votes').href")
    votes = list(csv.DictReader(io.StringIO(urllib.parse.unquote(link.split(",", 1)[1]), newline="")))
    judged = [{vote["left"], vote["right"]} for vote in votes]
    assert judged.count({"a", "b"}) == 5
    assert len(judged) == 5 or "c" in judged[0], "the first vote was given"
    browser.press(ESCAPE)
    browser.click("input[type=checkbox][value=c]")
    browser.click("#blind")
    assert browser.run("return count.textContent") == f"{len(votes) + 1} of 15"
    browser.console()  # the pictures are not there


def test_a_judgement_that_is_closed_goes_on_where_it_was_until_it_is_saved(
    browser: Browser, folder: Path
) -> None:
    browser.open(address_of(folder / "gallery.html"))
    shown = "return [count.textContent, left.src, answer.hidden]"
    browser.click("#blind")
    browser.press(LEFT, LEFT)
    before = browser.run(shown)
    browser.press(ESCAPE)
    browser.click("#blind")
    assert browser.run(shown) == before
    browser.press(LEFT, LEFT, LEFT, ESCAPE)
    browser.click("#blind")
    assert browser.run("return answer.hidden") is False
    save = "const link = document.getElementById('votes'); link.onclick = () => false; link.click()"
    browser.run(save)  # but for the file, which would lie among the user's own
    browser.press(ESCAPE)
    browser.click("#blind")
    assert browser.run("return [count.textContent, answer.hidden]") == ["1 of 5", True]
