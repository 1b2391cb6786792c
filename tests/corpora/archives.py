"""Archives that somebody made to do harm, or badly, as what a training gets instead of pictures."""

import struct
import warnings
import zipfile
from collections.abc import Iterator
from functools import cache
from io import BytesIO

from tests.corpora.corpus import ACCEPTED, Corpus, Entry, Try
from tests.corpora.system import System
from tests.support.builders import an_image
from tests.support.fakes import FakeMedia

DAMAGED, TOO_LARGE = "invalid_archive", "file_too_large"
LINK = "https://files.test/pictures.zip"
JPEG = an_image(256, 256)
BOMB_BYTES = 21 * 1024 * 1024
"""More than a picture may have."""
LOCAL, DIRECTORY, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
NAMES = (
    *(
        "../a.jpg",
        "/etc/passwd",
        "C:\\a.jpg",
        "\\\\host\\share\\a.jpg",
        "a/../../b.jpg",
        "\u202egpj.a",
        "CON",
    ),
    *("a" * 60_000, " ", "a\nb.jpg", "-rf.jpg", "$(id).jpg", "<img src=x>.jpg", "a\0b.jpg", "~/.ssh/id", "."),
)
PASSED_OVER = ("__MACOSX/._a.jpg", ".DS_Store", "a_mask.jpg", "._b.jpg")
OTHER_CONTENT = (b"", b"a woman in a bar", b"\0\0\0\1Bud1", b'{"file_name": "a.jpg"}', b"#!/bin/sh\nid\n")


