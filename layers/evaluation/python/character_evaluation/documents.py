"""Files of YAML or JSON that people write: read with a limit, what is wrong told by file and place."""

from pathlib import Path
from typing import Any

import yaml

from character_identity.domain import strict_json

LARGEST_FILE = 1 << 20  # bytes
MERGE = "tag:yaml.org,2002:merge"


RAISED_BY_TAGS = (ValueError, LookupError, AttributeError, TypeError)
"""What PyYAML lets pass where a tag stands before what is none of its kind, such as ``!!int ""``."""


class BadDocument(ValueError):
    """A file cannot be used; the message names it, and the place in it."""


def content_of(file: Path) -> bytes:
    """Read a file.

    Raises:
        BadDocument: it cannot be read, or is larger than ``LARGEST_FILE``.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        raise BadDocument(f"{file} cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST_FILE:
        raise BadDocument(f"{file} is larger than {LARGEST_FILE >> 20} MiB.")
    return content


def parsed_json(content: bytes, file: str) -> Any:
    """Return what JSON says, which YAML does not know whole. ``file`` is what errors call it.

    Raises:
        BadDocument: it is no JSON.
    """
    try:
        return strict_json.read(content)
    except ValueError as error:
        raise BadDocument(f"{file}: this is no JSON ({str(error)[:200]}).") from error


def parsed_yaml(content: bytes, file: str) -> Any:
    """Return what YAML says. ``file`` is what errors call it.

    Raises:
        BadDocument: it is no YAML.
    """
    try:
        return yaml.load(content, _Loader)
    except (yaml.YAMLError, RecursionError, *RAISED_BY_TAGS) as error:
        where = getattr(error, "problem_mark", None)
        place = f", line {where.line + 1}" if where else ""
        why = error.problem if isinstance(error, _Refused) else "this is no YAML"
        raise BadDocument(f"{file}{place}: {why}.") from error


class _Refused(yaml.MarkedYAMLError):  # type: ignore[misc] # PyYAML has no types
    """A mapping says something twice, of which YAML would take the last; or takes over what others say."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no types
    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.tag == MERGE:  # a few lines of it may grow to gigabytes
                raise _Refused(problem="write out what << would take over", problem_mark=key.start_mark)
            if key.value in seen:
                raise _Refused(problem=f"{key.value[:100]!r} is there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)
