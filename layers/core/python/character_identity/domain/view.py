"""View: a picture as it is compared, and what that depends on."""

from typing import NamedTuple

from character_identity.domain.near_copy import CopyDescriptor
from character_identity.domain.similarity import Embedding


class EncoderVersion(NamedTuple):
    """Everything that an embedding depends on beside the image; only those of equal versions compare."""

    encoder: str
    weights_sha256: str
    preprocessing: str


class View(NamedTuple):
    """A picture as it is compared: by an encoder, and for being a copy."""

    embedding: Embedding
    copy_descriptor: CopyDescriptor
