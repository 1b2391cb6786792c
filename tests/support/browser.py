"""Chromium by way of its driver, for pages: WebDriver over loopback, as far as these tests need it.

https://www.w3.org/TR/webdriver2/, read 2026-11-28.
"""

import shutil
import subprocess
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.npm import installed
from tests.support.waiting import HANGS_AFTER_S

ACCESSIBILITY = Path(__file__).parent / "accessibility"
DRIVER = shutil.which("chromedriver")
CHROMIUM = shutil.which("chromium")
MISSING = "Debian's chromium and chromium-driver are not installed here"
TRIES = 10
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class StaleElement(AssertionError):
    """An element that was found is not on the page any more."""


class Browser:
    """One window."""

    def __init__(self, session: httpx.Client) -> None:
        self._session = session

    def open(self, url: str) -> None:
        self._call("url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a script returns; it sees its arguments as ``arguments``."""
        return self._call("execute/sync", {"script": script, "args": list(arguments)})

    def until(self, condition: str) -> None:
        """Wait until an expression in the page is true."""
        self.run(
            f"return new Promise((done) => {{ (function look() "
            f"{{ ({condition}) ? done(true) : setTimeout(look, 20); }})(); }})"
        )

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as a keyboard would."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def emulate(self, *, dark: bool = False, width: int = 1280, media: str = "") -> None:
        """Have pages see another window, or paper where ``media`` is ``print``."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._devtools("Emulation.setEmulatedMedia", {"media": media, "features": [scheme]})
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)

    def accessibility(self) -> list[str]:
        """What axe finds serious or critical on the page, by rule and element."""
        source = (installed(ACCESSIBILITY) / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
        self._devtools("Runtime.evaluate", {"expression": source})
        found = self.run(
            "return axe.run(document, {resultTypes: ['violations']}).then((all) => all.violations)"
        )
        return [
            f"{rule['id']}: {', '.join(' '.join(node['target']) for node in rule['nodes'])}"
            for rule in found
            if rule["impact"] in ("serious", "critical")
        ]

    def print(self) -> bytes:
        """The page as a PDF, as its print style has it."""
        return b64decode(self._call("print", {}))

    def picture(self) -> bytes:
        """What is seen of the page, as a PNG."""
        answer = self._session.get("screenshot")
        return b64decode(answer.json()["value"])

    def picture_of(self, selector: str) -> bytes:
        """A part of the page, also as far as it is not seen, a bit smaller, as a PNG."""
        clip = self.run(
            """const {x, y, width, height} = document.querySelector(arguments[0]).getBoundingClientRect();
            const [left, top] = [x + scrollX - 8, y + scrollY - 8];
            return {x: left, y: top, width: width + 16, height: height + 16, scale: 0.8}""",
            selector,
        )
        options = {"format": "png", "captureBeyondViewport": True, "clip": clip}
        return b64decode(self._devtools("Page.captureScreenshot", options)["data"])

    def type(self, selector: str, text: str) -> None:
        """Type into a field; into one for files, their paths, a line each."""
        found = self._call("element", {"using": "css selector", "value": selector})
        self._call(f"element/{found[ELEMENT]}/value", {"text": text})

    def click(self, selector: str) -> None:
        """Click on an element; if the page has drawn it anew meanwhile, on the new one."""
        for _ in range(TRIES):
            found = self._call("element", {"using": "css selector", "value": selector})
            try:
                self._call(f"element/{found[ELEMENT]}/click", {})
            except StaleElement:
                continue
            return
        raise AssertionError(f"{selector} is drawn anew again and again")

    def console(self) -> list[str]:
        """Return what the page has logged as wrong since it was asked last."""
        lines = self._call("se/log", {"type": "browser"})
        return [line["message"] for line in lines if line["level"] in ("SEVERE", "WARNING")]

    def _devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        """Chromium's own protocol, for which a page's content policy does not count."""
        return self._call("goog/cdp/execute", {"cmd": command, "params": parameters})

    def _call(self, command: str, body: dict[str, Any]) -> Any:
        answer = self._session.post(command, json=body)
        value = answer.json()["value"]
        if answer.is_error:
            failure = StaleElement if value["error"] == "stale element reference" else AssertionError
            raise failure(f"{command}: {value['message']}")
        return value


@contextmanager
def browsing() -> Iterator[Browser]:
    """Run a browser of its own; it and its driver end with the block."""
    assert DRIVER and CHROMIUM, MISSING
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        _driving(DRIVER) as address,
        httpx.Client(base_url=address, timeout=HANGS_AFTER_S, trust_env=False) as driver,
    ):
        options = {"binary": CHROMIUM, "args": [*QUIET, f"--user-data-dir={profile}"]}
        hangs_after_ms = int(HANGS_AFTER_S * 1000)  # the driver's own are 30 s and 300 s
        waits = {"script": hangs_after_ms, "pageLoad": hangs_after_ms}
        wanted = {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": waits,
        }
        answer = driver.post("session", json={"capabilities": {"alwaysMatch": wanted}})
        session = f"session/{answer.json()['value']['sessionId']}"
        driver.base_url = driver.base_url.join(f"{session}/")
        try:
            yield Browser(driver)
        finally:
            driver.delete(driver.base_url.copy_with(path=f"/{session}"))


@contextmanager
def _driving(driver: str) -> Iterator[str]:
    """The address of a driver. One whose port is free for IPv6 only ends at once."""
    for _ in range(TRIES):
        with subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
            try:
                address = _address(process)
                if address is not None:
                    yield address
                    return
            finally:
                process.terminate()
    raise AssertionError("the driver did not start")


def _address(process: "subprocess.Popen[str]") -> str | None:
    assert process.stdout is not None
    for line in process.stdout:
        if "started successfully on port" in line:
            return f"http://127.0.0.1:{line.rsplit(' ', 1)[1].strip().rstrip('.')}/"
    return None


def address_of(file: Path) -> str:
    """The URL of a file on this disk."""
    return file.resolve().as_uri()
