"""What moto does anew for each call, done once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto import backend_index
from moto.core.base_backend import BaseBackend

SERVICES = {"account", "awslambda", "cloudwatch", "iam"}
SERVICES |= {"servicequotas", "sns", "sqs", "ssm", "stepfunctions", "sts"}
"""What we call. Moto looks for the service of each call among 180."""
PATTERNS = [(name, pattern) for name, pattern in backend_index.backend_url_patterns if name in SERVICES]
URLS = BaseBackend.urls.fget

_urls: dict[type, Any] = {}


@contextmanager
def quick_moto() -> Iterator[None]:
    """Have moto lose no time."""
    with (
        patch.object(backend_index, "backend_url_patterns", PATTERNS),
        patch.object(BaseBackend, "urls", property(urls_of)),
    ):
        yield


def urls_of(backend: Any) -> Any:
    """Return who answers which address."""
    kind = type(backend)
    if kind not in _urls:
        _urls[kind] = URLS(backend)
    return _urls[kind]
