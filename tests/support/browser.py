"""Chromium by way of its driver, for pages: WebDriver over loopback, as far as these tests need it.

https://www.w3.org/TR/webdriver2/, read 2026-11-28.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

DRIVER = shutil.which("chromedriver")
CHROMIUM = shutil.which("chromium")
MISSING = "Debian's chromium and chromium-driver are not installed here"
HANGS_AFTER_S = 120
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


class Browser:
    """One window."""

    def __init__(self, session: httpx.Client) -> None:
        self._session = session

    def open(self, url: str) -> None:
        self._call("url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a script returns; it sees its arguments as ``arguments``."""
        return self._call("execute/sync", {"script": script, "args": list(arguments)})

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as a keyboard would."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def click(self, selector: str) -> None:
        found = self._call("element", {"using": "css selector", "value": selector})
        self._call(f"element/{found[ELEMENT]}/click", {})

    def console(self) -> list[str]:
        """Return what the page has logged as wrong since it was asked last."""
        lines = self._call("se/log", {"type": "browser"})
        return [line["message"] for line in lines if line["level"] in ("SEVERE", "WARNING")]

    def _call(self, command: str, body: dict[str, Any]) -> Any:
        answer = self._session.post(command, json=body)
        value = answer.json()["value"]
        if answer.is_error:
            raise AssertionError(f"{command}: {value['message']}")
        return value


@contextmanager
def browsing() -> Iterator[Browser]:
    """Run a browser of its own; it and its driver end with the block."""
    assert DRIVER and CHROMIUM, MISSING
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, text=True) as process,
    ):
        try:
            with httpx.Client(base_url=_address(process), timeout=HANGS_AFTER_S, trust_env=False) as driver:
                options = {"binary": CHROMIUM, "args": [*QUIET, f"--user-data-dir={profile}"]}
                wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
                answer = driver.post("session", json={"capabilities": {"alwaysMatch": wanted}})
                session = f"session/{answer.json()['value']['sessionId']}"
                driver.base_url = driver.base_url.join(f"{session}/")
                try:
                    yield Browser(driver)
                finally:
                    driver.delete(driver.base_url.copy_with(path=f"/{session}"))
        finally:
            process.terminate()


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if "started successfully on port" in line:
            return f"http://127.0.0.1:{line.rsplit(' ', 1)[1].strip().rstrip('.')}/"
    raise AssertionError("the driver did not start")


def address_of(file: Path) -> str:
    """The URL of a file on this disk."""
    return file.resolve().as_uri()
