"""Our scorer in one process.

``once WEIGHTS REFERENCE GENERATED`` prints a similarity, as the specification's script does; ``serve WEIGHTS
MEMORY_MB`` answers each line, a JSON list of paths, with the seconds it took and the unit vectors; ``export
WEIGHTS MODEL`` writes a folder of weights from the one that transformers saved.
"""

import json
import sys
import time
from pathlib import Path

from character_identity.domain.similarity import cosine
from character_identity.domain.view import View
from functions.score_image.encoder import MB_PER_VCPU, OnnxEncoder
from functions.score_image.preprocessing import Preprocessing


def once(encoder: OnnxEncoder, paths: list[str]) -> None:
    reference, generated = encoder.embed([Path(path).read_bytes() for path in paths])
    assert isinstance(reference, View) and isinstance(generated, View)
    print(f"Similarity: {cosine(reference.embedding, generated.embedding):.4f}")


def serve(encoder: OnnxEncoder) -> None:
    for line in sys.stdin:
        began = time.perf_counter()
        found = encoder.embed([Path(path).read_bytes() for path in json.loads(line)])
        took = time.perf_counter() - began
        vectors = [list(view.embedding) for view in found if isinstance(view, View)]
        print(json.dumps({"seconds": took, "vectors": vectors}), flush=True)


def export(folder: Path, model: Path) -> None:
    described = {
        "encoder": "clip-vit-b32-random",
        "weightsSha256": "0" * 64,
        "preprocessing": Preprocessing(224, 224).name,
        "resizeTo": 224,
        "inputSize": 224,
    }
    from scripts.weights import clip  # what scores needs none of this
    from scripts.weights.checkpoint import read_checkpoint

    clip.export(read_checkpoint(model / "checkpoint.bin"), folder)
    (folder / "encoder.json").write_text(json.dumps(described))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["once", weights, *pictures]:
            once(OnnxEncoder(Path(weights), 2 * MB_PER_VCPU), pictures)
        case ["serve", weights, memory_mb]:
            serve(OnnxEncoder(Path(weights), int(memory_mb)))
        case ["export", weights, model]:
            export(Path(weights), Path(model))
