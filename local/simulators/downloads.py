"""Fetches the files the simulators are given, the way the real ones do: for real."""

import base64
import binascii

import httpx

LARGEST_BYTES = 200_000_000
TIMEOUT_S = 20.0
DATA_URI = "data:"


class DownloadFailed(Exception):
    """A file could not be had."""


class FileTooLarge(Exception):
    """A file is larger than the simulator takes."""


class Downloads:
    """Downloads over HTTP; loopback is allowed, this is a simulator. Data URIs are decoded."""

    def __init__(self, web: httpx.AsyncClient) -> None:
        self._web = web

    async def fetch(self, url: str, largest_bytes: int = LARGEST_BYTES) -> bytes:
        """The file behind a URL, whole.

        Raises:
            DownloadFailed: nothing came, or not with a 2xx.
            FileTooLarge: more came than allowed.
        """
        if url.startswith(DATA_URI):
            return _decoded(url, largest_bytes)
        received = bytearray()
        try:
            async with self._web.stream("GET", url, follow_redirects=True, timeout=TIMEOUT_S) as reply:
                reply.raise_for_status()
                async for chunk in reply.aiter_bytes():
                    received += chunk
                    if len(received) > largest_bytes:
                        raise FileTooLarge(url)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise DownloadFailed(str(exc)) from exc
        return bytes(received)


def http_client() -> httpx.AsyncClient:
    """A client for downloads and deliveries; proxies of the environment would keep it from loopback."""
    return httpx.AsyncClient(trust_env=False, max_redirects=5)


def _decoded(uri: str, largest_bytes: int) -> bytes:
    head, _, payload = uri.partition(",")
    if not head.endswith(";base64"):
        raise DownloadFailed("only base64 data URIs are understood")
    try:
        data = base64.b64decode(payload, validate=True)
    except binascii.Error as exc:
        raise DownloadFailed("the data URI is not base64") from exc
    if len(data) > largest_bytes:
        raise FileTooLarge("data URI")
    return data
