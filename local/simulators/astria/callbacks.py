"""Astria's callbacks: the finished thing, wrapped in its name, posted once, unsigned, never again."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from local.simulators.astria.objects import StoredPrompt, StoredTune
from local.simulators.clock import NEVER
from local.simulators.deliveries import post
from local.simulators.simulator import Simulator

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
"""The fields of the observed callbacks of prompts."""


class AstriaCallbacks:
    """Posts to callers that a tune is trained or a prompt done; failures are not posted."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._awaited: list[StoredTune | StoredPrompt] = []

    def clear(self) -> None:
        """Forget whose callbacks are awaited."""
        self._awaited.clear()

    async def expect(self, thing: StoredTune | StoredPrompt, still_there: Callable[[], bool]) -> None:
        """Call back when the thing is done, if its creator asked for that; returns at once unless early."""
        url, is_face = thing.fields.get("callback"), thing.fields.get("model_type") == "faceid"
        if url and not is_face and thing.schedule.ends_at < NEVER and not thing.failed:
            self._awaited.append(thing)
            calling = self._simulator.start(self._call_back(thing, url, still_there))
            if self._simulator.settings.astria_callback_early:
                await asyncio.shield(calling)

    async def _call_back(
        self, thing: StoredTune | StoredPrompt, url: str, still_there: Callable[[], bool]
    ) -> None:
        settings = self._simulator.settings
        await self._simulator.clock.until(thing.schedule.ends_at)
        delay_s = 0 if settings.astria_callback_early else settings.astria_callback_delay_s
        await self._simulator.clock.until(thing.schedule.ends_at + timedelta(seconds=delay_s))
        if not still_there():
            return
        shown = await thing.document(self._simulator.clock.now())
        if settings.astria_callback_about == "another":
            shown["id"] = self._another(thing)
        document: dict[str, Any] = {"tune": shown}
        if isinstance(thing, StoredPrompt):
            document = {"prompt": {name: shown[name] for name in PROMPT_FIELDS}}
        body = json.dumps(document).encode()
        copies = range(settings.astria_callback_copies)
        await asyncio.gather(*(post(self._simulator.web, url, body, {}, TIMEOUT_S) for _ in copies))

    def _another(self, thing: StoredTune | StoredPrompt) -> int:
        """The id of the newest other thing of its kind that a callback is awaited of, or an unknown one."""
        others = (
            _id_of(other)
            for other in reversed(self._awaited)
            if other is not thing and type(other) is type(thing)
        )
        return next(others, _id_of(thing) + 1)


def _id_of(thing: StoredTune | StoredPrompt) -> int:
    return thing.tune_id if isinstance(thing, StoredTune) else thing.prompt_id
