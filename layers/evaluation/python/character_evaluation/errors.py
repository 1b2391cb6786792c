"""What is wrong with a file of an evaluation."""

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


class BadResults(ValueError):
    """A file of results cannot be read; the message names file, row and column."""


def validated(adapter: TypeAdapter[T], value: object, where: str) -> T:
    """Read what a file says at a place.

    Raises:
        BadResults: it says something else; the message names the place and the field.
    """
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise BadResults(f"{where}, {first_of(error)}.") from error


def first_of(error: ValidationError) -> str:
    """Return the first field that is wrong, and why; without what it holds, which may be a megabyte."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"])[:100]
    return f"{field or 'as a whole'}: {first['msg']}"
