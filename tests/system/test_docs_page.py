"""The page at /docs takes somebody from nothing to a picture, in Chromium, against the running system."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.browser import CHROMIUM, DRIVER, MISSING, Browser, browsing
from tests.support.builders import an_image
from tests.support.waiting import HANGS_AFTER_S
from tests.system.conftest import Running

pytestmark = [pytest.mark.processes, pytest.mark.skipif(not (CHROMIUM and DRIVER), reason=MISSING)]
SEEN: dict[str, dict[str, Any]] = {"light": {}, "dark": {"dark": True}, "narrow": {"width": 360}}
NEWS = "document.querySelector('#first-news').textContent"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture
def page(browser: Browser, running_system: Running) -> Browser:
    browser.open(f"{running_system.system.api_url}/docs")
    browser.until("document.querySelector('#first-provider option')")
    return browser


def next_step(page: Browser) -> None:
    page.click("#first-next")


def test_from_nothing_to_a_picture(page: Browser, running_system: Running) -> None:
    page.type("#token", running_system.system.token)
    page.type("#first-files", "\n".join(str(path) for path in running_system.people["Eileen"][:5]))
    page.run("document.querySelector('#first-provider').value = 'fal-lora'")
    before = len(running_system.paid(""))

    next_step(page)
    page.until(f"{NEWS}.startsWith('The identity costs $2.00')")
    assert len(running_system.paid("")) == before
    next_step(page)
    page.until(f"{NEWS}.startsWith('The identity is ready')")
    next_step(page)
    page.until(f"{NEWS}.startsWith('Done')")

    width, described, caption = page.run(
        """const { shadowRoot } = document.querySelector('#first-pictures');
        const image = shadowRoot.querySelector('img');
        const caption = shadowRoot.querySelector('figcaption').textContent;
        return image.decode().then(() => [image.naturalWidth, image.alt, caption])"""
    )
    assert width >= 512
    assert "window" in described
    assert re.search(r"similarity 0\.\d\d .*seed \d+ · simulated$", caption), caption
    assert len(running_system.paid("")) == before + 2
    for seen in SEEN.values():
        page.emulate(**seen)
        assert_for_everybody(page)
    page.emulate()


def test_what_is_wrong_is_said_and_nothing_is_ordered(page: Browser, running_system: Running) -> None:
    next_step(page)
    page.until(f"{NEWS} === 'Choose a picture first.'")
    page.type("#first-files", str(running_system.people["Eileen"][0]))
    next_step(page)
    page.until(f"{NEWS}.startsWith('Put a bearer token in')")
    page.type("#token", running_system.system.token)
    page.run("document.querySelector('#first-provider').value = 'fal-lora'")
    next_step(page)
    page.until(f"{NEWS} === 'These pictures cannot be used as they are.'")
    findings = page.run("return document.querySelector('#first-findings').textContent")
    assert "error: The provider takes at least 5 reference images; 1 came. Add different pictures" in findings
    page.console()  # the browser reports the answer 401 there


def test_a_file_that_is_not_taken_is_named_and_not_passed_over(
    page: Browser, running_system: Running, tmp_path: Path
) -> None:
    """Browsers know no type of a file without a suffix, and some none of HEIC's."""
    (tmp_path / "avatar").write_bytes(an_image())
    page.type("#token", running_system.system.token)
    page.type("#first-files", f"{running_system.people['Eileen'][0]}\n{tmp_path / 'avatar'}")
    next_step(page)
    page.until(f"{NEWS}.startsWith('avatar is ')")
    page.console()


def test_the_type_of_a_problem_leads_to_its_code(browser: Browser, running_system: Running) -> None:
    url = running_system.system.api_url
    refused = httpx.get(
        f"{url}/v1/usage?month=x",
        headers={"Authorization": f"Bearer {running_system.system.token}"},
        timeout=HANGS_AFTER_S,
    ).json()
    browser.open(f"{url}{refused['type']}")
    browser.until("document.querySelector('#errors dt')")
    told = browser.run(
        "return document.getElementById(location.hash.slice(1)).nextElementSibling.textContent"
    )
    assert "GET /v1/usage" in told.split(", ")


@pytest.mark.parametrize("seen", SEEN.values(), ids=SEEN)
def test_nothing_keeps_anybody_from_the_page(page: Browser, seen: dict[str, Any]) -> None:
    page.emulate(**seen)
    try:
        page.click("#create_identity summary")
        assert_for_everybody(page)
    finally:
        page.emulate()


def assert_for_everybody(page: Browser) -> None:
    """Nothing serious is found by axe, nothing wider than the window, and nothing was blocked."""
    assert page.accessibility() == []
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    assert page.console() == []
