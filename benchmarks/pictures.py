"""``python -m benchmarks pictures``: seconds and memory to embed the largest pictures, by kind of file.

Each is seen by a process of its own, interpreter and model included, and has as many pixels as its kind may.
"""

import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from character_identity.images.opening import MAX_PIXELS, MAX_PROGRESSIVE_CMYK_PIXELS, MAX_WEBP_PIXELS
from local.packages import ROOT
from local.photographs import EILEEN
from scripts.weights.build import build
from scripts.weights.encoders import EFFICIENTNET_LITE0
from tests.images.files import tiff, upright
from tests.images.test_pixels import wide_profile

MOST_S, MOST_MB = 2.0, 600
MB = 1024 * 1024
WIDTH = 7000
SEE = """
import re, sys, time
from pathlib import Path
from functions.score_image.encoder import OnnxEncoder
[view] = OnnxEncoder(Path(sys.argv[1]), memory_mb=3008).embed([Path(sys.argv[2]).read_bytes()])
if type(view).__name__ != "View":
    sys.exit(str(view))
[peak_kb] = re.findall(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
print(time.process_time(), peak_kb)
"""
"""Its own peak: what the system counts of children has their parent's in it."""

Write = Callable[[Image.Image, BytesIO], None]


def main() -> int:
    """Print a row for each kind of file; 1 if one takes more than MOST_S of a core, or than MOST_MB."""
    weights = build(EFFICIENTNET_LITE0, ROOT / ".build")
    within = True
    with TemporaryDirectory() as folder, Image.open(EILEEN.path) as photograph:
        path = Path(folder) / "picture"
        for name, write in KINDS.items():
            file = BytesIO()
            write(photograph.convert("RGB"), file)
            path.write_bytes(file.getvalue())
            seconds, peak_mb = see(weights, path)
            fits = seconds <= MOST_S and peak_mb <= MOST_MB
            within &= fits
            size_mb = path.stat().st_size / MB
            row = f"{name:45} {size_mb:3.0f} MB of file {seconds:5.2f} s {peak_mb:4.0f} MB"
            print(row if fits else f"{row}   MISSED", flush=True)
    return 0 if within else 1


def see(weights: Path, picture: Path) -> tuple[float, float]:
    """Embed a picture in a process of its own; return its seconds of a core, and its peak in MB."""
    command = [sys.executable, "-c", SEE, str(weights), str(picture)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True, text=True).stdout
    seconds, peak_kb = said.split()
    return float(seconds), int(peak_kb) / 1024


def saved(kind: str, mode: str = "RGB", pixels: int = MAX_PIXELS, **options: Any) -> Write:
    """As Pillow writes it."""
    return lambda original, file: large(original, mode, pixels).save(file, kind, **options)


def png(mode: str, *, bits: int = 8, interlaced: bool = False) -> Write:
    """A PNG as Pillow writes none: of 16 bits a channel, or interlaced."""

    def write(original: Image.Image, file: BytesIO) -> None:
        levels = np.asarray(large(original, mode))
        height, width = levels.shape[:2]
        if bits == 16:  # of few levels, or the file would be larger than those that are read
            levels = ((levels & 0xF0).astype(np.uint16) * 257).astype(">u2")
        packer = zlib.compressobj(1)
        packed = [
            packer.compress(b"\0" + row.tobytes())
            for left, top, across, down in (PASSES if interlaced else (WHOLE,))
            for row in levels[top::down, left::across]
        ]
        header = struct.pack(">IIBBBBB", width, height, bits, COLOUR_TYPES[mode], 0, 0, interlaced)
        file.write(b"\x89PNG\r\n\x1a\n")
        pixels = b"".join([*packed, packer.flush()])
        for kind, body in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")):
            file.write(
                struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            )

    return write


def large(original: Image.Image, mode: str, pixels: int = MAX_PIXELS) -> Image.Image:
    """The picture in so many pixels."""
    picture = original.resize((WIDTH, pixels // WIDTH))
    if "A" in mode:
        picture.putalpha(picture.getchannel("R"))
    return picture.quantize(256) if mode == "P" else picture.convert(mode)


COLOUR_TYPES = {"L": 0, "RGB": 2, "RGBA": 6}
WHOLE = (0, 0, 1, 1)
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of an interlaced PNG: the first pixel of each, and its steps across and down."""
TURNED: dict[str, Any] = {"exif": b"Exif\0\0" + tiff(upright())}
ALL_AT_ONCE: dict[str, Any] = {**TURNED, "icc_profile": wide_profile()}
FINE: dict[str, Any] = {"quality": 90, "subsampling": 0}
QUICK: dict[str, Any] = {"compress_level": 1}
SMALL = Image.new("RGB", (300, 300))
KINDS: dict[str, Write] = {
    "JPEG": saved("JPEG", **FINE),
    "JPEG, with a profile and turned": saved("JPEG", **FINE, **ALL_AT_ONCE),
    "JPEG, grey": saved("JPEG", "L"),
    "JPEG, CMYK, turned": saved("JPEG", "CMYK", **FINE, **TURNED),
    "JPEG, progressive, with a profile and turned": saved("JPEG", progressive=True, **FINE, **ALL_AT_ONCE),
    "JPEG, progressive CMYK, turned": saved(
        "JPEG", "CMYK", MAX_PROGRESSIVE_CMYK_PIXELS, progressive=True, **FINE, **TURNED
    ),
    "JPEG of two pictures (MPO)": saved("MPO", save_all=True, append_images=[SMALL]),
    "PNG": saved("PNG", **QUICK),
    "PNG, transparent, with a profile and turned": saved("PNG", "RGBA", **QUICK, **ALL_AT_ONCE),
    "PNG, grey and transparent": saved("PNG", "LA", **QUICK),
    "PNG of a palette, transparent": saved("PNG", "P", **QUICK, transparency=3),
    "PNG, grey of 16 bits": png("L", bits=16),
    "PNG, 16 bits": png("RGB", bits=16),
    "PNG, 16 bits, transparent": png("RGBA", bits=16),
    "PNG, interlaced": png("RGB", interlaced=True),
    "PNG, animated": saved("PNG", **QUICK, save_all=True, append_images=[SMALL]),
    "WebP": saved("WEBP", "RGB", MAX_WEBP_PIXELS, method=0),
    "WebP, lossless": saved("WEBP", "RGB", MAX_WEBP_PIXELS, method=0, lossless=True, quality=0),
    "WebP, transparent, with a profile and turned": saved(
        "WEBP", "RGBA", MAX_WEBP_PIXELS, method=0, **ALL_AT_ONCE
    ),
    "WebP, animated": saved(
        "WEBP",
        "RGB",
        MAX_WEBP_PIXELS,
        method=0,
        save_all=True,
        append_images=[SMALL.resize((WIDTH, MAX_WEBP_PIXELS // WIDTH))],
    ),
}
