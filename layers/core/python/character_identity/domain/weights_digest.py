"""Digests by which a LoRA file is recognised wherever a copy of it lies."""

import hashlib

from character_identity.domain.links import without_signature

DIGESTED_BYTES = 1024 * 1024
"""So many first bytes tell one training's file from another's: the header and the first tensors."""


def weights_digest(start: bytes) -> str:
    """Return the digest of a file's first DIGESTED_BYTES bytes."""
    return f"content-{hashlib.sha256(start[:DIGESTED_BYTES]).hexdigest()}"


def link_digest(url: str) -> str:
    """Return the digest of a file's address; what only signs it does not count."""
    return f"link-{hashlib.sha256(without_signature(url).encode(errors='surrogatepass')).hexdigest()}"
