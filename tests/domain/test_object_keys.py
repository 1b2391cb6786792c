"""Keys as they are stored: what they are they have to stay."""

import pytest

from character_identity.domain.object_keys import GENERATIONS, REFERENCES, ImageKey, prefix_of, uploads_of


def test_what_is_stored_lies_where_it_always_did() -> None:
    assert prefix_of(REFERENCES, "i1") == "references/i1/"
    assert prefix_of(GENERATIONS, "i1", "g1") == "generations/i1/g1/"
    assert uploads_of("ann") == "uploads/49915e0d7d4b402e3017d010bc1c0e83/"


@pytest.mark.parametrize("name", ["03.jpg", "12.png", "100.webp"])
def test_a_generated_image_is_known_by_its_key(name: str) -> None:
    image = ImageKey.of(f"generations/i1/g1/{name}")
    assert (image.identity_id, image.generation_id) == ("i1", "g1")
    assert str(image) == f"generations/i1/g1/{name}"
