"""POST /v1/scores: how like references pictures are; nothing is stored.

In the image of score_image, but a function of its own: whoever waits for the answer does not stand in line
behind the pictures that are scored, nor these behind them.
"""

from character_identity.api.presenters import present_comparison
from character_identity.api.routes.scores import COMPARE_IMAGES
from character_identity.api.schemas import CompareImagesRequest, StoredImageSource
from character_identity.config import SandboxSettings
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond
from character_identity.services.comparison import ComparisonService, Picture, StoredImage
from character_identity.services.embedded_references import EmbeddedReferences
from character_identity.services.encoders import Encoders
from functions.score_image.encoder import shipped_encoder
from functions.score_image.faces import shipped_face_encoder


@endpoint(COMPARE_IMAGES)
def compare_images(services: Services, request: Request[CompareImagesRequest]) -> Response:
    memory_mb = SandboxSettings.from_env(services.env).aws_lambda_function_memory_size
    encoders = Encoders(shipped_encoder(memory_mb), shipped_face_encoder(memory_mb))
    comparison = ComparisonService(
        identities=services.identity_table,
        generations=services.generation_table,
        bucket=services.bucket,
        sources=services.sources,
        references=EmbeddedReferences(services.bucket, services.scores, encoders),
        encoders=encoders,
    )
    owner, body = request.owner, request.body
    images = [_picture(each) for each in body.images]
    if body.character_id is not None:
        found = comparison.with_identity(owner, images, body.character_id)
    else:
        references = [_picture(each) for each in body.references or ()]
        found = comparison.with_references(owner, images, references, body.class_name)
    return respond(request, present_comparison(encoders.version, found))


def _picture(source: str | StoredImageSource) -> Picture:
    return source if isinstance(source, str) else StoredImage(source.generation_id, source.image_number)


lambda_handler = http_handler(compare_images)
