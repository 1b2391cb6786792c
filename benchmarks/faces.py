"""``python -m benchmarks faces ENCODER PERSON=PICTURE ...``: how well faces tell people apart, and how fast.

ENCODER is a folder of .build/weights. Each picture is seen as it is and in six alterations; pairs of one
photograph's own alterations are left out, for they are one face twice. docs/scoring.md has what came out.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import combinations
from math import comb
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple

from PIL import Image, ImageEnhance, ImageOps

from character_identity.domain.similarity import Embedding, cosine
from functions.score_image.encoder import MB_PER_VCPU
from functions.score_image.faces import FaceEncoder

ALTERATIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as it is": lambda image: image,
    "mirrored": ImageOps.mirror,
    "55 % of the light": lambda image: ImageEnhance.Brightness(image).enhance(0.55),
    "grey, contrast 135 %": lambda image: ImageEnhance.Contrast(image.convert("L").convert("RGB")).enhance(
        1.35
    ),
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "turned by 8 degrees": lambda image: image.rotate(8, Image.Resampling.BICUBIC, expand=True),
    "JPEG quality 20": lambda image: Image.open(BytesIO(_jpeg(image, 20))),
}
CONFIDENCE = 0.95


class Seen(NamedTuple):
    person: str
    photograph: Path
    embedding: Embedding


def main(folder: str, pictures: Sequence[str]) -> int:
    """Print what was measured; 0 if there was something to compare."""
    encoder = FaceEncoder(Path(folder), MB_PER_VCPU)
    photographs = [(person, Path(path)) for person, _, path in (each.partition("=") for each in pictures)]
    seconds: list[float] = []
    seen = list(_look(encoder, photographs, seconds))
    people = {each.person for each in seen}
    print(f"{encoder.version.encoder}: {len(people)} people, {len(photographs)} photographs")
    print(f"found: {len(seen)} of {len(photographs) * len(ALTERATIONS)} faces")
    print(f"find, align and embed: {1000 * median(seconds):.0f} ms of a processor for each picture")
    genuine, impostor = pairs(seen)
    for name, values in (("one person, another photograph", genuine), ("two people", impostor)):
        if values:
            least, most = min(values), max(values)
            print(f"{name}: {len(values)} pairs, {least:.3f} to {most:.3f}, mean {mean(values):.3f}")
    if not (genuine and impostor):
        return 1
    found, units = auc(genuine, impostor), comb(len(people), 2)
    print(f"AUC {found:.3f}")
    if found == 1:
        print(f"at {CONFIDENCE:.0%} no less than {lower_bound(units):.2f}: {units} pairs of people")
    return 0


def pairs(seen: Sequence[Seen]) -> tuple[list[float], list[float]]:
    """Return the cosines between photographs of one person, and between those of two."""
    genuine, impostor = [], []
    for one, other in combinations(seen, 2):
        if one.person != other.person:
            impostor.append(cosine(one.embedding, other.embedding))
        elif one.photograph != other.photograph:
            genuine.append(cosine(one.embedding, other.embedding))
    return genuine, impostor


def auc(genuine: Sequence[float], impostor: Sequence[float]) -> float:
    """Return how often a genuine pair is more alike than an impostor one; ties count half."""
    won = sum((a > b) + (a == b) / 2 for a in genuine for b in impostor)
    return won / (len(genuine) * len(impostor))


def lower_bound(units: int) -> float:
    """Return the least share of success, at CONFIDENCE, that fits ``units`` without one failure.

    Pairs of people are the units: alterations of a photograph say nothing of other people.
    """
    return float((1 - CONFIDENCE) ** (1 / units))


def _look(
    encoder: FaceEncoder, photographs: Sequence[tuple[str, Path]], seconds: list[float]
) -> Iterator[Seen]:
    for person, path in photographs:
        with Image.open(path) as image:
            original = image.convert("RGB")
        for alter in ALTERATIONS.values():
            content = _jpeg(alter(original), 92)
            started = time.process_time()  # dlib takes one thread
            faces = encoder.faces(content)
            seconds.append(time.process_time() - started)
            if faces:
                yield Seen(person, path, faces[0].embedding)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()
