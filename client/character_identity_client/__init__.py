"""A small client of the character identity API."""

from character_identity_client.api import (
    CONTENT_TYPES,
    ApiClient,
    ApiError,
    DeadlinePassed,
    JobFailed,
)
from character_identity_client.models import (
    Failure,
    Generation,
    Identity,
    Image,
    Provider,
    Score,
)

__all__ = [
    "CONTENT_TYPES",
    "ApiClient",
    "ApiError",
    "DeadlinePassed",
    "Failure",
    "Generation",
    "Identity",
    "Image",
    "JobFailed",
    "Provider",
    "Score",
]
