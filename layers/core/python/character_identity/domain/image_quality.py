"""Image quality: judges the sharpness and exposure of a single reference image by its measures.

The thresholds were set on 24 sharp pictures - two photographs, their eight views each for the demo, six press
photographs of two men - and on alterations of them. Beside them stood 24 pictures without a face that
scikit-image and scikit-learn ship, and 12 drawings of one figure on white.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from character_identity.domain.finding import Finding

BLACK_LEVEL = 4
"""A picture no brighter than this, of 255, is a blanked frame: fal paints refused pictures black."""
MIN_SHARPNESS = 15
"""Sharp pictures: 38 or more, in half the light or contrast too, but for one of 7: 174 pixels scaled to 640.
Blurred by a Gaussian of 2 pixels in 512: at most 14.5, of 3: at most 7.2. JPEG quality 30 changes little.
Drawings: 96 or more. A retina and a colour chart, which have no edges, lie below."""
DARK_LEVEL = 64
"""Of 255. Where 95 % of a picture is no lighter: none of the sharp ones (115 or more), all of them in a
quarter of the light. Of the others a star field (52). A dark picture with a lit face lies above."""
OVEREXPOSED_SHARE = 0.4
"""Sharp pictures: at most 0.06; of those in 2.5 times the light 16 of 24 lie above."""
BACKDROP_SHARE = 0.9
"""Above it the white is a backdrop and not light: drawings on white have 0.99 and more."""


@dataclass(frozen=True)
class ImageQuality:
    """Measured on the picture scaled to 512 pixels, in grey of 0 to 255.

    ``sharpness`` is the variance of the Laplacian in the sharpest of 16 tiles, in thousandths of the whole
    picture's variance: a sharp face before a soft background is sharp, and neither light nor contrast matter.
    ``brightest`` is the highest level, ``bright`` the one that 95 % are below. ``overexposed`` is the share
    at 250 or more, ``overexposed_edge`` that of a frame as wide as a twentieth of the shorter side.
    """

    sharpness: float
    brightest: int
    bright: int
    overexposed: float
    overexposed_edge: float

    @property
    def is_black(self) -> bool:
        """True if there is nothing to see."""
        return self.brightest <= BLACK_LEVEL


def judge_quality(quality: ImageQuality, reference: int) -> Iterator[Finding]:
    """Yield the findings about one image."""
    if quality.is_black:
        yield Finding.of("black_image", "The picture is black.", reference)
        return
    if quality.sharpness < MIN_SHARPNESS:
        yield Finding.of("blurred", "The picture is blurred, or scaled up, or shows nothing.", reference)
    if quality.bright < DARK_LEVEL:
        yield Finding.of("too_dark", "The picture is nearly all in the dark.", reference)
    if quality.overexposed >= OVEREXPOSED_SHARE and quality.overexposed_edge < BACKDROP_SHARE:
        yield Finding.of("too_bright", f"{quality.overexposed:.0%} of the picture is overexposed.", reference)
