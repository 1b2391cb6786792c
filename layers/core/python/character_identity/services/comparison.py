"""Comparison: score pictures against references within a request, and keep nothing."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import islice
from typing import NamedTuple, cast

from character_identity.domain.errors import InvalidRequest, InvalidRequestCode, NotFound
from character_identity.domain.generation import MAX_STORED_BYTES
from character_identity.domain.ownership import owned
from character_identity.domain.score import EmbeddedReference, NotScored, Score
from character_identity.domain.scored_generation import LATE_CODE
from character_identity.domain.view import View
from character_identity.ports.stores import Bucket, Generations, Identities
from character_identity.services.concurrency import map_concurrently
from character_identity.services.embedded_references import EmbeddedReferences, NoTimeLeft
from character_identity.services.encoders import AT_ONCE, Encoders, UnreadableReference
from character_identity.services.references import MAX_REFERENCES, TOO_MUCH_WORK
from character_identity.services.sources import Sources

MAX_IMAGES = 10
"""Together with MAX_REFERENCES the most that are decoded in a request."""
WORK_TIMEOUT_S = 22
"""Seconds of a request's 29 after which no picture is begun, nor any searched for faces. Twenty references
without a face take 19 s (docs/scoring.md). Between two looks at the clock pass 5 s of a core at most: for
AT_ONCE of the largest pictures, or for the search of one."""
LEFT_TO_ASK_WHY_S = 12
"""Seconds of these that must be left to find out why a picture has no face. That takes 4 s, and embedding and
searching each of MAX_IMAGES takes one (docs/scoring.md): with fewer the last pictures would get no score."""


class StoredImage(NamedTuple):
    """A picture of a generation, by its number from 1."""

    generation_id: str
    number: int


Picture = str | StoredImage
"""A link, the key of an upload, or a generated picture."""
Content = bytes | InvalidRequest | NotFound
"""The bytes of a picture, or why there are none."""


class ComparisonService:
    """Compares pictures with an identity's references or with given ones; it reads its caller's data only."""

    def __init__(
        self,
        *,
        identities: Identities,
        generations: Generations,
        bucket: Bucket,
        sources: Sources,
        references: EmbeddedReferences,
        encoders: Encoders,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._identities = identities
        self._generations = generations
        self._bucket = bucket
        self._sources = sources
        self._references = references
        self._encoders = encoders
        self._clock = clock

    def with_identity(
        self, owner: str, images: Sequence[Picture], identity_id: str
    ) -> list[Score | NotScored]:
        """Score each picture against the references of an identity, or say why not.

        Raises:
            NotFound: no such identity of this owner.
            InvalidRequest: there are too many pictures.
        """
        _check_count(images)
        ends_at, links_end_at = self._clock() + WORK_TIMEOUT_S, self._sources.deadline()
        identity = owned(owner, self._identities.get(identity_id), "identity", identity_id)
        contents = self._read(owner, images, links_end_at)
        references: Sequence[EmbeddedReference] = ()
        try:
            kept = self._references.kept(identity_id)
            if kept:
                references = kept.embedded
            else:
                references = self._references.made(identity, go_on=lambda key: self._in_time(ends_at))
        except NoTimeLeft:
            pass  # so there is none for the pictures either
        except InvalidRequest as exc:  # a reference was deleted or changed
            return [self._encoders.not_scored(exc.code, exc.message) for _ in images]
        return self._score(images, contents, references, ends_at)

    def with_references(
        self, owner: str, images: Sequence[Picture], references: Sequence[Picture], class_name: str
    ) -> list[Score | NotScored]:
        """Score each picture against others, which scores call ``01`` and so on.

        Raises:
            InvalidRequest: there are too many pictures, or a reference cannot be compared with; ``details``
                says which. Scores against the remaining ones would be different numbers.
            NotFound: a reference belongs to a generation that this owner does not have.
        """
        _check_count(images)
        if len(references) > MAX_REFERENCES:
            message = f"Pictures are compared with at most {MAX_REFERENCES} references."
            raise InvalidRequest(message, code="too_many_references")
        ends_at, links_end_at = self._clock() + WORK_TIMEOUT_S, self._sources.deadline()
        read = self._read(owner, references, links_end_at)
        of_references = _complete(read[reference] for reference in references)
        contents = self._read(owner, images, links_end_at)
        embedded = self._embed(of_references, class_name, ends_at)
        return self._score(images, contents, embedded, ends_at)

    def _embed(self, contents: Sequence[bytes], class_name: str, ends_at: float) -> list[EmbeddedReference]:
        keys = [f"{number:02}" for number in range(1, len(contents) + 1)]

        def in_time(key: str) -> None:
            if self._clock() >= ends_at:
                raise _about_reference(int(key), InvalidRequest(TOO_MUCH_WORK, code="image_too_large"))

        try:
            return self._encoders.references(keys, contents, class_name, in_time)
        except UnreadableReference as exc:
            exc.details = {"reference": int(exc.key)}
            raise

    def _score(
        self,
        images: Sequence[Picture],
        contents: Mapping[Picture, Content],
        references: Sequence[EmbeddedReference],
        ends_at: float,
    ) -> list[Score | NotScored]:
        found: list[Score | NotScored] = []
        left = iter(contents.values())
        while some := list(islice(left, AT_ONCE)):
            if self._clock() >= ends_at:
                found += [self._late() if isinstance(each, bytes) else self._unread(each) for each in some]
            else:
                found += self._score_some(some, references, ends_at)
        by_image = dict(zip(contents, found, strict=True))
        return [by_image[image] for image in images]

    def _score_some(
        self, some: Sequence[Content], references: Sequence[EmbeddedReference], ends_at: float
    ) -> Iterator[Score | NotScored]:
        views = iter(self._encoders.whole.embed([each for each in some if isinstance(each, bytes)]))
        for content in some:
            if not isinstance(content, bytes):
                yield self._unread(content)
            elif isinstance(view := next(views), InvalidRequest):
                yield self._unread(view)
            else:
                yield self._score_one(content, view, references, ends_at)

    def _score_one(
        self, content: bytes, view: View, references: Sequence[EmbeddedReference], ends_at: float
    ) -> Score | NotScored:
        try:
            faces = self._encoders.find_faces(
                content,
                references,
                lambda: self._in_time(ends_at),
                lambda: self._clock() < ends_at - LEFT_TO_ASK_WHY_S,
            )
        except NoTimeLeft:
            return self._late()
        return self._encoders.score(sha256(content).hexdigest(), view, faces, references)

    def _in_time(self, ends_at: float) -> None:
        if self._clock() >= ends_at:
            raise NoTimeLeft(TOO_MUCH_WORK)

    def _unread(self, why: InvalidRequest | NotFound) -> NotScored:
        return self._encoders.not_scored(why.code, why.message)

    def _late(self) -> NotScored:
        return self._encoders.not_scored(LATE_CODE, TOO_MUCH_WORK)

    def _read(self, owner: str, pictures: Sequence[Picture], links_end_at: float) -> dict[Picture, Content]:
        """Read each picture once, and all before any is embedded, so that links need not wait for that."""

        def read(picture: Picture) -> Content:
            try:
                if isinstance(picture, StoredImage):
                    return self._read_stored(owner, picture)
                return self._sources.read(owner, picture, links_end_at)
            except (InvalidRequest, NotFound) as exc:
                return exc

        different = list(dict.fromkeys(pictures))
        return dict(zip(different, map_concurrently(read, different), strict=True))

    def _read_stored(self, owner: str, picture: StoredImage) -> bytes:
        generation_id = picture.generation_id
        generation = owned(owner, self._generations.get(generation_id), "generation", generation_id)
        images = {image.index: image.key for image in generation.images if image.key}
        key = images.get(picture.number)
        if key is None:
            message = f"The generation {picture.generation_id!r} has no picture {picture.number}."
            raise NotFound(message, code="unknown_generation")
        try:
            return self._bucket.read(key, MAX_STORED_BYTES)
        except NotFound as exc:
            raise InvalidRequest("The picture was deleted.", code="image_deleted") from exc


def _check_count(images: Sequence[Picture]) -> None:
    if len(images) > MAX_IMAGES:
        raise InvalidRequest(f"At most {MAX_IMAGES} pictures are scored at once.", code="too_many_images")


def _complete(references: Iterable[Content]) -> list[bytes]:
    contents: list[bytes] = []
    for number, content in enumerate(references, 1):
        if isinstance(content, NotFound):
            content.details = {"reference": number}
            raise content
        if isinstance(content, InvalidRequest):
            raise _about_reference(number, content)
        contents.append(content)
    return contents


def _about_reference(number: int, error: InvalidRequest) -> InvalidRequest:
    code = cast(InvalidRequestCode, error.code)
    return InvalidRequest(f"Reference {number}: {error.message}", code=code, details={"reference": number})
