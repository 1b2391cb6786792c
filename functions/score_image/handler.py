"""A queue of EventBridge's events, each of a generated picture that S3 has stored: score it."""

import logging
from typing import Any

from character_identity.domain.errors import InvalidRequest
from character_identity.handlers.tasks import queue_handler
from character_identity.services.scoring import ScoringService
from character_identity.wiring import Services
from functions.score_image.encoder import shipped_encoder

logger = logging.getLogger(__name__)


def score_image(services: Services, event: dict[str, Any], context: Any) -> None:
    key = event["detail"]["object"]["key"]
    try:
        score = _scoring(services, int(context.memory_limit_in_mb)).score(key)
    except InvalidRequest as error:  # the same event would fail again, so a retry would not help
        logger.warning("not scored", extra={"key": key, "code": error.code, "reason": error.message})
        return
    if score is None:
        logger.info("nothing to compare with: the identity or the picture is gone", extra={"key": key})
        return
    scored = {"key": key, "encoder": score.encoder, "mean": score.mean, "best": score.best}
    logger.info("scored", extra=scored)


def _scoring(services: Services, memory_mb: int) -> ScoringService:
    return ScoringService(
        identities=services.identity_table,
        bucket=services.bucket,
        scores=services.scores,
        embedder=shipped_encoder(memory_mb),
    )


lambda_handler = queue_handler(score_image)
