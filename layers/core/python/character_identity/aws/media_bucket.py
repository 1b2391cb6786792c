"""References, weights and pictures in S3."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from character_identity.domain.errors import InvalidRequest, NotFound
from character_identity.observability import ORIGIN, origin
from character_identity.ports.stores import UploadTicket

TICKET_GOOD_FOR_S = 15 * 60
MOST_DELETED_AT_ONCE = 1000
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html, read 2026-11-23."""


class MediaBucket:
    """One bucket; ``domain/object_keys.py`` has what lies where."""

    def __init__(self, client: Any, name: str, signed: Callable[[str], str]) -> None:
        self._client = client
        self._name = name
        self._signed = signed

    def read(self, key: str, limit_bytes: int) -> bytes:
        """The whole object. Raises as ``read_with_origin``."""
        return self.read_with_origin(key, limit_bytes)[0]

    def read_with_origin(self, key: str, limit_bytes: int) -> tuple[bytes, dict[str, str]]:
        """The whole object, and which request, job and provider it was stored for.

        Raises:
            NotFound: there is none.
            InvalidRequest: it is larger than ``limit_bytes``; nothing of it was read.
        """
        try:
            answer = self._client.get_object(Bucket=self._name, Key=key)
        except ClientError as exc:
            if exc.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                raise NotFound(f"There is no object {key!r}.") from exc
            raise
        with answer["Body"] as body:
            if answer["ContentLength"] > limit_bytes:
                raise InvalidRequest(f"{key!r} has more than {limit_bytes} bytes.", code="file_too_large")
            content: bytes = body.read()
        metadata = {name.replace("-", "_"): value for name, value in answer["Metadata"].items()}
        return content, {name: metadata[name] for name in ORIGIN if name in metadata}

    def write(self, key: str, content: bytes, content_type: str) -> None:
        """Store an object; the same again changes nothing."""
        self._client.put_object(
            Bucket=self._name, Key=key, Body=content, ContentType=content_type, Metadata=_metadata()
        )

    def write_file(self, key: str, path: Path, content_type: str) -> None:
        """Store a file, in parts when it is large."""
        from boto3.s3.transfer import S3Transfer  # half a second of loading, for what stores weights only

        transfer = S3Transfer(self._client)
        options = {"ContentType": content_type, "Metadata": _metadata()}
        transfer.upload_file(str(path), self._name, key, extra_args=options)

    def list_keys(self, prefix: str) -> list[str]:
        """All keys under a prefix, in order."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def delete(self, *keys: str) -> None:
        """Delete objects; those that are not there do not matter.

        Raises:
            RuntimeError: S3 keeps some of them.
        """
        for start in range(0, len(keys), MOST_DELETED_AT_ONCE):
            some = [{"Key": key} for key in keys[start : start + MOST_DELETED_AT_ONCE]]
            answer = self._client.delete_objects(Bucket=self._name, Delete={"Objects": some, "Quiet": True})
            if answer.get("Errors"):
                raise RuntimeError(f"S3 did not delete {len(answer['Errors'])} objects.")

    def link(self, key: str) -> str:
        """A link that answers a plain GET for six hours or more, or until the role's session ends.

        It stays the same for a while; see LinkSigner.
        """
        return self._signed(self._address + quote(key))

    @cached_property
    def _address(self) -> str:
        """Return where objects lie, but for their keys: asked for once, as botocore signs what it tells."""
        name = "key"
        link: str = self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._name, "Key": name}
        )
        return link.partition("?")[0].removesuffix(name)

    def upload_ticket(self, key: str, content_type: str, limit_bytes: int) -> UploadTicket:
        """A presigned POST for exactly this key and type, of 1 to ``limit_bytes`` bytes."""
        post = self._client.generate_presigned_post(
            self._name,
            key,
            Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, limit_bytes]],
            ExpiresIn=TICKET_GOOD_FOR_S,
        )
        return UploadTicket(key=key, url=post["url"], fields=post["fields"])


def _metadata() -> dict[str, str]:
    """Return where an object comes from, for the log lines of whoever is told of it."""
    return {name.replace("_", "-"): value for name, value in origin().items()}
