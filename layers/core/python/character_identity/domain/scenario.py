"""Scenario: a named prompt of an evaluation, which every provider draws."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from character_identity.domain.clean_text import Clean
from character_identity.domain.generation import SEEDS, AspectRatio
from character_identity.domain.numbers import Number
from character_identity.domain.record import Record

PLACE_OF_NAME = "{name}"
MOST_SCENARIOS = 100


def with_place(template: str) -> str:
    """Return a template that says where the character stands, as a validator of pydantic does.

    Raises:
        ValueError: it does not say so.
    """
    if PLACE_OF_NAME not in template:
        raise ValueError(f"Say {PLACE_OF_NAME} where the character stands.")
    return template


ScenarioName = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Clean]
Template = Annotated[str, Field(max_length=1_000), Clean, AfterValidator(with_place)]
ExpectedSimilarity = Annotated[Number, Field(ge=-1, le=1, allow_inf_nan=False)]


class Scenario(Record):
    """A named test prompt, and the CLIP similarity it is expected to exceed, from -1 to 1.

    ``template`` says ``{name}`` where the character stands; ``number`` counts from 1 in a set.
    """

    model_config = ConfigDict(extra="forbid")

    number: int = Field(ge=1, le=MOST_SCENARIOS)
    name: ScenarioName
    title: Title
    template: Template
    expected_similarity: ExpectedSimilarity
    aspect_ratio: AspectRatio = "1:1"

    def prompt(self, character: str) -> str:
        """The prompt for one character."""
        return self.template.replace(PLACE_OF_NAME, character)

    def seed(self, variation: int, first: int = 0) -> int:
        """The seed of a variation, counted from 1: the same in every run, different for every picture.

        ``first`` moves all seeds of an evaluation.
        """
        return (first + self.number * 1000 + variation) % SEEDS
