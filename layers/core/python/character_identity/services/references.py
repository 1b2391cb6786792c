"""Reference images: take them in once, check them before anything is paid, store them as upright JPEG."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import cast

from character_identity.domain.errors import InvalidRequest, InvalidRequestCode
from character_identity.domain.finding import Finding
from character_identity.domain.generation import CONTENT_TYPES
from character_identity.domain.image_quality import judge_quality
from character_identity.domain.object_keys import REFERENCES, prefix_of, uploads_of
from character_identity.domain.reference_set import judge_analysis, judge_count, judge_repeats, medoid
from character_identity.domain.text import shortened
from character_identity.images.decoding import PreparedImage, prepare
from character_identity.ports.gateways import ImageAnalyzer, Media, NewId
from character_identity.ports.providers import ReferenceLimits
from character_identity.ports.stores import Bucket, UploadTicket
from character_identity.services.concurrency import map_concurrently
from character_identity.services.intakes import IntakeService
from character_identity.services.sources import MAX_BYTES, Sources

MAX_KEPT_BYTES = 4_400_000
"""Of a stored picture. A ZIP of MAX_REFERENCES stays under 90 MB, above which fal takes uploads in parts only
(@fal-ai/client 1.10.1, read 2026-11-22). Noise of KEPT_SIDE squared has 3.7 MB."""
MAX_REFERENCES = 20
"""No provider takes more, so if there are more, none is even fetched."""
DECODING_TIMEOUT_S = 18
"""Seconds from the start of a set, out of a request's 29, after which no further picture is decoded. This
includes waiting for links; what follows needs the rest. On one core twenty JPEGs of 24 megapixels
take 4 s, progressive 15 s, twenty such PNGs 11 s, and one of 49 megapixels with as many scans as are allowed
3 s (2026-11-29)."""
TOO_MUCH_WORK = "The pictures before it took too long; send smaller or fewer ones."
LONGEST_NAME = 200
"""Characters of a picture's name to show; in a ZIP a name may have 65,535."""
SUFFIXES = {content_type: suffix for suffix, content_type in CONTENT_TYPES.items()}
JPEG_TOO = dict.fromkeys(("image/jpg", "image/pjpeg"), "image/jpeg")
"""What some phones and browsers say instead (react-native-image-picker, issues 1856 and 2124)."""


@dataclass(frozen=True)
class NamedImage:
    """An image file with the name that its owner gave it."""

    name: str
    content: bytes = field(repr=False)


Source = str | bytes | NamedImage
"""A link, the key of an upload, or the picture itself."""


@dataclass(frozen=True)
class TakenIn:
    """The stored pictures, in the order given, with the SHA-256 of each, and the warnings.

    ``medoid`` is the index of the picture nearest to the centre of the set; None if there is no telling.
    """

    keys: list[str]
    sha256s: list[str]
    findings: list[Finding]
    medoid: int | None


@dataclass(frozen=True)
class _Examination:
    """The readable images, by index in the request; the findings, errors first."""

    images: dict[int, PreparedImage]
    findings: list[Finding]
    medoid: int | None = None


