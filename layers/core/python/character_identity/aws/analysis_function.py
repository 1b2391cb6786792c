"""Asks the function that analyzes images, which holds the encoder."""

import json
import logging
from base64 import b64encode
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict, NonNegativeInt

from character_identity.domain.reference_set import ReferenceAnalysis
from character_identity.observability import origin

logger = logging.getLogger(__name__)


class _ImageAnalysis(BaseModel):
    faces: NonNegativeInt | None


class _Answer(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    analyses: list[_ImageAnalysis]
    similarities: list[list[float]]
    encoder: str


class AnalysisFunction:
    """Analyzes pictures; whoever asks can do without an answer. Without a name there is none to ask."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def analyze(self, images: list[bytes]) -> ReferenceAnalysis | None:
        """Analyze small JPEGs by the encoder; None when the function fails or does not answer in time.

        A call takes 6 MB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, read
        2026-11-22).
        """
        if not self._name:
            return None
        request = {"analyze": [b64encode(image).decode() for image in images], **origin()}
        try:
            reply = self._client.invoke(FunctionName=self._name, Payload=json.dumps(request).encode())
            answer = _Answer.model_validate_json(reply["Payload"].read())
        except (BotoCoreError, ClientError, ValueError) as exc:
            logger.warning("the analysis of images did not answer", exc_info=exc)
            return None
        if {len(answer.analyses), len(answer.similarities), *map(len, answer.similarities)} != {len(images)}:
            logger.warning("the analysis of images answered for other ones")
            return None
        return ReferenceAnalysis(
            [analysis.faces for analysis in answer.analyses], answer.similarities, answer.encoder
        )
