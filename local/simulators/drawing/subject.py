"""Cuts the character out of a reference photograph: a bust, or a whole figure with that bust.

There is no face detector here: the head is taken to be where skin tones gather near the upper
middle, or just there. That is enough to draw a recognisable simulator picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageStat

FINDER_SIDE = 96

# Limbs of a drawn body, in head heights from the middle of the head: points, then thickness.
Colour = tuple[int, int, int]
Pose = Literal["standing", "running"]
Point = tuple[float, float]
Limb = tuple[Sequence[Point], float]
TORSO = [
    (-0.8, 0.95),
    (-0.3, 0.6),
    (0.3, 0.6),
    (0.8, 0.95),
    (0.62, 2.0),
    (0.58, 3.0),
    (-0.58, 3.0),
    (-0.62, 2.0),
]
POSES: dict[Pose, list[Limb]] = {
    "standing": [
        ([(-0.72, 1.1), (-0.95, 2.1), (-0.9, 3.0)], 0.3),
        ([(0.72, 1.1), (0.95, 2.1), (0.9, 3.0)], 0.3),
        ([(-0.3, 2.8), (-0.36, 4.3), (-0.4, 5.8)], 0.48),
        ([(0.3, 2.8), (0.36, 4.3), (0.42, 5.8)], 0.48),
    ],
    "running": [
        ([(-0.7, 1.1), (-1.25, 1.8), (-0.75, 2.4)], 0.3),
        ([(0.7, 1.1), (1.2, 1.9), (1.75, 1.45)], 0.3),
        ([(-0.25, 2.8), (-0.55, 4.1), (-1.6, 4.6)], 0.46),
        ([(0.25, 2.8), (1.0, 3.7), (0.75, 5.1)], 0.46),
    ],
}


@dataclass(frozen=True)
class Head:
    """A head in a picture: its middle and its height, in pixels."""

    x: float
    y: float
    height: float


def find_head(photograph: Image.Image) -> Head:
    """Return the most likely place of the head."""
    small = photograph.convert("YCbCr").resize((FINDER_SIDE, FINDER_SIDE))
    luma, blue, red = np.moveaxis(np.asarray(small, dtype=np.float32), 2, 0)
    skin = (luma > 60) & (blue > 77) & (blue < 127) & (red > 134) & (red < 173)
    down, across = np.mgrid[0:FINDER_SIDE, 0:FINDER_SIDE] / FINDER_SIDE
    expected = np.exp(-(((across - 0.5) / 0.25) ** 2) - ((down - 0.36) / 0.22) ** 2)
    likely = Image.fromarray((skin * expected * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(5))
    weight = np.asarray(likely, dtype=np.float32)
    width, height = photograph.size
    side = min(width, height)
    if weight.max() < 40:
        return Head(width * 0.5, height * 0.38, side * 0.4)
    near = weight > weight.max() * 0.45
    face_area = float((skin & near).sum()) / FINDER_SIDE**2 * width * height
    head_height = float(np.clip(1.75 * np.sqrt(face_area), side * 0.22, side * 0.75))
    return Head(float(across[near].mean()) * width, float(down[near].mean()) * height, head_height)


def turned(photograph: Image.Image, head: Head) -> Image.Image:
    """The photograph narrowed and slanted about the head, as if it had turned aside."""
    squeeze, slant = 1 / 0.82, 0.16
    shift = head.x * (1 - squeeze) - slant * head.y
    return photograph.transform(
        photograph.size,
        Image.Transform.AFFINE,
        (squeeze, slant, shift, 0, 1, 0),
        Image.Resampling.BICUBIC,
        fillcolor=_edge_colour(photograph),
    )


def bust(photograph: Image.Image, head: Head) -> Image.Image:
    """The photograph with everything transparent but head and shoulders, softly."""
    width, height = photograph.size
    mask = Image.new("L", (128, 128))
    draw = ImageDraw.Draw(mask)
    x, y = head.x / width * 128, head.y / height * 128
    across, down = head.height / width * 128, head.height / height * 128
    draw.ellipse((x - 0.56 * across, y - 0.72 * down, x + 0.56 * across, y + 0.62 * down), fill=255)
    draw.rectangle((x - 0.36 * across, y, x + 0.36 * across, y + down), fill=255)
    draw.ellipse((x - 1.3 * across, y + 0.55 * down, x + 1.3 * across, y + 3.4 * down), fill=255)
    draw.line([(0, 127), (0, 0), (127, 0), (127, 127)], fill=0, width=5)
    mask = mask.filter(ImageFilter.GaussianBlur(max(1.0, 0.07 * min(across, down))))
    cut = photograph.convert("RGB")
    cut.putalpha(mask.resize(photograph.size, Image.Resampling.BICUBIC))
    return cut


def figure(photograph: Image.Image, head: Head, head_height: int, pose: Pose) -> Image.Image:
    """A whole drawn body that carries the photograph's head and shoulders."""
    scale = head_height / head.height
    middle = (head_height * 2.1, head_height * 0.75)
    size = round(head_height * 4.2), round(head_height * 6.8)
    canvas = _body(_cloth_colour(photograph, head), pose).resize(size, Image.Resampling.BICUBIC)
    face = bust(photograph, head).crop(
        (
            round(head.x - 1.0 * head.height),
            round(head.y - 0.75 * head.height),
            round(head.x + 1.0 * head.height),
            round(head.y + 1.3 * head.height),
        )
    )
    face = face.resize((round(face.width * scale), round(face.height * scale)), Image.Resampling.LANCZOS)
    face.putalpha(_faded(face.getchannel("A")))
    canvas.alpha_composite(
        face, (round(middle[0] - head_height), max(0, round(middle[1] - 0.75 * head_height)))
    )
    return canvas


