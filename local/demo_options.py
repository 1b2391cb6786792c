"""Options of the demo: whose pictures, which providers, scenarios and variations."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from character_evaluation.documents import BadDocument
from character_evaluation.scenarios import SETS, Scenario, read_scenarios, shipped
from character_identity_client import EvaluationOrder
from character_identity_client.asking import Ask
from character_identity_client.pictures import in_folder
from local.options import BadOption, Parser, dollars, folder

PROVIDERS = ("fal-instant", "fal-lora", "astria")
TRAINED = frozenset({"fal-lora", "astria"})
MOST_VARIATIONS = 8
"""As the API has it."""
CLASS_NAME = re.compile(r"[A-Za-z0-9 ]{1,40}")


@dataclass(frozen=True)
class Options:
    """The comparison to make. Without ``references``, NASA's portrait of Eileen Collins stands model.

    ``class_name`` is the word for what the character is, which trainings build on.
    """

    references: Path | None
    character: str
    class_name: str | None
    providers: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    variations: int
    max_cost_usd: float | None = None

    def order(self, references: Sequence[str]) -> EvaluationOrder:
        """Return what the API is asked to compare; ``references`` are uploaded keys."""
        return EvaluationOrder(
            name=self.character,
            class_name=self.class_name,
            references=list(references),
            providers=list(self.providers),
            scenarios=[
                {
                    "name": scenario.name,
                    "title": scenario.title,
                    "prompt": scenario.template,
                    "threshold": scenario.expected_similarity,
                    "aspectRatio": scenario.aspect_ratio,
                }
                for scenario in self.scenarios
            ],
            variations=self.variations,
            max_cost_usd=self.max_cost_usd,
        )

    def document(self) -> dict[str, Any]:
        """The options as JSON, without the references: those lie in the run's folder."""
        return {
            "character": self.character,
            "class_name": self.class_name,
            "providers": list(self.providers),
            "scenarios": [scenario.model_dump() for scenario in self.scenarios],
            "variations": self.variations,
            "max_cost_usd": self.max_cost_usd,
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Options":
        """The options of a run that is resumed.

        Raises:
            BadOption: the run was of another release.
        """
        try:
            return cls(
                references=None,
                character=document["character"],
                class_name=document["class_name"],
                providers=_providers(",".join(document["providers"])),
                scenarios=tuple(Scenario.model_validate(each) for each in document["scenarios"]),
                variations=int(document["variations"]),
                max_cost_usd=document["max_cost_usd"],
            )
        except (KeyError, TypeError, ValueError, BadOption) as error:
            raise BadOption(f"This run is of another release and cannot be resumed ({error}).") from error


@dataclass(frozen=True)
class Asked:
    """A new comparison, or the id of a run to resume; ``yes`` agrees to what it costs."""

    options: Options | None
    resume: str | None
    yes: bool


def parse_options(arguments: Sequence[str], environment: Mapping[str, str], ask: Ask | None = None) -> Asked:
    """Read the command line; ``ask`` is None where nobody is there to be asked.

    Raises:
        BadOption: an option cannot be used.
    """
    given = _parser().read(arguments, environment)
    if given.resume:
        others = [name for name, value in vars(given).items() if value and name not in ("resume", "yes")]
        if others:
            raise BadOption(f"A run is resumed as it was begun, without --{others[0]}.")
        return Asked(None, given.resume, given.yes)
    providers = _providers(",".join(PROVIDERS) if given.providers is None else given.providers)
    name = given.name or (given.references.resolve().name if given.references else "Eileen")
    if given.references:
        list_images(given.references)
        trained = bool(TRAINED.intersection(providers))
        class_name = _class_name(given.class_name, name, ask if trained else None, required=trained)
    else:
        class_name = given.class_name or "woman"
    options = Options(
        references=given.references,
        character=name,
        class_name=class_name,
        providers=providers,
        scenarios=_scenarios(given.scenarios or "", _set(given.scenario_set or SETS[0])),
        variations=_variations("1" if given.variations is None else given.variations),
        max_cost_usd=None if given.max_cost is None else float(given.max_cost),
    )
    return Asked(options, None, given.yes)


def list_images(folder: Path) -> list[Path]:
    """The pictures in a folder, by name.

    Raises:
        BadOption: there is no such folder, it cannot be read, or as ``in_folder``.
    """
    if folder.exists() and not folder.is_dir():
        raise BadOption(f"{folder} is a file; REFERENCES (--references) names a folder of pictures.")
    if not folder.is_dir():
        raise BadOption(f"There is no folder {folder}.")
    try:
        return in_folder(folder)
    except ValueError as problem:
        raise BadOption(str(problem)) from problem


def _parser() -> Parser:
    parser = Parser("demo", __doc__)
    parser.add_argument("--references", type=folder, metavar="DIR", help="pictures of one character")
    parser.add_argument("--name", help="what the character is called; default: as DIR")
    parser.add_argument(
        "--class", dest="class_name", metavar="WORD", help="what the character is: woman, man, cat, ..."
    )
    parser.add_argument("--providers", help=f"default: {','.join(PROVIDERS)}")
    parser.add_argument("--scenarios", help="numbers or names, such as 1,3 or close-up; default: all")
    parser.add_argument(
        "--scenario-set", metavar="SET", help=f"{', '.join(SETS)}, or a file of one's own (YAML or JSON)"
    )
    parser.add_argument("--variations", help="pictures a scenario; default: 1")
    parser.add_argument(
        "--max-cost",
        type=dollars,
        metavar="DOLLARS",
        help="refuse what may cost more; default: what it may cost",
    )
    parser.add_argument("--yes", action="store_true", help="pay real providers without being asked")
    parser.add_argument("--resume", metavar="ID", help="go on with a run that was interrupted")
    return parser


def _class_name(given: str | None, name: str, ask: Ask | None, *, required: bool) -> str | None:
    """Return what the character is. Nobody can guess it, and a training builds on it: a cat is no person."""
    word = (given or "").strip()
    if not word and ask is not None:
        word = ask(f"What is {name}: woman, man, cat, ...? ").strip()
    if not word:
        if required:
            raise BadOption(f"Say what {name} is, for trainings build on it: CLASS=woman, CLASS=cat, ...")
        return None
    if not CLASS_NAME.fullmatch(word):
        raise BadOption(f"CLASS (--class) is a word or two in plain letters, such as cat, not {word!r}.")
    return word


def _providers(text: str) -> tuple[str, ...]:
    names = _words(text)
    for name in names:
        if name not in PROVIDERS:
            raise BadOption(f"There is no provider {name!r}; there are {', '.join(PROVIDERS)}.")
    if not names:
        raise BadOption(f"No provider is named; there are {', '.join(PROVIDERS)}.")
    return tuple(names)


def _set(name: str) -> tuple[Scenario, ...]:
    try:
        return shipped(name) if name in SETS else read_scenarios(Path(name).expanduser())
    except BadDocument as error:
        known = "" if Path(name).expanduser().exists() else f" The sets that are shipped: {', '.join(SETS)}."
        raise BadOption(f"{error}{known}") from error


def _scenarios(text: str, known: Sequence[Scenario]) -> tuple[Scenario, ...]:
    """Those that are named, by number or name, of a set; all of it if none is."""
    by_word = {word: scenario for scenario in known for word in (str(scenario.number), scenario.name)}
    words = _words(text)
    for word in words:
        if word not in by_word:
            there = ", ".join(f"{scenario.number} {scenario.name}" for scenario in known)
            raise BadOption(f"There is no scenario {word!r}; there are {there}.")
    chosen = {by_word[word].number for word in words}
    return tuple(scenario for scenario in known if scenario.number in chosen or not chosen)


def _variations(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= MOST_VARIATIONS:
        raise BadOption(f"Variations must be a number from 1 to {MOST_VARIATIONS}, not {text!r}.")
    return int(text)


def _words(text: str) -> list[str]:
    """The parts of a comma-separated list, each once."""
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
