"""S3's buckets in memory: what ours are asked, each call as a client of boto3 hands it over.

What is not known here is an error: an operation, an option. What is known answers as moto does
(tests/aws/test_memory_buckets.py).
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import md5
from typing import Any

from botocore.response import StreamingBody

from tests.support.names import snake
from tests.support.refusal import Refusal

MOST_LISTED, MOST_DELETED = 1000, 1000
"""https://docs.aws.amazon.com/AmazonS3/latest/API: ListObjectsV2, DeleteObjects, read 2026-11-29."""
LISTED = {"Bucket", "Prefix", "EncodingType", "MaxKeys"}
OPTIONS = {
    "CreateBucket": {"Bucket", "CreateBucketConfiguration"},
    "PutObject": {"Bucket", "Key", "Body", "ContentType", "Metadata", "ChecksumAlgorithm"},
    "GetObject": {"Bucket", "Key", "ChecksumMode"},
    "HeadObject": {"Bucket", "Key", "ChecksumMode"},
    "DeleteObjects": {"Bucket", "Delete"},
    "ListObjects": LISTED | {"Marker"},
    "ListObjectsV2": LISTED | {"ContinuationToken"},
}
"""What is known of each operation."""

Request = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True)
class _Object:
    content: bytes
    content_type: str
    metadata: Mapping[str, str]
    stored_at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    @property
    def etag(self) -> str:
        return f'"{md5(self.content, usedforsecurity=False).hexdigest()}"'


class Buckets:
    """Answers the operations of S3 that we call."""

    def __init__(self) -> None:
        self._buckets: dict[str, dict[str, _Object]] = {}

    def answer(self, operation: str, request: Request) -> Answer:
        """Do what is asked, as the operation of that name does.

        Raises:
            Refusal: S3 does not do it.
        """
        known = request.keys() <= OPTIONS.get(operation, set())
        assert known, f"not known here: {operation} with {sorted(request)}"
        work: Callable[[Request], Answer] = getattr(self, f"_{snake(operation)}")
        return work(request)

    def _create_bucket(self, request: Request) -> Answer:
        self._buckets[request["Bucket"]] = {}
        return {"Location": f"http://{request['Bucket']}.s3.amazonaws.com/"}

    def _put_object(self, request: Request) -> Answer:
        body = request.get("Body", b"")
        content = body if isinstance(body, str | bytes | bytearray) else body.read()
        stored = _Object(
            content.encode() if isinstance(content, str) else bytes(content),
            request.get("ContentType", "binary/octet-stream"),
            {name.lower(): value for name, value in request.get("Metadata", {}).items()},
        )
        self._bucket(request)[request["Key"]] = stored
        return {"ETag": stored.etag}

    def _get_object(self, request: Request) -> Answer:
        found = self._bucket(request).get(request["Key"])
        if found is None:
            raise Refusal("NoSuchKey", "The specified key does not exist.", 404)
        return {**_described(found), "Body": StreamingBody(io.BytesIO(found.content), len(found.content))}

    def _head_object(self, request: Request) -> Answer:
        found = self._bucket(request).get(request["Key"])
        if found is None:
            raise Refusal("404", "Not Found", 404)
        return _described(found)

    def _delete_objects(self, request: Request) -> Answer:
        wanted = request["Delete"]["Objects"]
        if not 0 < len(wanted) <= MOST_DELETED:
            raise Refusal("MalformedXML", "The XML you provided was not well-formed")
        for each in wanted:
            self._bucket(request).pop(each["Key"], None)
        return (
            {} if request["Delete"].get("Quiet") else {"Deleted": [{"Key": each["Key"]} for each in wanted]}
        )

    def _list_objects(self, request: Request) -> Answer:
        return self._listed(request, request.get("Marker", ""))

    def _list_objects_v2(self, request: Request) -> Answer:
        answer = self._listed(request, request.get("ContinuationToken", ""))
        more = {"NextContinuationToken": answer["Contents"][-1]["Key"]} if answer["IsTruncated"] else {}
        return {**answer, **more, "KeyCount": len(answer.get("Contents", ()))}

    def _listed(self, request: Request, after: str) -> Answer:
        bucket, prefix = self._bucket(request), request.get("Prefix", "")
        keys = sorted(key for key in bucket if key.startswith(prefix) and key > after)
        most = request.get("MaxKeys", MOST_LISTED)
        found = [
            {
                "Key": key,
                "LastModified": bucket[key].stored_at,
                "ETag": bucket[key].etag,
                "Size": len(bucket[key].content),
                "StorageClass": "STANDARD",
            }
            for key in keys[:most]
        ]
        asked = {
            "Name": request["Bucket"],
            "MaxKeys": most,
            **({"Prefix": prefix} if "Prefix" in request else {}),
        }
        return {**asked, "IsTruncated": most < len(keys), **({"Contents": found} if found else {})}

    def _bucket(self, request: Request) -> dict[str, _Object]:
        try:
            return self._buckets[request["Bucket"]]
        except KeyError:
            raise Refusal("NoSuchBucket", "The specified bucket does not exist", 404) from None


def _described(found: _Object) -> Answer:
    return {
        "AcceptRanges": "bytes",
        "ContentLength": len(found.content),
        "ContentType": found.content_type,
        "ETag": found.etag,
        "LastModified": found.stored_at,
        "Metadata": dict(found.metadata),
    }
