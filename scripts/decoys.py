"""``python -m scripts.decoys ENCODER PICTURE...``: embeds pictures of anything, for the floor of scores.

Writes ``functions/score_image/decoys/<name>.json`` for the encoder in the folder ENCODER: numbers only, each
picture's embedding as little-endian float16 in base64, by the picture's name. docs/scoring.md says which
pictures were taken. After a change of weights or preprocessing the file is made again: it counts for its own
version only.
"""

import argparse
import json
from base64 import b64encode
from pathlib import Path

import numpy as np

from character_identity.domain.errors import InvalidRequest
from functions.score_image.encoder import DECOYS, MB_PER_VCPU, OnnxEncoder


def main(arguments: list[str] | None = None, folder: Path = DECOYS) -> None:
    """Embed the pictures and write the file; a picture that cannot be embedded ends it."""
    parser = argparse.ArgumentParser(prog="python -m scripts.decoys")
    parser.add_argument("encoder", type=Path, metavar="ENCODER")
    parser.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    options = parser.parse_args(arguments)
    encoder = OnnxEncoder(options.encoder, MB_PER_VCPU)
    views = encoder.embed([picture.read_bytes() for picture in options.pictures])
    decoys = {}
    for picture, view in zip(options.pictures, views, strict=True):
        if isinstance(view, InvalidRequest):
            parser.error(f"{picture}: {view.message}")
        decoys[picture.stem] = b64encode(np.asarray(view.embedding, "<f2").tobytes()).decode()
    name, weights, preprocessing = encoder.version
    described = {"encoder": name, "weightsSha256": weights, "preprocessing": preprocessing, "decoys": decoys}
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(described, indent=1) + "\n")


if __name__ == "__main__":
    main()
