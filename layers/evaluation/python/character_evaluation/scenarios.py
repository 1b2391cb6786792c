"""Scenarios: named prompts that every provider draws, in sets that are files of YAML."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from character_evaluation.documents import BadDocument, content_of, parsed_yaml
from character_evaluation.errors import first_of
from character_identity.domain.clean_text import Clean

SETS = ("specification", "extended")
"""The sets that are shipped: the specification's five, word for word, and fifteen of our own."""
PLACE_OF_NAME = "{name}"


def _with_place(template: str) -> str:
    if PLACE_OF_NAME not in template:
        raise ValueError(f"Say {PLACE_OF_NAME} where the character stands.")
    return template


class Scenario(BaseModel):
    """A named test prompt, and the CLIP similarity it is expected to exceed, from -1 to 1.

    ``template`` says ``{name}`` where the character stands; ``number`` counts from 1 in a set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1, le=100)
    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)
    title: Annotated[str, Field(min_length=1, max_length=100), Clean]
    template: Annotated[str, Field(max_length=1_000), Clean, AfterValidator(_with_place)]
    expected_similarity: float = Field(ge=-1, le=1, allow_inf_nan=False)

    def prompt(self, character: str) -> str:
        """The prompt for one character."""
        return self.template.replace(PLACE_OF_NAME, character)

    def seed(self, variation: int) -> int:
        """The seed of a variation, counted from 1: the same in every run, different for every picture."""
        return self.number * 1000 + variation


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
    """Read a set from YAML: a list of scenarios, numbered in its order. ``file`` is what errors call it.

    Raises:
        BadDocument: it is no YAML, or no such list.
    """
    document = parsed_yaml(content, file)
    if not isinstance(document, list) or not document:
        raise BadDocument(f"{file}: it has to be a list of one or more scenarios.")
    return _unique([_scenario(each, number, file) for number, each in enumerate(document, 1)], file)


def _scenario(described: Any, number: int, file: str) -> Scenario:
    if not isinstance(described, dict) or "number" in described:
        raise BadDocument(f"{file}, scenario {number}: it has to say name, title, template and threshold.")
    try:
        return Scenario.model_validate({**described, "number": number}, strict=True)
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


SCENARIOS = shipped("specification")
"""The specification's test scenarios, in its order."""
