"""Bodies as Rails takes them: JSON, or multipart fields named ``tune[title]`` and ``tune[images][]``."""

import json
import re
from dataclasses import dataclass
from email.message import Message
from typing import Any

FIELD = re.compile(r"(?P<resource>\w+)\[(?P<field>\w+)\](?P<many>\[\])?")


class UnreadableBody(Exception):
    """The body is neither JSON with the resource's name around it nor multipart."""


@dataclass(frozen=True)
class Part:
    """One part of a multipart body."""

    name: str
    is_file: bool
    data: bytes


def resource_fields(resource: str, content_type: str, body: bytes) -> dict[str, Any]:
    """The fields inside ``{"tune": {...}}`` or ``tune[...]``; uploaded files come as bytes.

    Raises:
        UnreadableBody: they are not there.
    """
    if content_type.startswith("multipart/form-data"):
        return _from_parts(resource, multipart(content_type, body))
    try:
        fields = json.loads(body)[resource]
    except (ValueError, KeyError, TypeError) as exc:
        raise UnreadableBody(resource) from exc
    if not isinstance(fields, dict):
        raise UnreadableBody(resource)
    return fields


def multipart(content_type: str, body: bytes) -> list[Part]:
    """The parts of a multipart/form-data body."""
    boundary = str(_header("Content-Type", content_type).get_param("boundary", ""))
    parts = []
    for chunk in body.split(b"--" + boundary.encode())[1:-1]:
        head, _, data = chunk.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        for line in head.decode(errors="replace").split("\r\n"):
            name, _, value = line.partition(":")
            if name.lower() == "content-disposition":
                disposition = _header("Content-Disposition", value.strip())
                field = disposition.get_param("name", "", "content-disposition")
                is_file = disposition.get_param("filename", None, "content-disposition") is not None
                parts.append(Part(str(field), is_file, data.removesuffix(b"\r\n")))
    return parts


def _header(name: str, value: str) -> Message:
    message = Message()
    message[name] = value
    return message


def _from_parts(resource: str, parts: list[Part]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for part in parts:
        match = FIELD.fullmatch(part.name)
        if match is None or match["resource"] != resource:
            continue
        value = part.data if part.is_file else part.data.decode(errors="replace")
        if match["many"]:
            fields.setdefault(match["field"], []).append(value)
        else:
            fields[match["field"]] = value
    if not fields:
        raise UnreadableBody(resource)
    return fields


def coerced(fields: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    """Form texts as the types their schema names; what does not fit stays a text, for the check to refuse."""
    return {
        name: _coerced(value, properties.get(name, {}).get("type", "string"))
        for name, value in fields.items()
    }


def _coerced(value: Any, types: str | list[str]) -> Any:
    if not isinstance(value, str) or "string" in types:
        return value
    try:
        loaded = json.loads(value)
    except ValueError:
        return value
    return loaded if isinstance(loaded, int | float) else value
