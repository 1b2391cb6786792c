"""Parts that a service is given, but that many functions never use: clients of AWS, httpx, Pillow."""

from collections.abc import Callable
from functools import cached_property
from threading import Lock
from typing import Any, TypeVar, cast

Part = TypeVar("Part")


def deferred(build: Callable[[], Part]) -> Part:
    """Return what stands for a part, and builds it when one of its methods is first asked for."""
    return cast(Part, _Deferred(build))


class _Deferred:
    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build
        self._lock = Lock()

    @cached_property
    def _built(self) -> Any:
        return self._build()

    def __getattr__(self, name: str) -> Any:
        with self._lock:  # several threads may ask first
            built = self._built
        return getattr(built, name)
