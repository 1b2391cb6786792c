"""Pictures of this machine: files, folders, bytes, and what Pillow has opened."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

CONTENT_TYPES = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "image/jpeg"),
    ".png": "image/png",
    ".webp": "image/webp",
}
"""The pictures that the API takes as references, by the end of their names."""
OTHER_FORMATS = {
    *(".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".hif"),
    *(".avif", ".jxl", ".jxr", ".jp2", ".psd", ".xcf", ".tga", ".ppm", ".pnm", ".exr"),
    *(".ico", ".svg", ".eps"),
    *(".dng", ".raw", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2", ".x3f", ".mrw"),
}
MOST_NAMED = 5
QUALITY = 95
"""At which what Pillow has opened becomes a JPEG."""


@runtime_checkable
class PillowImage(Protocol):
    """``PIL.Image.Image``, as far as it matters here; Pillow need not be installed."""

    @property
    def mode(self) -> str: ...

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
    """Each picture, of a folder those in it. Raises as ``in_folder``."""
    if isinstance(pictures, Sequence) and not isinstance(pictures, str | bytes):
        return [*pictures]
    if isinstance(pictures, str | Path) and not is_reference(pictures) and Path(pictures).is_dir():
        return [*in_folder(Path(pictures))]
    return [pictures]


def in_folder(folder: Path) -> list[Path]:
    """The pictures in a folder, in the order of their names; hidden files, as macOS writes there, are none.

    Raises:
        ValueError: there are none; or one of a format that the API does not take is not there in another.
    """
    files = sorted(each for each in folder.iterdir() if each.is_file() and not each.name.startswith("."))
    found = [each for each in files if each.suffix.lower() in CONTENT_TYPES]
    known = {each.stem for each in found}
    left = [each.name for each in files if each.suffix.lower() in OTHER_FORMATS and each.stem not in known]
    if left:
        named = ", ".join(left[:MOST_NAMED]) + (
            f" and {len(left) - MOST_NAMED} more" if left[MOST_NAMED:] else ""
        )
        raise ValueError(f"{named} in {folder}: save them as JPEG, PNG or WebP, or take them out.")
    if not found:
        raise ValueError(f"There are no pictures in {folder}: it takes {', '.join(CONTENT_TYPES)}.")
    return found


def is_reference(picture: Picture) -> bool:
    """Return True if the API knows it already: a link, or the key of an upload, which no path here is."""
    if not isinstance(picture, str):
        return False
    is_key = picture.startswith("uploads/") and not Path(picture).exists()
    return is_key or picture.startswith(("https://", "http://"))


def picture_file(picture: Picture, number: int) -> PictureFile:
    """A picture as a file; one without a name is called by its number."""
    if isinstance(picture, str | Path):
        path = Path(picture)
        kind = CONTENT_TYPES.get(path.suffix.lower()) or _type_of(_start_of(path))
        # A name may hold bytes that are no text, which JSON cannot have.
        name = path.name.encode(errors="replace").decode()
        return PictureFile(name, kind, path.stat().st_size, path)
    content = picture if isinstance(picture, bytes) else _encoded(picture)
    kind = _type_of(content)
    return PictureFile(f"{number}.{kind.partition('/')[2]}", kind, len(content), content)


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(12)


def _encoded(given: PillowImage) -> bytes:
    """A JPEG of what is seen, in the image's own colours and orientation: white where it is transparent."""
    image: Any = given
    exif, profile = image.getexif(), image.info.get("icc_profile")
    if image.mode.startswith("I"):  # grey of 16 bits, in any order of bytes: Pillow would clip it to white
        image = image.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    elif getattr(image, "has_transparency_data", False):
        seen = image.convert("RGBA")
        image = seen.copy()
        image.paste("white", (0, 0, *seen.size))
        image.paste(seen, mask=seen)
    if image.mode not in {"L", "RGB", "CMYK"}:
        image = image.convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=QUALITY, exif=exif, icc_profile=profile)
    return buffer.getvalue()


def _type_of(content: bytes) -> str:
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return "application/octet-stream"
