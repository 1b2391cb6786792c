"""What providers post to us says one thing that we may need: which of their jobs it is about."""

import json
from typing import Any

from character_identity.providers.answers import REQUEST_ID, whole

MAX_BYTES = 256 * 1024
"""What is longer is not read: far more than either says of a job with pictures."""


def fal_job_id(body: bytes) -> str | None:
    """The ``request_id`` of a webhook of fal's, which is the one of its queue; None if there is none.

    ``gateway_request_id`` is that of fal's last attempt at it
    (https://fal.ai/docs/documentation/model-apis/inference/webhooks, read 2026-11-22).
    """
    notice = _json(body)
    request_id = notice.get("request_id") if isinstance(notice, dict) else None
    return request_id if isinstance(request_id, str) and REQUEST_ID.fullmatch(request_id) else None


def astria_job_id(body: bytes) -> str | None:
    """The number of the tune or prompt in a callback of Astria's, bare or wrapped in its name, as text."""
    notice = _json(body)
    for name in ("tune", "prompt"):
        if isinstance(notice, dict) and isinstance(notice.get(name), dict):
            notice = notice[name]
            break
    number = notice.get("id") if isinstance(notice, dict) else None
    return str(whole(number)) if whole(number) else None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if len(body) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        return None
