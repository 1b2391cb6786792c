"""Writes into an image file, as XMP, that a trained model made it. No pixel is decoded or changed.

IPTC Photo Metadata 2025.1 (https://iptc.org/news/2025/11, read 2026-11-28) has the two
properties; where a packet lies says "XMP Specification Part 3" of Adobe, and for WebP RFC 9649. What else a
packet says stays. A C2PA manifest of somebody else's goes: its hash would not fit the file any more.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from html import escape
from itertools import takewhile
from typing import NamedTuple

from character_identity.domain.provenance import DIGITAL_SOURCE_TYPE, Provenance

MAX_JPEG_PACKET = 65_502
"""Bytes that fit in a segment of a JPEG."""

_JPEG_XMP, _JPEG_EXIF, _JUMBF = b"http://ns.adobe.com/xap/1.0/\0", b"Exif\0\0", b"JP"
_APP0, _APP1, _APP11 = 0xE0, 0xE1, 0xEB
_START_OF_SCAN, _END = 0xDA, 0xD9
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_XMP = b"XML:com.adobe.xmp\0"
_PNG_PLAIN = _PNG_XMP + b"\0\0\0\0"  # not compressed, no language, no translated keyword
_WEBP_ALPHA, _WEBP_XMP = 0x10, 0x04
_END_OF_RDF = b"</rdf:RDF>"

Merge = Callable[[bytes], bytes]


class Part(NamedTuple):
    """A segment of a JPEG or a chunk of another file, and its bytes as they are written."""

    kind: bytes
    body: bytes
    written: bytes


def with_xmp(content: bytes, content_type: str, provenance: Provenance) -> bytes:
    """The same picture, whose XMP says what made it; a file that says so stays as it is.

    Raises:
        ValueError: it is not laid out as its format is.
    """

    def merge(packet: bytes) -> bytes:
        return _merged(packet, provenance)

    try:
        return _WRITERS[content_type](content, merge)
    except (struct.error, IndexError) as exc:
        raise ValueError("The file ends early.") from exc


def _merged(packet: bytes, provenance: Provenance) -> bytes:
    """A packet that says it beside what it said; another source type was wrong, and goes with its packet."""
    if DIGITAL_SOURCE_TYPE.encode() in packet:
        return packet
    description = (
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f'Iptc4xmpExt:DigitalSourceType="{DIGITAL_SOURCE_TYPE}" '
        f'Iptc4xmpExt:AISystemUsed="{escape(provenance.system)}"/>'
    ).encode()
    before, end, after = packet.rpartition(_END_OF_RDF)
    if end and b"DigitalSourceType" not in packet:
        return before + description + end + after
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'.encode()
        + description
        + _END_OF_RDF
        + b'</x:xmpmeta><?xpacket end="w"?>'
    )


def _jpeg(content: bytes, merge: Merge) -> bytes:
    if content[:2] != b"\xff\xd8":
        raise ValueError("A JPEG starts otherwise.")
    segments = list(_segments(content))
    rest = content[2 + sum(len(segment.written) for segment in segments) :]
    packets = [segment.body[len(_JPEG_XMP) :] for segment in segments if _is_jpeg_xmp(segment)]
    packet = merge(packets[0] if packets else b"")
    if len(packet) > MAX_JPEG_PACKET:
        packet = merge(b"")
    body = _JPEG_XMP + packet
    xmp = struct.pack(">BBH", 0xFF, _APP1, len(body) + 2) + body
    kept = [segment for segment in segments if not _is_jpeg_xmp(segment) and not _is_jumbf(segment)]
    first = list(takewhile(_comes_first, kept))
    written = [segment.written for segment in kept]
    return b"".join([content[:2], *written[: len(first)], xmp, *written[len(first) :], rest])


def _segments(content: bytes) -> Iterator[Part]:
    """Those before the pixels; bytes that are none end them."""
    at = 2
    while content[at : at + 1] == b"\xff":
        start = at
        while content[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker = content[at + 1]
        if marker in (_START_OF_SCAN, _END):
            return
        (length,) = struct.unpack(">H", content[at + 2 : at + 4])
        end = at + 2 + length
        yield Part(bytes([marker]), content[at + 4 : end], content[start:end])
        at = end


def _is_jpeg_xmp(segment: Part) -> bool:
    return segment.kind[0] == _APP1 and segment.body.startswith(_JPEG_XMP)


def _is_jumbf(segment: Part) -> bool:
    return segment.kind[0] == _APP11 and segment.body.startswith(_JUMBF)


def _comes_first(segment: Part) -> bool:
    """JFIF and Exif each want to be the first; Exif gives way to JFIF."""
    return segment.kind[0] == _APP0 or (segment.kind[0] == _APP1 and segment.body.startswith(_JPEG_EXIF))


def _png(content: bytes, merge: Merge) -> bytes:
    if not content.startswith(_PNG):
        raise ValueError("A PNG starts otherwise.")
    header, *chunks = _png_chunks(content)
    rest = content[len(_PNG) + len(header.written) + sum(len(chunk.written) for chunk in chunks) :]
    packets = [chunk.body for chunk in chunks if _is_png_xmp(chunk)]
    plain = bool(packets) and packets[0].startswith(_PNG_PLAIN)
    body = b"iTXt" + _PNG_PLAIN + merge(packets[0][len(_PNG_PLAIN) :] if plain else b"")
    xmp = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    kept = [chunk.written for chunk in chunks if not _is_png_xmp(chunk) and chunk.kind != b"caBX"]
    return b"".join([_PNG, header.written, xmp, *kept, rest])


def _png_chunks(content: bytes) -> Iterator[Part]:
    at = len(_PNG)
    while at + 12 <= len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        end = at + 12 + length
        if end > len(content):
            return
        yield Part(content[at + 4 : at + 8], content[at + 8 : end - 4], content[at:end])
        at = end


def _is_png_xmp(chunk: Part) -> bool:
    return chunk.kind == b"iTXt" and chunk.body.startswith(_PNG_XMP)


def _webp(content: bytes, merge: Merge) -> bytes:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        raise ValueError("A WebP starts otherwise.")
    first, *chunks = _webp_chunks(content)
    packets = [chunk.body for chunk in chunks if chunk.kind == b"XMP "]
    kept = [chunk.written for chunk in chunks if chunk.kind not in (b"XMP ", b"C2PA")]
    if first.kind == b"VP8X":
        header = first.body
    else:
        header, kept = _extended_header(first), [first.written, *kept]
    header = bytes([header[0] | _WEBP_XMP]) + header[1:]
    xmp = _webp_chunk(b"XMP ", merge(packets[0] if packets else b""))
    body = b"".join([b"WEBP", _webp_chunk(b"VP8X", header), *kept, xmp])
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_chunks(content: bytes) -> Iterator[Part]:
    (size,) = struct.unpack("<I", content[4:8])
    at, file_end = 12, min(len(content), 8 + size)
    while at + 8 <= file_end:
        (length,) = struct.unpack("<I", content[at + 4 : at + 8])
        body = content[at + 8 : at + 8 + length]
        kind = content[at : at + 4]
        yield Part(kind, body, _webp_chunk(kind, body))
        at += 8 + length + length % 2


def _webp_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _extended_header(bitstream: Part) -> bytes:
    """Return what VP8X holds for a file that had none: flags, and the size less one, 24 bits a side."""
    if bitstream.kind == b"VP8L":
        (bits,) = struct.unpack("<I", bitstream.body[1:5])
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        flags = _WEBP_ALPHA if bits >> 28 & 1 else 0
    elif bitstream.kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack("<HH", bitstream.body[6:10]))
        flags = 0
    else:
        raise ValueError("A WebP has another first chunk.")
    return bytes([flags, 0, 0, 0]) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]


_WRITERS: dict[str, Callable[[bytes, Merge], bytes]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
}
