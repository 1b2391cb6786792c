"""Endpoints: callers' addresses for events."""

from collections.abc import Callable, Sequence
from typing import TypedDict

from character_identity.domain.errors import Conflict, NotFound
from character_identity.domain.event import EventType
from character_identity.domain.ownership import owned
from character_identity.domain.page import Page, Window
from character_identity.domain.webhook import MOST_SECRETS, Attempt, Endpoint, secret_of
from character_identity.ports.gateways import NewId, Now
from character_identity.ports.stores import Attempts, Endpoints

MAX_ENDPOINTS = 5


class Changes(TypedDict, total=False):
    """What is to change of an endpoint; ``types`` None: all."""

    types: Sequence[EventType] | None
    disabled: bool


class EndpointService:
    """Registers, lists, changes and removes an owner's endpoints.

    ``check_address`` raises InvalidRequest for one that cannot be posted to; ``new_key`` makes a signing key.
    """

    def __init__(
        self,
        *,
        endpoints: Endpoints,
        attempts: Attempts,
        check_address: Callable[[str], None],
        now: Now,
        new_id: NewId,
        new_key: Callable[[], bytes],
    ) -> None:
        self._endpoints = endpoints
        self._attempts = attempts
        self._check_address = check_address
        self._now = now
        self._new_id = new_id
        self._new_key = new_key

    def create(self, owner: str, url: str, types: Sequence[EventType] | None = None) -> Endpoint:
        """Register an address; events from now on are posted there, of those types if there are any.

        Raises:
            InvalidRequest: it is not a public https address.
            Conflict: the owner has ``MAX_ENDPOINTS`` already.
        """
        self._check_address(url)
        endpoint = Endpoint(
            endpoint_id=self._new_id(),
            owner=owner,
            url=url,
            secret=secret_of(self._new_key()),
            types=None if types is None else tuple(types),
            created_at=self._now(),
        )
        self._endpoints.add(endpoint, MAX_ENDPOINTS)
        return endpoint

    def list(self, owner: str, window: Window) -> Page[Endpoint]:
        """A page of an owner's endpoints, newest first."""
        return Page.of(self._endpoints.list(owner), window)

    def get(self, owner: str, endpoint_id: str) -> Endpoint:
        """One endpoint of this owner.

        Raises:
            NotFound: there is none.
        """
        return owned(owner, self._endpoints.find(owner, endpoint_id), "webhook", endpoint_id)

    def change(self, owner: str, endpoint_id: str, changes: Changes) -> Endpoint:
        """Change which types of events go there (None: all), or whether any do.

        Raises:
            NotFound: this owner has no such endpoint.
            Conflict: its secret was replaced just then; the same call works now.
        """
        endpoint = changed = self.get(owner, endpoint_id)
        if "types" in changes:
            types = changes["types"]
            changed = changed.replace(types=None if types is None else tuple(types))
        if changes.get("disabled") is False:
            changed = changed.enabled(self._now())
        elif changes.get("disabled") and changed.disabled_at is None:
            changed = changed.disabled("paused", self._now())
        return self._changed(endpoint, changed)

    def rotate(self, owner: str, endpoint_id: str) -> Endpoint:
        """Replace the secret; for a day what is sent is signed by the one before, too.

        Raises:
            NotFound: this owner has no such endpoint.
            Conflict: too many of its secrets sign as it is, or it was replaced just then.
        """
        endpoint, now = self.get(owner, endpoint_id), self._now()
        if len(endpoint.secrets(now)) >= MOST_SECRETS:
            message = f"{MOST_SECRETS} secrets sign what is sent there; the oldest ends within a day."
            raise Conflict(message, code="too_many_secrets")
        return self._changed(endpoint, endpoint.rotated(secret_of(self._new_key()), now))

    def attempts(self, owner: str, endpoint_id: str, window: Window) -> Page[Attempt]:
        """A page of what became of the requests to an endpoint, newest first.

        Raises:
            NotFound: this owner has no such endpoint.
        """
        return self._attempts.of_endpoint(self.get(owner, endpoint_id).endpoint_id, window)

    def _changed(self, endpoint: Endpoint, changed: Endpoint) -> Endpoint:
        if not self._endpoints.change(endpoint, changed):
            self.get(endpoint.owner, endpoint.endpoint_id)
            raise Conflict("The webhook was changed just now; send the same again.", code="webhook_changed")
        return changed

    def remove(self, owner: str, endpoint_id: str) -> None:
        """Tell nothing more there, not even what was tried before.

        Raises:
            NotFound: this owner has no such endpoint.
        """
        if not self._endpoints.remove(owner, endpoint_id):
            raise NotFound.of("webhook", endpoint_id)
