"""Our TypeScript client as it is built, run by Node."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from scripts.typescript import BUILT, built, tarball
from tests.support.waiting import HANGS_AFTER_S


def entry() -> Path:
    """The module that those import who use the client."""
    return built() / "dist" / "index.js"


def run(script: str, **given: Any) -> dict[str, Any]:
    """What a script of the client's tests makes of what it is given, both as JSON."""
    package = built()
    outcome: dict[str, Any] = json.loads(output_of("node", f"test/{script}", given=given, cwd=package))
    return outcome


def install(folder: Path) -> None:
    """Install the packed client into a user's empty folder, without a network: it depends on nothing."""
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    output_of("npm", "install", "--offline", "--no-audit", "--no-fund", str(tarball(built())), cwd=folder)


def compile_strictly(*words: str, cwd: Path) -> None:
    """Have a user's compiler read files, with the options that it would have, and those of ``words``."""
    compiler = BUILT / "node_modules" / "typescript" / "bin" / "tsc"
    strict = ("--strict", "--module", "nodenext", "--target", "es2022")
    output_of("node", str(compiler), *strict, *words, cwd=cwd)


def output_of(*words: str, cwd: Path, given: Any = None) -> str:
    """What a command writes.

    Raises:
        AssertionError: it failed; the message holds what it said.
    """
    done = subprocess.run(
        words,
        cwd=cwd,
        # What is installed there is to be found, and not what lies here.
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_S,
    )
    assert done.returncode == 0, f"{' '.join(words)} failed: {done.stdout}{done.stderr}"
    return done.stdout
