"""EventBridge, when S3 has stored a generated picture: score it.

A direct call with ``{"analyze": [JPEG in base64, ...]}`` answers what there is to see; nothing is stored.
"""

import logging
from functools import cache
from pathlib import Path
from typing import Any

from character_identity.domain.errors import InvalidRequest
from character_identity.handlers.tasks import event_handler
from character_identity.services.scoring import ScoringService
from character_identity.wiring import Services
from functions.score_image.analyze import analyze
from functions.score_image.encoder import OnnxEncoder
from functions.score_image.faces import FaceDetector

WEIGHTS = Path(__file__).with_name("weights")

logger = logging.getLogger(__name__)


def score_image(services: Services, event: dict[str, Any], context: Any) -> dict[str, Any]:
    if "analyze" in event:
        return analyze(event["analyze"], _encoder(int(context.memory_limit_in_mb)), _faces())
    key = event["detail"]["object"]["key"] if "detail" in event else event["key"]
    try:
        score = _scoring(services, int(context.memory_limit_in_mb)).score(key)
    except InvalidRequest as error:  # the same event would fail again, so a retry would not help
        logger.warning("not scored", extra={"key": key, "code": error.code, "reason": error.message})
        return {"key": key, "outcome": "refused", "code": error.code}
    if score is None:
        logger.info("nothing to compare with: the identity or the picture is gone", extra={"key": key})
        return {"key": key, "outcome": "gone"}
    result = {
        "key": key,
        "outcome": "scored",
        "encoder": score.encoder,
        "mean": score.mean,
        "best": score.best,
    }
    logger.info("scored", extra=result)
    return result


@cache
def _encoder(memory_mb: int) -> OnnxEncoder:
    return OnnxEncoder(WEIGHTS, memory_mb)


@cache
def _faces() -> FaceDetector:
    return FaceDetector()


def _scoring(services: Services, memory_mb: int) -> ScoringService:
    return ScoringService(
        identities=services.identity_table,
        bucket=services.bucket,
        scores=services.scores,
        embedder=_encoder(memory_mb),
    )


lambda_handler = event_handler(score_image, origin=lambda event: event)
