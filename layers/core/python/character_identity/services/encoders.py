"""Encoders: embed and compare pictures, as a whole and by their faces."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.face import Face, NoFace, ReferenceFace, reference_faces
from character_identity.domain.score import EmbeddedReference, FaceIdentity, NotScored, Score
from character_identity.domain.similarity import Embedding
from character_identity.domain.view import EncoderVersion, View
from character_identity.services.concurrency import map_concurrently

AT_ONCE = 2
"""Pictures embedded together: as many as there are cores to decode them, for one may take 2.4 s."""


class UnreadableReference(InvalidRequest):
    """The reference under a key cannot be compared with."""

    codes = ()

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"The reference {key!r} cannot be compared: {why}", code="reference_unreadable")
        self.key = key


class Embedder(Protocol):
    """Turns pictures into unit vectors."""

    @property
    def version(self) -> EncoderVersion: ...

    @property
    def decoy(self) -> Embedding | None:
        """The mean of the embeddings of pictures of anything else, for the floor; None if it has none."""

    def embed(self, images: Sequence[bytes]) -> list[View | InvalidRequest]:
        """Return the view of each picture, or why there is none."""


class FaceEmbedder(Protocol):
    """Finds faces in pictures and turns them into unit vectors."""

    @property
    def version(self) -> EncoderVersion: ...

    @property
    def decoy(self) -> Embedding | None:
        """The mean of the embeddings of strangers' faces, for the floor; None if it has none."""

    def faces(self, image: bytes) -> list[Face]:
        """Return the comparable faces of a picture, the largest first. Safe to call from several threads."""

    def why_none(self, image: bytes) -> NoFace:
        """Say why a picture has none. This takes longer than comparing one."""


@dataclass(frozen=True)
class Encoders:
    """An encoder of whole pictures and, where there is one, of faces."""

    whole: Embedder
    faces: FaceEmbedder | None = None

    @property
    def version(self) -> EncoderVersion:
        """Return the version that scores carry."""
        return self.whole.version

    @property
    def face_version(self) -> EncoderVersion | None:
        return self.faces.version if self.faces else None

    def references(
        self,
        keys: Sequence[str],
        contents: Sequence[bytes],
        class_name: str,
        go_on: Callable[[str], None] = lambda key: None,
    ) -> list[EmbeddedReference]:
        """Embed pictures as references. ``class_name`` says what they show, and so whether to expect a face.

        ``go_on`` is called before every AT_ONCE are embedded, with the key of the first, and again before
        their faces are searched, side by side. It may raise to stop.

        Raises:
            UnreadableReference: one cannot be compared.
        """
        views, faces = list[View](), list[Sequence[Face]]()
        for start in range(0, len(keys), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            go_on(keys[start])
            for key, view in zip(keys[some], self.whole.embed(contents[some]), strict=True):
                if isinstance(view, InvalidRequest):
                    raise UnreadableReference(key, view.message)
                views.append(view)
            if self.faces is not None:
                go_on(keys[start])
                faces += map_concurrently(self.faces.faces, contents[some], AT_ONCE)
        seen: Sequence[ReferenceFace | None] = [None] * len(keys)
        if self.faces is not None:
            seen = reference_faces(faces, class_name)
        sha256s = [sha256(content).hexdigest() for content in contents]
        return [EmbeddedReference(*each) for each in zip(keys, sha256s, views, seen, strict=True)]

    def find_faces(
        self,
        content: bytes,
        references: Sequence[EmbeddedReference],
        go_on: Callable[[], None] = lambda: None,
        may_ask_why: Callable[[], bool] = lambda: True,
    ) -> Sequence[Face] | NoFace:
        """Find the faces of a picture, if a reference shows one.

        ``go_on`` is called before the search, and may raise to stop. If there is no face, the reason is
        looked for only if ``may_ask_why`` says that there is time for that; else it is just ``no_face``.
        """
        known = any(not isinstance(face, str) for face in faces_of(references).values())
        if self.faces is None or not known:
            return "no_face"
        go_on()
        if found := self.faces.faces(content):
            return found
        return self.faces.why_none(content) if may_ask_why() else "no_face"

    def score(
        self,
        content_sha256: str,
        view: View,
        faces: Sequence[Face] | NoFace,
        references: Sequence[EmbeddedReference],
    ) -> Score:
        """Compare what the encoders saw of a picture with references."""
        face_identity = None
        if self.faces is not None:
            known, decoy = faces_of(references), self.faces.decoy
            face_identity = FaceIdentity.comparing(self.faces.version, faces, known, decoy)
        return Score.comparing(
            self.version, content_sha256, view, references, self.whole.decoy, face_identity
        )

    def not_scored(self, code: str, reason: str) -> NotScored:
        """Say why a picture has no score."""
        return NotScored(encoder=self.version.encoder, code=code, reason=reason)


def faces_of(references: Iterable[EmbeddedReference]) -> dict[str, ReferenceFace]:
    """Return the face of each reference by its key; empty without a face encoder."""
    return {each.key: each.face for each in references if each.face is not None}
