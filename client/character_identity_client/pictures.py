"""Pictures of this machine: files, folders, bytes, and what Pillow has opened."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

CONTENT_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
"""The pictures that the API takes as references, by the end of their names."""
QUALITY = 95
"""At which what Pillow has opened becomes a JPEG."""


@runtime_checkable
class PillowImage(Protocol):
    """``PIL.Image.Image``, as far as it matters here; Pillow need not be installed."""

    def convert(self, mode: str) -> Any: ...

    def getexif(self) -> Any: ...


Picture = str | Path | bytes | PillowImage
"""A picture as callers have it. A text that is a link, or the key of an upload, is what it is."""
Pictures = Picture | Sequence[Picture]
"""Pictures, or one, or a folder with some."""


@dataclass(frozen=True)
class PictureFile:
    """A picture to upload; its content is read when it is needed."""

    name: str
    content_type: str
    size_bytes: int
    source: Path | bytes

    def content(self) -> bytes:
        """All of it."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()


def listed(pictures: Pictures) -> list[Picture]:
    """Each picture, of a folder in the order of their names.

    Raises:
        ValueError: there are none in a folder.
    """
    if isinstance(pictures, Sequence) and not isinstance(pictures, str | bytes):
        return [*pictures]
    if isinstance(pictures, str | Path) and not is_reference(pictures) and Path(pictures).is_dir():
        found = sorted(
            path
            for path in Path(pictures).iterdir()
            if path.suffix.lower() in CONTENT_TYPES and path.is_file()
        )
        if not found:
            raise ValueError(f"There are no pictures in {pictures}: it takes {', '.join(CONTENT_TYPES)}.")
        return [*found]
    return [pictures]


def is_reference(picture: Picture) -> bool:
    """Return True if the API knows it already: a link, or the key of an upload."""
    return isinstance(picture, str) and picture.startswith(("https://", "http://", "uploads/"))


def picture_file(picture: Picture, number: int) -> PictureFile:
    """A picture as a file; one without a name is called by its number."""
    if isinstance(picture, str | Path):
        path = Path(picture)
        kind = CONTENT_TYPES.get(path.suffix.lower(), "application/octet-stream")
        # A name may hold bytes that are no text, which JSON cannot have.
        name = path.name.encode(errors="replace").decode()
        return PictureFile(name, kind, path.stat().st_size, path)
    content = picture if isinstance(picture, bytes) else _encoded(picture)
    kind = _type_of(content)
    return PictureFile(f"{number}.{kind.partition('/')[2]}", kind, len(content), content)


def _encoded(image: PillowImage) -> bytes:
    """A JPEG with the image's own orientation."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="JPEG", quality=QUALITY, exif=image.getexif())
    return buffer.getvalue()


def _type_of(content: bytes) -> str:
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return "application/octet-stream"
