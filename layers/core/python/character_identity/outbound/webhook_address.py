"""Checks the address that a caller gave for its webhooks, before it is kept; each attempt checks it again."""

import httpx

from character_identity.domain.errors import InvalidRequest
from character_identity.outbound.guard import UrlGuard
from character_identity.outbound.urls import host_of, parse_url


def check_address(url: str, guard: UrlGuard) -> None:
    """Refuse what nothing could be posted to now.

    Raises:
        InvalidRequest: it is no public https address.
    """
    address = parse_url(url)
    try:
        guard.addresses(address)
    except httpx.ConnectTimeout as exc:
        message = f"The host {host_of(address)} could not be looked up in time."
        raise InvalidRequest(message, code="unknown_host") from exc
