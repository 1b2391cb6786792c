"""Signs links to objects so that they stay the same for hours."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest

GOOD_FOR_S = 6 * 3600
"""At least; twice that just after the hour at which a link changes. S3 takes up to seven days
(https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html, read 2026-11-28)."""


class LinkSigner:
    """Signs as of the last quarter of a day in UTC, so a link is the same, byte for byte, until the next.

    A link that changes each time is another file to whoever caches by links: fal fetches 90 MB of weights
    again for each image, and browsers each picture of a page. Other credentials make another link.
    """

    def __init__(self, credentials: Callable[[], Any], region: str, now: Callable[[], datetime]) -> None:
        self._credentials = credentials
        self._region = region
        self._now = now

    def signed(self, url: str) -> str:
        """Sign the plain address of an object: it answers a GET for GOOD_FOR_S seconds or more."""
        second = int(self._now().timestamp())
        at = datetime.fromtimestamp(second - second % GOOD_FOR_S, UTC)
        request = AWSRequest("GET", url)
        _SignedAt(at, self._credentials(), "s3", self._region, expires=2 * GOOD_FOR_S).add_auth(request)
        signed: str = request.url
        return signed


class _SignedAt(S3SigV4QueryAuth):  # type: ignore[misc]
    """Signs as of another time than now."""

    def __init__(self, at: datetime, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._at = at

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        request.context["timestamp"] = self._at.strftime(SIGV4_TIMESTAMP)
        super()._modify_request_before_signing(request)
