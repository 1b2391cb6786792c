"""Endpoints: callers' addresses for events."""

from collections.abc import Callable

from character_identity.domain.errors import NotFound
from character_identity.domain.page import Page, Window
from character_identity.domain.webhook import Endpoint, secret_of
from character_identity.ports.gateways import NewId, Now
from character_identity.ports.stores import Endpoints

MAX_ENDPOINTS = 5


class EndpointService:
    """Registers, lists and removes an owner's endpoints.

    ``check_address`` raises InvalidRequest for one that cannot be posted to; ``new_key`` makes a signing key.
    """

    def __init__(
        self,
        *,
        endpoints: Endpoints,
        check_address: Callable[[str], None],
        now: Now,
        new_id: NewId,
        new_key: Callable[[], bytes],
    ) -> None:
        self._endpoints = endpoints
        self._check_address = check_address
        self._now = now
        self._new_id = new_id
        self._new_key = new_key

    def create(self, owner: str, url: str) -> Endpoint:
        """Register an address; events from now on are posted there.

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
            created_at=self._now(),
        )
        self._endpoints.add(endpoint, MAX_ENDPOINTS)
        return endpoint

    def list(self, owner: str, window: Window) -> Page[Endpoint]:
        """A page of an owner's endpoints, newest first."""
        return Page.of(self._endpoints.list(owner), window)

    def remove(self, owner: str, endpoint_id: str) -> None:
        """Tell nothing more there, not even what was tried before.

        Raises:
            NotFound: this owner has no such endpoint.
        """
        if not self._endpoints.remove(owner, endpoint_id):
            raise NotFound(f"There is no webhook {endpoint_id!r}.", code="unknown_webhook")
