"""The first front end's service modules, bundled unmodified and run by Node."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.npm import BUILD, installed
from tests.support.waiting import HANGS_AFTER_S

HERE = Path(__file__).parent


@dataclass(frozen=True)
class FrontEnd:
    """A front end of one user."""

    bundle: Path
    api_url: str
    token: str
    media_url: str | None = None  # its own storage, if it has one

    def run(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """What came of an order; ``main.ts`` says what both are made of."""
        environment = {
            "API_URL": self.api_url,
            "API_TOKEN": self.token,
            # In the browser a key only says that there is one; the server has the real ones.
            "FAL_INSTANT_CHARACTER_API_KEY": "kept-by-the-server",
            "ASTRIA_API_KEY": "kept-by-the-server",
        }
        if self.media_url:
            environment["MEDIA_URL"] = self.media_url
        words = ["node", str(self.bundle)]
        written = _output_of(words, given=json.dumps(order), environment=environment)
        outcome: dict[str, Any] = json.loads(written)
        return outcome


def bundled() -> Path:
    """The modules and their runner in one file, made anew."""
    esbuild = installed(HERE) / ".bin" / "esbuild"
    bundle = BUILD / "typescript" / "main.cjs"
    options = ["--bundle", "--platform=node", "--format=cjs", "--log-level=warning"]
    files = [str(HERE / "main.ts"), f"--alias:@/types={HERE / 'types.ts'}", f"--outfile={bundle}"]
    _output_of([str(esbuild), *options, *files])
    return bundle


def _output_of(words: list[str], *, given: str = "", environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        words,
        env={**os.environ, **(environment or {})},
        input=given,
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_S,
    )
    assert done.returncode == 0, f"{words[0]} failed: {done.stderr}"
    return done.stdout
