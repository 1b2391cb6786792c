"""Looks at pictures without keeping anything: how alike they are, and how many faces each shows."""

from base64 import b64decode
from typing import Any

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.similarity import cosine
from functions.analyze_images.faces import FaceDetector
from functions.score_image.encoder import OnnxEncoder


def analyze(images: list[str], encoder: OnnxEncoder, faces: FaceDetector) -> dict[str, Any]:
    """Compare each of some small JPEGs in base64 with each, and count their faces.

    Raises:
        InvalidRequest: a picture cannot be embedded.
    """
    jpegs = [b64decode(image) for image in images]
    embeddings = []
    for view in encoder.embed(jpegs):
        if isinstance(view, InvalidRequest):
            raise view
        embeddings.append(view.embedding)
    return {
        "analyses": [{"faces": faces.count(jpeg)} for jpeg in jpegs],
        "similarities": [[cosine(one, other) for other in embeddings] for one in embeddings],
        "encoder": encoder.version.encoder,
    }
