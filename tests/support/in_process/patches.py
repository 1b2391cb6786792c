"""Patches that make a harness fast without changing what it shows."""

import asyncio
import itertools
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from character_identity.images.decoding import inspect
from character_identity.outbound.guard import look_up
from local.simulators.drawing.rendering import Shot
from local.simulators.lora_file import read_lora
from tests.support.builders import an_image
from tests.support.http import PUBLIC

_read_lora = cache(read_lora)
inspected = cache(inspect)


def apply_patches(patch: pytest.MonkeyPatch) -> None:
    """One thread, plain pictures, each looked at once, small weights, the same keys of fal."""
    _stay_in_one_thread(patch)
    keys = itertools.cycle(_keys_of_fal())  # what fal signed for one harness is signed for all
    patch.setattr("local.simulators.fal.webhooks.Ed25519PrivateKey", SimpleNamespace(generate=keys.__next__))
    _render_plain_images(patch)
    patch.setattr("character_identity.images.decoding.inspect", inspected)
    patch.setattr("local.simulators.lora_file.FLUX_WIDTH", 16)
    patch.setattr("local.simulators.fal.inputs.read_lora", _read_lora)


@cache
def _keys_of_fal() -> list[Ed25519PrivateKey]:
    return [Ed25519PrivateKey.generate() for _ in range(3)]


def is_store(host: str) -> bool:
    """Whether a host is the one of our bucket."""
    return host.endswith("amazonaws.com")


def _stay_in_one_thread(patch: pytest.MonkeyPatch) -> None:
    """The simulators render, names are resolved, and files are fetched and stored, while others wait.

    A crash so leaves nothing behind.
    """

    async def here(work: Callable[..., Any], *values: Any) -> Any:
        return work(*values)

    def looked_up(host: str, port: int) -> list[str]:
        return [PUBLIC] if is_store(host) else look_up(host, port)

    patch.setattr(asyncio, "to_thread", here)
    patch.setattr("character_identity.services.references.map_concurrently", map)
    patch.setattr("character_identity.outbound.guard.look_up", looked_up)
    patch.setattr("character_identity.outbound.guard.within", lambda work, timeout_s: work())
    patch.setitem(TransferConfig.DEFAULTS, "use_threads", False)


def _render_plain_images(patch: pytest.MonkeyPatch) -> None:
    """The simulators' pictures show nothing but their seed."""

    def render(shot: Shot, known: object, output_format: str = "jpeg") -> bytes:
        return an_image(64, 64, (shot.seed % 256, 120, 90), output_format.upper())

    for module in ("fal.models", "astria.prompts"):
        patch.setattr(f"local.simulators.{module}.render", render)
