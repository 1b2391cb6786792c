"""Runs fal's own JavaScript client under Node."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.official_clients.simulator import KEY, LiveSimulator
from tests.support.waiting import HANGS_AFTER_S

HERE = Path(__file__).parent
INSTALLED = HERE.parents[1] / ".build" / "official_clients"
INSTALL = ("npm", "install", "--no-save", "--no-package-lock", "--no-fund", "--no-audit")
PATIENCE = ("--fetch-retries", "1", "--fetch-timeout", "60000")


class Failed(Exception):
    """The client's promise was rejected; ``error`` holds what it was rejected with."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['name']}: {error['message']}")
        self.error = error


@dataclass(frozen=True)
class JavaScriptClient:
    """Each call is a program of its own."""

    simulator: LiveSimulator

    def call(self, name: str, *, key: str = KEY, **values: Any) -> Any:
        """Call a function of ``calls.cjs`` and return what it gives.

        Raises:
            Failed: its promise was rejected.
        """
        words = json.dumps({"key": key, "addresses": self.simulator.addresses, **values})
        done = subprocess.run(
            ["node", str(HERE / "calls.cjs"), name],
            input=words,
            env={**os.environ, "NODE_PATH": str(INSTALLED / "node_modules")},
            capture_output=True,
            text=True,
            timeout=HANGS_AFTER_S,
        )
        assert done.returncode == 0, done.stderr
        outcome = json.loads(done.stdout)
        if "error" in outcome:
            raise Failed(outcome["error"])
        return outcome.get("value")


def install() -> None:
    """Install what ``package.json`` pins into ``.build``, unless it is there."""
    if shutil.which("npm") is None:
        pytest.fail(
            "Node and npm are needed; scripts/bootstrap puts them into .venv/bin where there are none"
        )
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    if all(_installed(name) == version for name, version in wanted.items()):
        return
    INSTALLED.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "package.json", INSTALLED)
    subprocess.run((*INSTALL, *PATIENCE), cwd=INSTALLED, check=True, timeout=HANGS_AFTER_S)


def _installed(name: str) -> str | None:
    package = INSTALLED / "node_modules" / name / "package.json"
    return str(json.loads(package.read_text())["version"]) if package.exists() else None
