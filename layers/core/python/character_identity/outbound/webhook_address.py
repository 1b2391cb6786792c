"""Checks the address that a caller gave for its webhooks, before it is kept; each attempt checks it again."""

import httpx

from character_identity.domain.errors import InvalidRequest
from character_identity.outbound.safe_http import UrlGuard


def check_address(url: str, guard: UrlGuard) -> None:
    """Refuse what nothing could be posted to now.

    Raises:
        InvalidRequest: it is no public https address.
    """
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as exc:
        raise InvalidRequest("That is not an address that can be posted to.", code="forbidden_url") from exc
    guard.address(address)