def _body(cloth: Colour, pose: Pose) -> Image.Image:
    """A body without a head, small, on a transparent ground of its own colour."""
    unit = 60
    middle = (unit * 2.1, unit * 0.75)
    canvas = Image.new("RGBA", (round(unit * 4.2), round(unit * 6.8)), (*cloth, 0))
    draw = ImageDraw.Draw(canvas)
    for number, (points, thickness) in enumerate(POSES[pose]):
        _limb(draw, _placed(points, middle, unit), thickness * unit, _shade(cloth, 0.68 + 0.08 * number))
    draw.polygon(_placed(TORSO, middle, unit), fill=(*_shade(cloth, 0.95), 255))
    return canvas.filter(ImageFilter.GaussianBlur(1.2))


def _faded(alpha: Image.Image) -> Image.Image:
    """The mask, running out over its lowest quarter and at its sides."""
    down = np.clip((1 - np.linspace(0, 1, alpha.height)) * 3.2, 0, 1)
    across = np.clip((1 - np.abs(np.linspace(-1, 1, alpha.width))) * 4.5, 0, 1)
    return Image.fromarray((np.asarray(alpha) * np.outer(down, across)).astype(np.uint8))


def _placed(points: Sequence[Point], middle: Point, unit: float) -> list[Point]:
    return [(middle[0] + x * unit, middle[1] + y * unit) for x, y in points]


def _limb(draw: ImageDraw.ImageDraw, points: Sequence[Point], thickness: float, colour: Colour) -> None:
    draw.line(list(points), fill=(*colour, 255), width=round(thickness), joint="curve")
    for x, y in points:
        half = thickness / 2
        draw.ellipse((x - half, y - half, x + half, y + half), fill=(*colour, 255))


def _cloth_colour(photograph: Image.Image, head: Head) -> Colour:
    """Return the colour below the head."""
    top = min(head.y + head.height, photograph.height - 2)
    half = head.height / 2
    return _median_colour(photograph, (head.x - half, top, head.x + half, top + head.height))


def _edge_colour(photograph: Image.Image) -> Colour:
    return _median_colour(photograph, (0, 0, photograph.width / 8, photograph.height))


def _median_colour(photograph: Image.Image, box: tuple[float, float, float, float]) -> Colour:
    left, top = max(0, int(box[0])), max(0, int(box[1]))
    right, bottom = min(photograph.width, int(box[2])), min(photograph.height, int(box[3]))
    region = photograph.crop((left, top, max(left + 1, right), max(top + 1, bottom)))
    red, green, blue = ImageStat.Stat(region).median
    return int(red), int(green), int(blue)


def _shade(colour: Colour, factor: float) -> Colour:
    return tuple(min(255, round(channel * factor)) for channel in colour)  # type: ignore[return-value]
