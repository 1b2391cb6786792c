"""A face as a face encoder sees it, or why there is none to compare."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from character_identity.domain.similarity import Embedding

NoFace = Literal["no_face", "profile", "too_small", "not_a_person", "no_reference_face"]
"""Why no face is compared; what would come out is a low number, and says nothing of the person."""

WHY: dict[NoFace, str] = {
    "no_face": "No face was found in the picture.",
    "profile": "The face is turned away, tilted or covered; only an upright one from the front is compared.",
    "too_small": "The face is too small to tell whose it is.",
    "not_a_person": "The character is no person: no reference image shows a human face.",
    "no_reference_face": "No reference image shows a face that can be compared.",
}

PEOPLE = {"person", "man", "woman", "boy", "girl", "child", "baby", "guy", "lady", "human"}
"""Words of a class name that say so. The faces in the references decide, whatever the class is called."""


class Box(NamedTuple):
    """Where a face is, as fractions of the width and height of the upright picture."""

    left: float
    top: float
    width: float
    height: float


class Face(NamedTuple):
    """A face's unit vector, and where it is."""

    embedding: Embedding
    box: Box


ReferenceFace = Embedding | NoFace
"""The largest face of a reference image, or why it has none."""


def reference_faces(found: Sequence[Sequence[Face]], class_name: str) -> list[ReferenceFace]:
    """Return the face of each reference, from its faces, the largest first.

    ``class_name`` says what the character is; where no reference has a face, it says whether one was to be
    expected.
    """
    is_person = not PEOPLE.isdisjoint(class_name.lower().split())
    missing: NoFace = "no_face" if is_person or any(found) else "not_a_person"
    return [faces[0].embedding if faces else missing for faces in found]
