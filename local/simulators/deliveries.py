"""Posts to the URLs that callers gave; loopback is allowed, this is a simulator."""

from collections.abc import Mapping

import httpx


async def post(
    web: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float
) -> int | None:
    """The status of the answer, None when there is none; redirects are not followed."""
    if not url.startswith(("http://", "https://")):
        return None
    headers = {"content-type": "application/json", **headers}
    try:
        async with web.stream(
            "POST", url, content=body, headers=headers, timeout=timeout_s, follow_redirects=False
        ) as reply:
            return reply.status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
