"""Runs fal's own JavaScript client under Node."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.official_clients.simulator import KEY, LiveSimulator
from tests.support.npm import installed
from tests.support.waiting import HANGS_AFTER_S

HERE = Path(__file__).parent


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
            env={**os.environ, "NODE_PATH": str(installed(HERE))},
            capture_output=True,
            text=True,
            timeout=HANGS_AFTER_S,
        )
        assert done.returncode == 0, done.stderr
        outcome = json.loads(done.stdout)
        if "error" in outcome:
            raise Failed(outcome["error"])
        return outcome.get("value")
