"""A file on its way into fal's storage, whole or in numbered parts."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local.simulators.media import MediaFile


@dataclass
class FalUpload:
    """A file that was announced; ``in_parts`` says how it will come."""

    name: str
    content_type: str
    expires_at: datetime
    in_parts: bool = False
    parts: dict[int, bytes] = field(default_factory=dict)

    def add(self, number: int, data: bytes) -> str:
        """Keep a part, in place of an earlier one of that number, and return its ETag."""
        self.parts[number] = data
        return _etag(data)

    def assembled(self, completion: Any) -> MediaFile | None:
        """The whole file, if the list of parts is the one that came."""
        came = [{"partNumber": number, "etag": _etag(data)} for number, data in sorted(self.parts.items())]
        listed = completion.get("parts") if isinstance(completion, dict) else None
        if not came or not isinstance(listed, list) or sorted(listed, key=_number) != came:
            return None
        return self.file(b"".join(data for _, data in sorted(self.parts.items())))

    def file(self, data: bytes) -> MediaFile:
        """The file, once its bytes are there."""
        return MediaFile(data, self.content_type, self.expires_at)


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def _number(part: Any) -> int:
    number = part.get("partNumber") if isinstance(part, dict) else None
    return number if isinstance(number, int) else 0
