"""How long somebody waits who has nothing but a clone: for the system, and for a picture by each client."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from local.photographs import EILEEN, make_references

ROOT = Path(__file__).resolve().parents[1]
GIVES_UP_AFTER_S = 1800
ANY_PORTS = "OPTIONS=--api-port 0 --aws-port 0 --providers-port 0"
OTHERS = ("fal-client==1.0.3", "replicate==1.0.7")
"""Whose installation takes how long is measured, too; to run them takes accounts."""
NOT_OURS = ("_URL", "_KEY", "VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")


class Failed(Exception):
    """A step failed; the message is what it said."""


@dataclass
class Newcomer:
    """Somebody with a clone in ``folder`` and nothing at home; ``took`` has the seconds of each step."""

    folder: Path
    environment: Mapping[str, str]
    took: dict[str, float] = field(default_factory=dict)

    def step(self, name: str, *words: str) -> str:
        """Run a command, and note how long it took."""
        started = time.monotonic()
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=GIVES_UP_AFTER_S,
        )
        self.took[name] = self.took.get(name, 0) + time.monotonic() - started
        if done.returncode:
            raise Failed(f"{name}: {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    @contextmanager
    def developing(self, name: str) -> Iterator[None]:
        """Have ``make dev`` run for the block, and note how long it took until it was there."""
        started = time.monotonic()
        with subprocess.Popen(
            ["make", "dev", ANY_PORTS],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as dev:
            addresses = self.folder / ".local" / "dev.json"
            try:
                while not addresses.exists():
                    if dev.poll() is not None or time.monotonic() - started > GIVES_UP_AFTER_S:
                        raise Failed(f"make dev did not start: {dev.stderr.read() if dev.stderr else ''}")
                    time.sleep(0.2)
                self.took[name] = time.monotonic() - started
                yield
            finally:
                if addresses.exists():
                    os.kill(json.loads(addresses.read_text(encoding="utf-8"))["pid"], signal.SIGTERM)
                dev.terminate()


def program(language: str, page: Path) -> str:
    """The first program of a page in a language."""
    return page.read_text(encoding="utf-8").partition(f"```{language}\n")[2].partition("```")[0]


def main() -> int:
    """Go through the README's quick starts in a new clone, and print how long each step took."""
    with TemporaryDirectory() as place:
        try:
            newcomer = _arrived(Path(place))
            _go_through(newcomer)
        except Failed as problem:
            print(problem, file=sys.stderr)
            return 1
    Console().print(table(newcomer.took))
    return 0


def table(took: Mapping[str, float]) -> Table:
    """The steps with their seconds."""
    shown = Table("step", "seconds", box=SIMPLE_HEAD)
    shown.columns[1].justify = "right"
    for name, seconds in took.items():
        shown.add_row(name, f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}")
    return shown


def _arrived(place: Path) -> Newcomer:
    home, clone = place / "home", place / "clone"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.endswith(NOT_OURS)}
    path = [each for each in kept["PATH"].split(os.pathsep) if not each.startswith(str(ROOT))]
    newcomer = Newcomer(place, kept | {"PATH": os.pathsep.join(path)})
    newcomer.step("git clone", "git", "clone", "--quiet", "--no-local", str(ROOT), str(clone))
    # At home, git may be told whose folders it may read.
    newcomer.folder, newcomer.environment = clone, {**newcomer.environment, "HOME": str(home)}
    (clone / "jane").mkdir()
    for number, picture in enumerate(make_references(EILEEN, place / "photographs")[:2], start=1):
        picture.rename(clone / "jane" / f"{number}.jpg")
    return newcomer


def _go_through(newcomer: Newcomer) -> None:
    readme, folder = ROOT / "README.md", newcomer.folder
    written = {
        "quickstart.py": program("python", readme),
        "quickstart.ts": program("ts", readme),
        "package.json": '{"type": "module"}',
    }
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    with newcomer.developing("make dev, with its set-up"):
        python = _environment(newcomer, "client", "./client")
        newcomer.step("Python: README's program", python, "quickstart.py")
        newcomer.step("TypeScript: make clients", "make", "clients")
        packed = ".build/clients/character-identity-client.tgz"
        newcomer.step("TypeScript: npm install", "npm", "install", "--no-audit", "--no-fund", packed)
        compiler, types = ".build/clients/node_modules/.bin/tsc", ".build/clients/node_modules/@types"
        strict = ("--strict", "--module", "nodenext", "--target", "es2022", "--skipLibCheck")
        node_types = ("--typeRoots", types, "--types", "node")
        newcomer.step("TypeScript: README's program", compiler, *strict, *node_types, "quickstart.ts")
        newcomer.step("TypeScript: README's program", "node", "quickstart.js")
        newcomer.step("curl: README's program", "sh", "-euc", program("sh", readme))
    for package in OTHERS:
        _environment(newcomer, package.partition("=")[0], package)


def _environment(newcomer: Newcomer, name: str, package: str) -> str:
    """The Python of an environment with nothing but a package."""
    newcomer.step(f"pip install {package}", "python3", "-m", "venv", f".environments/{name}")
    python = f".environments/{name}/bin/python"
    newcomer.step(f"pip install {package}", python, "-m", "pip", "install", "--quiet", package)
    return python
