"""Concurrency: waits for several things at once, such as what S3 and hosts take to answer."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 8
"""botocore keeps ten connections to a service."""


def map_concurrently(
    do: Callable[[Item], Result], items: Iterable[Item], at_once: int = AT_ONCE
) -> Iterator[Result]:
    """Yield what ``do`` makes of each item, in order, while it is at work on the next ones.

    No more than ``at_once`` results wait to be taken. What ``do`` raises is raised in its place, and nothing
    further is begun.
    """
    pool = ThreadPoolExecutor(at_once)
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            if len(waiting) == at_once:
                yield waiting.popleft().result()
            waiting.append(pool.submit(copy_context().run, do, item))
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
