"""Astria's callbacks: the finished thing, wrapped in its name, posted once, unsigned, never again."""

import json
from collections.abc import Callable
from typing import Any

from local.providers.astria_objects import Prompt, Tune
from local.providers.clock import NEVER
from local.providers.deliveries import post
from local.providers.stage import Stage

TIMEOUT_S = 30.0
PROMPT_FIELDS = (
    "id",
    "text",
    "steps",
    "images",
    "tune_id",
    "created_at",
    "trained_at",
    "updated_at",
    "negative_prompt",
    "started_training_at",
)
"""What the observed callbacks of prompts hold."""


class AstriaCallbacks:
    """Tells callers that a tune is trained or a prompt drawn; of failures nobody hears."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def expect(self, thing: Tune | Prompt, still_there: Callable[[], bool]) -> None:
        """Call back when the thing is done, if its creator asked for that."""
        url = thing.fields.get("callback")
        if url and thing.created_at < thing.schedule.ends_at < NEVER and not thing.failed:
            self._stage.start(self._call_back(thing, url, still_there))

    async def _call_back(self, thing: Tune | Prompt, url: str, still_there: Callable[[], bool]) -> None:
        await self._stage.clock.until(thing.schedule.ends_at)
        if not still_there():
            return
        shown = await thing.document(self._stage.clock.now())
        news: dict[str, Any] = {"tune": shown}
        if isinstance(thing, Prompt):
            news = {"prompt": {name: shown[name] for name in PROMPT_FIELDS}}
        for _ in range(self._stage.settings.astria_callback_copies):
            await post(self._stage.web, url, json.dumps(news).encode(), {}, TIMEOUT_S)
