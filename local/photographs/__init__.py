"""Reference images for the demo, made from the photographs beside this file (provenance: README.md)."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageEnhance, ImageOps

FOLDER = Path(__file__).parent
SIDE = 640
"""Pixels of a reference image; providers want 512 at least."""


@dataclass(frozen=True)
class Photograph:
    """A photograph, and what of it must stay in view.

    ``face`` is its centre (fractions of width and height), ``closest`` the side of the smallest square
    that shows it well (fraction of the shorter side).
    """

    path: Path
    face: tuple[float, float]
    closest: float


EILEEN = Photograph(FOLDER / "eileen.jpg", face=(0.44, 0.24), closest=0.34)
CHELSEA = Photograph(FOLDER / "chelsea.jpg", face=(0.50, 0.48), closest=0.76)


@dataclass(frozen=True)
class View:
    """One way to take the photograph again: how far away, from which side, in what light.

    ``distance`` is 0 as close as the photograph allows and 1 for all of it. ``face`` is where in the
    picture the face comes to lie, as far as the photograph reaches. Light factors are 1 for unchanged;
    ``warmth`` above 1 is evening light.
    """

    distance: float
    face: tuple[float, float] = (0.5, 0.45)
    mirrored: bool = False
    brightness: float = 1.0
    contrast: float = 1.0
    warmth: float = 1.0
    colour: float = 1.0


VIEWS = (
    View(distance=1.0),
    View(distance=0.12),
    View(distance=0.55, mirrored=True, warmth=1.15),
    View(distance=0.33, face=(0.36, 0.40), brightness=0.68, contrast=1.25),
    View(distance=0.24, mirrored=True, face=(0.62, 0.50), colour=0.0, contrast=1.35),
    View(distance=0.79, face=(0.60, 0.30), brightness=1.22, warmth=0.88),
    View(distance=0.0, mirrored=True, brightness=1.12, contrast=0.85),
    View(distance=0.64, face=(0.40, 0.36), warmth=0.80, brightness=0.72, contrast=1.15),
)


def make_references(photograph: Photograph, folder: Path) -> list[Path]:
    """The photograph in every one of ``VIEWS``, as JPEG files in ``folder``; the same bytes each time."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with Image.open(photograph.path) as image:
        original = image.convert("RGB")
    for number, view in enumerate(VIEWS, start=1):
        path = folder / f"{photograph.path.stem}-{number:02}.jpg"
        view_of(original, photograph, view).save(path, quality=90)
        paths.append(path)
    return paths


def view_of(image: Image.Image, photograph: Photograph, view: View) -> Image.Image:
    """One view of the photograph that ``image`` was read from, ``SIDE`` pixels square."""
    size = photograph.closest + (1 - photograph.closest) * view.distance
    side = round(size * min(image.size))
    left, top = (
        _clamp(round(at * length - place * side), length - side)
        for at, place, length in zip(photograph.face, view.face, image.size, strict=True)
    )
    crop = image.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    if view.mirrored:
        crop = ImageOps.mirror(crop)
    return _relight(crop, view)


def _relight(image: Image.Image, view: View) -> Image.Image:
    red, green, blue = image.split()
    image = Image.merge("RGB", (_scaled(red, view.warmth), green, _scaled(blue, 1 / view.warmth)))
    image = ImageEnhance.Color(image).enhance(view.colour)
    image = ImageEnhance.Brightness(image).enhance(view.brightness)
    return ImageEnhance.Contrast(image).enhance(view.contrast)


def _scaled(band: Image.Image, factor: float) -> Image.Image:
    return band.point([min(255, round(level * factor)) for level in range(256)])


def _clamp(value: int, highest: int) -> int:
    return max(0, min(value, highest))
