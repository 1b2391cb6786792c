"""The colours that a PNG's cICP chunk names by the numbers of ITU-T H.273, as a profile of the ICC.

Such a chunk counts before a profile, as in the screenshots of a Mac (https://www.w3.org/TR/png-3/, on the
priority of chunks of colour, read 2026-11-29).
"""

import struct
from collections.abc import Mapping

from character_identity.domain.errors import InvalidRequest

_WHITE = (0.9642, 1.0, 0.8249)
_NTSC = (0.4163, 0.2217, 0.0136, 0.3932, 0.7033, 0.0913, 0.1547, 0.0750, 0.7199)
PRIMARIES: Mapping[int, tuple[float, ...]] = {
    1: (0.4360, 0.2225, 0.0139, 0.3851, 0.7169, 0.0971, 0.1430, 0.0606, 0.7139),  # sRGB
    5: (0.4552, 0.2323, 0.0145, 0.3676, 0.7078, 0.1049, 0.1414, 0.0599, 0.7055),  # PAL
    6: _NTSC,
    7: _NTSC,
    9: (0.6735, 0.2790, -0.0019, 0.1657, 0.6753, 0.0300, 0.1250, 0.0456, 0.7969),  # BT.2020
    12: (0.5151, 0.2412, -0.0011, 0.2920, 0.6922, 0.0419, 0.1571, 0.0666, 0.7841),  # Display P3
}
"""Red, green and blue in CIE XYZ as a profile has them: adapted from D65 to D50 by Bradford's matrix."""
_OTHER_PRIMARIES = {4, 8, 10, 11, 22}
_SRGB_CURVE = b"para\0\0\0\0\0\3\0\0" + struct.pack(
    ">5i", *(round(number * 65536) for number in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
)
CURVES: Mapping[int, bytes] = {
    **dict.fromkeys((1, 6, 13, 14, 15), _SRGB_CURVE),
    4: b"curv\0\0\0\0\0\0\0\1\2\x33",
    5: b"curv\0\0\0\0\0\0\0\1\2\xcd",
    8: b"curv\0\0\0\0\0\0\0\0",
}
"""A video's curve (1, 6, 14, 15) is what a camera did; screens show it by about that of sRGB."""
_HDR = {16: "PQ", 18: "HLG"}
_OTHER_CURVES = {7, 9, 10, 11, 12, 17}


def profile_named(cicp: bytes) -> bytes | None:
    """Return a profile of the colours that a chunk names; None where it names none.

    Raises:
        InvalidRequest: ``unreadable_image``: they cannot be brought into sRGB here, as those of HDR.
    """
    primaries, curve, matrix, full_range = cicp if len(cicp) == 4 else (2, 2, 0, 1)
    known = (
        primaries in _OTHER_PRIMARIES | PRIMARIES.keys()
        and curve in _OTHER_CURVES | _HDR.keys() | CURVES.keys()
    )
    if matrix or not known:
        return None
    if primaries not in PRIMARIES or curve not in CURVES or not full_range:
        what = f"HDR ({_HDR[curve]})" if curve in _HDR else "those of a video or a film"
        message = f"The picture's colours are {what}; save it in sRGB."
        raise InvalidRequest(message, code="unreadable_image")
    return _profile(PRIMARIES[primaries], CURVES[curve])


def adobe_rgb() -> bytes:
    """Return a profile of the colours of Adobe RGB (1998), which no number names."""
    return _profile((0.6097, 0.3111, 0.0195, 0.2053, 0.6257, 0.0609, 0.1492, 0.0632, 0.7446), CURVES[4])


def _profile(colorants: tuple[float, ...], curve: bytes) -> bytes:
    """A profile of three colorants and one curve (ICC.1:2022, 7.2, 7.3, 8.3.3)."""
    red, green, blue = (_xyz(*colorants[at : at + 3]) for at in (0, 3, 6))
    tags = {b"wtpt": _xyz(*_WHITE), b"rXYZ": red, b"gXYZ": green, b"bXYZ": blue}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, data, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, body in tags.items():
        table += name + struct.pack(">II", start + len(data), len(body))
        data += body + b"\0" * (-len(body) % 4)
    size = struct.pack(">I", start + len(data))
    header = size + bytes(4) + b"\4\x40\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28) + _xyz(*_WHITE)[8:]
    return header.ljust(128, b"\0") + table + data


def _xyz(*numbers: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(number * 65536) for number in numbers))
