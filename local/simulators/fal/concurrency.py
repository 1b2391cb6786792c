"""An account's concurrency: so many jobs run at once, whatever they are, and all others wait.

Nothing is refused for it: https://fal.ai/docs/documentation/model-apis/concurrency-limits, read 2026-11-28.
"""

from collections.abc import Iterable
from datetime import datetime
from heapq import heappop, heappush

from local.simulators.clock import NEVER
from local.simulators.fal.jobs import FalJob


def line_up(jobs: Iterable[FalJob], places: int, now: datetime) -> list[FalJob]:
    """Give the places to jobs in the order in which they came; returns those whose times are others now.

    What runs keeps its times, and what was dropped or is stuck takes no place.
    """
    busy_until: list[datetime] = []
    waiting = []
    for job in jobs:
        if job.forced is not None or job.alone.starts_at == NEVER or job.schedule.ends_at <= now:
            continue
        if job.schedule.starts_at <= now:
            heappush(busy_until, job.schedule.ends_at)
        else:
            waiting.append(job)
    moved = []
    for job in waiting:
        starts_at = job.alone.starts_at
        if len(busy_until) >= places:
            starts_at = max(starts_at, heappop(busy_until)) if busy_until else NEVER
        schedule = job.alone.moved_to(starts_at)
        heappush(busy_until, schedule.ends_at)
        if schedule != job.schedule:
            job.schedule = schedule
            moved.append(job)
    return moved
