"""Draws the pictures of the simulators: plainly simulated, yet of the character in the photographs."""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from local.simulators.drawing.composition import with_character
from local.simulators.drawing.lighting import lit
from local.simulators.drawing.scenes import scene
from local.simulators.drawing.styles import style_of

SMALLEST_SIDE = 128
"""Smaller pictures are drawn at this and shrunk."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Shot:
    """One picture to draw; ``fidelity`` (0 to 1) is how close it stays to the photographs."""

    provider: str
    prompt: str
    width: int
    height: int
    seed: int
    fidelity: float
    mock: bool = False

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


def render(
    shot: Shot, photographs: Sequence[Image.Image], output_format: Literal["jpeg", "png"] = "jpeg"
) -> bytes:
    """The encoded picture; the same arguments give the same bytes. No photographs: nobody is in it."""
    random = np.random.default_rng(_key(shot, photographs))
    style = style_of(shot.prompt)
    drawn_size = max(SMALLEST_SIDE, shot.width), max(SMALLEST_SIDE, shot.height)
    image = scene(style.place, drawn_size, random, moving=style.framing == "action")
    if photographs:
        photograph = photographs[int(random.integers(len(photographs)))]
        image = with_character(image, _drifted(photograph, shot.fidelity, random), style, random)
    image = lit(image, style, random)
    if shot.mock:
        _stamp_mock(image)
    _sign(image, shot)
    return encode(image if image.size == shot.size else image.resize(shot.size), output_format)


def black_frame(size: tuple[int, int], output_format: Literal["jpeg", "png"] = "jpeg") -> bytes:
    """Return what a safety checker delivers instead of an image: black all over, without our signature."""
    return encode(Image.new("RGB", size), output_format)


def encode(image: Image.Image, output_format: Literal["jpeg", "png"]) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    if output_format == "png":
        image.save(buffer, "PNG", compress_level=1)
    else:
        image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _key(shot: Shot, photographs: Sequence[Image.Image]) -> int:
    digest = hashlib.sha256(json.dumps(asdict(shot), sort_keys=True).encode())
    for photograph in photographs:
        digest.update(photograph.tobytes())
    return int.from_bytes(digest.digest()[:8], "big")


def _drifted(photograph: Image.Image, fidelity: float, random: np.random.Generator) -> Image.Image:
    """The photograph as a model remembers it: softer, a little off in colour and proportion."""
    loss = 1 - fidelity
    width, height = photograph.size
    stretch = 1 + random.uniform(-0.3, 0.3) * loss
    remembered = photograph.resize((round(width * stretch), height), Image.Resampling.BICUBIC)
    if loss > 0.05:
        remembered = remembered.filter(ImageFilter.GaussianBlur(min(width, height) / 90 * loss))
    remembered = ImageEnhance.Color(remembered).enhance(1 + random.uniform(-1, 1) * loss)
    return ImageEnhance.Brightness(remembered).enhance(1 + random.uniform(-0.4, 0.4) * loss)


def _stamp_mock(image: Image.Image) -> None:
    font = _font(max(12, image.width // 4))
    middle = (image.width / 2, image.height * 0.42)
    ImageDraw.Draw(image).text(
        middle, "MOCK", (255, 255, 255), font, anchor="mm", stroke_width=3, stroke_fill=(0, 0, 0)
    )


def _sign(image: Image.Image, shot: Shot) -> None:
    """Writes across the foot of the picture that it is simulated, and from what."""
    band = min(image.height, max(26, round(image.height * 0.052)))
    top = image.height - band
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, top, image.width, image.height), fill=(12, 12, 14))
    title = f"SIMULATED · {'MOCK · ' if shot.mock else ''}{shot.provider}"
    large, small = _font(max(10, round(band * 0.48))), _font(max(8, round(band * 0.26)))
    margin = band * 0.3
    draw.text((margin, top + band * 0.36), title, (255, 255, 255), large, anchor="lm")
    words = _fitting(f"seed {shot.seed} · {shot.prompt}", small, image.width - 2 * margin)
    draw.text((margin, top + band * 0.8), words, (190, 190, 190), small, anchor="lm")


def _fitting(text: str, font: Font, width: float) -> str:
    """Return as much of the text, in one line, as the width holds."""
    line = " ".join(text.split())
    length = font.getlength(line)
    return line if length <= width else line[: max(0, int(len(line) * width / length) - 2)] + "…"


@cache
def _font(size: int) -> Font:
    return ImageFont.load_default(size)
