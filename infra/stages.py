"""Stages: each is a file ``stages/NAME.json`` that says what its stack is called and how it is kept."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from character_identity.domain import strict_json
from infra.parameters import PARAMETERS, Parameter, Value

STAGES = Path(__file__).resolve().parents[1] / "stages"
DAYS = (1, 3, 5, 7, 14, 30)
"""Those that CloudWatch Logs knows, up to what the receipt of an erasure promises."""


class InvalidStage(ValueError):
    """A stage is not there or not usable; the message is one sentence that names file and field."""


class _Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=to_camel, populate_by_name=False
    )


class Throttle(_Model):
    """The API's limit over all callers, as API Gateway counts: a token bucket."""

    requests_per_second: Annotated[int, Field(ge=1, le=10_000)]
    burst: Annotated[int, Field(ge=1, le=5_000)]


class Stage(_Model):
    """What differs between the stages, beside the account and region that a stack is deployed to."""

    stack_name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,127}$")]
    removal_policy: Literal["retain", "destroy"]
    """Says whether bucket, table and secrets outlive the stack."""
    protected: bool
    """Neither stack nor table can be deleted, and the table can be restored to any second of 35 days."""
    log_retention_days: int
    log_level: Literal["DEBUG", "INFO", "WARN", "ERROR"] = "INFO"
    """From which on functions log; libraries, whose lines have links in them, log warnings only at any."""
    throttle: Throttle
    face_encoder: Literal["face-dlib-resnet-v1", "face-sface-2021dec", "none"] = "face-dlib-resnet-v1"
    """Made of published weights as the scoring image is built; with none no faces are looked for."""
    parameters: dict[str, Value]
    """Values of the stack's parameters, in the place of their defaults."""

    @field_validator("log_retention_days")
    @classmethod
    def _known_retention(cls, days: int) -> int:
        if days not in DAYS:
            raise ValueError(f"must be one of {', '.join(map(str, DAYS))}")
        return days

    @field_validator("parameters")
    @classmethod
    def _possible_parameters(cls, given: dict[str, Value]) -> dict[str, Value]:
        known = {parameter.name: parameter for parameter in PARAMETERS}
        for name, value in given.items():
            if name not in known:
                raise ValueError(f"has {name}, which is no parameter of the stack")
            try:
                known[name].text(value)
            except ValueError as problem:
                raise ValueError(f"has {name}, which {problem}") from problem
        return given

    @model_validator(mode="after")
    def _protects_what_it_keeps(self) -> Self:
        if self.protected and self.removal_policy != "retain":
            raise ValueError("says that the stage is protected, so removalPolicy must be 'retain'")
        return self

    def default_of(self, parameter: Parameter) -> str | None:
        """Return the text that a parameter has if whoever deploys gives none; None if they have to."""
        given = self.parameters.get(parameter.name)
        return parameter.default if given is None else parameter.text(given)


def stage_names(folder: Path = STAGES) -> list[str]:
    """Return the names of all stages, sorted."""
    return sorted(path.stem for path in folder.glob("*.json"))


def read_stage(name: str, folder: Path = STAGES) -> Stage:
    """Return a stage by its name.

    Raises:
        InvalidStage: there is none of that name, or its file does not say what it has to.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name) or name not in stage_names(folder):
        raise InvalidStage(
            f"There is no stage {name!r}: {folder.name}/ has {', '.join(stage_names(folder))}."
        )
    file = f"{folder.name}/{name}.json"
    try:
        content = strict_json.read((folder / f"{name}.json").read_text(encoding="utf-8"))
        return Stage.model_validate(content)
    except ValidationError as invalid:
        raise InvalidStage(f"{file}: {_sentence(invalid.errors()[0])}.") from invalid
    except ValueError as invalid:
        raise InvalidStage(f"{file} is no JSON: {invalid}.") from invalid


WANTED = {
    "string_type": "a text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "dict_type": "an object",
    "model_type": "an object",
    "string_pattern_mismatch": "letters, digits and hyphens, a letter first, 128 at most",
}
"""What pydantic wants, by the type of its error; what is not here it says in words that will do."""


def _sentence(error: Any) -> str:
    """Return what is wrong with which field, from what pydantic found first."""
    location = [part for part in error["loc"] if isinstance(part, str)] or ["the file"]
    # A value of several possible types is reported once for each type, under the type's name.
    is_value = location[0] == "parameters" and len(location) > 1
    field = ".".join(location[:2] if is_value else location)
    match error["type"]:
        case "missing":
            return f"{field} is missing"
        case "extra_forbidden":
            return f"{field} is no setting of a stage"
        case "value_error":
            return f"{field} {error['ctx']['error']}"
        case kind:
            said = error["msg"].removeprefix("Input should be ")
            wanted = "a text, a number or a list of texts" if is_value else WANTED.get(kind, said)
            return f"{field} must be {wanted}, not {error['input']!r}"