def entries() -> Iterator[Entry]:
    whole = a_zip("a.jpg", "b.jpg")
    yield Entry("two pictures", "as it should be", whole)
    yield Entry("stored", "as it should be", a_zip("a.jpg", "b.jpg", compression=zipfile.ZIP_STORED))
    for number, name in enumerate(NAMES):
        yield Entry(f"name {number}", "names", a_zip(name, "b.jpg"))
    for name in PASSED_OVER:
        yield Entry(f"beside {name}", "names", a_zip("a.jpg", name, "b.jpg"))
    yield Entry("twice the same name", "names", a_zip("a.jpg", "a.jpg"))
    for number, content in enumerate(OTHER_CONTENT):
        yield Entry(f"other content {number}", "content", a_zip_of({"a.jpg": JPEG, "b.txt": content}))
    yield Entry("nested", "content", a_zip_of({"a.jpg": JPEG, "b.zip": whole}), DAMAGED)
    yield Entry("nested ten deep", "content", nested(10), DAMAGED)
    yield Entry("nested, without a name for it", "content", a_zip_of({"a.jpg": JPEG, "b": whole}), DAMAGED)
    yield from _bombs()
    for compression in (1, 2, 6, 9, 10, 12, 14, 93, 95, 97, 99, 65535):
        given = bent(DIRECTORY, "<H", compression, 10)
        yield Entry(f"method {compression}", "compression", given, DAMAGED)
    yield Entry("deflated, and said to be stored", "compression", bent(DIRECTORY, "<H", 0, 10), DAMAGED)
    for flag in (1, 0x41):
        yield Entry(f"flags {flag}", "encrypted", bent(DIRECTORY, "<H", flag, 8), DAMAGED)
    yield Entry("a masked header", "encrypted", bent(DIRECTORY, "<H", 0x2000, 8))
    yield from _with_other_fields()
    for part in range(1, 20):
        yield Entry(f"{part} of 20 parts", "cut short", whole[: len(whole) * part // 20], DAMAGED)
    for name, content in (
        ("nothing", b""),
        ("a picture", JPEG),
        ("a page", b"<!doctype html><title>404</title>"),
        ("RAR", b"Rar!\x1a\7\1\0" + bytes(100)),
        ("7z", b"7z\xbc\xaf\x27\x1c" + bytes(100)),
        ("gzip", b"\x1f\x8b\x08\0" + bytes(100)),
        ("tar", b"a.jpg" + bytes(507)),
        ("an end only", END + b"\xff" * 18),
        ("the end of a larger one", b"PK\6\6" + bytes(52) + b"PK\6\7" + bytes(16)),
    ):
        yield Entry(name, "no ZIP", content, DAMAGED)
    for size in (1, 22, 1000):
        yield Entry(f"{size} bytes in front", "more around", bytes(size) + whole)
        yield Entry(f"{size} bytes behind", "more around", whole + bytes(size))
    yield Entry("70,000 bytes behind", "more around", whole + bytes(70_000), DAMAGED)
    yield Entry("a picture in front", "more around", JPEG + whole)


@cache
def _bombs() -> list[Entry]:
    """Made once, for to pack them takes a second."""
    bomb = {"a.jpg": JPEG + bytes(BOMB_BYTES)}
    kinds = (
        ("deflated", zipfile.ZIP_DEFLATED, TOO_LARGE),
        ("stored", zipfile.ZIP_STORED, TOO_LARGE),
        ("bzip2", zipfile.ZIP_BZIP2, DAMAGED),
        ("LZMA", zipfile.ZIP_LZMA, DAMAGED),
    )
    much = a_zip_of({f"{number:02}.txt": bytes(19 * 1024 * 1024) for number in range(2)})
    many = a_zip_of({f"{number}.txt": b"" for number in range(201)})
    return [
        *(Entry(f"{name} to 21 MB", "bomb", a_zip_of(bomb, kind), code) for name, kind, code in kinds),
        Entry("says that it is a byte", "bomb", saying_size(a_zip_of(bomb), 1), DAMAGED),
        Entry("one entry named eleven times", "bomb", repeated(much, 11), DAMAGED),
        Entry("201 entries", "bomb", many, TOO_LARGE),
        Entry("10,001 entries in the directory", "bomb", (DIRECTORY + bytes(42)) * 10_001, TOO_LARGE),
    ]


def _with_other_fields() -> Iterator[Entry]:
    for size, expected in (
        (0, DAMAGED),
        (1, DAMAGED),
        (100, DAMAGED),
        (2**31, ACCEPTED),
        (2**32 - 1, ACCEPTED),
    ):
        yield Entry(
            f"packed to {size}, says the directory", "sizes", bent(DIRECTORY, "<I", size, 20), DAMAGED
        )
        yield Entry(f"{size} bytes, says the directory", "sizes", bent(DIRECTORY, "<I", size, 24), expected)
        yield Entry(f"packed to {size}, says the entry", "sizes", bent(LOCAL, "<I", size, 18))
        yield Entry(f"{size} bytes, says the entry", "sizes", bent(LOCAL, "<I", size, 22))
    yield Entry("another checksum", "sizes", bent(DIRECTORY, "<I", 7, 16), DAMAGED)
    yield Entry("no directory", "places", bent(END, "<I", 0, 12))
    for offset in (1, 30, 10**6, 2**32 - 1):
        yield Entry(f"an entry at {offset}", "places", bent(DIRECTORY, "<I", offset, 42), DAMAGED)
        yield Entry(f"the directory at {offset}", "places", bent(END, "<I", offset, 16), DAMAGED)
        yield Entry(f"a directory of {offset}", "places", bent(END, "<I", offset, 12), DAMAGED)
    for number in (1, 3, 30_000):
        yield Entry(f"{number} entries, says the end", "lengths", bent(END, "<H", number, 10))
        expected = ACCEPTED if number > len("b.jpg") else DAMAGED
        yield Entry(f"a name of {number}", "lengths", bent(DIRECTORY, "<H", number, 28), expected)
        yield Entry(f"more of {number}", "lengths", bent(DIRECTORY, "<H", number, 30))
        yield Entry(f"a comment of {number}", "lengths", bent(END, "<H", number, 20))


def a_zip(*names: str, content: bytes = JPEG, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP with the same content under each name, which may stand twice."""
    out = BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", compression) as file:
        warnings.simplefilter("ignore")
        for name in names:
            file.writestr(name, content)
    return out.getvalue()


def a_zip_of(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", compression, compresslevel=1) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return out.getvalue()


def nested(depth: int) -> bytes:
    inner = a_zip("a.jpg", "b.jpg")
    for _ in range(depth):
        inner = a_zip_of({"a.jpg": JPEG, "b.zip": inner})
    return inner


def bent(record: bytes, form: str, value: int, at: int) -> bytes:
    """An archive of two pictures with a field of its last record of a kind changed."""
    archive = bytearray(a_zip("a.jpg", "b.jpg"))
    struct.pack_into(form, archive, archive.rindex(record) + at, value)
    return bytes(archive)


def saying_size(archive: bytes, size: int) -> bytes:
    """An archive whose directory says another size of its last entry."""
    changed = bytearray(archive)
    struct.pack_into("<I", changed, changed.rindex(DIRECTORY) + 24, size)
    return bytes(changed)


def repeated(archive: bytes, times: int) -> bytes:
    """An archive whose directory names its last entry many times: all of them overlap."""
    first, end = archive.rindex(DIRECTORY), archive.rindex(END)
    entry, tail = archive[first:end], bytearray(archive[end:])
    struct.pack_into("<HHII", tail, 8, times, times, len(entry) * times, first)
    return archive[:first] + entry * times + bytes(tail)


def door(system: System) -> Try:
    media = FakeMedia()
    system.services.safe_http = media  # type: ignore[assignment]
    link = {"images_data_url": LINK}

    def train(content: bytes) -> str:
        """Two pictures are too few for a training: what gets so far was read."""
        media.files[LINK] = content
        answer = system.api("proxy_fal_lora_train", "POST", "/api/fal-lora-training-proxy", link)
        assert answer.status == 400, answer.body
        code = str(answer.body["code"])
        return ACCEPTED if code == "too_few_references" else code

    return train


CORPUS = Corpus("Archives", 100, entries, door)
