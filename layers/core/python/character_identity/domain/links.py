"""What a link names: its address and query, without what only signs it."""

from urllib.parse import parse_qsl, urlsplit, urlunsplit

_ALWAYS = frozenset({"token", "sig", "signature", "hdnea", "hdnts", "hdntl"})
_PREFIXES = ("x-amz-", "x-goog-", "x-oss-", "x-cos-", "q-sign-")
_BESIDE = {
    "signature": {"expires", "policy", "key-pair-id", "awsaccesskeyid", "googleaccessid", "ossaccesskeyid"},
    "sig": {"se", "sp", "sv", "st", "sr", "spr", "sip", "skoid", "sktid", "skt", "ske", "sks", "skv", "sdd"},
}
"""Names that belong to a signature only beside it: alone they may name the file.

S3, CloudFront and Google sign with the first names (docs.aws.amazon.com, "Authenticating requests: query
parameters", "Use signed URLs"), Azure with the second (learn.microsoft.com, "Create a service SAS"); as of
2026-11-28.
"""


def without_signature(url: str) -> str:
    """A link without the parameters that sign it; everything else of its query stays, in its order.

    File hosts, image proxies and content systems tell files apart by the query.
    """
    parts = urlsplit(url)
    if not parts.query:
        return urlunsplit(parts._replace(fragment=""))
    names = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    signing = _ALWAYS.union(*(beside for signature, beside in _BESIDE.items() if signature in names))
    kept = [field for field in parts.query.split("&") if not _signs(field.partition("=")[0].lower(), signing)]
    return urlunsplit(parts._replace(query="&".join(kept), fragment=""))


def _signs(name: str, signing: frozenset[str]) -> bool:
    return name in signing or name.startswith(_PREFIXES)
