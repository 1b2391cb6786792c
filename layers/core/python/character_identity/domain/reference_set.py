"""Reference set: judges reference images together, by number, near duplicates and outliers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from character_identity.domain.finding import Finding
from character_identity.domain.perceptual_hash import PerceptualHash
from character_identity.domain.text import counted

MIN_FOR_OUTLIER = 4
"""Pictures. Of sets of three that belong together one in ten had an outlier."""
OUTLIER_RATIO, OUTLIER_GAP = 1.75, 0.1
"""Measured with efficientnet-lite0 on views of a portrait, views of a cat and five photographs of a man, each
with a foreign picture among them and without, up to 300 sets of a kind. Among 4, 5, 6, 8 pictures the foreign
one was found in 92, 96, 98, 100 %, never another in its place; sets that belong together had an outlier in 4,
1, 0, 0 %, sets of altogether different pictures in none. Distances are compared as a ratio, for CLIP's are
shorter; with CLIP it was not measured. Encoders see scenes: another man in the same pose is not found, nor
are two foreign pictures that are alike."""


@dataclass(frozen=True)
class ReferenceAnalysis:
    """An encoder's analysis of images, in the order given.

    ``faces`` counts them, None where it cannot; ``similarities`` are the cosines of each with each.
    """

    faces: list[int | None]
    similarities: list[list[float]]
    encoder: str


def judge_count(different: int, given: int, minimum: int, maximum: int) -> Iterator[Finding]:
    """Too few, where only different pictures count, or too many."""
    if different < minimum:
        came = f"{given} came" if different == given else f"{given} came, {different} of them different"
        least = counted(minimum, "reference image")
        yield Finding.of("too_few_references", f"The provider takes at least {least}; {came}.")
    if given > maximum:
        most = counted(maximum, "reference image")
        yield Finding.of("too_many_references", f"The provider takes at most {most}; {given} came.")


def judge_repeats(hashes: Mapping[int, PerceptualHash], names: Sequence[str]) -> Iterator[Finding]:
    """Pictures that repeat an earlier one; the keys are their indices in the request, and in ``names``."""
    earlier: dict[int, PerceptualHash] = {}
    for index, perceptual_hash in hashes.items():
        finding = _repeat(perceptual_hash, index, earlier, names)
        if finding is not None:
            yield finding
        if finding is None or finding.code != "duplicate_reference":
            earlier[index] = perceptual_hash


def _repeat(
    perceptual_hash: PerceptualHash, index: int, earlier: Mapping[int, PerceptualHash], names: Sequence[str]
) -> Finding | None:
    for number, other in earlier.items():
        if perceptual_hash.content == other.content:
            return Finding.of("duplicate_reference", f"The same picture as {names[number]}.", index)
    for number, other in earlier.items():
        if perceptual_hash.is_near(other):
            return Finding.of("near_duplicate", f"Nearly the same picture as {names[number]}.", index)
        if perceptual_hash.is_nearly_mirrored(other):
            return Finding.of("near_duplicate", f"The mirror image of {names[number]}.", index)
    return None


def judge_analysis(analysis: ReferenceAnalysis, indices: Sequence[int]) -> Iterator[Finding]:
    """The outlier, and faces that are missing or too many; ``indices`` are the pictures' in the request."""
    odd = outlier(analysis.similarities)
    if odd is not None:
        yield Finding.of("outlier", "The picture is much unlike all the others.", indices[odd])
    with_face = sum(1 for faces in analysis.faces if faces)
    for index, faces in zip(indices, analysis.faces, strict=True):
        if faces == 0 and with_face > len(indices) / 2:  # else they may be cats, and one looked like a man
            yield Finding.of("no_face", f"No face was found, but in {with_face} of the others.", index)
        if faces is not None and faces > 1:
            yield Finding.of("several_faces", f"{faces} faces were found.", index)


def outlier(similarities: Sequence[Sequence[float]]) -> int | None:
    """The picture that is further from its nearest one than any of the others from theirs, and by far."""
    count = len(similarities)
    if count < MIN_FOR_OUTLIER:
        return None
    for one in range(count):
        others = [index for index in range(count) if index != one]
        distance = _nearest(similarities, one, others)
        usual = max(_nearest(similarities, other, others) for other in others)
        if distance >= max(OUTLIER_RATIO * usual, usual + OUTLIER_GAP):
            return one
    return None


def medoid(similarities: Sequence[Sequence[float]]) -> int:
    """The picture with the largest sum of similarities to the others: the nearest to their centre."""
    return max(range(len(similarities)), key=lambda index: sum(similarities[index]))


def _nearest(similarities: Sequence[Sequence[float]], one: int, among: Sequence[int]) -> float:
    """Return the distance to the most similar of the others."""
    return min(1 - similarities[one][other] for other in among if other != one)
