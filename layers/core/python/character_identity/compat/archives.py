"""Pictures out of a ZIP that somebody made."""

import zipfile
from io import BytesIO

from character_identity.domain.errors import InvalidRequest

MAX_ARCHIVE_BYTES = 200 * 1024 * 1024
MAX_IMAGE_BYTES = 20 * 1024 * 1024
MAX_ENTRIES = 200
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def images_in(archive: bytes) -> list[bytes]:
    """The pictures of a ZIP in the order of their names; captions, folders and system files are passed over.

    Raises:
        InvalidRequest: it is no ZIP, or unpacks to more than the caps allow.
    """
    try:
        with zipfile.ZipFile(BytesIO(archive)) as file:
            entries = [entry for entry in file.infolist() if _is_image(entry.filename)]
            sizes = [entry.file_size for entry in entries]
            if len(file.infolist()) > MAX_ENTRIES or max(sizes, default=0) > MAX_IMAGE_BYTES:
                raise _too_large()
            if sum(sizes) > MAX_ARCHIVE_BYTES:
                raise _too_large()
            return [file.read(entry) for entry in sorted(entries, key=lambda entry: entry.filename)]
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as exc:
        raise InvalidRequest("The archive cannot be read as a ZIP.", code="invalid_archive") from exc


def _is_image(name: str) -> bool:
    plain = name.rpartition("/")[2]
    return (
        plain.lower().endswith(SUFFIXES)
        and not plain.startswith(".")
        and not name.startswith("__MACOSX/")
        and not plain.rpartition(".")[0].endswith("_mask")
    )


def _too_large() -> InvalidRequest:
    return InvalidRequest("The archive unpacks to too much.", code="file_too_large")
