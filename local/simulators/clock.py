"""Time, as the simulators are given it."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

NEVER = datetime.max.replace(tzinfo=UTC)


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def now(self) -> datetime:
        """The present, in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Return when that much time has passed."""

    async def until(self, moment: datetime) -> None:
        """Return when that moment has come."""


class SystemClock:
    """The clock on the wall."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def until(self, moment: datetime) -> None:
        await asyncio.sleep(max(0.0, (moment - self.now()).total_seconds()))


@dataclass(frozen=True)
class Schedule:
    """The start and the end of a job; its state is read off these, no timer runs."""

    starts_at: datetime
    ends_at: datetime

    @classmethod
    def after(cls, start: datetime, wait_s: float, work_s: float) -> "Schedule":
        """A job that waits, then works; one that waits for ``NEVER`` never starts."""
        if start == NEVER:
            return cls(NEVER, NEVER)
        starts_at = start + timedelta(seconds=wait_s)
        return cls(starts_at, starts_at + timedelta(seconds=work_s))

    def moved_to(self, starts_at: datetime) -> "Schedule":
        """The same work, begun then."""
        work = self.ends_at - self.starts_at
        return Schedule(starts_at, NEVER if starts_at == NEVER else starts_at + work)

    def ended(self, moment: datetime) -> "Schedule":
        """The same job, ended at a moment before its time."""
        return Schedule(min(self.starts_at, moment), moment)


def iso(moment: datetime) -> str:
    """A moment as both providers write it: UTC with milliseconds and Z."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
