import zipfile
from io import BytesIO

import pytest

from character_identity.compat import archives
from character_identity.compat.archives import images_in
from character_identity.domain.errors import InvalidRequest


def a_zip(*names: str, content: bytes = b"picture") -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            file.writestr(name, content + name.encode())
    return out.getvalue()


def test_images_come_in_the_order_of_their_names_without_the_rest() -> None:
    archive = a_zip(
        "b.PNG", "a.jpg", "a.txt", "a_mask.jpg", "__MACOSX/._a.jpg", ".hidden.jpg", "folder/c.webp"
    )
    assert images_in(archive) == [b"picturea.jpg", b"pictureb.PNG", b"picturefolder/c.webp"]


@pytest.mark.parametrize(
    "content", [b"", b"no zip", a_zip("a.jpg")[:-30]], ids=["nothing", "no zip", "cut short"]
)
def test_what_is_no_zip_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        images_in(content)
    assert caught.value.code == "invalid_archive"


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = a_zip("a.jpg", "b.jpg", content=b"0" * 1000)
    for cap in ("MAX_IMAGE_BYTES", "MAX_ARCHIVE_BYTES"):
        with monkeypatch.context() as lowered, pytest.raises(InvalidRequest) as caught:
            lowered.setattr(archives, cap, 900)
            images_in(bomb)
        assert caught.value.code == "file_too_large"


def test_too_many_entries_are_refused() -> None:
    with pytest.raises(InvalidRequest):
        images_in(a_zip(*(f"{number}.jpg" for number in range(archives.MAX_ENTRIES + 1)), content=b""))
