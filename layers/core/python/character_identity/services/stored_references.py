"""Reference images once they are stored; to hand them on takes none of what takes them in."""

from functools import cache, partial

from character_identity.ports.providers import ReferenceImage
from character_identity.ports.stores import Bucket
from character_identity.services.sources import MAX_BYTES


def images_of(bucket: Bucket, keys: list[str]) -> list[ReferenceImage]:
    """Stored reference images as a provider adapter takes them."""
    return [
        ReferenceImage(
            name=key.rpartition("/")[2],
            link=cache(partial(bucket.link, key)),
            read=cache(partial(bucket.read, key, MAX_BYTES)),
        )
        for key in keys
    ]