class ReferenceService:
    """Gives upload tickets, and takes a caller's pictures to ``references/<identity>/``."""

    def __init__(
        self,
        *,
        bucket: Bucket,
        media: Media,
        analyzer: ImageAnalyzer,
        intakes: IntakeService,
        new_id: NewId,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bucket = bucket
        self._sources = Sources(bucket, media, clock)
        self._analyzer = analyzer
        self._intakes = intakes
        self._new_id = new_id
        self._clock = clock

    def upload_ticket(self, owner: str, name: str, content_type: str, size_bytes: int) -> UploadTicket:
        """Return a presigned POST for one picture of this type and at most this size.

        Raises:
            InvalidRequest: the type or the size is not accepted; the message names the file.
        """
        kind = content_type.partition(";")[0].strip().lower()  # a blob has what its server added: charset
        kind = JPEG_TOO.get(kind, kind)
        if kind not in SUFFIXES:
            raise InvalidRequest(
                f"{name} is {content_type!r}, which is not one of {', '.join(SUFFIXES)}.",
                code="unsupported_image_format",
            )
        if not 0 < size_bytes <= MAX_BYTES:
            raise InvalidRequest(
                f"{name} has {size_bytes} bytes; a picture has 1 to {MAX_BYTES}.", code="image_too_large"
            )
        key = f"{uploads_of(owner)}{self._new_id()}.{SUFFIXES[kind]}"
        return self._bucket.upload_ticket(key, kind, size_bytes)

    def fetched(self, owner: str, sources: Sequence[Source]) -> list[Source]:
        """Return the sources with each link replaced by its content; a link that fails stays a link.

        If there are more than MAX_REFERENCES, none is fetched.
        """
        if len(sources) > MAX_REFERENCES:
            return list(sources)
        links = list(dict.fromkeys(source for source in sources if isinstance(source, str)))
        ends_at = self._sources.deadline()
        fetched = map_concurrently(lambda link: self._fetched(owner, link, ends_at), links)
        contents = zip(links, fetched, strict=True)
        named: dict[Source, Source] = {
            link: NamedImage(_name(link, 0), content)
            for link, content in contents
            if isinstance(content, bytes)
        }
        return [named.get(source, source) for source in sources]

    def check(self, owner: str, sources: Sequence[Source], limits: ReferenceLimits | None) -> list[Finding]:
        """Return what ``take_in`` would find, errors first; store nothing. No limits: any number will do."""
        return self._examine(owner, sources, limits).findings

    def take_in(
        self, owner: str, identity_id: str, sources: Sequence[Source], limits: ReferenceLimits
    ) -> TakenIn:
        """Check all pictures, then store them.

        Raises:
            InvalidRequest: an error was found; ``details`` has all findings, and nothing is stored.
        """
        examination = self._examine(owner, sources, limits)
        findings = examination.findings
        if findings and findings[0].severity == "error":
            raise _refusal(findings)
        images = [examination.images[index] for index in range(len(sources))]
        prefix = prefix_of(REFERENCES, identity_id)
        keys = [f"{prefix}{number:04d}.jpg" for number in range(1, len(images) + 1)]
        self._intakes.begin(owner, identity_id)
        jpegs = zip(keys, (image.jpeg for image in images), strict=True)
        for _ in map_concurrently(lambda jpeg: self._bucket.write(*jpeg, "image/jpeg"), jpegs):
            pass
        sha256s = [image.perceptual_hash.content for image in images]
        return TakenIn(keys, sha256s, findings, examination.medoid)

    def _examine(self, owner: str, sources: Sequence[Source], limits: ReferenceLimits | None) -> _Examination:
        limits = limits or ReferenceLimits(0, MAX_REFERENCES)
        given = len(sources)
        if given > MAX_REFERENCES:
            return _Examination({}, list(judge_count(given, given, limits.minimum, limits.maximum)))
        names = [_name(source, index) for index, source in enumerate(sources)]
        images, findings = self._read(owner, sources)
        for index, image in images.items():
            findings += judge_quality(image.quality, index)
        findings += judge_count(_different(sources, images), given, limits.minimum, limits.maximum)
        findings += judge_repeats({index: image.perceptual_hash for index, image in images.items()}, names)
        analyzed, central = self._analyze(images)
        named = [
            finding if finding.reference is None else replace(finding, file=names[finding.reference])
            for finding in sorted([*findings, *analyzed], key=lambda finding: finding.rank)
        ]
        return _Examination(images, named, central)

    def _read(self, owner: str, sources: Sequence[Source]) -> tuple[dict[int, PreparedImage], list[Finding]]:
        """Return the readable pictures by index, and why the others cannot be read; fetch each source once.

        The next pictures are fetched while one is decoded; no more are held in memory.
        """
        images: dict[int, PreparedImage] = {}
        findings: list[Finding] = []
        different = list(dict.fromkeys(sources))
        links_end_at, ends_at = self._sources.deadline(), self._clock() + DECODING_TIMEOUT_S
        contents = map_concurrently(lambda source: self._fetched(owner, source, links_end_at), different)
        read: dict[Source, PreparedImage | InvalidRequest] = {}
        for source, content in zip(different, contents, strict=True):
            read[source] = _prepared(content) if self._clock() < ends_at else _too_late(content)
        for index, source in enumerate(sources):
            outcome = read[source]
            if isinstance(outcome, InvalidRequest):
                findings.append(Finding.of(outcome.code, outcome.message, index))
            else:
                images[index] = outcome
        return images, findings

    def _analyze(self, images: dict[int, PreparedImage]) -> tuple[list[Finding], int | None]:
        """Have the encoder compare all different pictures; return its findings and the medoid's index."""
        different: dict[str, int] = {}
        for index, image in images.items():
            if not image.quality.is_black:
                different.setdefault(image.perceptual_hash.content, index)
        indices = list(different.values())
        if not indices:
            return [], None
        analysis = self._analyzer.analyze([images[index].thumbnail for index in indices])
        if analysis is None:
            message = "The encoder could not analyze the pictures now."
            return [Finding.of("analysis_unavailable", message)], None
        return list(judge_analysis(analysis, indices)), indices[medoid(analysis.similarities)]

    def _fetched(self, owner: str, source: Source, ends_at: float) -> bytes | InvalidRequest:
        """Return the picture's bytes, or why there are none."""
        if isinstance(source, NamedImage):
            return source.content
        try:
            return source if isinstance(source, bytes) else self._sources.read(owner, source, ends_at)
        except InvalidRequest as exc:
            return exc


def _prepared(content: bytes | InvalidRequest) -> PreparedImage | InvalidRequest:
    try:
        return content if isinstance(content, InvalidRequest) else prepare(content, MAX_KEPT_BYTES)
    except InvalidRequest as exc:
        return exc


def _too_late(content: bytes | InvalidRequest) -> InvalidRequest:
    if isinstance(content, InvalidRequest):
        return content
    return InvalidRequest(TOO_MUCH_WORK, code="image_too_large")


def _different(sources: Sequence[Source], images: dict[int, PreparedImage]) -> int:
    """Return the number of different images, counting unreadable ones, which may be replaced by others."""
    unread = {source for index, source in enumerate(sources) if index not in images}
    return len(unread) + len({image.perceptual_hash.content for image in images.values()})


def _refusal(findings: list[Finding]) -> InvalidRequest:
    """Return the first error, with the name of its picture and all findings."""
    first = findings[0]
    name = "" if first.file is None else f"{first.file}: "
    return InvalidRequest(
        f"{name}{first.message}",
        code=cast(InvalidRequestCode, first.code),
        details=[asdict(finding) for finding in findings],
    )


def _name(source: Source, index: int) -> str:
    """Return the name by which the owner knows a source; no query, as signed links must stay secret."""
    if isinstance(source, bytes):
        return f"picture {index + 1}"
    return shown_name(source.name if isinstance(source, NamedImage) else source.partition("?")[0])


def shown_name(name: str) -> str:
    """Return a file's name as answers show it: on one line, and shortened."""
    return shortened("".join(letter if letter.isprintable() else "\ufffd" for letter in name), LONGEST_NAME)
