"""Pictures out of a ZIP that somebody made, perhaps a ZIP bomb."""

import zipfile
from io import BytesIO

from character_identity.domain.errors import InvalidRequest
from character_identity.images.opening import is_image
from character_identity.services.references import NamedImage, shown_name
from character_identity.services.sources import MAX_BYTES

MAX_ARCHIVE_BYTES = 200 * 1024 * 1024
MAX_ENTRIES = 200
MAX_SIGNATURES = 10_000
"""Of entries, counted before any is read: each costs memory, and 200 MiB hold four million."""
MAX_DIRECTORY_BYTES = 1024 * 1024
"""Of the list of all entries; that of 200 files has some 30 KB. An entry's extra fields may be 16,383 of four
bytes, and to read each copies all behind it: a minute for 200 MB of them."""
CHUNK_BYTES = 64 * 1024
SIGNATURE = b"PK\1\2"
"""Begins the entry of a file in the directory: section 4.3.12 of the ZIP specification (APPNOTE 6.3.10)."""
ARCHIVES = (b"PK\3\4", b"Rar!\x1a\7", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b")
"""How a ZIP, RAR, 7z and gzip begin."""
PICTURE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif"),
    *(".hif", ".avif", ".jxl", ".jxr", ".jp2", ".psd", ".xcf", ".tga", ".ppm", ".pnm", ".exr"),
    *(".ico", ".svg", ".eps"),
    *(".dng", ".raw", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2", ".x3f", ".mrw"),
)
SYSTEM_FOLDERS = frozenset({"__MACOSX", "@eaDir"})
"""Where macOS keeps attributes of files, and Synology's stations small copies of pictures."""
ENCRYPTED, UTF_8 = 0x1, 0x800
"""Flags of an entry: section 4.4.4 of the ZIP specification (APPNOTE 6.3.10)."""
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others unpack a thousandfold in a single step: a kilobyte of bzip2 takes 2 GB."""


class _Archive(BytesIO):
    """The bytes of an archive, of which only the directory is read whole."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            message = f"The archive's list of its files has more than {MAX_DIRECTORY_BYTES} bytes."
            raise InvalidRequest(message, code="file_too_large")
        return super().read(size)


def images_in(archive: bytes) -> list[NamedImage]:
    """Read the image files of a ZIP in the order of their names, by their content and not by their suffix.

    What cannot be read is among them if it is of another format, or called like a picture: so it is refused
    by name and not passed over. Captions, masks, and what systems put there for themselves are.

    Raises:
        InvalidRequest: ``invalid_archive``: it is no ZIP, or damaged; ``file_too_large``: it unpacks to more
            than the caps allow, whatever sizes it claims.
    """
    if archive.count(SIGNATURE) > MAX_SIGNATURES:
        raise _too_many()
    try:
        with zipfile.ZipFile(_Archive(archive)) as file:
            return _read(file)
    except InvalidRequest:
        raise
    except Exception as exc:
        raise InvalidRequest("The archive cannot be read as a ZIP.", code="invalid_archive") from exc


def _read(file: zipfile.ZipFile) -> list[NamedImage]:
    if len(file.infolist()) > MAX_ENTRIES:
        raise _too_many()
    for entry in file.infolist():
        entry.filename = _in_utf8(entry)
    entries = [entry for entry in file.infolist() if not _is_passed_over(entry)]
    images, left = [], MAX_ARCHIVE_BYTES
    for entry in sorted(entries, key=lambda entry: entry.filename):
        content = _unpacked(file, entry, left)
        left -= len(content)
        if content.startswith(ARCHIVES):
            name = shown_name(entry.filename)
            raise InvalidRequest(f"{name} is an archive itself; put its files here.", code="invalid_archive")
        if is_image(content) or entry.filename.lower().endswith(PICTURE_SUFFIXES):
            images.append(NamedImage(entry.filename, content))
    return images


def _in_utf8(entry: zipfile.ZipInfo) -> str:
    """Return the name of an entry: macOS writes UTF-8 and does not say so (ZIPFoundation, issue 63)."""
    try:
        return entry.filename if entry.flag_bits & UTF_8 else entry.filename.encode("cp437").decode()
    except UnicodeError:
        return entry.filename


def _too_many() -> InvalidRequest:
    return InvalidRequest(f"The archive has more than {MAX_ENTRIES} files.", code="file_too_large")


def _unpacked(file: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> bytes:
    name = shown_name(entry.filename)
    if entry.flag_bits & ENCRYPTED:
        raise InvalidRequest(f"{name} is encrypted.", code="invalid_archive")
    if entry.compress_type not in COMPRESSIONS:
        raise InvalidRequest(f"{name} is neither stored nor deflated.", code="invalid_archive")
    limit, content = min(MAX_BYTES, left), bytearray()
    try:
        with file.open(entry) as packed:
            while chunk := packed.read(CHUNK_BYTES):
                content += chunk
                if len(content) > limit:
                    raise InvalidRequest(f"{name} unpacks to too much.", code="file_too_large")
    except InvalidRequest:
        raise
    except Exception as exc:  # whatever a reader of archives raises about bytes from elsewhere
        raise InvalidRequest(f"{name} is damaged.", code="invalid_archive") from exc
    return bytes(content)


def _is_passed_over(entry: zipfile.ZipInfo) -> bool:
    *folders, name = entry.filename.replace("\\", "/").split("/")  # some write paths as Windows does
    return (
        entry.is_dir()
        or any(part.startswith(".") and part.strip(".") for part in (*folders, name))
        or not SYSTEM_FOLDERS.isdisjoint(folders)
        or name.rpartition(".")[0].endswith("_mask")
    )
