"""Asks the scoring function, which holds the encoder."""

import json
import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger(__name__)


class ScoringFunction:
    """Chooses among pictures by their embeddings; whoever asks can do without an answer."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def most_central(self, keys: list[str]) -> str | None:
        """The picture nearest to the centre of the set; None when the function fails or does not answer."""
        try:
            answer = self._client.invoke(
                FunctionName=self._name, Payload=json.dumps({"references": keys}).encode()
            )
            chosen = json.loads(answer["Payload"].read())
        except (BotoCoreError, ClientError, ValueError) as exc:
            logger.warning("the scoring function did not answer", exc_info=exc)
            return None
        key = chosen.get("mostCentral") if isinstance(chosen, dict) else None
        if key not in keys:
            logger.warning("the scoring function chose nothing")
            return None
        return str(key)
