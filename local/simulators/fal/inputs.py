"""Fetches what fal's models are given and refuses what they cannot use."""

import io
import zipfile
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from PIL import Image

from local.simulators.downloads import DownloadFailed, Downloads, FileTooLarge
from local.simulators.drawing.photographs import NotAnImage, read_photograph
from local.simulators.fal.errors import Location, ModelError, problem
from local.simulators.lora_file import Lora, read_lora
from local.simulators.safetensors_file import NotSafetensors

LARGEST_IMAGE_BYTES = 50_000_000
LARGEST_ARCHIVE_BYTES = 200_000_000
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


async def fetch(downloads: Downloads, url: str, loc: Location, largest_bytes: int) -> bytes:
    """The file behind an input's URL.

    Raises:
        ModelError: file_download_error or file_too_large.
    """
    try:
        return await downloads.fetch(url, largest_bytes)
    except DownloadFailed as exc:
        raise _refused("file_download_error", loc, "Failed to download the file.", url) from exc
    except FileTooLarge as exc:
        limit = {"max_size": largest_bytes}
        raise ModelError(
            [problem("file_too_large", loc, "The file is too large.", given=url, ctx=limit)]
        ) from exc


async def photograph(downloads: Downloads, url: str, loc: Location) -> Image.Image:
    """The picture behind an input's URL."""
    data = await fetch(downloads, url, loc, LARGEST_IMAGE_BYTES)
    return _image(data, loc, url)


async def lora(downloads: Downloads, url: str, loc: Location) -> Lora:
    """The LoRA behind an input's URL."""
    data = await fetch(downloads, url, loc, LARGEST_ARCHIVE_BYTES)
    try:
        return read_lora(data)
    except NotSafetensors as exc:
        message = f"Failed to load the LoRA weights: {exc}"
        raise _refused("value_error", loc, message, url) from exc


async def training_images(
    downloads: Downloads, url: str, archive_format: str | None, loc: Location
) -> list[Image.Image]:
    """The pictures in the archive behind an input's URL; masks and captions are left aside."""
    named_zip = urlsplit(url).path.lower().endswith(".zip") or url.startswith("data:application/zip")
    if archive_format not in (None, "zip") or (archive_format is None and not named_zip):
        raise _invalid_archive(
            loc, url, "The format of the archive is not known; name it .zip or say data_archive_format."
        )
    data = await fetch(downloads, url, loc, LARGEST_ARCHIVE_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if _is_image(entry.filename)]
            if sum(entry.file_size for entry in entries) > LARGEST_ARCHIVE_BYTES:
                raise _invalid_archive(loc, url, "The archive unpacks to too much.")
            files = [archive.read(entry) for entry in entries]
    except (zipfile.BadZipFile, RuntimeError, OSError) as exc:
        raise _invalid_archive(loc, url, "Could not open the archive.") from exc
    if not files:
        count = {"min_count": 1, "provided_count": 0, "supported_extensions": list(IMAGE_SUFFIXES)}
        message = "The archive holds fewer images than needed."
        raise ModelError([problem("archive_file_count_below_minimum", loc, message, given=url, ctx=count)])
    return [_image(file, loc, url) for file in files]


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        path.suffix.lower() in IMAGE_SUFFIXES
        and not path.stem.endswith("_mask")
        and "__MACOSX" not in path.parts
    )


def _image(data: bytes, loc: Location, url: str) -> Image.Image:
    try:
        return read_photograph(data)
    except NotAnImage as exc:
        raise _refused("image_load_error", loc, "Failed to load the image.", url) from exc


def _refused(kind: str, loc: Location, message: str, url: str) -> ModelError:
    return ModelError([problem(kind, loc, message, given=url)])


def _invalid_archive(loc: Location, url: str, message: str) -> ModelError:
    return ModelError(
        [problem("invalid_archive", loc, message, given=url, ctx={"supported_extensions": [".zip"]})]
    )
