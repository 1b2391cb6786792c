"""One request in fal's queue: its states, what it shows of itself, and when it is forgotten."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from local.simulators.clock import Schedule, iso
from local.simulators.fal.errors import FalAnswer
from local.simulators.fal.orders import Order
from local.simulators.ledger import Call
from local.simulators.settings import SimulatorSettings

IN_QUEUE, IN_PROGRESS, COMPLETED = "IN_QUEUE", "IN_PROGRESS", "COMPLETED"
LARGE_RESULT_BYTES = 10_000
LOG_LINES = 50
LOG_WINDOW = 20

Logs = list[dict[str, str]]


@dataclass
class FalJob:
    """One queued request; ``forced`` is how it ended when its work did not get that far.

    ``alone`` is when it would run if no other job of the account did; ``asked`` is set when somebody has
    asked after it.
    """

    request_id: str
    order: Order
    application: str
    url: str
    sent_at: datetime
    alone: Schedule
    schedule: Schedule
    steps: int | None
    call: Call
    work: asyncio.Task[FalAnswer]
    webhook: str | None = None
    delivery: asyncio.Task[None] | None = None
    forced: FalAnswer | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def state(self, now: datetime) -> str:
        """One of fal's three states."""
        if now >= self.schedule.ends_at:
            return COMPLETED
        return IN_PROGRESS if now >= self.schedule.starts_at else IN_QUEUE

    async def outcome(self) -> FalAnswer:
        """Return how it ended; waits for the last of the work when the schedule ran ahead of it."""
        if self.forced is not None:
            return self.forced
        return await asyncio.shield(self.work)  # a caller who hangs up stops nothing

    def drop(self, moment: datetime, outcome: FalAnswer) -> None:
        """End it at a moment, unpaid."""
        self.work.cancel()
        self.forced, self.call.cost_usd = outcome, 0
        self.schedule = self.schedule.ended(moment)

    async def expires_at(self, settings: SimulatorSettings) -> datetime:
        """Return the time when the result of a completed job is thrown away."""
        outcome = await self.outcome()
        large = len(json.dumps(outcome.body)) >= LARGE_RESULT_BYTES
        lifetime_s = settings.fal_large_result_lifetime_s if large else settings.fal_result_lifetime_s
        return self.schedule.ends_at + timedelta(seconds=lifetime_s)

    def described(self, state: str) -> dict[str, Any]:
        """Return what submit and status answer in any state, with the URLs to use from here on."""
        return {
            "status": state,
            "request_id": self.request_id,
            "response_url": self.url,
            "status_url": f"{self.url}/status",
            "cancel_url": f"{self.url}/cancel",
            "logs": None,
            "metrics": {},
        }

    async def status(self, now: datetime, *, ahead: int, with_logs: bool) -> dict[str, Any]:
        """Return what status answers; ``ahead`` is how many jobs wait before this one."""
        state = self.state(now)
        body = self.described(state)
        if state == IN_QUEUE:
            return {**body, "queue_position": ahead}
        if with_logs:
            body["logs"] = training_log(self.schedule, self.steps, now) if self.steps else []
        if state == COMPLETED:
            outcome = await self.outcome()
            if outcome.error_type is not None:
                body |= {"error": outcome.body.get("detail"), "error_type": outcome.error_type}
            duration = self.schedule.ends_at - self.schedule.starts_at
            body["metrics"] = {"inference_time": duration.total_seconds()}
        return body


def training_log(schedule: Schedule, steps: int, now: datetime) -> Logs:
    """The most recent lines of a training's log, one for every fiftieth of its steps."""
    duration_s = (schedule.ends_at - schedule.starts_at).total_seconds()
    elapsed_s = min(duration_s, (now - schedule.starts_at).total_seconds())
    lines = LOG_LINES if duration_s == 0 else int(LOG_LINES * elapsed_s / duration_s)
    first = max(0, lines - LOG_WINDOW)
    return [
        {
            "message": f"step {steps * line // LOG_LINES}/{steps}",
            "level": "INFO",
            "source": "USER",
            "timestamp": iso(schedule.starts_at + timedelta(seconds=duration_s * line / LOG_LINES)),
        }
        for line in range(first + 1, lines + 1)
    ]
