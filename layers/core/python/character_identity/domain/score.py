"""Score: how like its identity's references a picture is, and by which encoder's measure."""

from collections.abc import Mapping, Sequence
from math import fsum, sqrt
from typing import NamedTuple

from character_identity.domain.face import WHY, Box, Face, NoFace, ReferenceFace
from character_identity.domain.near_copy import NearCopy, near_copy
from character_identity.domain.record import Record
from character_identity.domain.similarity import Embedding, cosine
from character_identity.domain.view import EncoderVersion, View

CLIP_ENCODER = "clip-vit-b32"
"""The encoder that expected similarities are stated for; no other's score is compared with them."""
DECIMALS = 6
"""Kept of a similarity: processors differ in the seventh."""
FEWEST_TO_CALIBRATE = 3
"""References: the likeness of two says too little of how alike pictures of the character are."""
LEAST_RANGE = 0.05
"""Of ceiling above floor; below it, a calibrated score would be noise."""


class EmbeddedReference(NamedTuple):
    """The reference image under a key, by its content's SHA-256, as an encoder sees it.

    ``face`` is None where there is no face encoder.
    """

    key: str
    sha256: str
    view: View
    face: ReferenceFace | None = None


class KeptReferences(NamedTuple):
    """An identity's references as a score has kept them, and whose the identity is."""

    owner: str
    embedded: Sequence[EmbeddedReference]


class ReferenceSimilarity(NamedTuple):
    """Cosine similarity with the reference image under a key."""

    reference: str
    similarity: float


class Calibration(NamedTuple):
    """Where a mean lies between what strangers reach and what the character's own references reach.

    ``floor`` is the mean similarity of the references to decoys, pictures of anything else; ``ceiling`` the
    mean of each reference to the others; ``calibrated`` is (mean - floor) / (ceiling - floor): 0 as unlike as
    a stranger, 1 as like as the references are to each other, and beyond 1 liker than that.
    """

    floor: float
    ceiling: float
    calibrated: float


class NotScored(Record):
    """Why an encoder gave an image no score: a stable code, and a sentence."""

    encoder: str
    code: str
    reason: str


class Likeness(Record):
    """An embedding's similarity to each reference, with the mean and the best of them.

    ``centroid`` is the similarity to the middle of the references.
    """

    mean: float
    best: float
    centroid: float | None = None
    per_reference: tuple[ReferenceSimilarity, ...]
    calibration: Calibration | None = None

    @classmethod
    def over(
        cls,
        similarities: Mapping[str, float],
        *,
        centroid: float | None = None,
        calibration: Calibration | None = None,
    ) -> "Likeness":
        """Return the likeness of similarities by reference key, of which there is at least one."""
        return Likeness(
            mean=_mean(similarities),
            best=round(max(similarities.values()), DECIMALS),
            centroid=centroid,
            per_reference=tuple(
                ReferenceSimilarity(key, round(value, DECIMALS))
                for key, value in sorted(similarities.items())
            ),
            calibration=calibration,
        )

    @classmethod
    def between(
        cls, embedding: Embedding, references: Mapping[str, Embedding], decoy: Embedding | None
    ) -> "Likeness":
        """Compare with references by their keys; ``decoy`` is the mean of decoys, None for none."""
        similarities = {key: cosine(embedding, reference) for key, reference in references.items()}
        embeddings = list(references.values())
        total = [fsum(values) for values in zip(*embeddings, strict=True)]
        length = sqrt(_dot(total, total))
        return Likeness.over(
            similarities,
            centroid=round(_dot(embedding, total) / length, DECIMALS) if length else None,
            calibration=calibrate(_mean(similarities), embeddings, decoy),
        )


