"""Names of AWS as they are in Python."""

from functools import cache

from botocore import xform_name


@cache
def snake(operation: str) -> str:
    """``ListObjectsV2`` as ``list_objects_v2``."""
    return str(xform_name(operation))
