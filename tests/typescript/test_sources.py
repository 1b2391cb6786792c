"""The front end's modules are the specification's, letter for letter."""

import hashlib
from pathlib import Path

import pytest

SHA256 = {
    "types.ts": "6bb202c60353d060a94017d771df52c04a7c137db1bec1baadacad6f553811e0",
    "services/falInstantCharacterService.ts": (
        "d533bda86e492a268ed2ee95454debff33846f7307c73ee28a1c804385ca345d"
    ),
    "services/falLoraService.ts": "e739b91d58d8cbe6775417287cb57746c4d69b0e3dfc75e683679367062770dd",
    "services/astriaService.ts": "cd7a50bc85ddd563c1cb863339fecbc5b22140b0adf7ecb87771ba2664581ec0",
}


@pytest.mark.parametrize("name", SHA256)
def test_nothing_was_changed(name: str) -> None:
    assert hashlib.sha256((Path(__file__).parent / name).read_bytes()).hexdigest() == SHA256[name]
