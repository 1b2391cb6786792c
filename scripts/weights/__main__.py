"""``python -m scripts.weights <encoder>``: makes what embeds pictures or faces, in .build/weights."""

import argparse
import sys
from pathlib import Path

from scripts.weights.build import build
from scripts.weights.checkpoint import BadCheckpoint
from scripts.weights.encoders import ENCODERS
from scripts.weights.sources import WeightsUnavailable

BUILD_FOLDER = Path(__file__).resolve().parents[2] / ".build"


def main(arguments: list[str] | None = None, build_folder: Path = BUILD_FOLDER) -> None:
    """Make the encoder's folder; exit with 1 and one sentence when its weights cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m scripts.weights")
    parser.add_argument("encoder", choices=sorted(ENCODERS))
    encoder = ENCODERS[parser.parse_args(arguments).encoder]
    try:
        build(encoder, build_folder)
    except (WeightsUnavailable, BadCheckpoint) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
