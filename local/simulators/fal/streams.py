"""Server-sent events as fal sends them: the states of a request, or a model's output."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable

from local.simulators.clock import Clock
from local.simulators.fal.errors import Json
from local.simulators.fal.jobs import COMPLETED

EVENT_STREAM = "text/event-stream"
POLL_EVERY_S = 0.1


def event(body: Json) -> str:
    """One event."""
    return f"data: {json.dumps(body)}\n\n"


async def status_events(clock: Clock, read: Callable[[], Awaitable[Json]]) -> AsyncIterator[str]:
    """An event for each change until the request is completed; log lines are last_logged once."""
    shown: object = None
    last_logged = ""
    while True:
        body = await read()
        if body["logs"] is not None:
            body["logs"] = [line for line in body["logs"] if line["timestamp"] > last_logged]
        has_new_logs = bool(body["logs"])
        if has_new_logs:
            last_logged = body["logs"][-1]["timestamp"]
        if has_new_logs or (body["status"], body.get("queue_position")) != shown:
            yield event(body)
        if body["status"] == COMPLETED:
            return
        shown = body["status"], body.get("queue_position")
        await clock.sleep(POLL_EVERY_S)
