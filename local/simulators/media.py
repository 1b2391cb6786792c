"""Files with links: uploads, pictures, weights."""

import base64
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from local.simulators.clock import NEVER, Clock, iso
from local.simulators.memory import Memory

LARGEST_TOTAL_BYTES = 1_000_000_000


@dataclass(frozen=True)
class MediaFile:
    """A stored file; nobody gets it once ``expires_at`` has passed."""

    data: bytes
    content_type: str
    expires_at: datetime


def data_uri(data: bytes, content_type: str) -> str:
    """A file in its own address."""
    return f"data:{content_type};base64,{base64.b64encode(data).decode()}"


class MediaStore:
    """Files under one path prefix; the oldest make room when it gets too much."""

    def __init__(self, prefix: str, clock: Clock, memory: Memory) -> None:
        self._prefix = prefix
        self._clock = clock
        self._memory = memory
        self._files: OrderedDict[str, MediaFile] = OrderedDict(
            (name, MediaFile(memory.content(prefix, name), kind, datetime.fromisoformat(expires_at)))
            for name, (kind, expires_at) in memory.kept(prefix).items()
        )
        self._total_bytes = sum(len(file.data) for file in self._files.values())

    def put(self, origin: str, name: str, file: MediaFile) -> str:
        """Keep a file and return its URL."""
        self._files[name] = file
        self._total_bytes += len(file.data)
        self._memory.keep(self._prefix, name, [file.content_type, file.expires_at.isoformat()], file.data)
        while self._total_bytes > LARGEST_TOTAL_BYTES:
            self._remove(next(iter(self._files)))
        return self.url(origin, name)

    def read(self, url: str) -> bytes | None:
        """The content behind one of our URLs, if it is still there."""
        file = self._files.get(self._name(url))
        return None if file is None else file.data

    def url(self, origin: str, name: str) -> str:
        """The URL a file of this name has or will have."""
        return f"{origin}{self._prefix}/{quote(name)}"

    def remove(self, url: str) -> None:
        """Forget the file behind one of our URLs, if it is still there."""
        self._remove(self._name(url))

    def _name(self, url: str) -> str:
        return unquote(url.partition(f"{self._prefix}/")[2])

    def _remove(self, name: str) -> None:
        file = self._files.pop(name, None)
        self._total_bytes -= 0 if file is None else len(file.data)
        self._memory.forget(self._prefix, name)

    def document(self) -> list[dict[str, Any]]:
        """The files that can still be had, as the control API shows them."""
        now = self._clock.now()
        return [
            {
                "name": name,
                "content_type": file.content_type,
                "size_bytes": len(file.data),
                "expires_at": None if file.expires_at == NEVER else iso(file.expires_at),
            }
            for name, file in self._files.items()
            if file.expires_at > now
        ]

    def clear(self) -> None:
        """Forget all files."""
        self._files.clear()
        self._memory.clear(self._prefix)
        self._total_bytes = 0

    async def serve(self, request: Request) -> Response:
        """The file that the path names; no key is asked for."""
        file = self._files.get(request.path_params["name"])
        if file is None or file.expires_at <= self._clock.now():
            return PlainTextResponse("Not Found", 404)
        return Response(file.data, media_type=file.content_type)
