import struct
import tracemalloc
import zipfile
from io import BytesIO

import pytest

from character_identity.compat import archives
from character_identity.compat.archives import images_in
from character_identity.domain.errors import InvalidRequest
from character_identity.services.references import LONGEST_NAME
from tests.corpora.archives import CORPUS
from tests.support.builders import an_image

JPEG = an_image()


def a_zip(*names: str, content: bytes = JPEG, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", compression) as file:
        for name in names:
            file.writestr(name, content)
    return out.getvalue()


def names_in(archive: bytes) -> list[str]:
    return [image.name for image in images_in(archive)]


def refusal(archive: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        images_in(archive)
    return caught.value


def test_images_come_in_the_order_of_their_names_without_the_rest() -> None:
    archive = a_zip(
        *("b.PNG", "a.jpg", "a_mask.jpg", "__MACOSX/._a.jpg", "._a.jpg", ".hidden.jpg", "folder/c.webp"),
        *("her/__MACOSX/a.jpg", ".thumbnails/a.jpg", "her/@eaDir/a.jpg/SYNOFILE_THUMB_M.jpg"),
    )
    assert names_in(archive) == ["a.jpg", "b.PNG", "folder/c.webp"]


def test_paths_may_be_written_as_windows_does() -> None:
    assert names_in(a_zip("..\\her\\a.jpg", "her\\._a.jpg", "her\\.b.jpg")) == ["..\\her\\a.jpg"]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Zo\u00eb und \u5c0f\u660e.jpg".encode(), "Zo\u00eb und \u5c0f\u660e.jpg"),
        ("\u00e4.jpg".encode("cp437"), "\u00e4.jpg"),
    ],
)
def test_a_name_in_utf_8_is_read_though_nothing_says_that_it_is(written: bytes, name: str) -> None:
    stand_in = "x" * len(written)
    assert names_in(a_zip(stand_in).replace(stand_in.encode(), written)) == [name]


@pytest.mark.parametrize("name", ["a.jfif", "a.jpe", "a", "a.JPG.download", "a.txt"])
def test_an_image_is_told_by_its_content_whatever_it_is_called(name: str) -> None:
    assert names_in(a_zip(name)) == [name]


@pytest.mark.parametrize(
    "content",
    [b"a woman in a bar", b"BMX, a woman on a ramp", b"", b"\0\0\0\1Bud1", b'{"file_name": "a.jpg"}'],
)
def test_what_is_no_image_is_passed_over(content: bytes) -> None:
    assert names_in(a_zip("a", "a.txt", "metadata.json", "Thumbs.db", content=content)) == []


@pytest.mark.parametrize("content", [b"", b"\0" * 99, b"/home/sarah/a.jpg"], ids=["empty", "zeros", "a link"])
def test_what_is_called_a_picture_is_refused_by_name_and_not_passed_over(content: bytes) -> None:
    names = ["a.JPG", "b.cr3", "c.jxl", "d.tga", "e.svg", "f.EXR", "g.x3f"]
    assert names_in(a_zip(*names, content=content)) == names


@pytest.mark.parametrize(
    "content", [a_zip("a.jpg"), b"Rar!\x1a\7\1\0", b"7z\xbc\xaf\x27\x1c\0\4", b"\x1f\x8b\x08\0"]
)
def test_an_archive_in_an_archive_is_not_passed_over(content: bytes) -> None:
    refused = refusal(a_zip("her.zip", content=content))
    assert (refused.code, refused.message[:7]) == ("invalid_archive", "her.zip")


