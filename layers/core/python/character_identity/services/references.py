"""Reference images: taken in once, checked before anything is paid, kept as plain upright JPEG."""

import hashlib
from collections.abc import Sequence

from character_identity.domain.errors import InvalidRequest, NotFound, ProviderError
from character_identity.pictures import upright_jpeg
from character_identity.ports import Bucket, Media, NewId, ReferenceLimits, ReferencePicture, UploadTicket

MAX_BYTES = 20 * 1024 * 1024
Source = str | bytes
"""A link, the key of an upload, or the picture itself."""
CONTENT_TYPES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


class ReferenceService:
    """Upload tickets, and the way from a caller's pictures to ``references/<identity>/``."""

    def __init__(self, bucket: Bucket, media: Media, new_id: NewId) -> None:
        self._bucket = bucket
        self._media = media
        self._new_id = new_id

    def upload_ticket(self, owner: str, content_type: str, size_bytes: int) -> UploadTicket:
        """A presigned POST for one picture of exactly this type and at most this size."""
        if content_type not in CONTENT_TYPES:
            raise InvalidRequest(
                f"{content_type!r} is not one of {', '.join(CONTENT_TYPES)}.", code="unsupported_image_format"
            )
        if not 0 < size_bytes <= MAX_BYTES:
            raise InvalidRequest(f"A picture has 1 to {MAX_BYTES} bytes.", code="image_too_large")
        key = f"{_uploads_of(owner)}{self._new_id()}.{CONTENT_TYPES[content_type]}"
        return self._bucket.upload_ticket(key, content_type, size_bytes)

    def take_in(
        self, owner: str, identity_id: str, sources: Sequence[Source], limits: ReferenceLimits
    ) -> list[str]:
        """Check all pictures, then store them; returns their keys in the order given.

        Raises:
            InvalidRequest: too few, too many, not there, not a picture, or too small; nothing is stored then.
        """
        if len(sources) < limits.minimum:
            raise InvalidRequest(
                f"At least {limits.minimum} reference images are needed; {len(sources)} came.",
                code="too_few_references",
            )
        if len(sources) > limits.maximum:
            raise InvalidRequest(
                f"At most {limits.maximum} reference images are taken; {len(sources)} came.",
                code="too_many_references",
            )
        pictures = [self._read(owner, source) for source in sources]
        keys = [f"references/{identity_id}/{number:04d}.jpg" for number in range(1, len(pictures) + 1)]
        for key, picture in zip(keys, pictures, strict=True):
            self._bucket.write(key, picture, "image/jpeg")
        return keys

    def _read(self, owner: str, source: Source) -> bytes:
        """One checked picture, as it will be stored."""
        try:
            return upright_jpeg(source if isinstance(source, bytes) else self._fetch(owner, source))
        except InvalidRequest as exc:
            raise InvalidRequest(f"{_name(source)}: {exc.message}", code=exc.code) from exc

    def _fetch(self, owner: str, source: str) -> bytes:
        if "://" in source:
            try:
                return self._media.fetch(source, MAX_BYTES)
            except ProviderError as exc:
                raise InvalidRequest(
                    "The picture could not be fetched.", code="unreachable_reference"
                ) from exc
        if not source.startswith(_uploads_of(owner)):
            raise _unknown()
        try:
            return self._bucket.read(source, MAX_BYTES)
        except NotFound as exc:
            raise _unknown() from exc


def pictures_of(bucket: Bucket, keys: list[str]) -> list[ReferencePicture]:
    """Stored reference images as a provider adapter takes them."""
    return [
        ReferencePicture(
            name=key.rpartition("/")[2],
            link=bucket.link(key),
            read=lambda key=key: bucket.read(key, MAX_BYTES),  # type: ignore[misc]
        )
        for key in keys
    ]


def _name(source: Source) -> str:
    """A source without its query: a signed link must not reach an answer or a log."""
    return source.partition("?")[0] if isinstance(source, str) else "a picture"


def _unknown() -> InvalidRequest:
    return InvalidRequest("There is no uploaded picture of that key.", code="unknown_reference")


def _uploads_of(owner: str) -> str:
    return f"uploads/{hashlib.sha256(owner.encode()).hexdigest()[:32]}/"
