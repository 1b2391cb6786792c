"""By what a LoRA file is known again, wherever a copy of it lies."""

import hashlib

MARKED_BYTES = 1024 * 1024
"""So many first bytes tell one training's file from another's: the header and the first tensors."""


def mark_of_content(start: bytes) -> str:
    """The mark of a file by its first MARKED_BYTES bytes."""
    return f"content-{hashlib.sha256(start[:MARKED_BYTES]).hexdigest()}"


def mark_of_link(url: str) -> str:
    """The mark of a file by its address; the query, which may be a signature, does not count."""
    return f"link-{hashlib.sha256(url.partition('?')[0].encode()).hexdigest()}"
