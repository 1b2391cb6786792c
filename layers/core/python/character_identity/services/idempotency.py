"""Idempotency keys: a repeated request finds what the first one made.

After https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-07, read 2026-11-23.
"""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from character_identity.domain.errors import Erased, KeyReused, NotFound, RequestInFlight, ServiceError
from character_identity.ports.gateways import NewId, Now
from character_identity.ports.stores import IdempotencyRecord, IdempotencyRecords

KEPT = timedelta(hours=24)
LONGEST_CALL = timedelta(seconds=60)
"""Twice as long as a function may run: a call that has made nothing by then has died."""

Resource = TypeVar("Resource")


class IdempotencyService:
    """Gives each key to one request, and the request's resource an id before anything else is done.

    So the next call with the same key continues one that died, with the same id: what was stored under that
    id is found, and the rest is stored once.
    """

    def __init__(self, *, calls: IdempotencyRecords, now: Now, new_id: NewId) -> None:
        self._calls = calls
        self._now = now
        self._new_id = new_id

    def once(
        self,
        owner: str,
        key: str | None,
        request_digest: str,
        find: Callable[[str], Resource],
        create: Callable[[str], Resource],
    ) -> tuple[Resource, bool]:
        """Return the resource that a request creates, and whether an earlier request with its key created it.

        ``create`` makes the resource with the given id, once; ``find`` raises NotFound if there is none.
        ``request_digest`` is a digest of the request. If ``create`` refuses, the key is free again.

        Raises:
            KeyReused: the key belongs to another request.
            RequestInFlight: the earlier request is still running, or died less than a minute ago.
        """
        if key is None:
            return create(self._new_id()), False
        digest = hashlib.sha256(json.dumps(["key", owner, key]).encode()).hexdigest()
        new = self._new_call(request_digest)
        claimed = self._calls.claim(digest, new, None)
        if claimed.expires_at is not None and claimed.expires_at <= self._now():
            claimed = self._calls.claim(digest, new, claimed)
        if claimed != new:
            if claimed.request_digest != request_digest:
                raise KeyReused
            found = _found(find, claimed.target_id)
            if found is not None:
                return found, True
            claimed = self._take_over(digest, claimed)
        return self._create(digest, claimed, find, create)

    def _create(
        self,
        digest: str,
        call: IdempotencyRecord,
        find: Callable[[str], Resource],
        create: Callable[[str], Resource],
    ) -> tuple[Resource, bool]:
        try:
            return create(call.target_id), False
        except ServiceError as exc:
            if exc.status >= 500:  # it may be stored, perhaps in part: the key keeps its id
                raise
            found = _found(find, call.target_id)
            if found is not None:  # made by a call that was thought dead
                return found, True
            self._calls.release(digest, call)
            raise

    def _take_over(self, digest: str, dead: IdempotencyRecord) -> IdempotencyRecord:
        age = self._now() - dead.made_at
        if age <= LONGEST_CALL:
            # Wait as long as it has lasted: ask again soon if it has just begun, and not often if it died.
            wait = min(age, LONGEST_CALL - age + timedelta(seconds=1))
            raise RequestInFlight(retry_after_s=max(1, math.ceil(wait.total_seconds())))
        taken = replace(self._new_call(dead.request_digest), target_id=dead.target_id)
        if self._calls.claim(digest, taken, dead) != taken:
            raise RequestInFlight(retry_after_s=1)
        return taken

    def _new_call(self, request_digest: str) -> IdempotencyRecord:
        now = self._now()
        expires_at = (now + KEPT).replace(microsecond=0)
        return IdempotencyRecord(self._new_id(), now, request_digest, expires_at)


def _found(find: Callable[[str], Resource], resource_id: str) -> Resource | None:
    try:
        return find(resource_id)
    except Erased:  # it was made, and must not be made again
        raise
    except NotFound:
        return None