def test_a_format_that_cannot_be_read_is_not_passed_over() -> None:
    assert names_in(a_zip("a.heic", content=b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")) == ["a.heic"]


@pytest.mark.parametrize(
    "content", [b"", b"no zip", a_zip("a.jpg")[:-30]], ids=["nothing", "no zip", "cut short"]
)
def test_what_is_no_zip_is_refused(content: bytes) -> None:
    assert refusal(content).code == "invalid_archive"


def test_a_damaged_entry_is_refused_by_name() -> None:
    archive = bytearray(a_zip("a.jpg", content=JPEG * 3))
    for place in range(60, 120):
        archive[place] ^= 0x5A
    refused = refusal(bytes(archive))
    assert (refused.code, refused.message) == ("invalid_archive", "a.jpg is damaged.")


def test_an_encrypted_entry_is_refused_by_name() -> None:
    archive = bytearray(a_zip("a.jpg", "b.jpg"))
    archive[archive.rindex(b"PK\1\2") + 8] |= 1
    assert refusal(bytes(archive)).message == "b.jpg is encrypted."


def test_a_name_is_told_on_one_line_of_no_great_length() -> None:
    archive = bytearray(a_zip("a\nb" + "x" * 60_000))
    archive[archive.rindex(b"PK\1\2") + 8] |= 1
    message = refusal(bytes(archive)).message
    assert message.startswith("a\ufffdbxxx")
    assert message.endswith("x… is encrypted.")
    assert len(message) < 2 * LONGEST_NAME


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused_before_they_are_unpacked(compression: int) -> None:
    refused = refusal(a_zip("a.jpg", content=b"\0" * 10_000, compression=compression))
    assert (refused.code, refused.message) == ("invalid_archive", "a.jpg is neither stored nor deflated.")


@pytest.mark.parametrize("cap", ["MAX_BYTES", "MAX_ARCHIVE_BYTES"])
def test_an_archive_that_unpacks_to_much_is_refused(monkeypatch: pytest.MonkeyPatch, cap: str) -> None:
    monkeypatch.setattr(archives, cap, len(JPEG) + len(JPEG) // 2)
    content = JPEG * 2 if cap == "MAX_BYTES" else JPEG
    assert refusal(a_zip("a.jpg", "b.jpg", content=content)).code == "file_too_large"


def test_sizes_are_measured_and_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive may claim that its bomb is a byte long."""
    monkeypatch.setattr(archives, "MAX_BYTES", 100_000)
    honest = a_zip("a.jpg", content=b"\0" * 10_000_000)
    size = struct.pack("<I", 10_000_000)
    assert refusal(honest.replace(size, struct.pack("<I", 1))).code in {"file_too_large", "invalid_archive"}


def test_too_many_entries_are_refused() -> None:
    names = (f"{number}.jpg" for number in range(archives.MAX_ENTRIES + 1))
    assert refusal(a_zip(*names, content=b"")).code == "file_too_large"


def test_a_directory_of_very_many_entries_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zipfile.ZipFile", lambda *_: pytest.fail("it was read"))
    directory = archives.SIGNATURE + bytes(42)
    assert refusal(directory * (archives.MAX_SIGNATURES + 1)).code == "file_too_large"


def test_a_directory_of_very_many_bytes_is_not_read() -> None:
    """Its fields of four bytes each would keep a function until it is killed."""
    entries = a_zip("a_mask.jpg")
    start = entries.index(archives.SIGNATURE)
    entry, end = bytearray(entries[start:-22]), bytearray(entries[-22:])
    fields = bytes(65_532)
    entry[30:32] = struct.pack("<H", len(fields))
    for number in (15, 17):
        directory = (bytes(entry) + fields) * number
        end[8:16] = struct.pack("<HHI", number, number, len(directory))
        archive = entries[:start] + directory + bytes(end)
        if number == 15:
            assert names_in(archive) == []
        else:
            assert refusal(archive).code == "file_too_large"


def test_a_hostile_archive_is_refused_or_read_within_the_caps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_BYTES", 1_000_000)
    monkeypatch.setattr(archives, "MAX_ARCHIVE_BYTES", 2_000_000)
    for entry in CORPUS.entries():
        tracemalloc.start()
        try:
            assert sum(len(image.content) for image in images_in(entry.given)) <= 2_000_000
        except InvalidRequest as refused:
            assert refused.code in {"invalid_archive", "file_too_large"}
        finally:
            peak_bytes = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak_bytes < 8_000_000, entry.name
