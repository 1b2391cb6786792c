"""Clients of AWS that are made once: to read the models of their services takes most of a test.

Where a test needs clients of its own, their models are read once all the same.
"""

from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.loaders import JSONFileLoader


def read_models_once() -> None:
    """Have all sessions of this process share what they read of a service."""
    JSONFileLoader._load_file = staticmethod(cache(partial(JSONFileLoader._load_file, None)))


class SharedClients(boto3.session.Session):  # type: ignore[misc]
    """Makes a client once for each service and its options."""

    def __init__(self, region_name: str | None = None) -> None:
        super().__init__(region_name=region_name)
        self._made: dict[Any, Any] = {}

    def client(self, service_name: str, *values: Any, **options: Any) -> Any:
        key = service_name, values, *sorted((name, _plain(value)) for name, value in options.items())
        if key not in self._made:
            self._made[key] = super().client(service_name, *values, **options)
        return self._made[key]


def _plain(option: Any) -> str:
    return repr(sorted(vars(option).items()) if isinstance(option, Config) else option)
