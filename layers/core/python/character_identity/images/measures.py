"""Measures what the checks of reference images judge, on a small RGB picture; Pillow does all of it."""

from itertools import pairwise

from PIL import Image, ImageChops, ImageFilter, ImageStat

from character_identity.domain.image_quality import ImageQuality
from character_identity.domain.near_copy import SIDE, CopyDescriptor
from character_identity.domain.perceptual_hash import PerceptualHash

GRID = 8
"""Cells a side whose neighbours are compared: 2 x 8 x 8 bits."""
TILES = 4
OVEREXPOSED_LEVEL = 250
LAPLACIAN = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)


def perceptual_hash(image: Image.Image, content: str) -> PerceptualHash:
    """The picture's shape for comparing, with ``content`` for its identity."""
    return _hash_of(image.convert("L"), content)


def _hash_of(grey: Image.Image, content: str) -> PerceptualHash:
    cells = grey.resize((GRID + 1, GRID + 1), Image.Resampling.BOX)
    mirrored = cells.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return PerceptualHash(content, shape=_darker_bits(cells), mirrored=_darker_bits(mirrored))


def copy_descriptor(image: Image.Image, content: str) -> CopyDescriptor:
    """Return what tells a near copy of the picture, whose content has that SHA-256."""
    grey = image.convert("L")
    small = grey.resize((SIDE, SIDE), Image.Resampling.BOX)
    return CopyDescriptor(_hash_of(grey, content), small.tobytes())


def measure_quality(image: Image.Image) -> ImageQuality:
    """Sharpness and exposure."""
    grey = image.convert("L")
    levels = grey.histogram()
    overexposed, overexposed_edge = _overexposed(grey)
    return ImageQuality(
        sharpness=_sharpness(grey),
        brightest=max(level for level, count in enumerate(levels) if count),
        bright=_percentile(levels, 0.95),
        overexposed=overexposed,
        overexposed_edge=overexposed_edge,
    )


def _darker_bits(cells: Image.Image) -> int:
    here = (0, 0, GRID, GRID)
    right, below = (1, 0, GRID + 1, GRID), (0, 1, GRID, GRID + 1)
    bits = 0
    for neighbour in (right, below):
        lighter = ImageChops.subtract(cells.crop(neighbour), cells.crop(here))
        for level in lighter.tobytes():
            bits = bits << 1 | (level > 0)
    return bits


def _sharpness(grey: Image.Image) -> float:
    edges = grey.filter(LAPLACIAN)
    width, height = grey.size
    columns = [column * width // TILES for column in range(TILES + 1)]
    rows = [row * height // TILES for row in range(TILES + 1)]
    columns[0], columns[-1], rows[0], rows[-1] = 1, width - 1, 1, height - 1  # the filter copies the frame
    tiles = [
        (left, top, right, bottom)
        for left, right in pairwise(columns)
        for top, bottom in pairwise(rows)
        if left < right and top < bottom
    ]
    sharpest = max((ImageStat.Stat(edges.crop(tile)).var[0] for tile in tiles), default=0.0)
    return 1000 * sharpest / max(ImageStat.Stat(grey).var[0], 1.0)


def _overexposed(grey: Image.Image) -> tuple[float, float]:
    """The overexposed share of the picture, and that of its frame."""
    overexposed = grey.point([255 * (level >= OVEREXPOSED_LEVEL) for level in range(256)])
    width, height = grey.size
    frame = max(1, min(width, height) // 20)
    whole = ImageStat.Stat(overexposed).sum[0] / 255
    if min(width, height) <= 2 * frame:
        return whole / (width * height), whole / (width * height)
    inside = overexposed.crop((frame, frame, width - frame, height - frame))
    edge = whole - ImageStat.Stat(inside).sum[0] / 255
    return whole / (width * height), edge / (width * height - inside.width * inside.height)


def _percentile(levels: list[int], share: float) -> int:
    """The lowest level that at least ``share`` of the pixels do not exceed."""
    seen = 0
    for level, count in enumerate(levels):
        seen += count
        if seen >= share * sum(levels):
            return level
    return len(levels) - 1
