"""Keys of the objects in the bucket: where each kind lies, and whose a generated image is by its key.

Permissions are for the prefixes of kinds, erasures for those of ids; what writes a file there names it.
"""

import re
from dataclasses import dataclass
from hashlib import sha256

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.generation import CONTENT_TYPES

UPLOADS, REFERENCES, WEIGHTS = "uploads/", "references/", "weights/"
GENERATIONS, EVALUATIONS = "generations/", "evaluations/"
LINKED = "linked/"
"""Among an evaluation's files: pages with links that are too large for an answer."""


def prefix_of(kind: str, subject_id: str, *within: str) -> str:
    """Return where the objects of a kind lie that are of a subject, as in ``references/<identity>/``."""
    return kind + "".join(f"{each}/" for each in (subject_id, *within))


def subject_of_key(key: str) -> str:
    """Return the id of what an object is of, as ``i1`` of ``references/i1/0001.jpg``."""
    return key.split("/")[1]


def uploads_of(owner: str) -> str:
    """Return where an owner's uploads lie."""
    return prefix_of(UPLOADS, sha256(owner.encode()).hexdigest()[:32])


@dataclass(frozen=True)
class ImageKey:
    """The key of a generated image: whose it is."""

    identity_id: str
    generation_id: str
    index: int
    suffix: str

    def __str__(self) -> str:
        return f"{prefix_of(GENERATIONS, self.identity_id, self.generation_id)}{self.index:02d}.{self.suffix}"

    @classmethod
    def of(cls, key: str) -> "ImageKey":
        """Read a key of the bucket.

        Raises:
            InvalidRequest: it is not a generated image's; whatever lies beside one takes no score from it.
        """
        pattern = rf"{GENERATIONS}([^/]+)/([^/]+)/([0-9]{{2,4}})\.({'|'.join(CONTENT_TYPES)})"
        match = re.fullmatch(pattern, key)
        if not match:
            message = f"{key!r} is not the key of a generated image."
            raise InvalidRequest(message, code="not_a_generated_image")
        return cls(match[1], match[2], int(match[3]), match[4])
