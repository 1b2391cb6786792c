"""Scenarios: named prompts that every provider draws, in sets that are files of YAML."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from character_evaluation.documents import BadDocument, content_of, parsed_json, parsed_yaml
from character_evaluation.errors import first_of
from character_identity.domain.scenario import Scenario as Scenario

SETS = ("specification", "extended")
"""The sets that are shipped: the specification's five, word for word, and fifteen of our own."""

NAMES_OF_THE_API = {"prompt": "template", "threshold": "expected_similarity", "aspectRatio": "aspect_ratio"}
"""By which a file may name the fields, too: in JSON it serves ``character-identity evaluate`` as well."""


def read_scenarios(file: Path) -> tuple[Scenario, ...]:
    """Read a set of one's own.

    Raises:
        BadDocument: the file cannot be read, or says something else than a set does.
    """
    return parsed(content_of(file), str(file))


def shipped(name: str) -> tuple[Scenario, ...]:
    """Return one of ``SETS``."""
    file = files("character_evaluation") / "scenario_sets" / f"{name}.yaml"
    return parsed(file.read_bytes(), f"{name}.yaml")


def parsed(content: bytes, file: str) -> tuple[Scenario, ...]:
    """Read a set: a list of scenarios, numbered in its order. ``file`` is what errors call it.

    Raises:
        BadDocument: it is no YAML, no JSON where its name says so, or no such list.
    """
    document = (parsed_json if file.lower().endswith(".json") else parsed_yaml)(content, file)
    if not isinstance(document, list) or not document:
        raise BadDocument(f"{file}: it has to be a list of one or more scenarios.")
    return _unique([_scenario(each, number, file) for number, each in enumerate(document, 1)], file)


def _scenario(described: Any, number: int, file: str) -> Scenario:
    if not isinstance(described, dict) or "number" in described:
        raise BadDocument(
            f"{file}, scenario {number}: it has to say name, title, template and expected_similarity."
        )
    fields = {NAMES_OF_THE_API.get(name, name): value for name, value in described.items()}
    if len(fields) < len(described):
        raise BadDocument(f"{file}, scenario {number}: a field is there by two names.")
    try:
        return Scenario.model_validate({**fields, "number": number}, strict=True)
    except ValidationError as error:
        raise BadDocument(f"{file}, scenario {number}: {first_of(error)}") from error
    except TypeError as error:
        raise BadDocument(f"{file}, scenario {number}: its fields have to have names.") from error


def _unique(scenarios: Sequence[Scenario], file: str) -> tuple[Scenario, ...]:
    first: dict[str, int] = {}
    for scenario in scenarios:
        if scenario.name in first:
            earlier = first[scenario.name]
            raise BadDocument(f"{file}, scenario {scenario.number}: name: scenario {earlier} has it already.")
        first[scenario.name] = scenario.number
    return tuple(scenarios)
