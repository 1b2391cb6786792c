"""What a link names: its address and query, without what only signs it."""

from urllib.parse import unquote

LONGEST_URL = 8192
"""Bytes as it is sent, where a letter of another script has up to twelve; servers take 8,000 (RFC 9110,
section 4.1). Presigned links have 2,000 and more: nobody is to assume how long the token of a session in them
is, says AWS (STS, GetFederationToken, read 2026-11-29)."""

_ALWAYS = frozenset({"token", "sig", "signature", "authorization", "hdnea", "hdnts", "hdntl", "__token__"})
_PREFIXES = ("x-amz-", "x-goog-", "x-oss-", "x-obs-", "x-tos-", "x-cos-", "x-bce-", "q-sign-")
_BESIDE: tuple[tuple[str, str], ...] = (
    ("signature", "expires"),
    ("signature key-pair-id", "policy key-pair-id hash-algorithm"),
    ("signature awsaccesskeyid", "awsaccesskeyid"),
    ("signature googleaccessid", "googleaccessid"),
    ("signature ossaccesskeyid", "ossaccesskeyid security-token"),
    ("signature accesskeyid", "accesskeyid"),
    ("sig sv", "se sp sv st sr spr sip si ss srt ses skoid sktid skt ske sks skv saoid suoid scid sdd"),
    ("token expires", "expires token_path token_countries token_countries_blocked"),
    ("q-signature", "q-signature q-ak q-key-time q-header-list q-url-param-list"),
)
"""Names by which a signature is known, and what belongs to it beside them: alone these may name the file.

As of 2026-11-28. In this order: S3, CloudFront (docs.aws.amazon.com, "Authenticating requests: query
parameters", "Use signed URLs"), Google (cloud.google.com/storage, "Signed URLs"), Alibaba
(alibabacloud.com/help/en/oss, "Include a V1 signature in a URL"), Huawei (support.huaweicloud.com,
"Authentication of Signature in a URL"), Azure (learn.microsoft.com, "Create a service SAS"), Bunny
(docs.bunny.net, "Token authentication"), Tencent (cloud.tencent.com/document/product/436/7778).
"""


def without_signature(url: str) -> str:
    """A link without the parameters that sign it and without its fragment, which no host sees.

    Everything else stays as it is written: file hosts, image proxies and content systems tell files apart by
    the query.
    """
    address, asks, query = url.partition("#")[0].partition("?")
    fields = [(_name(field), field) for field in query.split("&")]
    names = {name for name, _ in fields}
    known = (beside.split() for known_by, beside in _BESIDE if names.issuperset(known_by.split()))
    signing = _ALWAYS.union(*known)
    kept = [field for name, field in fields if name not in signing and not name.startswith(_PREFIXES)]
    if len(kept) == len(fields):
        return address + asks + query
    return f"{address}?{'&'.join(kept)}" if kept else address


def _name(field: str) -> str:
    return unquote(field.partition("=")[0]).lower()
