"""A queue of EventBridge's events, each of a generated picture that S3 has stored: score it."""

import logging
from collections.abc import Iterator
from functools import partial
from typing import Any

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.score import NotScored
from character_identity.handlers.tasks import Event, Finish, batch_handler
from character_identity.services.embedded_references import EmbeddedReferences
from character_identity.services.encoders import Encoders
from character_identity.services.evaluations.scoring import SharedScoring
from character_identity.services.scoring import EmbeddedImage, ScoringService
from character_identity.wiring import Services
from functions.score_image.encoder import shipped_encoder
from functions.score_image.faces import shipped_face_encoder

logger = logging.getLogger(__name__)


def score_images(services: Services, events: list[Event], context: Any) -> Iterator[Finish]:
    memory_mb = int(context.memory_limit_in_mb)
    encoders = Encoders(shipped_encoder(memory_mb), shipped_face_encoder(memory_mb))

    def left_s() -> float:
        milliseconds: int = context.get_remaining_time_in_millis()
        return milliseconds / 1000

    shared = SharedScoring(
        evaluations=services.evaluation_table,
        scores=services.shared_scores,
        references=EmbeddedReferences(services.bucket, services.scores, encoders, left_s),
        encoders=encoders,
        tell=services.callbacks.tell,
    )
    scoring = ScoringService(
        identities=services.identity_table,
        bucket=services.bucket,
        scores=services.scores,
        encoders=encoders,
        events=services.events,
        now=services.now,
        shared=shared,
        left_s=left_s,
    )
    keys = [_key_of(event) for event in events]
    images = iter(scoring.embed(key for key in keys if key))
    for key in keys:
        yield partial(_finish, scoring, next(images) if key else None)


def _key_of(message: Any) -> str | None:
    """The key of the picture that a message tells of; None of one that is no event of S3's.

    EventBridge has keys as they are, "+" and "%" too; only S3's own notifications have them encoded:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html, read 2026-11-28.
    """
    match message:  # people put messages into the queue as well, and one must not take the others with it
        case {"detail": {"object": {"key": str(key)}}}:
            return key or None
    return None


def _finish(scoring: ScoringService, embedded: EmbeddedImage | None) -> None:
    if embedded is None:
        raise ValueError("The message is no event of S3's: it has no detail.object.key.")
    try:
        score = scoring.score(embedded)
    except InvalidRequest as error:  # the same event would fail again, so a retry would not help
        reason = {"key": embedded.key, "code": error.code, "reason": error.message}
        logger.warning("no picture of ours", extra=reason)
        return
    if score is None:
        logger.info("nothing to compare with: the identity is gone", extra={"key": embedded.key})
    elif isinstance(score, NotScored):
        reason = {"key": embedded.key, "code": score.code, "reason": score.reason}
        logger.warning("not scored", extra=reason)
    else:
        scored = {"key": embedded.key, "encoder": score.encoder, "mean": score.mean, "best": score.best}
        logger.info("scored", extra=scored)


lambda_handler = batch_handler(score_images)
