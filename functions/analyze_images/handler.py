"""A direct call with ``{"analyze": [JPEG in base64, ...]}``: answer what there is to see, and store nothing.

In the image of score_image, but a function of its own: whoever waits for the answer of a request does not
stand in line behind the pictures that are scored, nor these behind them.
"""

from functools import cache
from typing import Any

from character_identity.handlers.tasks import event_handler
from character_identity.wiring import Services
from functions.analyze_images.analyze import analyze
from functions.analyze_images.faces import FaceDetector
from functions.score_image.encoder import shipped_encoder


def analyze_images(services: Services, event: dict[str, Any], context: Any) -> dict[str, Any]:
    return analyze(event["analyze"], shipped_encoder(int(context.memory_limit_in_mb)), _faces())


@cache
def _faces() -> FaceDetector:
    return FaceDetector()


lambda_handler = event_handler(analyze_images, origin=lambda event: event)
