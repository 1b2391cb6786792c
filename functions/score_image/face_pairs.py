"""The faces of pictures on this machine, compared one with another."""

import os
from collections.abc import Sequence
from pathlib import Path

from character_identity.domain.face import Face, NoFace, ReferenceFace
from character_identity.domain.score import FaceIdentity
from functions.score_image.encoder import MB_PER_VCPU
from functions.score_image.faces import FaceEncoder


class FacePairs:
    """The faces of references and of generated pictures, all of which can be read; each is looked at once."""

    def __init__(self, encoder: FaceEncoder, references: Sequence[Path], generated: Sequence[Path]) -> None:
        self._version = encoder.version
        found = {path: encoder.faces(path.read_bytes()) for path in dict.fromkeys([*references, *generated])}
        self._references = {path: _largest(found[path]) for path in references}
        anybody = any(found[path] for path in references)
        self._generated: dict[Path, list[Face] | NoFace] = {
            path: found[path] or (encoder.why_none(path.read_bytes()) if anybody else "no_face")
            for path in generated
        }

    def compare(self, reference: Path, generated: Path) -> FaceIdentity | None:
        """Say how like the faces of two pictures are; None where one of them cannot be read."""
        if reference not in self._references or generated not in self._generated:
            return None
        known = {str(reference): self._references[reference]}
        return FaceIdentity.comparing(self._version, self._generated[generated], known, None)


def face_encoder_in(weights: Path) -> FaceEncoder | None:
    """Return the face encoder that was made in the folder; None without one.

    Raises:
        ValueError: it is of another release.
    """
    made = sorted(weights.glob("face-*/encoder.json"))
    return FaceEncoder(made[0].parent, MB_PER_VCPU * (os.cpu_count() or 1)) if made else None


def _largest(faces: Sequence[Face]) -> ReferenceFace:
    return faces[0].embedding if faces else "no_face"
