"""Backgrounds drawn from scratch, one function per place."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from local.simulators.drawing.styles import Place

Colour = tuple[int, int, int]
Draw = ImageDraw.ImageDraw


def scene(place: Place, size: tuple[int, int], random: np.random.Generator, *, moving: bool) -> Image.Image:
    """A background of the given size, as soft as out of focus: it is painted at half of it."""
    half = max(1, size[0] // 2), max(1, size[1] // 2)
    painted = PAINTERS[place](half, random)
    if moving:
        painted = painted.filter(ImageFilter.BoxBlur((half[0] / 45, half[1] / 300)))
    return painted.resize(size, Image.Resampling.BICUBIC)


def gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    """A vertical run from one colour to another."""
    column = np.linspace(top, bottom, 64).astype(np.uint8)[:, None, :]
    return Image.fromarray(np.ascontiguousarray(column)).resize(size, Image.Resampling.BICUBIC)


def _studio(size: tuple[int, int], random: np.random.Generator) -> Image.Image:
    down, across = np.mgrid[-1:1:64j, -1:1:64j]
    light = np.exp(-((across - random.uniform(-0.3, 0.3)) ** 2) - (down + 0.2) ** 2)
    tint = np.array([random.integers(110, 150), random.integers(115, 150), random.integers(125, 165)])
    return Image.fromarray((40 + light[..., None] * tint).astype(np.uint8)).resize(
        size, Image.Resampling.BICUBIC
    )


def _hills(size: tuple[int, int], random: np.random.Generator) -> Image.Image:
    width, height = size
    image = gradient(size, (120, 165, 215), (225, 228, 222))
    draw = ImageDraw.Draw(image)
    across = np.linspace(0, 1, 24)
    for layer in range(3):
        rates, phases = random.uniform(3, 11, (3, 1)), random.uniform(0, 7, (3, 1))
        waves = np.sin(across * rates + phases).sum(axis=0)
        ridge = (0.5 + 0.13 * layer) * height + waves * height * 0.03
        points = [(float(x * width), float(y)) for x, y in zip(across, ridge, strict=True)]
        shade = 150 - 38 * layer
        draw.polygon([*points, (width, height), (0, height)], fill=(shade - 35, shade, shade - 45))
    return image


def _city(size: tuple[int, int], random: np.random.Generator) -> Image.Image:
    width, height = size
    image = gradient(size, (96, 128, 178), (246, 206, 150))
    draw = ImageDraw.Draw(image)
    ground = round(height * 0.74)
    for depth, (shade, tallest) in enumerate([(165, 0.5), (118, 0.62)]):
        left = -random.uniform(0, 0.08) * width
        while left < width:
            wide = random.uniform(0.07, 0.16) * width
            if depth == 0 or not 0.32 * width < left + wide / 2 < 0.68 * width:
                top = ground - random.uniform(0.2, tallest) * height
                draw.rectangle((left, top, left + wide, ground), fill=(shade, shade - 10, shade - 12))
                _windows(draw, (left, top, left + wide, ground), height // 34, random)
            left += wide * 1.04
    draw.rectangle((0, ground, width, height), fill=(112, 104, 102))
    vanishing = (width / 2, ground)
    draw.polygon([(width * 0.1, height), vanishing, (width * 0.9, height)], fill=(92, 88, 90))
    return image


def _windows(
    draw: Draw, wall: tuple[float, float, float, float], step: int, random: np.random.Generator
) -> None:
    left, top, right, bottom = wall
    for y in np.arange(top + step, bottom - step, step * 1.6):
        for x in np.arange(left + step * 0.7, right - step, step * 1.5):
            lit = random.random() < 0.35
            draw.rectangle(
                (x, y, x + step * 0.6, y + step * 0.8), fill=(250, 218, 150) if lit else (84, 88, 102)
            )


def _corridor(size: tuple[int, int], random: np.random.Generator) -> Image.Image:
    width, height = size
    image = Image.new("RGB", size, (150, 156, 160))
    draw = ImageDraw.Draw(image)
    middle = (width * random.uniform(0.42, 0.58), height * 0.42)

    def toward(x: float, y: float, share: float) -> tuple[float, float]:
        return x + (middle[0] - x) * share, y + (middle[1] - y) * share

    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    for side, colour in enumerate([(196, 200, 204), (138, 146, 156), (92, 94, 100), (128, 136, 148)]):
        a, b = corners[side], corners[(side + 1) % 4]
        draw.polygon([a, b, toward(*b, 0.88), toward(*a, 0.88)], fill=colour)
    for share in (0.05, 0.3, 0.5, 0.64, 0.75):
        for edge in (0, width):
            near, far = toward(edge, height * 0.14, share), toward(edge, height * 0.14, share + 0.09)
            low_near, low_far = toward(edge, height * 0.94, share), toward(edge, height * 0.94, share + 0.09)
            draw.polygon([near, far, low_far, low_near], fill=(74, 92, 112))
        lamp = [toward(width * x, 0, share + dy) for x, dy in ((0.4, 0), (0.6, 0), (0.6, 0.07), (0.4, 0.07))]
        draw.polygon(lamp, fill=(255, 252, 236))
    draw.polygon([toward(x, y, 0.88) for x, y in corners], fill=(226, 232, 236))
    return image.filter(ImageFilter.BoxBlur(height / 160))


def _warehouse(size: tuple[int, int], random: np.random.Generator) -> Image.Image:
    width, height = size
    image = gradient(size, (66, 72, 78), (34, 33, 34))
    draw = ImageDraw.Draw(image)
    for number in range(7):
        x = width * (number + random.uniform(-0.1, 0.1)) / 6
        draw.rectangle((x - width * 0.014, 0, x + width * 0.014, height * 0.74), fill=(44, 46, 48))
        draw.line(
            (x, height * 0.18, x + width / 6, height * 0.06), fill=(44, 46, 48), width=max(1, width // 90)
        )
    for y in (0.06, 0.18):
        draw.rectangle((0, height * y, width, height * (y + 0.018)), fill=(40, 42, 44))
    for _ in range(5):
        left, side = random.uniform(0, 0.9) * width, random.uniform(0.1, 0.2) * height
        draw.rectangle((left, height * 0.76 - side, left + side * 1.2, height * 0.76), fill=(72, 60, 46))
    draw.rectangle((0, height * 0.76, width, height), fill=(40, 38, 38))
    light = Image.new("L", (64, 64))
    ImageDraw.Draw(light).polygon([(20, 0), (30, 0), (62, 60), (10, 60)], fill=120)
    light = light.filter(ImageFilter.GaussianBlur(4)).resize(size, Image.Resampling.BICUBIC)
    image.paste((210, 196, 160), mask=light)
    return image.filter(ImageFilter.GaussianBlur(height / 260))


def _blinds(size: tuple[int, int], random: np.random.Generator) -> Image.Image:
    width, height = size
    image = gradient(size, (58, 58, 60), (22, 22, 24))
    draw = ImageDraw.Draw(image)
    slant = random.uniform(-0.12, 0.12) * height
    for number in range(9):
        y = height * (0.05 + number * 0.075)
        left, right = width * 0.04, width * 0.96
        draw.polygon(
            [(left, y), (right, y + slant), (right, y + slant + height * 0.034), (left, y + height * 0.034)],
            fill=(188, 184, 172),
        )
    return image.filter(ImageFilter.GaussianBlur(height / 90))


PAINTERS: dict[Place, Callable[[tuple[int, int], np.random.Generator], Image.Image]] = {
    "studio": _studio,
    "hills": _hills,
    "city": _city,
    "corridor": _corridor,
    "warehouse": _warehouse,
    "blinds": _blinds,
}
