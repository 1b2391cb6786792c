"""``python -m scripts.decoys ENCODER PICTURE...``: embeds pictures of anything, for the floor of scores.

Writes ``functions/score_image/decoys/<name>.json`` for the encoder in the folder ENCODER: numbers only, each
picture's embedding as little-endian float16 in base64, by the picture's name. For a face encoder the pictures
are portraits of strangers, and only the mean of their faces is written, by which nobody can be recognised.
docs/scoring.md says which pictures were taken. After a change of weights or preprocessing the file is made
again: it counts for its own version only.
"""

import argparse
import json
from base64 import b64encode
from pathlib import Path

import numpy as np
import numpy.typing as npt

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.similarity import Embedding
from character_identity.domain.view import EncoderVersion
from functions.score_image.encoder import DECOYS, MB_PER_VCPU, OnnxEncoder
from functions.score_image.faces import FaceEncoder


class CannotEmbed(Exception):
    """Which picture, and why."""


def main(arguments: list[str] | None = None, folder: Path = DECOYS) -> None:
    """Embed the pictures and write the file; a picture that cannot be embedded ends it."""
    parser = argparse.ArgumentParser(prog="python -m scripts.decoys")
    parser.add_argument("encoder", type=Path, metavar="ENCODER")
    parser.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    options = parser.parse_args(arguments)
    embed = _faces if options.encoder.name.startswith("face-") else _pictures
    try:
        version, vectors = embed(options.encoder, options.pictures)
    except CannotEmbed as problem:
        parser.error(str(problem))
    decoys = {name: b64encode(vector.astype("<f2").tobytes()).decode() for name, vector in vectors.items()}
    name, weights, preprocessing = version
    described = {"encoder": name, "weightsSha256": weights, "preprocessing": preprocessing, "decoys": decoys}
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(described, indent=1) + "\n")


Vectors = dict[str, npt.NDArray[np.float32]]


def _pictures(folder: Path, pictures: list[Path]) -> tuple[EncoderVersion, Vectors]:
    encoder = OnnxEncoder(folder, MB_PER_VCPU)
    vectors = {}
    views = encoder.embed([picture.read_bytes() for picture in pictures])
    for picture, view in zip(pictures, views, strict=True):
        if isinstance(view, InvalidRequest):
            raise CannotEmbed(f"{picture}: {view.message}")
        vectors[picture.stem] = _array(view.embedding)
    return encoder.version, vectors


def _faces(folder: Path, pictures: list[Path]) -> tuple[EncoderVersion, Vectors]:
    encoder = FaceEncoder(folder, MB_PER_VCPU)
    faces = []
    for picture in pictures:
        try:
            found = encoder.faces(picture.read_bytes())
        except InvalidRequest as error:
            raise CannotEmbed(f"{picture}: {error.message}") from error
        if not found:
            raise CannotEmbed(f"{picture}: no face was found in it")
        faces.append(_array(found[0].embedding))
    return encoder.version, {f"mean of {len(faces)}": np.mean(faces, axis=0)}


def _array(embedding: Embedding) -> npt.NDArray[np.float32]:
    return np.asarray(embedding, np.float32)


if __name__ == "__main__":
    main()
