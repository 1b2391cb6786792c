"""Archives that are right are read whole; damaged ones are read or refused, by name where there is one."""

import struct
import zipfile
from io import BytesIO
from random import Random
from typing import NamedTuple

import boto3
import pytest

from character_identity import wiring
from character_identity.compat.archives import images_in
from character_identity.domain.errors import InvalidRequest
from character_identity.services.references import LONGEST_NAME, ReferenceService
from tests.functions.conftest import api as api  # the same AWS
from tests.images.files import iso_file, mpo
from tests.neighbours.tally import Tally
from tests.support.builders import an_image, different_images
from tests.support.erasure_fakes import intakes
from tests.support.fakes import FakeAnalyzer, FakeBucket, FakeMedia
from tests.support.handlers import Api

WHOLE = 2_000
IMAGES = [
    *different_images(6),
    an_image(image_format="PNG"),
    an_image(image_format="WEBP"),
    mpo(),
    iso_file(b"heic"),
    an_image(image_format="GIF"),
]
OTHERS = [b"", b"a woman in a bar", b'{"file": "a.jpg"}', b"\0\0\0\1Bud1", b"PK\5\6" + bytes(18)]
NAMES = [
    "a.jpg",
    "b.JPG",
    "c.jfif",
    "d",
    "folder/e.png",
    "../../../../etc/passwd",
    "/etc/passwd",
    "..\\..\\boot.ini",
    "C:\\her.jpg",
    "\u202egpj.exe",
    "李雷.jpg",
    "Zoe\u0308.jpg",
    "a\nb.jpg",
    "x" * 30_000 + ".jpg",
    " ",
    "con",
]
INNER = "inner.zip"
PASSED_OVER = ["__MACOSX/._a.jpg", "._a.jpg", ".DS_Store", "a_mask.jpg", "folder/"]
CODES = {"invalid_archive", "file_too_large"}
HEADER, DIRECTORY = b"PK\3\4", b"PK\1\2"


class Entry(NamedTuple):
    name: str
    content: bytes
    compression: int


def a_zip(entries: list[Entry], before: bytes = b"", comment: bytes = b"") -> bytes:
    out = BytesIO()
    out.write(before)
    with zipfile.ZipFile(out, "w") as file:
        file.comment = comment
        for name, content, compression in entries:
            file.writestr(name, content, compression)
    return out.getvalue()