class FaceIdentity(Record):
    """How like the faces of the references a picture's face is, by a face encoder; or why that is not known.

    Of several faces it is the one that is most like the references; ``box`` says where it is, ``other_faces``
    how many more there are. References without a face count for nothing.
    """

    encoder: str
    weights_sha256: str
    preprocessing: str
    likeness: Likeness | None = None
    box: Box | None = None
    other_faces: int = 0
    no_face: NoFace | None = None

    @classmethod
    def comparing(
        cls,
        version: EncoderVersion,
        faces: Sequence[Face] | NoFace,
        references: Mapping[str, ReferenceFace],
        decoy: Embedding | None,
    ) -> "FaceIdentity":
        """Compare a picture's faces with those of the references by their keys."""
        known = {key: face for key, face in references.items() if not isinstance(face, str)}
        if not known:
            expected = any(face != "not_a_person" for face in references.values())
            return cls(**version._asdict(), no_face="no_reference_face" if expected else "not_a_person")
        if isinstance(faces, str):
            return cls(**version._asdict(), no_face=faces)
        compared = [(Likeness.between(face.embedding, known, decoy), face.box) for face in faces]
        likeness, box = max(compared, key=lambda each: each[0].mean)
        box = Box._make(round(side, DECIMALS) for side in box)
        return cls(**version._asdict(), likeness=likeness, box=box, other_faces=len(faces) - 1)

    @property
    def version(self) -> EncoderVersion:
        """Return the face encoder's version."""
        return EncoderVersion(self.encoder, self.weights_sha256, self.preprocessing)

    @property
    def not_scored(self) -> NotScored | None:
        """The reason why no face was compared."""
        if self.no_face is None:
            return None
        return NotScored(encoder=self.encoder, code=self.no_face, reason=WHY[self.no_face])


class Score(Likeness):
    """How like the references a picture is as a whole, and its face.

    Scores from before 0.2.0 have neither ``centroid`` nor ``calibration`` nor ``near_copy``, and
    ``face_identity`` is missing where there was no face encoder.
    """

    encoder: str
    weights_sha256: str
    preprocessing: str
    near_copy: NearCopy | None = None
    face_identity: FaceIdentity | None = None
    image_sha256: str

    @classmethod
    def comparing(
        cls,
        version: EncoderVersion,
        image_sha256: str,
        view: View,
        references: Sequence[EmbeddedReference],
        decoy: Embedding | None,
        face_identity: FaceIdentity | None = None,
    ) -> "Score":
        """Compare a picture with references; ``decoy`` is the mean of decoys' embeddings, None for none."""
        embeddings = {reference.key: reference.view.embedding for reference in references}
        descriptors = [(each.key, each.view.copy_descriptor) for each in references]
        return cls(
            **version._asdict(),
            **dict(Likeness.between(view.embedding, embeddings, decoy)),
            near_copy=near_copy(view.copy_descriptor, descriptors),
            face_identity=face_identity,
            image_sha256=image_sha256,
        )

    @property
    def version(self) -> EncoderVersion:
        """Return the encoder's version."""
        return EncoderVersion(self.encoder, self.weights_sha256, self.preprocessing)

    @property
    def face_version(self) -> EncoderVersion | None:
        """Return the face encoder's version; None where there was none."""
        return self.face_identity.version if self.face_identity else None

    @property
    def is_clip(self) -> bool:
        """True if this is the specification's number."""
        return self.encoder == CLIP_ENCODER


def calibrate(mean: float, references: Sequence[Embedding], decoy: Embedding | None) -> Calibration | None:
    """Return where a mean similarity to references lies; None without decoys, or with too few references.

    All pairs need not be compared: sums of cosines are the cosines of sums.
    """
    count = len(references)
    if decoy is None or count < FEWEST_TO_CALIBRATE:
        return None
    total = [fsum(values) for values in zip(*references, strict=True)]
    floor = _dot(total, decoy) / count
    ceiling = (_dot(total, total) - count) / (count * (count - 1))
    if ceiling - floor < LEAST_RANGE:
        return None
    calibrated = (mean - floor) / (ceiling - floor)
    return Calibration(round(floor, DECIMALS), round(ceiling, DECIMALS), round(calibrated, DECIMALS))


def _mean(similarities: Mapping[str, float]) -> float:
    return round(fsum(similarities.values()) / len(similarities), DECIMALS)


def _dot(one: Embedding, other: Embedding) -> float:
    return fsum(a * b for a, b in zip(one, other, strict=True))
