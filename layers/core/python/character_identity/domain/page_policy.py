"""What browsers may do for a page of ours: run the script and style that stand in it, told by hashes."""

import re
from base64 import b64encode
from hashlib import sha256


def page_policy(page: str, *, images: str, calls: str) -> str:
    """The Content-Security-Policy of a page with one script and one style.

    ``images`` and ``calls`` are the sources of its pictures and of what it calls; it takes nothing else.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_only(page, 'script')}",
            f"style-src {_only(page, 'style')}",
            f"img-src {images}",
            f"connect-src {calls}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def source_of(content: str) -> str:
    """A script or a style as a policy names it (https://www.w3.org/TR/CSP3/#grammardef-hash-source)."""
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


def _only(page: str, element: str) -> str:
    (content,) = re.findall(rf"<{element}[^>]*>(.*?)</{element}>", page, flags=re.DOTALL)
    return source_of(content)
