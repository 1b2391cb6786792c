"""Picture files as the world writes them, seen by the encoder that stands in for CLIP, with real weights."""

import os
import struct
import subprocess
import sys
import zlib
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.similarity import cosine
from functions.score_image.encoder import OnnxEncoder
from local.photographs import EILEEN
from scripts.weights.build import build
from scripts.weights.encoders import ENCODERS
from tests.images.files import upright, with_exif
from tests.images.test_pixels import wide_profile
from tests.support.waiting import HANGS_AFTER_S

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[3]
ANOTHER = "another picture"
MOST_MB = 600
"""With interpreter and model. Pillow takes 200 MB for a copy of 50 megapixels."""


@pytest.fixture(scope="module")
def weights() -> Path:
    return build(ENCODERS["efficientnet-lite0"], ROOT / ".build")


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def in_16_bits(image: Image.Image) -> bytes:
    """A PNG of 16 bits a channel, which Pillow reads and does not write."""
    levels = (np.asarray(image).astype(np.uint16) * 257).astype(">u2")
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in levels), 1)
    header = struct.pack(">IIBBBBB", *image.size, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def in_another_space(image: Image.Image) -> Image.Image:
    """The same colours by the numbers of another profile."""
    profile = ImageCms.ImageCmsProfile(BytesIO(wide_profile()))
    converted = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), profile)
    assert converted is not None
    return converted


@cache
def files() -> dict[str, bytes]:
    """One picture in many files, the first as plain as can be, and another picture."""
    with Image.open(EILEEN.path) as photograph:
        picture = photograph.convert("RGB")
    other = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    lying = picture.transpose(Image.Transpose.ROTATE_90)
    wide = in_another_space(picture)
    opaque = picture.copy()
    opaque.putalpha(255)
    return {
        "PNG": encoded(picture),
        "JPEG": encoded(picture, "JPEG", quality=95, subsampling=0),
        "JPEG with fewer colours": encoded(picture, "JPEG", quality=95),
        "progressive": encoded(picture, "JPEG", quality=95, progressive=True),
        "turned by EXIF": with_exif(encoded(lying, "JPEG", quality=95, subsampling=0), upright()),
        "PNG with a profile": encoded(wide, icc_profile=wide_profile()),
        "JPEG with a profile": encoded(wide, "JPEG", quality=95, subsampling=0, icc_profile=wide_profile()),
        "CMYK": encoded(picture.convert("CMYK"), "JPEG", quality=95),
        "16 bits": in_16_bits(picture),
        "with a channel for transparency": encoded(opaque),
        "several pictures": encoded(picture, "MPO", quality=95, save_all=True, append_images=[other]),
        "animated PNG": encoded(picture, save_all=True, append_images=[other]),
        "animated WebP": encoded(picture, "WEBP", quality=95, save_all=True, append_images=[other]),
        ANOTHER: encoded(other),
    }


def test_one_picture_has_one_score_in_whatever_file(weights: Path) -> None:
    """Within 0.01, against a reference; what is no such file would be far outside."""
    encoder = OnnxEncoder(weights, memory_mb=3008)
    found = dict(zip(files(), encoder.embed([*files().values()]), strict=True))
    views = {name: view for name, view in found.items() if not isinstance(view, InvalidRequest)}
    assert views.keys() == found.keys()
    plain = views["PNG"].embedding
    likeness = {name: cosine(plain, view.embedding) for name, view in views.items()}
    assert {name: round(each, 3) for name, each in likeness.items() if each < 0.99} == {
        ANOTHER: round(likeness[ANOTHER], 3)
    }
    reference = views[ANOTHER].embedding
    scores = {name: cosine(reference, view.embedding) for name, view in views.items() if name != ANOTHER}
    assert max(scores.values()) - min(scores.values()) < 0.01, scores
    assert likeness[ANOTHER] < 0.9


def test_a_score_depends_on_no_company(weights: Path) -> None:
    encoder = OnnxEncoder(weights, memory_mb=3008)
    contents = [*files().values()]
    together = encoder.embed(contents)
    for number in (0, 3, 9):
        alone = encoder.embed([contents[number]])
        for one, other in zip(alone, [together[number]], strict=True):
            assert not isinstance(one, InvalidRequest) and not isinstance(other, InvalidRequest)
            assert list(one.embedding) == pytest.approx(list(other.embedding), abs=1e-5)


SEE = """
import sys
from pathlib import Path
from functions.score_image.encoder import OnnxEncoder
[view] = OnnxEncoder(Path(sys.argv[1]), memory_mb=3008).embed([Path(sys.argv[2]).read_bytes()])
assert type(view).__name__ == "View", view
print(Path("/proc/self/status").read_text())
"""


def test_fifty_megapixels_take_no_more_than_so_much_memory(weights: Path, tmp_path: Path) -> None:
    """In the file that takes the most copies: turned, transparent, with a profile."""
    exif = Image.Exif()
    exif[0x0112] = 6
    large = tmp_path / "large.png"
    picture = Image.new("RGBA", (7000, 7142), (200, 60, 60, 200))
    picture.save(large, icc_profile=wide_profile(), exif=exif, compress_level=1)
    seen = subprocess.run(
        [sys.executable, "-c", SEE, str(weights), str(large)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_S,
        check=True,
    )
    [peak] = [line for line in seen.stdout.splitlines() if line.startswith("VmHWM:")]
    assert int(peak.split()[1]) / 1024 < MOST_MB
