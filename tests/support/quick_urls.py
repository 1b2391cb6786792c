"""URLs that httpx reads once: it reads each several times in a call, and what comes of it never changes."""

from functools import lru_cache

import httpx._urlparse
import httpx._urls


def read_urls_once() -> None:
    """Have httpx keep what it made of a URL."""
    read = lru_cache(maxsize=4096)(httpx._urlparse.urlparse)
    for module in (httpx._urlparse, httpx._urls):
        vars(module)["urlparse"] = read