def is_called_a_picture(name: str) -> bool:
    return name.lower().endswith((".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".heic"))


def some_entries(chance: Random) -> list[Entry]:
    """Images and what else lies in archives, each under a name of its own."""
    names = chance.sample([*NAMES, *PASSED_OVER], chance.randrange(1, 8))
    compressions = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]
    entries = [
        Entry(name, chance.choice(chance.choice([IMAGES, IMAGES, OTHERS])), chance.choice(compressions))
        for name in names
    ]
    if chance.random() < 0.1:
        entries.append(Entry(INNER, a_zip(entries), zipfile.ZIP_STORED))
    return entries


def damaged(chance: Random, entries: list[Entry]) -> tuple[str, bytes]:
    """An archive with something wrong about it; first says what."""
    whole = a_zip(entries)
    whats = ["bytes", "headers", "cut", "encrypted", "sizes", "compression", "method", "twice", "joined"]
    what = "bomb" if chance.random() < 0.01 else chance.choice(whats)
    content = bytearray(whole)
    with zipfile.ZipFile(BytesIO(whole)) as file:
        behind = range(file.start_dir, len(whole))
        headers = [entry.header_offset for entry in file.infolist()]
    place = chance.choice([*headers, *(start for start in behind if whole.startswith(DIRECTORY, start))])
    is_header = whole.startswith(HEADER, place)
    match what:
        case "bytes":
            for _ in range(chance.randrange(1, 30)):
                content[chance.randrange(len(content))] = chance.randrange(256)
        case "headers":
            for _ in range(chance.randrange(1, 4)):
                content[(place + chance.randrange(46)) % len(content)] = chance.randrange(256)
        case "cut":
            del content[chance.randrange(len(content)) :]
        case "encrypted":
            flags = (place + 6) if is_header else (place + 8)
            content[flags] |= chance.choice([1, 0x41])
        case "sizes":
            sizes = (place + 18) if is_header else (place + 20)
            size = chance.choice([0, 1, 2**31, 2**32 - 1, chance.randrange(2**20)])
            offset = sizes + chance.choice([0, 4])
            content[offset : offset + 4] = struct.pack("<I", size)
        case "compression":
            packed = chance.choice([zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
            content = bytearray(a_zip([*entries, Entry("packed.jpg", chance.choice(IMAGES), packed)]))
        case "method":
            content[place + (8 if is_header else 10)] = chance.choice([1, 6, 9, 12, 14, 93, 95, 99, 250])
        case "twice":
            with pytest.warns(UserWarning, match="Duplicate name"):
                content = bytearray(a_zip([*entries, entries[0]]))
        case "joined":
            content += chance.choice([whole, chance.randbytes(70_000)])
        case "bomb":
            content = bytearray(a_zip([*entries, Entry("bomb.jpg", bytes(40_000_000), zipfile.ZIP_DEFLATED)]))
    return what, bytes(content)


def test_a_right_archive_is_read_whole(tally: Tally) -> None:
    def example(chance: Random) -> str:
        entries = some_entries(chance)
        before = chance.choice([b"", b"", b"#!/bin/sh\n"])
        archive = a_zip(entries, before, chance.choice([b"", b"from a telephone"]))
        if entries[-1].name == INNER:
            with pytest.raises(InvalidRequest, match=INNER):
                images_in(archive)
            return "another archive in it"
        read = images_in(archive)
        expected = [
            (entry.name, entry.content)
            for entry in sorted(entries)
            if (entry.content in IMAGES or is_called_a_picture(entry.name)) and entry.name not in PASSED_OVER
        ]
        assert [(image.name, image.content) for image in read] == expected
        return "read"

    tally.try_each(WHOLE, example)


def test_a_damaged_archive_is_read_or_refused(tally: Tally) -> None:
    service = ReferenceService(
        bucket=FakeBucket(),
        media=FakeMedia(),
        analyzer=FakeAnalyzer(),
        intakes=intakes(FakeBucket()),
        new_id=lambda: "id",
    )

    def example(chance: Random) -> str:
        entries = some_entries(chance)
        what, content = damaged(chance, entries)
        try:
            images = images_in(content)
        except InvalidRequest as refused:
            assert refused.code in CODES
            assert len(refused.message) < 2 * LONGEST_NAME
            assert what != "encrypted" or "encrypted" in refused.message or INNER in refused.message
            return f"{what}: {refused.code}"
        assert what not in {"bomb", "compression"}
        for finding in service.check("ann", images[:3], None):
            assert finding.file is None or len(finding.file) <= LONGEST_NAME
        return f"{what}: read"

    tally.try_each(WHOLE, example)


def test_the_door_answers_for_any_archive(tally: Tally, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    link = "https://files.test/pictures.zip"
    boto3.client("secretsmanager").create_secret(Name="FAL", SecretString="a key")
    monkeypatch.setenv("FAL_SECRET_NAME", "FAL")
    monkeypatch.setenv("REQUESTS_PER_MINUTE", "1000000")
    media = FakeMedia()
    monkeypatch.setattr(wiring.Services, "safe_http", media)

    def example(chance: Random) -> str:
        _, media.files[link] = damaged(chance, some_entries(chance))
        answer = api(
            "proxy_fal_lora_train", "POST", "/api/fal-lora-training-proxy", {"images_data_url": link}
        )
        assert answer.status < 500, answer.body
        return f"{answer.status} {answer.body.get('code', '')}"

    tally.try_each(WHOLE // 20, example)
