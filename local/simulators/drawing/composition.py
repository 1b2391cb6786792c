"""Puts the character of a photograph into a scene, framed as the prompt asks."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from local.simulators.drawing.styles import Style
from local.simulators.drawing.subject import Head, bust, figure, find_head, turned


def with_character(
    image: Image.Image, photograph: Image.Image, style: Style, random: np.random.Generator
) -> Image.Image:
    """The picture with the character in it; half of them look the other way."""
    head = find_head(photograph)
    if style.profile:
        photograph = turned(photograph, head)
    if random.random() < 0.5:
        photograph = ImageOps.mirror(photograph)
        head = Head(photograph.width - head.x, head.y, head.height)
    width, height = image.size
    jitter = random.uniform(-0.04, 0.04) * width
    if style.framing == "close":
        return _close_up(image.size, photograph, head, jitter)
    if style.framing == "medium":
        return _half_length(image, photograph, head, jitter * 2)
    if style.framing == "wide":
        person = figure(photograph, head, round(height * random.uniform(0.095, 0.115)), "standing")
        place = (round(width * 0.5 + jitter * 3 - person.width / 2), round(height * 0.92 - person.height))
        _shadow(image, person, place)
    else:
        person = figure(photograph, head, round(height * random.uniform(0.13, 0.15)), "running")
        person = person.rotate(-8, Image.Resampling.BILINEAR, expand=True)
        place = (round(width * 0.5 + jitter * 3 - person.width / 2), round(height * 0.13))
        _trail(image, person, place)
    image.paste(person, place, person)
    return image


def _close_up(size: tuple[int, int], photograph: Image.Image, head: Head, jitter: float) -> Image.Image:
    """The photograph itself around the head, as much of it as there is."""
    width, height = size
    scale = max(0.5 * height / head.height, width / photograph.width, height / photograph.height)
    across, down = width / scale, height / scale
    left = min(max(0.0, head.x - across / 2 + jitter / scale), photograph.width - across)
    top = min(max(0.0, head.y - down * 0.44), photograph.height - down)
    return photograph.resize(size, Image.Resampling.BICUBIC, box=(left, top, left + across, top + down))


def _half_length(image: Image.Image, photograph: Image.Image, head: Head, jitter: float) -> Image.Image:
    """Head and shoulders before the scene."""
    below_head = 0.56 * image.height / (photograph.height - head.y)
    scale = min(max(0.36 * image.height / head.height, below_head), 0.5 * image.height / head.height)
    person = bust(photograph, head)
    person = person.resize(
        (round(person.width * scale), round(person.height * scale)), Image.Resampling.BICUBIC
    )
    place = (
        round(image.width * 0.5 + jitter - head.x * scale),
        round(max(image.height * 0.38 - head.y * scale, image.height * 0.96 - person.height)),
    )
    image.paste(person, place, person)
    return image


def _shadow(image: Image.Image, person: Image.Image, place: tuple[int, int]) -> None:
    middle, ground = place[0] + person.width / 2, place[1] + person.height * 0.975
    patch = Image.new("L", image.size)
    reach = person.width * 0.6
    ImageDraw.Draw(patch).ellipse(
        (middle - reach * 0.5, ground - 6, middle + reach * 1.6, ground + reach * 0.22), fill=130
    )
    image.paste((30, 26, 30), mask=patch.filter(ImageFilter.GaussianBlur(person.width / 26)))


def _trail(image: Image.Image, person: Image.Image, place: tuple[int, int]) -> None:
    """The smear that a moving body leaves behind itself."""
    quarter = person.resize((person.width // 4, person.height // 4), Image.Resampling.BILINEAR)
    smear = quarter.filter(ImageFilter.BoxBlur((quarter.width / 6, 0))).resize(
        person.size, Image.Resampling.BILINEAR
    )
    smear.putalpha(smear.getchannel("A").point(lambda alpha: round(alpha * 0.8)))
    image.paste(smear, (place[0] - person.width // 6, place[1]), smear)
