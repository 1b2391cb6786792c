"""Characters to make reference images of: who they are, and what each image shows. Files of YAML."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from character_evaluation.documents import BadDocument, content_of, parsed_yaml
from character_evaluation.errors import first_of
from character_identity.domain.clean_text import Clean
from character_identity.domain.identity import CLASS_NAME_PATTERN

SHIPPED = ("sarah",)
"""The characters that are shipped: the specification's."""

Line = Annotated[str, Field(min_length=1, max_length=400), Clean]


class ReferenceImage(BaseModel):
    """One reference image: the name of its file, and what it shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*\.jpg$", max_length=60)
    title: Annotated[str, Field(min_length=1, max_length=100), Clean]
    shows: Line


def _once_each(images: tuple[ReferenceImage, ...]) -> tuple[ReferenceImage, ...]:
    names = [image.file for image in images]
    if len(set(names)) < len(names):
        raise ValueError("Two have the same file.")
    return images


Images = Annotated[tuple[ReferenceImage, ...], Field(max_length=20), AfterValidator(_once_each)]


class Character(BaseModel):
    """A character as words: ``class_name`` is what it is, ``references`` what an identity is made of.

    ``further`` images are made when more are asked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=80), Clean]
    class_name: str = Field(pattern=CLASS_NAME_PATTERN)
    description: Line
    references: Annotated[Images, Field(min_length=1)]
    further: Images = ()

    def prompt(self, image: ReferenceImage) -> str:
        """Return what a model that draws from text is asked for: the same person in each, and nobody else."""
        return (
            f"{image.title}: photograph of one {self.class_name}. {self.description}. {image.shows}. "
            "Photorealistic, one person alone."
        )


def character(name: str) -> Character:
    """Return one of ``SHIPPED``, or the character that a file describes.

    Raises:
        BadDocument: it cannot be read, or describes no character; the message names file and field.
    """
    if name in SHIPPED:
        shipped = files("character_evaluation") / "characters" / f"{name}.yaml"
        return parsed_character(shipped.read_bytes(), f"{name}.yaml")
    file = Path(name)
    return parsed_character(content_of(file), str(file))


def parsed_character(content: bytes, file: str) -> Character:
    """Read a character from YAML. ``file`` is what errors call it.

    Raises:
        BadDocument: it is none.
    """
    document = parsed_yaml(content, file)
    if not isinstance(document, dict):
        raise BadDocument(f"{file}: it has to say name, class_name, description and references.")
    try:
        found = Character.model_validate(document)
        _once_each(found.references + found.further)
    except ValidationError as error:
        raise BadDocument(f"{file}, {first_of(error)}") from error
    except ValueError as error:
        raise BadDocument(f"{file}, further: {error}") from error
    return found
