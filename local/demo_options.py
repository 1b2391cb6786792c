"""Options of the demo: references, providers, scenarios, variations."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from character_evaluation.scenarios import SCENARIOS, Scenario
from character_identity_client import CONTENT_TYPES

PROVIDERS = ("fal-instant", "fal-lora", "astria")
MOST_VARIATIONS = 20


class BadOption(Exception):
    """An option that the demo cannot work with; the message is one sentence for the user."""


@dataclass(frozen=True)
class Options:
    """The comparison to make. Without ``references``, NASA's portrait of Eileen Collins stands model."""

    references: Path | None
    providers: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    variations: int

    @property
    def character(self) -> str:
        return self.references.resolve().name if self.references else "Eileen"

    @property
    def class_name(self) -> str | None:
        return None if self.references else "woman"


def parse_options(arguments: Sequence[str]) -> Options:
    """The options of the command line.

    Raises:
        BadOption: one of them cannot be used.
    """
    parser = _Parser(prog="python -m local demo", description=__doc__)
    parser.add_argument(
        "--references", type=Path, metavar="DIR", help="pictures of one character, named like DIR"
    )
    parser.add_argument("--providers", default=",".join(PROVIDERS), help="default: %(default)s")
    parser.add_argument(
        "--scenarios", default="", help="numbers or names, such as 1,3 or close-up; default: all"
    )
    parser.add_argument("--variations", default="1", help="pictures a scenario; default: 1")
    given = parser.parse_args(arguments)
    return Options(
        references=given.references,
        providers=_providers(given.providers),
        scenarios=_scenarios(given.scenarios),
        variations=_variations(given.variations),
    )


def list_images(folder: Path) -> list[Path]:
    """The pictures in a folder, by name.

    Raises:
        BadOption: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise BadOption(f"There is no folder {folder}.")
    images = sorted(
        path for path in folder.iterdir() if path.suffix.lower() in CONTENT_TYPES and path.is_file()
    )
    if not images:
        raise BadOption(
            f"There are no pictures in {folder}; {', '.join(CONTENT_TYPES)} files are looked for."
        )
    return images


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        raise BadOption(f"{message}; see --help")


def _providers(text: str) -> tuple[str, ...]:
    names = _words(text)
    for name in names:
        if name not in PROVIDERS:
            raise BadOption(f"There is no provider {name!r}; there are {', '.join(PROVIDERS)}.")
    if not names:
        raise BadOption(f"No provider is named; there are {', '.join(PROVIDERS)}.")
    return tuple(names)


def _scenarios(text: str) -> tuple[Scenario, ...]:
    by_word = {word: scenario for scenario in SCENARIOS for word in (str(scenario.number), scenario.name)}
    words = _words(text)
    for word in words:
        if word not in by_word:
            known = ", ".join(f"{scenario.number} {scenario.name}" for scenario in SCENARIOS)
            raise BadOption(f"There is no scenario {word!r}; there are {known}.")
    chosen = {by_word[word] for word in words}
    return tuple(scenario for scenario in SCENARIOS if scenario in chosen or not chosen)


def _variations(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_VARIATIONS:
        raise BadOption(f"Variations must be a number from 1 to {MOST_VARIATIONS}, not {text!r}.")
    return int(text)


def _words(text: str) -> list[str]:
    """The parts of a comma-separated list, each once."""
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
