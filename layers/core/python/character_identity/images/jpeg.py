"""JPEG files by their segments, and whether all of their pixels are there.

Only a file's first picture counts: other pictures (MPF), the film of a live picture or any bytes may lie
behind it. libjpeg fills with grey what is missing of a scan when a marker ends it, and only warns, which
Pillow passes on to nobody.
"""

import re
from collections.abc import Iterator
from hashlib import shake_256
from io import BytesIO
from itertools import islice, product
from typing import NamedTuple

from PIL import Image

_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])", re.DOTALL)
"""Of those that begin a segment, or end the file."""
_END_OF_DATA = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)
_END_OF_DATA_WITH_RESTARTS = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
"""More of 0xFF may stand before: looked for here, a run without a marker takes the square of its length."""
_END_OF_IMAGE, _START_OF_SCAN, _RESTART_INTERVAL = b"\xd9", b"\xda", b"\xdd"
_SEQUENTIAL, _PROGRESSIVE = {b"\xc0", b"\xc1"}, b"\xc2"
_APPLICATION = {bytes([marker]) for marker in range(0xE0, 0xF0)}
_EXIF = b"Exif\0\0"
_NEEDED = (b"JFIF\0", b"ICC_PROFILE\0", b"Adobe", b"http://ns.adobe.com/xap/")
"""Segments of applications that say which colours the pixels are, and in XMP how they are turned."""
_COEFFICIENTS = 64
_READ_AHEAD = bytes(16)
"""libjpeg reads up to eight bytes ahead of the last pixels."""
_NOISE = shake_256().digest(4096).replace(b"\xff", b"\0")
_TAILS = (bytes(len(_NOISE)), _NOISE)
"""Two that are no marker: where pixels are missing, other ones come of each."""


def parts_of(jpeg: bytes, most: int) -> tuple[int, int]:
    """Count the segments, up to ``most``, and how many of these are scans."""
    markers = [marker for marker, _, _ in islice(_segments(jpeg), most)]
    return len(markers), markers.count(_START_OF_SCAN)


def without_metadata(jpeg: bytes) -> tuple[bytes, bytes]:
    """Leave out of a JPEG what Pillow would look into before it decodes, and return the EXIF data beside it.

    It refuses a file for a resolution that is no fraction. Of several pictures only the first is left.
    """
    kept, exif, at = [], b"", 0
    for marker, start, end in _segments(jpeg):
        if marker == _START_OF_SCAN:
            break
        if marker in _APPLICATION and not jpeg.startswith(_NEEDED, start + 4):
            kept.append(jpeg[at:start])
            at = end
            if not exif and jpeg.startswith(_EXIF, start + 4):
                exif = jpeg[start + 4 : end]
    return b"".join([*kept, jpeg[at:]]), exif


def told_if_cut(jpeg: bytes) -> bytes:
    """Take away what ends the pixels of a JPEG of one scan: whoever decodes it then has enough, or raises."""
    frame = _Frame(jpeg)
    return jpeg[: frame.end_of(frame.scans[0])] + _READ_AHEAD if frame.is_one_scan else jpeg


def breaks_off(jpeg: bytes) -> bool:
    """Return True if pixels are missing of a JPEG of several scans: not all begun, or the last does not end.

    Who decodes it needs the end of the file, so the last scan is decoded twice, with two tails, at half the
    size, in which all but the finest coefficients still show.
    """
    frame = _Frame(without_metadata(jpeg)[0])
    if frame.is_one_scan or not frame.components:
        return False
    if frame.missing:
        return True
    shows_brightness = frame.components[0] in frame.scans[-1].components
    mode = "L" if shows_brightness else None  # which takes half the time
    return len({_pixels(frame.with_last_scan(tail), mode) for tail in _TAILS}) > 1


class _Scan(NamedTuple):
    """Which coefficients of which components it has, its first byte, that of its data, what ends them."""

    components: frozenset[int]
    coefficients: range
    start: int
    data: int
    end_of_data: re.Pattern[bytes]


class _Frame:
    """What the headers say of a picture.

    ``components`` are those of a Huffman-coded one, whose decoder leaves tails alone once it has all pixels;
    ``missing`` are the coefficients of components that no scan has in full precision.
    """

    def __init__(self, jpeg: bytes) -> None:
        self._jpeg = jpeg
        self.scans: list[_Scan] = []
        self.missing: set[tuple[int, int]] = set()
        self.is_one_scan = False
        self.components = b""
        is_sequential, end_of_data = False, _END_OF_DATA
        for marker, start, end in _segments(jpeg):
            body = jpeg[start + 4 : end]
            if marker in _SEQUENTIAL or marker == _PROGRESSIVE:
                if self.missing:  # a second one, which no decoder takes
                    continue
                self.components, is_sequential = body[6 : 6 + 3 * body[5] : 3], marker in _SEQUENTIAL
                self.missing = set(product(self.components, range(_COEFFICIENTS)))
            elif marker == _RESTART_INTERVAL:
                end_of_data = _END_OF_DATA_WITH_RESTARTS if any(body) else _END_OF_DATA
            elif marker == _START_OF_SCAN:
                count = body[0]
                components = frozenset(body[1 : 1 + 2 * count : 2])
                first, last, precision = body[1 + 2 * count : 4 + 2 * count]
                if is_sequential:  # cameras write anything there
                    first, last, precision = 0, _COEFFICIENTS - 1, 0
                coefficients = range(first, last + 1)
                self.scans.append(_Scan(components, coefficients, start, end, end_of_data))
                if precision % 16 == 0:
                    self.missing -= set(product(components, coefficients))
                if is_sequential and count == len(self.components):
                    self.is_one_scan = True
                    break  # nobody reads further

    def end_of(self, scan: _Scan) -> int:
        """The first byte behind the data of a scan."""
        behind = scan.end_of_data.search(self._jpeg, scan.data)
        end = behind.start() if behind else len(self._jpeg)
        return scan.data + len(self._jpeg[scan.data : end].rstrip(b"\xff"))

    def with_last_scan(self, tail: bytes) -> bytes:
        """The file with its last scan and those that it refines, and with more data behind its own."""
        *others, last = self.scans
        parts, at = [], 0
        for scan in others:
            if not (scan.components & last.components and {*scan.coefficients} & {*last.coefficients}):
                parts.append(self._jpeg[at : scan.start])
                at = self.end_of(scan)
        end = self.end_of(last)
        return b"".join([*parts, self._jpeg[at:end], tail, self._jpeg[end:]])


def _segments(jpeg: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The segments of the first picture as decoders find them: marker, first byte, first one behind.

    What lies between them is the picture's pixels.
    """
    at = 2
    while (marker := _MARKER.search(jpeg, at)) and marker[1] != _END_OF_IMAGE:
        at = marker.end() + max(2, int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big"))
        yield marker[1], marker.start(), at


def _pixels(jpeg: bytes, mode: str | None) -> bytes:
    with Image.open(BytesIO(jpeg), formats=["JPEG"]) as image:
        image.draft(mode, (max(1, image.width // 2), max(1, image.height // 2)))
        return image.tobytes()
